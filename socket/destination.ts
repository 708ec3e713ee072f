/**
 * From what a caller writes to what the kernel is told: destination, source, interface.
 *
 * @module
 */

import {
  isIpv4Mapped,
  isLimitedBroadcast,
  isMulticast,
  isUnspecified,
  needsZone,
  unmap,
} from "../address/classify.ts";
import { parseEndpoint } from "../address/endpoint.ts";
import { formatIp, type Ip } from "../address/ip.ts";
import { readWords, SocketAddress } from "../address/socket_address.ts";
import type { SendControl } from "../ffi/cmsg.ts";
import type { SocketWords } from "../ffi/sockaddr.ts";
import type { System } from "../ffi/syscalls.ts";
import { checkInterface, type InterfaceNames } from "../interfaces/names.ts";
import { integer, parseAddress } from "./options.ts";

/** Where to send: an address object, its parts, or an endpoint string. */
export type Destination =
  | SocketAddress
  | string
  | {
    /** The IP literal, zone allowed. */
    address: string;
    /** The port, 1-65535. */
    port: number;
    /** The interface to leave by: name or index. */
    interface?: string | number;
  };

/** What a single datagram may ask for. */
export interface SendOptions {
  /** The address to send from: one of this host's, an IP literal, zone allowed. Default: the OS chooses. */
  source?: string;
  /** The interface to leave by: name or index. Default: by the routing table. */
  interface?: string | number;
  /** Time to live or hop limit: 1-255, and 0 for groups (this host only). Default: the socket's. */
  hops?: number;
  /** Type of service or traffic class, 0-255. Default: the socket's. */
  trafficClass?: number;
}

/** A destination and what goes with it, ready for the kernel. */
export interface Route {
  readonly to: Readonly<SocketWords>;
  /** `null` where the kernel needs to be told nothing beside the address. */
  readonly control: Readonly<SendControl> | null;
  readonly multicast: boolean;
}

/** A destination as it was written, parsed. */
interface Parsed {
  readonly ip: Ip;
  readonly port: number;
  readonly hops: number | null;
  readonly interface: string | number | null;
}

const NO_OPTIONS: SendOptions = {};
/** Parsed destinations that are remembered: a program sends to few, again and again. */
const REMEMBERED = 256;
const parsedText = new Map<string, Parsed>();

/** Resolves destinations for one socket. */
export class Destinations {
  constructor(
    readonly system: System,
    readonly names: InterfaceNames,
    /** The socket's own interface, if it has one; else 0. */
    readonly defaultInterface: number,
  ) {}

  /**
   * Resolves a destination.
   *
   * @throws {TypeError} If something is no address, or things contradict.
   * @throws {RangeError} If a number is out of range.
   * @throws {SocketError} `ENODEV` for an interface that does not exist.
   */
  resolve(to: Destination, options: SendOptions = NO_OPTIONS): Route {
    const { ip, port, hops, interface: named } = parse(to);
    if (port === 0) throw new RangeError("a destination's port is 1 to 65535, got 0");
    const multicast = isMulticast(ip);
    const zoneIndex = ip.zone === null ? 0 : this.names.resolve(ip.zone).index;
    let interfaceIndex = this.#interface(options.interface, named, zoneIndex, ip);
    const zoned = needsZone(ip);
    if (zoned && interfaceIndex === 0) interfaceIndex = this.defaultInterface;
    const source = options.source === undefined ? null : this.#source(options.source, ip);
    if (source?.zone != null) {
      const index = this.names.resolve(source.zone).index;
      if (interfaceIndex !== 0 && interfaceIndex !== index) {
        throw new TypeError(
          `the source ${
            formatIp(source)
          } is not on interface ${interfaceIndex}, by which the datagram is to leave`,
        );
      }
      interfaceIndex = index;
    }
    if (zoned && interfaceIndex === 0 && !multicast) {
      throw new TypeError(
        `${formatIp(ip)} is link-local: say on which interface, for example "${formatIp(ip)}%eth0"`,
      );
    }
    const { family, w0, w1, w2, w3 } = ip;
    const scopeId = zoned ? interfaceIndex : 0;
    const control = sendControl(
      source,
      // A zoned address has its interface in the address itself.
      source !== null || scopeId === 0 ? interfaceIndex : 0,
      checkHops(options.hops ?? hops ?? undefined, multicast),
      options.trafficClass === undefined
        ? -1
        : integer(options.trafficClass, "trafficClass", 0, 255),
    );
    return { to: { family, w0, w1, w2, w3, port, scopeId }, control, multicast };
  }

  /** One interface, from up to three places that must agree. */
  #interface(
    option: string | number | undefined,
    named: string | number | null,
    zoneIndex: number,
    ip: Ip,
  ): number {
    let index = zoneIndex;
    for (const wanted of [named, option]) {
      if (wanted === null || wanted === undefined) continue;
      const found = this.names.resolve(checkInterface(wanted, "interface")).index;
      if (index !== 0 && found !== index) {
        throw new TypeError(
          `${formatIp(ip)} is to leave by interface ${index}, but also by ${wanted} (${found})`,
        );
      }
      index = found;
    }
    return index;
  }

  #source(text: string, to: Ip): Ip {
    const source = unmap(parseAddress(text, "source"));
    if (source.family !== to.family) {
      throw new TypeError(
        `cannot send from ${formatIp(source)} to ${formatIp(to)}: the families differ`,
      );
    }
    if (isMulticast(source) || isLimitedBroadcast(source)) {
      throw new TypeError(`${formatIp(source)} cannot be a source: only a unicast address can`);
    }
    return source;
  }
}

function sendControl(
  source: Ip | null,
  interfaceIndex: number,
  hops: number,
  trafficClass: number,
): SendControl | null {
  const hasSource = source !== null && !isUnspecified(source);
  if (!hasSource && interfaceIndex === 0 && hops < 0 && trafficClass < 0) return null;
  const { w0, w1, w2, w3 } = source ?? { w0: 0, w1: 0, w2: 0, w3: 0 };
  return { hasSource, w0, w1, w2, w3, interfaceIndex, hops, trafficClass };
}

function checkHops(hops: number | undefined, multicast: boolean): number {
  if (hops === undefined) return -1;
  // ip(7) has no TTL 0 for unicast; RFC 1112 gives it a meaning for groups.
  return integer(hops, "hops", multicast ? 0 : 1, 255);
}

function parse(to: Destination): Parsed {
  if (to instanceof SocketAddress) return fromSocketAddress(to);
  if (typeof to === "string") return remember(to, () => fromEndpoint(to));
  if (typeof to !== "object" || to === null) {
    throw new TypeError(
      `a destination is a SocketAddress, { address, port, interface? } or a string like "192.0.2.1:5000", got ${to}`,
    );
  }
  const port = integer(to.port, "port", 1, 65535);
  const { address } = to;
  const ip = typeof address === "string"
    ? remember(` ${address}`, () => plain(checked(parseAddress(address, "address")), 0)).ip
    : parseAddress(address, "address");
  return { ip, port, hops: null, interface: to.interface ?? null };
}

/** Parses a text once; the oldest half is forgotten when there are too many. */
function remember(key: string, make: () => Parsed): Parsed {
  let parsed = parsedText.get(key);
  if (parsed === undefined) {
    parsed = make();
    if (parsedText.size >= REMEMBERED) {
      let half = REMEMBERED / 2;
      for (const old of parsedText.keys()) if (half-- > 0) parsedText.delete(old);
    }
    parsedText.set(key, parsed);
  }
  return parsed;
}

function fromEndpoint(text: string): Parsed {
  const endpoint = parseEndpoint(text);
  if (endpoint.port === null) {
    throw new TypeError(`"${text}" names no port: write "192.0.2.1:5000" or "[2001:db8::1]:5000"`);
  }
  const zone = endpoint.zone === null ? "" : `%${endpoint.zone}`;
  return {
    ip: checked(parseAddress(endpoint.address + zone, "address")),
    port: endpoint.port,
    hops: endpoint.hops,
    interface: endpoint.interface,
  };
}

function fromSocketAddress(to: SocketAddress): Parsed {
  const words = { w0: 0, w1: 0, w2: 0, w3: 0 };
  readWords(to, words);
  const zone = to.scopeId === null ? to.zone : String(to.scopeId);
  return plain(checked({ family: to.family, ...words, zone }), to.port);
}

function plain(ip: Ip, port: number): Parsed {
  return { ip, port, hops: null, interface: null };
}

/** IPv4 inside IPv6 is sent as IPv4; what cannot be a destination is refused. */
function checked(ip: Ip): Ip {
  const plain = isIpv4Mapped(ip) ? unmap(ip) : ip;
  if (isUnspecified(plain)) {
    throw new TypeError(
      `${
        formatIp(plain)
      } is no destination: systems disagree on what it means; for this host write ` +
        (plain.family === "IPv4" ? '"127.0.0.1"' : '"::1"'),
    );
  }
  return plain;
}
