/**
 * A small responder: announces one service, and tells each network the addresses that this host has there.
 *
 * Left out of RFC 6762: reverse names, waiting for the rest of a query with the TC bit (7.2), leaving out what
 * another host has just answered (7.4), and announcing anew when an address changes (8.4; whoever asks gets
 * the new one).
 */
import type { NetworkInterface } from "../../mod.ts";
import { nextPacket } from "../shared/next_packet.ts";
import { isOnLink, presentInterfaces } from "../shared/on_link.ts";
import type { Link } from "./cache.ts";
import {
  isFromLink,
  linksOf,
  MDNS_PORT,
  type MdnsOptions,
  openMdnsSocket,
  refusalOf,
  sendToLink,
} from "./link.ts";
import { decode, encode, type Message } from "./packet.ts";
import { type Departure, Plan } from "./plan.ts";
import { type Announced, Zone } from "./zone.ts";

/** What a responder is called by now: others may have had the names it wanted. */
export interface Names {
  /** "Dr\. Ink._ipp._tcp.local" */
  readonly instance: string;
  /** "dr-ink.local" */
  readonly host: string;
}

/**
 * Announces a service until the signal is aborted, and then says goodbye. Yields its names once they are its
 * own, and again whenever they change.
 */
export async function* announce(
  service: Announced,
  options: MdnsOptions = {},
): AsyncGenerator<Names, void, undefined> {
  const { signal, onError } = options;
  const zone = new Zone(service);
  const present = presentInterfaces();
  const plan = new Plan(zone, (link) => addressesOf(link, present()));
  const { socket, memberships } = openMdnsSocket(options);
  await using _closed = socket;
  let wake = new AbortController();
  const stop = () => wake.abort();
  signal?.addEventListener("abort", stop, { once: true });
  const returned = new Set<number>();
  for (const membership of memberships) {
    membership.addEventListener("change", ({ joined }) => {
      for (const { index } of joined) returned.add(index);
      wake.abort();
    });
  }
  const send = async ({ link, message }: Departure) => {
    await sendToLink(socket, link, encode(message), present()).catch((error) => onError?.(error));
  };
  let told: string | null = null;
  try {
    while (!signal?.aborted) {
      wake = new AbortController();
      followLinks(plan, linksOf(memberships), returned);
      for (const departure of plan.tick(performance.now())) await send(departure);
      if (plan.links.length > 0 && plan.isEstablished && told !== zone.instance) {
        told = zone.instance;
        yield { instance: zone.instance, host: zone.host };
      }
      if (signal?.aborted) break;
      const packet = await nextPacket(socket, plan.nextAt(), wake);
      if (packet === null) continue;
      const message = decode(packet.data);
      const link = plan.links.find(({ index }) => index === packet.interfaceIndex);
      if (message === null || !link) continue;
      if (message.response) {
        if (refusalOf(packet, present) === null) plan.heard(message, performance.now());
      } else if (isFromLink(packet, present)) {
        const legacy = packet.source.port !== MDNS_PORT;
        const near = isOnLink(packet.source.address, packet.interfaceIndex, present());
        // Anybody on the link can write any source: nothing is sent elsewhere for it. The group hears the answer.
        if (legacy && !near) continue;
        const question = near ? message : withoutUnicast(message);
        const answer = plan.asked(link, question, legacy, performance.now());
        if (answer) {
          // From the address that was asked, out of the interface on which it was asked.
          await socket.reply(packet, encode(answer.message)).catch((error) => onError?.(error));
        }
      }
    }
  } finally {
    signal?.removeEventListener("abort", stop);
    for (const departure of plan.goodbye()) await send(departure);
  }
}

function followLinks(plan: Plan, links: readonly Link[], returned: Set<number>): void {
  for (const link of plan.links) {
    if (!links.some(({ index }) => index === link.index)) plan.linkDown(link);
  }
  for (const link of links) {
    const isNew = !plan.links.some(({ index }) => index === link.index);
    if (isNew || returned.has(link.index)) plan.linkUp(link, performance.now());
  }
  returned.clear();
}

/** A query whose answer everybody is to hear. */
function withoutUnicast(message: Message): Message {
  const questions = message.questions.map((question) => ({ ...question, unicast: false }));
  return { ...message, questions };
}

/** The addresses that others reach us by. Privacy addresses are left out, as they say who asked what. */
function addressesOf(link: Link, present: readonly NetworkInterface[]): string[] {
  const own = present.find(({ index }) => index === link.index)?.addresses ?? [];
  return own.filter(({ tentative, duplicate, temporary }) => !tentative && !duplicate && !temporary)
    .map(({ address }) => address);
}
