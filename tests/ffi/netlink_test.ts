// netlink messages: golden bytes, damaged ones, and what they say of interfaces and addresses.
import { assert, assertEquals } from "@std/assert";
import type { AddressRecord } from "../../ffi/interface_records.ts";
import { struct } from "../../ffi/layout.ts";
import type { NetlinkTables } from "../../ffi/platform/platform.ts";
import {
  type NetlinkMessage,
  readAttributes,
  readMessages,
  RouteCodec,
  writeDumpRequest,
} from "../../ffi/route/netlink.ts";
import { emptyWords } from "../../ffi/sockaddr.ts";
import { toInterface } from "../../interfaces/list.ts";
import { pick, randomWords } from "../address/random.ts";
import { test } from "../harness.ts";
import { hex, LINUX, toHex } from "./tables.ts";

const TABLES = LINUX.netlink!;
const codec = new RouteCodec(LINUX, TABLES);

/** A view of exactly these bytes, in the middle of others that nobody may look at. */
function view(text: string): DataView<ArrayBuffer> {
  const bytes = hex(text);
  const around = new Uint8Array(bytes.length + 64).fill(0xee);
  around.set(bytes, 32);
  return new DataView(around.buffer, 32, bytes.length);
}

/** One message, as it was received from Linux 6. */
function message(text: string): NetlinkMessage {
  const [one, ...others] = readMessages(TABLES, view(text));
  assert(one && others.length === 0, "not one message");
  return one;
}

// RTM_NEWLINK: index 7, up, running and multicast; "eth0", MTU 1400, a statistic of 3 bytes that is no use.
const LINK = `(header) 48 00 00 00 10 00 02 00 05 00 00 00 00 00 00 00
  (ifinfomsg) 00 00 01 00 07 00 00 00 43 10 01 00 00 00 00 00
  (IFLA_IFNAME) 09 00 03 00 65 74 68 30 00 (padding) 00 00 00
  (IFLA_MTU) 08 00 04 00 78 05 00 00
  (99) 07 00 63 00 01 02 03 (padding) 00
  (IFLA_ADDRESS) 0a 00 01 00 02 00 5e 10 00 01 (padding) 00 00`;

// RTM_NEWADDR: 10.0.0.1/24 brd 10.0.0.77 on 7, deprecated.
const ADDRESS4 = `(header) 38 00 00 00 14 00 00 00 00 00 00 00 00 00 00 00
  (ifaddrmsg) 02 18 a0 00 07 00 00 00
  (IFA_ADDRESS) 08 00 01 00 0a 00 00 01
  (IFA_LOCAL) 08 00 02 00 0a 00 00 01
  (IFA_BROADCAST) 08 00 04 00 0a 00 00 4d
  (IFA_FLAGS) 08 00 08 00 a0 00 00 00`;

// RTM_DELADDR: fe80::1/64 on 7, permanent and tentative.
const ADDRESS6 = `(header) 34 00 00 00 15 00 00 00 00 00 00 00 00 00 00 00
  (ifaddrmsg) 0a 40 c0 fd 07 00 00 00
  (IFA_ADDRESS) 14 00 01 00 fe 80 00 00 00 00 00 00 00 00 00 00 00 00 00 01
  (IFA_FLAGS) 08 00 08 00 c0 00 00 00`;

const address = (part: Partial<AddressRecord>): AddressRecord => ({
  index: 7,
  address: emptyWords(),
  peer: null,
  prefixLength: 24,
  broadcast: null,
  tentative: false,
  duplicate: false,
  temporary: false,
  deprecated: false,
  ...part,
});
const v4 = (w0: number) => ({ ...emptyWords(), w0 });

test("netlink: an interface", () => {
  const link = {
    index: 7,
    name: "eth0",
    description: null,
    flags: { up: true, running: true, loopback: false, multicast: true, pointToPoint: false },
    mtu: 1400,
    hardware: hex("02 00 5e 10 00 01"),
  };
  assertEquals(codec.event(message(LINK)), { type: "link", link });
  assertEquals(message(LINK).sequence, 5);
  assertEquals(codec.event(message(LINK.replace("10 00 02", "11 00 02"))), {
    type: "link-gone",
    index: 7,
  });
});

test("netlink: addresses", () => {
  const own = v4(0x0a000001);
  assertEquals(codec.event(message(ADDRESS4)), {
    type: "address",
    address: address({ address: own, peer: own, broadcast: v4(0x0a00004d), deprecated: true }),
  });
  const linkLocal = { ...emptyWords(), family: "IPv6" as const, w0: 0xfe800000, w3: 1 };
  assertEquals(codec.event(message(ADDRESS6)), {
    type: "address-gone",
    address: address({ address: linkLocal, peer: linkLocal, prefixLength: 64, tentative: true }),
  });
});

test("netlink: the other end of a link is not the address", () => {
  const peer = ADDRESS4.replace("01 00 0a 00 00 01", "01 00 0a 00 00 02")
    .replace("08 00 04 00 0a 00 00 4d", "08 00 63 00 0a 00 00 4d");
  const event = codec.event(message(peer));
  assert(event?.type === "address");
  const { address: own, peer: other, broadcast } = event.address;
  assertEquals([own.w0, other?.w0, broadcast], [0x0a000001, 0x0a000002, null]);
});

test("netlink: what the flags of an address mean", () => {
  const { constants: C } = TABLES;
  const flags = (value: number, text = ADDRESS6, old = "c0 00 00 00") => {
    const word = toHex(new Uint8Array(new Uint32Array([value]).buffer)).replace(/../g, "$& ");
    const event = codec.event(message(text.replace(`08 00 ${old}`, `08 00 ${word}`)));
    assert(event?.type === "address" || event?.type === "address-gone");
    const { tentative, duplicate, temporary, deprecated } = event.address;
    return Object.entries({ tentative, duplicate, temporary, deprecated })
      .filter(([, is]) => is).map(([name]) => name).join();
  };
  assertEquals(flags(0x80), "");
  assertEquals(flags(C.IFA_F_TENTATIVE), "tentative");
  assertEquals(flags(C.IFA_F_TENTATIVE | C.IFA_F_DADFAILED), "tentative,duplicate");
  // RFC 4429: it may be used at once.
  assertEquals(flags(C.IFA_F_TENTATIVE | C.IFA_F_OPTIMISTIC), "");
  assertEquals(flags(C.IFA_F_TEMPORARY | C.IFA_F_DEPRECATED), "temporary,deprecated");
  // Flags that only the longer form has room for are none of ours.
  assertEquals(flags(0xffffff00), "");
  // For IPv4 the bit of "temporary" says "secondary".
  assertEquals(flags(C.IFA_F_TEMPORARY, ADDRESS4, "a0 00 00 00"), "");
  // Kernels before 3.14 have the byte in the struct only.
  const old = ADDRESS4.replace("08 00 08 00 a0", "08 00 63 00 a0");
  const event = codec.event(message(old));
  assert(event?.type === "address");
  assertEquals(event.address.deprecated, true);
});

test("netlink: messages about something else are none", () => {
  // A bridge tells of its ports, and IPv6 of its own settings, by RTM_NEWLINK.
  for (const family of ["07", "0a"]) {
    assertEquals(
      codec.event(message(LINK.replace("00 00 01 00 07", `${family} 00 01 00 07`))),
      null,
    );
  }
  for (const type of ["02", "03", "12", "16", "18", "ff"]) {
    assertEquals(codec.event(message(LINK.replace("10 00 02", `${type} 00 02`))), null);
  }
  // Of a family that nobody knows; without a name; with index 0.
  assertEquals(codec.event(message(ADDRESS4.replace("02 18", "1d 18"))), null);
  assertEquals(codec.event(message(LINK.replace("09 00 03 00", "09 00 63 00"))), null);
  assertEquals(codec.event(message(LINK.replace("00 07 00 00 00", "00 00 00 00 00"))), null);
  // No address at all.
  const none = ADDRESS6.replace("14 00 01 00", "14 00 63 00");
  assertEquals(codec.event(message(none)), null);
});

test("netlink: several messages in one read, padded to four bytes", () => {
  const odd = "11 00 00 00 03 00 02 00 09 00 00 00 00 00 00 00 2a (padding) 00 00 00";
  const all = readMessages(TABLES, view(`${odd} ${ADDRESS4} ${ADDRESS6} ${odd}`));
  assertEquals(all.map(({ type }) => type), [3, 20, 21, 3]);
  assertEquals(all.map(({ sequence }) => sequence), [9, 0, 0, 9]);
  assertEquals(all.map(({ body }) => body.byteLength), [1, 40, 36, 1]);
  // The last one's padding may be missing.
  const cut = view(`${odd} ${odd}`);
  const shorter = new DataView(cut.buffer, cut.byteOffset, cut.byteLength - 3);
  assertEquals(readMessages(TABLES, shorter).length, 2);
});

test("netlink: reading stops at a length that cannot be", () => {
  for (const length of ["00 00 00 00", "0f 00 00 00", "39 00 00 00", "ff ff ff ff"]) {
    assertEquals(readMessages(TABLES, view(ADDRESS4.replace("38 00 00 00", length))), []);
  }
  const attributes = (text: string) => [...readAttributes(TABLES, view(text), 0).keys()];
  assertEquals(attributes("08 00 01 00 01 02 03 04 04 00 02 00"), [1, 2]);
  assertEquals(attributes("08 00 01 00 01 02 03 04 03 00 02 00"), [1]);
  assertEquals(attributes("08 00 01 00 01 02 03 04 05 00 02 00"), [1]);
  assertEquals(attributes("00 00 01 00 01 02 03 04"), []);
  assertEquals(attributes("ff ff 01 00 01 02 03 04"), []);
  assertEquals(attributes("04 00"), []);
});

test("netlink: nested and big-endian attributes have their type without the marks", () => {
  const attributes = readAttributes(TABLES, view("05 00 1a 80 2a 00 00 00 05 00 1b 40 2b"), 0);
  assertEquals([...attributes].map(([type, body]) => [type, body.getUint8(0)]), [
    [26, 42],
    [27, 43],
  ]);
  // Twice the same: the last counts.
  const twice = readAttributes(TABLES, view("05 00 01 00 2a 00 00 00 05 00 01 00 2b"), 0);
  assertEquals([twice.size, twice.get(1)?.getUint8(0)], [1, 43]);
});

test("netlink: values too short for what they say are left out", () => {
  const short = LINK.replace("08 00 04 00 78 05 00 00", "06 00 04 00 78 05 00 00");
  const event = codec.event(message(short));
  assertEquals(event?.type === "link" && event.link.mtu, null);
  const half = ADDRESS4.replace("08 00 02 00 0a 00 00 01", "06 00 02 00 0a 00 00 00")
    .replace("08 00 04 00", "07 00 04 00");
  const own = codec.event(message(half));
  assert(own?.type === "address");
  assertEquals([own.address.address.w0, own.address.broadcast], [0x0a000001, null]);
  // A name without its NUL, and one with more behind it.
  const names = ["08 00 03 00 65 74 68 30 04 00 63 00", "0c 00 03 00 65 74 68 30 00 41 42 43"];
  for (const name of names) {
    const link = codec.event(message(LINK.replace(/09 00 03 00 .*?00 00 00$/m, name)));
    assertEquals(link?.type === "link" && link.link.name, "eth0");
  }
});

test("netlink: a request, byte for byte", () => {
  const { constants: C, layouts } = TABLES;
  const request = writeDumpRequest(
    TABLES,
    C.RTM_GETLINK,
    0x01020304,
    new Uint8Array(layouts.ifinfomsg.size),
    [[C.IFLA_EXT_MASK, C.RTEXT_FILTER_SKIP_STATS]],
  );
  assertEquals(
    toHex(request),
    toHex(hex(`28 00 00 00 12 00 01 03 04 03 02 01 00 00 00 00
      00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
      08 00 1d 00 08 00 00 00`)),
  );
  // A struct of an odd size is padded.
  assertEquals(
    toHex(writeDumpRequest(TABLES, C.RTM_GETADDR, 1, new Uint8Array([2]))),
    toHex(hex("14 00 00 00 16 00 01 03 01 00 00 00 00 00 00 00 02 00 00 00")),
  );
});

test("netlink: numbers and offsets are the table's", () => {
  const tables: NetlinkTables = {
    constants: { ...TABLES.constants, RTM_NEWADDR: 77, IFA_LOCAL: 9, IFA_ADDRESS: 8, IFA_FLAGS: 7 },
    layouts: {
      ...TABLES.layouts,
      nlmsghdr: struct("nlmsghdr", 20, {
        nlmsg_type: [0, "u16"],
        nlmsg_flags: [2, "u16"],
        nlmsg_seq: [4, "u32"],
        nlmsg_pid: [8, "u32"],
        nlmsg_len: [16, "u32"],
      }),
      rtattr: struct("rtattr", 4, { rta_type: [0, "u16"], rta_len: [2, "u16"] }),
      ifaddrmsg: struct("ifaddrmsg", 8, {
        ifa_index: [0, "u32"],
        ifa_family: [4, "u8"],
        ifa_flags: [5, "u8"],
        ifa_prefixlen: [6, "u8"],
      }),
    },
  };
  const [one] = readMessages(
    tables,
    view(`4d 00 00 00 05 00 00 00 00 00 00 00 00 00 00 00 24 00 00 00
      03 00 00 00 02 20 18 00 09 00 08 00 0a 00 00 01`),
  );
  const platform = { ...LINUX, netlink: tables };
  const event = new RouteCodec(platform, tables).event(one);
  assertEquals(event, {
    type: "address",
    address: address({ index: 3, address: v4(0x0a000001), deprecated: true }),
  });
});

test("netlink: 40,000 damaged buffers harm nobody", () => {
  const next = randomWords(7);
  const whole = [LINK, ADDRESS4, ADDRESS6].map(hex);
  let events = 0;
  for (let round = 0; round < 40_000; round++) {
    const bytes = Uint8Array.from([...pick(next, whole), ...pick(next, whole)]);
    for (let damage = next() % 5; damage > 0; damage--) {
      bytes[next() % bytes.length] = pick(next, [0, 1, 4, 0x7f, 0xff, next() & 255]);
    }
    const length = next() % 3 === 0 ? next() % (bytes.length + 1) : bytes.length;
    for (const one of readMessages(TABLES, new DataView(bytes.buffer, 0, length))) {
      if (codec.event(one)) events++;
    }
  }
  assert(events > 40_000, `only ${events} events`);
});

test("the hardware address of a tunnel is no MAC address", () => {
  const flags = { up: true, running: true, loopback: false, multicast: false, pointToPoint: true };
  const mac = (hardware: string) =>
    toInterface({
      index: 3,
      name: "tun",
      description: null,
      flags,
      mtu: 1480,
      hardware: hex(hardware),
    }, []).mac;
  assertEquals(mac("02 00 5e 10 00 01"), "02:00:5e:10:00:01");
  assertEquals(mac(""), null);
  assertEquals(mac("00 00 00 00 00 00"), null);
  // gre and sit: an IPv4 address; ip6tnl and ip6gre: an IPv6 address.
  assertEquals(mac("0a 00 00 01"), null);
  assertEquals(mac("fd 00 00 00 00 00 00 00 00 00 00 00 00 00 00 01"), null);
});
