// getifaddrs(3)'s and GetAdaptersAddresses' lists as no system should make them: pointers that go in circles or
// nowhere, families and lengths that lie. Memory that is read is there: what C would crash at, no library can tell.
import { assert, assertEquals } from "@std/assert";
import { readAdapters } from "../../ffi/adapters.ts";
import { readInterfaceList, toRecords } from "../../ffi/ifaddrs.ts";
import type { HostRecords } from "../../ffi/interface_records.ts";
import { SockaddrCodec } from "../../ffi/sockaddr.ts";
import { pick, randomWords } from "../address/random.ts";
import { inputs, type Next, note, randomBytes } from "../faults/mutate.ts";
import { test } from "../harness.ts";
import { Pieces } from "./memory.ts";
import { PLATFORMS, tablesOf } from "./tables.ts";

const LISTS = inputs(150, 3_000);

/** A socket address with plausible and other families and lengths; whatever its length says, so much is there. */
function sockaddr(next: Next, codec: SockaddrCodec, families: readonly number[]): Uint8Array {
  const bytes = randomBytes(next, 256).map((byte) => byte % 3 === 0 ? byte : 0);
  const narrow = codec.length(bytes) !== null;
  const family = pick(next, [...families, 0, 255]);
  if (!narrow) bytes.set([family, 0]);
  else bytes.set([pick(next, [0, 1, 2, 7, 8, 16, 20, 28, 54, 255]), family]);
  return bytes;
}

/** What is the same of any list: nothing is out of its range, and each address is some interface's. */
function checkRecords({ links, addresses }: HostRecords, what: string): void {
  const word = (value: number) => Number.isInteger(value) && value >= 0 && value < 2 ** 32;
  for (const { index, hardware, mtu } of links) {
    assert(Number.isInteger(index) && index > 0 && index < 2 ** 32, `${what}: index ${index}`);
    assert(hardware.length <= 255 && (mtu === null || word(mtu)), what);
  }
  const known = new Set(links.map(({ index }) => index));
  for (const { index, address, prefixLength } of addresses) {
    assert(known.has(index), `${what}: an address of ${index}`);
    const { w0, w1, w2, w3, scopeId, port } = address;
    assert([w0, w1, w2, w3, scopeId, port].every(word), what);
    assert(prefixLength === null || (prefixLength >= 0 && prefixLength <= 255), what);
  }
}

for (const [name, platform] of PLATFORMS) {
  const { ifaddrs } = platform.layouts;
  if (!ifaddrs) continue;
  test(`${LISTS} lists of interfaces that make no sense, as on ${name}`, () => {
    const next = randomWords(0x1f1f);
    const codec = new SockaddrCodec(platform);
    const { AF_INET, AF_INET6, linkFamily } = platform.constants;
    let told = 0, circles = 0;
    for (let round = 0; round < LISTS; round++) {
      const memory = new Pieces();
      const nodes = Array.from({ length: 1 + next() % 8 }, () => ({
        bytes: randomBytes(next, ifaddrs.size),
        name: next() % 10 === 0 ? null : pick(next, ["eth0", "eth0:1", "lo", "", "x".repeat(300)]),
      }));
      const places = nodes.map(({ bytes }) => memory.put(bytes));
      const sample = () => sockaddr(next, codec, [AF_INET, AF_INET, AF_INET6, linkFamily]);
      const links: number[] = [];
      nodes.forEach(({ bytes, name }, i) => {
        const view = new DataView(bytes.buffer);
        const put = (at: number, value: bigint) => view.setBigUint64(at, value, true);
        // Mostly the next one, and mostly none at the end.
        const to = next() % 6 === 0 ? next() % (nodes.length + 1) : i + 1;
        links.push(to);
        put(ifaddrs.at.ifa_next, places[to] ?? 0n);
        const text = name === null ? 0n : memory.put(new TextEncoder().encode(`${name}\0after`));
        put(ifaddrs.at.ifa_name, text);
        for (const field of ["ifa_addr", "ifa_netmask", "ifa_broadaddr", "ifa_data"] as const) {
          put(ifaddrs.at[field], next() % 4 === 0 ? 0n : memory.put(sample()));
        }
      });
      // Each entry once, and a name without an entry is nobody's.
      const way: number[] = [];
      for (let at = 0; at < nodes.length && !way.includes(at); at = links[at]) way.push(at);
      if (links[way.at(-1)!] < nodes.length) circles++;
      memory.limit = 16 * nodes.length;
      const entries = readInterfaceList(platform, memory, places[0]);
      const names = way.map((at) => nodes[at].name).filter((name) => name !== null);
      assertEquals(entries.map(({ name }) => name), names, `round ${round}`);
      const records = toRecords(entries, (name) => name === "lo" ? 1 : 0);
      checkRecords(records, `round ${round}`);
      told += records.addresses.length;
    }
    assert(told > LISTS / 10 && circles > LISTS / 10, `${told} addresses, ${circles} circles`);
    note("lists of getifaddrs(3)", LISTS);
  });
}

test(`${LISTS} lists of Windows' adapters that make no sense`, () => {
  const windows = tablesOf("windows");
  const tables = windows.winsock!;
  const { IP_ADAPTER_ADDRESSES: adapter, IP_ADAPTER_UNICAST_ADDRESS: unicast, SOCKET_ADDRESS } =
    tables.layouts;
  const codec = new SockaddrCodec(windows);
  const { AF_INET, AF_INET6 } = windows.constants;
  const next = randomWords(0xada);
  let told = 0, circles = 0;
  for (let round = 0; round < LISTS; round++) {
    const memory = new Pieces();
    /** Nodes whose `next` goes to the following one, to any, or nowhere. */
    const chain = (count: number, size: number, at: number) => {
      const nodes = Array.from(
        { length: count },
        () => new DataView(randomBytes(next, size).buffer, 0, size),
      );
      const places = nodes.map((view) => memory.put(new Uint8Array(view.buffer)));
      nodes.forEach((view, i) => {
        const to = next() % 6 === 0 ? next() % (count + 1) : i + 1;
        if (to <= i) circles++;
        view.setBigUint64(at, places[to] ?? 0n, true);
      });
      return { nodes, places };
    };
    const own = chain(1 + next() % 6, unicast.size, unicast.at.Next);
    const all = chain(1 + next() % 5, adapter.size, adapter.at.Next);
    // Each unit of a name is read by its address.
    const name = (length: number) => {
      const units = Uint16Array.from(
        { length: length + 1 },
        (_, i) => i < length ? 1 + next() % 0xffff : 0,
      );
      const bytes = new Uint8Array(units.buffer);
      const start = memory.put(bytes);
      for (let at = 2; at < bytes.length; at += 2) {
        memory.share(start + BigInt(at), bytes.subarray(at));
      }
      return start;
    };
    for (const view of own.nodes) {
      const { lpSockaddr, iSockaddrLength } = SOCKET_ADDRESS.at;
      const address = next() % 5 === 0
        ? 0n
        : memory.put(sockaddr(next, codec, [AF_INET, AF_INET6]));
      view.setBigUint64(unicast.at.Address + lpSockaddr, address, true);
      const length = pick(next, [16, 28, 28, 28, 0, 15, 27, 0x7fffffff, -1]);
      view.setInt32(unicast.at.Address + iSockaddrLength, length, true);
    }
    for (const view of all.nodes) {
      const first = next() % 4 === 0 ? 0n : pick(next, own.places);
      view.setBigUint64(adapter.at.FirstUnicastAddress, first, true);
      for (const field of ["FriendlyName", "Description"] as const) {
        view.setBigUint64(adapter.at[field], next() % 4 === 0 ? 0n : name(next() % 6), true);
      }
      if (next() % 4 === 0) {
        view.setUint32(adapter.at.IfIndex, pick(next, [0, 1, 0xffff_ffff]), true);
      }
    }
    // Every adapter with every address, each of which is two reads, and its names.
    memory.limit = all.nodes.length * (1 + 2 * 7 + 2 * own.nodes.length);
    const records = readAdapters(windows, tables, memory, all.places[0]);
    assert(records.links.length <= all.nodes.length, `round ${round}`);
    assert(records.addresses.length <= all.nodes.length * own.nodes.length, `round ${round}`);
    checkRecords(records, `round ${round}`);
    told += records.addresses.length;
  }
  assert(told > LISTS / 10 && circles > LISTS / 10, `${told} addresses, ${circles} circles`);
  note("lists of GetAdaptersAddresses", LISTS);
});
