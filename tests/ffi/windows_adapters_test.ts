// GetAdaptersAddresses' lists, as iphlpapi lays them out in memory.
import { assert, assertEquals, assertFalse } from "@std/assert";
import { readAdapters } from "../../ffi/adapters.ts";
import { toInterfaces } from "../../interfaces/list.ts";
import { test } from "../harness.ts";
import { link, Pieces } from "./memory.ts";
import { hex, tablesOf } from "./tables.ts";

const WINDOWS = tablesOf("windows");
const TABLES = WINDOWS.winsock!;

/** IfOperStatusUp, IfOperStatusDown. */
const [UP, DOWN] = [1, 2];
/** IANA's interface types. */
const [ETHERNET, PPP, LOOPBACK, WIFI, TUNNEL] = [6, 23, 24, 71, 131];
/** IpDadState… */
const DAD = { invalid: 0, tentative: 1, duplicate: 2, deprecated: 3, preferred: 4 };

interface Address {
  sockaddr: string;
  prefix?: number;
  dad?: number;
  suffix?: number;
  length?: number;
}

interface Adapter {
  index?: number;
  index6?: number;
  name?: string;
  description?: string;
  mac?: string;
  macLength?: number;
  flags?: number;
  mtu?: number;
  type?: number;
  status?: number;
  addresses?: Address[];
}

/** UTF-16, NUL-terminated. */
function wide(text: string): Uint8Array {
  const units = Uint16Array.from({ length: text.length + 1 }, (_, i) => text.charCodeAt(i) || 0);
  return new Uint8Array(units.buffer);
}

/** Memory in which a string can be read in two places. */
class Heap extends Pieces {
  /** Puts a string where each of its characters has an address. */
  putText(text: string): bigint {
    const bytes = wide(text);
    const start = this.put(bytes);
    for (let at = 2; at < bytes.length; at += 2) this.share(start + BigInt(at), bytes.subarray(at));
    return start;
  }
}

/** Offsets as in ifdef.h and iptypes.h for 64 bits, written down by hand. */
function adapter(heap: Heap, given: Adapter): bigint {
  const bytes = new Uint8Array(448).fill(0xee);
  const view = new DataView(bytes.buffer);
  const pointer = (at: number, value: bigint) => view.setBigUint64(at, value, true);
  const u32 = (at: number, value: number) => view.setUint32(at, value, true);
  u32(0, 448); // Length
  u32(4, given.index ?? 12); // IfIndex
  pointer(8, 0n); // Next
  pointer(24, chain(heap, (given.addresses ?? []).map((own) => unicast(heap, own)))[0] ?? 0n);
  const text = (value?: string) => value === undefined ? 0n : heap.putText(value);
  pointer(64, text(given.description));
  pointer(72, text(given.name)); // FriendlyName
  bytes.fill(0, 80, 88);
  bytes.set(hex(given.mac ?? "").subarray(0, 8), 80);
  u32(88, given.macLength ?? hex(given.mac ?? "").length);
  u32(92, given.flags ?? 0x1c5 & ~0x10); // IP_ADAPTER_NO_MULTICAST is 0x10
  u32(96, given.mtu ?? 1500);
  u32(100, given.type ?? ETHERNET);
  u32(104, given.status ?? UP);
  u32(108, given.index6 ?? given.index ?? 12); // Ipv6IfIndex
  return heap.put(bytes);
}

function unicast(
  heap: Heap,
  { sockaddr, prefix = 24, dad = DAD.preferred, ...own }: Address,
): bigint {
  const bytes = new Uint8Array(64).fill(0xee);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(8, 0n, true); // Next
  const address = hex(sockaddr);
  view.setBigUint64(16, address.length === 0 ? 0n : heap.put(address), true);
  view.setInt32(24, own.length ?? address.length, true);
  view.setUint32(36, own.suffix ?? 1, true);
  view.setUint32(40, dad, true);
  view.setUint8(56, prefix);
  return heap.put(bytes);
}

/** `Next` is at 8 in both. */
function chain(heap: Heap, nodes: bigint[]): bigint[] {
  nodes.forEach((node, i) => link(heap, node, nodes[i + 1] ?? 0n, 8));
  return nodes;
}

function read(...adapters: Adapter[]) {
  const heap = new Heap();
  const nodes = chain(heap, adapters.map((given) => adapter(heap, given)));
  return readAdapters(WINDOWS, TABLES, heap, nodes[0] ?? 0n);
}

const ipv4 = (address: string) => `02 00 00 00 ${address}` + "00".repeat(8);
const ipv6 = (address: string, scope = "00 00 00 00") =>
  `17 00 00 00 00 00 00 00 ${address} ${scope}`;
const LINK_LOCAL = "fe 80 00 00 00 00 00 00 00 00 00 00 00 00 00 07";

test("Windows: a card with names, hardware address and addresses", () => {
  const { links, addresses } = read({
    index: 0x010c,
    name: "Ethernet 2",
    description: "Intel(R) Ethernet Connection",
    mac: "02 00 5e 10 00 01",
    mtu: 9000,
    addresses: [
      { sockaddr: ipv6(LINK_LOCAL, "0c 01 00 00"), prefix: 64 },
      { sockaddr: ipv4("c0 a8 01 02"), prefix: 24 },
    ],
  });
  assertEquals(links, [{
    index: 0x010c,
    name: "Ethernet 2",
    description: "Intel(R) Ethernet Connection",
    flags: { up: true, running: true, loopback: false, multicast: true, pointToPoint: false },
    mtu: 9000,
    hardware: hex("02 00 5e 10 00 01"),
  }]);
  const shared = {
    index: 0x010c,
    peer: null,
    tentative: false,
    duplicate: false,
    temporary: false,
    deprecated: false,
  };
  const none = { w1: 0, w2: 0, w3: 0, port: 0, scopeId: 0 };
  assertEquals(addresses, [
    {
      ...shared,
      address: {
        family: "IPv6" as const,
        w0: 0xfe800000,
        w1: 0,
        w2: 0,
        w3: 7,
        port: 0,
        scopeId: 0x010c,
      },
      prefixLength: 64,
      broadcast: null,
    },
    {
      ...shared,
      address: { family: "IPv4" as const, w0: 0xc0a80102, ...none },
      prefixLength: 24,
      broadcast: { family: "IPv4" as const, w0: 0xc0a801ff, ...none },
    },
  ]);
});

test("Windows: several adapters in their order, addresses of each to itself", () => {
  const host = toInterfaces(read(
    { index: 12, name: "Ethernet", addresses: [{ sockaddr: ipv4("0a 00 00 01") }] },
    { index: 3, name: "WLAN", type: WIFI, addresses: [{ sockaddr: ipv4("0a 00 01 01") }] },
    { index: 1, name: "Loopback", type: LOOPBACK, mtu: 0xffffffff, addresses: [] },
  ));
  assertEquals(
    host.map(({ index, name, addresses }) => [index, name, ...addresses.map((a) => a.address)]),
    [[1, "Loopback"], [3, "WLAN", "10.0.1.1"], [12, "Ethernet", "10.0.0.1"]],
  );
  assertEquals(host.map(({ loopback }) => loopback), [true, false, false]);
});

test("Windows: an adapter of one family has an index there only", () => {
  const index = (index: number, index6: number) => read({ index, index6 }).links[0]?.index;
  assertEquals([index(12, 0), index(0, 13), index(12, 12)], [12, 13, 12]);
  assertEquals(read({ index: 0, index6: 0, addresses: [{ sockaddr: ipv4("0a 00 00 01") }] }), {
    links: [],
    addresses: [],
  }, "nothing to name it by");
});

test("Windows: an adapter that does not say how much it takes at once", () => {
  assertEquals(read({ mtu: 0 }, { index: 13, mtu: 1280 }).links.map(({ mtu }) => mtu), [
    null,
    1280,
  ]);
});

test("Windows: names are UTF-16, and may be missing", () => {
  const [named, unnamed] =
    read({ name: "Förbindelse 日本 🙂", description: "" }, { index: 13 }).links;
  assertEquals([named.name, named.description], ["Förbindelse 日本 🙂", null]);
  assertEquals([unnamed.name, unnamed.description], ["", null]);
});

test("Windows: a name without an end is not read for ever", () => {
  const heap = new Heap();
  const node = adapter(heap, {});
  const endless = new Uint8Array(2).fill(0x41);
  const start = 0x4141_0000_0000n;
  for (let at = 0; at < 4096; at++) heap.share(start + BigInt(2 * at), endless);
  link(heap, node, start, 72);
  const [{ name }] = readAdapters(WINDOWS, TABLES, heap, node).links;
  assert(name.length >= 256 && name.length <= 4096, `${name.length} characters`);
});

test("Windows: whether an interface works, loops back, does multicast or has another end", () => {
  const flags = (given: Adapter) => read(given).links[0].flags;
  for (const status of [DOWN, 3, 4, 5, 6, 7]) {
    const { up, running } = flags({ status });
    assertEquals([up, running], [false, false], `IfOperStatus ${status}`);
  }
  assertFalse(flags({ flags: 0x10 }).multicast);
  assert(flags({ flags: 0xffffffef }).multicast);
  assertEquals(
    [ETHERNET, PPP, LOOPBACK, WIFI, TUNNEL].map((type) => {
      const { loopback, pointToPoint } = flags({ type });
      return [loopback, pointToPoint];
    }),
    [[false, false], [false, true], [true, false], [false, false], [false, true]],
  );
});

test("Windows: hardware addresses of any length, also such as lie", () => {
  const hardware = (mac: string, macLength?: number) => read({ mac, macLength }).links[0].hardware;
  assertEquals(hardware(""), new Uint8Array());
  assertEquals(hardware("01 02 03 04 05 06 07 08"), hex("01 02 03 04 05 06 07 08"));
  assertEquals(hardware("01 02 03 04 05 06", 0xffffffff).length, 8);
});

test("Windows: what duplicate detection says of an address", () => {
  const state = (dad: number, suffix?: number) => {
    const { addresses: [own] } = read({ addresses: [{ sockaddr: ipv6(LINK_LOCAL), dad, suffix }] });
    return [own.tentative, own.duplicate, own.deprecated, own.temporary];
  };
  assertEquals(state(DAD.preferred), [false, false, false, false]);
  assertEquals(state(DAD.tentative), [true, false, false, false]);
  assertEquals(state(DAD.duplicate), [false, true, false, false]);
  assertEquals(state(DAD.deprecated), [false, false, true, false]);
  // IpSuffixOriginRandom: a privacy address.
  assertEquals(state(DAD.preferred, 5), [false, false, false, true]);
  assertEquals(state(DAD.preferred, 4), [false, false, false, false]);
});

test("Windows: where there is a broadcast address, and which", () => {
  const broadcast = (address: string, prefix: number, type = ETHERNET) =>
    read({ type, addresses: [{ sockaddr: ipv4(address), prefix }] }).addresses[0].broadcast?.w0 ??
      null;
  assertEquals(broadcast("c0 a8 01 02", 24), 0xc0a801ff);
  assertEquals(broadcast("c0 a8 01 02", 30), 0xc0a80103);
  assertEquals(broadcast("0a 01 02 03", 8), 0x0affffff);
  assertEquals(broadcast("c0 a8 01 02", 31), null);
  assertEquals(broadcast("c0 a8 01 02", 32), null);
  assertEquals(broadcast("7f 00 00 01", 8, LOOPBACK), null);
  assertEquals(broadcast("0a 08 00 02", 24, PPP), null);
});

test("Windows: an address that is none is left out, and its neighbours are not", () => {
  const { addresses } = read({
    addresses: [
      { sockaddr: ipv4("0a 00 00 01") },
      { sockaddr: "" },
      { sockaddr: ipv4("0a 00 00 02"), length: 0 },
      { sockaddr: ipv4("0a 00 00 03"), length: -1 },
      { sockaddr: ipv4("0a 00 00 04"), length: 15 },
      { sockaddr: ipv4("0a 00 00 05").replace("02 00", "06 00") },
      { sockaddr: ipv6(LINK_LOCAL), prefix: 64 },
    ],
  });
  assertEquals(addresses.map(({ address }) => address.w0), [0x0a000001, 0xfe800000]);
});

test("Windows: no list at all", () => {
  assertEquals(read(), { links: [], addresses: [] });
});

test("Windows: lists that bite their tails end, one inside the other too", () => {
  const heap = new Heap();
  const own = chain(heap, [
    unicast(heap, { sockaddr: ipv4("0a 00 00 01") }),
    unicast(heap, { sockaddr: ipv4("0a 00 00 02") }),
  ]);
  const nodes = chain(heap, [
    adapter(heap, { index: 1, name: "a" }),
    adapter(heap, { index: 2, name: "b" }),
    adapter(heap, { index: 3, name: "c" }),
  ]);
  for (const node of nodes) link(heap, node, own[0], 24);
  link(heap, own[1], own[0], 8);
  link(heap, nodes[2], nodes[1], 8);
  heap.limit = 5_000;
  const { links, addresses } = readAdapters(WINDOWS, TABLES, heap, nodes[0]);
  assertEquals(links.map(({ index }) => index), [1, 2, 3]);
  assertEquals(addresses.length, 6);
});
