/**
 * The socket calls that POSIX and Winsock make differently.
 *
 * All of them are non-blocking. Those that move data return a count or a length,
 * or the negative errno, so that an empty queue costs no exception.
 *
 * @module
 */

import type { ReceiveBatch, SendBatch } from "../message.ts";

/** How one of the two is called. */
export interface SocketCalls {
  /** Opens a non-blocking socket that child processes do not inherit; -1 where errno says why not. */
  open(domain: number, type: number): number;
  /** Closes a socket or other descriptor. */
  close(fd: number): void;
  /** Receives up to `count` messages into a batch. Only where the platform has such a call. */
  receiveMany(fd: number, batch: ReceiveBatch, count: number): number;
  /** Receives one message into a batch's first slot; returns its length. */
  receiveOne(fd: number, batch: ReceiveBatch): number;
  /** {@linkcode receiveOne} from the queue of ICMP errors. Only where the platform has one. */
  receiveQueuedError(fd: number, batch: ReceiveBatch): number;
  /** Receives bytes; returns the message's whole length where the OS tells it, also if the buffer is shorter. */
  receive(fd: number, buffer: Uint8Array): number;
  /** Sends bytes to a socket address, or with `null` to the peer. */
  send(fd: number, data: Uint8Array, name: Uint8Array | null, nameLength: number): number;
  /** Sends a batch's first message. */
  sendOne(fd: number, batch: SendBatch): number;
  /** Sends a batch's first `count` messages; returns how many were taken, or the first one's errno. */
  sendMany(fd: number, batch: SendBatch, count: number): number;
  /** An interface's index; 0 where there is none of that name. */
  interfaceIndex(name: string): number;
  /** An interface's name; `null` where there is none of that index. */
  interfaceName(index: number): string | null;
}
