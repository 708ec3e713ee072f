/**
 * Numbers, strings and addresses as PV Access writes them, in either byte order. Pure.
 *
 * Sizes are one byte below 254, else 254 and four bytes; 255 stands for "null", which old Java servers
 * write for an empty string. Addresses are always 16 bytes, IPv4 as ::ffff:a.b.c.d.
 */

import { formatIp, formatIpv4, parseIp } from "../../mod.ts";

const LONG_SIZE = 254;
const NULL_SIZE = 255;

/** Reads, and remembers in `failed` that there was not enough; everything read after that is empty. */
export class Reader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #littleEndian: boolean;
  #at = 0;
  /** Something was cut off or malformed. */
  failed = false;

  constructor(bytes: Uint8Array, littleEndian: boolean) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#littleEndian = littleEndian;
  }

  /** Where the next `length` bytes begin; -1 when there are fewer. */
  #take(length: number): number {
    const at = this.#at;
    if (this.failed || length > this.#bytes.length - at) {
      this.failed = true;
      return -1;
    }
    this.#at += length;
    return at;
  }

  u8(): number {
    const at = this.#take(1);
    return at < 0 ? 0 : this.#bytes[at];
  }

  u16(): number {
    const at = this.#take(2);
    return at < 0 ? 0 : this.#view.getUint16(at, this.#littleEndian);
  }

  u32(): number {
    const at = this.#take(4);
    return at < 0 ? 0 : this.#view.getUint32(at, this.#littleEndian);
  }

  /** A copy: the datagram's memory need not be kept. */
  bytes(length: number): Uint8Array {
    const at = this.#take(length);
    return at < 0 ? new Uint8Array() : this.#bytes.slice(at, at + length);
  }

  size(): number {
    const size = this.u8();
    if (size < LONG_SIZE) return size;
    if (size === LONG_SIZE) return this.u32();
    this.failed = true;
    return 0;
  }

  string(): string {
    if (!this.failed && this.#bytes[this.#at] === NULL_SIZE) {
      this.#at++;
      return "";
    }
    return new TextDecoder().decode(this.bytes(this.size()));
  }

  /** An address; null for the unspecified one, which says "where this came from". */
  address(): string | null {
    const at = this.#take(16);
    if (at < 0) return null;
    // Always big-endian, whatever the message.
    const [w0, w1, w2, w3] = [0, 4, 8, 12].map((offset) => this.#view.getUint32(at + offset));
    if (w0 === 0 && w1 === 0 && w2 === 0xffff) return w3 === 0 ? null : formatIpv4(w3);
    if ((w0 | w1 | w2 | w3) === 0) return null;
    return formatIp({ family: "IPv6", w0, w1, w2, w3, zone: null });
  }
}

/** Writes into memory that grows. */
export class Writer {
  readonly littleEndian: boolean;
  #view = new DataView(new ArrayBuffer(256));
  #length = 0;

  constructor(littleEndian: boolean) {
    this.littleEndian = littleEndian;
  }

  get length(): number {
    return this.#length;
  }

  #room(length: number): number {
    const at = this.#length;
    this.#length += length;
    if (this.#length > this.#view.byteLength) {
      const larger = new Uint8Array(Math.max(2 * this.#view.byteLength, this.#length));
      larger.set(new Uint8Array(this.#view.buffer, 0, at));
      this.#view = new DataView(larger.buffer);
    }
    return at;
  }

  u8(value: number): this {
    // First the room: it may be in other memory.
    const at = this.#room(1);
    this.#view.setUint8(at, value);
    return this;
  }

  u16(value: number): this {
    const at = this.#room(2);
    this.#view.setUint16(at, value, this.littleEndian);
    return this;
  }

  u32(value: number): this {
    const at = this.#room(4);
    this.#view.setUint32(at, value, this.littleEndian);
    return this;
  }

  bytes(value: Uint8Array): this {
    const at = this.#room(value.length);
    new Uint8Array(this.#view.buffer).set(value, at);
    return this;
  }

  size(value: number): this {
    return value < LONG_SIZE ? this.u8(value) : this.u8(LONG_SIZE).u32(value);
  }

  string(value: string): this {
    const bytes = new TextEncoder().encode(value);
    return this.size(bytes.length).bytes(bytes);
  }

  /** An address; null is written as the unspecified one. */
  address(text: string | null): this {
    if (text === null) return this.bytes(new Uint8Array(16));
    const { family, w0, w1, w2, w3 } = parseIp(text);
    const words = family === "IPv4" ? [0, 0, 0xffff, w0] : [w0, w1, w2, w3];
    const at = this.#room(16);
    words.forEach((word, index) => this.#view.setUint32(at + 4 * index, word));
    return this;
  }

  finish(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#view.buffer as ArrayBuffer, 0, this.#length);
  }
}
