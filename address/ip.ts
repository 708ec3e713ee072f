// IP literals as four unsigned 32-bit words, which is what sockaddr codecs, filters and caches want.

import { formatIpv4, parseIpv4Word } from "./ipv4.ts";
import { formatIpv6, parseIpv6Words } from "./ipv6.ts";
import { quote } from "./text.ts";
import { checkZone } from "./zone.ts";

export { formatIpv4 } from "./ipv4.ts";
export { formatIpv6 } from "./ipv6.ts";

/** The address family of an address or a socket. */
export type Family = "IPv4" | "IPv6";

/**
 * An IP address without port, as numbers. Each word is an unsigned 32-bit number (`>>> 0`) in network order:
 * `w0` holds the first four bytes, the first byte most significant.
 *
 * @example
 * ```ts
 * import { type Ip, parseIp } from "@pktinfo/pktinfo";
 * import { assertEquals } from "@std/assert";
 *
 * const ip: Ip = parseIp("127.0.0.1");
 * assertEquals(ip.w0, 0x7f000001);
 * ```
 */
export interface Ip {
  /** "IPv4" uses `w0` only; "IPv6" uses all four words. */
  readonly family: Family;
  /** Bytes 0 to 3: the whole of an IPv4 address. */
  readonly w0: number;
  /** Bytes 4 to 7 of an IPv6 address; 0 for IPv4. */
  readonly w1: number;
  /** Bytes 8 to 11 of an IPv6 address; 0 for IPv4. */
  readonly w2: number;
  /** Bytes 12 to 15 of an IPv6 address; 0 for IPv4. */
  readonly w3: number;
  /** The zone as written after `%`, without the `%`: interface name or decimal index. null: none was given. */
  readonly zone: string | null;
}

/**
 * Reads an IP literal, strictly.
 *
 * IPv4 is four decimal octets without leading zeros. IPv6 follows RFC 4291 §2.2, with an optional zone after a
 * plain `%` (RFC 4007 §11): not empty, at most 255 characters, no whitespace, `%`, `/`, `]` or NUL, not index `0`.
 * The `%25` that RFC 6874 wants in URIs is not decoded. No surrounding whitespace, brackets, port, prefix length
 * or host name.
 *
 * @param text The literal, such as `192.0.2.1`, `2001:db8::1` or `fe80::1%eth0`.
 * @returns The address; its `zone` is null when none was written.
 * @throws {TypeError} Saying what is wrong, where, and what would be right.
 *
 * @example
 * ```ts
 * import { parseIp } from "@pktinfo/pktinfo";
 * import { assertEquals, assertThrows } from "@std/assert";
 *
 * const ip = parseIp("fe80::1%eth0");
 * assertEquals([ip.family, ip.w0, ip.w3, ip.zone], ["IPv6", 0xfe800000, 1, "eth0"]);
 * assertThrows(() => parseIp("1..2.3"), TypeError, "octet 2 is missing at index 2");
 * ```
 */
export function parseIp(text: string): Ip {
  if (typeof text !== "string") {
    throw new TypeError(`an IP address must be a string, not ${quote(text)}`);
  }
  const percent = text.indexOf("%");
  const literal = percent < 0 ? text : text.slice(0, percent);
  if (literal.includes(":") && !looksLikeIpv4AndPort(literal)) {
    if (literal[0] === "[") {
      throw new TypeError(
        `invalid IPv6 address ${quote(text)}: brackets belong to address and port; leave them out`,
      );
    }
    const [w0, w1, w2, w3] = parseIpv6Words(literal);
    const zone = percent < 0 ? null : checkZone(text.slice(percent + 1), "zone", text);
    return { family: "IPv6", w0, w1, w2, w3, zone };
  }
  if (literal === "") {
    throw new TypeError(
      `${
        quote(text)
      } is not an IP address: it has none; write one such as "192.0.2.1" or "2001:db8::1"`,
    );
  }
  if (looksLikeName(literal)) {
    throw new TypeError(
      `${quote(text)} is not an IP address, and names are not resolved here; ` +
        `look the name up first (Deno.resolveDns, node:dns) or find the interface's address`,
    );
  }
  const w0 = parseIpv4Word(literal, 0, "IPv4 address");
  if (percent >= 0) {
    throw new TypeError(
      `invalid IPv4 address ${quote(text)}: zones (%) exist for IPv6 only; ` +
        `name the interface by itself (in an endpoint string: ${
          quote(`${literal}@${text.slice(percent + 1)}`)
        })`,
    );
  }
  return { family: "IPv4", w0, w1: 0, w2: 0, w3: 0, zone: null };
}

/** `1.2.3.4:5`: the IPv4 complaint (":" after octet 4) tells more than the IPv6 one. */
function looksLikeIpv4AndPort(literal: string): boolean {
  return /^[0-9]+\.[0-9.]*:[0-9]*$/.test(literal);
}

/** A host name's last label begins with a letter, a number's never does (RFC 1123 §2.1). */
function looksLikeName(literal: string): boolean {
  return /(?:^|\.)\p{L}[^.\s]*\.?$/u.test(literal);
}

/**
 * Reads an IP literal like {@link parseIp}, for text that may well be something else.
 *
 * @param text The literal.
 * @returns The address, or null when the text is not one.
 *
 * @example
 * ```ts
 * import { tryParseIp } from "@pktinfo/pktinfo";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(tryParseIp("eth0"), null);
 * assertEquals(tryParseIp("::1")?.family, "IPv6");
 * ```
 */
export function tryParseIp(text: string): Ip | null {
  try {
    return parseIp(text);
  } catch (error) {
    if (error instanceof TypeError) return null;
    throw error;
  }
}

/**
 * Writes an address as text: dotted decimal, or RFC 5952 with `%zone` where it has one.
 *
 * @param ip The address. It is not checked.
 * @returns The text; {@link parseIp} reads it back to an equal address.
 *
 * @example
 * ```ts
 * import { formatIp, parseIp } from "@pktinfo/pktinfo";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(formatIp(parseIp("FE80:0:0:0:0:0:0:1%eth0")), "fe80::1%eth0");
 * ```
 */
export function formatIp(ip: Ip): string {
  if (ip.family === "IPv4") return formatIpv4(ip.w0);
  const text = formatIpv6(ip.w0, ip.w1, ip.w2, ip.w3);
  return ip.zone === null ? text : `${text}%${ip.zone}`;
}

/**
 * Tells whether two addresses are the same, whatever their zones say. An IPv4 address and the IPv4-mapped IPv6
 * address of it are different.
 *
 * @param a One address.
 * @param b The other.
 * @returns true when family and all bits agree.
 *
 * @example
 * ```ts
 * import { parseIp, sameIp } from "@pktinfo/pktinfo";
 * import { assert } from "@std/assert";
 *
 * assert(sameIp(parseIp("fe80::1%eth0"), parseIp("fe80:0::1")));
 * assert(!sameIp(parseIp("127.0.0.1"), parseIp("::ffff:127.0.0.1")));
 * ```
 */
export function sameIp(a: Ip, b: Ip): boolean {
  return a.family === b.family && a.w0 === b.w0 && a.w1 === b.w1 &&
    a.w2 === b.w2 && a.w3 === b.w3;
}
