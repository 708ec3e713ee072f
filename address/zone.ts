// Zone identifiers (RFC 4007 §11): the text after % that says which link an address lives on. Internal.

import { quote } from "./text.ts";

/** Longest zone taken. No OS allows names near this; it only keeps absurd input out of messages and tables. */
const ZONE_LIMIT = 255;

/** Interface indexes are unsigned 32-bit numbers in sockaddr_in6.sin6_scope_id. */
const MAX_INDEX = 0xffff_ffff;

/**
 * NUL would end the name early in C; "]" and "/" end it in address:port text and in prefixes. Spaces inside
 * are Windows' ("Ethernet 2").
 */
const UNUSABLE = /[%/\]\0]|^\s|\s$|[^\S ]/;

/** Whether a name that an OS gave can stand in an address's text. */
export function isZoneText(name: string): boolean {
  return name !== "" && name !== "0" && name.length <= ZONE_LIMIT && !UNUSABLE.test(name);
}

/**
 * Checks the text of a zone or interface name. Names may hold dots, dashes, colons (`eth0:1`), `@` and spaces
 * inside; not `%`, `/`, `]`, NUL or other whitespace, and not index `0`, which the OS reads as "no interface chosen". Whether such
 * an interface exists is for the OS to say.
 *
 * @param zone The text, without the `%`.
 * @param what Names it in messages ("zone", "interface").
 * @param whole The text it stands in, for messages.
 * @returns The same text.
 * @throws {TypeError} When it is not a string, empty, too long, holds a forbidden character or is `0`.
 * @internal
 */
export function checkZone(zone: unknown, what: string, whole: string): string {
  if (typeof zone !== "string") {
    throw new TypeError(
      `the ${what} must be a string (interface name or decimal index), not ${quote(zone)}`,
    );
  }
  if (zone === "") {
    throw new TypeError(
      `the ${what} in ${quote(whole)} is empty; write an interface name or index, such as "eth0"`,
    );
  }
  if (zone.length > ZONE_LIMIT) {
    throw new TypeError(
      `the ${what} in ${
        quote(whole)
      } has ${zone.length} characters; at most ${ZONE_LIMIT} are allowed`,
    );
  }
  const bad = UNUSABLE.exec(zone);
  if (bad !== null) {
    throw new TypeError(
      `the ${what} ${quote(zone)} holds ${quote(bad[0])} at index ${bad.index}; ` +
        `"%", "/", "]", NUL and whitespace other than spaces inside cannot stand in an interface name`,
    );
  }
  if (zone === "0") {
    throw new TypeError(
      `the ${what} "0" in ${quote(whole)} names no interface (index 0 means "not chosen"); ` +
        `write an interface name, an index from 1 on, or leave the ${what} out`,
    );
  }
  return zone;
}

/**
 * Reads a zone as an interface index.
 *
 * @param zone Text that {@link checkZone} accepts.
 * @returns The index, 1 to 4294967295, or null when the zone is a name. Digits with leading zeros or beyond 32
 * bits are names: no OS prints an index like that, and Linux allows such names.
 * @internal
 */
export function zoneIndex(zone: string): number | null {
  if (!/^[1-9][0-9]{0,9}$/.test(zone)) return null;
  const index = Number(zone);
  return index <= MAX_INDEX ? index : null;
}
