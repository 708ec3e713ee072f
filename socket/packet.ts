/**
 * One received datagram.
 *
 * @module
 */

import { ipv6NeedsZone } from "../address/classify.ts";
import type { Family } from "../address/ip.ts";
import { type SocketAddress, socketAddressFromWords } from "../address/socket_address.ts";
import type { ReceivedMessage } from "../ffi/message.ts";
import type { InterfaceNames } from "../interfaces/names.ts";
import type { Words } from "./membership_table.ts";

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

/**
 * Makes the packets of one reader. Runs for every datagram: addresses stay numbers until somebody looks at their
 * text, and one that is the last packet's again is the same object.
 */
export class PacketMaker {
  readonly #source = new LastAddress();
  readonly #destination = new LastAddress();

  constructor(readonly names: InterfaceNames) {}

  /** Makes one of a message; `port` is the socket's. */
  make(
    message: ReceivedMessage,
    data: Uint8Array<ArrayBuffer>,
    truncated: boolean,
    cast: Cast | null,
    port: number,
    dropped: number | null,
  ): Packet {
    const { names } = this;
    const { source, control } = message;
    const { interfaceIndex } = control;
    const { scopeId } = source;
    return new Packet(
      data,
      this.#source.of(source.family, source, source.port, scopeId, names.zoneOf(scopeId)),
      this.#destinationOf(message, port),
      interfaceIndex || null,
      names.nameOf(interfaceIndex),
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

  #destinationOf({ source: { family }, control }: ReceivedMessage, port: number): SocketAddress {
    if (!control.hasDestination) return this.#destination.of(family, NOWHERE, port, 0, null);
    const zoned = family === "IPv6" && ipv6NeedsZone(control.w0);
    const scopeId = zoned ? control.interfaceIndex : 0;
    return this.#destination.of(family, control, port, scopeId, this.names.zoneOf(scopeId));
  }
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

const NOWHERE: Words = { w0: 0, w1: 0, w2: 0, w3: 0 };

/** An address that mostly comes again. */
class LastAddress {
  #address: SocketAddress | null = null;
  #family: Family = "IPv4";
  #w0 = 0;
  #w1 = 0;
  #w2 = 0;
  #w3 = 0;
  #port = 0;
  #scopeId = 0;
  #zone: string | null = null;

  /** The last one if it is the same, else a new one. */
  of(
    family: Family,
    words: Words,
    port: number,
    scopeId: number,
    zone: string | null,
  ): SocketAddress {
    // Signed, as in SocketAddress itself.
    const w0 = words.w0 | 0, w1 = words.w1 | 0, w2 = words.w2 | 0, w3 = words.w3 | 0;
    if (
      this.#address !== null && this.#port === port && this.#w0 === w0 && this.#w3 === w3 &&
      this.#w1 === w1 && this.#w2 === w2 && this.#family === family &&
      this.#scopeId === scopeId && this.#zone === zone
    ) return this.#address;
    this.#family = family;
    this.#w0 = w0;
    this.#w1 = w1;
    this.#w2 = w2;
    this.#w3 = w3;
    this.#port = port;
    this.#scopeId = scopeId;
    this.#zone = zone;
    this.#address = socketAddressFromWords(family, w0, w1, w2, w3, port, scopeId || null, zone);
    return this.#address;
  }
}
