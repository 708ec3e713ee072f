/** This host's interfaces as getifaddrs(3) of macOS and BSD would list them. */
import type { LinkRecord } from "../../ffi/interface_records.ts";
import type { Platform } from "../../ffi/platform/platform.ts";
import { listRecords } from "../../ffi/route/route.ts";
import { SockaddrCodec, type SocketWords } from "../../ffi/sockaddr.ts";
import type { System } from "../../ffi/syscalls.ts";
import { type Entry, type Heap, interfaceList } from "../ffi/memory.ts";
import { toHex } from "../ffi/tables.ts";

/** Makes the lists of one system. */
export class SimulatedInterfaces {
  readonly #codec: SockaddrCodec;
  /** The last list, as long as somebody may read it. */
  #memory = new Map<bigint, Uint8Array>();

  constructor(readonly platform: Platform, readonly real: System) {
    this.#codec = new SockaddrCodec(platform);
  }

  /** Makes a list; returns where it begins. */
  list(): bigint {
    this.#memory = new Map();
    const heap: Heap = {
      put: (bytes) => {
        const address = this.real.runtime.addressOf(bytes);
        this.#memory.set(address, bytes);
        return address;
      },
      bytesOf: (address) => this.#memory.get(address)!,
    };
    const { links, addresses } = listRecords(this.real);
    const entries = links.flatMap((link): Entry[] => {
      const { name } = link;
      const flags = this.#flags(
        link,
        addresses.some((own) => own.index === link.index && own.broadcast),
      );
      const own = { name, flags, address: toHex(this.#link(link)), data: this.#data(link) };
      const others = addresses.filter(({ index }) => index === link.index).map((record) => ({
        name,
        flags,
        address: this.#address(record.address, link.index),
        netmask: this.#mask(record.address, record.prefixLength ?? 0),
        broadcast: record.broadcast ? this.#address(record.broadcast, 0) : undefined,
      }));
      return [own, ...others];
    });
    const [first] = interfaceList(heap, entries, this.platform.layouts.ifaddrs);
    return first;
  }

  /** What IP_RECVIF tells of an interface. */
  linkAddress(index: number): Uint8Array {
    const link = listRecords(this.real).links.find((link) => link.index === index);
    return link ? this.#link(link) : new Uint8Array([8, 18, index & 255, index >> 8, 0, 0, 0, 0]);
  }

  #flags({ flags }: LinkRecord, broadcast: boolean): number {
    const c = this.platform.constants;
    return (flags.up ? c.IFF_UP : 0) | (flags.running ? c.IFF_RUNNING : 0) |
      (flags.loopback ? c.IFF_LOOPBACK : 0) | (flags.multicast ? c.IFF_MULTICAST : 0) |
      (flags.pointToPoint ? c.IFF_POINTOPOINT : 0) | (broadcast ? c.IFF_BROADCAST : 0);
  }

  /** A sockaddr_dl, with the name and behind it the hardware address. */
  #link({ index, name, hardware }: LinkRecord): Uint8Array {
    const { size, at } = this.platform.layouts.sockaddr_dl!;
    const letters = new TextEncoder().encode(name);
    const length = Math.max(size, at.sdl_data + letters.length + hardware.length);
    const bytes = new Uint8Array(length);
    bytes[0] = length;
    bytes[at.sdl_family] = this.platform.constants.linkFamily;
    new DataView(bytes.buffer).setUint16(at.sdl_index, index, true);
    bytes[at.sdl_nlen] = letters.length;
    bytes[at.sdl_alen] = hardware.length;
    bytes.set(letters, at.sdl_data);
    bytes.set(hardware, at.sdl_data + letters.length);
    return bytes;
  }

  #data({ mtu }: LinkRecord): string {
    const { size, at } = this.platform.layouts.if_data!;
    const bytes = new Uint8Array(size);
    new DataView(bytes.buffer).setUint32(at.ifi_mtu, mtu ?? 0, true);
    return toHex(bytes);
  }

  /** KAME keeps the index of a link-local address in the address. */
  #address(address: SocketWords, index: number): string {
    const linkLocal = address.family === "IPv6" && address.w0 >>> 16 === 0xfe80;
    const kept = linkLocal ? { ...address, w0: (address.w0 | index) >>> 0, scopeId: 0 } : address;
    return toHex(this.#bytes(kept));
  }

  /** Without the zeros at its end, and without a family. */
  #mask({ family }: SocketWords, prefixLength: number): string {
    const [w0, w1, w2, w3] = [0, 32, 64, 96].map((start) => {
      const bits = Math.min(Math.max(prefixLength - start, 0), 32);
      return bits === 0 ? 0 : (0xffff_ffff << (32 - bits)) >>> 0;
    });
    const bytes = this.#bytes({ family, w0, w1, w2, w3, port: 0, scopeId: 0 });
    let length = bytes.length;
    while (length > 4 && bytes[length - 1] === 0) length--;
    bytes[0] = length;
    bytes[1] = 0;
    return toHex(bytes.subarray(0, length));
  }

  #bytes(address: SocketWords): Uint8Array {
    const bytes = new Uint8Array(this.#codec.sizeOf(address.family));
    this.#codec.write(new DataView(bytes.buffer), 0, address);
    return bytes;
  }
}
