// IPv6 literals: text to words after RFC 4291 §2.2, words to text after RFC 5952.

import { formatIpv4, parseIpv4Word } from "./ipv4.ts";
import { quote } from "./text.ts";

const KIND = "IPv6 address";

/**
 * Reads an IPv6 literal without zone: eight groups of at most four hexadecimal digits, one `::` for one or more
 * zero groups, and dotted decimal allowed for the last two groups (RFC 4291 §2.2).
 *
 * @param text The literal, without brackets, zone or prefix length.
 * @returns The four 32-bit words, unsigned, the first most significant.
 * @throws {TypeError} Naming what is wrong and the index.
 * @internal
 */
export function parseIpv6Words(text: string): [number, number, number, number] {
  const end = text.length;
  const groups: number[] = [];
  let gap = -1; // how many groups stand before the "::"
  let i = 0;
  if (text[0] === ":") {
    if (text[1] !== ":") throw bad(text, "a single colon cannot begin it", 0);
    gap = 0;
    i = 2;
  }
  while (i < end) {
    const from = i;
    let value = 0;
    for (; i < end; i++) {
      const digit = hexDigit(text.charCodeAt(i));
      if (digit < 0) break;
      value = value * 16 + digit;
    }
    if (text[i] === ".") {
      if (groups.length > 6) {
        throw bad(text, "there is no room for an IPv4 tail after seven groups", from);
      }
      const word = parseIpv4Word(text, from, KIND);
      groups.push(word >>> 16, word & 0xffff);
      break;
    }
    if (i < end && text[i] !== ":") {
      throw bad(text, `${quote(text[i])} is not a hexadecimal digit`, i);
    }
    if (i === from) throw bad(text, "three colons in a row", i);
    if (i - from > 4) {
      throw bad(text, "a group has more than four digits", from);
    }
    if (groups.length === 8) {
      throw bad(text, "there are more than eight groups", from);
    }
    groups.push(value);
    if (i === end) break;
    i++; // the colon
    if (i === end) throw bad(text, "a single colon cannot end it", i - 1);
    if (text[i] === ":") {
      if (gap >= 0) throw bad(text, `a second "::" would be ambiguous`, i - 1);
      gap = groups.length;
      i++;
    }
  }
  const missing = 8 - groups.length;
  if (gap < 0 && missing > 0) {
    throw bad(
      text,
      `there are ${groups.length} of eight groups and no "::"`,
      end,
    );
  }
  if (gap >= 0 && missing <= 0) {
    throw bad(text, `"::" stands for no group beside eight others`, end);
  }
  if (missing > 0) groups.splice(gap, 0, ...new Array<number>(missing).fill(0));
  return [
    join(groups[0], groups[1]),
    join(groups[2], groups[3]),
    join(groups[4], groups[5]),
    join(groups[6], groups[7]),
  ];
}

function join(high: number, low: number): number {
  return ((high << 16) | low) >>> 0;
}

function hexDigit(code: number): number {
  if (code >= 48 && code <= 57) return code - 48;
  const letter = code | 32;
  return letter >= 97 && letter <= 102 && code >= 65 && code <= 102 ? letter - 87 : -1;
}

function bad(text: string, problem: string, index: number): TypeError {
  return new TypeError(
    `invalid ${KIND} ${quote(text)}: ${problem} at index ${index}; ` +
      `IPv6 is eight groups of up to four hexadecimal digits with at most one "::", such as "2001:db8::1"`,
  );
}

/** Groups below 256 without leading zeros, and bytes with them: joining ready strings beats toString(16). */
const SHORT: readonly string[] = Array.from({ length: 256 }, (_, i) => i.toString(16));
const BYTE: readonly string[] = SHORT.map((text) => text.padStart(2, "0"));

function groupText(group: number): string {
  return group < 256 ? SHORT[group] : SHORT[group >>> 8] + BYTE[group & 255];
}

// The same direct-mapped cache as for IPv4, four words a key. The zeroed keys are "::".
const SLOTS = 256;
const keys = new Uint32Array(SLOTS * 4);
const texts: string[] = new Array(SLOTS).fill("::");

/**
 * Writes an IPv6 address in the one canonical form of RFC 5952: lower case, no leading zeros, `::` for the
 * longest run of two or more zero groups (the first of equals), and `::ffff:192.0.2.1` for IPv4-mapped addresses.
 * Made for the receive path: a few nanoseconds for an address seen lately, from a cache of 256 entries that
 * never grows.
 *
 * @param w0 The first (most significant) 32-bit word; signed or unsigned, like the others.
 * @param w1 The second word.
 * @param w2 The third word.
 * @param w3 The last word.
 * @returns The text, without brackets and without zone.
 *
 * @example
 * ```ts
 * import { formatIpv6 } from "@pktinfo/pktinfo";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(formatIpv6(0x20010db8, 0, 0, 1), "2001:db8::1");
 * assertEquals(formatIpv6(0, 0, 0xffff, 0xc0000201), "::ffff:192.0.2.1");
 * ```
 */
export function formatIpv6(w0: number, w1: number, w2: number, w3: number): string {
  const a = w0 >>> 0, b = w1 >>> 0, c = w2 >>> 0, d = w3 >>> 0;
  const mixed = Math.imul(a ^ Math.imul(b, 0x85ebca6b), 0xc2b2ae35) ^
    Math.imul(c, 0x27d4eb2f) ^ d;
  const slot = Math.imul(mixed, 0x9e3779b1) >>> 24;
  const key = slot * 4;
  if (
    keys[key] === a && keys[key + 1] === b && keys[key + 2] === c &&
    keys[key + 3] === d
  ) return texts[slot];
  const text = writeIpv6(a, b, c, d);
  keys[key] = a;
  keys[key + 1] = b;
  keys[key + 2] = c;
  keys[key + 3] = d;
  texts[slot] = text;
  return text;
}

const scratch = new Uint16Array(8);

function writeIpv6(a: number, b: number, c: number, d: number): string {
  if (a === 0 && b === 0 && c === 0xffff) return "::ffff:" + formatIpv4(d);
  const g = scratch;
  g[0] = a >>> 16;
  g[1] = a;
  g[2] = b >>> 16;
  g[3] = b;
  g[4] = c >>> 16;
  g[5] = c;
  g[6] = d >>> 16;
  g[7] = d;
  // RFC 5952 §4.2: the longest run, the first of equals, never a lone zero group.
  let best = -1, length = 1;
  for (let i = 0; i < 8; i++) {
    const from = i;
    while (i < 8 && g[i] === 0) i++;
    if (i - from > length) {
      best = from;
      length = i - from;
    }
  }
  let text = "";
  for (let i = 0; i < 8; i++) {
    if (i === best) {
      text += "::";
      i += length - 1;
    } else {
      text += i === 0 || i === best + length && best >= 0 ? groupText(g[i]) : ":" + groupText(g[i]);
    }
  }
  return text;
}
