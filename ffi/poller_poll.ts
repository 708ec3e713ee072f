/**
 * Readiness by poll(2): everywhere, at a cost that grows with the sockets.
 *
 * @module
 */

import { interests, pollEvents, type Readiness, type Watched } from "./poller_readiness.ts";
import type { System } from "./syscalls.ts";

/** What one pending wait looks at. */
interface Watch<R> {
  /** The kernel reads and writes here until the wait returns. */
  readonly fds: Uint8Array<ArrayBuffer>;
  readonly watched: R[];
}

/** poll. */
export class PollReadiness<R extends Watched> implements Readiness<R> {
  readonly closableWhileWaiting = false;
  readonly #layout;
  readonly #watches: { held: Watch<R> | null; free: Watch<R> | null } = {
    held: null,
    free: null,
  };

  constructor(
    readonly system: System,
    readonly wakeFd: number,
    readonly registrations: ReadonlyMap<number, R>,
  ) {
    this.#layout = system.platform.layouts.pollfd;
  }

  add(_registration: R): void {}

  change(registration: R): boolean {
    registration.kernelInterest = registration.interest;
    return true;
  }

  remove(_registration: R): void {}

  wait(hold: boolean): Promise<number> {
    const known = [...this.registrations.values()];
    for (const registration of known) {
      registration.kernelInterest = registration.interest;
    }
    const watched = known.filter((r) => r.interest !== 0);
    const { size, at } = this.#layout;
    const fds = new Uint8Array((watched.length + 1) * size);
    const view = new DataView(fds.buffer);
    const put = (i: number, fd: number, events: number) => {
      view.setInt32(i * size + at.fd, fd, true);
      view.setInt16(i * size + at.events, events, true);
    };
    put(0, this.wakeFd, this.system.platform.constants.POLLIN);
    watched.forEach((r, i) => put(i + 1, r.fd, pollEvents(this.system, r.interest)));
    this.#watches[hold ? "held" : "free"] = { fds, watched };
    const address = this.system.runtime.addressOf(fds);
    return this.system.library.callBlocking("poll", [
      address,
      watched.length + 1,
      -1,
    ], hold);
  }

  collect(
    result: number,
    hold: boolean,
    ready: (registration: R, events: number) => void,
  ): boolean {
    const { fds, watched } = this.#watches[hold ? "held" : "free"]!;
    this.#watches[hold ? "held" : "free"] = null;
    if (result <= 0) return false;
    const view = new DataView(fds.buffer);
    const { size, at } = this.#layout;
    watched.forEach((registration, i) => {
      const events = view.getInt16((i + 1) * size + at.revents, true);
      // It may have left meanwhile, and its descriptor's number be somebody else's.
      if (
        events !== 0 &&
        this.registrations.get(registration.token) === registration
      ) {
        ready(registration, interests(this.system, events));
      }
    });
    return view.getInt16(at.revents, true) !== 0;
  }

  close(): void {}
}
