/** A server as its answers and beacons describe it. */

import { type Packet, SocketAddress } from "../../mod.ts";
import type { Beacon, ByteOrder, Message, SearchResponse } from "./codec.ts";

/** A PV Access server. */
export interface Server {
  /** Its identity: another one after each of its starts. */
  guid: string;
  /** Where to connect: `"10.1.0.100:5075"` or `"[fe80::1%eth0]:5075"`. */
  address: string;
  /** `"tcp"`, of which there is one kind. */
  protocol: string;
  /** The interface its message came in on. */
  interface: string;
  /** The address the message came from. */
  source: string;
  /** The version of the protocol that it speaks. */
  version: number;
  /** The byte order it writes. */
  byteOrder: ByteOrder;
}

/** Reads an answer or a beacon; a server that does not say where it is, is where the packet came from. */
export function serverOf(message: Message & (SearchResponse | Beacon), packet: Packet): Server {
  const { guid, protocol, version, byteOrder, port } = message;
  const { source, interfaceIndex, interfaceName } = packet;
  const at = message.address === null
    ? { address: source.address, ...(source.zone === null ? {} : { zone: source.zone }) }
    : { address: message.address };
  return {
    guid,
    address: String(new SocketAddress({ ...at, port })),
    protocol,
    interface: interfaceName ?? String(interfaceIndex ?? ""),
    source: String(source),
    version,
    byteOrder,
  };
}
