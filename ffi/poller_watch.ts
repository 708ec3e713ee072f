/**
 * Readiness by the runtime's own event loop: no thread, no timer, no call that blocks.
 *
 * A descriptor is left with the loop after it fired: mostly it is waited for
 * again at once, and then nothing has to be told to anybody. Only one that
 * fires while nobody asks is taken out.
 *
 * @module
 */

import { READ, type Readiness, type Watched, WRITE } from "./poller_readiness.ts";
import type { DescriptorWatch, Runtime } from "./runtime/runtime.ts";

/** A descriptor in the loop. */
class Looked<R> {
  readonly watch: DescriptorWatch;
  /** What the loop was asked for. */
  #asked = 0;

  constructor(
    start: NonNullable<Runtime["watch"]>,
    fd: number,
    readonly registration: R,
    onReady: (looked: Looked<R>, events: number) => void,
  ) {
    this.watch = start(fd, (readable, writable) => {
      onReady(this, (readable ? READ : 0) | (writable ? WRITE : 0));
    });
  }

  ask(interest: number): void {
    if (this.#asked === interest) return;
    this.#asked = interest;
    this.watch.wait((interest & READ) !== 0, (interest & WRITE) !== 0);
  }
}

/** The event loop. */
export class WatchReadiness<R extends Watched> implements Readiness<R> {
  readonly closableWhileWaiting = true;
  /** By token. */
  readonly #looked = new Map<number, Looked<R>>();
  readonly #wake: Looked<null>;
  /** What fired since it was last collected. */
  readonly #fired = new Map<R, number>();
  #woken = false;
  /** What ends the pending waits. */
  readonly #waits: { held: (() => void) | null; free: (() => void) | null } = {
    held: null,
    free: null,
  };

  constructor(readonly start: NonNullable<Runtime["watch"]>, wakeFd: number) {
    this.#wake = new Looked(start, wakeFd, null, (wake) => {
      // The signal stays until it is cleared, which is not before the waits were collected.
      wake.ask(0);
      this.#woken = true;
      this.#endWaits();
    });
  }

  add(registration: R): void {
    const { start } = this;
    const looked = new Looked(
      start,
      registration.fd,
      registration,
      (looked, events) => this.#onReady(looked, events),
    );
    this.#looked.set(registration.token, looked);
  }

  #onReady(looked: Looked<R>, events: number): void {
    const { registration } = looked;
    const wanted = events & registration.kernelInterest;
    if (wanted === 0) return looked.ask(registration.kernelInterest);
    this.#fired.set(registration, (this.#fired.get(registration) ?? 0) | wanted);
    // Who only comes along with others' waits may have to wait for one; collecting makes the poller ask again.
    if (!this.#endWaits()) looked.ask(0);
  }

  change(registration: R): boolean {
    registration.kernelInterest = registration.interest;
    this.#looked.get(registration.token)!.ask(registration.interest);
    return false;
  }

  remove(registration: R): void {
    this.#looked.get(registration.token)?.watch.close();
    this.#looked.delete(registration.token);
    this.#fired.delete(registration);
  }

  wait(hold: boolean): Promise<number> {
    return new Promise((resolve) => {
      this.#waits[hold ? "held" : "free"] = () => resolve(0);
      // One of all has to keep the process alive.
      if (hold) this.#wake.watch.hold(true);
      this.#wake.ask(READ);
      if (this.#fired.size > 0) this.#endWaits();
    });
  }

  /** What is collected first takes all there is; the poller starts again what is needed. */
  #endWaits(): boolean {
    const { held, free } = this.#waits;
    this.#waits.held = this.#waits.free = null;
    if (held) this.#wake.watch.hold(false);
    held?.();
    free?.();
    return held !== null || free !== null;
  }

  collect(
    _result: number,
    _hold: boolean,
    ready: (registration: R, events: number) => void,
  ): boolean {
    const woken = this.#woken;
    this.#woken = false;
    const fired = [...this.#fired];
    this.#fired.clear();
    for (const [registration, events] of fired) ready(registration, events);
    return woken;
  }

  close(): void {
    this.#wake.watch.close();
  }
}
