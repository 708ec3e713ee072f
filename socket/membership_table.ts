/**
 * Which (group, interface) pairs a socket has joined, and for which senders.
 *
 * The kernel is not enough: Linux delivers IPv6 multicast by group, whatever
 * interface it came in on, and looks only at the first of several memberships
 * for its source filter. So every multicast is checked here too, at a cost that
 * does not grow with the number of groups or interfaces; nor does that of a change.
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

/** A sender and how often it is wanted. */
export interface Source {
  readonly words: Words;
  count: number;
}

/** One group, on whatever interfaces. */
export interface Group {
  readonly words: Words;
  readonly entries: Set<Entry>;
  /** How many entries are joined for any sender. */
  any: number;
  /** The particular senders that are wanted on any interface, with the number of entries. */
  sources: readonly Source[];
}

/** One group on one interface. There may be hundreds of thousands. */
export interface Entry {
  readonly of: Group;
  readonly interfaceIndex: number;
  /** Memberships for any sender. */
  any: number;
  /** Memberships for particular senders. */
  include: readonly Source[];
  /** Senders that are not wanted. */
  blocked: readonly Words[];
  /** What the kernel was asked for; it may be more than is wanted (see kernel_membership.ts). */
  kernelAny: boolean;
  kernelSources: readonly Words[];
  kernelBlocked: readonly Words[];
  /** The next entry of the same hash. */
  next: Entry | null;
}

const NONE: readonly never[] = [];

/** The pairs of one socket. */
export class MembershipTable {
  /** By hash of group and interface; entries of one hash are compared word by word. */
  readonly #buckets = new Map<number, Entry>();
  readonly #groups = new Map<string, Group>();

  /** The entry of a pair, if it is joined. */
  find(group: Words, interfaceIndex: number): Entry | undefined {
    let entry = this.#buckets.get(hash(group, interfaceIndex));
    for (; entry; entry = entry.next ?? undefined) {
      if (entry.interfaceIndex === interfaceIndex && same(entry.of.words, group)) return entry;
    }
  }

  /** A group that is joined somewhere. */
  group(group: Words): Group | undefined {
    return this.#groups.get(text(group));
  }

  /** Counts one more membership of a pair: for a sender, or for any. */
  add(group: Words, interfaceIndex: number, source: Words | null): Entry {
    const entry = this.find(group, interfaceIndex) ?? this.#make(group, interfaceIndex);
    const { of } = entry;
    if (!source) {
      if (entry.any++ === 0) of.any++;
    } else {
      if (!entry.include.some(({ words }) => same(words, source))) {
        of.sources = more(of.sources, source);
      }
      entry.include = more(entry.include, source);
    }
    return entry;
  }

  /** Takes one membership back; the entry leaves the table with its last. */
  drop(entry: Entry, source: Words | null): void {
    const { of } = entry;
    if (!source) {
      if (--entry.any === 0) of.any--;
    } else {
      entry.include = less(entry.include, source);
      if (!entry.include.some(({ words }) => same(words, source))) {
        of.sources = less(of.sources, source);
      }
    }
    if (entry.any === 0 && entry.include.length === 0) this.#remove(entry);
  }

  #make(group: Words, interfaceIndex: number): Entry {
    const name = text(group);
    let of = this.#groups.get(name);
    if (!of) {
      this.#groups.set(name, of = { words: group, entries: new Set(), any: 0, sources: NONE });
    }
    const key = hash(group, interfaceIndex);
    const entry: Entry = {
      of,
      interfaceIndex,
      any: 0,
      include: NONE,
      blocked: NONE,
      kernelAny: false,
      kernelSources: NONE,
      kernelBlocked: NONE,
      next: this.#buckets.get(key) ?? null,
    };
    this.#buckets.set(key, entry);
    of.entries.add(entry);
    return entry;
  }

  #remove(entry: Entry): void {
    const { of } = entry;
    const key = hash(of.words, entry.interfaceIndex);
    const first = this.#buckets.get(key);
    if (first === entry) {
      if (entry.next) this.#buckets.set(key, entry.next);
      else this.#buckets.delete(key);
    } else {
      let before = first!;
      while (before.next !== entry) before = before.next!;
      before.next = entry.next;
    }
    of.entries.delete(entry);
    if (of.entries.size === 0) this.#groups.delete(text(of.words));
  }

  /**
   * Whether a multicast is wanted.
   *
   * @param group Where it was sent.
   * @param interfaceIndex Where it came in.
   * @param source Who sent it.
   */
  accepts(group: Words, interfaceIndex: number, source: Words): boolean {
    const entry = this.find(group, interfaceIndex);
    if (entry === undefined) return false;
    return entry.any > 0
      ? !has(entry.blocked, source)
      : entry.include.some((wanted) => same(wanted.words, source));
  }
}

function more(sources: readonly Source[], words: Words): readonly Source[] {
  const known = sources.find((source) => same(source.words, words));
  if (!known) return [...sources, { words, count: 1 }];
  known.count++;
  return sources;
}

function less(sources: readonly Source[], words: Words): readonly Source[] {
  const known = sources.find((source) => same(source.words, words));
  return known && --known.count === 0 ? sources.filter((source) => source !== known) : sources;
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

/** Whether an address is in a list. */
export function has(list: readonly Words[], words: Words): boolean {
  return list.some((other) => same(other, words));
}
