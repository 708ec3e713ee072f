/**
 * getifaddrs(3)'s linked list, read into plain records.
 *
 * @module
 */

import type {
  AddressRecord,
  HostRecords,
  InterfaceFlags,
  LinkRecord,
} from "./interface_records.ts";
import type { Platform } from "./platform/platform.ts";
import { emptyWords, SockaddrCodec, type SocketWords } from "./sockaddr.ts";

/** How C's memory is read. */
export interface Memory {
  readMemory(address: bigint, length: number): Uint8Array<ArrayBuffer>;
  readCString(address: bigint): string;
}

/** One entry: an interface with one of its addresses, or with its hardware address. */
export interface InterfaceEntry {
  name: string;
  flags: InterfaceFlags;
  /** The IP address, where the entry has one. */
  address: SocketWords | null;
  netmask: SocketWords | null;
  broadcast: SocketWords | null;
  /** The index and hardware address, where the entry is the link's own. */
  link: { index: number; hardware: Uint8Array } | null;
}

/** Reads the list. */
export function readInterfaceList(
  platform: Platform,
  memory: Memory,
  first: bigint,
): InterfaceEntry[] {
  const { ifaddrs, sockaddr_ll } = platform.layouts;
  const { AF_INET, AF_INET6, AF_PACKET } = platform.constants;
  const codec = new SockaddrCodec(platform);
  const entries: InterfaceEntry[] = [];

  const sockaddr = (address: bigint): SocketWords | null => {
    if (address === 0n) return null;
    const family = new DataView(memory.readMemory(address, 2).buffer).getUint16(0, true);
    if (family !== AF_INET && family !== AF_INET6) return null;
    const size = codec.sizeOf(family === AF_INET ? "IPv4" : "IPv6");
    const words = emptyWords();
    const bytes = memory.readMemory(address, size);
    return codec.read(new DataView(bytes.buffer), 0, size, words) ? words : null;
  };
  const link = (address: bigint): InterfaceEntry["link"] => {
    if (address === 0n) return null;
    const family = new DataView(memory.readMemory(address, 2).buffer).getUint16(0, true);
    if (family !== AF_PACKET) return null;
    const bytes = memory.readMemory(address, sockaddr_ll.size);
    const { sll_ifindex, sll_halen, sll_addr } = sockaddr_ll.at;
    const index = new DataView(bytes.buffer).getInt32(sll_ifindex, true);
    return {
      index,
      hardware: bytes.slice(sll_addr, sll_addr + Math.min(bytes[sll_halen], 8)),
    };
  };

  // A list that comes back to where it was is none: it ends there.
  const seen = new Set<bigint>();
  for (let node = first; node !== 0n && !seen.has(node);) {
    seen.add(node);
    const view = new DataView(memory.readMemory(node, ifaddrs.size).buffer);
    const pointer = (at: number) => view.getBigUint64(at, true);
    const flags = view.getUint32(ifaddrs.at.ifa_flags, true);
    const address = sockaddr(pointer(ifaddrs.at.ifa_addr));
    entries.push({
      name: memory.readCString(pointer(ifaddrs.at.ifa_name)),
      flags: decodeFlags(platform, flags),
      address,
      netmask: sockaddr(pointer(ifaddrs.at.ifa_netmask)),
      // The field is shared with a point-to-point link's other end.
      broadcast: address?.family === "IPv4" && (flags & platform.constants.IFF_BROADCAST) !== 0
        ? sockaddr(pointer(ifaddrs.at.ifa_broadaddr))
        : null,
      link: link(pointer(ifaddrs.at.ifa_addr)),
    });
    node = pointer(ifaddrs.at.ifa_next);
  }
  return entries;
}

/** `IFF_*`, as getifaddrs(3) and netlink(7) tell them. */
export function decodeFlags({ constants }: Platform, flags: number): InterfaceFlags {
  const has = (flag: number) => (flags & flag) !== 0;
  return {
    up: has(constants.IFF_UP),
    running: has(constants.IFF_RUNNING),
    loopback: has(constants.IFF_LOOPBACK),
    multicast: has(constants.IFF_MULTICAST),
    pointToPoint: has(constants.IFF_POINTOPOINT),
  };
}

/**
 * The list in the form that all systems share. What getifaddrs(3) does not tell is `null`.
 *
 * @param indexOf Asks for the index of an interface whose own entry is not in the list; 0: there is none.
 */
export function toRecords(
  entries: readonly InterfaceEntry[],
  indexOf: (name: string) => number,
): HostRecords {
  const links = new Map<string, LinkRecord>();
  const addresses: AddressRecord[] = [];
  // The interfaces' own entries first: an address is sorted in by its interface's name.
  for (const entry of [...entries].sort((a, b) => Number(!a.link) - Number(!b.link))) {
    // Linux lists an alias ("eth0:1", a label of an address) like an interface.
    const name = entry.name.split(":")[0];
    if (!links.has(name)) {
      const index = entry.link?.index ?? indexOf(name);
      // It can vanish between the list and the question for its index.
      if (index <= 0) continue;
      const hardware = entry.link?.hardware ?? new Uint8Array(0);
      links.set(name, { index, name, flags: entry.flags, mtu: null, hardware });
    }
    if (entry.address) addresses.push(addressRecord(links.get(name)!.index, entry.address, entry));
  }
  return { links: [...links.values()], addresses };
}

function addressRecord(index: number, address: SocketWords, entry: InterfaceEntry): AddressRecord {
  return {
    index,
    address,
    peer: null,
    prefixLength: entry.netmask && prefixLength(entry.netmask),
    broadcast: isBroadcast(entry) ? entry.broadcast : null,
    tentative: null,
    duplicate: null,
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

function prefixLength({ family, w0, w1, w2, w3 }: SocketWords): number {
  let length = 0;
  for (const word of family === "IPv4" ? [w0] : [w0, w1, w2, w3]) {
    length += Math.clz32(~word);
    if (word !== 0xffff_ffff) break;
  }
  return length;
}
