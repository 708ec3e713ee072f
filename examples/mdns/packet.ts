/**
 * DNS messages as multicast DNS has them (RFC 6762, section 18), to bytes and back. No I/O.
 *
 * Names and the data of records are by dns-packet. The frame around them is here: dns-packet's own knows no
 * QU bit in questions (section 5.4), does not compare the length of a record with its data, and takes a dot
 * inside of a label for the end of one, though people do call a printer "Dr. Ink" (RFC 6763, section 4.3).
 *
 * In names that dot is written "\.": "Dr\. Ink._ipp._tcp.local".
 */
import dns from "dns-packet";
import { Buffer } from "node:buffer";
import { formatIp, parseIp } from "../../mod.ts";

/** Records that are understood; others are skipped. */
const TYPES = { A: 1, CNAME: 5, PTR: 12, TXT: 16, AAAA: 28, SRV: 33, NSEC: 47 } as const;

/** The type of a record. */
export type RecordType = keyof typeof TYPES;

/** What can be asked for. */
export type QuestionType = RecordType | "ANY";

const ANY = 255;
const typeNames = new Map<number, RecordType>(
  Object.entries(TYPES).map(([name, number]) => [number, name as RecordType]),
);

/** A question. */
export interface Question {
  name: string;
  type: QuestionType;
  /** The answer may come by unicast (the QU bit). */
  unicast?: boolean;
}

/** Where a service is. */
export interface Srv {
  priority: number;
  weight: number;
  port: number;
  target: string;
}

/** What a record says, by its type. */
export type RecordData =
  | { type: "A" | "AAAA" | "PTR" | "CNAME"; data: string }
  | { type: "SRV"; data: Srv }
  | { type: "TXT"; data: Uint8Array[] }
  /** The types that its name has records of, among those that are understood. */
  | { type: "NSEC"; data: RecordType[] };

/** A record. */
export type Resource = RecordData & {
  name: string;
  /** How long it holds, in seconds; 0: it holds no longer. */
  ttl: number;
  /** It is all there is of its name and type (the cache-flush bit, section 10.2). */
  flush: boolean;
};

/** A message. */
export interface Message {
  id: number;
  response: boolean;
  /** More known answers follow in another message. */
  truncated: boolean;
  questions: Question[];
  answers: Resource[];
  authorities: Resource[];
  additionals: Resource[];
}

/** The longest message: section 17. */
const MAX_BYTES = 9000;
const IN = 1;
/** The first bit of the class: QU in a question, cache-flush in a record. */
const TOP = 0x8000;
const MAIL = { mail: true };

/** Puts a name into the form by which names are compared: ASCII letters have no case (section 16). */
export function nameKey(name: string): string {
  return name.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

/** The text that equals that of another record only if both say the same. */
export function dataKey({ type, data }: RecordData): string {
  switch (type) {
    case "SRV":
      return [data.priority, data.weight, data.port, nameKey(data.target)].join(" ");
    case "TXT":
      return data.map((part) => Buffer.from(part).toString("hex")).join(" ");
    case "NSEC":
      return data.join(" ");
    default:
      return nameKey(data);
  }
}

/** Encodes a message; what is left out is empty. */
export function encode(message: Partial<Message>): Uint8Array {
  const { questions = [], answers = [], authorities = [], additionals = [] } = message;
  const header = Buffer.alloc(12);
  const flags = message.response ? 0x8400 : 0; // an answer is authoritative
  const counts = [questions, answers, authorities, additionals].map(({ length }) => length);
  [message.id ?? 0, flags | (message.truncated ? 0x0200 : 0), ...counts]
    .forEach((word, index) => header.writeUInt16BE(word, index * 2));
  const records = [...answers, ...authorities, ...additionals].map(encodeResource);
  return Buffer.concat([header, ...questions.map(encodeQuestion), ...records]);
}

/** Encodes a name; a label that is too long makes dns-packet write something else. */
function encodeName(name: string): Buffer {
  // An empty name is the root's.
  const bytes = dns.name.encode(name, undefined, 0, MAIL).subarray(0, dns.name.encode.bytes);
  let text: string | null = null;
  try {
    text = dns.name.decode(bytes, 0, MAIL);
  } catch {
    // Said below.
  }
  if (text !== (name || ".")) {
    throw new TypeError(`"${name}" is no DNS name: labels have 1 to 63 bytes, a name up to 254`);
  }
  return bytes;
}

function words(...values: number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 2);
  values.forEach((value, index) => bytes.writeUInt16BE(value, index * 2));
  return bytes;
}

/** The bytes of a question. */
export function encodeQuestion({ name, type, unicast }: Question): Uint8Array {
  const number = type === "ANY" ? ANY : TYPES[type];
  if (number === undefined) {
    throw new TypeError(`"${type}" is none of ${Object.keys(TYPES).join(", ")} and ANY`);
  }
  return Buffer.concat([encodeName(name), words(number, unicast ? TOP | IN : IN)]);
}

/** The bytes of a record. */
export function encodeResource(record: Resource): Uint8Array {
  const fixed = Buffer.alloc(8);
  fixed.writeUInt16BE(TYPES[record.type], 0);
  fixed.writeUInt16BE(record.flush ? TOP | IN : IN, 2);
  fixed.writeUInt32BE(record.ttl, 4);
  return Buffer.concat([encodeName(record.name), fixed, encodeData(record)]);
}

function encodeData(record: Resource): Buffer {
  const { type, data } = record;
  switch (type) {
    case "PTR":
    case "CNAME":
      return withLength(encodeName(data));
    case "SRV": {
      const { priority, weight, port, target } = data;
      return withLength(Buffer.concat([words(priority, weight, port), encodeName(target)]));
    }
    case "TXT": {
      // RFC 6763, section 6.1: no strings at all are written as one that is empty.
      const parts = data.length === 0 ? [Buffer.alloc(0)] : data.map((part) => Buffer.from(part));
      if (parts.some((part) => part.length > 255)) {
        throw new TypeError("a string of a TXT record has at most 255 bytes");
      }
      return dns.record("TXT").encode(parts);
    }
    case "NSEC":
      return dns.record("NSEC").encode({ nextDomain: record.name, rrtypes: data });
    default:
      return dns.record(type).encode(data);
  }
}

function withLength(data: Buffer): Buffer {
  return Buffer.concat([words(data.length), data]);
}

/** Decodes a message; null if it is none, or none of multicast DNS (section 18: opcode and rcode are 0). */
export function decode(data: Uint8Array): Message | null {
  if (data.length < 12 || data.length > MAX_BYTES) return null;
  try {
    return new Reader(Buffer.from(data.buffer, data.byteOffset, data.byteLength)).message();
  } catch (error) {
    // Whatever is wrong with a packet, dns-packet and Buffer throw.
    if (error instanceof Error) return null;
    throw error;
  }
}

/** Reads a message from its beginning to its end. */
class Reader {
  #bytes: Buffer;
  #at = 12;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  message(): Message | null {
    const [id, flags, ...counts] = Array.from(
      { length: 6 },
      (_, i) => this.#bytes.readUInt16BE(i * 2),
    );
    if ((flags & 0x780f) !== 0) return null;
    const questions: Question[] = [];
    for (let i = 0; i < counts[0]; i++) {
      const question = this.#question();
      if (question) questions.push(question);
    }
    const [answers, authorities, additionals] = counts.slice(1).map((count) =>
      this.#records(count)
    );
    const response = (flags & 0x8000) !== 0, truncated = (flags & 0x0200) !== 0;
    return { id, response, truncated, questions, answers, authorities, additionals };
  }

  #name(end = this.#bytes.length): string {
    const name = dns.name.decode(this.#bytes.subarray(0, end), this.#at, MAIL);
    this.#at += dns.name.decode.bytes;
    // What stands for bytes that are no UTF-8 (section 16); as text it might be longer than a label can be.
    if (name.includes("\ufffd")) throw new TypeError("a name is not UTF-8");
    // Whoever made it up so that we cannot say it again is not heard: it may come back in our questions.
    encodeName(name);
    return name;
  }

  #word(): number {
    const word = this.#bytes.readUInt16BE(this.#at);
    this.#at += 2;
    return word;
  }

  #question(): Question | null {
    const name = this.#name();
    const number = this.#word(), dnsClass = this.#word();
    const type = number === ANY ? "ANY" : typeNames.get(number);
    const asksUs = [IN, ANY].includes(dnsClass & ~TOP);
    return type && asksUs ? { name, type, unicast: (dnsClass & TOP) !== 0 } : null;
  }

  #records(count: number): Resource[] {
    const records: Resource[] = [];
    for (let i = 0; i < count; i++) {
      const record = this.#record();
      if (record) records.push(record);
    }
    return records;
  }

  #record(): Resource | null {
    const name = this.#name();
    const type = typeNames.get(this.#word());
    const dnsClass = this.#word();
    const ttl = this.#bytes.readUInt32BE(this.#at);
    this.#at += 4;
    const start = this.#at;
    const end = start + 2 + this.#word();
    if (end > this.#bytes.length) throw new RangeError("a record is longer than its message");
    const understood = type && (dnsClass & ~TOP) === IN ? this.#data(type, start, end) : null;
    if (understood && this.#at !== end) {
      throw new RangeError("a record has another length than it says");
    }
    this.#at = end;
    return understood && { name, ttl, flush: (dnsClass & TOP) !== 0, ...understood };
  }

  /** @param start Where its length is; reading goes on behind that. */
  #data(type: RecordType, start: number, end: number): RecordData {
    switch (type) {
      case "PTR":
      case "CNAME":
        return { type, data: this.#name(end) };
      case "SRV": {
        const [priority, weight, port] = [this.#word(), this.#word(), this.#word()];
        return { type, data: { priority, weight, port, target: this.#name(end) } };
      }
    }
    const codec = dns.record(type);
    const value = codec.decode(this.#bytes.subarray(0, end), start);
    this.#at = start + codec.decode.bytes;
    switch (type) {
      case "TXT":
        // Copied, as packets share memory: what is kept would keep all of it.
        return { type, data: (value as Uint8Array[]).map((part) => new Uint8Array(part)) };
      case "NSEC": {
        const { rrtypes } = value as { rrtypes: string[] };
        return { type, data: rrtypes.filter((name): name is RecordType => name in TYPES) };
      }
      default:
        return { type, data: formatIp(parseIp(value as string)) };
    }
  }
}
