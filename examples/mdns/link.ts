/**
 * The socket of multicast DNS: port 5353 and its groups, shared with other responders of this host; and which
 * packets count (RFC 6762, sections 3, 6, 11).
 */
import {
  interfaces,
  type NetworkInterface,
  openUdpSocket,
  type Packet,
  parseIp,
} from "../../mod.ts";
import type { Membership, UdpSocket } from "../../mod.ts";
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
  let refusal: unknown;
  for (const { family } of socket.localAddresses) {
    for (const name of options.interfaces ?? [undefined]) {
      try {
        memberships.push(socket.join(GROUPS[family], { interface: name }));
      } catch (error) {
        // One family may be missing on an interface.
        refusal = error;
        onError?.(error as Error);
      }
    }
  }
  if (memberships.length === 0) {
    void socket.close();
    throw refusal;
  }
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

/** The bits in which two addresses may differ are those behind the prefix. */
function samePrefix(a: string, b: string, length: number): boolean {
  const [one, other] = [parseIp(a), parseIp(b)];
  if (one.family !== other.family) return false;
  return (["w0", "w1", "w2", "w3"] as const).every((word, index) => {
    const bits = Math.min(32, Math.max(0, length - index * 32));
    const mask = bits === 0 ? 0 : (-1 << (32 - bits)) >>> 0;
    return ((one[word] ^ other[word]) & mask) === 0;
  });
}

/** Whether an address is on a network of the interface. */
export function isOnLink(
  address: string,
  index: number | null,
  present: readonly NetworkInterface[],
): boolean {
  const own = present.find((item) => item.index === index)?.addresses ?? [];
  return own.some((one) =>
    one.prefixLength !== null && samePrefix(address, one.address, one.prefixLength)
  );
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

/** The interfaces of this host, looked up at most once a second however many packets come. */
export function presentInterfaces(): () => readonly NetworkInterface[] {
  let list: readonly NetworkInterface[] = [];
  let until = -Infinity;
  return () => {
    const now = performance.now();
    if (now >= until) {
      list = interfaces();
      until = now + 1000;
    }
    return list;
  };
}

/** The next packet; null at `at` (milliseconds of performance.now), or when `wake` is aborted. */
export async function nextPacket(
  socket: UdpSocket,
  at: number,
  wake: AbortController,
): Promise<Packet | null> {
  // A timer cannot wait for longer than 24.8 days, and would end at once.
  const delayMs = Math.min(3_600_000, Math.max(0, at - performance.now()));
  const timer = setTimeout(() => wake.abort(), delayMs);
  try {
    return await socket.receive({ signal: wake.signal });
  } catch (error) {
    if (wake.signal.aborted && error === wake.signal.reason) return null;
    throw error;
  } finally {
    clearTimeout(timer);
  }
}
