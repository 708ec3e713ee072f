/** What a process costs, and whether its event loop is alive. Only `node:` modules are used. */
import fs from "node:fs";
import process from "node:process";
import v8 from "node:v8";
import vm from "node:vm";

/** One value at one time. */
export interface Sample {
  seconds: number;
  value: number;
}

/** The slope of the straight line that fits best (least squares), in values a second; 0 for less than two. */
export function slope(samples: readonly Sample[]): number {
  const count = samples.length;
  if (count < 2) return 0;
  const mean = (of: (sample: Sample) => number) =>
    samples.reduce((sum, sample) => sum + of(sample), 0) / count;
  const x = mean(({ seconds }) => seconds), y = mean(({ value }) => value);
  let above = 0, below = 0;
  for (const { seconds, value } of samples) {
    above += (seconds - x) * (value - y);
    below += (seconds - x) ** 2;
  }
  return below === 0 ? 0 : above / below;
}

/** The value below which so large a part (0-1) of all is. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? 0;
}

/** The value in the middle. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** Buckets of a tenth of a millisecond, up to ten seconds. */
const BUCKETS_A_MS = 10;
const BUCKETS = 100_000;

/** Times in tenths of a millisecond, up to ten seconds. Its memory does not grow with time. */
export class Times {
  readonly #counts = new Uint32Array(BUCKETS);
  /** How many there were. */
  count = 0;
  /** The longest, in milliseconds. */
  longest = 0;

  /** Notes one; what is negative counts as nothing. */
  add(ms: number): void {
    const time = Math.max(0, ms);
    this.longest = Math.max(this.longest, time);
    this.#counts[Math.min(BUCKETS - 1, Math.floor(time * BUCKETS_A_MS))]++;
    this.count++;
  }

  /** So large a part (0-1) was no longer than this, in milliseconds. */
  quantile(part: number): number {
    let left = Math.ceil(part * this.count);
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      left -= this.#counts[bucket];
      if (left <= 0) return (bucket + 1) / BUCKETS_A_MS;
    }
    return Infinity;
  }
}

/**
 * So long this thread was ready to run and the processor was somebody else's, in milliseconds
 * (Documentation/scheduler/sched-stats.rst); 0 where the kernel does not tell.
 */
export function waitedForProcessor(): number {
  try {
    return Number(fs.readFileSync("/proc/thread-self/schedstat", "utf8").split(" ")[1]) / 1e6;
  } catch {
    return 0;
  }
}

/** How late timers are. */
export class TimerLag {
  /** By the clock. */
  readonly byClock = new Times();
  /** Less the time in which the processor was other programs': what this process itself is to blame for. */
  readonly own = new Times();
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(everyMs = 10) {
    let due = performance.now() + everyMs;
    let waited = waitedForProcessor();
    this.#timer = setInterval(() => {
      const late = performance.now() - due;
      const waitedNow = waitedForProcessor();
      this.byClock.add(late);
      this.own.add(late - (waitedNow - waited));
      waited = waitedNow;
      due = performance.now() + everyMs;
    }, everyMs);
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

let collect: (() => void) | undefined;

/** Collects all garbage, at once. */
export function collectGarbage(): void {
  if (collect === undefined) {
    const bun = (globalThis as { Bun?: { gc(force: boolean): void } }).Bun;
    if (bun) collect = () => bun.gc(true);
    else {
      v8.setFlagsFromString("--expose-gc");
      collect = vm.runInNewContext("gc") as () => void;
    }
  }
  collect();
}

/** What is in use when all garbage is collected, in and beside the heap, in KiB. */
export async function usedKiB(): Promise<number> {
  // What a collection finds ends in a turn of its own (FinalizationRegistry), and is garbage itself then.
  for (let time = 0; time < 2; time++) {
    collectGarbage();
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return (heapUsed + external) / 1024;
}

/** Resident memory in KiB. */
export function residentKiB(): number {
  return process.memoryUsage().rss / 1024;
}

/** Takes a sample of the memory every so often. */
export class Memory {
  readonly samples: Sample[] = [];
  readonly #start = performance.now();
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(everyMs: number) {
    this.#timer = setInterval(() => this.sample(), everyMs);
  }

  /** Takes one now. */
  sample(): void {
    const seconds = (performance.now() - this.#start) / 1000;
    this.samples.push({ seconds, value: residentKiB() });
  }

  /** The later half, by time. */
  get laterHalf(): Sample[] {
    return this.samples.slice(this.samples.length >> 1);
  }

  /** How much more it was in the later half than in the earlier one without its first half, in KiB. */
  get growth(): number {
    const values = (from: number, to: number) =>
      this.samples.slice(from * this.samples.length, to * this.samples.length)
        .map(({ value }) => value);
    return median(values(0.75, 1)) - median(values(0.25, 0.5));
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

/** CPU time of this process so far, in seconds. */
export function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/** How many descriptors this process has open. */
export function openDescriptors(): number {
  return fs.readdirSync("/proc/self/fd").length;
}
