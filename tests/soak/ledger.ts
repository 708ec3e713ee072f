/**
 * The books of a long run: every datagram is numbered, and each must arrive once, where it was sent, or have been
 * dropped by the kernel and counted. Pure.
 */
import { Numbers } from "./numbers.ts";

/** Begins every datagram of ours: "pksk". */
const MAGIC = 0x706b736b;
const HEADER = 12;

/** The byte at a place of a datagram: another one in each, whichever part of the number is another. */
function filler(stream: number, number: number, at: number): number {
  const mixed = number ^ (number >>> 8) ^ (number >>> 16) ^ (number >>> 24);
  return (mixed * 31 + at * 7 + stream) & 0xff;
}

/** A numbered datagram of a stream. tests/programs/soak_peer.py writes the same. */
export function payload(stream: number, number: number, length: number): Uint8Array<ArrayBuffer> {
  const data = new Uint8Array(Math.max(HEADER, length));
  const view = new DataView(data.buffer);
  view.setUint32(0, MAGIC);
  view.setUint32(4, stream);
  view.setUint32(8, number);
  for (let at = HEADER; at < data.length; at++) data[at] = filler(stream, number, at);
  return data;
}

/** What a datagram says; `null` for one that is none of ours. */
function parse(data: Uint8Array): { stream: number; number: number; intact: boolean } | null {
  if (data.length < HEADER) return null;
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  if (view.getUint32(0) !== MAGIC) return null;
  const [stream, number] = [view.getUint32(4), view.getUint32(8)];
  for (let at = HEADER; at < data.length; at++) {
    if (data[at] !== filler(stream, number, at)) return { stream, number, intact: false };
  }
  return { stream, number, intact: true };
}

/** What is known of an arrival, as text: where it was sent, on which interface, from where. */
export interface Arrival {
  readonly data: Uint8Array;
  readonly destination: string;
  readonly interfaceIndex: number | null;
  readonly source: string;
}

/** What an arrival has to be; what is not given is not looked at. */
export interface Expected {
  destination?: string;
  interfaceIndex?: number;
  source?: string;
}

/** Datagrams that go one way. */
export class Stream {
  /** How many were sent; the other end may say so later. */
  sent = 0;
  readonly numbers = new Numbers();

  /** Use `Ledger.stream`. */
  constructor(
    readonly id: number,
    readonly name: string,
    /** May be changed while nothing is under way. */
    readonly expected: Expected,
  ) {}

  /** The next datagram, which counts as sent. */
  next(length: number): Uint8Array<ArrayBuffer> {
    return payload(this.id, this.sent++, length);
  }

  /** How many have not arrived. */
  get missing(): number {
    return this.sent - this.numbers.count;
  }

  /** How many have come that were never sent, at least. */
  get invented(): number {
    return Math.max(0, -this.missing, this.numbers.last + 1 - this.sent);
  }
}

/** Where streams end: one socket, whose drops are counted together. */
export class Inbox {
  readonly streams: Stream[] = [];
  /** Datagrams sent here that are none of ours, and those that have come. */
  garbageSent = 0;
  garbage = 0;
  /** What the kernel has dropped. */
  dropped = 0;

  /** Use `Ledger.inbox`. */
  constructor(
    readonly name: string,
    /** How many datagrams one drop may stand for: the kernel counts a train once. */
    readonly perDrop: number,
  ) {}

  /** How many have not arrived, of all sorts. */
  get missing(): number {
    return this.streams.reduce((sum, { missing }) => sum + missing, 0) +
      this.garbageSent - this.garbage;
  }

  /** How many have come that were never sent, at least. */
  get invented(): number {
    return this.streams.reduce(
      (sum, { invented }) => sum + invented,
      Math.max(0, this.garbage - this.garbageSent),
    );
  }

  /** How many are neither here nor dropped; less than 0: more are dropped than are missing. */
  get lost(): number {
    const { missing, dropped } = this;
    if (this.perDrop === 1) return missing - dropped;
    return missing < dropped ? missing - dropped : Math.max(0, missing - dropped * this.perDrop);
  }
}

/** What may be wrong. */
export type Trouble =
  | "damaged"
  | "error"
  | "exception"
  | "late answer"
  | "misattributed"
  | "not followed"
  | "not found"
  | "unknown";

/** All of it. */
export class Ledger {
  readonly inboxes: Inbox[] = [];
  /** How often each went wrong. */
  readonly troubles = new Map<Trouble, number>();
  /** The first few, in words. */
  readonly details: string[] = [];
  /** Things that were done, by name. */
  readonly deeds = new Map<string, number>();
  /** The longest that something took which nothing else can be done meanwhile, in milliseconds, by name. */
  readonly longest = new Map<string, number>();
  readonly #streams = new Map<number, { stream: Stream; inbox: Inbox }>();

  /** A new place to arrive at. */
  inbox(name: string, perDrop = 1): Inbox {
    const inbox = new Inbox(name, perDrop);
    this.inboxes.push(inbox);
    return inbox;
  }

  /** A new stream to a place. */
  stream(inbox: Inbox, name: string, expected: Expected = {}): Stream {
    const stream = new Stream(this.#streams.size + 1, name, expected);
    this.#streams.set(stream.id, { stream, inbox });
    inbox.streams.push(stream);
    return stream;
  }

  /** Notes that something was done. */
  did(what: string, times = 1): void {
    this.deeds.set(what, (this.deeds.get(what) ?? 0) + times);
  }

  /** Does something, and notes how long it took. */
  timed<T>(what: string, act: () => T): T {
    const start = performance.now();
    const result = act();
    this.longest.set(what, Math.max(this.longest.get(what) ?? 0, performance.now() - start));
    return result;
  }

  /** Notes that something went wrong. */
  trouble(what: Trouble, detail: string): void {
    this.troubles.set(what, (this.troubles.get(what) ?? 0) + 1);
    if (this.details.length < 50) this.details.push(`${what}: ${detail}`);
  }

  /** Notes an arrival; returns its stream, or `null` for what is none of ours. */
  arrived(inbox: Inbox, arrival: Arrival): Stream | null {
    const said = parse(arrival.data);
    if (said === null) {
      inbox.garbage++;
      return null;
    }
    const words = `${said.number} of stream ${said.stream} at ${inbox.name}`;
    const known = this.#streams.get(said.stream);
    if (!known || known.inbox !== inbox) {
      this.trouble("unknown", words);
      return null;
    }
    const { stream } = known;
    if (!said.intact) this.trouble("damaged", words);
    for (const key of ["destination", "interfaceIndex", "source"] as const) {
      const wanted = stream.expected[key];
      if (wanted !== undefined && wanted !== arrival[key]) {
        this.trouble(
          "misattributed",
          `${words} (${stream.name}): ${key} ${arrival[key]}, not ${wanted}`,
        );
      }
    }
    stream.numbers.add(said.number);
    return stream;
  }

  /** The sums over all. */
  get sums(): Record<
    "sent" | "received" | "dropped" | "repeated" | "lost" | "invented" | "garbage",
    number
  > {
    const sums = {
      ...{ sent: 0, received: 0, dropped: 0, repeated: 0 },
      ...{ lost: 0, invented: 0, garbage: 0 },
    };
    for (const inbox of this.inboxes) {
      sums.dropped += inbox.dropped;
      sums.garbage += inbox.garbage;
      // What is lost in one place is not made good by what is too much in another.
      sums.lost += Math.abs(inbox.lost);
      sums.invented += inbox.invented;
      for (const { sent, numbers } of inbox.streams) {
        sums.sent += sent;
        sums.received += numbers.count;
        sums.repeated += numbers.repeated;
      }
    }
    return sums;
  }

  /** Whether every sent datagram has come or is known to be dropped. */
  get settled(): boolean {
    return this.inboxes.every(({ lost }) => lost === 0);
  }
}
