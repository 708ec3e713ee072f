/**
 * What a `message` event tells beside the message.
 *
 * @module
 */

import type { SocketAddress } from "../address/socket_address.ts";
import type { Packet } from "../socket/packet.ts";
import type { RemoteInfo } from "./types.ts";

/** {@linkcode RemoteInfo} of a packet, which it remembers for an answer. */
class ReceivedFrom implements RemoteInfo {
  address: string;
  family: "IPv4" | "IPv6";
  port: number;
  size: number;
  destination: string | null;
  interfaceIndex: number | null;
  interfaceName: string | null;
  hops: number | null;
  readonly #packet: Packet;

  /** @param mapped A `udp6` socket: IPv4 is written as IPv6. */
  constructor(packet: Packet, mapped: boolean) {
    const { source, destination } = packet;
    this.address = textOf(source, mapped);
    this.family = mapped ? "IPv6" : source.family;
    this.port = source.port;
    this.size = packet.data.byteLength;
    const { address } = destination;
    const unknown = address === "0.0.0.0" || address === "::";
    this.destination = unknown ? null : mappedText(destination, mapped);
    this.interfaceIndex = packet.interfaceIndex;
    this.interfaceName = packet.interfaceName;
    this.hops = packet.hops;
    this.#packet = packet;
  }

  /** The packet; `undefined` for what no socket made. */
  static packetOf(value: unknown): Packet | undefined {
    return typeof value === "object" && value !== null && #packet in value
      ? value.#packet
      : undefined;
  }
}

/** Describes a packet. */
export function remoteInfo(packet: Packet, mapped: boolean): RemoteInfo {
  return new ReceivedFrom(packet, mapped);
}

/** The packet that a {@linkcode RemoteInfo} describes; `undefined` for a copy of one. */
export const packetOf: (value: unknown) => Packet | undefined = ReceivedFrom.packetOf;

function mappedText({ address, family }: SocketAddress, mapped: boolean): string {
  return mapped && family === "IPv4" ? `::ffff:${address}` : address;
}

/** An address as Node writes it: zone and all. */
export function textOf(address: SocketAddress, mapped: boolean): string {
  const text = mappedText(address, mapped);
  return address.zone === null ? text : `${text}%${address.zone}`;
}
