/** Datagrams of somebody who means harm, or has a broken program: always the same by a fixed seed. */
import { assert, assertEquals } from "@std/assert";
import process from "node:process";
import { pick, randomWords } from "../address/random.ts";
import { inputs, mutated, type Mutation, MUTATIONS, note } from "../faults/mutate.ts";
import { collectGarbage } from "../soak/gauges.ts";

/** Of each sort; fewer where there is little time. */
export const COUNT = inputs(1_000, 100_000);
/** Of what is damaged in any way: closer to what is right, it costs more. */
const FEWER = inputs(500, 20_000);

/** Compiled code and the like; a hundred thousand datagrams would be more. */
const MAX_GROWTH_BYTES = 8 * 1024 * 1024;

/** The bytes in use when all garbage is collected. */
function usedBytes(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed;
}

/** The sorts that any protocol has. */
export const SORTS: Readonly<Record<string, Mutation>> = {
  random: MUTATIONS.random,
  truncated: MUTATIONS.truncated,
  damaged: MUTATIONS.damaged,
  mutated: (next, sample) => mutated(next, [sample]),
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

/**
 * Hands them to a parser, which must neither throw nor keep them, nor change what all objects have.
 * Returns for how many it said something.
 */
export function feed(
  protocol: string,
  sort: string,
  make: Mutation,
  samples: readonly Uint8Array[],
  parse: (data: Uint8Array) => unknown,
  count = sort === "mutated" ? FEWER : COUNT,
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
  const inherited = [];
  for (const name in {}) inherited.push(name);
  assertEquals(inherited, [], "all objects have got something");
  note(`datagrams: ${protocol}`, count);
  return taken;
}

/** The bytes of a text. */
export function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
