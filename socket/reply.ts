/**
 * Where an answer goes, and from where it comes.
 *
 * @module
 */

import { isUnspecified, needsZone } from "../address/classify.ts";
import { parseIp } from "../address/ip.ts";
import type { SendOptions } from "./destination.ts";
import type { Packet } from "./packet.ts";

/**
 * The send options of an answer to a packet.
 *
 * A unicast destination becomes the source: a client drops an answer from
 * another address (and on a host with several the OS would choose by route). A
 * group or broadcast address cannot be a source; there the OS chooses, out of the
 * interface the request came in on.
 *
 * @param local Whether the request came from this host itself.
 */
export function replyOptions(packet: Packet, local: boolean): SendOptions {
  const options: SendOptions = {};
  const { source, destination, interfaceIndex } = packet;
  const own = parseIp(destination.address);
  if (packet.cast === "unicast" && !isUnspecified(own)) {
    options.source = destination.scopeId === null
      ? destination.address
      : `${destination.address}%${destination.scopeId}`;
  }
  // Traffic of this host with itself runs over loopback, whatever interface the
  // kernel names for it (IPv4: the one that owns the address): forcing the answer
  // out of an interface would miss the way back. Link-local addresses need theirs.
  if (interfaceIndex !== null && (!local || needsZone(parseIp(source.address)))) {
    options.interface = interfaceIndex;
  }
  return options;
}
