/**
 * Random histories of a host and its sockets, as steps that mean something whatever came before: what a step is
 * about is chosen, by its numbers, from what there is. So any step can be left out of a history that fails.
 */
import { randomWords } from "../address/random.ts";

/** Each kind of step, and how often it comes. */
const WEIGHTS = {
  open: 8,
  close: 3,
  join: 16,
  "leave by membership": 3,
  "leave by socket": 5,
  "leave by dispose": 2,
  block: 7,
  unblock: 4,
  "peer sends": 40,
  send: 10,
  down: 5,
  up: 12,
  remove: 2,
  create: 10,
  rename: 2,
  "add address": 3,
  "remove address": 2,
} as const;

/** What a step does. */
export type Kind = keyof typeof WEIGHTS;

/** Every kind. */
export const KINDS = Object.keys(WEIGHTS) as Kind[];

/** One step. */
export interface Step {
  readonly kind: Kind;
  /** What its choices are made from. */
  readonly seed: number;
}

const BAG: readonly Kind[] = KINDS.flatMap((kind) => Array(WEIGHTS[kind]).fill(kind));

/** The steps of a seed. */
export function stepsOf(seed: number, count: number): Step[] {
  const next = randomWords(seed);
  const first: Step[] = [{ kind: "open", seed: next() }, { kind: "join", seed: next() }];
  const rest = Array.from({ length: count - first.length }, () => {
    return { kind: BAG[next() % BAG.length], seed: next() };
  });
  return [...first, ...rest];
}

/**
 * Leaves out what can be left out of a history that fails: halves, quarters … and at last single steps.
 *
 * @param fails Whether a history still fails.
 * @param tries How often it may be asked.
 */
export async function shrink(
  steps: readonly Step[],
  fails: (steps: readonly Step[]) => Promise<boolean>,
  tries = 60,
): Promise<readonly Step[]> {
  for (
    let size = Math.ceil(steps.length / 2);
    size >= 1;
    size = size > 1 ? Math.ceil(size / 2) : 0
  ) {
    for (let from = steps.length - size; from > -size && tries > 0; from -= size) {
      const shorter = steps.filter((_, i) => i < from || i >= from + size);
      tries--;
      if (await fails(shorter)) steps = shorter;
    }
  }
  return steps;
}
