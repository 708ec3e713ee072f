/**
 * The interfaces of this host.
 *
 * @module
 */

import { isLinkLocal } from "../address/classify.ts";
import { type Family, formatIp, type Ip } from "../address/ip.ts";
import type { AddressRecord, HostRecords, LinkRecord } from "../ffi/interface_records.ts";
import { listRecords } from "../ffi/route/route.ts";
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
  /** Duplicate detection (RFC 4862) is not over: the address cannot be bound to yet. `null`: not said. */
  readonly tentative: boolean | null;
  /** Another host on the link has the same address: it will never be usable. `null`: not said. */
  readonly duplicate: boolean | null;
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
  /** The hardware address, `"02:00:5e:10:00:01"`; `null` where there is none (loopback, tunnels). */
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
 * On Linux the kernel is asked by rtnetlink(7). Where that is refused, and on macOS and BSD, getifaddrs(3)
 * is asked (on Linux some of those need netlink, too), which does not tell an address's `tentative`,
 * `duplicate`, `temporary` and `deprecated`, and on Linux `mtu`: they are `null` then. On Windows
 * GetAdaptersAddresses is asked: `name` is the name that people see ("Ethernet 2"), `description` the
 * adapter's, and an interface is up where it works.
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
  return toInterfaces(listRecords(system));
}

/** A host's interfaces, in the order of their indexes. */
export function toInterfaces({ links, addresses }: HostRecords): NetworkInterface[] {
  const byIndex = new Map<number, InterfaceAddress[]>();
  for (const { index } of links) byIndex.set(index, []);
  // An address of an interface that came between the two lists has no place in this one.
  for (const record of addresses) byIndex.get(record.index)?.push(toAddress(record));
  return links.map((link) => toInterface(link, byIndex.get(link.index)!))
    .sort((a, b) => a.index - b.index);
}

/** An interface with the addresses it has. */
export function toInterface(
  { index, name, description, flags, mtu, hardware }: LinkRecord,
  addresses: readonly InterfaceAddress[],
): NetworkInterface {
  const { up, running, loopback, multicast, pointToPoint } = flags;
  return {
    index,
    name,
    description,
    mac: toMac(hardware),
    mtu,
    up,
    running,
    loopback,
    multicast,
    pointToPoint,
    addresses,
  };
}

/** An address as it is shown. */
export function toAddress(record: AddressRecord): InterfaceAddress {
  const { index, prefixLength, broadcast, tentative, duplicate, temporary, deprecated } = record;
  const own = toIp(record.address);
  return {
    address: formatIp(own),
    family: own.family,
    prefixLength,
    broadcast: broadcast && formatIp(toIp(broadcast)),
    scopeId: own.family === "IPv6" && isLinkLocal(own) ? index : null,
    tentative,
    duplicate,
    temporary,
    deprecated,
  };
}

/** Ethernet and its like, FireWire and IEEE 802.15.4, InfiniBand. Tunnels have an IP address (4, 16) in its place. */
const MAC_LENGTHS: readonly number[] = [6, 8, 20];

/** Loopback has zeros for one. */
function toMac(hardware: Uint8Array): string | null {
  return MAC_LENGTHS.includes(hardware.length) && hardware.some((byte) => byte !== 0)
    ? Array.from(hardware, (byte) => byte.toString(16).padStart(2, "0")).join(":")
    : null;
}

function toIp({ family, w0, w1, w2, w3 }: SocketWords): Ip {
  return { family, w0, w1, w2, w3, zone: null };
}
