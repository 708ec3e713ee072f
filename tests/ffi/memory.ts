/** Memory outside of JavaScript, for the codecs that are given addresses. */
import { assert } from "@std/assert";
import type { Memory } from "../../ffi/ifaddrs.ts";
import type { Layouts } from "../../ffi/platform/platform.ts";
import { hex, LINUX } from "./tables.ts";

/** Buffers of ours with addresses, as the kernel sees them: the first at 0x7f0000000000, then one every 16 MiB. */
export class KernelMemory {
  readonly #buffers: { start: bigint; buffer: Uint8Array }[] = [];
  #next = 0x7f00_0000_0000n;

  readonly addressOf = (buffer: Uint8Array): bigint => {
    const start = this.#next;
    this.#next += 0x100_0000n;
    this.#buffers.push({ start, buffer });
    return start;
  };

  /** The memory at an address; there has to be enough of it. */
  at(address: bigint, length: number): Uint8Array {
    const found = this.#buffers.find(({ start, buffer }) =>
      start <= address && address + BigInt(length) <= start + BigInt(buffer.length)
    );
    assert(found, `${length} bytes at ${address.toString(16)} are nobody's`);
    const offset = Number(address - found.start);
    return found.buffer.subarray(offset, offset + length);
  }
}

/** C's memory, made of pieces; whoever reads beside them is told so. */
export class Pieces implements Memory {
  readonly #pieces = new Map<bigint, Uint8Array>();
  #next = 0x5555_0000_0000n;
  reads = 0;
  /** More reads than this are no end. */
  limit = Infinity;

  put(bytes: Uint8Array): bigint {
    const address = this.#next;
    this.#next += 0x1000n;
    this.#pieces.set(address, bytes);
    return address;
  }

  /** Gives bytes that are somewhere else, too, an address. */
  share(address: bigint, bytes: Uint8Array): void {
    this.#pieces.set(address, bytes);
  }

  bytesOf(address: bigint): Uint8Array {
    const bytes = this.#pieces.get(address);
    assert(bytes, `nothing at 0x${address.toString(16)}`);
    return bytes;
  }

  readMemory(address: bigint, length: number): Uint8Array<ArrayBuffer> {
    if (++this.reads > this.limit) throw new Error("the walk does not end");
    const bytes = this.bytesOf(address);
    assert(length <= bytes.length, `${length} bytes wanted of ${bytes.length}`);
    return Uint8Array.from(bytes.subarray(0, length));
  }

  readCString(address: bigint): string {
    const bytes = this.bytesOf(address);
    return new TextDecoder().decode(bytes.subarray(0, bytes.indexOf(0)));
  }
}

/** Where bytes are put that have an address from then on. */
export interface Heap {
  put(bytes: Uint8Array): bigint;
  bytesOf(address: bigint): Uint8Array;
}

/** An entry of getifaddrs(3)'s list; addresses as bytes in hexadecimal. */
export interface Entry {
  name: string;
  flags?: number;
  address?: string;
  netmask?: string;
  broadcast?: string;
  data?: string;
}

/** A list as getifaddrs(3) makes it; each sockaddr only as long as its family's struct. */
export function interfaceList(
  memory: Heap,
  entries: Entry[],
  ifaddrs: NonNullable<Layouts["ifaddrs"]> = LINUX.layouts.ifaddrs!,
): bigint[] {
  const piece = (text?: string) => text === undefined ? 0n : memory.put(hex(text));
  const nodes = entries.map(({ name, flags = 0, address, netmask, broadcast, data }) => {
    const bytes = new Uint8Array(ifaddrs.size);
    const view = new DataView(bytes.buffer);
    const put = (at: number, value: bigint) => view.setBigUint64(at, value, true);
    put(ifaddrs.at.ifa_name, memory.put(new TextEncoder().encode(`${name}\0after`)));
    view.setUint32(ifaddrs.at.ifa_flags, flags, true);
    put(ifaddrs.at.ifa_addr, piece(address));
    put(ifaddrs.at.ifa_netmask, piece(netmask));
    put(ifaddrs.at.ifa_broadaddr, piece(broadcast));
    put(ifaddrs.at.ifa_data, piece(data));
    return memory.put(bytes);
  });
  nodes.forEach((node, i) => link(memory, node, nodes[i + 1] ?? 0n, ifaddrs.at.ifa_next));
  return nodes;
}

/** Writes a pointer into a struct. */
export function link(memory: Heap, from: bigint, to: bigint, at = 0) {
  new DataView(memory.bytesOf(from).buffer).setBigUint64(at, to, true);
}
