/**
 * The interfaces as they are now, and who wants to know of changes: shared by all sockets.
 *
 * @module
 */

import { READ, type Registration } from "../ffi/poller.ts";
import { listRecords, openRouteEvents, type RouteEvents } from "../ffi/route/route.ts";
import { perSystem, type System } from "../ffi/syscalls.ts";
import type { InterfaceChange } from "./change.ts";
import { listInterfaces, type NetworkInterface } from "./list.ts";
import { HostModel } from "./model.ts";
import { type InterfaceNames, interfaceNames } from "./names.ts";

/** Reads of the kernel's news before a join goes on with what is known. */
const READS_AT_ONCE = 1024;

/** Who follows the interfaces. */
export interface Follower {
  /**
   * Something changed.
   *
   * @param gap Whether events were lost: an interface may have been away without any of the changes telling.
   */
  changed(changes: readonly InterfaceChange[], gap: boolean): void;
  /** The OS tells nothing any more, or never did, or a change could not be followed. */
  failed(error: unknown): void;
}

/** An open ear, and what was heard. */
interface Ear {
  readonly events: RouteEvents;
  readonly registration: Registration;
  readonly model: HostModel;
}

/**
 * Follows the interfaces while somebody wants it.
 *
 * It never keeps the process alive, and costs a busy socket nothing: the kernel's
 * news come along with the waits of the sockets.
 */
export class InterfaceFollowing {
  readonly #followers = new Set<Follower>();
  readonly #names: InterfaceNames;
  #ear: Ear | null = null;
  /** The interfaces of the model, until the next change. */
  #known: readonly NetworkInterface[] | null = null;
  #telling = false;

  constructor(readonly system: System) {
    this.#names = interfaceNames(system);
  }

  /**
   * Begins to follow. Where the OS has no events, `failed` is called at once.
   *
   * @returns Ends it; resolves when nothing of it is left open.
   */
  follow(follower: Follower): () => Promise<void> {
    this.#followers.add(follower);
    try {
      this.#ear ??= this.#listen();
    } catch (error) {
      follower.failed(error);
    }
    return async () => {
      this.#followers.delete(follower);
      if (this.#followers.size === 0) await this.#stop();
    };
  }

  #listen(): Ear {
    // First the ear, then the list: what happens in between is heard.
    const events = openRouteEvents(this.system);
    try {
      const registration = events.register(() => this.#onReady(), true);
      const model = new HostModel(listRecords(this.system));
      registration.arm(READ);
      return { events, registration, model };
    } catch (error) {
      events.close();
      throw error;
    }
  }

  async #stop(): Promise<void> {
    const ear = this.#ear;
    this.#ear = this.#known = null;
    await ear?.events.close();
  }

  /** The interfaces as they are at this moment. What happened meanwhile is told to the followers first. */
  now(): readonly NetworkInterface[] {
    // In a flood that never ends, what is known is new enough at some point.
    for (let reads = 0; reads < READS_AT_ONCE; reads++) {
      if (this.#telling || !this.#read()) break;
    }
    if (!this.#ear) return listInterfaces(this.system);
    return this.#known ??= this.#ear.model.interfaces;
  }

  /**
   * One read a turn: each change may lead to many joins, and others want a turn too. Armed
   * again only when all is read: without other waits a quiet one begins late, and a burst
   * is thousands of messages.
   */
  async #onReady(): Promise<void> {
    const ear = this.#ear;
    while (this.#ear === ear && this.#read()) await this.system.runtime.yieldToEventLoop();
    if (this.#ear === ear) ear?.registration.arm(READ);
  }

  /** Reads and tells what has come; returns whether there was something. */
  #read(): boolean {
    const ear = this.#ear;
    if (!ear) return false;
    try {
      const news = ear.events.read();
      if (news === null) return false;
      if (typeof news === "string") {
        this.#tell(ear.model.replace(listRecords(this.system)), news === "overrun");
      } else for (const event of news) this.#tell(ear.model.apply(event), false);
      return true;
    } catch (error) {
      this.#stop();
      for (const follower of [...this.#followers]) follower.failed(error);
      return false;
    }
  }

  #tell(changes: readonly InterfaceChange[], gap: boolean): void {
    if (changes.length === 0 && !gap) return;
    this.#known = null;
    this.#names.forget();
    this.#telling = true;
    for (const follower of [...this.#followers]) {
      try {
        follower.changed(changes, gap);
      } catch (error) {
        // What goes wrong for one must not end it for all.
        follower.failed(error);
      }
    }
    this.#telling = false;
  }
}

/** The system's own. */
export const interfaceFollowing: (system: System) => InterfaceFollowing = perSystem((system) =>
  new InterfaceFollowing(system)
);
