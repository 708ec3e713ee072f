/**
 * Readiness by epoll(7): the cost of a wait does not grow with the sockets.
 *
 * Interests are one-shot (`EPOLLONESHOT`) and change without waking the wait.
 *
 * @module
 */

import { interests, pollEvents, READ, type Readiness, type Watched } from "./poller_readiness.ts";
import type { EpollTables } from "./platform/platform.ts";
import type { NativeMemory } from "./runtime/runtime.ts";
import type { System } from "./syscalls.ts";

/** Sockets told ready by one wait; more come with the next. */
const MAX_EVENTS = 64;
/** The token of the descriptor that wakes the wait. */
const WAKE = 0;

/** epoll. */
export class EpollReadiness<R extends Watched> implements Readiness<R> {
  readonly closableWhileWaiting = true;
  readonly #epoll: number;
  readonly #c: EpollTables["constants"];
  readonly #layout;
  /** The tokens of those that epoll looks at. */
  readonly #looked = new Set<number>();
  readonly #event: Uint8Array<ArrayBuffer>;
  readonly #eventView: DataView;
  /** The kernel writes here while a wait is pending: one for each kind of wait. */
  readonly #results: { held: NativeMemory; free: NativeMemory };
  /** What was read of it. */
  readonly #events: Uint8Array<ArrayBuffer>;
  readonly #eventsView: DataView;

  constructor(
    readonly system: System,
    tables: EpollTables,
    wakeFd: number,
    readonly registrations: ReadonlyMap<number, R>,
  ) {
    const { epoll_event } = tables.layouts;
    this.#c = tables.constants;
    this.#layout = epoll_event;
    this.#event = new Uint8Array(epoll_event.size);
    this.#eventView = new DataView(this.#event.buffer);
    this.#events = new Uint8Array(epoll_event.size * MAX_EVENTS);
    this.#eventsView = new DataView(this.#events.buffer);
    this.#epoll = system.call("epoll_create1", this.#c.EPOLL_CLOEXEC);
    const results = () => system.runtime.allocate(this.#events.length);
    this.#results = { held: results(), free: results() };
    try {
      this.#control(this.#c.EPOLL_CTL_ADD, wakeFd, WAKE, pollEvents(system, READ));
    } catch (error) {
      this.close();
      throw error;
    }
  }

  #control(operation: number, fd: number, token: number, events: number): void {
    this.#eventView.setUint32(this.#layout.at.events, events, true);
    this.#eventView.setUint32(this.#layout.at.data, token, true);
    this.system.call("epoll_ctl", this.#epoll, operation, fd, this.#event);
  }

  add({ fd, token }: R): void {
    const { EPOLL_CTL_ADD, EPOLL_CTL_DEL, EPOLLONESHOT } = this.#c;
    // Tried at once, so that what cannot be waited for is refused when it is opened. It stays only when it is waited
    // for: each datagram sent costs a socket 5 % more while epoll looks at it.
    this.#control(EPOLL_CTL_ADD, fd, token, EPOLLONESHOT);
    this.#control(EPOLL_CTL_DEL, fd, 0, 0);
  }

  change(registration: R): boolean {
    const { fd, token, interest } = registration;
    const { EPOLL_CTL_ADD, EPOLL_CTL_MOD, EPOLLONESHOT } = this.#c;
    const operation = this.#looked.has(token) ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    // EPOLLERR and EPOLLHUP are always reported: one-shot bounds that.
    this.#control(operation, fd, token, pollEvents(this.system, interest) | EPOLLONESHOT);
    this.#looked.add(token);
    registration.kernelInterest = interest;
    return false;
  }

  remove({ fd, token }: R): void {
    if (this.#looked.delete(token)) this.#control(this.#c.EPOLL_CTL_DEL, fd, 0, 0);
  }

  wait(hold: boolean): Promise<number> {
    const { address } = hold ? this.#results.held : this.#results.free;
    return this.system.library.callBlocking(
      "epoll_wait",
      [this.#epoll, address, MAX_EVENTS, -1],
      hold,
    );
  }

  collect(
    result: number,
    hold: boolean,
    ready: (registration: R, events: number) => void,
  ): boolean {
    const view = this.#eventsView;
    const { size, at } = this.#layout;
    if (result > 0) {
      (hold ? this.#results.held : this.#results.free).read(this.#events, result * size);
    }
    let woken = false;
    // Read all first: a callback may lead to the next result.
    const events: [R, number][] = [];
    for (let i = 0; i < result; i++) {
      const token = view.getUint32(i * size + at.data, true);
      const registration = this.registrations.get(token);
      if (token === WAKE) woken = true;
      else if (registration) {
        events.push([
          registration,
          interests(this.system, view.getUint32(i * size + at.events, true)),
        ]);
      }
    }
    for (const [registration, fired] of events) ready(registration, fired);
    return woken;
  }

  close(): void {
    this.system.close(this.#epoll);
    this.#results.held.free();
    this.#results.free.free();
  }
}
