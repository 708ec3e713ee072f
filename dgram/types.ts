/**
 * What goes into a socket's methods and comes out of its events: Node's types, and what is more.
 *
 * @module
 */

import type { Buffer } from "node:buffer";
import type { BlockList } from "node:net";
import type { Deliver } from "../socket/options.ts";

/** IPv4, or IPv6 (and IPv4 with it, unless `ipv6Only`). */
export type SocketType = "udp4" | "udp6";

/** What `send` takes as a message, alone or in an array. */
export type Data = string | NodeJS.ArrayBufferView;

/** What a `lookup` function is told the result by. */
export type LookupCallback = (
  error: NodeJS.ErrnoException | null,
  address: string,
  family: number,
) => void;

/** Turns a host name into an address. */
export type Lookup = (hostname: string, family: 4 | 6, callback: LookupCallback) => void;

/** An address as Node writes it. */
export interface AddressInfo {
  /** The IP literal. */
  address: string;
  /** `"IPv4"` or `"IPv6"`. */
  family: string;
  /** The port. */
  port: number;
}

/** Where a message came from, and what else the operating system told about it. */
export interface RemoteInfo {
  /** The sender; a link-local address with its zone: `"fe80::1%eth0"`. */
  address: string;
  /** The family. An IPv4 sender of a `udp6` socket is `::ffff:192.0.2.1`, `"IPv6"`. */
  family: "IPv4" | "IPv6";
  /** The sender's port. */
  port: number;
  /** The message's length. */
  size: number;
  /** The address it was sent to (without zone), or `null` where the OS did not say. */
  destination: string | null;
  /** The index of the interface it came in on, or `null`. */
  interfaceIndex: number | null;
  /** That interface's name, or `null`. */
  interfaceName: string | null;
  /** The time to live or hop limit it arrived with, or `null`. */
  hops: number | null;
}

/** How to make a socket: Node's options, and two more. */
export interface SocketOptions {
  /** The family. */
  type: SocketType;
  /** Other sockets that allow it too may have the same port. */
  reuseAddr?: boolean | undefined;
  /** The kernel spreads datagrams over all sockets of the port (Linux, FreeBSD). */
  reusePort?: boolean | undefined;
  /** A `udp6` socket without IPv4. */
  ipv6Only?: boolean | undefined;
  /** The kernel's receive buffer in bytes. */
  recvBufferSize?: number | undefined;
  /** The kernel's send buffer in bytes. */
  sendBufferSize?: number | undefined;
  /** Turns names into addresses. Default: `dns.lookup`. */
  lookup?: Lookup | undefined;
  /** Closes the socket when it is aborted. */
  signal?: AbortSignal | undefined;
  /** Messages from these addresses are dropped. */
  receiveBlockList?: BlockList | undefined;
  /** Nothing is sent to these addresses. */
  sendBlockList?: BlockList | undefined;
  /**
   * Whether `addMembership(group)` without an interface joins on all of them, and on those that
   * come later. Default `true`; with `false` the OS chooses one, as for Node's own sockets.
   */
  multicastAllInterfaces?: boolean | undefined;
  /**
   * Which multicasts become messages. `"joined"` (default): those of the groups this socket
   * joined, on the interfaces where it did. `"all"`: whatever the kernel hands over; on Linux also
   * groups that other programs joined, as for Node's own sockets. `"multicast"`: as
   * `"joined"`, and no unicast.
   */
  deliver?: Deliver | undefined;
}

/** Where to bind. */
export interface BindOptions {
  /** The port; 0 or nothing: the OS chooses. */
  port?: number | undefined;
  /** The local address. Default: all. */
  address?: string | undefined;
  /** For `node:cluster` only, which knows nothing of these sockets: no effect. */
  exclusive?: boolean | undefined;
  /** Not supported: the socket has to be its own. */
  fd?: number | undefined;
}

/** Where to send, and what only this datagram asks for. */
export interface SendTarget {
  /** The port; to be left out on a connected socket. */
  port?: number | undefined;
  /** A host name or an IP literal. Default: this host. To be left out on a connected socket. */
  address?: string | undefined;
  /** The address to send from: one of this host's. */
  source?: string | undefined;
  /** The interface to leave by: name or index. */
  interface?: string | number | undefined;
  /** Time to live or hop limit. */
  hops?: number | undefined;
  /** Type of service or traffic class, 0-255. */
  trafficClass?: number | undefined;
}

/** Called when a datagram was given to the kernel, or refused. */
export type SendCallback = (error: Error | null, bytes: number) => void;

/** The events of a socket, each with its arguments. */
export interface SocketEvents {
  /** It was closed; the last event. */
  close: [];
  /** `connect` succeeded. */
  connect: [];
  /** Something failed that no callback was told of. */
  error: [error: Error];
  /** It is bound and receives. */
  listening: [];
  /** A datagram came. */
  message: [message: Buffer, remote: RemoteInfo];
}
