/** DNS messages as nobody should send them, always the same by a fixed seed. */
import { pick, randomWords } from "../address/random.ts";
import { inputs, mutated, type Mutation, note, randomBytes } from "../faults/mutate.ts";

/** Of each sort; the quick loop has time for fewer. */
export const HOSTILE = inputs(4_000, 100_000);
/** Of what is damaged in any way. */
const FEWER = inputs(1_000, 20_000);

function copyOf(sample: Uint8Array): { bytes: Uint8Array; view: DataView } {
  const bytes = new Uint8Array(sample);
  return { bytes, view: new DataView(bytes.buffer) };
}

/** What makes each sort, from a good message. */
const SORTS: Record<string, Mutation> = {
  mutated: (next, sample) => mutated(next, [sample]),
  truncated: (next, sample) => sample.slice(0, next() % sample.length),
  "looping compression": (next, sample) => {
    const { bytes, view } = copyOf(sample);
    // A pointer to anywhere, most often to itself or shortly before.
    for (let i = 1 + next() % 4; i > 0; i--) {
      const at = 12 + next() % (bytes.length - 13);
      view.setUint16(at, 0xc000 | pick(next, [at, at - 2, 12, next() & 0x3fff]));
    }
    return bytes;
  },
  oversized: (next, sample) => {
    const bytes = new Uint8Array(pick(next, [8_999, 9_000, 9_001, 20_000, 65_507]));
    for (let at = 0; at < bytes.length; at += sample.length) {
      bytes.set(sample.subarray(0, bytes.length - at), at);
    }
    return bytes;
  },
  "wrong counts": (next, sample) => {
    const { bytes, view } = copyOf(sample);
    view.setUint16(4 + 2 * (next() % 4), pick(next, [0, 1, 2, 255, 0xffff]));
    return bytes;
  },
  damaged: (next, sample) => {
    const { bytes } = copyOf(sample);
    for (let i = 1 + next() % 8; i > 0; i--) bytes[next() % bytes.length] = next();
    return bytes;
  },
  random: (next) => {
    const bytes = randomBytes(next, next() % 600);
    // What is no answer, or has a wrong opcode, is given up at once.
    if (next() % 2 === 0 && bytes.length > 12) bytes.set([0x84, 0, 0, 1, 0, 2, 0, 0, 0, 0], 2);
    return bytes;
  },
};

/** The sorts by name. */
export const sorts: readonly string[] = Object.keys(SORTS);

/** `HOSTILE` datagrams of one sort, or fewer of those damaged in any way. */
export function* hostile(sort: string, samples: readonly Uint8Array[]): Generator<Uint8Array> {
  const next = randomWords(0x6d646e73 + sorts.indexOf(sort));
  const count = sort === "mutated" ? FEWER : HOSTILE;
  for (let i = 0; i < count; i++) yield SORTS[sort](next, pick(next, samples));
  note("datagrams: DNS", count);
}
