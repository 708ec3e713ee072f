/**
 * The socket of multicast DNS: port 5353 and its groups, shared with other responders of this host; and which
 * packets count (RFC 6762, sections 3, 6, 11).
 */
import {
  type Membership,
  type NetworkInterface,
  openUdpSocket,
  type Packet,
  type UdpSocket,
} from "../../mod.ts";
import { isOnLink } from "../shared/on_link.ts";
import type { Link } from "./cache.ts";

export const MDNS_PORT = 5353;
const GROUPS = { IPv4: "224.0.0.251", IPv6: "ff02::fb" } as const;

/** What every program here may be told. */
export interface MdnsOptions {
  /** Names of interfaces. Default: all that are up and can do multicast, also those that come later. */
  interfaces?: readonly string[];
  /** Ends it. */
  signal?: AbortSignal;
  /** Hears of errors that end nothing: an interface without IPv6, a network that cannot be reached. */
  onError?: (error: Error) => void;
}

/** Why packets were not listened to. */
export interface Refused {
  /** Came from another link: another hop limit than 255, or by unicast from an address that is none of ours. */
  offLink: number;
  /** Answers that came from another port than 5353. */
  wrongPort: number;
  /** Not understood. */
  malformed: number;
}

/** Opens the socket. Its multicasts and answers have the hop limit that shows that they are from this link. */
export function openMdnsSocket(
  options: MdnsOptions,
): { socket: UdpSocket; memberships: Membership[] } {
  const { onError } = options;
  const socket = openUdpSocket({
    port: MDNS_PORT,
    share: true,
    hops: 255,
    multicastHops: 255,
    onError,
  });
  const memberships: Membership[] = [];
  const refusals: Error[] = [];
  for (const { family } of socket.localAddresses) {
    for (const name of options.interfaces ?? [undefined]) {
      try {
        memberships.push(socket.join(GROUPS[family], { interface: name }));
      } catch (error) {
        refusals.push(error as Error);
      }
    }
  }
  if (memberships.length === 0) {
    void socket.close();
    throw refusals[0];
  }
  // One family may be missing on an interface.
  for (const refusal of refusals) onError?.(refusal);
  return { socket, memberships };
}

/** The interfaces on which a group is joined. */
export function linksOf(memberships: readonly Membership[]): Link[] {
  const links = new Map<number, Link>();
  for (const { interfaces } of memberships) {
    for (const { index, name } of interfaces) links.set(index, { index, name });
  }
  return [...links.values()];
}

/** Sends to the group on one interface, in every family that has an address there. */
export async function sendToLink(
  socket: UdpSocket,
  { index }: Link,
  data: Uint8Array,
  present: readonly NetworkInterface[],
  port = MDNS_PORT,
): Promise<void> {
  const addresses = present.find((item) => item.index === index)?.addresses ?? [];
  const families = socket.localAddresses.map(({ family }) => family)
    .filter((family) => addresses.some((own) => own.family === family && !own.tentative));
  const sent = families.map((family) =>
    socket.send(data, { address: GROUPS[family], port, interface: index })
  );
  // What one family cannot send the other may.
  const failed = (await Promise.allSettled(sent)).filter((result) => result.status === "rejected");
  if (failed.length > 0) throw failed[0].reason;
}

/**
 * Whether a packet is from this link (section 11). One that went to the group is, wherever it says it is
 * from, as routers do not pass it on; of one that was sent to us alone the source has to be on our network.
 */
export function isFromLink(packet: Packet, present: () => readonly NetworkInterface[]): boolean {
  const { cast, source, interfaceIndex } = packet;
  return cast === "multicast" || isOnLink(source.address, interfaceIndex, present());
}

/** Why an answer is not listened to, or null. */
export function refusalOf(
  packet: Packet,
  present: () => readonly NetworkInterface[],
): "offLink" | "wrongPort" | null {
  // Nobody who sends from elsewhere can make it arrive with 255 hops. (null: the system does not say.)
  if (packet.hops !== null && packet.hops !== 255) return "offLink";
  if (packet.source.port !== MDNS_PORT) return "wrongPort";
  return isFromLink(packet, present) ? null : "offLink";
}
