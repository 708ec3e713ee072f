/**
 * Memory for received payloads.
 *
 * An ArrayBuffer costs a microsecond to make and to collect, a view into one a
 * tenth of that. So a socket copies small payloads one behind the other into a
 * chunk that is used once and then left to its readers; large ones have their own.
 *
 * @module
 */

import { perSystem, type System } from "../ffi/syscalls.ts";

const CHUNK = 16384;
const LARGE = 2048;
/** glibc's DEFAULT_MMAP_THRESHOLD_MAX, less what malloc(3) adds to a block. */
const LARGEST_MAPPED = 32 * 1024 * 1024 - 65536;

/**
 * Has the C library keep memory that was freed, for the next trains.
 *
 * glibc returns it to the kernel as soon as there are 128 KiB of it. Each train then lies in new pages, which the
 * kernel has to find and to clear: half the time of whoever reads trains. After a block of 32 MiB was freed it keeps
 * twice as much (mallopt(3): M_MMAP_THRESHOLD and M_TRIM_THRESHOLD follow what is freed), unless the process was told
 * otherwise. That block is never touched: no page is spent on it. Other C libraries see a block come and go.
 */
export const keepFreedMemory: (system: System) => boolean = perSystem(({ runtime }) => {
  try {
    runtime.allocate(LARGEST_MAPPED).free();
    return true;
  } catch {
    // A process that may not have so much: its trains cost more.
    return false;
  }
});

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
