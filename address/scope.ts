// Multicast scopes: how far a group reaches (RFC 7346 for IPv6, the table of RFC 2365 §8 for IPv4).

import { isMulticast } from "./classify.ts";
import { type Ip, parseIp } from "./ip.ts";
import { readWords, SocketAddress } from "./socket_address.ts";
import { quote } from "./text.ts";

/**
 * How far a multicast group reaches.
 *
 * @example
 * ```ts
 * import { type MulticastScope, multicastScope } from "@pktinfo/pktinfo";
 * import { assertEquals } from "@std/assert";
 *
 * const scope: MulticastScope | null = multicastScope("ff05::1:3");
 * assertEquals(scope?.name, "site-local");
 * ```
 */
export interface MulticastScope {
  /** The four scope bits of RFC 7346 §2, 0 to 15; the wider the scope, the larger the value. */
  readonly value: number;
  /** The name in RFC 7346, in lower case: `link-local`, or `reserved` or `unassigned`. */
  readonly name: string;
  /** Other names in use: `node-local` for 1, as the Linux kernel says (IPV6_ADDR_SCOPE_NODELOCAL). Often empty. */
  readonly aliases: readonly string[];
}

function scope(value: number, name: string, ...aliases: string[]): MulticastScope {
  return Object.freeze({ value, name, aliases: Object.freeze(aliases) });
}

const SCOPES: readonly MulticastScope[] = [
  scope(0, "reserved"),
  // RFC 7346 renamed RFC 2373's node-local; the kernel's source still uses the old name.
  scope(1, "interface-local", "node-local"),
  scope(2, "link-local"),
  scope(3, "realm-local"),
  scope(4, "admin-local"),
  scope(5, "site-local"),
  scope(6, "unassigned"),
  scope(7, "unassigned"),
  scope(8, "organization-local"),
  scope(9, "unassigned"),
  scope(10, "unassigned"),
  scope(11, "unassigned"),
  scope(12, "unassigned"),
  scope(13, "unassigned"),
  scope(14, "global"),
  scope(15, "reserved"),
];

/**
 * Tells how far a multicast group reaches.
 *
 * IPv6 carries the scope in the address (RFC 7346). IPv4 does not; RFC 2365 §8 maps its ranges: 224.0.0.0/24 is
 * link-local, 239.255.0.0/16 (the IPv4 Local Scope) and 239.253.0.0 to 239.254.255.255, kept for its growth (§6.1),
 * site-local, and the rest of 239.0.0.0/8, that is 239.192.0.0/14 and what is kept for its growth (§6.2),
 * organization-local. Every other group is global. How far a group really reaches is up to the routers on the way.
 *
 * @param address An IP literal (a zone is allowed and ignored) or a SocketAddress.
 * @returns The scope, one shared immutable object for each value; null when the address is not multicast, as for
 * IPv4-mapped `::ffff:224.0.1.1`.
 * @throws {TypeError} When the text is not an IP literal.
 *
 * @example
 * ```ts
 * import { multicastScope } from "@pktinfo/pktinfo";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(multicastScope("ff01::1"), { value: 1, name: "interface-local", aliases: ["node-local"] });
 * assertEquals(multicastScope("224.0.0.251")?.name, "link-local");
 * assertEquals(multicastScope("192.0.2.1"), null);
 * ```
 */
export function multicastScope(address: string | SocketAddress): MulticastScope | null {
  const ip = toIp(address);
  if (!isMulticast(ip)) return null;
  return SCOPES[ip.family === "IPv6" ? (ip.w0 >>> 16) & 15 : ipv4Scope(ip.w0)];
}

function ipv4Scope(word: number): number {
  if (word >>> 8 === 0xe00000) return 2; // 224.0.0.0/24
  if (word >>> 16 >= 0xeffd) return 5; // 239.253.0.0 and up
  if (word >>> 24 === 0xef) return 8; // the rest of 239.0.0.0/8
  return 14;
}

function toIp(address: unknown): Ip {
  if (typeof address === "string") return parseIp(address);
  if (!SocketAddress.isSocketAddress(address)) {
    throw new TypeError(
      `the address must be an IP literal or a SocketAddress, not ${quote(address)}`,
    );
  }
  const words = { w0: 0, w1: 0, w2: 0, w3: 0 };
  readWords(address, words);
  return { family: address.family, ...words, zone: null };
}
