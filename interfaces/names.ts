/**
 * Interface names and indexes, and what a caller may write for one.
 *
 * @module
 */

import { isLoopback } from "../address/classify.ts";
import { formatIp, type Ip, parseIp, sameIp, tryParseIp } from "../address/ip.ts";
import { type SocketAddress, socketAddressFromWords } from "../address/socket_address.ts";
import { isZoneText } from "../address/zone.ts";
import { unlessRefused } from "../ffi/errors.ts";
import type { SocketWords } from "../ffi/sockaddr.ts";
import { perSystem, type System } from "../ffi/syscalls.ts";
import { shown } from "./arguments.ts";
import { listInterfaces, type NetworkInterface } from "./list.ts";

/** How long an answer of the OS is believed. Interfaces can be renamed or come back under another index. */
const BELIEVED_MS = 1000;

/** An interface, named both ways. */
export interface InterfaceId {
  /** The index, from 1. */
  readonly index: number;
  /** The name, e.g. `"eth0"`. */
  readonly name: string;
}

/** What the list of interfaces says, sorted by what is asked. */
interface ThisHost {
  readonly loopbacks: ReadonlySet<number>;
  readonly addresses: ReadonlySet<string>;
  /** IPv4 addresses of this host, and those that reach all hosts of a network. */
  readonly ipv4: ReadonlySet<number>;
  readonly broadcasts: ReadonlySet<number>;
  readonly firstIpv4: ReadonlyMap<number, number>;
}

/** Looks interfaces up and remembers the answers for a moment: a packet must not cost a system call. */
export class InterfaceNames {
  readonly #names = new Map<number, string | null>();
  /** What getifaddrs said: which indexes are loopbacks, and every address of this host. */
  #host: ThisHost | null = null;
  #since = 0;

  constructor(readonly system: System) {}

  /** Forgets what is too old. Called once a batch, not once a packet. */
  refresh(): void {
    // The wall clock, as the cheaper one; when it is set back, that is a reason to forget too.
    if (Math.abs(Date.now() - this.#since) > BELIEVED_MS) this.forget();
  }

  /** Forgets everything, after an error that says something changed. */
  forget(): void {
    this.#names.clear();
    this.#host = null;
    this.#since = Date.now();
  }

  /** The name of an index; `null` where there is no such interface (any more). */
  nameOf(index: number): string | null {
    let name = this.#names.get(index);
    if (name === undefined) {
      name = index === 0 ? null : this.#ask(index);
      this.#names.set(index, name);
    }
    return name;
  }

  /** Where the OS cannot be asked the name is not known, and no packet is lost for it. */
  #ask(index: number): string | null {
    return unlessRefused(() => this.system.interfaceName(index), () => null);
  }

  /** Whether the OS says that there is no such interface (any more), asked now. */
  isGone(index: number): boolean {
    return unlessRefused(() => this.system.interfaceName(index) === null, () => false);
  }

  /** An address as the OS gave it, with its zone's name. */
  toSocketAddress({ family, w0, w1, w2, w3, port, scopeId }: Readonly<SocketWords>): SocketAddress {
    const zone = this.zoneOf(scopeId);
    return socketAddressFromWords(family, w0, w1, w2, w3, port, scopeId || null, zone);
  }

  /** The zone that a scope id stands for, by name; `null` where there is none, or its name cannot be told. */
  zoneOf(scopeId: number): string | null {
    const name = scopeId === 0 ? null : this.nameOf(scopeId);
    // Windows allows anything in a name; what no text can carry is written as the index.
    return name !== null && isZoneText(name) ? name : null;
  }

  /** Whether an index is a loopback's. */
  isLoopback(index: number): boolean {
    return this.#thisHost().loopbacks.has(index);
  }

  /** Whether an address is one of this host's. */
  isOwn(ip: Ip): boolean {
    if (isLoopback(ip)) return true;
    const { ipv4, addresses } = this.#thisHost();
    return ip.family === "IPv4" ? ipv4.has(ip.w0) : addresses.has(formatIp({ ...ip, zone: null }));
  }

  /** Whom an IPv4 datagram was sent to, where the OS leaves that open; `null` if the list does not tell. */
  ipv4Cast(w0: number): "unicast" | "broadcast" | null {
    const { ipv4, broadcasts } = this.#thisHost();
    if (broadcasts.has(w0)) return "broadcast";
    // All of 127.0.0.0/8 is this host; its last address may be a broadcast, or not.
    return ipv4.has(w0) || (w0 >>> 24 === 127 && w0 !== 0x7fff_ffff) ? "unicast" : null;
  }

  /** The first IPv4 address of an interface; 0 where it has none. */
  firstIpv4(index: number): number {
    return this.#thisHost().firstIpv4.get(index) ?? 0;
  }

  #thisHost(): ThisHost {
    this.refresh();
    return unlessRefused(
      () => this.#host ??= describeHost(listInterfaces(this.system)),
      // A sandbox may refuse the list: then nothing is known, and no packet or answer is lost for it.
      () => describeHost([]),
    );
  }

  /**
   * Finds the interface that a caller means.
   *
   * A name is looked up each time: an interface can come back under another index.
   *
   * @param wanted A name, an index (also as decimal text), or an IP address of the interface.
   * @throws {SocketError} `ENODEV` if there is none: an unknown zone is never index 0. `EMFILE` and the like if
   * the OS cannot be asked.
   */
  resolve(wanted: string | number): InterfaceId {
    this.refresh();
    const found = this.#lookUp(wanted);
    if (found) return found;
    const context = typeof wanted === "number"
      ? { interfaceIndex: wanted }
      : { interfaceName: wanted };
    throw this.system.error(this.system.errnoOf("ENODEV"), "if_nametoindex", context);
  }

  #lookUp(wanted: string | number): InterfaceId | null {
    const index = typeof wanted === "number" ? wanted : /^\d{1,10}$/.test(wanted) ? +wanted : 0;
    // RFC 4007 section 11.2: a number is an index wherever a zone may stand.
    const known = index > 0 && index < 2 ** 31;
    // What is not known is asked for again: it may be that nobody could be asked.
    const name = known ? this.nameOf(index) ?? this.system.interfaceName(index) : null;
    if (name !== null) return { index, name };
    if (typeof wanted === "number") return null;
    const ip = tryParseIp(wanted);
    if (ip) {
      const owner = listInterfaces(this.system).find((item) =>
        item.addresses.some((own) => sameIp(parseIp(own.address), ip))
      );
      return owner ? { index: owner.index, name: owner.name } : null;
    }
    const byName = this.system.interfaceIndex(wanted);
    if (byName === 0) return null;
    // A label ("eth0:1") or another name of the interface finds it too; it has one that packets are told by.
    return { index: byName, name: this.system.interfaceName(byName) ?? wanted };
  }
}

function describeHost(all: readonly NetworkInterface[]): ThisHost {
  const firstIpv4 = new Map<number, number>();
  const broadcasts = new Set<number>();
  const ipv4 = new Set<number>();
  for (const { index, addresses } of all) {
    for (const { address, family, broadcast } of addresses) {
      if (family !== "IPv4") continue;
      const { w0 } = parseIp(address);
      ipv4.add(w0);
      if (!firstIpv4.has(index)) firstIpv4.set(index, w0);
      if (broadcast !== null) broadcasts.add(parseIp(broadcast).w0);
    }
  }
  return {
    loopbacks: new Set(all.filter((item) => item.loopback).map(({ index }) => index)),
    addresses: new Set(all.flatMap(({ addresses }) => addresses.map((own) => own.address))),
    ipv4,
    broadcasts,
    firstIpv4,
  };
}

/** No system has such names: a slash, NUL, or whitespace other than spaces inside. `%` belongs to a zone. */
const UNUSABLE = /[\0/%]|^\s|\s$|[^\S ]/;

/**
 * Checks what was given as an interface, before any system call.
 *
 * @throws {TypeError} If it is neither a usable name nor an index.
 * @throws {RangeError} If it is a number that cannot be an index.
 */
export function checkInterface(value: unknown, what: string): string | number {
  if (typeof value === "number") {
    if (Number.isInteger(value) && value >= 1 && value < 2 ** 31) return value;
    throw new RangeError(`${what} must be an interface index from 1, got ${value}`);
  }
  if (typeof value !== "string" || value === "" || UNUSABLE.test(value) || value.length > 255) {
    throw new TypeError(
      `${what} must be an interface's name or index, got ${shown(value)}`,
    );
  }
  return value;
}

/** The names of a system, shared by everything that asks. */
export const interfaceNames: (system: System) => InterfaceNames = perSystem((system) =>
  new InterfaceNames(system)
);
