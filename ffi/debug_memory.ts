/**
 * What debug mode knows of memory: which of it has an address that C was told, how long it is, and whether it is
 * still there.
 *
 * @module
 */

import { isDetached } from "./detached.ts";
import { GUARD, POISON } from "./message.ts";

/** Memory whose address is known. */
interface Area {
  readonly start: bigint;
  readonly length: number;
  readonly offset: number;
  /** Not the buffer itself: to keep alive what nobody else does would hide the mistake that is looked for. */
  readonly buffer: WeakRef<ArrayBufferLike>;
}

/** A call breaks a rule of docs/safety.md. */
export function violation(call: string, rule: string): never {
  throw new Error(`PKTINFO_DEBUG: ${call}: ${rule}`);
}

/** Bytes that C may read or write, after it was checked that they are there. */
export function bytesOf(call: string, what: string, buffer: unknown, length: number): Uint8Array {
  if (!(buffer instanceof Uint8Array)) {
    violation(call, `${what} is no buffer, but ${length} bytes are announced`);
  }
  if (isDetached(buffer.buffer)) violation(call, `${what} is detached`);
  if (!(length >= 0) || length > buffer.byteLength) {
    violation(call, `${what} has ${buffer.byteLength} bytes, ${length} are announced`);
  }
  return buffer;
}

/** The memory that has an address. */
export class KnownMemory {
  #areas: Area[] = [];
  /** Where an address was found: a batch has the same ones in every call. */
  readonly #found = new Map<bigint, Area>();

  /** Notes a buffer's address. */
  note(buffer: Uint8Array, start: bigint): void {
    const length = buffer.byteLength;
    const end = start + BigInt(length);
    // What was there before is gone: the address is somebody else's now.
    this.#areas = this.#areas.filter((area) =>
      area.start + BigInt(area.length) <= start || end <= area.start
    );
    const area = { start, length, offset: buffer.byteOffset, buffer: new WeakRef(buffer.buffer) };
    this.#areas.push(area);
    this.#found.clear();
  }

  /** The bytes at an address that stands in a struct. */
  at(call: string, what: string, address: bigint, length: number): Uint8Array {
    if (length === 0) return new Uint8Array();
    if (address === 0n) violation(call, `${what} is null, ${length} bytes are announced`);
    const area = this.#found.get(address) ?? this.#find(address);
    if (!area) violation(call, `${what} points to memory that nobody has`);
    const buffer = area.buffer.deref();
    if (!buffer) violation(call, `${what} points to memory that was collected`);
    if (isDetached(buffer)) violation(call, `${what} points to memory that is detached`);
    const skipped = Number(address - area.start);
    if (skipped + length > area.length) {
      violation(call, `${what} has ${area.length - skipped} bytes, ${length} are announced`);
    }
    return new Uint8Array(buffer, area.offset + skipped, length);
  }

  #find(address: bigint): Area | undefined {
    const area = this.#areas.find(({ start, length }) =>
      start <= address && address < start + BigInt(length)
    );
    if (area) this.#found.set(address, area);
    return area;
  }

  /** Looks whether anybody has written beside an area that has guard zones. */
  checkGuards(call: string): void {
    for (const { buffer, offset, length } of this.#areas) {
      const whole = buffer.deref();
      if (whole && isGuarded(whole, offset, length)) checkGuards(call, new Uint8Array(whole));
    }
  }
}

function isGuarded(buffer: ArrayBufferLike, offset: number, length: number): boolean {
  return offset === GUARD && buffer.byteLength === length + 2 * GUARD;
}

/** {@linkcode KnownMemory.checkGuards} of one area, with its guard zones. */
export function checkGuards(call: string, whole: Uint8Array): void {
  const { length } = whole;
  for (let at = 0; at < GUARD; at++) {
    if (whole[at] !== POISON) {
      violation(call, "the guard zone in front of its memory was written to");
    }
    if (whole[length - 1 - at] !== POISON) {
      violation(call, "the guard zone behind its memory was written to");
    }
  }
}

/** {@linkcode checkGuards} of a buffer that is handed over as such. */
export function checkGuardsOf(call: string, { buffer, byteOffset, byteLength }: Uint8Array): void {
  if (isGuarded(buffer, byteOffset, byteLength)) checkGuards(call, new Uint8Array(buffer));
}
