/**
 * What goes into a socket's methods and what comes out.
 *
 * @module
 */

import type { Family } from "../address/ip.ts";
import type { Destination, SendOptions } from "./destination.ts";

/** What can be sent: text goes as UTF-8. */
export type Payload = string | ArrayBuffer | ArrayBufferView;

/** One datagram for `sendMany`. */
export interface OutgoingDatagram extends SendOptions {
  /** The payload. */
  data: Payload;
  /** Where to. May be left out on a connected socket. */
  to?: Destination;
}

/** Where to join or leave a group. */
export interface JoinOptions {
  /** The interface's name or index. Default: every multicast-capable interface that is up. */
  interface?: string | number;
  /** Only this sender (source-specific multicast). Default: any. */
  source?: string;
}

/** Options of a wait. */
export interface WaitOptions {
  /** Ends the wait: it rejects with the signal's reason. */
  signal?: AbortSignal;
}

/** Options of `receiveMany`. */
export interface ReceiveManyOptions extends WaitOptions {
  /** The most packets to return, from 1. Default 256. */
  max?: number;
}

/** A family that the host does not have. */
export interface UnavailableFamily {
  /** The family. */
  readonly family: Family;
  /** What the OS said. */
  readonly error: Error;
}

/** What a socket has counted so far. */
export interface SocketStats {
  /** The families it is open in. */
  readonly families: readonly Family[];
  /** Families that the host does not have, and what it said. */
  readonly unavailable: readonly UnavailableFamily[];
  /** Datagrams read for delivery. */
  readonly received: number;
  /** Their bytes. */
  readonly receivedBytes: number;
  /** Datagrams the kernel has taken. */
  readonly sent: number;
  /** Their bytes. */
  readonly sentBytes: number;
  /** Datagrams that `deliver`, `interface` or `connect` kept away. */
  readonly filtered: number;
  /** Received datagrams that were cut to `maxDatagramSize`. */
  readonly truncated: number;
  /**
   * What was received with control data that the kernel had cut, or that could not be read: what it did not tell is
   * `null` in the packet. Without a destination a packet is delivered only with `deliver: "all"`, else it is filtered.
   */
  readonly controlTruncated: number;
  /** Datagrams the kernel dropped because the receive buffer was full; `null` where it does not count. */
  readonly dropped: number | null;
  /** Errors that ended nothing. */
  readonly errors: number;
  /** The latest of them. */
  readonly lastError: Error | null;
  /** The kernel's receive buffer in bytes, of each half (Linux counts its own overhead, twice what was asked). */
  readonly receiveBufferSize: number | null;
  /** The kernel's send buffer in bytes, likewise. */
  readonly sendBufferSize: number | null;
}
