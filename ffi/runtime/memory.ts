/**
 * Memory that C owns, by way of C: a bound `memmove` is there on every runtime and under every permission.
 *
 * @module
 */

import type { CFunction, NativeMemory } from "./runtime.ts";

/** The functions that every platform's tables have for this. */
export interface MemoryFunctions {
  readonly malloc: CFunction;
  readonly free: CFunction;
  /** To C's memory. */
  readonly memcpy: CFunction;
  /** From C's memory. */
  readonly memmove: CFunction;
  readonly strlen: CFunction;
}

/** Copies memory. */
export function copyMemory(
  { memmove }: MemoryFunctions,
  address: bigint,
  length: number,
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  memmove(bytes, address, length);
  return bytes;
}

/** Copies a NUL-terminated string. */
export function copyCString(functions: MemoryFunctions, address: bigint): string {
  const length = Number(functions.strlen(address));
  return new TextDecoder().decode(copyMemory(functions, address, length));
}

/** Takes memory from C's heap. */
export function allocate(functions: MemoryFunctions, size: number): NativeMemory {
  const address: bigint = functions.malloc(size);
  if (address === 0n) throw new RangeError(`the C library has no ${size} bytes left`);
  return {
    address,
    read: (into, length) => functions.memmove(into, address, Math.min(length, size)),
    write: (bytes) => functions.memcpy(address, bytes, Math.min(bytes.length, size)),
    free: () => functions.free(address),
  };
}
