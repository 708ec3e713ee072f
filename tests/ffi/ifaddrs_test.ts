import { assert, assertEquals } from "@std/assert";
import { type InterfaceEntry, readInterfaceList, toRecords } from "../../ffi/ifaddrs.ts";
import { struct } from "../../ffi/layout.ts";
import type { Platform } from "../../ffi/platform/platform.ts";
import { emptyWords } from "../../ffi/sockaddr.ts";
import { test } from "../harness.ts";
import { interfaceList as list, link, Pieces } from "./memory.ts";
import { hex, LINUX } from "./tables.ts";

const ipv4 = (address: string) => `02 00 00 00 ${address}` + "00".repeat(8);
const packet = (index: string, length: string, address: string) =>
  `11 00 00 00 ${index} 01 00 00 ${length} ${address}`;
const UP = 0x1 | 0x40 | 0x1000;
const BROADCAST = 0x2;
const POINTOPOINT = 0x10;

test("an interface with its link, IPv4 and IPv6 addresses", () => {
  const memory = new Pieces();
  const [first] = list(memory, [
    { name: "lo", flags: 0x49, address: packet("01 00 00 00", "06", "00".repeat(8)) },
    {
      name: "eth0",
      flags: UP | BROADCAST,
      address: packet("02 00 00 00", "06", "02 42 ac 11 00 02 00 00"),
      broadcast: packet("02 00 00 00", "06", "ff ff ff ff ff ff 00 00"),
    },
    {
      name: "eth0",
      flags: UP | BROADCAST,
      address: ipv4("c0 a8 01 02"),
      netmask: ipv4("ff ff ff 00"),
      broadcast: ipv4("c0 a8 01 ff"),
    },
    {
      name: "eth0",
      flags: UP | BROADCAST,
      address:
        "0a 00 00 00 00 00 00 00 fe 80 00 00 00 00 00 00 00 42 ac ff fe 11 00 02 02 00 00 00",
      netmask: "0a 00 00 00 00 00 00 00" + "ff".repeat(8) + "00".repeat(12),
    },
  ]);
  const [lo, card, v4, v6] = readInterfaceList(LINUX, memory, first);
  assertEquals(lo.flags, {
    up: true,
    running: true,
    loopback: true,
    multicast: false,
    pointToPoint: false,
  });
  assertEquals(lo.link, { index: 1, hardware: new Uint8Array(6), mtu: null });
  assertEquals([card.name, card.address, card.broadcast], ["eth0", null, null]);
  assertEquals(card.link, { index: 2, hardware: hex("02 42 ac 11 00 02"), mtu: null });
  assertEquals([card.flags.multicast, card.flags.loopback], [true, false]);
  assertEquals(v4.address, { ...emptyWords(), w0: 0xc0a80102 });
  assertEquals(v4.netmask?.w0, 0xffffff00);
  assertEquals(v4.broadcast?.w0, 0xc0a801ff);
  assertEquals(v4.link, null);
  assertEquals(v6.address, {
    family: "IPv6",
    w0: 0xfe800000,
    w1: 0,
    w2: 0x0042acff,
    w3: 0xfe110002,
    port: 0,
    scopeId: 2,
  });
  assertEquals([v6.netmask?.w1, v6.netmask?.w2, v6.broadcast], [0xffffffff, 0, null]);
});

test("the other end of a point-to-point link is no broadcast address", () => {
  const memory = new Pieces();
  const [first] = list(memory, [
    {
      name: "tun0",
      flags: UP | POINTOPOINT,
      address: ipv4("0a 00 00 01"),
      broadcast: ipv4("0a 00 00 02"),
    },
    { name: "eth1", flags: UP | BROADCAST, address: ipv4("0a 00 01 01") },
  ]);
  const [tun, bare] = readInterfaceList(LINUX, memory, first);
  assertEquals([tun.broadcast, tun.flags.pointToPoint], [null, true]);
  assertEquals(bare.broadcast, null);
});

test("entries without an address, and of families that nobody knows, are listed all the same", () => {
  const memory = new Pieces();
  const [first] = list(memory, [
    { name: "wg0", flags: UP },
    // Two bytes are all that may be read of an unknown family.
    { name: "can0", flags: UP, address: "1d 00", netmask: "ff ff", broadcast: "00 00" },
    { name: "eth0", flags: UP, address: ipv4("0a 00 00 01"), netmask: "00 00" },
  ]);
  const entries = readInterfaceList(LINUX, memory, first);
  assertEquals(
    entries.map(({ name, address, netmask, broadcast, link }) => [
      name,
      address?.w0 ?? null,
      netmask,
      broadcast,
      link,
    ]),
    [
      ["wg0", null, null, null, null],
      ["can0", null, null, null, null],
      ["eth0", 0x0a000001, null, null, null],
    ],
  );
});

test("hardware addresses of any length, also such as lie", () => {
  const lengths: [string, number][] = [["00", 0], ["04", 4], ["06", 6], ["08", 8], ["14", 8], [
    "ff",
    8,
  ]];
  for (const [length, kept] of lengths) {
    const memory = new Pieces();
    const [first] = list(memory, [{
      name: "ib0",
      address: packet("07 00 00 00", length, "01 02 03 04 05 06 07 08"),
    }]);
    const [{ link }] = readInterfaceList(LINUX, memory, first);
    assertEquals(link?.index, 7);
    assertEquals(link?.hardware, hex("01 02 03 04 05 06 07 08").slice(0, kept));
  }
});

test("no list at all", () => {
  assertEquals(readInterfaceList(LINUX, new Pieces(), 0n), []);
});

test("a list that bites its tail ends", () => {
  for (const [length, back] of [[1, 0], [2, 0], [2, 1], [5, 2]]) {
    const memory = new Pieces();
    const nodes = list(memory, Array.from({ length }, (_, i) => ({ name: `eth${i}` })));
    link(memory, nodes.at(-1)!, nodes[back]);
    const entries = readInterfaceList(LINUX, memory, nodes[0]);
    assert(entries.length >= length && entries.length <= 100_000, `${entries.length} entries`);
    assertEquals(entries[length - 1].name, `eth${length - 1}`);
  }
});

test("a long list is read to its end", () => {
  const memory = new Pieces();
  const nodes = list(memory, Array.from({ length: 5000 }, (_, i) => ({ name: `veth${i}` })));
  const entries = readInterfaceList(LINUX, memory, nodes[0]);
  assertEquals([entries.length, entries[4999].name], [5000, "veth4999"]);
});

test("offsets, flags and families are the table's", () => {
  const layouts: Platform["layouts"] = {
    ...LINUX.layouts,
    ifaddrs: struct("ifaddrs", 56, {
      ifa_flags: [0, "u32"],
      ifa_name: [8, "pointer"],
      ifa_broadaddr: [16, "pointer"],
      ifa_netmask: [24, "pointer"],
      ifa_addr: [32, "pointer"],
      ifa_next: [40, "pointer"],
      ifa_data: [48, "pointer"],
    }),
  };
  const constants = { ...LINUX.constants, AF_INET: 12, IFF_MULTICAST: 0x8000, IFF_BROADCAST: 0x4 };
  const memory = new Pieces();
  const [first] = list(memory, [
    {
      name: "en0",
      flags: 0x8005,
      address: ipv4("0a 00 00 01").replace("02", "0c"),
      broadcast: ipv4("0a 00 00 ff").replace("02", "0c"),
    },
    { name: "en1" },
  ], layouts.ifaddrs);
  const entries = readInterfaceList({ ...LINUX, layouts, constants }, memory, first);
  assertEquals(entries.map(({ name }) => name), ["en0", "en1"]);
  assertEquals(entries[0].flags.multicast, true);
  assertEquals([entries[0].address?.w0, entries[0].broadcast?.w0], [0x0a000001, 0x0a0000ff]);
});

const FLAGS = { up: true, running: true, loopback: false, multicast: true, pointToPoint: false };

function entry(name: string, part: Partial<InterfaceEntry> = {}): InterfaceEntry {
  const nothing = { address: null, netmask: null, broadcast: null, link: null };
  return { name, flags: FLAGS, ...nothing, ...part };
}

const words = (w0: number) => ({ ...emptyWords(), w0 });
const hardware = new Uint8Array([2, 0, 0, 0, 0, 1]);
const none = (name: string): number => {
  throw new Error(`asked for ${name}`);
};

test("records: what getifaddrs(3) cannot tell is not said", () => {
  const address = words(0x0a000001);
  assertEquals(
    toRecords([
      entry("eth0", {
        address,
        netmask: words(0xffffff00),
        broadcast: words(0x0a0000ff),
      }),
      // The interface's own entry may come later.
      entry("eth0", { link: { index: 7, hardware, mtu: null } }),
    ], none),
    {
      links: [{ index: 7, name: "eth0", description: null, flags: FLAGS, mtu: null, hardware }],
      addresses: [{
        index: 7,
        address,
        peer: null,
        prefixLength: 24,
        broadcast: words(0x0a0000ff),
        tentative: null,
        duplicate: null,
        temporary: null,
        deprecated: null,
      }],
    },
  );
});

test("records: the label of an address is no interface", () => {
  const { links, addresses } = toRecords([
    entry("eth0", { link: { index: 7, hardware, mtu: null } }),
    entry("eth0:1", { address: words(0x0a000002) }),
    entry("eth1:1", { address: words(0x0a000003) }),
  ], (name) => name === "eth1" ? 8 : none(name));
  assertEquals(links.map(({ index, name }) => [index, name]), [[7, "eth0"], [8, "eth1"]]);
  assertEquals(addresses.map(({ index, address }) => [index, address.w0]), [
    [7, 0x0a000002],
    [8, 0x0a000003],
  ]);
});

test("records: an interface that vanished since the list was made is left out", () => {
  const gone = toRecords([entry("gone0", { address: words(1) }), entry("gone1")], () => 0);
  assertEquals(gone, { links: [], addresses: [] });
});

test("records: prefix lengths, and which broadcast address is believed", () => {
  const of = (netmask: number, broadcast: number | null) => {
    const { addresses: [own] } = toRecords([
      entry("eth0", {
        link: { index: 7, hardware, mtu: null },
        address: words(0x0a000001),
        netmask: words(netmask),
        broadcast: broadcast === null ? null : words(broadcast),
      }),
    ], none);
    return [own.prefixLength, own.broadcast?.w0 ?? null];
  };
  assertEquals(of(0xffffff00, 0x0a0000ff), [24, 0x0a0000ff]);
  // glibc says the address itself, or the peer's, where none is set; another one looks the same.
  assertEquals(of(0xffffff00, 0x0a000001), [24, null]);
  assertEquals(of(0xffffff00, 0x0a00004d), [24, null]);
  assertEquals(of(0xffffff00, null), [24, null]);
  assertEquals(of(0xfffffffe, 0x0a000001), [31, null]);
  assertEquals(of(0xffffffff, 0x0a000001), [32, null]);
  assertEquals(of(0xff000000, 0x0affffff), [8, 0x0affffff]);
  assertEquals(of(0, 0xffffffff), [0, 0xffffffff]);
  const v6 = (...mask: [number, number, number, number]) => {
    const [w0, w1, w2, w3] = mask;
    const netmask = { ...emptyWords(), family: "IPv6" as const, w0, w1, w2, w3 };
    const address = { ...netmask, w0: 0xfd000000 };
    const link = { index: 7, hardware, mtu: null };
    return toRecords([entry("eth0", { link, address, netmask })], none).addresses[0].prefixLength;
  };
  const all = 0xffffffff;
  assertEquals(
    [v6(all, all, 0, 0), v6(all, all, all, all), v6(0xfe000000, 0, 0, 0), v6(0, 0, 0, 0)],
    [64, 128, 7, 0],
  );
  assertEquals(v6(all, 0xffff0000, 0, 0), 48);
});
