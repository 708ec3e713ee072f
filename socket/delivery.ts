/**
 * Which datagrams reach the reader.
 *
 * @module
 */

import type { Family } from "../address/ip.ts";
import { readWords } from "../address/socket_address.ts";
import { type MembershipTable, same, type Words } from "./membership_table.ts";
import type { Deliver } from "./options.ts";
import type { Cast, Packet } from "./packet.ts";

/** The peer of a connected socket, and the sender of a datagram. */
export interface Peer extends Words {
  readonly family: Family;
  readonly port: number;
}

/** What is known of a datagram. */
export interface Arrival {
  readonly source: Peer;
  /** Destination and interface. */
  readonly control: Words & { readonly hasDestination: boolean; readonly interfaceIndex: number };
}

/** Decides for one socket. */
export class DeliveryFilter {
  /** Set while connected: the family that is not the peer's hears nothing. */
  peer: Peer | null = null;

  constructor(
    readonly deliver: Deliver,
    readonly table: MembershipTable,
    /** The group that `address` named, where the kernel does not already select by it. */
    readonly group: Words | null,
    /** The interface that was asked for, where the kernel does not already select by it; or 0. */
    readonly interfaceIndex: number,
  ) {}

  /**
   * Whether a datagram is delivered.
   *
   * A destination that the OS did not say could be any group's: only `"all"` takes it.
   */
  accepts(message: Arrival, cast: Cast | null): boolean {
    const { control, source } = message;
    if (this.interfaceIndex !== 0 && control.interfaceIndex !== this.interfaceIndex) return false;
    if (this.peer !== null && !this.#isPeer(message)) return false;
    if (this.group !== null && !(control.hasDestination && same(control, this.group))) return false;
    if (this.deliver === "all") return true;
    if (cast === "multicast") return this.table.accepts(control, control.interfaceIndex, source);
    return this.deliver === "joined" && control.hasDestination;
  }

  /** {@linkcode accepts} for one that was read already. */
  acceptsPacket(packet: Packet): boolean {
    const { source, destination, interfaceIndex, cast } = packet;
    const from = { w0: 0, w1: 0, w2: 0, w3: 0 };
    const to = { w0: 0, w1: 0, w2: 0, w3: 0 };
    readWords(source, from);
    readWords(destination, to);
    return this.accepts({
      source: { ...from, family: source.family, port: source.port },
      control: {
        ...to,
        hasDestination: (to.w0 | to.w1 | to.w2 | to.w3) !== 0,
        interfaceIndex: interfaceIndex ?? 0,
      },
    }, cast);
  }

  #isPeer({ source }: Arrival): boolean {
    const { peer } = this;
    return peer!.family === source.family && peer!.port === source.port && same(peer!, source);
  }
}
