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
 * @param onLoopback Whether it came in on a loopback interface.
 */
export function replyOptions(packet: Packet, onLoopback: boolean): SendOptions {
  const options: SendOptions = {};
  const { source, destination, interfaceIndex } = packet;
  const own = parseIp(destination.address);
  if (packet.cast === "unicast" && !isUnspecified(own)) {
    options.source = destination.scopeId === null
      ? destination.address
      : `${destination.address}%${destination.scopeId}`;
  }
  // What this host sends to one of its own addresses comes in on loopback,
  // whatever interface the address is on: forcing the answer out of loopback
  // would miss the route back. Link-local addresses carry their index anyway.
  if (interfaceIndex !== null && (!onLoopback || needsZone(parseIp(source.address)))) {
    options.interface = interfaceIndex;
  }
  return options;
}
