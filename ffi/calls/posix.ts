/**
 * Sockets as POSIX has them: recvmsg(2), sendmsg(2) and, on Linux, their batched kin.
 *
 * EINTR is retried here, but not for ever: no call of ours waits, so nothing can interrupt one again and again.
 *
 * @module
 */

import type { ReceiveBatch, SendBatch } from "../message.ts";
import type { Platform } from "../platform/platform.ts";
import type { Library } from "../runtime/runtime.ts";
import type { SocketCalls } from "./calls.ts";

/**
 * 64-bit arguments as V8's fast calls take them: a number there makes every call
 * a slow one, so the lengths of small datagrams are kept as `bigint`.
 */
const NULL = 0n;
/** How often a call is made that says each time that it was interrupted. */
const ATTEMPTS = 8;
const SMALL_LENGTHS = Array.from({ length: 2049 }, (_, length) => BigInt(length));

/** The calls of a POSIX system. */
export class PosixCalls implements SocketCalls {
  readonly #c: Library["symbols"];
  readonly #receiveFlags: number;
  readonly #sendFlags: number;
  readonly #wholeLength: number;

  constructor(
    readonly platform: Platform,
    readonly library: Library,
    /** The negative errno of the call that has just failed. */
    readonly failure: () => number,
    /** The negative EINTR. */
    readonly interrupted: number,
  ) {
    this.#c = library.symbols;
    const { MSG_DONTWAIT, MSG_NOSIGNAL, MSG_TRUNC } = platform.constants;
    this.#receiveFlags = MSG_DONTWAIT;
    this.#sendFlags = MSG_DONTWAIT | MSG_NOSIGNAL;
    // As a wish only Linux knows it: recv(2), MSG_TRUNC.
    this.#wholeLength = platform.netlink ? MSG_DONTWAIT | MSG_TRUNC : MSG_DONTWAIT;
  }

  open(domain: number, type: number): number {
    return this.#c.socket(domain, type, 0);
  }

  /** POSIX leaves the descriptor open or closed on EINTR; on Linux it is closed. */
  close(fd: number): void {
    this.#c.close(fd);
  }

  /** A call's result, or the negative errno. */
  #settled(result: number): number {
    return result < 0 ? this.failure() : result;
  }

  receiveMany(fd: number, batch: ReceiveBatch, count: number): number {
    let result: number;
    let attempts = 0;
    do {
      result = this.#settled(this.#c.recvmmsg(fd, batch.headers, count, this.#receiveFlags, NULL));
    } while (result === this.interrupted && ++attempts < ATTEMPTS);
    return result;
  }

  receiveOne(fd: number, batch: ReceiveBatch): number {
    return this.#receiveMessage(fd, batch, this.#receiveFlags);
  }

  receiveQueuedError(fd: number, batch: ReceiveBatch): number {
    const { MSG_ERRQUEUE } = this.platform.constants;
    return this.#receiveMessage(fd, batch, this.#receiveFlags | MSG_ERRQUEUE);
  }

  #receiveMessage(fd: number, batch: ReceiveBatch, flags: number): number {
    let result: number;
    let attempts = 0;
    do {
      result = this.#settled(this.#c.recvmsg(fd, batch.headers, flags));
    } while (result === this.interrupted && ++attempts < ATTEMPTS);
    return result;
  }

  receive(fd: number, buffer: Uint8Array): number {
    const length = BigInt(buffer.length);
    let result: number;
    let attempts = 0;
    do {
      result = this.#settled(this.#c.recv(fd, buffer, length, this.#wholeLength));
    } while (result === this.interrupted && ++attempts < ATTEMPTS);
    return result;
  }

  send(fd: number, data: Uint8Array, name: Uint8Array | null, nameLength: number): number {
    const length = data.length < SMALL_LENGTHS.length
      ? SMALL_LENGTHS[data.length]
      : BigInt(data.length);
    let result: number;
    let attempts = 0;
    do {
      result = this.#settled(this.#c.sendto(fd, data, length, this.#sendFlags, name, nameLength));
    } while (result === this.interrupted && ++attempts < ATTEMPTS);
    return result;
  }

  sendOne(fd: number, batch: SendBatch): number {
    let result: number;
    let attempts = 0;
    do {
      result = this.#settled(this.#c.sendmsg(fd, batch.headers, this.#sendFlags));
    } while (result === this.interrupted && ++attempts < ATTEMPTS);
    return result;
  }

  sendMany(fd: number, batch: SendBatch, count: number): number {
    let result: number;
    let attempts = 0;
    do {
      result = this.#settled(this.#c.sendmmsg(fd, batch.headers, count, this.#sendFlags));
    } while (result === this.interrupted && ++attempts < ATTEMPTS);
    return result;
  }

  interfaceIndex(name: string): number {
    return this.#c.if_nametoindex(new TextEncoder().encode(`${name}\0`));
  }

  interfaceName(index: number): string | null {
    const buffer = new Uint8Array(this.platform.constants.IF_NAMESIZE);
    if (this.#c.if_indextoname(index, buffer) === 0n) return null;
    return new TextDecoder().decode(buffer.subarray(0, buffer.indexOf(0)));
  }
}
