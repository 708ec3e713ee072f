/**
 * When to ask what (RFC 6762, sections 5.2, 7.1, 7.2). No I/O, no clock: `now` is in milliseconds.
 *
 * A question is asked on each interface, after 20 to 120 ms, then after 1, 2, 4 … seconds, at last once an hour;
 * each time with the answers that are known, so that only news is answered. Where the only possible answer is
 * known it is not asked again until 80 % of that answer's lifetime are over.
 */
import { Cache, type Link, type LinkQuestion, type RecordChange } from "./cache.ts";
import {
  encode,
  encodeQuestion,
  encodeResource,
  type Message,
  nameKey,
  type Question,
  type QuestionType,
  type Resource,
} from "./packet.ts";

const FIRST_DELAY_MS = { min: 20, spread: 100 };
const FIRST_INTERVAL_MS = 1000;
const LAST_INTERVAL_MS = 3_600_000;
/** Questions at most, so that a host that makes up names makes nobody ask without end. */
const MAX_QUESTIONS = 1024;
/** What fits into a packet of an Ethernet beside the headers of IPv6. */
const PACKET_BYTES = 1440;

interface Asked {
  readonly question: Question;
  /** By the interface's index. */
  readonly plans: Map<number, { at: number; intervalMs: number; sentAt: number }>;
}

/** Something to send. */
export interface LinkQuery {
  readonly link: Link;
  /** The bytes of one query; several when it has too many known answers for one packet. */
  readonly packets: Uint8Array[];
}

/** Asks until it is told not to, and keeps what it hears. */
export class Querier {
  readonly cache: Cache;
  #random: () => number;
  #links = new Map<number, Link>();
  #asked = new Map<string, Asked>();

  /** @param random 0 (inclusive) to 1 (exclusive) */
  constructor(random: () => number = Math.random) {
    this.#random = random;
    this.cache = new Cache(random);
  }

  /** The interfaces that are asked. */
  get links(): Link[] {
    return [...this.#links.values()];
  }

  /** How many questions are asked. */
  get size(): number {
    return this.#asked.size;
  }

  /** An interface came, or came back: everything is asked there from the beginning. */
  linkUp(link: Link, now: number): void {
    this.#links.set(link.index, link);
    for (const asked of this.#asked.values()) this.#begin(asked, link, now);
  }

  /** An interface is gone, and what was heard there with it. */
  linkDown(link: Link): RecordChange[] {
    this.#links.delete(link.index);
    for (const { plans } of this.#asked.values()) plans.delete(link.index);
    return this.cache.drop(link);
  }

  /** Asks a question from now on; false if there are too many already. */
  ask(question: Question, now: number): boolean {
    const key = questionKey(question);
    if (this.#asked.has(key)) return true;
    if (this.#asked.size >= MAX_QUESTIONS) return false;
    const asked: Asked = { question, plans: new Map() };
    this.#asked.set(key, asked);
    for (const link of this.#links.values()) this.#begin(asked, link, now);
    return true;
  }

  /** Asks it no longer. */
  stop(question: Question): void {
    this.#asked.delete(questionKey(question));
  }

  #begin({ plans }: Asked, link: Link, now: number): void {
    const delayMs = FIRST_DELAY_MS.min + this.#random() * FIRST_DELAY_MS.spread;
    plans.set(link.index, { at: now + delayMs, intervalMs: FIRST_INTERVAL_MS, sentAt: -Infinity });
  }

  /** Takes in an answer. Nobody needs to have asked. */
  heard(link: Link, { answers, additionals }: Message, now: number): RecordChange[] {
    return this.cache.heard(link, [...answers, ...additionals], now);
  }

  /** When `tick` has something to do. */
  nextAt(): number {
    let next = this.cache.nextAt;
    for (const { plans } of this.#asked.values()) {
      for (const { at } of plans.values()) next = Math.min(next, at);
    }
    return next;
  }

  /** What is to be sent now, and what has ended meanwhile. */
  tick(now: number): { removed: RecordChange[]; queries: LinkQuery[] } {
    const { removed, refresh } = this.cache.due(
      now,
      (record) => this.#wanted(record) !== undefined,
    );
    for (const change of removed) this.#lost(change, now);
    const due = [...this.#due(now), ...refresh.filter((item) => this.#mayAsk(item, now))];
    const queries: LinkQuery[] = [];
    for (const link of this.#links.values()) {
      const questions = new Map<string, Question>();
      for (const item of due) {
        if (item.link.index === link.index) {
          questions.set(questionKey(item.question), item.question);
        }
      }
      if (questions.size === 0) continue;
      const asked = [...questions.values()];
      const known = asked.flatMap((question) => this.cache.knownAnswers(link, question, now));
      queries.push({ link, packets: queryPackets(asked, known) });
    }
    return { removed, queries };
  }

  #wanted({ name, type }: { name: string; type: QuestionType }): Asked | undefined {
    return this.#asked.get(questionKey({ name, type })) ??
      this.#asked.get(questionKey({ name, type: "ANY" }));
  }

  /** No question is asked twice within a second, however many records it would refresh. */
  #mayAsk({ link, question }: LinkQuestion, now: number): boolean {
    const plan = this.#wanted(question)?.plans.get(link.index);
    if (!plan || now < plan.sentAt + FIRST_INTERVAL_MS) return false;
    plan.sentAt = now;
    return true;
  }

  /** The answer is gone, without another in its place: the question is open again. */
  #lost({ link, record: { name, type } }: RecordChange, now: number): void {
    const asked = this.#asked.get(questionKey({ name, type }));
    const isLink = this.#links.has(link.index);
    if (asked && isLink && this.cache.find(link, name, type).length === 0) {
      this.#begin(asked, link, now);
    }
  }

  #due(now: number): LinkQuestion[] {
    const due: LinkQuestion[] = [];
    for (const { question, plans } of this.#asked.values()) {
      for (const [index, plan] of plans) {
        if (plan.at > now) continue;
        const link = this.#links.get(index)!;
        if (!this.cache.isSettled(link, question)) {
          due.push({ link, question });
          plan.sentAt = now;
        }
        plan.at = now + plan.intervalMs;
        plan.intervalMs = Math.min(plan.intervalMs * 2, LAST_INTERVAL_MS);
      }
    }
    return due;
  }
}

function questionKey({ name, type }: Question): string {
  return `${type} ${nameKey(name)}`;
}

/**
 * One query in as few packets as it fits into: first the questions, then what is known (section 7.2). All that
 * have questions come first; the TC bit says that known answers follow.
 */
export function queryPackets(
  questions: readonly Question[],
  known: readonly Resource[],
  maxBytes: number = PACKET_BYTES,
): Uint8Array[] {
  const messages: { questions: Question[]; answers: Resource[] }[] = [];
  let room = 0;
  /** The message that something still fits into, perhaps a new one. */
  const next = (bytes: number) => {
    if (messages.length === 0 || bytes > room) {
      messages.push({ questions: [], answers: [] });
      room = maxBytes - 12;
    }
    room -= bytes;
    return messages[messages.length - 1];
  };
  for (const question of questions) next(encodeQuestion(question).length).questions.push(question);
  for (const record of known) next(encodeResource(record).length).answers.push(record);
  return messages.map((message, index) =>
    encode({ ...message, truncated: (messages[index + 1]?.answers.length ?? 0) > 0 })
  );
}
