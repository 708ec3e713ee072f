/**
 * GetAdaptersAddresses' linked lists, read into the records that all systems share.
 *
 * @module
 */

import type { Memory } from "./ifaddrs.ts";
import type { AddressRecord, HostRecords, LinkRecord } from "./interface_records.ts";
import type { Platform, WinsockTables } from "./platform/platform.ts";
import { emptyWords, SockaddrCodec, type SocketWords } from "./sockaddr.ts";

/** Reads the list that begins at `first`. */
export function readAdapters(
  platform: Platform,
  tables: WinsockTables,
  memory: Memory,
  first: bigint,
): HostRecords {
  const { IP_ADAPTER_ADDRESSES: adapter, IP_ADAPTER_UNICAST_ADDRESS: unicast } = tables.layouts;
  const codec = new SockaddrCodec(platform);
  const links: LinkRecord[] = [];
  const addresses: AddressRecord[] = [];
  for (const view of chain(memory, first, adapter.size, adapter.at.Next)) {
    const link = readLink(tables, memory, view);
    if (link.index === 0) continue;
    links.push(link);
    const own = view.getBigUint64(adapter.at.FirstUnicastAddress, true);
    for (const entry of chain(memory, own, unicast.size, unicast.at.Next)) {
      const address = readAddress(tables, memory, codec, link, entry);
      if (address) addresses.push(address);
    }
  }
  return { links, addresses };
}

function* chain(
  memory: Memory,
  first: bigint,
  size: number,
  next: number,
): Generator<DataView<ArrayBuffer>> {
  // A list that comes back to where it was is none: it ends there.
  const seen = new Set<bigint>();
  for (let at = first; at !== 0n && !seen.has(at);) {
    seen.add(at);
    const view = new DataView(memory.readMemory(at, size).buffer);
    yield view;
    at = view.getBigUint64(next, true);
  }
}

function readLink(tables: WinsockTables, memory: Memory, view: DataView<ArrayBuffer>): LinkRecord {
  const c = tables.constants;
  const { at } = tables.layouts.IP_ADAPTER_ADDRESSES;
  const u32 = (offset: number) => view.getUint32(offset, true);
  const text = (offset: number) => readWide(memory, view.getBigUint64(offset, true));
  const type = u32(at.IfType);
  // An interface that is down can keep addresses: only this tells.
  const up = u32(at.OperStatus) === c.IfOperStatusUp;
  const length = Math.min(u32(at.PhysicalAddressLength), 8);
  return {
    // 0 where it does only the other family.
    index: u32(at.IfIndex) || u32(at.Ipv6IfIndex),
    name: text(at.FriendlyName),
    description: text(at.Description) || null,
    flags: {
      up,
      running: up,
      loopback: type === c.IF_TYPE_SOFTWARE_LOOPBACK,
      multicast: (u32(at.Flags) & c.IP_ADAPTER_NO_MULTICAST) === 0,
      pointToPoint: type === c.IF_TYPE_PPP || type === c.IF_TYPE_TUNNEL,
    },
    mtu: u32(at.Mtu) || null,
    hardware: new Uint8Array(view.buffer).slice(at.PhysicalAddress, at.PhysicalAddress + length),
  };
}

function readAddress(
  tables: WinsockTables,
  memory: Memory,
  codec: SockaddrCodec,
  link: LinkRecord,
  view: DataView<ArrayBuffer>,
): AddressRecord | null {
  const c = tables.constants;
  const { IP_ADAPTER_UNICAST_ADDRESS: { at }, SOCKET_ADDRESS } = tables.layouts;
  const sockaddr = view.getBigUint64(at.Address + SOCKET_ADDRESS.at.lpSockaddr, true);
  const length = view.getInt32(at.Address + SOCKET_ADDRESS.at.iSockaddrLength, true);
  const address = emptyWords();
  if (sockaddr === 0n || length <= 0) return null;
  const bytes = memory.readMemory(sockaddr, Math.min(length, codec.size));
  if (!codec.read(new DataView(bytes.buffer), 0, bytes.length, address)) return null;
  const state = view.getUint32(at.DadState, true);
  const prefixLength = view.getUint8(at.OnLinkPrefixLength);
  return {
    index: link.index,
    address,
    peer: null,
    prefixLength,
    broadcast: broadcastOf(link, address, prefixLength),
    tentative: state === c.IpDadStateTentative,
    duplicate: state === c.IpDadStateDuplicate,
    temporary: view.getUint32(at.SuffixOrigin, true) === c.IpSuffixOriginRandom,
    deprecated: state === c.IpDadStateDeprecated,
  };
}

/** Windows lets nobody choose another one than the network's last address (RFC 922; none for /31: RFC 3021). */
function broadcastOf(
  { flags }: LinkRecord,
  { family, w0 }: SocketWords,
  prefixLength: number,
): SocketWords | null {
  if (family !== "IPv4" || prefixLength > 30 || flags.loopback || flags.pointToPoint) return null;
  return { ...emptyWords(), w0: (w0 | (0xffff_ffff >>> prefixLength)) >>> 0 };
}

/** A NUL-terminated string of UTF-16. */
function readWide(memory: Memory, address: bigint): string {
  if (address === 0n) return "";
  let text = "";
  for (let at = address; text.length < 1024; at += 2n) {
    const [low, high] = memory.readMemory(at, 2);
    if ((low | high) === 0) break;
    text += String.fromCharCode(low | high << 8);
  }
  return text;
}
