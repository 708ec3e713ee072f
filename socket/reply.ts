/**
 * Where an answer goes, and from where it comes.
 *
 * @module
 */

import {
  isIpv4Mapped,
  isLimitedBroadcast,
  isMulticast,
  isUnspecified,
  needsZone,
} from "../address/classify.ts";
import type { Ip } from "../address/ip.ts";
import type { InterfaceNames } from "../interfaces/names.ts";
import { type Answer, ipOf } from "./destination.ts";
import type { Packet } from "./packet.ts";

/**
 * How a packet is answered.
 *
 * A unicast destination becomes the source: a client drops an answer from
 * another address (and on a host with several the OS would choose by route). A
 * group or broadcast address cannot be a source; there the OS chooses, out of the
 * interface the request came in on.
 *
 * @param local Whether the request came from this host itself.
 */
export function answerTo(
  { source, destination, interfaceIndex, cast }: Packet,
  local: boolean,
): Answer & { readonly interfaceIndex: number | null } {
  const own = ipOf(destination);
  // Traffic of this host with itself runs over loopback, whatever interface the
  // kernel names for it (IPv4: the one that owns the address): forcing the answer
  // out of an interface would miss the way back. Link-local addresses need theirs.
  const forced = !local || needsZone(ipOf(source));
  return {
    source: cast === "unicast" && !isUnspecified(own) ? own : null,
    interfaceIndex: forced ? interfaceIndex : null,
  };
}

/** The last address of 127.0.0.0/8, which Linux takes for a broadcast. */
const LOOPBACK_BROADCAST = 0x7fff_ffff;

/**
 * Refuses packets that name nobody to answer.
 *
 * Such a source is forged, or of a program that has no address yet (DHCP). One small forged packet must not become an
 * answer to everybody: RFC 1122, section 3.2.1.3, has no host send from a group or a broadcast, but kernels let in what
 * claims to (tests/lab/forged_test.ts).
 *
 * @throws {TypeError} If an answer could reach more than one host, or none.
 */
export function checkAnswerable(
  { source }: Packet,
  names: Pick<InterfaceNames, "ipv4Cast">,
): void {
  const ip = ipOf(source);
  const why = isMulticast(ip)
    ? "its source is a group"
    : isBroadcast(ip, names)
    ? "its source is a broadcast"
    : isUnspecified(ip)
    ? "its source is no address"
    // Our IPv6 sockets take IPv6 only. Linux lets it in all the same; the answer would go to IPv4, even to our own 127.0.0.1.
    : isIpv4Mapped(ip)
    ? "its source is an IPv4 address in an IPv6 packet"
    : source.port === 0
    ? "its source is no port"
    : null;
  if (why !== null) throw new TypeError(`a packet from ${source} cannot be answered: ${why}`);
}

function isBroadcast(ip: Ip, names: Pick<InterfaceNames, "ipv4Cast">): boolean {
  return ip.family === "IPv4" && (isLimitedBroadcast(ip) || ip.w0 === LOOPBACK_BROADCAST ||
    names.ipv4Cast(ip.w0) === "broadcast");
}
