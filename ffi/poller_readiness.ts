/**
 * What the poller needs of an operating system, and what its ways have in common.
 *
 * @module
 */

import type { System } from "./syscalls.ts";

/** Wait until something can be read. */
export const READ = 1;
/** Wait until something can be written. */
export const WRITE = 2;

/** A descriptor that is waited for. */
export interface Watched {
  readonly fd: number;
  /** Never used twice, unlike descriptors. */
  readonly token: number;
  /** What is waited for now: {@linkcode READ}, {@linkcode WRITE}, both or neither. */
  readonly interest: number;
  /** What the kernel was last asked for; it outlives `interest` until it fires. */
  kernelInterest: number;
}

/** How a platform waits for many descriptors at once. */
export interface Readiness<R extends Watched> {
  /** Starts to know a descriptor, with no interest. */
  add(registration: R): void;
  /**
   * Takes over a registration's interest.
   *
   * @returns Whether a pending wait must be restarted to notice it.
   */
  change(registration: R): boolean;
  /** Forgets a descriptor. */
  remove(registration: R): void;
  /** Whether the descriptor may be closed while a wait is pending. */
  readonly closableWhileWaiting: boolean;
  /** Starts a wait on another thread; its result goes to {@linkcode collect}. */
  wait(hold: boolean): Promise<number>;
  /** Calls back for each descriptor that became ready; returns whether it was woken. */
  collect(result: number, hold: boolean, ready: (registration: R, events: number) => void): boolean;
  /** Releases its own descriptors. */
  close(): void;
}

/** Our interests as poll(2) has them; epoll's numbers are the same. */
export function pollEvents(system: System, interest: number): number {
  const { POLLIN, POLLOUT } = system.platform.constants;
  return ((interest & READ) !== 0 ? POLLIN : 0) |
    ((interest & WRITE) !== 0 ? POLLOUT : 0);
}

/** poll(2)'s events as our interests; an error or hang-up concerns whoever waits. */
export function interests(system: System, events: number): number {
  const { POLLIN, POLLOUT } = system.platform.constants;
  if ((events & ~(POLLIN | POLLOUT)) !== 0) return READ | WRITE;
  return ((events & POLLIN) !== 0 ? READ : 0) | ((events & POLLOUT) !== 0 ? WRITE : 0);
}
