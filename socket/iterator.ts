/**
 * Packets for `for await` and for streams.
 *
 * @module
 */

import type { Packet } from "./packet.ts";
import type { Receiver, Wait } from "./receiver.ts";

/** Iterates over a socket's packets. Written by hand: a generator costs more a packet than the packet. */
export class PacketIterator implements AsyncIterableIterator<Packet> {
  readonly #waits = new Set<Wait>();
  #done = false;

  constructor(
    readonly receiver: Receiver,
    readonly signal: AbortSignal | null,
    /** Whether the socket is closed: iteration then just ends. */
    readonly closed: () => boolean,
  ) {}

  /** This iterator. */
  [Symbol.asyncIterator](): this {
    return this;
  }

  /** The next packet; done when the socket is closed. */
  next(): Promise<IteratorResult<Packet, undefined>> {
    if (this.#done || this.closed()) return this.return();
    if (this.signal?.aborted) return Promise.reject(this.signal.reason);
    const value = this.receiver.take();
    return value === undefined ? this.#wait() : Promise.resolve({ value, done: false });
  }

  async #wait(): Promise<IteratorResult<Packet, undefined>> {
    const wait = this.receiver.wait(this.signal);
    this.#waits.add(wait);
    try {
      return { value: await wait.promise, done: false };
    } catch (error) {
      if (this.#done || this.closed()) return { value: undefined, done: true };
      this.#done = true;
      throw error;
    } finally {
      this.#waits.delete(wait);
    }
  }

  /** Ends the iteration (`break` does it). The socket stays open; packets go to other readers. */
  return(): Promise<IteratorResult<Packet, undefined>> {
    this.#done = true;
    for (const wait of this.#waits) wait.cancel(null);
    return Promise.resolve({ value: undefined, done: true });
  }
}

/** A stream that reads only when it is read. */
export function packetStream(iterator: PacketIterator): ReadableStream<Packet> {
  return new ReadableStream<Packet>({
    async pull(controller) {
      const { value, done } = await iterator.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    async cancel() {
      await iterator.return();
    },
  }, { highWaterMark: 0 });
}
