/**
 * The library's pauses, held: a test sees that it rests instead of making calls all the time, and ends the rest when it
 * likes instead of living through it.
 */

/** The longest pause of the library's own (its timers of other kinds are longer, and those of 0 are none). */
const LONGEST_MS = 64;

/** The timers of a test's part. */
export class Pauses implements Disposable {
  /** How long those would be that were begun, in order. */
  readonly begun: number[] = [];
  readonly #held = new Set<() => void>();
  readonly #real = { setTimeout: globalThis.setTimeout, clearTimeout: globalThis.clearTimeout };

  /** From here on. */
  constructor() {
    const real = this.#real;
    const hold = (call: () => void, ms = 0, ...rest: unknown[]): unknown => {
      if (!(ms > 0 && ms <= LONGEST_MS)) return real.setTimeout(call, ms, ...rest as []);
      this.begun.push(ms);
      this.#held.add(call);
      return call;
    };
    const clear = (timer: unknown) => {
      if (typeof timer === "function") this.#held.delete(timer as () => void);
      else real.clearTimeout(timer as number);
    };
    globalThis.setTimeout = hold as typeof setTimeout;
    globalThis.clearTimeout = clear as typeof clearTimeout;
  }

  /** How many there are now. */
  get count(): number {
    return this.#held.size;
  }

  /** Ends the one that began first. */
  end(): void {
    for (const call of this.#held) {
      this.#held.delete(call);
      return call();
    }
  }

  /** Timers are real again. */
  [Symbol.dispose](): void {
    Object.assign(globalThis, this.#real);
    for (const call of this.#held) this.#real.setTimeout(call, 0);
    this.#held.clear();
  }
}
