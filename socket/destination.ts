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
import { type Departure, type Egress, planEgress } from "../ffi/egress.ts";
import type { SocketWords } from "../ffi/sockaddr.ts";
import type { System } from "../ffi/syscalls.ts";
import { checkNames, shown } from "../interfaces/arguments.ts";
import { checkInterface, type InterfaceId, type InterfaceNames } from "../interfaces/names.ts";
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
  /**
   * The address to send from: one of this host's, an IP literal, zone allowed. Default: the OS chooses.
   * For IPv4 a socket that is bound to an address sends from no other on macOS and FreeBSD.
   */
  source?: string;
  /**
   * The interface to leave by: name or index. Default: by the routing table. For IPv4 unicast
   * FreeBSD and OpenBSD have no such choice, and macOS not together with `source`.
   */
  interface?: string | number;
  /**
   * Time to live or hop limit, 1-255. Default: the socket's. For groups also 0: this host only;
   * Linux keeps to that only where the host has itself joined the group on the interface.
   */
  hops?: number;
  /** Type of service or traffic class, 0-255. Default: the socket's. Windows has no way to set IPv6's. */
  trafficClass?: number;
}

/** An answer: it matters more than its way, so what the OS cannot do is left out rather than refused. */
export interface Answer {
  /** Where it comes from, which nobody had to write; `null` leaves it to the OS. */
  readonly source: Ip | null;
}

/** A destination and what goes with it, ready for the kernel. */
export interface Route extends Egress {
  readonly to: Readonly<SocketWords>;
  readonly multicast: boolean;
  /** The interface that was named for it, in whatever way; 0: none. */
  readonly interfaceIndex: number;
  /** What the OS refuses of source and interface may be left out. */
  readonly lenient: boolean;
}

/** The socket that sends, as far as that matters. */
export interface Sending extends Pick<Departure, "own"> {
  /** The interface that each unicast has to be told, as the OS cannot confine the socket to it; or 0. */
  readonly forcedInterface: number;
}

const ANY_SOCKET: Sending = { own: null, forcedInterface: 0 };

/** A destination as it was written, parsed. */
export interface ParsedDestination {
  readonly ip: Ip;
  readonly port: number;
  readonly hops: number | null;
  readonly interface: string | number | null;
}

/** Parsed destinations that are remembered: a program sends to few, again and again. */
const REMEMBERED = 256;
const parsedText = new Map<string, ParsedDestination>();
const NO_OPTIONS: SendOptions = {};
/** `data` and `to` are there in an item of `sendMany`. */
const KNOWN: ReadonlySet<string> = new Set<keyof SendOptions | "data" | "to">([
  "source",
  "interface",
  "hops",
  "trafficClass",
  "data",
  "to",
]);
const KNOWN_PARTS: ReadonlySet<string> = new Set(["address", "port", "interface"]);

/**
 * Refuses names that are no options of a datagram.
 *
 * @throws {TypeError} Naming the first one.
 */
export function checkSendOptions(options: SendOptions): void {
  checkNames(options, KNOWN, "a datagram");
}

/** Resolves destinations for one socket. */
export class Destinations {
  constructor(
    readonly system: System,
    readonly names: InterfaceNames,
    /** The only interface of the socket, or `null`. */
    readonly only: InterfaceId | null,
  ) {}

  /**
   * Resolves a destination. Everything is checked before the first system call.
   *
   * @param answer Set for an answer.
   * @throws {TypeError} If something is no address, or things contradict.
   * @throws {RangeError} If a number is out of range.
   * @throws {SocketError} `ENODEV` for an interface that does not exist.
   * @throws {UnsupportedError} If the OS cannot do it.
   */
  resolve(
    to: ParsedDestination,
    options: SendOptions = NO_OPTIONS,
    sending: Sending = ANY_SOCKET,
    answer: Answer | null = null,
  ): Route {
    const lenient = answer !== null;
    const { ip } = to;
    const multicast = isMulticast(ip);
    const zoned = needsZone(ip);
    checkSendOptions(options);
    const hops = checkHops(options.hops ?? to.hops ?? undefined, multicast);
    const trafficClass = options.trafficClass === undefined
      ? -1
      : integer(options.trafficClass, "trafficClass", 0, 255);
    const source = options.source === undefined
      ? answer?.source ?? null
      : checkSource(options.source, ip);
    const named = ip.zone ?? to.interface ?? options.interface ?? source?.zone ?? null;
    const interfaceIndex = named !== null || (zoned && this.only)
      ? this.#interface([ip.zone, to.interface, options.interface, source?.zone], ip)
      : 0;
    if (zoned && interfaceIndex === 0 && !multicast) {
      throw new TypeError(
        `${formatIp(ip)} is link-local: say on which interface, for example "${formatIp(ip)}%eth0"`,
      );
    }
    const { family, w0, w1, w2, w3 } = ip;
    const scopeId = zoned ? interfaceIndex : 0;
    // A zoned address has its interface in the address itself.
    const told = source !== null || scopeId === 0 ? interfaceIndex : 0;
    const forced = multicast || interfaceIndex !== 0 ? told : sending.forcedInterface;
    const wish = sendControl(source, forced, hops, trafficClass);
    const { control, options: forOneCall } = planEgress(this.system.platform, {
      family,
      multicast,
      own: sending.own,
      lenient: lenient || forced !== told,
      addressOf: (index) => this.names.firstIpv4(index),
    }, wish);
    return {
      to: { family, w0, w1, w2, w3, port: to.port, scopeId },
      control,
      options: forOneCall,
      multicast,
      interfaceIndex,
      lenient,
    };
  }

  /** One interface, named in up to four places that must agree, and be the socket's if it has only one. */
  #interface(named: readonly (string | number | null | undefined)[], ip: Ip): number {
    const ids = named
      .filter((name) => name !== null && name !== undefined)
      .map((name) => checkInterface(name, "interface"))
      .map((name) => this.names.resolve(name));
    if (this.only) ids.push(this.only);
    const other = ids.find(({ index }) => index !== ids[0].index);
    if (other) {
      throw new TypeError(
        `a datagram to ${formatIp({ ...ip, zone: null })} leaves by one interface, but ` +
          `${ids[0].name} and ${other.name} are named for it`,
      );
    }
    return ids[0].index;
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

function checkSource(text: string, to: Ip): Ip {
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

/**
 * Reads a destination. Calls nothing.
 *
 * @throws {TypeError} If it is none.
 * @throws {RangeError} If its port is out of range.
 */
export function parseDestination(to: Destination): ParsedDestination {
  const parsed = parse(to);
  if (parsed.port === 0) throw new RangeError("a destination's port is 1 to 65535, got 0");
  return parsed;
}

function parse(to: Destination): ParsedDestination {
  if (to instanceof SocketAddress) return fromSocketAddress(to);
  if (typeof to === "string") return remember(to, () => fromEndpoint(to));
  if (typeof to !== "object" || to === null) {
    throw new TypeError(
      `a destination is a SocketAddress, { address, port, interface? } or a string like "192.0.2.1:5000", got ${
        shown(to)
      }`,
    );
  }
  checkNames(to, KNOWN_PARTS, "a destination");
  const port = integer(to.port, "port", 1, 65535);
  const { address } = to;
  const ip = typeof address === "string"
    ? remember(` ${address}`, () => plain(checked(parseAddress(address, "address")), 0)).ip
    : parseAddress(address, "address");
  return { ip, port, hops: null, interface: to.interface ?? null };
}

/** Parses a text once; the oldest half is forgotten when there are too many. */
function remember(key: string, make: () => ParsedDestination): ParsedDestination {
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

function fromEndpoint(text: string): ParsedDestination {
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

function fromSocketAddress(to: SocketAddress): ParsedDestination {
  return plain(checked(ipOf(to)), to.port);
}

/** The IP address of a socket address, its zone by index where that is known. */
export function ipOf(address: SocketAddress): Ip {
  const words = { w0: 0, w1: 0, w2: 0, w3: 0 };
  readWords(address, words);
  const { w0, w1, w2, w3 } = words;
  const zone = address.scopeId === null ? address.zone : String(address.scopeId);
  return { family: address.family, w0, w1, w2, w3, zone };
}

function plain(ip: Ip, port: number): ParsedDestination {
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
