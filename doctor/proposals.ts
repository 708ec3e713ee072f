/**
 * Addresses to propose where one is missing.
 *
 * @module
 */

import { formatIp } from "../address/ip.ts";

/** The link-local address that goes with a MAC address (RFC 4291, appendix A). */
export function linkLocalFromMac(mac: string | null): string | null {
  const bytes = parseMac(mac);
  if (bytes?.length !== 6) return null;
  const [a, b, c, d, e, f] = bytes;
  return formatLinkLocal(
    (((a ^ 2) << 24) | (b << 16) | (c << 8) | 0xff) >>> 0,
    ((0xfe << 24) | (d << 16) | (e << 8) | f) >>> 0,
  );
}

/** A link-local address that nobody else is likely to have. */
export function randomLinkLocal(random: () => number): string {
  const word = () => Math.floor(random() * 2 ** 32) >>> 0;
  return formatLinkLocal(word(), word());
}

function formatLinkLocal(w2: number, w3: number): string {
  return formatIp({ family: "IPv6", w0: 0xfe80_0000, w1: 0, w2, w3, zone: null });
}

/**
 * An IPv4 link-local address (RFC 3927) made of a MAC address, so that it stays the same.
 * The first and the last 256 are reserved.
 */
export function linkLocalIpv4(mac: string | null, taken: readonly string[]): string {
  const bytes = parseMac(mac) ?? [0];
  let seed = bytes.reduce((sum, byte) => (sum * 31 + byte) % 64_516, 7);
  for (;; seed = (seed + 1) % 64_516) {
    const address = `169.254.${1 + Math.floor(seed / 254)}.${1 + seed % 254}`;
    if (!taken.includes(address)) return address;
  }
}

function parseMac(mac: string | null): number[] | null {
  return mac === null ? null : mac.split(":").map((pair) => parseInt(pair, 16));
}
