/**
 * The interfaces of this host, as getifaddrs(3) lists them.
 *
 * @module
 */

import { isLinkLocal } from "../address/classify.ts";
import { type Family, formatIp, type Ip } from "../address/ip.ts";
import { type InterfaceEntry, readInterfaceList } from "../ffi/ifaddrs.ts";
import type { SocketWords } from "../ffi/sockaddr.ts";
import type { System } from "../ffi/syscalls.ts";
import { system } from "../ffi/system.ts";

/** One address of an interface. */
export interface InterfaceAddress {
  /** The address as text, without zone. */
  readonly address: string;
  /** Its family. */
  readonly family: Family;
  /** The length of the network prefix in bits; `null` where the OS did not say. */
  readonly prefixLength: number | null;
  /** The address that reaches all hosts of the network; `null` for IPv6 and where there is none. */
  readonly broadcast: string | null;
  /** The interface's index for link-local IPv6 addresses, which need it; otherwise `null`. */
  readonly scopeId: number | null;
  /** Duplicate detection is not over: the address cannot be bound to yet. `null`: not said. */
  readonly tentative: boolean | null;
  /** A privacy address (RFC 8981). `null`: not said. */
  readonly temporary: boolean | null;
  /** Its preferred lifetime is over. `null`: not said. */
  readonly deprecated: boolean | null;
}

/** One network interface. */
export interface NetworkInterface {
  /** The index, from 1: what packets, zones and memberships refer to. */
  readonly index: number;
  /** The name, e.g. `"eth0"`. */
  readonly name: string;
  /** A name for people where the OS keeps one (Windows); otherwise `null`. */
  readonly description: string | null;
  /** The hardware address, `"02:00:5e:10:00:01"`; `null` where there is none. */
  readonly mac: string | null;
  /** The largest packet in bytes; `null` where the OS did not say. */
  readonly mtu: number | null;
  /** Switched on by the administrator. */
  readonly up: boolean;
  /** A carrier is there. Linux makes the link-local address only then. */
  readonly running: boolean;
  /** Leads back to this host. */
  readonly loopback: boolean;
  /** Can do multicast. */
  readonly multicast: boolean;
  /** Has one other end, e.g. a tunnel. */
  readonly pointToPoint: boolean;
  /** Its addresses; empty where it has none. */
  readonly addresses: readonly InterfaceAddress[];
}

/**
 * Lists the interfaces of this host, in the order of their indexes.
 *
 * Interfaces without addresses are listed too. Needs `--allow-ffi` only.
 *
 * Not asked for yet, and therefore `null`: `mtu`, and an address's `tentative`,
 * `temporary` and `deprecated`, which getifaddrs(3) does not tell.
 *
 * @example Where multicast can go
 * ```ts
 * import { interfaces } from "@pktinfo/pktinfo";
 *
 * for (const { index, name, addresses } of interfaces().filter((i) => i.up && i.multicast)) {
 *   console.log(index, name, addresses.map((a) => `${a.address}/${a.prefixLength}`).join(" "));
 * }
 * ```
 *
 * @returns One record an interface.
 * @throws {SocketError} If the OS cannot list them.
 */
export function interfaces(): NetworkInterface[] {
  return listInterfaces(system());
}

/** {@linkcode interfaces} of a given system. */
export function listInterfaces(system: System): NetworkInterface[] {
  const entries = system.withInterfaceAddresses((first) =>
    readInterfaceList(system.platform, system.runtime, first)
  );
  const byName = new Map<string, InterfaceEntry[]>();
  for (const entry of entries) {
    // Linux lists an alias ("eth0:1", a label of an address) like an interface.
    const name = entry.name.split(":")[0];
    const list = byName.get(name);
    if (list) list.push(entry);
    else byName.set(name, [entry]);
  }
  const result: NetworkInterface[] = [];
  for (const [name, list] of byName) {
    const index = list.find((entry) => entry.link)?.link?.index ?? system.interfaceIndex(name);
    // It can vanish between the list and the question for its index.
    if (index > 0) result.push(describe(index, name, list));
  }
  return result.sort((a, b) => a.index - b.index);
}

function describe(index: number, name: string, entries: InterfaceEntry[]): NetworkInterface {
  const { up, running, loopback, multicast, pointToPoint } = entries[0].flags;
  const hardware = entries.find((entry) => entry.link)?.link?.hardware;
  return {
    index,
    name,
    description: null,
    mac: hardware?.some((byte) => byte !== 0)
      ? Array.from(hardware, (byte) => byte.toString(16).padStart(2, "0")).join(":")
      : null,
    mtu: null,
    up,
    running,
    loopback,
    multicast,
    pointToPoint,
    addresses: entries.flatMap((entry) => entry.address ? [address(entry, index)] : []),
  };
}

function address(entry: InterfaceEntry, index: number): InterfaceAddress {
  const own = toIp(entry.address!);
  return {
    address: formatIp(own),
    family: own.family,
    prefixLength: entry.netmask ? prefixLength(entry.netmask) : null,
    broadcast: isBroadcast(entry) ? formatIp(toIp(entry.broadcast!)) : null,
    scopeId: own.family === "IPv6" && isLinkLocal(own) ? index : null,
    tentative: null,
    temporary: null,
    deprecated: null,
  };
}

/** glibc says the own or the peer's address where no broadcast address is configured. */
function isBroadcast({ broadcast, netmask }: InterfaceEntry): boolean {
  if (!broadcast || !netmask) return false;
  const host = ~netmask.w0;
  return host !== 0 && host !== 1 && (broadcast.w0 & host) === host;
}

function toIp({ family, w0, w1, w2, w3 }: SocketWords): Ip {
  return { family, w0, w1, w2, w3, zone: null };
}

function prefixLength({ family, w0, w1, w2, w3 }: SocketWords): number {
  let length = 0;
  for (const word of family === "IPv4" ? [w0] : [w0, w1, w2, w3]) {
    length += Math.clz32(~word);
    if (word !== 0xffff_ffff) break;
  }
  return length;
}
