/**
 * What was heard, for as long as it holds (RFC 6762, sections 5.2, 7.1, 10). No I/O, no clock: `now` is in
 * milliseconds, from whatever clock the caller has.
 *
 * What was heard on one interface says nothing about another, so records are kept by interface.
 */
import { dataKey, nameKey, type Question, type RecordType, type Resource } from "./packet.ts";

/** An interface. */
export interface Link {
  readonly index: number;
  readonly name: string;
}

/** A record came, or holds no longer. */
export interface RecordChange {
  readonly type: "added" | "removed";
  readonly link: Link;
  readonly record: Resource;
}

/** A question that one interface is to be asked. */
export interface LinkQuestion {
  readonly link: Link;
  readonly question: Question;
}

interface Entry {
  readonly key: string;
  readonly link: Link;
  record: Resource;
  heardAt: number;
  expiresAt: number;
  /** How often it was asked for again since it was heard. */
  refreshes: number;
  /** 0 to 0.02 of the lifetime, so that hosts that heard the same do not ask at once. */
  jitter: number;
}

/** Asked for again after these parts of its lifetime. */
const REFRESH_AT = [0.80, 0.85, 0.90, 0.95];
/** What is taken back, or replaced, holds a second longer: somebody may have more to say. */
const GRACE_MS = 1000;
/** Records kept at most, so that a host that makes them up fills no memory. The ones not heard for longest go. */
const MAX_RECORDS = 2048;
/** Lifetimes beyond that (a week) are taken for it. */
const MAX_TTL = 604_800;

/** The records of all interfaces. */
export class Cache {
  /** In the order in which they were heard. */
  #entries = new Map<string, Entry>();
  /** The same by interface, name and type. */
  #sets = new Map<string, Map<string, Entry>>();
  #random: () => number;
  #nextAt = Infinity;

  /** @param random 0 (inclusive) to 1 (exclusive) */
  constructor(random: () => number = Math.random) {
    this.#random = random;
  }

  /** How many records it holds. */
  get size(): number {
    return this.#entries.size;
  }

  /** When `due` has something to do. */
  get nextAt(): number {
    return this.#nextAt;
  }

  /** Takes in the records of an answer. */
  heard(link: Link, records: readonly Resource[], now: number): RecordChange[] {
    const changes: RecordChange[] = [];
    for (const record of records) {
      const set = this.#set(link, record.name, record.type);
      const known = set?.get(dataKey(record));
      if (record.flush && set) {
        // Section 10.2: what came within the last second is of the same answer, in another packet.
        for (const other of set.values()) {
          if (other !== known && other.heardAt < now - GRACE_MS) this.#endSoon(other, now);
        }
      }
      if (record.ttl === 0) {
        if (known) this.#endSoon(known, now);
        continue;
      }
      if (known) {
        this.#remember(known, record, now);
        continue;
      }
      if (this.#entries.size >= MAX_RECORDS) {
        changes.push(this.#remove(this.#entries.values().next().value!));
      }
      const key = `${setKey(link, record.name, record.type)} ${dataKey(record)}`;
      this.#remember(
        { key, link, record, heardAt: now, expiresAt: 0, refreshes: 0, jitter: 0 },
        record,
        now,
      );
      changes.push({ type: "added", link, record });
    }
    return changes;
  }

  #remember(entry: Entry, record: Resource, now: number): void {
    const { link } = entry;
    entry.record = record;
    entry.heardAt = now;
    entry.expiresAt = now + Math.min(record.ttl, MAX_TTL) * 1000;
    entry.refreshes = 0;
    entry.jitter = this.#random() * 0.02;
    this.#entries.delete(entry.key);
    this.#entries.set(entry.key, entry);
    const key = setKey(link, record.name, record.type);
    let set = this.#sets.get(key);
    if (!set) this.#sets.set(key, set = new Map());
    set.set(dataKey(record), entry);
    this.#nextAt = Math.min(this.#nextAt, nextOf(entry));
  }

  #endSoon(entry: Entry, now: number): void {
    entry.expiresAt = Math.min(entry.expiresAt, now + GRACE_MS);
    // It is not asked for again: whoever still has it says so unasked.
    entry.refreshes = REFRESH_AT.length;
    this.#nextAt = Math.min(this.#nextAt, entry.expiresAt);
  }

  #remove(entry: Entry): RecordChange {
    const { link, record } = entry;
    this.#entries.delete(entry.key);
    const key = setKey(link, record.name, record.type);
    const set = this.#sets.get(key);
    set?.delete(dataKey(record));
    if (set?.size === 0) this.#sets.delete(key);
    return { type: "removed", link, record };
  }

  #set(link: Link, name: string, type: RecordType): ReadonlyMap<string, Entry> | undefined {
    return this.#sets.get(setKey(link, name, type));
  }

  /** The records of a name and type that hold on an interface. */
  find<T extends RecordType>(link: Link, name: string, type: T): (Resource & { type: T })[] {
    const set = this.#set(link, name, type)?.values() ?? [];
    return Array.from(set, ({ record }) => record as Resource & { type: T });
  }

  /** Whether an interface's only possible answer is known: one that is all there is, or that there is none. */
  isSettled(link: Link, { name, type }: Question): boolean {
    if (type === "ANY") return false;
    if (this.find(link, name, type).some(({ flush }) => flush)) return true;
    return this.find(link, name, "NSEC").some(({ data }) => !data.includes(type));
  }

  /** What need not be answered: that which holds for more than half of its lifetime yet (section 7.1). */
  knownAnswers(link: Link, { name, type }: Question, now: number): Resource[] {
    if (type === "ANY") return [];
    return Array.from(this.#set(link, name, type)?.values() ?? [])
      .map(({ record, expiresAt }) => ({ record, left: (expiresAt - now) / 1000 }))
      .filter(({ record, left }) => left > record.ttl / 2)
      // Section 10.2: the cache-flush bit is not set in known answers.
      .map(({ record, left }) => ({ ...record, ttl: Math.floor(left), flush: false }));
  }

  /**
   * Removes what holds no longer, and tells what is to be asked for again.
   *
   * @param wanted Whether anybody wants to know: otherwise a record may end unasked (section 5.2).
   */
  due(
    now: number,
    wanted: (record: Resource) => boolean,
  ): { removed: RecordChange[]; refresh: LinkQuestion[] } {
    if (now < this.#nextAt) return { removed: [], refresh: [] };
    const removed: RecordChange[] = [];
    const refresh: LinkQuestion[] = [];
    this.#nextAt = Infinity;
    for (const entry of this.#entries.values()) {
      const { link, record } = entry;
      if (entry.expiresAt <= now) {
        removed.push(this.#remove(entry));
        continue;
      }
      if (nextOf(entry) <= now) {
        if (wanted(record)) {
          refresh.push({ link, question: { name: record.name, type: record.type } });
        }
        // Of several that have passed meanwhile only one is asked.
        while (nextOf(entry) <= now) entry.refreshes++;
      }
      this.#nextAt = Math.min(this.#nextAt, nextOf(entry));
    }
    return { removed, refresh };
  }

  /** Forgets an interface. */
  drop(link: Link): RecordChange[] {
    const gone = [...this.#entries.values()].filter((entry) => entry.link.index === link.index);
    return gone.map((entry) => this.#remove(entry));
  }
}

function setKey({ index }: Link, name: string, type: RecordType): string {
  return `${index} ${type} ${nameKey(name)}`;
}

function nextOf({ refreshes, heardAt, expiresAt, jitter }: Entry): number {
  if (refreshes >= REFRESH_AT.length) return expiresAt;
  return heardAt + (expiresAt - heardAt) * (REFRESH_AT[refreshes] + jitter);
}
