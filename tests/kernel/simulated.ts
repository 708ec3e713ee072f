/** This machine's kernel with another system's manners: what is told apart by tables is executed here, on Linux. */
import type { OptionName, Platform, Quirks } from "../../ffi/platform/platform.ts";
import { System } from "../../ffi/syscalls.ts";
import { system } from "../../ffi/system.ts";
import { type Entry, type Heap, interfaceList } from "../ffi/memory.ts";
import { FakeLibrary } from "./fake_library.ts";

/** What differs from this machine's own tables. */
export type Change = (own: Platform) => Partial<Platform>;

/** A library whose system differs. */
export class Simulation extends FakeLibrary {
  override readonly system: System;

  constructor(...changes: Change[]) {
    super();
    const own = system();
    let { platform } = own;
    for (const change of changes) platform = { ...platform, ...change(platform) };
    // It waits by calls, which can be watched, also where an event loop would look at descriptors itself.
    this.system = new System(platform, { ...own.runtime, watch: null }, this);
  }
}

/** Other manners. */
export function quirks(others: Partial<Quirks>): Change {
  return (own) => ({ quirks: { ...own.quirks, ...others } });
}

/** Options that there are not. */
export function withoutOptions(...names: OptionName[]): Change {
  return ({ options: { IPv4, IPv6 } }) => {
    const without = (table: Platform["options"]["IPv4"]) =>
      Object.fromEntries(
        Object.entries(table).filter(([name]) => !names.includes(name as OptionName)),
      );
    return { options: { IPv4: without(IPv4), IPv6: without(IPv6) } };
  };
}

/** Nothing but poll(2), one message a call, and a socket to wake by: as on macOS and BSD. */
export const plain: Change = () => ({ epoll: null, wake: "socket", batchedCalls: false });

/** No control message for anything of an IPv4 datagram that is sent. */
export const bareIpv4: Change = (own) => ({
  sendControl: {
    ...own.sendControl,
    IPv4: { packetInfo: null, source: null, hops: null, trafficClass: null },
  },
});

/** The list of interfaces that a simulation is told: getifaddrs(3)'s, from our own memory. */
export class FakeHost {
  /** What the kernel would say now. */
  entries: Entry[];
  #heap = new Map<bigint, Uint8Array>();

  constructor(readonly simulation: Simulation, entries: Entry[]) {
    this.entries = entries;
    simulation
      .on("getifaddrs", ([out]) => this.answer(out))
      .on("freeifaddrs", () => 0);
  }

  /** What getifaddrs(3) does. */
  answer(out: Uint8Array): number {
    this.#heap = new Map();
    const { runtime } = this.simulation.system;
    const heap: Heap = {
      put: (bytes) => {
        const address = runtime.addressOf(bytes);
        this.#heap.set(address, bytes);
        return address;
      },
      bytesOf: (address) => this.#heap.get(address)!,
    };
    const [first] = interfaceList(heap, this.entries);
    new DataView(out.buffer, out.byteOffset).setBigUint64(0, first ?? 0n, true);
    return 0;
  }

  /** No netlink: then getifaddrs(3) is asked. */
  static readonly change: Change = () => ({ netlink: null });
}

/** An interface's own entry, as Linux has it. */
export function linkEntry(name: string, index: number, flags: number): Entry {
  const at = index.toString(16).padStart(2, "0");
  const address = `11 00 00 00 ${at} 00 00 00 01 00 00 06 02 00 00 00 00 ${at} 00 00`;
  return { name, flags, address };
}

/** An interface's IPv4 address, its mask and broadcast address in hexadecimal. */
export function ipv4Entry(
  name: string,
  flags: number,
  address: string,
  netmask: string,
  broadcast?: string,
): Entry {
  const sockaddr = (bytes: string) => `02 00 00 00 ${bytes} ${"00".repeat(8)}`;
  return {
    name,
    flags,
    address: sockaddr(address),
    netmask: sockaddr(netmask),
    broadcast: broadcast && sockaddr(broadcast),
  };
}
