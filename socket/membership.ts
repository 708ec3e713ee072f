/**
 * A joined group, as its user sees it.
 *
 * @module
 */

import type { InterfaceId } from "../interfaces/names.ts";

/** An interface on which a group could not be joined, and why. */
export interface FailedJoin extends InterfaceId {
  /** What the OS said. */
  readonly error: Error;
}

/** A membership followed a change of the interfaces. */
export class MembershipChangeEvent extends Event {
  /** Where the group was joined, or left and joined again. */
  readonly joined: readonly InterfaceId[];
  /** Where it is joined no longer. */
  readonly left: readonly InterfaceId[];
  /** Where it could not be joined. */
  readonly failed: readonly FailedJoin[];

  /**
   * Made by the membership.
   *
   * @internal
   */
  constructor(change: MembershipChange) {
    super("change");
    this.joined = change.joined;
    this.left = change.left;
    this.failed = change.failed;
  }
}

/** What a {@linkcode MembershipChangeEvent} tells. */
export interface MembershipChange {
  /** Where the group was joined, or left and joined again. */
  readonly joined: InterfaceId[];
  /** Where it is joined no longer. */
  readonly left: InterfaceId[];
  /** Where it could not be joined. */
  readonly failed: FailedJoin[];
}

/** One membership as its socket knows it. */
export interface MembershipState {
  readonly interfaces: Map<number, InterfaceId>;
  readonly failed: Map<number, FailedJoin>;
}

/**
 * A group that a socket has joined, on one interface or on several.
 *
 * Joined without an interface it *follows*: interfaces that come up are joined,
 * one that was gone or without carrier is left and joined again, one that goes is
 * forgotten. A `change` event tells of it. (Where the OS tells nothing of its
 * interfaces it cannot follow, and the socket's `onError` hears why.)
 *
 * @example Joined for the length of a block
 * ```ts
 * import { openUdpSocket } from "@pktinfo/pktinfo";
 *
 * await using socket = openUdpSocket();
 * {
 *   using membership = socket.join("239.1.2.3", { interface: "lo" });
 *   console.log(membership.interfaces.map(({ name }) => name));
 * } // left here
 * ```
 *
 * @example Hearing of interfaces that come and go
 * ```ts
 * import { openUdpSocket } from "@pktinfo/pktinfo";
 *
 * await using socket = openUdpSocket();
 * const membership = socket.join("ff02::fb");
 * membership.addEventListener("change", ({ joined, left, failed }) => {
 *   for (const { name } of joined) console.log(`now on ${name} too`);
 *   for (const { name } of left) console.log(`no longer on ${name}`);
 *   for (const { name, error } of failed) console.log(`not on ${name}: ${error.message}`);
 * });
 * ```
 */
export class Membership extends EventTarget {
  /** The group, without zone. */
  readonly group: string;
  /** The only sender that is accepted, or `null` for any. */
  readonly source: string | null;
  readonly #state: MembershipState;
  readonly #leave: () => void;

  /**
   * Made by `socket.join`.
   *
   * @internal
   */
  constructor(group: string, source: string | null, state: MembershipState, leave: () => void) {
    super();
    this.group = group;
    this.source = source;
    this.#state = state;
    this.#leave = leave;
  }

  /** Where the group is joined now; empty once it was left. */
  get interfaces(): readonly InterfaceId[] {
    return [...this.#state.interfaces.values()];
  }

  /** Where it was to be joined and could not be. */
  get failed(): readonly FailedJoin[] {
    return [...this.#state.failed.values()];
  }

  /** Leaves the group wherever this membership joined it. A second time does nothing. */
  leave(): void {
    this.#leave();
  }

  /** {@linkcode Membership.leave}, for `using`. */
  [Symbol.dispose](): void {
    this.leave();
  }

  /**
   * Listens to `change`.
   *
   * @param type `"change"`.
   * @param listener Called after `interfaces` or `failed` changed by itself.
   * @param options As everywhere.
   */
  override addEventListener(
    type: "change",
    // Not in the DOM's words: who compiles for Node may be without them.
    listener:
      | ((event: MembershipChangeEvent) => void)
      | { handleEvent(event: MembershipChangeEvent): void }
      | null,
    options?: boolean | { capture?: boolean; once?: boolean; signal?: AbortSignal },
  ): void {
    super.addEventListener(type, listener as EventListenerOrEventListenerObject | null, options);
  }

  /**
   * Stops listening.
   *
   * @param type `"change"`.
   * @param listener The one that was added.
   * @param options As everywhere.
   */
  override removeEventListener(
    type: "change",
    listener:
      | ((event: MembershipChangeEvent) => void)
      | { handleEvent(event: MembershipChangeEvent): void }
      | null,
    options?: boolean | { capture?: boolean },
  ): void {
    super.removeEventListener(type, listener as EventListenerOrEventListenerObject | null, options);
  }
}
