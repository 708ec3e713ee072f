// What kind of address this is. Bits only: an IPv4-mapped address (::ffff:127.0.0.1) is IPv6 and none of the
// special IPv6 addresses; who wants the IPv4 answer calls unmap first.

import { formatIp, type Ip } from "./ip.ts";

/**
 * Tells whether an address is a multicast group: 224.0.0.0/4 (RFC 1112) or ff00::/8 (RFC 4291 §2.7).
 *
 * @param ip The address. `::ffff:224.0.1.1` is not one: no kernel does multicast on it, see {@link unmap}.
 * @returns true for a group.
 *
 * @example
 * ```ts
 * import { isMulticast, parseIp } from "@pktinfo/pktinfo";
 * import { assert } from "@std/assert";
 *
 * assert(isMulticast(parseIp("ff02::fb")));
 * ```
 */
export function isMulticast(ip: Ip): boolean {
  return ip.family === "IPv4" ? ip.w0 >>> 28 === 0xe : ip.w0 >>> 24 === 0xff;
}

/**
 * Tells whether an address is the wildcard: 0.0.0.0 or `::` (RFC 4291 §2.5.2).
 *
 * @param ip The address.
 * @returns true for the wildcard.
 *
 * @example
 * ```ts
 * import { isUnspecified, parseIp } from "@pktinfo/pktinfo";
 * import { assert } from "@std/assert";
 *
 * assert(isUnspecified(parseIp("::")));
 * ```
 */
export function isUnspecified(ip: Ip): boolean {
  return ip.w0 === 0 && ip.w1 === 0 && ip.w2 === 0 && ip.w3 === 0;
}

/**
 * Tells whether an address is loopback: all of 127.0.0.0/8 (RFC 1122 §3.2.1.3), or `::1` alone (RFC 4291 §2.5.3).
 *
 * @param ip The address.
 * @returns true for loopback.
 *
 * @example
 * ```ts
 * import { isLoopback, parseIp } from "@pktinfo/pktinfo";
 * import { assert } from "@std/assert";
 *
 * assert(isLoopback(parseIp("127.0.0.2")));
 * ```
 */
export function isLoopback(ip: Ip): boolean {
  if (ip.family === "IPv4") return ip.w0 >>> 24 === 127;
  return ip.w0 === 0 && ip.w1 === 0 && ip.w2 === 0 && ip.w3 === 1;
}

/**
 * Tells whether an address is link-local unicast: 169.254.0.0/16 (RFC 3927) or fe80::/10 (RFC 4291 §2.5.6).
 *
 * @param ip The address.
 * @returns true for link-local.
 *
 * @example
 * ```ts
 * import { isLinkLocal, parseIp } from "@pktinfo/pktinfo";
 * import { assert } from "@std/assert";
 *
 * assert(isLinkLocal(parseIp("fe80::1%eth0")));
 * ```
 */
export function isLinkLocal(ip: Ip): boolean {
  return ip.family === "IPv4" ? ip.w0 >>> 16 === 0xa9fe : ip.w0 >>> 22 === 0x3fa;
}

/**
 * Tells whether an address is the limited broadcast 255.255.255.255 (RFC 919 §7). A subnet's own broadcast address
 * cannot be told without its prefix length.
 *
 * @param ip The address.
 * @returns true for 255.255.255.255.
 *
 * @example
 * ```ts
 * import { isLimitedBroadcast, parseIp } from "@pktinfo/pktinfo";
 * import { assert } from "@std/assert";
 *
 * assert(isLimitedBroadcast(parseIp("255.255.255.255")));
 * ```
 */
export function isLimitedBroadcast(ip: Ip): boolean {
  return ip.family === "IPv4" && ip.w0 === 0xffff_ffff;
}

/**
 * Tells whether an address is an IPv4-mapped IPv6 address, ::ffff:0:0/96 (RFC 4291 §2.5.5.2).
 *
 * @param ip The address.
 * @returns true for a mapped address, whatever IPv4 address it holds.
 *
 * @example
 * ```ts
 * import { isIpv4Mapped, parseIp } from "@pktinfo/pktinfo";
 * import { assert } from "@std/assert";
 *
 * assert(isIpv4Mapped(parseIp("::ffff:192.0.2.1")));
 * ```
 */
export function isIpv4Mapped(ip: Ip): boolean {
  return ip.family === "IPv6" && ip.w0 === 0 && ip.w1 === 0 && ip.w2 === 0xffff;
}

/**
 * Turns an IPv4-mapped address into the IPv4 address it holds; a zone on it, which says nothing there, is dropped.
 *
 * @param ip Any address.
 * @returns The IPv4 address for a mapped one; anything else is returned as it is.
 * @throws {TypeError} For a mapped multicast group (`::ffff:224.0.1.1`): sending there from an IPv6 socket is not
 * IPv4 multicast, so that quietly turning it into one, or quietly not, would be wrong.
 *
 * @example
 * ```ts
 * import { formatIp, parseIp, unmap } from "@pktinfo/pktinfo";
 * import { assertEquals, assertThrows } from "@std/assert";
 *
 * assertEquals(formatIp(unmap(parseIp("::ffff:192.0.2.1"))), "192.0.2.1");
 * assertThrows(() => unmap(parseIp("::ffff:224.0.1.1")), TypeError, 'use "224.0.1.1"');
 * ```
 */
export function unmap(ip: Ip): Ip {
  if (!isIpv4Mapped(ip)) return ip;
  const inner: Ip = {
    family: "IPv4",
    w0: ip.w3,
    w1: 0,
    w2: 0,
    w3: 0,
    zone: null,
  };
  if (isMulticast(inner)) {
    const text = formatIp(inner);
    throw new TypeError(
      `::ffff:${text} is an IPv4-mapped multicast address: sending to it with an IPv6 socket is not the same as ` +
        `IPv4 multicast, the kernel does not do multicast on it; use "${text}" ` +
        `(an IPv4 destination; a dual-stack socket sends it from its IPv4 half)`,
    );
  }
  return inner;
}

/**
 * Tells whether an address means nothing without an interface: link-local unicast fe80::/10, and groups of
 * interface-local and link-local scope, ff01::/16 and ff02::/16 with any flags (RFC 4007 §6).
 *
 * @param ip The address. IPv4 has no zones: always false, for 169.254.0.0/16 and 224.0.0.0/24 too.
 * @returns true when a zone or an interface has to be given with it.
 *
 * @example
 * ```ts
 * import { needsZone, parseIp } from "@pktinfo/pktinfo";
 * import { assert } from "@std/assert";
 *
 * assert(needsZone(parseIp("ff02::fb")));
 * assert(!needsZone(parseIp("2001:db8::1")));
 * ```
 */
export function needsZone(ip: Ip): boolean {
  return ip.family === "IPv6" && ipv6NeedsZone(ip.w0);
}

/**
 * {@link needsZone} for the hot path, where an address is words and no object.
 *
 * @param w0 The first word of an IPv6 address.
 * @returns true for fe80::/10 and for groups of scope 1 and 2.
 * @internal
 */
export function ipv6NeedsZone(w0: number): boolean {
  if (w0 >>> 22 === 0x3fa) return true;
  const scope = (w0 >>> 16) & 15;
  return w0 >>> 24 === 0xff && (scope === 1 || scope === 2);
}

/**
 * Tells whether a group is kept for source-specific multicast: 232.0.0.0/8 or ff3x::/32 (RFC 4607 §1).
 *
 * @param ip The address.
 * @returns true for such a group; it can only be joined together with a source.
 *
 * @example
 * ```ts
 * import { isSourceSpecific, parseIp } from "@pktinfo/pktinfo";
 * import { assert } from "@std/assert";
 *
 * assert(isSourceSpecific(parseIp("232.1.2.3")));
 * assert(isSourceSpecific(parseIp("ff3e::8000:1")));
 * ```
 */
export function isSourceSpecific(ip: Ip): boolean {
  return ip.family === "IPv4" ? ip.w0 >>> 24 === 232 : (ip.w0 & 0xfff0_ffff) >>> 0 === 0xff30_0000;
}
