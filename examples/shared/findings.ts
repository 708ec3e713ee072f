/**
 * What a discovery client knows, and what it has not told yet.
 *
 * Packets are taken as they come, and whoever reads the findings may be slow. So what waits is not a queue of events but
 * the difference between what is known and what was told: it never has more entries than twice the limit.
 */
import type { Found } from "../found.ts";

interface Known {
  found: Found;
  /** When its lifetime is over, by performance.now(). */
  until: number;
}

/** setTimeout takes no more. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Things found, each under a key: what has the same key is the same thing. */
export class Findings {
  readonly #limit: number;
  readonly #known = new Map<string, Known>();
  readonly #news = new Map<string, Found>();
  /** What the reader takes for being there: it may have been gone, come again and gone again since. */
  readonly #believed = new Set<string>();
  #wake: () => void = () => {};
  #timer: ReturnType<typeof setTimeout> | undefined;
  #timerAt = Infinity;
  #ended = false;
  /** What was not taken since the limit was reached. */
  refused = 0;

  /** @param limit How many things are kept; a link with more is a link with somebody who makes them up. */
  constructor(limit = 1024) {
    this.#limit = limit;
  }

  /** How many things are known. */
  get size(): number {
    return this.#known.size;
  }

  /** Whether it is known. */
  has(key: string): boolean {
    return this.#known.has(key);
  }

  /** Something was seen, and is to be believed in for so long from now. */
  seen(key: string, found: Found, lifetimeMs: number): void {
    if (this.#ended) return;
    const until = performance.now() + lifetimeMs;
    const known = this.#known.get(key);
    if (known) known.until = until;
    else if (this.#known.size >= this.#limit) this.refused++;
    else {
      this.#known.set(key, { found, until });
      this.#tell(key, found);
    }
    if (until < this.#timerAt) this.#setTimer(until);
  }

  /** All whose key begins like this are gone. */
  gone(prefix: string): void {
    for (const [key, known] of this.#known) {
      if (key.startsWith(prefix)) this.#forget(key, known);
    }
  }

  #forget(key: string, { found }: Known): void {
    this.#known.delete(key);
    if (this.#believed.has(key)) this.#tell(key, { ...found, gone: true });
    else this.#news.delete(key); // nobody has heard of it
  }

  #tell(key: string, found: Found): void {
    // At the end, also when it is in there.
    this.#news.delete(key);
    this.#news.set(key, found);
    this.#wake();
  }

  #setTimer(at: number): void {
    clearTimeout(this.#timer);
    this.#timerAt = at;
    if (at === Infinity) return;
    const delay = Math.min(Math.max(0, at - performance.now()), MAX_TIMER_MS);
    this.#timer = setTimeout(() => this.#expire(), delay);
  }

  #expire(): void {
    const now = performance.now();
    let next = Infinity;
    for (const [key, known] of this.#known) {
      // Timers may be a little early.
      if (known.until <= now + 1) this.#forget(key, known);
      else next = Math.min(next, known.until);
    }
    this.#setTimer(next);
  }

  /** What is new and what is gone, until `end` is called. */
  async *changes(): AsyncGenerator<Found> {
    while (!this.#ended) {
      const next = this.#news.entries().next();
      if (next.done) {
        await new Promise<void>((resolve) => this.#wake = resolve);
        continue;
      }
      const [key, found] = next.value;
      this.#news.delete(key);
      if (found.gone) this.#believed.delete(key);
      else this.#believed.add(key);
      yield found;
    }
  }

  /** Ends `changes`; nothing keeps the process. */
  end(): void {
    this.#ended = true;
    clearTimeout(this.#timer);
    this.#wake();
  }
}

/** What a client finds, until the signal is aborted or nobody reads any more: then it is closed. */
export async function* foundUntil(
  signal: AbortSignal | undefined,
  open: () => { readonly findings: Findings; close(): Promise<void> },
): AsyncGenerator<Found> {
  if (signal?.aborted) return;
  const client = open();
  const end = () => client.close();
  signal?.addEventListener("abort", end, { once: true });
  try {
    yield* client.findings.changes();
  } finally {
    signal?.removeEventListener("abort", end);
    await client.close();
  }
}
