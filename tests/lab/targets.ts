/** Programs on both networks that tell what reaches them. */
import { type Receiver, startReceiver } from "./peers.ts";
import type { TwoNetworks } from "./topologies.ts";

/** The port the receivers have open. */
export const PORT = 5000;
/** The groups they have joined, beside LINK_GROUP and ff01::1234. */
export const GROUPS = { IPv4: "239.1.2.3", IPv6: "ff15::1234" } as const;
/** A group of link-local scope, which has to say the link. */
export const LINK_GROUP = "ff02::1234";

/** A receiver on a host, in the groups of both scopes. */
function receiver(net: TwoNetworks, host: "a" | "b", family: "IPv4" | "IPv6"): Promise<Receiver> {
  const groups = family === "IPv4" ? [GROUPS.IPv4] : [GROUPS.IPv6, LINK_GROUP, "ff01::1234"];
  const join = groups.map((group) => `${group}@eth0`);
  return startReceiver(net[host], { family, port: PORT, join });
}

/** Both hosts' receivers of one family. */
export async function receivers(net: TwoNetworks, family: "IPv4" | "IPv6") {
  const [onA, onB] = await Promise.all([receiver(net, "a", family), receiver(net, "b", family)]);
  return { a: onA, b: onB };
}
