/**
 * Packets as a pcapng file, for Wireshark: one interface block for each interface, and for each packet the IP and
 * UDP headers that it had, as far as the operating system told them. Pure.
 *
 * A socket sees no Ethernet, so the link type is RAW: a packet begins with its IP header. What was not told is 0.
 * See https://datatracker.ietf.org/doc/draft-ietf-opsawg-pcapng/
 *
 * @module
 */

import { parseIp } from "../address/ip.ts";
import type { SocketAddress } from "../address/socket_address.ts";
import type { Packet } from "../socket/packet.ts";
import { concat } from "./bytes.ts";

const SECTION_HEADER = 0x0a0d0d0a;
const INTERFACE_DESCRIPTION = 1;
const ENHANCED_PACKET = 6;
const BYTE_ORDER_MAGIC = 0x1a2b3c4d;
const LINKTYPE_RAW = 101;
const IF_NAME = 2;
const IF_TSRESOL = 9;
/** Timestamps count in units of 10^-9 seconds. */
const NANOSECONDS = 9;
const USER_APPLICATION = 4;
const UDP = 17;
const IPV4_HEADER = 20;
const IPV6_HEADER = 40;
const UDP_HEADER = 8;
/** Room for whole datagrams. */
const SNAP_LENGTH = 262_144;

/** What of a packet is written. */
export type Captured = Pick<
  Packet,
  | "data"
  | "source"
  | "destination"
  | "interfaceIndex"
  | "interfaceName"
  | "hops"
  | "trafficClass"
  | "timestamp"
>;

/** Makes the blocks of one file. */
export class PcapngWriter {
  /** The number of each interface in the file, in the order in which they came. */
  readonly #interfaces = new Map<string, number>();

  /** How the file begins. */
  header(): Uint8Array {
    const body = new DataView(new ArrayBuffer(16));
    body.setUint32(0, BYTE_ORDER_MAGIC, true);
    body.setUint16(4, 1, true);
    // The section's length is not known yet.
    body.setBigInt64(8, -1n, true);
    const application = new TextEncoder().encode("pktinfo");
    return block(SECTION_HEADER, bytesOf(body), option(USER_APPLICATION, application), END);
  }

  /** A packet, preceded by its interface when that is a new one. */
  packet(packet: Captured): Uint8Array {
    const name = packet.interfaceName ??
      (packet.interfaceIndex === null ? "unknown" : String(packet.interfaceIndex));
    let number = this.#interfaces.get(name);
    const blocks: Uint8Array[] = [];
    if (number === undefined) {
      number = this.#interfaces.size;
      this.#interfaces.set(name, number);
      blocks.push(interfaceBlock(name));
    }
    const data = withHeaders(packet);
    const body = new DataView(new ArrayBuffer(20));
    const time = packet.timestamp ?? BigInt(Date.now()) * 1_000_000n;
    body.setUint32(0, number, true);
    body.setUint32(4, Number(time >> 32n), true);
    body.setUint32(8, Number(time & 0xffff_ffffn), true);
    body.setUint32(12, data.length, true);
    body.setUint32(16, data.length, true);
    blocks.push(block(ENHANCED_PACKET, bytesOf(body), padded(data)));
    return concat(blocks);
  }
}

function interfaceBlock(name: string): Uint8Array {
  const body = new DataView(new ArrayBuffer(8));
  body.setUint16(0, LINKTYPE_RAW, true);
  body.setUint32(4, SNAP_LENGTH, true);
  return block(
    INTERFACE_DESCRIPTION,
    bytesOf(body),
    option(IF_NAME, new TextEncoder().encode(name)),
    option(IF_TSRESOL, Uint8Array.of(NANOSECONDS)),
    END,
  );
}

/** The end of a block's options. */
const END = new Uint8Array(4);

function option(code: number, value: Uint8Array): Uint8Array {
  const head = new DataView(new ArrayBuffer(4));
  head.setUint16(0, code, true);
  head.setUint16(2, value.length, true);
  return concat([bytesOf(head), padded(value)]);
}

/** A block has its length at both ends. */
function block(type: number, ...parts: Uint8Array[]): Uint8Array {
  const body = concat(parts);
  const head = new DataView(new ArrayBuffer(8));
  head.setUint32(0, type, true);
  head.setUint32(4, 12 + body.length, true);
  return concat([bytesOf(head), body, bytesOf(head).subarray(4)]);
}

/** To a multiple of four bytes. */
function padded(data: Uint8Array): Uint8Array {
  const whole = new Uint8Array((data.length + 3) & ~3);
  whole.set(data);
  return whole;
}

/** The packet as it was on the wire, from the IP header on. */
function withHeaders(packet: Captured): Uint8Array {
  const { data, source, destination } = packet;
  const udp = new DataView(new ArrayBuffer(UDP_HEADER));
  const length = UDP_HEADER + data.length;
  udp.setUint16(0, source.port);
  udp.setUint16(2, destination.port);
  udp.setUint16(4, length);
  const addresses = concat([addressBytes(source), addressBytes(destination)]);
  const pseudo = concat([addresses, Uint8Array.of(0, UDP, length >> 8, length & 0xff)]);
  // RFC 768: a sum of 0 is written as its other form.
  udp.setUint16(6, checksum(concat([pseudo, bytesOf(udp), data])) || 0xffff);
  const header = source.family === "IPv4"
    ? ipv4Header(packet, addresses, length)
    : ipv6Header(packet, addresses, length);
  return concat([header, bytesOf(udp), data]);
}

/** RFC 791. */
function ipv4Header(packet: Captured, addresses: Uint8Array, length: number): Uint8Array {
  const header = new DataView(new ArrayBuffer(IPV4_HEADER));
  header.setUint8(0, 0x45);
  header.setUint8(1, packet.trafficClass ?? 0);
  header.setUint16(2, IPV4_HEADER + length);
  header.setUint8(8, packet.hops ?? 0);
  header.setUint8(9, UDP);
  bytesOf(header).set(addresses, 12);
  header.setUint16(10, checksum(bytesOf(header)));
  return bytesOf(header);
}

/** RFC 8200. */
function ipv6Header(packet: Captured, addresses: Uint8Array, length: number): Uint8Array {
  const header = new DataView(new ArrayBuffer(IPV6_HEADER));
  header.setUint32(0, 6 << 28 | (packet.trafficClass ?? 0) << 20);
  header.setUint16(4, length);
  header.setUint8(6, UDP);
  header.setUint8(7, packet.hops ?? 0);
  bytesOf(header).set(addresses, 8);
  return bytesOf(header);
}

function addressBytes({ address, family }: SocketAddress): Uint8Array {
  const { w0, w1, w2, w3 } = parseIp(address);
  const view = new DataView(new ArrayBuffer(family === "IPv4" ? 4 : 16));
  const words = family === "IPv4" ? [w0] : [w0, w1, w2, w3];
  words.forEach((word, at) => view.setUint32(4 * at, word));
  return bytesOf(view);
}

/** RFC 1071. */
function checksum(data: Uint8Array): number {
  let sum = 0;
  for (let at = 0; at < data.length; at += 2) sum += data[at] << 8 | (data[at + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000);
  return ~sum & 0xffff;
}

function bytesOf(view: DataView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}
