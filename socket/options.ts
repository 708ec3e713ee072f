/**
 * The options of `openUdpSocket`, and their checks: nothing wrong reaches a system call.
 *
 * @module
 */

import { isMulticast, isUnspecified, unmap } from "../address/classify.ts";
import { parseEndpoint } from "../address/endpoint.ts";
import { type Family, formatIp, type Ip, parseIp } from "../address/ip.ts";
import { checkNames, checkSignal, shown } from "../interfaces/arguments.ts";
import { checkInterface } from "../interfaces/names.ts";

/** What reaches the reader. See {@linkcode UdpSocketOptions.deliver}. */
export type Deliver = "joined" | "multicast" | "all";

/** A group to join. */
export interface GroupRequest {
  /** The group as an IP literal; a zone names the interface. */
  group: string;
  /** The interface's name or index; without it every multicast-capable interface that is up. */
  interface?: string | number;
  /** Accept this sender only (source-specific multicast, RFC 4607). */
  source?: string;
}

/** How to open a socket. Everything may be left out. */
export interface UdpSocketOptions {
  /** 0-65535, one number for both families. Default 0: the OS chooses one that is free in both. */
  port?: number;
  /**
   * A local IP literal, zone allowed (`"fe80::1%eth0"`); it fixes the family.
   * Default: the wildcards of both families. It may be a multicast group: then
   * only datagrams to that group arrive (once joined), and replies can be sent. Linux binds
   * to it; macOS and BSD do and send from a second socket, so that the port is shared;
   * Windows binds to the wildcard, and what is not to the group is left out here.
   */
  address?: string;
  /**
   * `"dual"`: two sockets behind one face, or one where the host has only one
   * family (`stats.unavailable` says why). Default `"dual"`, or the address's.
   */
  family?: Family | "dual";
  /**
   * Other sockets that share too, of any user on Linux, may have the same port, and take its unicasts.
   * Default `false`: the port is this socket's alone. Linux and Windows: SO_REUSEADDR (without it Windows: SO_EXCLUSIVEADDRUSE), macOS and BSD:
   * SO_REUSEPORT.
   */
  share?: boolean;
  /**
   * The kernel spreads unicast over all sockets on the port that ask for it: Linux
   * (`SO_REUSEPORT`; same user only) and FreeBSD (`SO_REUSEPORT_LB`), nowhere else. Default `false`.
   */
  reusePort?: boolean;
  /** Groups to join: `"ff02::fb"`, `"239.1.2.3@eth0"`, `"ff02::fb%eth0"`, or a {@linkcode GroupRequest}. */
  groups?: readonly (string | GroupRequest)[];
  /**
   * `"joined"` (default): unicast, broadcast, and multicast for exactly the
   * (group, interface) pairs joined here. `"multicast"`: only those multicasts.
   * `"all"`: whatever the kernel hands over, also groups that other programs joined.
   */
  deliver?: Deliver;
  /**
   * Receive and send on this interface only (name or index). Default: any. The kernel sees to it on Linux
   * and macOS, elsewhere it is done here; on FreeBSD and OpenBSD IPv4 unicast is still sent as routed.
   */
  interface?: string | number;
  /**
   * Whether this host's own members receive what is sent to a group. Default `true`. It is the sender's
   * choice; on Windows the receiver's.
   */
  multicastLoopback?: boolean;
  /**
   * Hop limit of multicasts, 0-255. Default 1: this link only. 0: this host only; Linux keeps
   * to that only where the host has itself joined the group on the interface.
   */
  multicastHops?: number;
  /** The interface multicasts leave by (name or index). Default: by the routing table. */
  multicastInterface?: string | number;
  /** Hop limit of unicasts, 1-255. Default: the OS's (64). */
  hops?: number;
  /** Type of service or traffic class, 0-255. Default 0. Windows has no way to set IPv6's. */
  trafficClass?: number;
  /** Allow sending to broadcast addresses. Default `false`. */
  broadcast?: boolean;
  /** The kernel's receive buffer in bytes; what it granted is in `stats`. Default: the OS's. */
  receiveBufferSize?: number;
  /** The kernel's send buffer in bytes; what it granted is in `stats`. Default: the OS's. */
  sendBufferSize?: number;
  /** How much of a datagram is taken, 1-65535 bytes; longer ones are cut and marked. Default 65535. */
  maxDatagramSize?: number;
  /**
   * Datagrams of one size that `sendMany` is given one behind the other for one destination go to the kernel in
   * one piece, and what arrives in one piece is cut here: many datagrams for little more than the cost of one. The
   * network and the receivers see no difference. Linux only (UDP_SEGMENT, UDP_GRO); elsewhere, and where a device
   * refuses, each datagram travels by itself. A train that finds no room in the receive buffer counts as one in
   * `dropped`. glibc is made to keep up to 64 MiB of memory that the process has freed, for the next trains
   * (mallopt(3); a limit that you have set stays). Default `false`.
   */
  segmentation?: boolean;
  /**
   * For so many microseconds, 0-1,000,000, whoever waits for a packet looks for it again and again, once a turn of the
   * event loop, before it sleeps until the OS wakes it. That saves the wake-up, most of the time of a short exchange,
   * and costs a core for as long. Default 0.
   */
  busyPoll?: number;
  /** Ask the kernel when it received each datagram: `packet.timestamp`. Default `false`. Not on Windows. */
  timestamps?: boolean;
  /**
   * Called with errors that do not end anything: ICMP refusals of earlier
   * datagrams, groups that could not be joined at open. Without it they are
   * counted in `stats.errors`, and unreachable destinations are not asked for.
   */
  onError?: (error: Error) => void;
  /** Closes the socket when it is aborted. */
  signal?: AbortSignal;
}

/**
 * What {@linkcode UdpSocket.set} changes: each as in {@linkcode UdpSocketOptions}.
 */
export interface ChangeableOptions extends
  Pick<
    UdpSocketOptions,
    | "multicastLoopback"
    | "multicastHops"
    | "hops"
    | "trafficClass"
    | "broadcast"
    | "receiveBufferSize"
    | "sendBufferSize"
  > {
  /** The interface multicasts leave by (name or index); `null`: by the routing table again. */
  multicastInterface?: string | number | null;
}

/** {@linkcode ChangeableOptions}, checked; `null`: not to be changed. */
export interface CheckedChanges {
  readonly multicastLoopback: boolean | null;
  readonly multicastHops: number | null;
  readonly hops: number | null;
  readonly trafficClass: number | null;
  readonly broadcast: boolean | null;
  readonly receiveBufferSize: number | null;
  readonly sendBufferSize: number | null;
}

/** A group and where to join it, checked. */
export interface CheckedGroup {
  readonly group: Ip;
  readonly interface: string | number | null;
  readonly source: Ip | null;
}

/** {@linkcode UdpSocketOptions}, checked and completed. */
export interface CheckedOptions {
  readonly port: number;
  readonly address: Ip | null;
  readonly families: readonly Family[];
  /** Whether the family was asked for: then its absence is an error. */
  readonly familyFixed: boolean;
  readonly share: boolean;
  readonly reusePort: boolean;
  readonly groups: readonly CheckedGroup[];
  readonly deliver: Deliver;
  readonly interface: string | number | null;
  readonly multicastLoopback: boolean | null;
  readonly multicastHops: number | null;
  readonly multicastInterface: string | number | null;
  readonly hops: number | null;
  readonly trafficClass: number | null;
  readonly broadcast: boolean;
  readonly receiveBufferSize: number | null;
  readonly sendBufferSize: number | null;
  readonly maxDatagramSize: number;
  readonly segmentation: boolean;
  readonly busyPoll: number;
  readonly timestamps: boolean;
  readonly onError: ((error: Error) => void) | null;
  readonly signal: AbortSignal | null;
}

const KNOWN: ReadonlySet<string> = new Set<keyof UdpSocketOptions>([
  "port",
  "address",
  "family",
  "share",
  "reusePort",
  "groups",
  "deliver",
  "interface",
  "multicastLoopback",
  "multicastHops",
  "multicastInterface",
  "hops",
  "trafficClass",
  "broadcast",
  "receiveBufferSize",
  "sendBufferSize",
  "maxDatagramSize",
  "segmentation",
  "busyPoll",
  "timestamps",
  "onError",
  "signal",
]);

const KNOWN_CHANGES: ReadonlySet<string> = new Set<keyof ChangeableOptions>([
  "multicastLoopback",
  "multicastHops",
  "multicastInterface",
  "hops",
  "trafficClass",
  "broadcast",
  "receiveBufferSize",
  "sendBufferSize",
]);

const KNOWN_GROUP: ReadonlySet<string> = new Set<keyof GroupRequest>([
  "group",
  "interface",
  "source",
]);

/**
 * Checks what `openUdpSocket` was given.
 *
 * @throws {TypeError} If something has the wrong type, or things contradict.
 * @throws {RangeError} If a number is out of range.
 */
export function checkOptions(options: UdpSocketOptions): CheckedOptions {
  if (typeof options !== "object" || options === null) {
    throw new TypeError(`options must be an object, got ${shown(options)}`);
  }
  checkNames(options, KNOWN, "openUdpSocket");
  const address = options.address === undefined ? null : localAddress(options.address);
  const families = checkFamilies(options.family, address);
  if (options.groups !== undefined && !Array.isArray(options.groups)) {
    throw new TypeError(`groups must be an array, got ${typeof options.groups}`);
  }
  const groups = (options.groups ?? []).map(checkGroup);
  for (const { group } of groups) {
    if (!families.includes(group.family)) {
      throw new TypeError(
        `the group ${formatIp(group)} needs ${group.family}, which this socket is not`,
      );
    }
  }
  return {
    port: integer(options.port ?? 0, "port", 0, 65535),
    address,
    families,
    familyFixed: families.length === 1,
    share: flag(options.share, "share") ?? false,
    reusePort: flag(options.reusePort, "reusePort") ?? false,
    groups,
    deliver: oneOf(options.deliver ?? "joined", "deliver", ["joined", "multicast", "all"]),
    interface: optional(options.interface, (value) => checkInterface(value, "interface")),
    ...checkChangeable(options),
    broadcast: flag(options.broadcast, "broadcast") ?? false,
    multicastInterface: optional(
      options.multicastInterface,
      (value) => checkInterface(value, "multicastInterface"),
    ),
    maxDatagramSize: integer(options.maxDatagramSize ?? 65535, "maxDatagramSize", 1, 65535),
    segmentation: flag(options.segmentation, "segmentation") ?? false,
    busyPoll: integer(options.busyPoll ?? 0, "busyPoll", 0, 1_000_000),
    timestamps: flag(options.timestamps, "timestamps") ?? false,
    onError: optional(options.onError, (value) => {
      if (typeof value !== "function") throw new TypeError("onError must be a function");
      return value;
    }),
    signal: optional(options.signal, checkSignal),
  };
}

/** Checks those options that an open socket may be given another value of. */
function checkChangeable(options: Omit<ChangeableOptions, "multicastInterface">): CheckedChanges {
  return {
    multicastLoopback: flag(options.multicastLoopback, "multicastLoopback"),
    multicastHops: optional(options.multicastHops, (n) => integer(n, "multicastHops", 0, 255)),
    hops: optional(options.hops, (n) => integer(n, "hops", 1, 255)),
    trafficClass: optional(options.trafficClass, (n) => integer(n, "trafficClass", 0, 255)),
    broadcast: flag(options.broadcast, "broadcast"),
    receiveBufferSize: optional(
      options.receiveBufferSize,
      (n) => bufferSize(n, "receiveBufferSize"),
    ),
    sendBufferSize: optional(options.sendBufferSize, (n) => bufferSize(n, "sendBufferSize")),
  };
}

/**
 * Checks what `set` was given.
 *
 * @returns The values, and the interface: `null` for "as routed", `undefined` for "as it was".
 * @throws {TypeError} If something has the wrong type.
 * @throws {RangeError} If a number is out of range.
 */
export function checkChanges(
  options: ChangeableOptions,
): { values: CheckedChanges; multicastInterface: string | number | null | undefined } {
  if (typeof options !== "object" || options === null) {
    throw new TypeError(`options must be an object, got ${shown(options)}`);
  }
  checkNames(options, KNOWN_CHANGES, "set");
  const { multicastInterface } = options;
  return {
    values: checkChangeable(options),
    multicastInterface: multicastInterface === null || multicastInterface === undefined
      ? multicastInterface
      : checkInterface(multicastInterface, "multicastInterface"),
  };
}

function localAddress(value: unknown): Ip {
  return unmap(parseAddress(value, "address"));
}

function checkFamilies(family: unknown, address: Ip | null): readonly Family[] {
  const wanted = family === undefined
    ? null
    : oneOf(family, "family", ["IPv4", "IPv6", "dual"] as const);
  if (!address) return wanted === null || wanted === "dual" ? ["IPv4", "IPv6"] : [wanted];
  if (wanted !== null && wanted !== address.family) {
    throw new TypeError(
      `the address ${formatIp(address)} is ${address.family}, but family is "${wanted}"`,
    );
  }
  return [address.family];
}

function checkGroup(request: unknown): CheckedGroup {
  if (typeof request === "string") {
    const { address, zone, port, hops, interface: name } = parseEndpoint(request);
    if (port !== null || hops !== null) {
      throw new TypeError(`a group has neither port nor hop limit, got ${shown(request)}`);
    }
    return checkGroupParts({ group: address, interface: name ?? zone ?? undefined });
  }
  if (typeof request !== "object" || request === null) {
    throw new TypeError(
      `a group must be a string or { group, interface?, source? }, got ${shown(request)}`,
    );
  }
  return checkGroupParts(request as GroupRequest);
}

/** Checks a group, its interface and its source. */
export function checkGroupParts(request: GroupRequest): CheckedGroup {
  checkNames(request, KNOWN_GROUP, "a group");
  const group = unmap(parseAddress(request.group, "group"));
  if (!isMulticast(group)) {
    throw new TypeError(
      `${formatIp(group)} is not a multicast group (224.0.0.0/4 or ff00::/8)`,
    );
  }
  const named = optional(request.interface, (value) => checkInterface(value, "interface"));
  if (group.zone !== null && named !== null && group.zone !== String(named)) {
    throw new TypeError(`the group ${formatIp(group)} contradicts the interface ${named}`);
  }
  const source = optional(request.source, (value) => unmap(parseAddress(value, "source")));
  if (source && (source.family !== group.family || isMulticast(source) || isUnspecified(source))) {
    throw new TypeError(
      `the source of ${formatIp(group)} must be an ${group.family} unicast address, got ${
        formatIp(source)
      }`,
    );
  }
  return { group: { ...group, zone: null }, interface: named ?? group.zone, source };
}

/** Parses an IP literal that is an argument. */
export function parseAddress(value: unknown, what: string): Ip {
  if (typeof value !== "string") {
    throw new TypeError(`${what} must be an IP literal, got ${shown(value)}`);
  }
  return parseIp(value);
}

/** An integer between two bounds. */
export function integer(value: unknown, what: string, min: number, max: number): number {
  if (typeof value !== "number") {
    throw new TypeError(`${what} must be a number, got ${typeof value}`);
  }
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new RangeError(`${what} must be an integer from ${min} to ${max}, got ${value}`);
  }
  return value;
}

function bufferSize(value: unknown, what: string): number {
  return integer(value, what, 1, 2 ** 31 - 1);
}

function flag(value: unknown, what: string): boolean | null {
  if (value === undefined) return null;
  if (typeof value !== "boolean") {
    throw new TypeError(`${what} must be true or false, got ${shown(value)}`);
  }
  return value;
}

function oneOf<T extends string>(value: unknown, what: string, allowed: readonly T[]): T {
  if (allowed.includes(value as T)) return value as T;
  throw new TypeError(`${what} must be one of ${allowed.join(", ")}, got ${shown(value)}`);
}

function optional<T, R>(value: T | undefined, check: (value: T) => R): R | null {
  return value === undefined ? null : check(value);
}
