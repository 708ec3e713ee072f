/**
 * The socket.
 *
 * @module
 */

import { type Family, formatIp } from "../address/ip.ts";
import { SocketAddress } from "../address/socket_address.ts";
import { SocketError } from "../ffi/errors.ts";
import type { System } from "../ffi/syscalls.ts";
import { checkSignal, shown } from "../interfaces/arguments.ts";
import type { InterfaceId, InterfaceNames } from "../interfaces/names.ts";
import { Counters } from "./counters.ts";
import { DeliveryFilter } from "./delivery.ts";
import {
  type Answer,
  checkSendOptions,
  type Destination,
  Destinations,
  ipOf,
  parseDestination,
  type Route,
  type SendOptions,
} from "./destination.ts";
import type { FamilySocket } from "./family_socket.ts";
import { PacketIterator, packetStream } from "./iterator.ts";
import type { Membership } from "./membership.ts";
import { Memberships } from "./memberships.ts";
import { MembershipTable } from "./membership_table.ts";
import {
  type ChangeableOptions,
  checkChanges,
  type CheckedGroup,
  type CheckedOptions,
  checkGroupParts,
  type GroupRequest,
  integer,
} from "./options.ts";
import { Packet } from "./packet.ts";
import { Receiver } from "./receiver.ts";
import { answerTo, checkAnswerable } from "./reply.ts";
import { toBytes } from "./send_data.ts";
import { type Outgoing, Sender } from "./sender.ts";
import type {
  JoinOptions,
  OutgoingDatagram,
  Payload,
  ReceiveManyOptions,
  SocketStats,
  UnavailableFamily,
  WaitOptions,
} from "./types.ts";

/** Packets that {@linkcode UdpSocket.receiveMany} returns at most, unless told otherwise. */
const MANY = 256;

/**
 * A UDP socket. Made by {@linkcode openUdpSocket}.
 *
 * Several readers may wait at once; each packet goes to one of them. While
 * somebody waits the process stays alive, unless {@linkcode UdpSocket.unref} was called.
 *
 * @example A server that answers from the address it was asked on
 * ```ts
 * import { openUdpSocket } from "@pktinfo/pktinfo";
 *
 * await using server = openUdpSocket({ signal: AbortSignal.timeout(100) });
 * await server.send("question", `127.0.0.7:${server.port}`);
 * for await (const packet of server) {
 *   if (packet.source.address === "127.0.0.7") break; // our own answer
 *   await server.reply(packet, "answer");
 * }
 * ```
 */
export class UdpSocket implements AsyncIterable<Packet>, AsyncDisposable {
  readonly #system: System;
  readonly #names: InterfaceNames;
  readonly #halves: readonly FamilySocket[];
  readonly #unavailable: readonly UnavailableFamily[];
  readonly #counters: Counters;
  readonly #filter: DeliveryFilter;
  readonly #receiver: Receiver;
  readonly #sender: Sender;
  readonly #destinations: Destinations;
  readonly #memberships: Memberships;
  readonly #signal: AbortSignal | null;
  readonly #onAbort = () => void this.close();
  #connected: FamilySocket | null = null;
  /** Where the last datagram went that asked for nothing else: mostly the next one goes there, too. */
  #lastPlain: { to: Destination | undefined; half: FamilySocket; route: Route } | null = null;
  #closing: Promise<void> | null = null;

  /**
   * Made by `openUdpSocket`.
   *
   * @internal
   */
  constructor(
    system: System,
    names: InterfaceNames,
    options: CheckedOptions,
    only: InterfaceId | null,
    halves: readonly FamilySocket[],
    unavailable: readonly UnavailableFamily[],
  ) {
    this.#system = system;
    this.#names = names;
    this.#halves = halves;
    this.#unavailable = unavailable;
    this.#counters = new Counters(options.onError);
    const table = new MembershipTable();
    const filterInterface = only && !halves.every((half) => half.kernelInterface);
    this.#filter = new DeliveryFilter(
      options.deliver,
      table,
      halves[0].filterGroup,
      filterInterface ? only.index : 0,
    );
    this.#receiver = new Receiver(
      system,
      names,
      halves,
      this.#filter,
      this.#counters,
      options.maxDatagramSize,
      options.busyPoll / 1000,
    );
    this.#sender = new Sender(system, names, halves, this.#counters);
    this.#destinations = new Destinations(system, names, only);
    this.#memberships = new Memberships(system, names, table, {
      only,
      half: (group) => this.#half(group),
      narrowed: () => this.#receiver.recheck(),
      report: (error) => this.#counters.report(error),
    });
    try {
      for (const group of options.groups) {
        const missing = unavailable.find(({ family }) => family === group.group.family);
        // The host has no such family: said in `stats`, and no reason to fail.
        if (missing) this.#counters.report(missing.error);
        else this.#join(group);
      }
    } catch (error) {
      this.#memberships.close();
      throw error;
    }
    this.#signal = options.signal;
    this.#signal?.addEventListener("abort", this.#onAbort, { once: true });
  }

  // --- what it is

  /** The port, the same in both families. */
  get port(): number {
    return this.#halves[0].port;
  }

  /** Where it is bound: one address a family. */
  get localAddresses(): SocketAddress[] {
    return this.#halves.map((half) => half.localAddress);
  }

  /** What it has counted so far, and what the kernel granted. */
  get stats(): SocketStats {
    const { received, receivedBytes, sent, sentBytes } = this.#counters;
    const { filtered, truncated, controlTruncated, errors, lastError } = this.#counters;
    return {
      families: this.#halves.map(({ family }) => family),
      unavailable: this.#unavailable,
      received,
      receivedBytes,
      sent,
      sentBytes,
      filtered,
      truncated,
      controlTruncated,
      dropped: this.#receiver.dropped,
      errors,
      lastError,
      receiveBufferSize: this.#halves[0].bufferSize("receiveBufferSize"),
      sendBufferSize: this.#halves[0].bufferSize("sendBufferSize"),
    };
  }

  /**
   * Changes options of the open socket: the same names and values as when it was opened.
   *
   * All are checked before the first is changed. In a dual-stack socket each holds for both
   * families. Where the OS refuses one, those before it stay changed.
   *
   * @example Louder from here on
   * ```ts
   * import { openUdpSocket } from "@pktinfo/pktinfo";
   *
   * await using socket = openUdpSocket();
   * socket.set({ multicastHops: 4, broadcast: true });
   * ```
   *
   * @param options What to change; see {@linkcode ChangeableOptions}.
   * @throws {TypeError} If an option has the wrong type, or cannot be changed.
   * @throws {RangeError} If a number is out of range.
   * @throws {SocketError} If the OS refuses; `ENODEV` if there is no such interface.
   * @throws {UnsupportedError} If the OS has no such option.
   */
  set(options: ChangeableOptions): void {
    const { values, multicastInterface } = checkChanges(options);
    this.#mustBeOpen("setsockopt");
    const chosen = multicastInterface === null
      ? this.#destinations.only
      : multicastInterface && this.#names.resolve(multicastInterface);
    for (const half of this.#halves) half.set(values, chosen as InterfaceId | null | undefined);
  }

  // --- receiving

  /** Iterates over the packets until the socket is closed. `break` leaves the socket open. */
  [Symbol.asyncIterator](): AsyncIterableIterator<Packet> {
    return this.packets();
  }

  /**
   * Iterates over the packets until the socket is closed, or throws the signal's reason.
   *
   * @param options `signal` ends the iteration.
   * @returns An iterator; several share the packets between them.
   * @throws {TypeError} If the signal is none.
   */
  packets(options: WaitOptions = {}): AsyncIterableIterator<Packet> {
    return this.#iterator(optionalSignal(options));
  }

  #iterator(signal: AbortSignal | null): PacketIterator {
    return new PacketIterator(this.#receiver, signal, () => this.#closing !== null);
  }

  /** The packets as a stream that reads only when it is read. Each access makes a new one. */
  get readable(): ReadableStream<Packet> {
    return packetStream(this.#iterator(null));
  }

  /**
   * Waits for the next packet.
   *
   * @param options `signal` ends the wait.
   * @returns The packet.
   * @throws {SocketError} `EBADF` if the socket is closed, `ECANCELED` if it is closed meanwhile.
   */
  receive(options: WaitOptions = {}): Promise<Packet> {
    try {
      const signal = this.#mayWait(options);
      const packet = this.#receiver.take();
      return packet ? Promise.resolve(packet) : this.#receiver.wait(signal).promise;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Waits for packets and returns all that are there.
   *
   * @param options `max`: the most to return, default 256. `signal` ends the wait.
   * @returns At least one packet.
   * @throws {RangeError} If `max` is less than 1.
   * @throws {SocketError} As {@linkcode UdpSocket.receive}.
   */
  async receiveMany(options: ReceiveManyOptions = {}): Promise<Packet[]> {
    const max = integer(options.max ?? MANY, "max", 1, 2 ** 31 - 1);
    const signal = this.#mayWait(options);
    const packets: Packet[] = [];
    this.#receiver.takeMany(max, packets);
    if (packets.length === 0) {
      packets.push(await this.#receiver.wait(signal).promise);
      this.#receiver.takeMany(max, packets);
    }
    return packets;
  }

  #mayWait(options: WaitOptions): AbortSignal | null {
    const signal = optionalSignal(options);
    signal?.throwIfAborted();
    this.#mustBeOpen("recvmsg");
    return signal;
  }

  // --- sending

  /**
   * Sends a datagram.
   *
   * It resolves when the kernel has taken the datagram; what happens on the way
   * nobody tells, except an ICMP error (see `onError`). A full send buffer is
   * waited for, later datagrams stay behind earlier ones.
   *
   * @param data Up to 65507 bytes (IPv4) or 65527 (IPv6).
   * @param to Where to; may be left out on a connected socket.
   * @param options Source address, interface, hops and traffic class, each optional.
   * @throws {TypeError} If something is no address or no data, or things contradict.
   * @throws {RangeError} If the data is too long, or a number out of range.
   * @throws {SocketError} If the OS refuses; `hint` tells the remedy where one is known.
   */
  send(data: Payload, to?: Destination, options?: SendOptions): Promise<void> {
    try {
      return this.#sender.send(this.#outgoing(data, to, options));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Sends many datagrams with few system calls.
   *
   * @param items Datagrams, each with its destination and options.
   * @returns How many the kernel took: all.
   * @throws {TypeError} If one of them is wrong; then none was sent.
   * @throws {SocketError} The first refusal, after all others were sent.
   */
  sendMany(items: Iterable<OutgoingDatagram>): Promise<number> {
    try {
      const datagrams: Outgoing[] = [];
      if (typeof items?.[Symbol.iterator] !== "function") {
        throw new TypeError(`sendMany takes an iterable of datagrams, got ${shown(items)}`);
      }
      for (const item of items) {
        if (typeof item !== "object" || item === null) {
          throw new TypeError(`a datagram is { data, to?, … }, got ${shown(item)}`);
        }
        datagrams.push(this.#outgoing(item.data, item.to, item));
      }
      return this.#sender.sendMany(datagrams);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Answers a packet: from the address it was sent to, out of the interface it came in on.
   *
   * For a packet to a group or broadcast address the OS chooses the source, as
   * such an address cannot be one. For IPv4 unicast macOS, FreeBSD and OpenBSD take
   * the source only; there the OS chooses the interface.
   *
   * A source that is a group, a broadcast, no address (`0.0.0.0`, `::`), `::ffff:0:0/96` or port 0
   * is nobody to answer: it is forged, or of a program that has no address yet. Then nothing is sent.
   *
   * @param packet The packet to answer.
   * @param data The answer.
   * @throws {TypeError} If it is no packet, or its source is nobody to answer.
   * @throws {SocketError} If the OS refuses.
   */
  reply(packet: Packet, data: Payload): Promise<void> {
    try {
      this.#mustBeOpen("sendmsg");
      if (!(packet instanceof Packet)) {
        throw new TypeError("only a packet can be answered: one that a socket received");
      }
      checkAnswerable(packet, this.#names);
      const answer = answerTo(packet, this.#isLocal(packet));
      const { interfaceIndex } = answer;
      const options = interfaceIndex === null ? undefined : { interface: interfaceIndex };
      return this.#sender.send(this.#outgoing(data, packet.source, options, answer));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Whether a packet came from this host itself. */
  #isLocal({ interfaceIndex, source }: Packet): boolean {
    return interfaceIndex !== null && this.#names.isLoopback(interfaceIndex) ||
      this.#names.isOwn(ipOf(source));
  }

  /** @param answer Set for an answer. */
  #outgoing(
    data: Payload,
    to: Destination | undefined,
    options?: SendOptions,
    answer: Answer | null = null,
  ): Outgoing {
    this.#mustBeOpen("sendmsg");
    const connected = this.#connected;
    if (to === undefined) {
      if (!connected) throw new TypeError("say where to send, or connect the socket first");
      if (!asksForSomething(options) && connected.forcedInterface === 0) {
        return { data: toBytes(data, connected.family), half: connected, route: null };
      }
    }
    const plain = answer === null && !asksForSomething(options);
    const last = this.#lastPlain;
    if (plain && last !== null && to === last.to) {
      if (options) checkSendOptions(options);
      return { data: toBytes(data, last.half.family), half: last.half, route: last.route };
    }
    const parsed = parseDestination(
      to === undefined ? this.#names.toSocketAddress(connected!.peer!) : to,
    );
    const half = this.#half(parsed.ip);
    const bytes = toBytes(data, half.family);
    const route = this.#destinations.resolve(parsed, options, half, answer);
    if (plain && isFixed(to, route)) this.#lastPlain = { to, half, route };
    return { data: bytes, half, route };
  }

  /** The half of an address's family. */
  #half(address: { readonly family: Family }): FamilySocket {
    const { family } = address;
    const half = this.#halves.find((half) => half.family === family);
    if (half) return half;
    const missing = this.#unavailable.find((other) => other.family === family);
    if (missing) throw missing.error;
    throw new TypeError(`this socket is ${this.#halves[0].family} only, the address is ${family}`);
  }

  /**
   * Fixes the peer: only its datagrams are received, and `send` needs no destination.
   *
   * @param to The peer.
   * @throws {TypeError} If it is no address.
   * @throws {SocketError} If there is no route to it.
   */
  connect(to: Destination): void {
    const parsed = parseDestination(to);
    this.#mustBeOpen("connect");
    const half = this.#half(parsed.ip);
    const { to: words } = this.#destinations.resolve(parsed);
    if (parsed.hops !== null || (parsed.interface !== null && words.scopeId === 0)) {
      throw new TypeError(
        "a peer is an address and a port: hops and interface belong to a datagram or, as options, to the socket",
      );
    }
    if (this.#connected !== half) this.disconnect();
    const text = formatIp({ ...words, zone: words.scopeId ? String(words.scopeId) : null });
    try {
      half.connect(words, text);
    } finally {
      this.#peerOf(half);
    }
  }

  /** Takes over whether a half has a peer: what was refused may have been done in part. */
  #peerOf(half: FamilySocket): void {
    this.#connected = half.peer && half;
    this.#filter.peer = half.peer;
    this.#receiver.recheck();
  }

  /** Takes the peer back; without one it does nothing. The port stays. */
  disconnect(): void {
    this.#mustBeOpen("connect");
    const half = this.#connected;
    if (!half) return;
    try {
      half.disconnect();
    } finally {
      this.#peerOf(half);
    }
  }

  // --- groups

  /**
   * Joins a group.
   *
   * Without an interface it joins on every multicast-capable interface that is
   * up (loopback is not one on Linux; name it), and follows: see {@linkcode Membership}.
   * What could not be joined is in the membership's `failed`.
   *
   * @param group The group as an IP literal; a zone names the interface.
   * @param options The interface, and the only sender to accept.
   * @returns The membership, to leave the group by.
   * @throws {TypeError} If it is no group; for an IPv4-mapped one it says what to use.
   * @throws {SocketError} If the interface was named and the OS refuses.
   */
  join(group: string, options: JoinOptions = {}): Membership {
    const checked = checkGroupParts({ ...options, group });
    this.#mustBeOpen("setsockopt");
    const membership = this.#join(checked);
    // News of interfaces is told first: a listener of some membership may have closed the socket.
    this.#mustBeOpen("setsockopt");
    return membership;
  }

  #join(checked: CheckedGroup): Membership {
    const membership = this.#memberships.join(checked);
    for (const { error } of membership.failed) this.#counters.report(error);
    return membership;
  }

  /**
   * Leaves a group, whichever calls joined it. A group that is not joined is left already.
   *
   * @param group The group.
   * @param options Leave on this interface only, or only what was joined for this sender.
   * @throws {TypeError} If it is no group.
   * @throws {SocketError} `ENODEV` if there is no such interface.
   */
  leave(group: string, options: JoinOptions = {}): void {
    const checked = checkGroupParts({ ...options, group });
    this.#mustBeOpen("setsockopt");
    this.#memberships.leave(checked);
  }

  /**
   * Accepts nothing from a sender any more, of a group joined for any sender.
   *
   * @param group The group.
   * @param source The sender not to hear.
   * @param options On this interface only. Default: wherever the group is joined.
   * @throws {TypeError} If the group is not joined for any sender.
   * @throws {SocketError} If the OS refuses, e.g. `ENOBUFS` for too many senders.
   */
  blockSource(group: string, source: string, options: Omit<JoinOptions, "source"> = {}): void {
    const checked = checkSource({ ...options, group, source });
    this.#mustBeOpen("setsockopt");
    this.#memberships.setBlocked(checked, true);
  }

  /**
   * Takes {@linkcode UdpSocket.blockSource} back.
   *
   * @param group The group.
   * @param source The sender to hear again.
   * @param options On this interface only.
   * @throws {TypeError} If the group is not joined for any sender.
   */
  unblockSource(group: string, source: string, options: Omit<JoinOptions, "source"> = {}): void {
    const checked = checkSource({ ...options, group, source });
    this.#mustBeOpen("setsockopt");
    this.#memberships.setBlocked(checked, false);
  }

  // --- life

  /** A wait keeps the process alive again. This is how sockets start. */
  ref(): void {
    for (const half of this.#halves) half.registration.held = true;
  }

  /** A wait no longer keeps the process alive. */
  unref(): void {
    for (const half of this.#halves) half.registration.held = false;
  }

  /**
   * Closes the socket: iterations end, pending waits reject with `ECANCELED`, groups are left.
   *
   * Nothing else closes it but the end of the process: not garbage collection, and not the
   * termination of a worker thread, which leaves the descriptors open.
   *
   * @returns Resolves when its descriptors are closed. A second call returns the same.
   */
  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  async #close(): Promise<void> {
    this.#signal?.removeEventListener("abort", this.#onAbort);
    const reason = new SocketError({
      code: "ECANCELED",
      errno: 0,
      syscall: "close",
      reason: "the socket was closed",
    });
    // Before the descriptors are closed: nothing may use them from here on.
    this.#receiver.end(reason);
    this.#sender.end(reason);
    const closed = [this.#memberships.close(), ...this.#halves.map((half) => half.close())];
    await Promise.all(closed);
  }

  /** {@linkcode UdpSocket.close}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** To be asked after the arguments were looked at: a getter of the caller's may have closed the socket. */
  #mustBeOpen(syscall: string): void {
    if (this.#closing === null) return;
    const errno = this.#system.errnoOf("EBADF");
    throw new SocketError({ code: "EBADF", errno, syscall, reason: "the socket is closed" });
  }
}

function optionalSignal({ signal }: WaitOptions): AbortSignal | null {
  return signal === undefined ? null : checkSignal(signal);
}

function checkSource(request: Required<Pick<GroupRequest, "source">> & GroupRequest): CheckedGroup {
  const checked = checkGroupParts(request);
  if (checked.source === null) throw new TypeError("source must be an IP literal, got undefined");
  return checked;
}

function asksForSomething(options: SendOptions | undefined): boolean {
  return options !== undefined &&
    (options.source !== undefined || options.interface !== undefined ||
      options.hops !== undefined || options.trafficClass !== undefined);
}

/** Whether a destination always means the same: no object of the caller's own, no interface, which may change. */
function isFixed(to: Destination | undefined, route: Route): boolean {
  return (typeof to === "string" || to instanceof SocketAddress) &&
    route.control === null && route.options === null && route.interfaceIndex === 0;
}
