/**
 * Memory for received payloads.
 *
 * An ArrayBuffer costs a microsecond to make and to collect, a view into one a
 * tenth of that. So a socket copies small payloads one behind the other into a
 * chunk that is used once and then left to its readers; large ones have their own.
 *
 * @module
 */

const CHUNK = 16384;
const LARGE = 2048;

/** The payloads of one socket. Nothing is ever written twice. */
export class PayloadMemory {
  #chunk = new ArrayBuffer(0);
  #at = 0;

  /** Copies a payload to where it stays. */
  copy(payload: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
    const { length } = payload;
    if (length > LARGE) return payload.slice();
    // A reader that transferred its data took the chunk with it: its size is 0 then.
    if (this.#at + length > this.#chunk.byteLength) {
      this.#chunk = new ArrayBuffer(CHUNK);
      this.#at = 0;
    }
    const data = new Uint8Array(this.#chunk, this.#at, length);
    data.set(payload);
    // Aligned, so that a reader can put any typed array over its data.
    this.#at += (length + 7) & ~7;
    return data;
  }
}
