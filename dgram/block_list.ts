/**
 * Addresses that nothing is sent to or taken from.
 *
 * @module
 */

import type { BlockList } from "node:net";
import { unmap } from "../address/classify.ts";
import { formatIp, tryParseIp } from "../address/ip.ts";

/** Whether a list has an address. */
export function isBlocked(list: BlockList | undefined, address: string): boolean {
  const ip = list && tryParseIp(address);
  if (!ip) return false;
  // The list knows no zones; IPv4 is listed as such, however it is written.
  return [ip, unmap(ip)].some((ip) =>
    list.check(formatIp({ ...ip, zone: null }), ip.family === "IPv4" ? "ipv4" : "ipv6")
  );
}
