/**
 * Control messages: what recvmsg(2) tells beside the data, and what sendmsg(2) is told.
 *
 * The walk trusts nothing: a length that is too small or reaches past the end
 * ends it (macOS before 14 can return zeroed headers for ever; some Windows
 * filters return a loop), and every read is inside the message's own length.
 *
 * @module
 */

import type { Family } from "../address/ip.ts";
import type { ControlRow, FamilyControl, Platform } from "./platform/platform.ts";

/** What the control messages of one datagram said. Negative: not said. */
export class ControlRecord {
  /** Whether a destination was given: then `w0`..`w3` are it. */
  hasDestination = false;
  w0 = 0;
  w1 = 0;
  w2 = 0;
  w3 = 0;
  /** The interface it came in on; 0: not said. */
  interfaceIndex = 0;
  /** IPv4's `ipi_spec_dst`: the local address that would answer; 0: not said. */
  localAddress = 0;
  hops = -1;
  trafficClass = -1;
  seconds = -1;
  nanoseconds = 0;
  dropped = -1;
  /** An asynchronous error's errno; 0: none. */
  error = 0;

  /** Forgets what the previous datagram said. */
  clear(): void {
    this.hasDestination = false;
    this.interfaceIndex = 0;
    this.localAddress = 0;
    this.hops = -1;
    this.trafficClass = -1;
    this.seconds = -1;
    this.dropped = -1;
    this.error = 0;
  }
}

/** What a datagram to be sent asks for. */
export interface SendControl {
  /** Whether `w0`..`w3` hold a source address to send from. */
  hasSource: boolean;
  w0: number;
  w1: number;
  w2: number;
  w3: number;
  /** The interface to leave by; 0: as routed. */
  interfaceIndex: number;
  /** 0-255; -1: the socket's own. */
  hops: number;
  /** 0-255; -1: the socket's own. */
  trafficClass: number;
}

/** The control messages of one platform. */
export class ControlCodec {
  /** Bytes that hold every message this library asks to receive. */
  readonly receiveSize: number;
  /** Bytes that hold every message it sends. */
  readonly sendSize: number;

  readonly #len: number;
  readonly #level: number;
  readonly #type: number;
  /** Where a message's data starts: the header, rounded up. */
  readonly #data: number;
  readonly #mask: number;
  readonly #in;
  readonly #in6;
  readonly #inSize: number;
  readonly #in6Size: number;
  readonly #timespec;
  readonly #timespecSize: number;
  readonly #errno: number;
  readonly #errorSize: number;
  readonly #rows: { IPv4: FamilyControl; IPv6: FamilyControl };
  readonly #keys;

  constructor(platform: Platform) {
    const { cmsghdr, in_pktinfo, in6_pktinfo, timespec, sock_extended_err } = platform.layouts;
    this.#len = cmsghdr.at.cmsg_len;
    this.#level = cmsghdr.at.cmsg_level;
    this.#type = cmsghdr.at.cmsg_type;
    this.#mask = platform.controlAlignment - 1;
    this.#data = this.#align(cmsghdr.size);
    this.#in = in_pktinfo.at;
    this.#in6 = in6_pktinfo.at;
    this.#inSize = in_pktinfo.size;
    this.#in6Size = in6_pktinfo.size;
    this.#timespec = timespec.at;
    this.#timespecSize = timespec.size;
    this.#errno = sock_extended_err.at.ee_errno;
    this.#errorSize = sock_extended_err.size;
    const { IPv4, IPv6, timestamp, dropCounter } = platform.control;
    this.#rows = { IPv4, IPv6 };
    this.#keys = {
      packetInfo4: key(IPv4.packetInfo),
      packetInfo6: key(IPv6.packetInfo),
      hops4: key(IPv4.hops),
      hops6: key(IPv6.hops),
      trafficClass4: key(IPv4.trafficClass),
      trafficClass6: key(IPv6.trafficClass),
      error4: key(IPv4.error),
      error6: key(IPv6.error),
      timestamp: key(timestamp),
      dropCounter: key(dropCounter),
    };
    this.sendSize = this.#space(in6_pktinfo.size) + 2 * this.#space(4);
    // An error message carries the offender's address behind its own struct.
    this.receiveSize = this.sendSize + this.#space(timespec.size) +
      this.#space(4) +
      this.#space(sock_extended_err.size + platform.layouts.sockaddr_in6.size);
  }

  #align(length: number): number {
    return (length + this.#mask) & ~this.#mask;
  }

  /** `CMSG_SPACE`. */
  #space(size: number): number {
    return this.#data + this.#align(size);
  }

  /**
   * Reads the messages of one datagram into `out`, which was cleared.
   *
   * @returns Whether the walk reached the end; `false` says that something was malformed.
   */
  read(view: DataView, start: number, length: number, out: ControlRecord): boolean {
    const end = start + length;
    const header = this.#data;
    let at = start;
    while (at + header <= end) {
      // The upper half of cmsg_len is zero: no control buffer is 4 GiB.
      const messageLength = view.getUint32(at + this.#len, true);
      if (messageLength < header || messageLength > end - at) return false;
      const level = view.getInt32(at + this.#level, true);
      const type = view.getInt32(at + this.#type, true);
      // All levels and types that we know fit in 16 bits; what does not is none of them.
      if ((level | type) >>> 16 === 0) {
        this.#message(view, (level << 16) | type, at + header, messageLength - header, out);
      }
      at += this.#align(messageLength);
    }
    return at >= end;
  }

  #message(view: DataView, what: number, at: number, size: number, out: ControlRecord): void {
    const keys = this.#keys;
    if (what === keys.packetInfo4) {
      if (size < this.#inSize) return;
      out.hasDestination = true;
      out.interfaceIndex = view.getInt32(at + this.#in.ipi_ifindex, true);
      out.localAddress = view.getUint32(at + this.#in.ipi_spec_dst);
      out.w0 = view.getUint32(at + this.#in.ipi_addr);
      out.w1 = out.w2 = out.w3 = 0;
    } else if (what === keys.packetInfo6) {
      if (size < this.#in6Size) return;
      const address = at + this.#in6.ipi6_addr;
      out.hasDestination = true;
      out.interfaceIndex = view.getUint32(at + this.#in6.ipi6_ifindex, true);
      out.w0 = view.getUint32(address);
      out.w1 = view.getUint32(address + 4);
      out.w2 = view.getUint32(address + 8);
      out.w3 = view.getUint32(address + 12);
    } else if (what === keys.hops4 || what === keys.hops6) {
      out.hops = integer(view, at, size);
    } else if (what === keys.trafficClass4 || what === keys.trafficClass6) {
      out.trafficClass = integer(view, at, size);
    } else if (what === keys.dropCounter) {
      if (size >= 4) out.dropped = view.getUint32(at, true);
    } else if (what === keys.timestamp) {
      if (size < this.#timespecSize) return;
      const { tv_sec, tv_nsec } = this.#timespec;
      const seconds = at + tv_sec;
      out.seconds = view.getUint32(seconds, true) +
        view.getInt32(seconds + 4, true) * 2 ** 32;
      out.nanoseconds = view.getUint32(at + tv_nsec, true);
    } else if (what === keys.error4 || what === keys.error6) {
      if (size >= this.#errorSize) {
        out.error = view.getUint32(at + this.#errno, true);
      }
    }
  }

  /** Writes the messages that a datagram of `family` asks for; returns their length, 0 for none. */
  write(view: DataView, start: number, family: Family, control: Readonly<SendControl>): number {
    const rows = this.#rows[family];
    let at = start;
    if (control.hasSource || control.interfaceIndex !== 0) {
      const size = family === "IPv4" ? this.#inSize : this.#in6Size;
      const data = this.#header(view, at, rows.packetInfo, size);
      if (family === "IPv4") this.#writeInfo4(view, data, control);
      else this.#writeInfo6(view, data, control);
      at += this.#space(size);
    }
    if (control.hops >= 0) {
      view.setInt32(this.#header(view, at, rows.hops, 4), control.hops, true);
      at += this.#space(4);
    }
    if (control.trafficClass >= 0) {
      view.setInt32(this.#header(view, at, rows.trafficClass, 4), control.trafficClass, true);
      at += this.#space(4);
    }
    return at - start;
  }

  #header(view: DataView, at: number, row: ControlRow, size: number): number {
    view.setUint32(at + this.#len, this.#data + size, true);
    // The upper half (or musl's padding).
    if (this.#level - this.#len === 8) {
      view.setUint32(at + this.#len + 4, 0, true);
    }
    view.setInt32(at + this.#level, row.level, true);
    view.setInt32(at + this.#type, row.type, true);
    return at + this.#data;
  }

  /** ip(7): the source is `ipi_spec_dst`; `ipi_addr` is not looked at when sending. */
  #writeInfo4(view: DataView, at: number, control: Readonly<SendControl>): void {
    view.setInt32(at + this.#in.ipi_ifindex, control.interfaceIndex, true);
    view.setUint32(at + this.#in.ipi_spec_dst, control.hasSource ? control.w0 : 0);
    view.setUint32(at + this.#in.ipi_addr, 0);
  }

  /** RFC 3542 section 6.2: an unspecified address leaves the source to the kernel. */
  #writeInfo6(view: DataView, at: number, control: Readonly<SendControl>): void {
    const address = at + this.#in6.ipi6_addr;
    const { hasSource } = control;
    view.setUint32(address, hasSource ? control.w0 : 0);
    view.setUint32(address + 4, hasSource ? control.w1 : 0);
    view.setUint32(address + 8, hasSource ? control.w2 : 0);
    view.setUint32(address + 12, hasSource ? control.w3 : 0);
    view.setUint32(at + this.#in6.ipi6_ifindex, control.interfaceIndex, true);
  }
}

/** One number for level and type: both are small. */
function key(row: ControlRow): number {
  return (row.level << 16) | row.type;
}

/** An `int` or a single byte, by the message's length: systems differ, even for one option. */
function integer(view: DataView, at: number, size: number): number {
  if (size >= 4) return view.getInt32(at, true);
  return size >= 1 ? view.getUint8(at) : -1;
}
