/** Datagrams of somebody who means harm, or has a broken program: always the same by a fixed seed. */
import { assert } from "@std/assert";
import process from "node:process";
import { pick, randomWords } from "../address/random.ts";
import { collectGarbage } from "../soak/gauges.ts";

/** Of each sort; fewer where there is little time. */
export const COUNT = process.env.PKTINFO_FULL === "1" ? 100_000 : 1_000;

/** Compiled code and the like; a hundred thousand datagrams would be more. */
const MAX_GROWTH_BYTES = 8 * 1024 * 1024;

/** The bytes in use when all garbage is collected. */
function usedBytes(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed;
}

/** Makes one of a sort from a real one. */
type Sort = (next: () => number, sample: Uint8Array) => Uint8Array;

/** The sorts that any protocol has. */
export const SORTS: Readonly<Record<string, Sort>> = {
  random: (next) => randomBytes(next, next() % 600),
  truncated: (next, sample) => sample.slice(0, next() % sample.length),
  damaged(next, sample) {
    const bytes = sample.slice();
    for (let n = 1 + next() % 8; n > 0; n--) bytes[next() % bytes.length] = next();
    return bytes;
  },
  // A piece of it again and again; every now and then as long as a datagram can be.
  oversized(next, sample) {
    const length = next() % 100 === 0 ? 65_507 : 1500 + next() % 1024;
    const from = next() % sample.length;
    const piece = sample.subarray(from, from + 1 + next() % (sample.length - from));
    const bytes = new Uint8Array(length);
    bytes.set(sample.subarray(0, from));
    for (let at = from; at < length; at += piece.length) {
      bytes.set(piece.subarray(0, length - at), at);
    }
    return bytes;
  },
};

function randomBytes(next: () => number, length: number): Uint8Array {
  const words = new Uint32Array((length + 3) >> 2);
  for (let i = 0; i < words.length; i++) words[i] = next();
  return new Uint8Array(words.buffer, 0, length);
}

/** Hands them to a parser, which must neither throw nor keep them. Returns for how many it said something. */
export function feed(
  sort: string,
  make: Sort,
  samples: readonly Uint8Array[],
  parse: (data: Uint8Array) => unknown,
  count = COUNT,
): number {
  const next = randomWords(0x5eed);
  const before = usedBytes();
  let taken = 0;
  for (let i = 0; i < count; i++) {
    const data = make(next, pick(next, samples));
    try {
      if (parse(data) !== null) taken++;
    } catch (error) {
      const hex = Array.from(data.subarray(0, 64), (byte) => byte.toString(16).padStart(2, "0"));
      throw new Error(`number ${i} of the ${sort} ones, ${data.length} bytes: ${hex.join("")}`, {
        cause: error,
      });
    }
  }
  const grown = usedBytes() - before;
  assert(grown < MAX_GROWTH_BYTES, `the heap has grown by ${grown} bytes`);
  return taken;
}

/** The bytes of a text. */
export function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
