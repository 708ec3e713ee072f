/**
 * Buffers whose memory was transferred away.
 *
 * @module
 */

/** Node 20 knows no `ArrayBuffer.prototype.detached`, but of a detached buffer nothing can be viewed. */
export function isDetached(buffer: ArrayBufferLike & { detached?: boolean }): boolean {
  if (buffer.byteLength > 0) return false;
  if (buffer.detached !== undefined) return buffer.detached;
  try {
    new Uint8Array(buffer);
    return false;
  } catch {
    return true;
  }
}
