/**
 * Asks one question once, as a simple resolver does (RFC 6762, section 5.1): from a port of its own, to which
 * the answers come by unicast. Nothing is kept, and port 5353 is not needed.
 */
import { interfaces, openUdpSocket } from "../../mod.ts";
import { nextPacket } from "../shared/next_packet.ts";
import { presentInterfaces } from "../shared/on_link.ts";
import type { Link } from "./cache.ts";
import { type MdnsOptions, refusalOf, type Refused, sendToLink } from "./link.ts";
import { decode, encode, type Question, type Resource } from "./packet.ts";

/** A record of an answer. */
export interface Answer {
  /** The interface that it came in on. */
  readonly link: Link;
  /** Who answered: "192.0.2.1:5353". */
  readonly source: string;
  readonly record: Resource;
}

/** Options of {@linkcode query}. */
export interface QueryOptions extends MdnsOptions {
  /** How long to wait for answers. Default: 2 seconds. */
  waitMs?: number;
  /** Counts the answers that were not listened to. */
  refused?: Refused;
}

/** Asks on every interface; yields the records of the answers as they come. */
export async function* query(
  question: Question,
  options: QueryOptions = {},
): AsyncGenerator<Answer, void, undefined> {
  const { waitMs = 2000, signal, onError } = options;
  const refused = options.refused ?? { offLink: 0, wrongPort: 0, malformed: 0 };
  const id = 1 + Math.floor(Math.random() * 0xffff);
  const data = encode({ id, questions: [question] });
  await using socket = openUdpSocket({ multicastHops: 255, onError });
  const all = interfaces();
  const links = all.filter(({ name, up, multicast }) =>
    options.interfaces ? options.interfaces.includes(name) : up && multicast
  );
  for (const link of links) {
    await sendToLink(socket, link, data, all).catch((error) => onError?.(error));
  }
  const present = presentInterfaces();
  const end = performance.now() + waitMs;
  const wake = new AbortController();
  const stop = () => wake.abort();
  signal?.addEventListener("abort", stop, { once: true });
  try {
    while (!signal?.aborted && performance.now() < end) {
      const packet = await nextPacket(socket, end, wake);
      if (packet === null) return;
      const message = decode(packet.data);
      const refusal = message ? refusalOf(packet, present) : "malformed";
      if (refusal) refused[refusal]++;
      if (refusal || !message?.response || message.id !== id) continue;
      const link = links.find(({ index }) => index === packet.interfaceIndex);
      const source = packet.source.toString();
      if (!link) continue;
      for (const record of [...message.answers, ...message.additionals]) {
        yield { link, source, record };
      }
    }
  } finally {
    signal?.removeEventListener("abort", stop);
  }
}
