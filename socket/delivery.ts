/**
 * Which datagrams reach the reader.
 *
 * @module
 */

import type { ReceivedMessage } from "../ffi/message.ts";
import { type MembershipTable, same, type Words } from "./membership_table.ts";
import type { Deliver } from "./options.ts";
import type { Cast } from "./packet.ts";

/** The peer of a connected socket. */
export interface Peer extends Words {
  readonly family: "IPv4" | "IPv6";
  readonly port: number;
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
  accepts(message: ReceivedMessage, cast: Cast | null): boolean {
    const { control, source } = message;
    if (this.interfaceIndex !== 0 && control.interfaceIndex !== this.interfaceIndex) return false;
    if (this.peer !== null && !this.#isPeer(message)) return false;
    if (this.group !== null && !(control.hasDestination && same(control, this.group))) return false;
    if (this.deliver === "all") return true;
    if (cast === "multicast") return this.table.accepts(control, control.interfaceIndex, source);
    return this.deliver === "joined" && control.hasDestination;
  }

  #isPeer({ source }: ReceivedMessage): boolean {
    const { peer } = this;
    return peer!.family === source.family && peer!.port === source.port && same(peer!, source);
  }
}
