// IPv4 literals: strict dotted decimal, and text from a word fast enough to run once for every packet.

import { quote } from "./text.ts";

/**
 * Reads four decimal octets from `start` to the end of the text.
 *
 * Strict on purpose: the C library's `inet_aton` also takes `1.2.3`, hexadecimal and octal, so that `010.0.0.1`
 * means 8.0.0.1 to one program and 10.0.0.1 to the next (RFC 6943 §3.1.1). All of those are refused.
 *
 * @param text The literal; in an IPv6 literal with an IPv4 tail, the whole of it.
 * @param start Index of the first octet.
 * @param kind Names the literal in messages ("IPv4 address").
 * @returns The address as an unsigned 32-bit number, the first octet most significant.
 * @throws {TypeError} Naming the octet, what is wrong with it and the index.
 * @internal
 */
export function parseIpv4Word(text: string, start: number, kind: string): number {
  const end = text.length;
  let word = 0;
  let i = start;
  for (let octet = 1; octet <= 4; octet++) {
    const from = i;
    let value = 0;
    for (; i < end; i++) {
      const digit = text.charCodeAt(i) - 48;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
    }
    if (i < end && text[i] !== ".") {
      throw bad(
        kind,
        text,
        `octet ${octet} holds ${quote(text[i])}, which is not a decimal digit,`,
        i,
      );
    }
    if (i === from) throw bad(kind, text, `octet ${octet} is missing`, i);
    if (i - from > 1 && text[from] === "0") {
      const problem =
        `octet ${octet} has a leading zero, which some systems read as octal and others as decimal,`;
      throw bad(kind, text, problem, from);
    }
    if (value > 255) {
      throw bad(kind, text, `octet ${octet} is more than 255`, from);
    }
    word = word * 256 + value;
    if (octet < 4) {
      if (i === end) {
        throw bad(kind, text, `only ${octet} of 4 octets, the end comes`, i);
      }
      i++; // the dot
    } else if (i < end) {
      throw bad(kind, text, "more than four octets, the fourth ends", i);
    }
  }
  return word;
}

function bad(kind: string, text: string, problem: string, index: number): TypeError {
  return new TypeError(
    `invalid ${kind} ${quote(text)}: ${problem} at index ${index}; ` +
      `IPv4 is four decimal numbers from 0 to 255 without leading zeros, such as "192.0.2.1"`,
  );
}

/** "0" to "255": joining ready strings is cheaper than converting four numbers. */
const OCTETS: readonly string[] = Array.from({ length: 256 }, (_, i) => String(i));

// A direct-mapped cache: a socket hears the same few peers again and again. It never grows; a colliding address
// simply takes the slot. The keys alone decide, so the initial key 0 needs its text from the start.
const SLOTS = 256;
const keys = new Uint32Array(SLOTS);
const texts: string[] = new Array(SLOTS).fill("0.0.0.0");

/**
 * Writes an IPv4 address in dotted decimal. Made for the receive path: a few nanoseconds for an address seen
 * lately, from a cache of 256 entries that never grows.
 *
 * @param w0 The address as a 32-bit number, the first octet most significant; signed or unsigned.
 * @returns The text, such as `192.0.2.1`.
 *
 * @example
 * ```ts
 * import { formatIpv4 } from "@pktinfo/pktinfo";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(formatIpv4(0xc0000201), "192.0.2.1");
 * ```
 */
export function formatIpv4(w0: number): string {
  const word = w0 >>> 0;
  const slot = Math.imul(word, 0x9e3779b1) >>> 24;
  if (keys[slot] === word) return texts[slot];
  const text = OCTETS[word >>> 24] + "." + OCTETS[(word >>> 16) & 255] + "." +
    OCTETS[(word >>> 8) & 255] + "." +
    OCTETS[word & 255];
  keys[slot] = word;
  texts[slot] = text;
  return text;
}
