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
import type { ControlRow, Platform } from "./platform/platform.ts";

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
  /** It is a train: the size of each datagram but the last; 0: it is one datagram. */
  segmentSize = 0;
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
    this.segmentSize = 0;
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
  readonly #in6Size: number;
  readonly #time;
  readonly #errno: number;
  readonly #errorSize: number;
  readonly #indexAt: number;
  readonly #sendRows;
  readonly #segmentation;
  readonly #keys;

  constructor(platform: Platform) {
    const { layouts, control } = platform;
    const { cmsghdr, in_pktinfo, in6_pktinfo, sock_extended_err, sockaddr_dl } = layouts;
    this.#len = cmsghdr.at.cmsg_len;
    this.#level = cmsghdr.at.cmsg_level;
    this.#type = cmsghdr.at.cmsg_type;
    this.#mask = platform.controlAlignment - 1;
    this.#data = this.#align(cmsghdr.size);
    this.#in = infoOf(in_pktinfo);
    this.#in6 = in6_pktinfo.at;
    this.#in6Size = in6_pktinfo.size;
    this.#time = timeOf(platform);
    this.#errno = sock_extended_err?.at.ee_errno ?? 0;
    this.#errorSize = sock_extended_err?.size ?? 0;
    this.#indexAt = sockaddr_dl?.at.sdl_index ?? 0;
    this.#sendRows = platform.sendControl;
    this.#segmentation = platform.segmentation;
    const { IPv4, IPv6, timestamp, dropCounter } = control;
    this.#keys = {
      packetInfo4: key(IPv4.packetInfo),
      packetInfo6: key(IPv6.packetInfo),
      destination4: key(IPv4.destination),
      interface4: key(IPv4.receivedInterface),
      hops4: key(IPv4.hops[0]),
      otherHops4: key(IPv4.hops[1]),
      hops6: key(IPv6.hops[0]),
      trafficClass4: key(IPv4.trafficClass[0]),
      otherTrafficClass4: key(IPv4.trafficClass[1]),
      trafficClass6: key(IPv6.trafficClass[0]),
      error4: key(IPv4.error),
      error6: key(IPv6.error),
      timestamp: key(timestamp),
      dropCounter: key(dropCounter),
      segmentSize: key(platform.segmentation?.received),
    };
    const messages = platform.segmentation ? 3 : 2;
    this.sendSize = this.#space(in6_pktinfo.size) + messages * this.#space(4);
    // What any family may be told at once, with room to spare rather than a truncated message.
    this.receiveSize = this.sendSize +
      (timestamp ? this.#space(this.#time.size) : 0) +
      (dropCounter ? this.#space(4) : 0) +
      (sockaddr_dl ? this.#space(4) + this.#space(sockaddr_dl.size) : 0) +
      // An error message carries the offender's address behind its own struct.
      (sock_extended_err ? this.#space(sock_extended_err.size + layouts.sockaddr_in6.size) : 0);
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
      if (size < this.#in.size) return;
      const { index, address, specDst } = this.#in;
      out.hasDestination = true;
      out.interfaceIndex = view.getInt32(at + index, true);
      out.localAddress = specDst < 0 ? 0 : view.getUint32(at + specDst);
      out.w0 = view.getUint32(at + address);
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
    } else if (what === keys.hops4 || what === keys.hops6 || what === keys.otherHops4) {
      out.hops = integer(view, at, size);
    } else if (
      what === keys.trafficClass4 || what === keys.trafficClass6 ||
      what === keys.otherTrafficClass4
    ) {
      out.trafficClass = integer(view, at, size);
    } else if (what === keys.destination4) {
      if (size < 4) return;
      out.hasDestination = true;
      out.w0 = view.getUint32(at);
      out.w1 = out.w2 = out.w3 = 0;
    } else if (what === keys.interface4) {
      if (size >= this.#indexAt + 2) out.interfaceIndex = view.getUint16(at + this.#indexAt, true);
    } else if (what === keys.dropCounter) {
      if (size >= 4) out.dropped = view.getUint32(at, true);
    } else if (what === keys.segmentSize) {
      if (size >= 4) out.segmentSize = view.getInt32(at, true);
    } else if (what === keys.timestamp) {
      const time = this.#time;
      if (size < time.size) return;
      const seconds = at + time.seconds;
      out.seconds = view.getUint32(seconds, true) +
        view.getInt32(seconds + 4, true) * 2 ** 32;
      out.nanoseconds = view.getUint32(at + time.fraction, true) * time.unit;
    } else if (what === keys.error4 || what === keys.error6) {
      if (size >= this.#errorSize) {
        out.error = view.getUint32(at + this.#errno, true);
      }
    }
  }

  /**
   * Writes the messages that a datagram of `family` asks for; returns their length, 0 for none.
   *
   * What the platform has no message for was taken out before: see `planEgress`.
   *
   * @param segmentSize Of a train; 0: it is one datagram.
   */
  write(
    view: DataView,
    start: number,
    family: Family,
    control: Readonly<SendControl> | null,
    segmentSize = 0,
  ): number {
    let at = start;
    if (control) at += this.#writeWish(view, at, family, control);
    if (segmentSize > 0 && this.#segmentation) {
      view.setUint16(this.#header(view, at, this.#segmentation.sent, 2), segmentSize, true);
      at += this.#space(2);
    }
    return at - start;
  }

  #writeWish(
    view: DataView,
    start: number,
    family: Family,
    control: Readonly<SendControl>,
  ): number {
    const rows = this.#sendRows[family];
    let at = start;
    if (rows.packetInfo && (control.hasSource || control.interfaceIndex !== 0)) {
      const size = family === "IPv4" ? this.#in.size : this.#in6Size;
      const data = this.#header(view, at, rows.packetInfo, size);
      if (family === "IPv4") this.#writeInfo4(view, data, control);
      else this.#writeInfo6(view, data, control);
      at += this.#space(size);
    } else if (rows.source && control.hasSource) {
      view.setUint32(this.#header(view, at, rows.source, 4), control.w0);
      at += this.#space(4);
    }
    if (rows.hops && control.hops >= 0) {
      view.setInt32(this.#header(view, at, rows.hops, 4), control.hops, true);
      at += this.#space(4);
    }
    if (rows.trafficClass && control.trafficClass >= 0) {
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

  /** ip(7): the source is `ipi_spec_dst`; `ipi_addr` is not looked at when sending, except on Windows. */
  #writeInfo4(view: DataView, at: number, control: Readonly<SendControl>): void {
    const { index, address, specDst } = this.#in;
    view.setUint32(at + address, 0);
    view.setInt32(at + index, control.interfaceIndex, true);
    view.setUint32(at + (specDst < 0 ? address : specDst), control.hasSource ? control.w0 : 0);
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

/** One number for level and type: both are small. Not a number, which equals nothing, for a row that is missing. */
function key(row: ControlRow | null | undefined): number {
  return row ? (row.level << 16) | row.type : NaN;
}

/** Where IPv4's packet information has what; `ipi_spec_dst` may be missing (-1). */
function infoOf(layout: Platform["layouts"]["in_pktinfo"]) {
  if (!layout) return { size: 0, index: 0, address: 0, specDst: -1 };
  const { at, size } = layout;
  const specDst = "ipi_spec_dst" in at ? at.ipi_spec_dst : -1;
  return { size, index: at.ipi_ifindex, address: at.ipi_addr, specDst };
}

/** How the time of arrival is written. */
function timeOf({ control: { timestamp }, layouts: { timespec, timeval } }: Platform) {
  if (timestamp?.struct === "timespec") {
    const { at: { tv_sec, tv_nsec }, size } = timespec!;
    return { size, seconds: tv_sec, fraction: tv_nsec, unit: 1 };
  }
  const { at, size } = timeval ?? { at: { tv_sec: 0, tv_usec: 8 }, size: 16 };
  return { size, seconds: at.tv_sec, fraction: at.tv_usec, unit: 1000 };
}

/** An `int` or a single byte, by the message's length: systems differ, even for one option. */
function integer(view: DataView, at: number, size: number): number {
  if (size >= 4) return view.getInt32(at, true);
  return size >= 1 ? view.getUint8(at) : -1;
}
