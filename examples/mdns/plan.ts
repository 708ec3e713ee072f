/**
 * When a responder probes, announces and answers, and out of which interface (RFC 6762, sections 6, 8, 9).
 * No I/O, no clock: `now` is in milliseconds.
 */
import type { Link } from "./cache.ts";
import { dataKey, type Message, nameKey, type Resource } from "./packet.ts";
import type { Zone } from "./zone.ts";

/** Something to send: to the group of an interface, or to one host. */
export interface Departure {
  readonly link: Link;
  readonly message: Partial<Message>;
}

/** How far a link is: probed three times, announced twice, then served. */
interface State {
  readonly link: Link;
  step: number;
  at: number;
}

const PROBES = 3, ANNOUNCEMENTS = 2;
const PROBE_INTERVAL_MS = 250;
const ANNOUNCE_INTERVAL_MS = 1000;
/** Section 8.2: after a lost tie, so that the winner is there to answer. */
const DEFER_MS = 1000;
/** Section 6: so long a record is not sent to the same group again. */
const REPEAT_MS = 1000;
/** Section 6: nor, to somebody who probes for our names, so long. */
const DEFEND_MS = 250;
/** Answers that wait at most: whoever asks that much may ask again. */
const MAX_WAITING = 64;
/** Section 9: whoever conflicts so often in 10 seconds is to do it slowly. */
const MANY_CONFLICTS = 15, CONFLICT_WINDOW_MS = 10_000, SLOW_PROBE_MS = 5000;

/** The plan of one responder. */
export class Plan {
  readonly zone: Zone;
  #addressesOf: (link: Link) => readonly string[];
  #random: () => number;
  #states = new Map<number, State>();
  #waiting: { at: number; repeatMs: number; departure: Departure }[] = [];
  #sentAt = new Map<string, number>();
  #conflicts: number[] = [];

  /**
   * @param addressesOf The addresses that an interface has now.
   * @param random 0 (inclusive) to 1 (exclusive)
   */
  constructor(
    zone: Zone,
    addressesOf: (link: Link) => readonly string[],
    random: () => number = Math.random,
  ) {
    this.zone = zone;
    this.#addressesOf = addressesOf;
    this.#random = random;
  }

  /** The interfaces that are served. */
  get links(): Link[] {
    return Array.from(this.#states.values(), ({ link }) => link);
  }

  /** Whether the names are ours on every interface. */
  get isEstablished(): boolean {
    return [...this.#states.values()].every(({ step }) => step > PROBES);
  }

  /** An interface came, or came back. */
  linkUp(link: Link, now: number): void {
    this.#states.set(link.index, { link, step: 0, at: now + this.#random() * PROBE_INTERVAL_MS });
  }

  /** An interface is gone. */
  linkDown(link: Link): void {
    this.#states.delete(link.index);
  }

  /** When `tick` has something to do. */
  nextAt(): number {
    return Math.min(
      ...Array.from(this.#states.values(), ({ at }) => at),
      ...this.#waiting.map(({ at }) => at),
    );
  }

  /** What is to be sent to groups now. */
  tick(now: number): Departure[] {
    const departures: Departure[] = [];
    for (const state of this.#states.values()) {
      if (state.at > now) continue;
      const { link } = state;
      const addresses = this.#addressesOf(link);
      if (state.step < PROBES) {
        departures.push({ link, message: this.zone.probe(addresses) });
        state.at = now + PROBE_INTERVAL_MS;
      } else {
        const message = this.zone.announcement(addresses);
        departures.push({ link, message });
        this.#note(link, message.answers!, now);
        const isLast = state.step === PROBES + ANNOUNCEMENTS - 1;
        state.at = isLast ? Infinity : now + ANNOUNCE_INTERVAL_MS;
      }
      state.step++;
    }
    const due = this.#waiting.filter(({ at }) => at <= now);
    this.#waiting = this.#waiting.filter(({ at }) => at > now);
    for (const { repeatMs, departure: { link, message } } of due) {
      const answers = message.answers!.filter((record) =>
        this.#mayBeSentAt(link, record, repeatMs) <= now
      );
      if (answers.length === 0 || !this.#states.has(link.index)) continue;
      departures.push({ link, message: { ...message, answers } });
      this.#note(link, answers, now);
    }
    return departures;
  }

  /**
   * A query came.
   *
   * @param legacy From another port than 5353.
   * @returns What is to be sent to the one who asked; what goes to the group comes from `tick`.
   */
  asked(link: Link, query: Message, legacy: boolean, now: number): Departure | null {
    const state = this.#states.get(link.index);
    if (!state) return null;
    const addresses = this.#addressesOf(link);
    if (state.step <= PROBES) {
      // Our names are not ours yet. Of two that probe at once one waits, and finds the other there.
      if (this.zone.losesTo(query, addresses)) {
        state.step = 0;
        state.at = now + DEFER_MS;
      }
      return null;
    }
    const message = this.zone.answer(query, addresses, legacy);
    if (!message) return null;
    if (legacy || query.questions.every(({ unicast }) => unicast)) return { link, message };
    // A probe: whoever wants our names has to hear of us before he takes them (section 6).
    const repeatMs = query.authorities.length > 0 ? DEFEND_MS : REPEAT_MS;
    const allowedAt = query.authorities.length > 0
      ? Math.max(...message.answers!.map((record) => this.#mayBeSentAt(link, record, repeatMs)))
      : now;
    // Section 6: others may have the same shared records to tell, so not all at once.
    const isShared = message.answers!.some(({ flush }) => !flush);
    const delayMs = isShared ? 20 + this.#random() * 100 : 0;
    if (this.#waiting.length < MAX_WAITING) {
      const at = Math.max(now + delayMs, allowedAt);
      this.#waiting.push({ at, repeatMs, departure: { link, message } });
    }
    return null;
  }

  /** Somebody else's answer came. True if the names are now others. */
  heard(message: Message, now: number): boolean {
    const all = this.links.flatMap((link) => this.#addressesOf(link));
    if (!this.zone.isConflict(message, all)) return false;
    const wasEstablished = this.isEstablished;
    // Section 9: who had them first defends them; after that somebody has to give way.
    if (!wasEstablished) this.zone.rename();
    this.#conflicts = this.#conflicts.filter((at) => at > now - CONFLICT_WINDOW_MS).slice(
      -MANY_CONFLICTS,
    );
    this.#conflicts.push(now);
    const delayMs = this.#conflicts.length >= MANY_CONFLICTS ? SLOW_PROBE_MS : 0;
    for (const state of this.#states.values()) {
      state.step = 0;
      state.at = now + delayMs + this.#random() * PROBE_INTERVAL_MS;
    }
    return !wasEstablished;
  }

  /** Takes everything back, where it was announced. */
  goodbye(): Departure[] {
    return [...this.#states.values()].filter(({ step }) => step > PROBES).map(({ link }) => {
      return { link, message: this.zone.announcement(this.#addressesOf(link), true) };
    });
  }

  #note(link: Link, records: readonly Resource[], now: number): void {
    for (const [key, at] of this.#sentAt) if (at <= now - REPEAT_MS) this.#sentAt.delete(key);
    for (const record of records) this.#sentAt.set(sentKey(link, record), now);
  }

  #mayBeSentAt(link: Link, record: Resource, repeatMs: number): number {
    return (this.#sentAt.get(sentKey(link, record)) ?? -Infinity) + repeatMs;
  }
}

function sentKey({ index }: Link, record: Resource): string {
  return `${index} ${record.type} ${nameKey(record.name)} ${dataKey(record)}`;
}
