/**
 * Readiness by poll(2): everywhere, at a cost that grows with the sockets.
 *
 * @module
 */

import { interests, pollEvents, type Readiness, type Watched } from "./poller_readiness.ts";
import type { NativeMemory, Runtime } from "./runtime/runtime.ts";
import type { System } from "./syscalls.ts";

/** What one kind of wait looks at. */
class Watch<R> {
  fds = new Uint8Array(0);
  watched: readonly R[] = [];
  /** `fds`, where the kernel reads and writes until the wait returns. */
  #memory: NativeMemory | null = null;
  #room = 0;

  /** Hands `fds` to the kernel; no wait of this kind may be pending. */
  give(runtime: Runtime): bigint {
    if (!this.#memory || this.#room < this.fds.length) {
      this.#memory?.free();
      this.#memory = runtime.allocate(this.fds.length);
      this.#room = this.fds.length;
    }
    this.#memory.write(this.fds);
    return this.#memory.address;
  }

  /** Takes back what the kernel made of `fds`. */
  take(): void {
    this.#memory?.read(this.fds, this.fds.length);
  }

  free(): void {
    this.#memory?.free();
    this.#memory = null;
  }
}

/** poll. */
export class PollReadiness<R extends Watched> implements Readiness<R> {
  readonly closableWhileWaiting = false;
  readonly #layout;
  readonly #watches = { held: new Watch<R>(), free: new Watch<R>() };

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
    const watch = this.#watches[hold ? "held" : "free"];
    watch.fds = fds;
    watch.watched = watched;
    const address = watch.give(this.system.runtime);
    return this.system.library.callBlocking("poll", [address, watched.length + 1, -1], hold);
  }

  collect(
    result: number,
    hold: boolean,
    ready: (registration: R, events: number) => void,
  ): boolean {
    if (result <= 0) return false;
    const watch = this.#watches[hold ? "held" : "free"];
    watch.take();
    // A callback may start the next wait.
    const { fds, watched } = watch;
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

  close(): void {
    this.#watches.held.free();
    this.#watches.free.free();
  }
}
