// Endpoint strings: host[:port][,ttl][@interface], the grammar of PVXS. One line of configuration says where to
// send, how far and out of which interface.

import { type Family, formatIp, type Ip, parseIp, tryParseIp } from "./ip.ts";
import { checkInteger, parseDecimal, quote } from "./text.ts";
import { checkZone } from "./zone.ts";

/**
 * The parts of an endpoint string.
 *
 * @example
 * ```ts
 * import { type Endpoint, parseEndpoint } from "@pktinfo/pktinfo";
 * import { assertEquals } from "@std/assert";
 *
 * const endpoint: Endpoint = parseEndpoint("239.1.2.3:5076,4@eth0");
 * assertEquals([endpoint.port, endpoint.hops, endpoint.interface], [5076, 4, "eth0"]);
 * ```
 */
export interface Endpoint {
  /** The IP address as text (RFC 5952), without zone. */
  readonly address: string;
  /** The family of the address. */
  readonly family: Family;
  /** The zone written after `%`: interface name or decimal index. null: none. Always null for IPv4. */
  readonly zone: string | null;
  /** The port, 0 to 65535. null: none was written. */
  readonly port: number | null;
  /** The hop limit (TTL) written after the comma, 0 to 255. null: none was written. */
  readonly hops: number | null;
  /** The interface written after `@`: its name, decimal index or an IP address of it. null: none was written. */
  readonly interface: string | null;
}

const FORM =
  `write "192.0.2.1:5,1@eth0" or "[ff02::fb%eth0]:5,1", where all but the address may be left out`;

/**
 * Reads an endpoint string: `host[:port][,ttl][@interface]`, `[v6][:port][,ttl][@interface]`, or an IPv6 literal
 * without brackets and then without port (`ff02::fb`, `fe80::1%eth0`, `ff02::42:1,1@eth0`).
 *
 * Hosts are IP literals; nothing is looked up. Without brackets everything up to `,` or `@` belongs to the IPv6
 * literal: `ff02::fb:5353` is the group ff02::fb:5353, and `fe80::1%eth0:1` lies in the zone "eth0:1".
 *
 * @param text The endpoint, without surrounding whitespace.
 * @returns Its parts; what was not written is null.
 * @throws {TypeError} When a part is malformed, the host is a name, or zone and `@interface` differ.
 * @throws {RangeError} When the port is above 65535 or the TTL above 255.
 *
 * @example
 * ```ts
 * import { parseEndpoint } from "@pktinfo/pktinfo";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(parseEndpoint("[ff02::fb]:5353,1@eth0"), {
 *   address: "ff02::fb",
 *   family: "IPv6",
 *   zone: null,
 *   port: 5353,
 *   hops: 1,
 *   interface: "eth0",
 * });
 * ```
 */
export function parseEndpoint(text: string): Endpoint {
  if (typeof text !== "string") {
    throw new TypeError(`an endpoint must be a string, not ${quote(text)}`);
  }
  const { ip, rest } = splitHost(text);
  const [, port, hops, name] = /^(?::([^,@]*))?(?:,([^@]*))?(?:@([^]*))?$/.exec(rest) ?? [];
  if (
    rest !== "" && port === undefined && hops === undefined &&
    name === undefined
  ) {
    throw new TypeError(
      `${quote(rest)} in the endpoint ${quote(text)} is out of place; ${FORM}`,
    );
  }
  const endpoint: Endpoint = {
    address: formatIp({ ...ip, zone: null }),
    family: ip.family,
    zone: ip.zone,
    port: port === undefined ? null : parseDecimal(port, 65535, "port", text),
    hops: hops === undefined ? null : parseDecimal(hops, 255, "TTL", text),
    interface: name === undefined ? null : checkInterface(name, text),
  };
  checkAgreement(endpoint.zone, endpoint.interface, text);
  return endpoint;
}

/** Cuts off the host, which is the only part where a colon may mean two things. */
function splitHost(text: string): { ip: Ip; rest: string } {
  if (text[0] === "[") {
    const close = text.indexOf("]");
    if (close < 0) {
      throw new TypeError(
        `the endpoint ${quote(text)} lacks the closing bracket; ${FORM}`,
      );
    }
    const ip = parseIp(text.slice(1, close));
    if (ip.family === "IPv4") {
      throw new TypeError(
        `brackets in the endpoint ${quote(text)} are for IPv6 only; ${FORM}`,
      );
    }
    return { ip, rest: text.slice(close + 1) };
  }
  const head = /^[^,@]*/.exec(text)![0];
  const colon = head.indexOf(":");
  const percent = head.indexOf("%");
  const second = head.indexOf(":", colon + 1);
  const bareIpv6 = colon >= 0 && second > colon &&
    (percent < 0 || second < percent);
  const end = bareIpv6 || colon < 0 || (percent >= 0 && percent < colon) ? head.length : colon;
  if (end === 0) {
    throw new TypeError(`the endpoint ${quote(text)} has no address; ${FORM}`);
  }
  return { ip: parseIp(text.slice(0, end)), rest: text.slice(end) };
}

/** A name or index, or an address of the interface, which may hold a zone of its own. */
function checkInterface(name: unknown, whole: string): string {
  if (typeof name === "string" && name.includes(",")) {
    throw new TypeError(
      `the interface ${quote(name)} in ${
        quote(whole)
      } holds a comma; the TTL goes before "@"; ${FORM}`,
    );
  }
  if (typeof name === "string" && tryParseIp(name) !== null) return name;
  return checkZone(name, "interface", whole);
}

function checkAgreement(zone: string | null, name: string | null, whole: string): void {
  if (zone !== null && name !== null && zone !== name) {
    throw new TypeError(
      `the zone ${quote(zone)} and the interface ${quote(name)} in ${quote(whole)} differ; ` +
        `both choose the interface, so write one of them, or the same in both`,
    );
  }
}

/**
 * Writes an endpoint as text. IPv6 gets brackets where the grammar needs them: before a port, and around a zone that
 * holds `,` or `@`.
 *
 * @param endpoint The parts; checked like text would be.
 * @returns The text; {@link parseEndpoint} reads it back to equal parts.
 * @throws {TypeError} When a part is malformed, `family` is not that of `address`, `address` holds a zone, or zone and
 * interface differ.
 * @throws {RangeError} When port or hops is out of range.
 *
 * @example
 * ```ts
 * import { formatEndpoint, parseEndpoint } from "@pktinfo/pktinfo";
 * import { assertEquals } from "@std/assert";
 *
 * const endpoint = parseEndpoint("FF02:0::FB,1@eth0");
 * assertEquals(formatEndpoint({ ...endpoint, port: 5353 }), "[ff02::fb]:5353,1@eth0");
 * ```
 */
export function formatEndpoint(endpoint: Endpoint): string {
  if (typeof endpoint !== "object" || endpoint === null) {
    throw new TypeError(
      `an endpoint must be an object such as parseEndpoint returns, not ${quote(endpoint)}`,
    );
  }
  const { address, family, zone = null, port = null, hops = null } = endpoint;
  const ip = parseIp(address);
  if (ip.zone !== null) {
    throw new TypeError(
      `the address ${quote(address)} holds a zone; it belongs into the endpoint's "zone"`,
    );
  }
  if (ip.family !== family) {
    throw new TypeError(
      `the address ${quote(address)} is ${ip.family}, not ${quote(family)}`,
    );
  }
  if (zone !== null) {
    if (ip.family === "IPv4") {
      throw new TypeError(
        `the IPv4 address ${quote(address)} has no zone; use "interface"`,
      );
    }
    checkZone(zone, "zone", zone);
  }
  const name = endpoint.interface ?? null;
  if (name !== null) checkAgreement(zone, checkInterface(name, name), name);
  const host = formatIp({ ...ip, zone });
  const bracketed = ip.family === "IPv6" &&
    (port !== null || (zone !== null && /[,@]/.test(zone)));
  return (bracketed ? `[${host}]` : host) +
    (port === null ? "" : `:${checkInteger(port, 65535, "port")}`) +
    (hops === null ? "" : `,${checkInteger(hops, 255, "TTL")}`) +
    (name === null ? "" : `@${name}`);
}
