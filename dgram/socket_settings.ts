/**
 * What can be set on a socket: options, buffers, groups.
 *
 * @module
 */

import { EventEmitter } from "node:events";
import * as check from "./arguments.ts";
import * as errors from "./errors.ts";
import type { Handle } from "./handle.ts";
import * as own from "./members.ts";
import type { SocketEvents } from "./types.ts";

/** The part of a `Socket` that asks for nothing but that it is open. */
export abstract class SocketSettings extends EventEmitter<SocketEvents> {
  #handle: Handle | null = null;

  /**
   * What it is done with; `null` once it is closed.
   *
   * @internal
   */
  protected get [own.handle](): Handle | null {
    return this.#handle;
  }

  protected set [own.handle](handle: Handle | null) {
    this.#handle = handle;
  }

  /** What Node's own sockets have there: programs look whether it is `null`, which it is once closed. */
  get _handle(): object | null {
    return this.#handle;
  }

  // --- options

  /**
   * Allows broadcasts.
   *
   * @param on Whether they may be sent.
   */
  setBroadcast(on: boolean): void {
    this[own.run]("setBroadcast", (handle) => handle.set({ broadcast: Boolean(on) }));
  }

  /**
   * Sets how far unicasts go.
   *
   * @param ttl The hop limit of unicasts, 1-255.
   * @returns The same.
   */
  setTTL(ttl: number): number {
    check.checkNumber(ttl, "ttl");
    this[own.run]("setTTL", (handle) => handle.set({ hops: Math.trunc(ttl) }));
    return ttl;
  }

  /**
   * Sets how far multicasts go.
   *
   * @param ttl The hop limit of multicasts, 0-255.
   * @returns The same.
   */
  setMulticastTTL(ttl: number): number {
    check.checkNumber(ttl, "ttl");
    const multicastHops = Math.trunc(ttl);
    this[own.run]("setMulticastTTL", (handle) => handle.set({ multicastHops }));
    return ttl;
  }

  /**
   * Says who hears multicasts.
   *
   * @param on Whether this host receives its own multicasts.
   * @returns The same.
   */
  setMulticastLoopback(on: boolean): boolean {
    this[own.run](
      "setMulticastLoopback",
      (handle) => handle.set({ multicastLoopback: Boolean(on) }),
    );
    return on;
  }

  /**
   * Chooses the interface multicasts leave by.
   *
   * @param multicastInterface `"192.0.2.1"`, `"::%eth0"`, or a name.
   */
  setMulticastInterface(multicastInterface: string): void {
    this[own.mustRun]();
    check.checkString(multicastInterface, "interfaceAddress");
    this[own.run](
      "setMulticastInterface",
      (handle) => handle.setMulticastInterface(multicastInterface),
    );
  }

  /**
   * Sets the receive buffer's size.
   *
   * @param size The size in bytes.
   */
  setRecvBufferSize(size: number): void {
    this.#bufferSize("receiveBufferSize", size);
  }

  /**
   * Sets the send buffer's size.
   *
   * @param size The size in bytes.
   */
  setSendBufferSize(size: number): void {
    this.#bufferSize("sendBufferSize", size);
  }

  /** The receive buffer's size in bytes; Linux says twice what was asked for. */
  getRecvBufferSize(): number {
    return this.#bufferSize("receiveBufferSize", 0);
  }

  /** The send buffer's size in bytes; Linux says twice what was asked for. */
  getSendBufferSize(): number {
    return this.#bufferSize("sendBufferSize", 0);
  }

  /** Reads a size, or with one that is not 0 sets it. */
  #bufferSize(which: "receiveBufferSize" | "sendBufferSize", size: number): number {
    if (size >>> 0 !== size) throw errors.badBufferSize();
    const syscall = which === "receiveBufferSize" ? "uv_recv_buffer_size" : "uv_send_buffer_size";
    try {
      const { socket } = this[own.running];
      if (size !== 0) socket.set({ [which]: size });
      return size !== 0 ? size : socket.stats[which] ?? 0;
    } catch (error) {
      throw errors.bufferSizeError(errors.codeOf(error), syscall, error);
    }
  }

  // --- groups

  /**
   * Joins a group. Without an interface on all of them, also those that come later; see `multicastAllInterfaces`.
   *
   * @param multicastAddress The group.
   * @param multicastInterface `"192.0.2.1"`, `"::%eth0"`, or a name.
   */
  addMembership(multicastAddress: string, multicastInterface?: string): void {
    this[own.mustRun]();
    if (!multicastAddress) throw errors.missingArgument("multicastAddress");
    this[own.run](
      "addMembership",
      (handle) => handle.join(String(multicastAddress), multicastInterface),
    );
  }

  /**
   * Leaves a group that was joined with the same arguments.
   *
   * @param multicastAddress The group.
   * @param multicastInterface As it was joined.
   */
  dropMembership(multicastAddress: string, multicastInterface?: string): void {
    this[own.mustRun]();
    if (!multicastAddress) throw errors.missingArgument("multicastAddress");
    this[own.run](
      "dropMembership",
      (handle) => handle.leave(String(multicastAddress), multicastInterface),
    );
  }

  /**
   * Joins a group for one sender.
   *
   * @param sourceAddress The sender.
   * @param groupAddress The group.
   * @param multicastInterface `"192.0.2.1"`, `"::%eth0"`, or a name.
   */
  addSourceSpecificMembership(
    sourceAddress: string,
    groupAddress: string,
    multicastInterface?: string,
  ): void {
    this.#checkSourceSpecific(sourceAddress, groupAddress);
    this[own.run](
      "addSourceSpecificMembership",
      (handle) => handle.join(groupAddress, multicastInterface, sourceAddress),
    );
  }

  /**
   * Leaves a group that was joined for one sender.
   *
   * @param sourceAddress The sender.
   * @param groupAddress The group.
   * @param multicastInterface As it was joined.
   */
  dropSourceSpecificMembership(
    sourceAddress: string,
    groupAddress: string,
    multicastInterface?: string,
  ): void {
    this.#checkSourceSpecific(sourceAddress, groupAddress);
    this[own.run](
      "dropSourceSpecificMembership",
      (handle) => handle.leave(groupAddress, multicastInterface, sourceAddress),
    );
  }

  #checkSourceSpecific(sourceAddress: string, groupAddress: string): void {
    this[own.mustRun]();
    check.checkString(sourceAddress, "sourceAddress");
    check.checkString(groupAddress, "groupAddress");
  }

  // --- life

  /** It keeps the process alive again. */
  ref(): this {
    this.#handle?.hold(true);
    return this;
  }

  /** It no longer keeps the process alive. */
  unref(): this {
    this.#handle?.hold(false);
    return this;
  }

  /** What waits to be sent, in bytes. */
  getSendQueueSize(): number {
    return this[own.running].queue.bytes;
  }

  /** How many datagrams wait to be sent. */
  getSendQueueCount(): number {
    return this[own.running].queue.count;
  }

  /**
   * What it is done with.
   *
   * @internal
   */
  protected get [own.running](): Handle {
    this[own.mustRun]();
    return this.#handle!;
  }

  /**
   * Refuses once it is closed.
   *
   * @internal
   */
  protected [own.mustRun](): void {
    if (!this.#handle) throw errors.notRunning();
  }

  /**
   * Does something that the OS may refuse.
   *
   * @internal
   */
  protected [own.run]<T>(syscall: string, action: (handle: Handle) => T): T {
    const handle = this[own.running];
    try {
      return action(handle);
    } catch (error) {
      throw errors.refusal(error, syscall);
    }
  }
}
