/**
 * Queries and answers of LLMNR (RFC 4795) to bytes and back, by dns-packet. No I/O.
 */
import dns from "dns-packet";
import { Buffer } from "node:buffer";

export const LLMNR_PORT = 5355;
export const GROUPS = { IPv4: "224.0.0.252", IPv6: "ff02::1:3" } as const;
/** Section 2.8 */
const TTL = 30;
/** Section 2.1: an Ethernet's jumbo frame. */
const MAX_BYTES = 9194;
/** Section 2.1.1: conflict, truncated, tentative. */
const C = 1 << 10, TC = 1 << 9, T = 1 << 8;
/** What an answer has at most: anybody can ask in somebody else's name. */
const MAX_ANSWER_BYTES = 512;

/** What is asked for here. */
export type AddressType = "A" | "AAAA";

/** A query. */
export interface Query {
  readonly id: number;
  readonly name: string;
  readonly type: string;
}

/** An answer to one of our queries. */
export interface Response {
  readonly id: number;
  readonly addresses: readonly string[];
}

/** A query for the addresses of a name. */
export function encodeQuery({ id, name, type }: Query): Uint8Array {
  return dns.encode({ id, questions: [{ name, type }] });
}

/**
 * The answer of a host that has these addresses, perhaps none of the type that is asked for. Too many are left out, and it
 * is marked as cut (section 2.1.1).
 */
export function encodeResponse(query: Query, addresses: readonly string[]): Uint8Array {
  const { id, name, type } = query;
  const answers = addresses
    .map((data) => ({ name, type: data.includes(":") ? "AAAA" : "A", ttl: TTL, data }))
    .filter((record) => type === record.type || type === "ANY");
  const message = { id, type: "response" as const, questions: [{ name, type }] };
  const whole = dns.encode({ ...message, answers });
  return whole.length <= MAX_ANSWER_BYTES ? whole : dns.encode({ ...message, flags: TC });
}

function read(data: Uint8Array, type: "query" | "response") {
  if (data.length < 12 || data.length > MAX_BYTES) return null;
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  // dns-packet makes room for as many records as the header says, half a megabyte at most for each of the four
  // counts; the shortest has 11 bytes.
  const records = [6, 8, 10].reduce((sum, at) => sum + bytes.readUInt16BE(at), 0);
  if (bytes.readUInt16BE(4) !== 1 || records > data.length / 11) return null;
  try {
    const message = dns.decode(bytes);
    const isIt = message.type === type && message.opcode === "QUERY" &&
      message.questions[0].class === "IN";
    return isIt ? message : null;
  } catch (error) {
    // Whatever is wrong with a packet, dns-packet and Buffer throw.
    if (error instanceof Error) return null;
    throw error;
  }
}

/** Reads a query; null if it is none, or one that is not to be answered. */
export function decodeQuery(data: Uint8Array): Query | null {
  const message = read(data, "query");
  // Whoever sets C has had several answers, and wants no more.
  if (!message || (message.flags & C) !== 0) return null;
  if (message.answers.length + message.authorities.length > 0) return null;
  const [{ name, type }] = message.questions;
  return { id: message.id, name, type };
}

/** Reads an answer to a question for a name's addresses; null if it is none, or not final. */
export function decodeResponse(data: Uint8Array, { name, type }: Query): Response | null {
  const message = read(data, "response");
  if (!message || (message.flags & (T | TC)) !== 0 || message.rcode !== "NOERROR") return null;
  const [question] = message.questions;
  if (!isSameName(question.name, name) || question.type !== type) return null;
  const addresses = message.answers
    .filter((record) => record.type === type && isSameName(record.name, name))
    .map((record) => String(record.data));
  return { id: message.id, addresses };
}

/** Names have no case in ASCII. */
export function isSameName(a: string, b: string): boolean {
  const fold = (name: string) => name.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
  return fold(a) === fold(b);
}
