/**
 * `struct sockaddr_in` and `sockaddr_in6`, to and from four 32-bit words.
 *
 * @module
 */

import type { Family } from "../address/ip.ts";
import { widthOf } from "./layout.ts";
import type { Platform } from "./platform/platform.ts";

/** An address and port as numbers. IPv4 uses `w0` only; `scopeId` 0 means none. */
export interface SocketWords {
  family: Family;
  w0: number;
  w1: number;
  w2: number;
  w3: number;
  port: number;
  scopeId: number;
}

/** An address to read into. */
export function emptyWords(): SocketWords {
  return { family: "IPv4", w0: 0, w1: 0, w2: 0, w3: 0, port: 0, scopeId: 0 };
}

/** Reads and writes socket addresses as one platform lays them out. */
export class SockaddrCodec {
  /** Room for either family. */
  readonly size: number;
  readonly #af4: number;
  readonly #af6: number;
  readonly #in;
  readonly #in6;
  /** BSD and macOS have a length of one byte and then a family of one byte. */
  readonly #narrow: boolean;
  readonly #size4: number;
  readonly #size6: number;

  constructor(platform: Platform) {
    const { sockaddr_in, sockaddr_in6 } = platform.layouts;
    this.#af4 = platform.constants.AF_INET;
    this.#af6 = platform.constants.AF_INET6;
    this.#in = sockaddr_in.at;
    this.#in6 = sockaddr_in6.at;
    this.#narrow = widthOf(sockaddr_in.fields.sin_family[1]) === 1;
    this.#size4 = sockaddr_in.size;
    this.#size6 = sockaddr_in6.size;
    this.size = Math.max(this.#size4, this.#size6);
  }

  /** `sizeof` the family's struct. */
  sizeOf(family: Family): number {
    return family === "IPv4" ? this.#size4 : this.#size6;
  }

  /** Writes an address at `at`; returns its length. */
  write(view: DataView, at: number, address: Readonly<SocketWords>): number {
    if (address.family === "IPv4") {
      const { sin_family, sin_port, sin_addr } = this.#in;
      this.#setFamily(view, at + sin_family, this.#af4, this.#size4);
      view.setUint16(at + sin_port, address.port);
      view.setUint32(at + sin_addr, address.w0);
      return this.#size4;
    }
    const { sin6_family, sin6_port, sin6_flowinfo, sin6_addr, sin6_scope_id } = this.#in6;
    this.#setFamily(view, at + sin6_family, this.#af6, this.#size6);
    view.setUint16(at + sin6_port, address.port);
    view.setUint32(at + sin6_flowinfo, 0);
    view.setUint32(at + sin6_addr, address.w0);
    view.setUint32(at + sin6_addr + 4, address.w1);
    view.setUint32(at + sin6_addr + 8, address.w2);
    view.setUint32(at + sin6_addr + 12, address.w3);
    view.setUint32(at + sin6_scope_id, address.scopeId, true);
    return this.#size6;
  }

  /** The raw family of a socket address of any kind, from its first two bytes. */
  family(bytes: Uint8Array): number {
    return this.#narrow ? bytes[1] : bytes[0] | bytes[1] << 8;
  }

  /** The length that a socket address says it has; `null` where it says none. */
  length(bytes: Uint8Array): number | null {
    return this.#narrow ? bytes[0] : null;
  }

  /** Writes the family (and the length, where there is one) of an address whose rest is there. */
  writeFamily(view: DataView, at: number, family: Family): void {
    const { sin_family } = this.#in;
    if (family === "IPv4") this.#setFamily(view, at + sin_family, this.#af4, this.#size4);
    else this.#setFamily(view, at + this.#in6.sin6_family, this.#af6, this.#size6);
  }

  #setFamily(view: DataView, at: number, family: number, size: number): void {
    if (!this.#narrow) return view.setUint16(at, family, true);
    view.setUint8(at - 1, size);
    view.setUint8(at, family);
  }

  /** Reads the address at `at` into `out`; `false` if `length` holds none of either family. */
  read(view: DataView, at: number, length: number, out: SocketWords): boolean {
    const { sin_family, sin_port, sin_addr } = this.#in;
    if (length < sin_family + 2) return false;
    const family = this.#narrow
      ? view.getUint8(at + sin_family)
      : view.getUint16(at + sin_family, true);
    if (family === this.#af4 && length >= this.#size4) {
      out.family = "IPv4";
      out.port = view.getUint16(at + sin_port);
      out.w0 = view.getUint32(at + sin_addr);
      out.w1 =
        out.w2 =
        out.w3 =
        out.scopeId =
          0;
      return true;
    }
    if (family === this.#af6 && length >= this.#size6) {
      const { sin6_port, sin6_addr, sin6_scope_id } = this.#in6;
      out.family = "IPv6";
      out.port = view.getUint16(at + sin6_port);
      out.w0 = view.getUint32(at + sin6_addr);
      out.w1 = view.getUint32(at + sin6_addr + 4);
      out.w2 = view.getUint32(at + sin6_addr + 8);
      out.w3 = view.getUint32(at + sin6_addr + 12);
      out.scopeId = view.getUint32(at + sin6_scope_id, true);
      return true;
    }
    return false;
  }
}
