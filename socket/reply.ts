/**
 * Where an answer goes, and from where it comes.
 *
 * @module
 */

import { isUnspecified, needsZone } from "../address/classify.ts";
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
