// Checks and splits what a SocketAddress is made from. Internal: the class itself stays free of wording.

import { type Ip, parseIp } from "./ip.ts";
import { checkInteger, parseDecimal, quote } from "./text.ts";
import { checkZone, zoneIndex } from "./zone.ts";

/** What a SocketAddress is made of. Another SocketAddress will do. */
export interface SocketAddressInit {
  /** An IP literal; IPv6 may carry its zone here: `fe80::1%eth0`. */
  address: string;
  /** The UDP port, 0 to 65535. */
  port: number;
  /** The zone: interface name or decimal index. null or left out: the one in `address`, or none. IPv6 only. */
  zone?: string | null;
  /**
   * The interface index of the zone, 1 to 4294967295. null or left out: the zone if that is a decimal index, or not
   * known. When given it decides, and `zone` is only the name that goes with it. IPv6 only.
   */
  scopeId?: number | null;
}

/** The checked parts of a SocketAddress. */
export interface CheckedInit {
  /** The address; its zone is merged into `zone`. */
  readonly ip: Ip;
  /** The port, 0 to 65535. */
  readonly port: number;
  /** The interface index. null: no zone, or only its name is known. */
  readonly scopeId: number | null;
  /** The zone as text. null: none was given. */
  readonly zone: string | null;
}

/**
 * Checks the parts of a SocketAddress and merges the two places where a zone may stand.
 *
 * @param init What the constructor was given.
 * @returns The parts, checked.
 * @throws {TypeError} When a part has the wrong type or form, zones disagree, or IPv4 is given a zone.
 * @throws {RangeError} When port or scopeId is out of range.
 * @internal
 */
export function checkInit(init: SocketAddressInit): CheckedInit {
  if (typeof init !== "object" || init === null) {
    throw new TypeError(
      `a SocketAddress is made from { address, port }, not ${quote(init)}`,
    );
  }
  const { address, zone = null, scopeId = null } = init;
  const ip = parseIp(address);
  const port = checkInteger(init.port, 65535, "port");
  if (zone === null && scopeId === null) {
    return {
      ip,
      port,
      zone: ip.zone,
      scopeId: ip.zone === null ? null : zoneIndex(ip.zone),
    };
  }
  if (ip.family === "IPv4") {
    throw new TypeError(
      `zone and scopeId exist for IPv6 only; leave them out for the IPv4 address ${quote(address)}`,
    );
  }
  if (zone !== null) checkZone(zone, "zone", zone);
  if (zone !== null && ip.zone !== null && zone !== ip.zone) {
    throw new TypeError(
      `the address ${quote(address)} and the zone ${
        quote(zone)
      } name different zones; give one of them`,
    );
  }
  const name = zone ?? ip.zone;
  if (scopeId === null) {
    return {
      ip,
      port,
      zone: name,
      // One of the two is there, and it is not this one.
      scopeId: zoneIndex(name!),
    };
  }
  if (scopeId === 0) {
    throw new RangeError(
      `the scopeId 0 means "no zone"; use null, or an interface index from 1 to 4294967295`,
    );
  }
  return {
    ip,
    port,
    zone: name,
    scopeId: checkInteger(scopeId, 0xffff_ffff, "scopeId"),
  };
}

/**
 * Splits `1.2.3.4:5` or `[v6]:5` into literal and port. Whether the literal is an address of that family's form is
 * checked here, so that `[1.2.3.4]:5` and `::1:5` are refused with the reason.
 *
 * @param text The address and port.
 * @returns The literal without brackets, and the port.
 * @throws {TypeError} When the text has another form.
 * @throws {RangeError} When the port is above 65535.
 * @internal
 */
export function splitSocketAddress(text: string): { literal: string; port: number } {
  if (typeof text !== "string") {
    throw new TypeError(
      `address and port must be a string, not ${quote(text)}`,
    );
  }
  const bracketed = text[0] === "[";
  const end = bracketed ? text.indexOf("]") : text.lastIndexOf(":");
  const literal = text.slice(bracketed ? 1 : 0, end < 0 ? text.length : end);
  if (bracketed && end < 0) {
    throw new TypeError(
      `${quote(text)} lacks the closing bracket; write "[::1]:5"`,
    );
  }
  if (!bracketed && literal.includes(":")) {
    throw new TypeError(
      `${quote(text)} is not address and port: IPv6 needs brackets here, such as "[::1]:5"`,
    );
  }
  if (bracketed && !literal.includes(":")) {
    throw new TypeError(
      `${quote(text)} has brackets, which are for IPv6 only; write "192.0.2.1:5" or "[::1]:5"`,
    );
  }
  const colon = bracketed ? end + 1 : end;
  if (end < 0 || text[colon] !== ":") {
    parseIp(literal); // a host name, say, is the worse mistake and explains more
    const problem = end >= 0 && colon < text.length
      ? `${quote(text[colon])} after the bracket`
      : "no port";
    throw new TypeError(
      `${quote(text)} has ${problem}; write address and port, such as "192.0.2.1:5" or "[::1]:5"`,
    );
  }
  return {
    literal,
    port: parseDecimal(text.slice(colon + 1), 65535, "port", text),
  };
}
