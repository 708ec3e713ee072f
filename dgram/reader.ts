/**
 * From a socket that is asked to one that tells.
 *
 * @module
 */

import process from "node:process";
import type { Packet } from "../socket/packet.ts";
import type { UdpSocket } from "../socket/udp_socket.ts";

/** Packets read at a time. Between two such batches timers and other sockets have their turn. */
const BATCH = 64;
const NOTHING: readonly Packet[] = [];

/**
 * Reads packets and delivers each in a turn of its own, for as long as the socket is open.
 *
 * Between two messages all ticks and promises run, as Node does it: who waits for
 * one message at a time (`await once(socket, "message")`) has to be back before the
 * next. A tick alone would not do, since all ticks run before the first promise.
 */
export class Reader {
  #packets = NOTHING;
  #at = 0;
  #stopped = false;

  constructor(
    readonly socket: UdpSocket,
    /** May throw: that is then an uncaught exception, and the next message comes nevertheless. */
    readonly deliver: (packet: Packet) => void,
    readonly failed: (error: unknown) => void,
  ) {
    this.#read();
  }

  /** Delivers nothing more. */
  stop(): void {
    this.#stopped = true;
    this.#packets = NOTHING;
  }

  readonly #read = (): void => {
    if (this.#stopped) return;
    this.socket.receiveMany({ max: BATCH }).then(this.#begin, (error) => {
      if (!this.#stopped) process.nextTick(this.failed, error);
    });
  };

  readonly #begin = (packets: readonly Packet[]): void => {
    this.#packets = packets;
    this.#at = 0;
    this.#soon();
  };

  readonly #soon = (): void => process.nextTick(this.#next);

  readonly #next = (): void => {
    if (this.#stopped) return;
    const packet = this.#packets[this.#at++];
    // Before it is delivered: what a listener throws ends this function.
    queueMicrotask(this.#at < this.#packets.length ? this.#soon : this.#read);
    this.deliver(packet);
  };
}
