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
  /** The index and hardware address, where the entry is the link's own. `mtu: null`: not said. */
  link: { index: number; hardware: Uint8Array; mtu: number | null } | null;
}

/** Reads the list. */
export function readInterfaceList(
  platform: Platform,
  memory: Memory,
  first: bigint,
): InterfaceEntry[] {
  const ifaddrs = platform.layouts.ifaddrs!;
  const { linkFamily, AF_INET, AF_INET6 } = platform.constants;
  const codec = new SockaddrCodec(platform);
  const entries: InterfaceEntry[] = [];

  const sockaddr = (address: bigint): SocketWords | null => {
    if (address === 0n) return null;
    const family = codec.family(memory.readMemory(address, 2));
    if (family !== AF_INET && family !== AF_INET6) return null;
    const size = codec.sizeOf(family === AF_INET ? "IPv4" : "IPv6");
    const words = emptyWords();
    const bytes = memory.readMemory(address, size);
    codec.read(new DataView(bytes.buffer), 0, size, words);
    return platform.quirks.embeddedScope ? takeScopeOut(words) : words;
  };
  const netmask = (address: bigint, own: SocketWords | null): SocketWords | null => {
    if (address === 0n || !own) return null;
    const length = codec.length(memory.readMemory(address, 2));
    if (length === null) return sockaddr(address);
    // BSD cuts off the zeros at a mask's end, and may leave out the family: it is the address's.
    const bytes = new Uint8Array(codec.sizeOf(own.family));
    bytes.set(memory.readMemory(address, Math.min(length, bytes.length)));
    const view = new DataView(bytes.buffer);
    const words = emptyWords();
    codec.writeFamily(view, 0, own.family);
    codec.read(view, 0, bytes.length, words);
    return words;
  };
  const link = (address: bigint, data: bigint): InterfaceEntry["link"] => {
    if (address === 0n || codec.family(memory.readMemory(address, 2)) !== linkFamily) return null;
    return { ...readLink(platform, memory, address), mtu: readMtu(platform, memory, data) };
  };

  // A list that comes back to where it was is none: it ends there.
  const seen = new Set<bigint>();
  for (let node = first; node !== 0n && !seen.has(node);) {
    seen.add(node);
    const view = new DataView(memory.readMemory(node, ifaddrs.size).buffer);
    const pointer = (at: number) => view.getBigUint64(at, true);
    node = pointer(ifaddrs.at.ifa_next);
    const name = pointer(ifaddrs.at.ifa_name);
    // strlen(NULL) would be the end of the process, and what has no name is nobody's.
    if (name === 0n) continue;
    const flags = view.getUint32(ifaddrs.at.ifa_flags, true);
    const address = sockaddr(pointer(ifaddrs.at.ifa_addr));
    entries.push({
      name: memory.readCString(name),
      flags: decodeFlags(platform, flags),
      address,
      netmask: netmask(pointer(ifaddrs.at.ifa_netmask), address),
      // The field is shared with a point-to-point link's other end.
      broadcast: address?.family === "IPv4" && (flags & platform.constants.IFF_BROADCAST) !== 0
        ? sockaddr(pointer(ifaddrs.at.ifa_broadaddr))
        : null,
      link: link(pointer(ifaddrs.at.ifa_addr), pointer(ifaddrs.at.ifa_data)),
    });
  }
  return entries;
}

/** The interface's own entry: `sockaddr_ll` (Linux) or `sockaddr_dl` (BSD, macOS). */
function readLink(
  { layouts: { sockaddr_ll, sockaddr_dl } }: Platform,
  memory: Memory,
  address: bigint,
): { index: number; hardware: Uint8Array } {
  if (sockaddr_ll) {
    const bytes = memory.readMemory(address, sockaddr_ll.size);
    const { sll_ifindex, sll_halen, sll_addr } = sockaddr_ll.at;
    const index = new DataView(bytes.buffer).getInt32(sll_ifindex, true);
    return { index, hardware: bytes.slice(sll_addr, sll_addr + Math.min(bytes[sll_halen], 8)) };
  }
  const { sdl_index, sdl_nlen, sdl_alen, sdl_data } = sockaddr_dl!.at;
  // Its first byte is its length; a long name reaches past the declared struct.
  const length = Math.max(memory.readMemory(address, 1)[0], sdl_data);
  const bytes = memory.readMemory(address, length);
  const hardware = sdl_data + bytes[sdl_nlen];
  const index = new DataView(bytes.buffer).getUint16(sdl_index, true);
  return { index, hardware: bytes.slice(hardware, hardware + bytes[sdl_alen]) };
}

/** `if_data`, which BSD and macOS hang on the interface's own entry. */
function readMtu({ layouts: { if_data } }: Platform, memory: Memory, data: bigint): number | null {
  if (!if_data || data === 0n) return null;
  const { ifi_mtu } = if_data.at;
  const bytes = memory.readMemory(data, ifi_mtu + 4);
  return new DataView(bytes.buffer).getUint32(ifi_mtu, true);
}

/**
 * KAME keeps the index of a link-local address in its second 16 bits. getifaddrs(3)
 * may show it there; in an address proper they are 0 (RFC 4291, 2.5.6).
 */
function takeScopeOut(words: SocketWords): SocketWords {
  const linkLocal = words.family === "IPv6" && (words.w0 >>> 22) === 0xfe80 >>> 6;
  const scope = words.w0 & 0xffff;
  if (!linkLocal || scope === 0) return words;
  return { ...words, w0: (words.w0 & 0xffff_0000) >>> 0, scopeId: words.scopeId || scope };
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
      links.set(name, {
        index,
        name,
        flags: entry.flags,
        mtu: entry.link?.mtu ?? null,
        hardware,
        description: null,
      });
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
