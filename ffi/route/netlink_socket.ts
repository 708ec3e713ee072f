/**
 * A netlink(7) socket: asks the kernel for lists, and hears of changes. No privileges needed.
 *
 * @module
 */

import { UnsupportedError } from "../errors.ts";
import type { NetlinkTables } from "../platform/platform.ts";
import { perSystem, type System } from "../syscalls.ts";
import { type NetlinkMessage, readMessages, writeDumpRequest } from "./netlink.ts";

/** The kernel fills at most 32 KiB of a list at once (netlink_dump); an event is far smaller. */
const BUFFER_SIZE = 64 * 1024;
/** What events the kernel keeps for us; it grants up to twice net.core.rmem_max. */
const QUEUE_SIZE = 1024 * 1024;
/** One reading of errno proves nothing (see System): call again before giving up. */
const ATTEMPTS = 3;
/** How often a list that changed while it was written is asked for again. */
const DUMP_ATTEMPTS = 8;

/** Everything is read at once and by one reader at a time: one buffer will do. */
const bufferOf = perSystem(() => new Uint8Array(BUFFER_SIZE));

/** An open netlink socket. */
export class NetlinkSocket {
  readonly fd: number;
  readonly #tables: NetlinkTables;
  readonly #buffer: Uint8Array<ArrayBuffer>;
  #sequence = 0;

  /**
   * Opens a socket.
   *
   * @param groups A bit mask of the event groups to hear (RTMGRP_*).
   * @throws {UnsupportedError} Where there is no netlink.
   * @throws {SocketError} If the OS refuses.
   */
  constructor(readonly system: System, groups = 0) {
    const { netlink, displayName, constants } = system.platform;
    if (!netlink) throw new UnsupportedError("netlink", displayName);
    this.#tables = netlink;
    this.#buffer = bufferOf(system);
    const { AF_NETLINK, NETLINK_ROUTE } = netlink.constants;
    this.fd = system.call("socket", AF_NETLINK, constants.SOCK_DGRAM, NETLINK_ROUTE);
    if (groups === 0) return;
    try {
      // A larger queue is welcome but not needed: an overrun is noticed and mended.
      system.trySetOption(this.fd, "IPv4", "receiveBufferSize", QUEUE_SIZE);
      const { size, at } = netlink.layouts.sockaddr_nl;
      const name = new Uint8Array(size);
      const view = new DataView(name.buffer);
      view.setUint16(at.nl_family, AF_NETLINK, true);
      view.setUint32(at.nl_groups, groups, true);
      system.call("bind", this.fd, name, size);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /**
   * Asks for a list. The kernel writes it while we read it, so nothing is waited for.
   *
   * @param type e.g. RTM_GETLINK.
   * @param header The message's own struct.
   * @param attributes 32-bit attributes that follow it.
   * @returns The messages of the list.
   * @throws {SocketError} If the kernel refuses.
   */
  dump(
    type: number,
    header: Uint8Array,
    attributes?: readonly (readonly [type: number, value: number])[],
  ): NetlinkMessage[] {
    for (let attempt = 1;; attempt++) {
      const { messages, interrupted } = this.#dumpOnce(type, header, attributes);
      // The last attempt may be a little inconsistent: better than none on a host that never rests.
      if (!interrupted || attempt === DUMP_ATTEMPTS) return messages;
    }
  }

  #dumpOnce(
    type: number,
    header: Uint8Array,
    attributes?: readonly (readonly [type: number, value: number])[],
  ): { messages: NetlinkMessage[]; interrupted: boolean } {
    const { NLMSG_DONE, NLMSG_ERROR, NLM_F_DUMP_INTR } = this.#tables.constants;
    const sequence = ++this.#sequence;
    const request = writeDumpRequest(this.#tables, type, sequence, header, attributes);
    const sent = this.system.send(this.fd, request, null, 0);
    if (sent < 0) throw this.system.error(-sent, "netlink request");
    const messages: NetlinkMessage[] = [];
    let interrupted = false;
    for (;;) {
      const batch = this.receive();
      if (typeof batch === "number") throw this.system.error(-batch, "netlink answer");
      for (const message of batch) {
        // What is left of a list that was given up.
        if (message.sequence !== sequence) continue;
        interrupted ||= (message.flags & NLM_F_DUMP_INTR) !== 0;
        if (message.type === NLMSG_DONE || message.type === NLMSG_ERROR) {
          // Both begin with 0 or a negative errno.
          const errno = message.body.byteLength < 4 ? 0 : -message.body.getInt32(0, true);
          if (errno > 0) throw this.system.error(errno, "netlink dump");
          return { messages, interrupted };
        }
        messages.push(message);
      }
    }
  }

  /**
   * Reads what has come, without waiting.
   *
   * @returns The messages of one read, in memory of their own; or a negative errno:
   * `wouldBlock` when nothing is there, `noBuffers` when something was lost.
   */
  receive(): NetlinkMessage[] | number {
    const { system } = this;
    let length = 0;
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      length = system.receive(this.fd, this.#buffer);
      if (length >= 0 || length === system.wouldBlock || length === system.noBuffers) break;
    }
    if (length < 0) return length;
    if (length > this.#buffer.length) return this.system.noBuffers;
    return readMessages(this.#tables, new DataView(this.#buffer.slice(0, length).buffer));
  }

  /** Closes the descriptor. */
  close(): void {
    this.system.close(this.fd);
  }
}
