// A small seeded generator: a failing property test has to fail again on the next run.

/** mulberry32: unsigned 32-bit numbers from a seed. */
export function randomWords(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  };
}

/** Picks one of a list. */
export function pick<T>(next: () => number, list: ArrayLike<T>): T {
  return list[next() % list.length];
}

/** An IPv6 word with many zero groups, or random addresses would never hold a "::". */
export function sparseWord(next: () => number): number {
  const mask = [0, 0xffff, 0xffff0000, 0xffffffff, 0x000f000f, 0][next() % 6];
  return (next() & mask) >>> 0;
}

/** Damages a text at one to three places: deletes, doubles, swaps or inserts a character. */
export function mutate(next: () => number, text: string): string {
  const alphabet = "0123456789abcdefABCDEFgxz.:%[]/,@- \t\n\0٣é𝟙";
  for (let rounds = 1 + next() % 3; rounds > 0; rounds--) {
    const at = next() % (text.length + 1);
    const head = text.slice(0, at), tail = text.slice(at);
    switch (next() % 4) {
      case 0:
        text = head + tail.slice(1);
        break;
      case 1:
        text = head + tail.slice(0, 1) + tail;
        break;
      case 2:
        text = head + pick(next, alphabet) + tail;
        break;
      default:
        text = head + pick(next, alphabet) + tail.slice(1);
    }
  }
  return text;
}

/** Runs a function that may refuse its input; anything but a TypeError or RangeError with a message is a bug. */
export function refusalOrResult<T>(run: () => T): { result: T } | { refused: Error } {
  try {
    return { result: run() };
  } catch (error) {
    if ((error instanceof TypeError || error instanceof RangeError) && error.message.length > 20) {
      if (/undefined|Cannot read|is not a function/.test(error.message)) throw error;
      return { refused: error };
    }
    throw error;
  }
}
