/**
 * netlink(7) and rtnetlink(7) messages: reading and writing, without I/O.
 *
 * @module
 */

import { decodeFlags } from "../ifaddrs.ts";
import type { AddressRecord, LinkRecord, RouteEvent } from "../interface_records.ts";
import type { NetlinkTables, Platform } from "../platform/platform.ts";
import { emptyWords, type SocketWords } from "../sockaddr.ts";

/** Messages and attributes begin at multiples of this (NLMSG_ALIGNTO, RTA_ALIGNTO). */
const ALIGNMENT = 4;

/** One message, without its header. */
export interface NetlinkMessage {
  readonly type: number;
  readonly flags: number;
  /** Of the request that it answers; 0 for an event. */
  readonly sequence: number;
  readonly body: DataView<ArrayBuffer>;
}

/** Attributes by type. Where one occurs twice, the last counts, as in the kernel. */
export type Attributes = ReadonlyMap<number, DataView<ArrayBuffer>>;

function align(length: number): number {
  return Math.ceil(length / ALIGNMENT) * ALIGNMENT;
}

/**
 * Takes a received buffer apart. Stops at the first length that cannot be.
 *
 * @param view Exactly what was received.
 */
export function readMessages(
  { layouts: { nlmsghdr } }: NetlinkTables,
  view: DataView<ArrayBuffer>,
): NetlinkMessage[] {
  const messages: NetlinkMessage[] = [];
  const { nlmsg_len, nlmsg_type, nlmsg_flags, nlmsg_seq } = nlmsghdr.at;
  for (let at = 0; at + nlmsghdr.size <= view.byteLength;) {
    const length = view.getUint32(at + nlmsg_len, true);
    if (length < nlmsghdr.size || at + length > view.byteLength) break;
    messages.push({
      type: view.getUint16(at + nlmsg_type, true),
      flags: view.getUint16(at + nlmsg_flags, true),
      sequence: view.getUint32(at + nlmsg_seq, true),
      body: new DataView(view.buffer, view.byteOffset + at + nlmsghdr.size, length - nlmsghdr.size),
    });
    at += align(length);
  }
  return messages;
}

/**
 * Reads the attributes that follow a message's own struct, or that are nested in another.
 *
 * @param from Where they begin.
 */
export function readAttributes(
  { layouts: { rtattr }, constants: { NLA_TYPE_MASK } }: NetlinkTables,
  view: DataView<ArrayBuffer>,
  from: number,
): Attributes {
  const attributes = new Map<number, DataView<ArrayBuffer>>();
  for (let at = align(from); at + rtattr.size <= view.byteLength;) {
    const length = view.getUint16(at + rtattr.at.rta_len, true);
    if (length < rtattr.size || at + length > view.byteLength) break;
    // The upper bits say that it is nested, or in network order.
    const type = view.getUint16(at + rtattr.at.rta_type, true) & NLA_TYPE_MASK;
    const start = view.byteOffset + at + rtattr.size;
    attributes.set(type, new DataView(view.buffer, start, length - rtattr.size));
    at += align(length);
  }
  return attributes;
}

/**
 * Writes a request that asks for a list.
 *
 * @param type e.g. RTM_GETLINK.
 * @param header The message's own struct.
 * @param attributes 32-bit attributes that follow it.
 */
export function writeDumpRequest(
  { layouts: { nlmsghdr, rtattr }, constants }: NetlinkTables,
  type: number,
  sequence: number,
  header: Uint8Array,
  attributes: readonly (readonly [type: number, value: number])[] = [],
): Uint8Array<ArrayBuffer> {
  const first = nlmsghdr.size + align(header.length);
  const bytes = new Uint8Array(first + attributes.length * (rtattr.size + 4));
  const view = new DataView(bytes.buffer);
  view.setUint32(nlmsghdr.at.nlmsg_len, bytes.length, true);
  view.setUint16(nlmsghdr.at.nlmsg_type, type, true);
  view.setUint16(nlmsghdr.at.nlmsg_flags, constants.NLM_F_REQUEST | constants.NLM_F_DUMP, true);
  view.setUint32(nlmsghdr.at.nlmsg_seq, sequence, true);
  bytes.set(header, nlmsghdr.size);
  attributes.forEach(([name, value], i) => {
    const at = first + i * (rtattr.size + 4);
    view.setUint16(at + rtattr.at.rta_len, rtattr.size + 4, true);
    view.setUint16(at + rtattr.at.rta_type, name, true);
    view.setUint32(at + rtattr.size, value, true);
  });
  return bytes;
}

/** Reads messages of the interfaces: RTM_NEWLINK, RTM_DELLINK, RTM_NEWADDR and RTM_DELADDR. */
export class RouteCodec {
  readonly #tables: NetlinkTables;

  constructor(readonly platform: Platform, tables: NetlinkTables) {
    this.#tables = tables;
  }

  /** What a message says happened; `null` where it is about something else. */
  event({ type, body }: NetlinkMessage): RouteEvent | null {
    const { RTM_NEWLINK, RTM_DELLINK, RTM_NEWADDR, RTM_DELADDR } = this.#tables.constants;
    if (type === RTM_NEWLINK || type === RTM_DELLINK) {
      const link = this.link(body);
      if (!link) return null;
      return type === RTM_NEWLINK
        ? { type: "link", link }
        : { type: "link-gone", index: link.index };
    }
    if (type === RTM_NEWADDR || type === RTM_DELADDR) {
      const address = this.address(body);
      return address && { type: type === RTM_NEWADDR ? "address" : "address-gone", address };
    }
    return null;
  }

  /** An interface; `null` where the message is not about one (a bridge tells of its ports alike). */
  link(body: DataView<ArrayBuffer>): LinkRecord | null {
    const { ifinfomsg } = this.#tables.layouts;
    const { IFLA_ADDRESS, IFLA_IFNAME, IFLA_MTU } = this.#tables.constants;
    if (body.byteLength < ifinfomsg.size) return null;
    // AF_UNSPEC is 0; AF_BRIDGE and AF_INET6 send messages of the same type.
    if (body.getUint8(ifinfomsg.at.ifi_family) !== 0) return null;
    const attributes = readAttributes(this.#tables, body, ifinfomsg.size);
    const index = body.getInt32(ifinfomsg.at.ifi_index, true);
    const name = text(attributes.get(IFLA_IFNAME));
    if (index <= 0 || name === "") return null;
    const flags = body.getUint32(ifinfomsg.at.ifi_flags, true);
    return {
      index,
      name,
      flags: decodeFlags(this.platform, flags),
      mtu: u32(attributes.get(IFLA_MTU)),
      hardware: bytes(attributes.get(IFLA_ADDRESS)),
      description: null,
    };
  }

  /** An address; `null` where it is of no family that we know. */
  address(body: DataView<ArrayBuffer>): AddressRecord | null {
    const { ifaddrmsg } = this.#tables.layouts;
    if (body.byteLength < ifaddrmsg.size) return null;
    const c = this.#tables.constants;
    const { AF_INET, AF_INET6 } = this.platform.constants;
    const af = body.getUint8(ifaddrmsg.at.ifa_family);
    const family = af === AF_INET ? "IPv4" : af === AF_INET6 ? "IPv6" : null;
    if (family === null) return null;
    const attributes = readAttributes(this.#tables, body, ifaddrmsg.size);
    const words = (type: number) => toWords(family, attributes.get(type));
    // IFA_ADDRESS is the other end's where a link has one; then IFA_LOCAL is ours.
    const address = words(c.IFA_ADDRESS);
    const local = words(c.IFA_LOCAL) ?? address;
    if (!local) return null;
    // The 8 bits in the struct are the older form.
    const flags = u32(attributes.get(c.IFA_FLAGS)) ??
      body.getUint8(ifaddrmsg.at.ifa_flags);
    const has = (flag: number) => (flags & flag) !== 0;
    return {
      index: body.getUint32(ifaddrmsg.at.ifa_index, true),
      address: local,
      peer: address,
      prefixLength: body.getUint8(ifaddrmsg.at.ifa_prefixlen),
      broadcast: words(c.IFA_BROADCAST),
      // An optimistic address (RFC 4429) may be used before duplicate detection is over.
      tentative: has(c.IFA_F_TENTATIVE) && !has(c.IFA_F_OPTIMISTIC),
      duplicate: has(c.IFA_F_DADFAILED),
      // For IPv4 the same bit means "secondary".
      temporary: family === "IPv6" && has(c.IFA_F_TEMPORARY),
      deprecated: has(c.IFA_F_DEPRECATED),
    };
  }
}

/** A NUL-terminated text; empty where the attribute is missing. */
export function text(view: DataView<ArrayBuffer> | undefined): string {
  const all = bytes(view);
  const end = all.indexOf(0);
  return new TextDecoder().decode(end < 0 ? all : all.subarray(0, end));
}

/** A 32-bit number; `null` where the attribute is missing or shorter. */
export function u32(view: DataView | undefined): number | null {
  return view && view.byteLength >= 4 ? view.getUint32(0, true) : null;
}

function bytes(view: DataView<ArrayBuffer> | undefined): Uint8Array<ArrayBuffer> {
  return view
    ? new Uint8Array(view.buffer, view.byteOffset, view.byteLength).slice()
    : new Uint8Array(0);
}

function toWords(family: "IPv4" | "IPv6", view: DataView | undefined): SocketWords | null {
  const count = family === "IPv4" ? 1 : 4;
  if (!view || view.byteLength < 4 * count) return null;
  const words = emptyWords();
  words.family = family;
  words.w0 = view.getUint32(0);
  if (count === 1) return words;
  words.w1 = view.getUint32(4);
  words.w2 = view.getUint32(8);
  words.w3 = view.getUint32(12);
  return words;
}
