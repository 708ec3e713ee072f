/**
 * Watching interfaces come, go and change.
 *
 * @module
 */

import type { RouteEvent } from "../ffi/interface_records.ts";
import { READ, type Registration } from "../ffi/poller.ts";
import { listRecords, openRouteEvents, type RouteEvents } from "../ffi/route/route.ts";
import type { System } from "../ffi/syscalls.ts";
import { system } from "../ffi/system.ts";
import { checkNames, checkSignal, shown } from "./arguments.ts";
import type { InterfaceChange } from "./change.ts";
import type { NetworkInterface } from "./list.ts";
import { HostModel } from "./model.ts";

/** Options of {@linkcode watchInterfaces} and {@linkcode waitForLinkLocal}. */
export interface WatchOptions {
  /** Ends the wait: it rejects with the signal's reason, and nothing is left open. */
  signal?: AbortSignal;
}

const KNOWN: ReadonlySet<string> = new Set<keyof WatchOptions>(["signal"]);

/** Events without a wait in between after which timers and sockets get a turn. */
const EVENTS_A_TURN = 256;

/**
 * The changes of this host's interfaces, from the moment of the call on.
 *
 * The changes follow from the list in `interfaces` without a gap, and that list
 * keeps step with the changes that were read. While nobody reads, the kernel
 * keeps the news; if they become too many for it, the interfaces are listed
 * anew and the difference is what is yielded, so memory stays bounded.
 *
 * Reading keeps the process alive. `break`, `close()`, `await using` and the
 * signal release the operating system's socket.
 *
 * Linux: rtnetlink(7). macOS and BSD: a routing socket, route(4). Windows: NotifyIpInterfaceChange
 * and NotifyUnicastIpAddressChange. Except on Linux the news say only that something changed: what is
 * undone before it was looked at is not seen.
 *
 * @example Whatever happens in a second
 * ```ts
 * import { watchInterfaces } from "@pktinfo/pktinfo";
 *
 * try {
 *   await using changes = watchInterfaces({ signal: AbortSignal.timeout(100) });
 *   console.log(changes.interfaces.map(({ name }) => name)); // ["lo", "eth0"]
 *   for await (const change of changes) {
 *     console.log(change.type, change.interface.name);
 *   }
 * } catch (error) {
 *   console.log((error as Error).name); // TimeoutError
 * }
 * ```
 *
 * @param options `signal` ends it.
 * @returns An iterator over the changes, with the list they start from.
 * @throws {TypeError} If the signal is none.
 * @throws {UnsupportedError} Where the OS has no events, or none that are known here.
 * @throws {SocketError} If the OS refuses.
 */
export function watchInterfaces(options: WatchOptions = {}): InterfaceWatcher {
  const { signal } = checkWatchOptions(options, "watchInterfaces");
  return new InterfaceWatcher(system(), signal);
}

/** Checks the options before any system call. */
export function checkWatchOptions(
  options: WatchOptions,
  whose: string,
): { signal: AbortSignal | null } {
  if (typeof options !== "object" || options === null) {
    throw new TypeError(`options must be an object, got ${shown(options)}`);
  }
  checkNames(options, KNOWN, whose);
  const signal = options.signal === undefined ? null : checkSignal(options.signal);
  signal?.throwIfAborted();
  return { signal };
}

/** The changes of this host's interfaces: see {@linkcode watchInterfaces}. */
export class InterfaceWatcher
  implements AsyncIterableIterator<InterfaceChange, undefined>, AsyncDisposable {
  readonly #system: System;
  readonly #signal: AbortSignal | null;
  readonly #source: RouteEvents;
  readonly #registration: Registration;
  readonly #model: HostModel;
  /** What was read from the kernel and not applied yet: never more than one read. */
  #events: RouteEvent[] = [];
  /** What the last event changed. */
  #changes: InterfaceChange[] = [];
  /** Readers take turns. */
  #last: Promise<unknown> = Promise.resolve();
  #wake: () => void = () => {};
  #withoutWait = 0;
  #closing: Promise<void> | null = null;
  /** The signal was what ended it. */
  #aborted = false;
  readonly #onAbort = () => {
    this.#aborted = true;
    this.close();
  };

  /**
   * Made by {@linkcode watchInterfaces}.
   *
   * @internal
   */
  constructor(system: System, signal: AbortSignal | null) {
    this.#system = system;
    this.#signal = signal;
    // First the ear, then the list: what happens in between is heard.
    this.#source = openRouteEvents(system);
    try {
      this.#registration = this.#source.register(() => this.#wake(), false);
      this.#model = new HostModel(listRecords(system));
    } catch (error) {
      this.#source.close();
      throw error;
    }
    signal?.addEventListener("abort", this.#onAbort, { once: true });
  }

  /** The interfaces as they are after the changes that were read so far; after an overrun, as newly listed. */
  get interfaces(): NetworkInterface[] {
    return this.#model.interfaces;
  }

  /**
   * Waits for the next change.
   *
   * @returns The change, or `done` once it is closed.
   * @throws The signal's reason, or a {@linkcode SocketError} if the OS refuses.
   */
  next(): Promise<IteratorResult<InterfaceChange, undefined>> {
    const mine = this.#last.then(() => this.#next());
    this.#last = mine.catch(() => {});
    return mine;
  }

  async #next(): Promise<IteratorResult<InterfaceChange, undefined>> {
    try {
      for (;;) {
        if (this.#aborted) this.#signal!.throwIfAborted();
        if (this.#closing) return { done: true, value: undefined };
        const change = this.#take();
        if (change) return { done: false, value: change };
        if (change === null) {
          await this.#system.runtime.yieldToEventLoop();
          continue;
        }
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
          this.#registration.arm(READ);
        });
      }
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  /** The next change; `undefined`: it has to be waited for; `null`: it is others' turn first. */
  #take(): InterfaceChange | undefined | null {
    while (this.#changes.length === 0) {
      // A flood must not starve everybody else, nor one that changes nothing.
      if (++this.#withoutWait % EVENTS_A_TURN === 0) return null;
      const event = this.#events.shift();
      if (event) {
        this.#changes = this.#model.apply(event);
        continue;
      }
      const news = this.#source.read();
      if (news === null) {
        this.#withoutWait = 0;
        return undefined;
      }
      // There was much to read, and none of it of interest.
      if (news.length === 0) return null;
      if (typeof news === "string") this.#changes = this.#model.replace(listRecords(this.#system));
      else this.#events = news;
    }
    return this.#changes.shift();
  }

  /** Ends the iteration, for `break`. */
  async return(): Promise<IteratorResult<InterfaceChange, undefined>> {
    await this.close();
    return { done: true, value: undefined };
  }

  /** Ends the iteration and releases the operating system's socket. A second time does nothing. */
  close(): Promise<void> {
    if (!this.#closing) {
      this.#signal?.removeEventListener("abort", this.#onAbort);
      this.#closing = this.#source.close();
      this.#wake();
    }
    return this.#closing;
  }

  /** The watcher is its own iterator. */
  [Symbol.asyncIterator](): this {
    return this;
  }

  /** {@linkcode InterfaceWatcher.close}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
