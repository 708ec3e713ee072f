/**
 * Memory that C owns, by way of C: a bound `memmove` is there on every runtime and under every permission.
 *
 * @module
 */

import type { CFunction } from "./runtime.ts";

/** The functions that every platform's tables have for this. */
export interface MemoryFunctions {
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
