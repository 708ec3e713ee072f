/**
 * What Node has a C++ object for: the socket behind a `Socket`, opened when it is bound.
 *
 * @module
 */

import { isUnspecified } from "../address/classify.ts";
import { type Family, tryParseIp } from "../address/ip.ts";
import { SocketAddress } from "../address/socket_address.ts";
import { SocketError } from "../ffi/errors.ts";
import type { SendOptions } from "../socket/destination.ts";
import { openUdpSocket } from "../socket/open.ts";
import type { ChangeableOptions } from "../socket/options.ts";
import type { Packet } from "../socket/packet.ts";
import type { UdpSocket } from "../socket/udp_socket.ts";
import { Groups, interfaceOf } from "./groups.ts";
import { Reader } from "./reader.ts";
import { Refusal } from "./refusal.ts";
import { textOf } from "./remote_info.ts";
import type { AddressInfo, SocketOptions, SocketType } from "./types.ts";

/** The most a datagram carries. */
const MAX_PAYLOAD: Record<Family, number> = { IPv4: 65507, IPv6: 65527 };

/** What a handle tells its socket. */
export interface Listener {
  message(packet: Packet): void;
  error(error: unknown): void;
}

/** The socket behind a `Socket`. */
export class Handle {
  /** Whether IPv4 addresses are written as IPv6. */
  readonly mapped: boolean;
  readonly #family: Family;
  readonly #groups: Groups;
  #socket: UdpSocket | null = null;
  #reader: Reader | null = null;
  #bound = false;
  #held = true;
  #peer: SocketAddress | null = null;
  #queuedBytes = 0;
  #queued = 0;

  constructor(
    readonly type: SocketType,
    readonly options: Omit<SocketOptions, "type">,
    readonly listener: Listener,
  ) {
    this.mapped = type === "udp6";
    this.#family = this.mapped ? "IPv6" : "IPv4";
    const both = this.mapped && !options.ipv6Only;
    this.#groups = new Groups(this.#family, both, options.multicastAllInterfaces ?? true);
  }

  /** The socket. */
  get socket(): UdpSocket {
    if (!this.#socket) throw new Refusal("EBADF");
    return this.#socket;
  }

  /** Opens and binds. */
  bind(address: string, port: number): void {
    if (this.#bound) throw new Refusal("EINVAL");
    const ip = this.#literal(address);
    // A group was joined already, on a port that the OS chose: that is the one, or there is none.
    if (this.#socket) {
      if (port !== 0 || !isUnspecified(ip)) throw new Refusal("EINVAL");
    } else {
      this.#socket = this.#open(isUnspecified(ip) ? undefined : address, port);
    }
    this.#bound = true;
  }

  #literal(address: string) {
    const ip = tryParseIp(address);
    if (!ip || ip.family !== this.#family) throw new Refusal("EINVAL");
    return ip;
  }

  #open(address: string | undefined, port: number): UdpSocket {
    const { reuseAddr, reusePort, ipv6Only, deliver } = this.options;
    const both = this.mapped && !ipv6Only && address === undefined;
    const socket = openUdpSocket({
      address,
      port,
      // An IPv4 address inside IPv6 is a socket of IPv4.
      family: both ? "dual" : address === undefined ? this.#family : undefined,
      share: Boolean(reuseAddr),
      reusePort: Boolean(reusePort),
      deliver: deliver ?? "joined",
      onError: (error) => this.#reported(error),
    });
    const missing = socket.stats.unavailable.find(({ family }) => family === "IPv6");
    if (missing) {
      void socket.close();
      throw missing.error;
    }
    if (!this.#held) socket.unref();
    return socket;
  }

  /** As in Node an ICMP error is the socket's only where it has a peer; an unconnected one has many. */
  #reported(error: Error): void {
    const ours = error instanceof SocketError && /^recvmsg/.test(error.syscall);
    if (ours && this.#peer && this.#reader) this.listener.error(error);
  }

  /** Begins to receive. */
  receive(): void {
    const deliver = (packet: Packet) => this.listener.message(packet);
    const failed = (error: unknown) => this.listener.error(error);
    this.#reader = new Reader(this.socket, deliver, failed);
  }

  /** Fixes the peer. */
  connect(address: string, port: number): void {
    this.#literal(address);
    const to = here(address);
    this.socket.connect({ address: to, port });
    this.#peer = peerOf(to, port);
  }

  /** Takes the peer back. */
  disconnect(): void {
    this.socket.disconnect();
    this.#peer = null;
  }

  /** Where it is bound. */
  get localAddress(): AddressInfo {
    const all = this.socket.localAddresses;
    const peer = this.#peer;
    const one = peer && all.find(({ family }) => family === familyOf(peer.address)) ||
      all.find(({ family }) => family === this.#family) || all[0];
    return this.#info(one);
  }

  /** The peer. */
  get remoteAddress(): AddressInfo {
    if (!this.#peer) throw new Refusal("ENOTCONN");
    return this.#info(this.#peer);
  }

  #info(address: SocketAddress): AddressInfo {
    return {
      address: textOf(address, this.mapped),
      family: this.#family,
      port: address.port,
    };
  }

  /**
   * Sends.
   *
   * @param address An IP literal; `null` on a connected socket.
   */
  send(
    data: Uint8Array,
    address: string | null,
    port: number | undefined,
    wish?: SendOptions,
  ): Promise<void> {
    try {
      const { socket } = this;
      if (address !== null) this.#literal(address);
      const family = familyOf(address ?? this.#peer?.address ?? "");
      if (data.byteLength > MAX_PAYLOAD[family]) throw new Refusal("EMSGSIZE");
      const to = address === null ? undefined : { address: here(address), port: port! };
      return this.#count(data, socket.send(data, to, wish));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Answers a packet. */
  reply(packet: Packet, data: Uint8Array): Promise<void> {
    return this.#count(data, this.socket.reply(packet, data));
  }

  #count(data: Uint8Array, sent: Promise<void>): Promise<void> {
    const { byteLength } = data;
    this.#queued++;
    this.#queuedBytes += byteLength;
    const done = () => {
      this.#queued--;
      this.#queuedBytes -= byteLength;
    };
    return sent.then(done, (error) => {
      done();
      throw error;
    });
  }

  /** What the kernel has not taken yet. */
  get queue(): { readonly bytes: number; readonly count: number } {
    return { bytes: this.#queuedBytes, count: this.#queued };
  }

  /** Changes options. */
  set(options: ChangeableOptions): void {
    this.socket.set(options);
  }

  /** The interface multicasts leave by. */
  setMulticastInterface(place: string): void {
    // Empty text is no address of any family.
    if (place === "") throw new Refusal("EINVAL");
    const named = interfaceOf(place, this.#family);
    try {
      this.socket.set({ multicastInterface: named ?? null });
    } catch (error) {
      if (!(error instanceof SocketError) || error.code !== "ENODEV") throw error;
      // What belongs to no interface: Node knows addresses only.
      throw new Refusal(tryParseIp(place) ? "EADDRNOTAVAIL" : "EINVAL", error);
    }
  }

  /** Joins a group; that binds, like a first `send`. */
  join(group: string, place: string | undefined, source?: string): void {
    this.#socket ??= this.#open(undefined, 0);
    this.#groups.join(this.#socket, group, place, source);
  }

  /** Leaves a group. */
  leave(group: string, place: string | undefined, source?: string): void {
    this.#groups.leave(group, place, source);
  }

  /** Whether it keeps the process alive. */
  hold(held: boolean): void {
    this.#held = held;
    if (held) this.#socket?.ref();
    else this.#socket?.unref();
  }

  /** Whether it keeps the process alive while it receives. */
  hasRef(): boolean {
    return this.#held;
  }

  /** Ends it: nothing is told any more. */
  async close(): Promise<void> {
    this.#reader?.stop();
    this.#reader = null;
    await this.#socket?.close();
  }
}

function familyOf(address: string): Family {
  // IPv4 in either writing.
  return address.includes(":") && !address.startsWith("::ffff:") ? "IPv6" : "IPv4";
}

/** To send to "any address" is to send to this host: Linux and libuv on Windows take it for that. */
function here(address: string): string {
  return address === "0.0.0.0" ? "127.0.0.1" : address === "::" ? "::1" : address;
}

function peerOf(address: string, port: number): SocketAddress {
  const mapped = address.startsWith("::ffff:") && address.includes(".");
  return new SocketAddress({ address: mapped ? address.slice(7) : address, port });
}
