/**
 * One received datagram.
 *
 * @module
 */

import { ipv6NeedsZone } from "../address/classify.ts";
import { type SocketAddress, socketAddressFromWords } from "../address/socket_address.ts";
import type { ReceivedMessage } from "../ffi/message.ts";
import type { InterfaceNames } from "../interfaces/names.ts";

/** Whom a datagram was sent to: this host alone, a group, or everybody on the link. */
export type Cast = "unicast" | "multicast" | "broadcast";

/**
 * One received datagram, with what the operating system told about it.
 *
 * What the OS did not say is `null`, never a guess.
 *
 * @example
 * ```ts
 * import { openUdpSocket } from "@pktinfo/pktinfo";
 *
 * await using socket = openUdpSocket();
 * await socket.send("hello", `127.0.0.5:${socket.port}`);
 * const packet = await socket.receive();
 * console.log(`${packet.source} → ${packet.destination} on ${packet.interfaceName}`);
 * console.log(packet.cast, packet.hops, new TextDecoder().decode(packet.data));
 * ```
 */
export class Packet {
  /**
   * Made by the socket; there is no reason to make one.
   *
   * @internal
   */
  constructor(
    /**
     * The payload, the reader's own: nothing writes to its memory again. Small
     * packets of a socket share an `ArrayBuffer`, so transfer a `data.slice()` to
     * a worker rather than `data.buffer`.
     */
    readonly data: Uint8Array<ArrayBuffer>,
    /** Who sent it. Link-local addresses carry their zone. */
    readonly source: SocketAddress,
    /**
     * Where it was sent, with this socket's port. The unspecified address
     * (`0.0.0.0` or `::`) stands for "the OS did not say".
     */
    readonly destination: SocketAddress,
    /** The index of the interface it came in on, or `null`. */
    readonly interfaceIndex: number | null,
    /**
     * That interface's name, or `null` where it is not known (any more). For up to a second
     * after a rename it may be the old one; the index is always what the OS told.
     */
    readonly interfaceName: string | null,
    /**
     * Unicast, multicast or broadcast; `null` where the OS did not say. Only Linux says it of every
     * packet; elsewhere an IPv4 address is looked up among those of this host.
     */
    readonly cast: Cast | null,
    /** IPv4's time to live, IPv6's hop limit, as it arrived: 0-255, or `null`. */
    readonly hops: number | null,
    /** IPv4's type of service (not told by OpenBSD and NetBSD), IPv6's traffic class: 0-255 (DSCP and ECN), or `null`. */
    readonly trafficClass: number | null,
    /** When the kernel received it: nanoseconds since 1970, with `timestamps: true`; else `null`. */
    readonly timestamp: bigint | null,
    /** The datagram was longer than `maxDatagramSize`: `data` is its beginning. */
    readonly truncated: boolean,
    /** Datagrams this socket's kernel buffer has dropped so far; `null` where the OS does not count (all but Linux). */
    readonly dropped: number | null,
  ) {}
}

/** Whom a message was sent to. */
export function castOf(
  message: ReceivedMessage,
  specDstRevealsBroadcast: boolean,
  names: Pick<InterfaceNames, "ipv4Cast">,
): Cast | null {
  const { control } = message;
  if (!control.hasDestination) return null;
  if (message.source.family === "IPv6") return control.w0 >>> 24 === 0xff ? "multicast" : "unicast";
  if (control.w0 >>> 28 === 0xe) return "multicast";
  if (control.w0 === 0xffff_ffff || message.broadcast) return "broadcast";
  // Elsewhere the addresses of this host decide.
  if (!specDstRevealsBroadcast) return names.ipv4Cast(control.w0);
  if (control.localAddress === 0) return null;
  // ip(7): ipi_spec_dst is the destination itself if that is an address of this host.
  return control.localAddress === control.w0 ? "unicast" : "broadcast";
}

/** Makes the packet of a message. Runs for every datagram: addresses stay numbers. */
export function toPacket(
  message: ReceivedMessage,
  data: Uint8Array<ArrayBuffer>,
  truncated: boolean,
  cast: Cast | null,
  port: number,
  dropped: number | null,
  names: InterfaceNames,
): Packet {
  const { source, control } = message;
  const { interfaceIndex } = control;
  const interfaceName = names.nameOf(interfaceIndex);
  return new Packet(
    data,
    names.toSocketAddress(source),
    destinationOf(message, port, interfaceName),
    interfaceIndex || null,
    interfaceName,
    cast,
    control.hops < 0 ? null : control.hops,
    control.trafficClass < 0 ? null : control.trafficClass,
    control.seconds < 0
      ? null
      : BigInt(control.seconds) * 1_000_000_000n + BigInt(control.nanoseconds),
    truncated,
    dropped,
  );
}

/** Another datagram of the train that a packet is of: it came the same way. */
export function sibling(packet: Packet, data: Uint8Array<ArrayBuffer>, truncated: boolean): Packet {
  return new Packet(
    data,
    packet.source,
    packet.destination,
    packet.interfaceIndex,
    packet.interfaceName,
    packet.cast,
    packet.hops,
    packet.trafficClass,
    packet.timestamp,
    truncated,
    packet.dropped,
  );
}

function destinationOf(
  message: ReceivedMessage,
  port: number,
  interfaceName: string | null,
): SocketAddress {
  const { control } = message;
  const { family } = message.source;
  if (!control.hasDestination) {
    return socketAddressFromWords(family, 0, 0, 0, 0, port, null, null);
  }
  const { w0, w1, w2, w3, interfaceIndex } = control;
  const zoned = family === "IPv6" && interfaceIndex !== 0 && ipv6NeedsZone(w0);
  return socketAddressFromWords(
    family,
    w0,
    w1,
    w2,
    w3,
    port,
    zoned ? interfaceIndex : null,
    zoned ? interfaceName : null,
  );
}
