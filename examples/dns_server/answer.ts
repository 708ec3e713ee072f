/**
 * What a name server says of one name, depending on where it was asked: the addresses that this host has on the network the
 * question came from. No I/O; packets by dns-packet.
 */
import { Buffer } from "node:buffer";
import dns, { type DnsAnswer } from "dns-packet";

/** Where a question came in. */
export interface Asked {
  /** The address it was sent to. */
  address: string;
  interface: string;
  /** This host's addresses there. */
  own: readonly { address: string; family: "IPv4" | "IPv6" }[];
}

/** What is used of a packet as dns-packet reads it. */
interface Query {
  id: number;
  type: "query" | "response";
  opcode: string;
  flag_rd: boolean;
  questions: { name: string; type: string; class: string }[];
  additionals: { type: string; udpPayloadSize?: number }[];
}

/** RFC 1035, section 4.1.1 */
const NOERROR = 0, FORMERR = 1, NOTIMP = 4, REFUSED = 5;
const { AUTHORITATIVE_ANSWER, RECURSION_DESIRED, TRUNCATED_RESPONSE } = dns;
/** Addresses may move: nobody is to keep the answer for long. */
const TTL_SECONDS = 10;
/** What everybody can take (section 4.2.1), and what goes through without fragments (RFC 9715). */
const PLAIN_BYTES = 512, MAX_BYTES = 1232;

/**
 * The answer to a question, or `null` where there is none to give.
 *
 * @param name The name that is served, without the dot at its end.
 */
export function answer(data: Uint8Array, name: string, asked: Asked): Uint8Array | null {
  const query = parse(data);
  // Two servers that answer each other's answers would never stop.
  if (query === null || query.type !== "query") return null;
  const [question] = query.questions;
  const edns = query.additionals.find(({ type }) => type === "OPT");
  const say = (code: number, answers: DnsAnswer[] = [], flags = 0) =>
    dns.encode({
      type: "response",
      id: query.id,
      flags: flags | code | AUTHORITATIVE_ANSWER | (query.flag_rd ? RECURSION_DESIRED : 0),
      questions: query.questions.length === 1 ? [question] : [],
      answers,
      // RFC 6891, section 7: who has sent one gets one.
      additionals: edns
        ? [{ type: "OPT", name: ".", udpPayloadSize: MAX_BYTES, flags: 0, options: [] }]
        : [],
    });
  if (query.opcode !== "QUERY") return say(NOTIMP);
  if (query.questions.length !== 1) return say(FORMERR);
  // Bytes that are no text would come back as others.
  if (!/^[\x21-\x7e]*$/.test(question.name)) return null;
  if (question.class !== "IN" || question.name.toLowerCase() !== name.toLowerCase()) {
    return say(REFUSED);
  }
  const records = dataOf(question.type, asked)
    .map((data) => ({ name: question.name, type: question.type, ttl: TTL_SECONDS, data }));
  const whole = say(NOERROR, records);
  const room = Math.min(MAX_BYTES, Math.max(PLAIN_BYTES, edns?.udpPayloadSize ?? 0));
  return whole.length <= room ? whole : say(NOERROR, [], TRUNCATED_RESPONSE);
}

function dataOf(type: string, { address, interface: on, own }: Asked): unknown[] {
  if (type === "TXT") return [[`you asked ${address} on ${on}`]];
  const family = { A: "IPv4", AAAA: "IPv6" }[type];
  return own.filter((entry) => entry.family === family).map((entry) => entry.address);
}

function parse(data: Uint8Array): Query | null {
  const buffer = Buffer.from(data.buffer, data.byteOffset, data.length);
  // dns-packet makes room for as many as are promised before it looks: 4 ms for a header alone that promises 65,535 four
  // times. A question has at least 5 bytes, a record 11.
  if (buffer.length < 12) return null;
  const [questions, ...records] = [4, 6, 8, 10].map((at) => buffer.readUInt16BE(at));
  const promised = records.reduce((sum, count) => sum + count * 11, 12 + questions * 5);
  if (promised > buffer.length) return null;
  try {
    return dns.decode(buffer) as Query;
  } catch {
    return null;
  }
}
