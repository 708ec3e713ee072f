/** Bytes as nobody should send them, random ones and good ones with damage: always the same by a fixed seed. */
import { pick } from "../address/random.ts";
import { figure, long, thorough } from "../figures.ts";

/** Unsigned 32-bit numbers (randomWords in tests/address/random.ts). */
export type Next = () => number;

/** Makes damaged bytes of good ones, which stay as they are. */
export type Mutation = (next: Next, sample: Uint8Array) => Uint8Array;

/** How many inputs: few in the quick loop, more in the complete run, and ten times as many in the long one. */
export function inputs(quick: number, complete: number): number {
  return !thorough ? quick : long ? 10 * complete : complete;
}

/**
 * Notes how many inputs something was given.
 *
 * @param exact The long run gives it no more of them.
 */
export function note(what: string, count: number, exact = false): void {
  if (thorough) figure("fuzzing", what, count, { exact });
}

/** Random bytes. */
export function randomBytes(next: Next, length: number): Uint8Array<ArrayBuffer> {
  const words = new Uint32Array((length + 3) >> 2);
  for (let i = 0; i < words.length; i++) words[i] = next();
  return new Uint8Array(words.buffer, 0, length);
}

function copied(sample: Uint8Array, change: (bytes: Uint8Array, view: DataView) => void) {
  // A Buffer's slice would share its memory.
  const bytes = new Uint8Array(sample);
  if (bytes.length > 0) change(bytes, new DataView(bytes.buffer));
  return bytes;
}

/** Two places, in their order. */
function cuts(next: Next, length: number): [number, number] {
  const [a, b] = [next() % (length + 1), next() % (length + 1)];
  return [Math.min(a, b), Math.max(a, b)];
}

function joined(...parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** The kinds of damage, by their names. */
export const MUTATIONS: Readonly<Record<string, Mutation>> = {
  random: (next) => randomBytes(next, next() % 600),
  truncated: (next, sample) => sample.slice(0, next() % Math.max(sample.length, 1)),
  damaged: (next, sample) =>
    copied(sample, (bytes) => {
      for (let n = 1 + next() % 8; n > 0; n--) bytes[next() % bytes.length] = next();
    }),
  "with other bits": (next, sample) =>
    copied(sample, (bytes) => {
      for (let n = 1 + next() % 8; n > 0; n--) bytes[next() % bytes.length] ^= 1 << next() % 8;
    }),
  "with other numbers": (next, sample) =>
    copied(sample, (_, view) => {
      for (let n = 1 + next() % 3; n > 0; n--) otherNumber(next, view);
    }),
  // A piece of it a second time, at once or anywhere.
  "with parts twice": (next, sample) => {
    const [from, to] = cuts(next, sample.length);
    const at = next() % 2 === 0 ? to : next() % (sample.length + 1);
    return joined(sample.subarray(0, at), sample.subarray(from, to), sample.subarray(at));
  },
  "in another order": (next, sample) => {
    const [from, to] = cuts(next, sample.length);
    const middle = from + next() % (to - from + 1);
    const [head, a, b, tail] = [
      sample.subarray(0, from),
      sample.subarray(from, middle),
      sample.subarray(middle, to),
      sample.subarray(to),
    ];
    return joined(head, b, a, tail);
  },
};

/** Replaces a number of one, two or four bytes, in either order, by one that lengths and counts go wrong with. */
function otherNumber(next: Next, view: DataView): void {
  const sizes = [1, 2, 4].filter((size) => size <= view.byteLength);
  const size = pick(next, sizes);
  const little = next() % 2 === 0;
  // Mostly numbers are where C and RFCs put them.
  const free = next() % (view.byteLength - size + 1);
  const at = next() % 4 === 0 ? free : free - free % size;
  const max = 2 ** (8 * size) - 1;
  const old = size === 1
    ? view.getUint8(at)
    : size === 2
    ? view.getUint16(at, little)
    : view.getUint32(at, little);
  const value = pick(next, [0, 1, max, max - 1, (max - 1) / 2, (max + 1) / 2, old + 1, old - 1]);
  if (size === 1) view.setUint8(at, value);
  else if (size === 2) view.setUint16(at, value, little);
  else view.setUint32(at, value, little);
}

const ANY = Object.values(MUTATIONS);

/** One of the samples with damage of one kind, sometimes of several. */
export function mutated(next: Next, samples: readonly Uint8Array[]): Uint8Array {
  let bytes = pick(next, ANY)(next, pick(next, samples));
  while (next() % 4 === 0) bytes = pick(next, ANY)(next, bytes);
  return bytes;
}

/** Every beginning of a sample, and the sample with each bit flipped and with each byte at its extremes. */
export function* systematic(sample: Uint8Array): Generator<Uint8Array> {
  for (let length = 0; length <= sample.length; length++) yield sample.slice(0, length);
  for (let at = 0; at < sample.length; at++) {
    const old = sample[at];
    const bits = Array.from({ length: 8 }, (_, bit) => old ^ (1 << bit));
    for (const value of new Set([...bits, 0, 1, 0xff, (old + 1) & 0xff, (old - 1) & 0xff])) {
      if (value === old) continue;
      const bytes = new Uint8Array(sample);
      bytes[at] = value;
      yield bytes;
    }
  }
}

/** A view of some bytes that counts what is read, so that a walk without an end is a failure and not a hang. */
export function countingView(buffer: ArrayBuffer, from = 0, length = buffer.byteLength - from) {
  const view = new DataView(buffer, from, length);
  const count = { reads: 0, limit: Infinity };
  for (
    const name of ["getUint8", "getUint16", "getInt32", "getUint32", "getBigUint64"] as const
  ) {
    const real = view[name].bind(view) as (at: number, little?: boolean) => never;
    view[name] = (at: number, little?: boolean) => {
      if (++count.reads > count.limit) throw new Error("the walk does not end");
      return real(at, little);
    };
  }
  return { view, count };
}
