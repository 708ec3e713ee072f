/**
 * What a caller sends, as bytes.
 *
 * @module
 */

import type { Family } from "../address/ip.ts";
import { isDetached } from "../ffi/detached.ts";

/** The most a datagram carries: 65535 less the headers (RFC 768; IPv6 does not count its own). */
export const MAX_PAYLOAD: Record<Family, number> = { IPv4: 65507, IPv6: 65527 };

/** No bytes, but at an address: that of an empty ArrayBuffer is nobody's, and not every system takes it. */
const NO_BYTES = new Uint8Array(1).subarray(0, 0);

/** A typed array's true length, whatever its object says. */
const lengthOf = Object.getOwnPropertyDescriptor(
  Object.getPrototypeOf(Uint8Array.prototype),
  "length",
)!.get!;

/**
 * The bytes of what a caller sends.
 *
 * @throws {TypeError} If it is nothing that can be sent, is detached, may change its size, or says a wrong one.
 * @throws {RangeError} If no datagram of the family holds it.
 */
export function toBytes(data: unknown, family: Family): Uint8Array {
  const bytes = view(data);
  // C is told this length, and would read beyond the end.
  if (lengthOf.call(bytes) !== bytes.length) {
    throw new TypeError("the data says another length than it has");
  }
  if (bytes.length > MAX_PAYLOAD[family]) {
    throw new RangeError(
      `${bytes.length} bytes do not fit a datagram: ${family} takes at most ${MAX_PAYLOAD[family]}`,
    );
  }
  return bytes.length > 0 ? bytes : NO_BYTES;
}

const encoder = new TextEncoder();

function view(data: unknown): Uint8Array {
  if (typeof data === "string") return encoder.encode(data);
  const buffer = ArrayBuffer.isView(data) ? data.buffer : data;
  if (!(buffer instanceof ArrayBuffer)) {
    throw new TypeError(
      "data must be a string, an ArrayBuffer or a view of one" +
        (typeof SharedArrayBuffer !== "undefined" && buffer instanceof SharedArrayBuffer
          ? "; shared memory could change while it is sent: copy it first"
          : `, got ${data === null ? "null" : typeof data}`),
    );
  }
  if (isDetached(buffer)) {
    throw new TypeError("the data's buffer is detached: it was transferred away");
  }
  if (buffer.resizable) {
    throw new TypeError("the data's buffer is resizable: copy it into one of fixed size first");
  }
  if (data instanceof Uint8Array) return data;
  return ArrayBuffer.isView(data)
    ? new Uint8Array(buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(buffer);
}
