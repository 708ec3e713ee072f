/**
 * Which (group, interface) pairs a socket has joined, and for which senders.
 *
 * The kernel is not enough: Linux delivers IPv6 multicast by group, whatever
 * interface it came in on, and looks only at the first of several memberships
 * for its source filter. So every multicast is checked here too, at a cost that
 * does not grow with the number of groups.
 *
 * @module
 */

/** A group or sender as four words. */
export interface Words {
  readonly w0: number;
  readonly w1: number;
  readonly w2: number;
  readonly w3: number;
}

/** A sender and how many memberships want it. */
interface Source {
  readonly words: Words;
  count: number;
}

/** One group on one interface. */
export interface Entry {
  readonly group: Words;
  readonly interfaceIndex: number;
  /** Memberships for any sender. */
  any: number;
  /** Memberships for particular senders. */
  readonly include: Source[];
  /** Senders that are not wanted. */
  readonly blocked: Words[];
  /** What the kernel was asked for; it may be more than is wanted (see kernel_membership.ts). */
  readonly kernel: { any: boolean; readonly sources: Words[]; readonly blocked: Words[] };
}

/** The pairs of one socket. */
export class MembershipTable {
  /** By hash of group and interface; entries of one bucket are compared word by word. */
  readonly #buckets = new Map<number, Entry[]>();
  readonly #groups = new Map<string, Set<Entry>>();

  /** The entry of a pair, if it is joined. */
  find(group: Words, interfaceIndex: number): Entry | undefined {
    return this.#buckets.get(hash(group, interfaceIndex))?.find((entry) =>
      entry.interfaceIndex === interfaceIndex && same(entry.group, group)
    );
  }

  /** All entries of a group. */
  ofGroup(group: Words): Entry[] {
    return [...this.#groups.get(text(group)) ?? []];
  }

  /** Makes the entry of a pair, or finds it. */
  add(group: Words, interfaceIndex: number): Entry {
    const known = this.find(group, interfaceIndex);
    if (known) return known;
    const entry: Entry = {
      group,
      interfaceIndex,
      any: 0,
      include: [],
      blocked: [],
      kernel: { any: false, sources: [], blocked: [] },
    };
    append(this.#buckets, hash(group, interfaceIndex), entry);
    const name = text(group);
    const entries = this.#groups.get(name);
    if (entries) entries.add(entry);
    else this.#groups.set(name, new Set([entry]));
    return entry;
  }

  /** Removes an entry. */
  remove(entry: Entry): void {
    const key = hash(entry.group, entry.interfaceIndex);
    const bucket = this.#buckets.get(key)?.filter((other) => other !== entry) ?? [];
    if (bucket.length > 0) this.#buckets.set(key, bucket);
    else this.#buckets.delete(key);
    const name = text(entry.group);
    const entries = this.#groups.get(name);
    entries?.delete(entry);
    if (entries?.size === 0) this.#groups.delete(name);
  }

  /**
   * Whether a multicast is wanted.
   *
   * @param group Where it was sent.
   * @param interfaceIndex Where it came in.
   * @param source Who sent it.
   */
  accepts(group: Words, interfaceIndex: number, source: Words): boolean {
    const bucket = this.#buckets.get(hash(group, interfaceIndex));
    if (bucket === undefined) return false;
    for (const entry of bucket) {
      if (entry.interfaceIndex !== interfaceIndex || !same(entry.group, group)) continue;
      return entry.any > 0
        ? !entry.blocked.some((blocked) => same(blocked, source))
        : entry.include.some((wanted) => same(wanted.words, source));
    }
    return false;
  }
}

function append(map: Map<number, Entry[]>, key: number, entry: Entry): void {
  const list = map.get(key);
  if (list) list.push(entry);
  else map.set(key, [entry]);
}

/** Mixes a group and an interface into a small integer. */
function hash({ w0, w1, w2, w3 }: Words, interfaceIndex: number): number {
  return (Math.imul(w0 ^ (w0 >>> 15), 0x2c1b3c6d) ^ Math.imul(w1, 0x297a2d39) ^
    Math.imul(w2, 0x1b56c4e9) ^ Math.imul(w3 ^ (w3 >>> 13), 0x85ebca6b) ^
    Math.imul(interfaceIndex, 0x27d4eb2f)) >> 2;
}

function text({ w0, w1, w2, w3 }: Words): string {
  return `${w0},${w1},${w2},${w3}`;
}

/** Whether two addresses have the same words. */
export function same(a: Words, b: Words): boolean {
  return a.w0 === b.w0 && a.w3 === b.w3 && a.w1 === b.w1 && a.w2 === b.w2;
}
