// getifaddrs(3)'s list as macOS, FreeBSD, OpenBSD and NetBSD make it.
import { assert, assertEquals } from "@std/assert";
import { readInterfaceList, toRecords } from "../../ffi/ifaddrs.ts";
import type { Layouts, Platform } from "../../ffi/platform/platform.ts";
import { toInterfaces } from "../../interfaces/list.ts";
import { pick, randomWords } from "../address/random.ts";
import { test } from "../harness.ts";
import { type Entry, interfaceList, Pieces } from "./memory.ts";
import { hex, tablesOf, toHex } from "./tables.ts";

const MACOS = tablesOf("darwin");
const FREEBSD = tablesOf("freebsd");
const OPENBSD = tablesOf("openbsd");
const NETBSD = tablesOf("netbsd");

/** IFF_UP, BROADCAST, RUNNING, MULTICAST (0x8000, unlike Linux). */
const CARD = 0x8043;
const LOOPBACK = 0x8049;
const TUNNEL = 0x8051;

/** AF_INET6 differs. */
const AF_INET6: Record<string, string> = {
  darwin: "1e",
  freebsd: "1c",
  openbsd: "18",
  netbsd: "18",
};

const ipv4 = (address: string) => `10 02 00 00 ${address}` + "00".repeat(8);
const ipv6 = ({ os }: Platform, address: string, scope = "00 00 00 00") =>
  `1c ${AF_INET6[os]} 00 00 00 00 00 00 ${address} ${scope}`;
/** A sockaddr_dl: its length, AF_LINK, index, type, lengths of name, address and selector; name and address. */
const linkOf = (length: string, index: string, type: string, name: string, mac: string) => {
  const letters = toHex(new TextEncoder().encode(name));
  const count = (text: string) => hex(text).length.toString(16).padStart(2, "0");
  const data = `${length} 12 ${index} ${type} ${count(letters)} ${count(mac)} 00 ${letters} ${mac}`;
  return toHex(hex(data)).padEnd(2 * parseInt(length, 16), "0");
};
/** An if_data; who reads more of it than there is is told so. */
const data = ({ layouts }: Platform, mtu: number) => {
  const { size, at } = layouts.if_data!;
  const bytes = new Uint8Array(size).fill(0xee);
  new DataView(bytes.buffer).setBigUint64(at.ifi_mtu, BigInt(mtu), true);
  return toHex(bytes);
};

function read(platform: Platform, entries: Entry[]) {
  const memory = new Pieces();
  const [first] = interfaceList(memory, entries, platform.layouts.ifaddrs as Layouts["ifaddrs"]);
  return readInterfaceList(platform, memory, first);
}

function shown(platform: Platform, entries: Entry[]) {
  const records = toRecords(read(platform, entries), (name) => {
    throw new Error(`asked for ${name}`);
  });
  return toInterfaces(records);
}

const LINK_LOCAL = "fe 80 00 00 00 00 00 00 02 00 5e ff fe 10 00 01";
const MASK64 = "ff ff ff ff ff ff ff ff 00 00 00 00 00 00 00 00";

test("macOS: a card with its hardware address, MTU, and addresses whose masks are cut off", () => {
  const name = "en0";
  const flags = 0x8863;
  const [en0] = shown(MACOS, [
    {
      name,
      flags,
      address: linkOf("14", "04 00", "06", "en0", "02 00 5e 10 00 01"),
      data: data(MACOS, 1500),
    },
    {
      name,
      flags,
      address: ipv6(MACOS, LINK_LOCAL, "04 00 00 00"),
      netmask: ipv6(MACOS, MASK64),
    },
    {
      name,
      flags,
      address: ipv4("c0 a8 01 02"),
      // Seven bytes: the zero at the end is not there, nor is the family (in_socktrim).
      netmask: "07 00 00 00 ff ff ff",
      broadcast: ipv4("c0 a8 01 ff"),
    },
  ]);
  const unsaid = { tentative: null, duplicate: null, temporary: null, deprecated: null };
  assertEquals(en0, {
    index: 4,
    name,
    description: null,
    mac: "02:00:5e:10:00:01",
    mtu: 1500,
    up: true,
    running: true,
    loopback: false,
    multicast: true,
    pointToPoint: false,
    addresses: [
      {
        address: "fe80::200:5eff:fe10:1",
        family: "IPv6",
        prefixLength: 64,
        broadcast: null,
        scopeId: 4,
        ...unsaid,
      },
      {
        address: "192.168.1.2",
        family: "IPv4",
        prefixLength: 24,
        broadcast: "192.168.1.255",
        scopeId: null,
        ...unsaid,
      },
    ],
  });
});

test("BSD: the interface's own entry, each with its layouts", () => {
  const cases: [Platform, address: string, name: string, mtu: number][] = [
    [FREEBSD, linkOf("38", "02 00", "06", "em0", "02 00 5e 10 00 01"), "em0", 9000],
    [OPENBSD, linkOf("20", "02 00", "06", "vio0", "02 00 5e 10 00 01"), "vio0", 1500],
    // An MTU of 64 bits.
    [NETBSD, linkOf("20", "02 00", "06", "wm0", "02 00 5e 10 00 01"), "wm0", 65536],
  ];
  for (const [platform, address, name, mtu] of cases) {
    const [entry] = read(platform, [{ name, flags: CARD, address, data: data(platform, mtu) }]);
    assertEquals(entry, {
      name,
      flags: { up: true, running: true, loopback: false, multicast: true, pointToPoint: false },
      address: null,
      netmask: null,
      broadcast: null,
      link: { index: 2, hardware: hex("02 00 5e 10 00 01"), mtu },
    });
  }
});

test("BSD: a name that is longer than the struct's own room reaches past it", () => {
  const name = "a-long-bridge-name";
  const address = linkOf("24", "09 00", "06", name, "02 00 5e 10 00 01");
  const [{ link }] = read(MACOS, [{ name, flags: CARD, address }]);
  assertEquals([link?.index, link?.hardware], [9, hex("02 00 5e 10 00 01")]);
  assertEquals(link?.mtu, null, "no if_data hangs on it");
});

test("BSD: masks of every length, with and without a family", () => {
  const prefix = (platform: Platform, address: string, netmask: string) => {
    const [{ netmask: mask }] = read(platform, [{ name: "x0", flags: CARD, address, netmask }]);
    const records = toRecords([{
      ...read(platform, [{ name: "x0", flags: CARD, address, netmask }])[0],
      link: { index: 1, hardware: new Uint8Array(), mtu: null },
    }], () => 1);
    assert(mask, "no mask");
    return records.addresses[0].prefixLength;
  };
  const own = ipv4("0a 01 02 03");
  for (const platform of [MACOS, FREEBSD, OPENBSD, NETBSD]) {
    assertEquals(prefix(platform, own, "10 02 00 00 ff ff ff 00" + "00".repeat(8)), 24);
    assertEquals(prefix(platform, own, "08 02 00 00 ff ff ff ff"), 32);
    // Old ones put 0xff into family and port, where no bit of the address is.
    assertEquals(prefix(platform, own, "07 ff ff ff ff ff fe"), 23);
    assertEquals(prefix(platform, own, "06 00 00 00 ff f0"), 12);
    assertEquals(prefix(platform, own, "05 00 00 00 ff"), 8);
    assertEquals(prefix(platform, own, "05 00 00 00 80"), 1);
    // A default route's: nothing but its length, which may be 0 or that of its begin.
    assertEquals(prefix(platform, own, "00 00"), 0);
    assertEquals(prefix(platform, own, "02 00"), 0);
    const six = ipv6(platform, LINK_LOCAL);
    assertEquals(prefix(platform, six, ipv6(platform, MASK64)), 64);
    assertEquals(
      prefix(platform, six, `1c 00 00 00 00 00 00 00 ${"ff".repeat(16)} 00 00 00 00`),
      128,
    );
    // Cut off behind the last byte that is not zero.
    assertEquals(prefix(platform, six, `10 00 00 00 00 00 00 00 ${"ff".repeat(8)}`), 64);
    assertEquals(prefix(platform, six, "0a 00 00 00 00 00 00 00 ff fe"), 15);
  }
});

test("BSD: the index inside a link-local address is taken out of it", () => {
  const scoped = "fe 80 00 05 00 00 00 00 02 00 5e ff fe 10 00 01";
  const words = (platform: Platform, address: string, scope?: string) =>
    read(platform, [{ name: "x0", address: ipv6(platform, address, scope) }])[0].address!;
  for (const platform of [MACOS, FREEBSD, OPENBSD, NETBSD]) {
    const inside = words(platform, scoped);
    assertEquals([inside.w0, inside.scopeId, inside.w3], [0xfe800000, 5, 0xfe100001]);
    // It may be in both places, and in its own only.
    assertEquals(words(platform, scoped, "05 00 00 00"), inside);
    assertEquals(words(platform, LINK_LOCAL, "05 00 00 00"), inside);
    assertEquals(words(platform, LINK_LOCAL).scopeId, 0);
    // febf:… is link-local as well; other addresses keep their second 16 bits.
    assertEquals(words(platform, "fe bf 00 07" + "00".repeat(11) + "01").w0, 0xfebf0000);
    for (const address of ["20 01 0d b8", "fe c0 00 05", "fd 00 00 05", "ff 02 00 05"]) {
      const own = words(platform, address + "00".repeat(11) + "01");
      assertEquals(toHex(hex(address)), own.w0.toString(16), "not link-local");
      assertEquals(own.scopeId, 0);
    }
  }
  const linux = read({ ...tablesOf("linux") }, [{
    name: "eth0",
    address: ipv6(MACOS, scoped).replace("1c 1e", "0a 00"),
  }]);
  assertEquals(linux[0].address?.w0, 0xfe800005, "Linux has it nowhere but in scope_id");
});

test("BSD: loopback, tunnel, and interfaces without any address", () => {
  const entries: Entry[] = [
    {
      name: "lo0",
      flags: LOOPBACK,
      address: linkOf("14", "01 00", "18", "lo0", ""),
      data: data(MACOS, 16384),
    },
    { name: "lo0", flags: LOOPBACK, address: ipv4("7f 00 00 01"), netmask: "05 00 00 00 ff" },
    { name: "gif0", flags: 0x8010, address: linkOf("14", "02 00", "37", "gif0", "") },
    {
      name: "utun0",
      flags: TUNNEL,
      address: linkOf("14", "0f 00", "01", "utun0", ""),
      data: data(MACOS, 1380),
    },
    {
      name: "utun0",
      flags: TUNNEL,
      address: ipv4("0a 08 00 02"),
      netmask: "08 00 00 00 ff ff ff ff",
      // The other end.
      broadcast: ipv4("0a 08 00 01"),
    },
    // Of a family that nobody asked for, and none at all.
    { name: "utun0", flags: TUNNEL, address: "04 ff 00 00" },
    { name: "utun0", flags: TUNNEL },
  ];
  const [lo0, gif0, utun0, ...others] = shown(MACOS, entries);
  assertEquals(others, []);
  assertEquals([lo0.loopback, lo0.mac, lo0.mtu, lo0.addresses[0].prefixLength], [
    true,
    null,
    16384,
    8,
  ]);
  assertEquals([gif0.index, gif0.up, gif0.mtu, gif0.addresses], [2, false, null, []]);
  assertEquals([utun0.pointToPoint, utun0.mac, utun0.mtu], [true, null, 1380]);
  assertEquals(utun0.addresses.map(({ address, broadcast }) => [address, broadcast]), [
    ["10.8.0.2", null],
  ]);
});

test("BSD: lengths that lie harm nobody", () => {
  const next = randomWords(7);
  for (const platform of [MACOS, FREEBSD, OPENBSD, NETBSD]) {
    for (let i = 0; i < 100; i++) {
      const length = pick(next, [0, 1, 2, 3, 5, 7, 8, 9, 16, 20, 28, 54, 56, 255]);
      const family = pick(next, [0, 2, 18, parseInt(AF_INET6[platform.os], 16), 255]);
      const bytes = new Uint8Array(256).map(() => next() % 3 === 0 ? next() : 0);
      bytes[0] = length;
      bytes[1] = family;
      const address = toHex(bytes);
      const entries = read(platform, [{
        name: "x0",
        flags: CARD,
        address,
        netmask: address,
        broadcast: address,
      }]);
      assertEquals(entries.length, 1, `${platform.os}, ${length} bytes of family ${family}`);
    }
  }
});
