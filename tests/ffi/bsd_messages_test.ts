// FreeBSD, OpenBSD, NetBSD: headers of 12 bytes, their data aligned like everything that follows (_ALIGN).
import { assert, assertEquals } from "@std/assert";
import { ControlCodec } from "../../ffi/cmsg.ts";
import { test } from "../harness.ts";
import { assertReads, assertWrites, type Golden, readControl } from "./control.ts";
import { hex, tablesOf } from "./tables.ts";

const FREEBSD = tablesOf("freebsd", "x86_64");
const OPENBSD = tablesOf("openbsd", "x86_64");
const NETBSD = tablesOf("netbsd", "x86_64");
/** `_ALIGN` is to 16 bytes there. */
const NETBSD_ARM = tablesOf("netbsd", "aarch64");

/** Between header and data; nobody clears it. */
const PAD = "aa aa aa aa";
const PAD7 = "aa aa aa aa aa aa aa";

const DESTINATION = `14 00 00 00 (20) 00 00 00 00 (IPPROTO_IP) 07 00 00 00 (IP_RECVDSTADDR) ${PAD}
  e0 00 00 fb ${PAD}`;
const destination = { hasDestination: true, w0: 0xe00000fb };
const seconds = "00 e4 0b 54 02 00 00 00 (10000000000 s)";
const time = { seconds: 10_000_000_000, nanoseconds: 999_999_000 };

const FREEBSD_IPV4: Golden = {
  destination: [DESTINATION, destination],
  // The interface's own sockaddr_dl, of a length that the kernel rounds up to 56.
  interface: [
    `48 00 00 00 (72) 00 00 00 00 14 00 00 00 (IP_RECVIF) ${PAD}
      38 (sdl_len) 12 (AF_LINK) 02 01 (sdl_index) 06 (IFT_ETHER) 03 06 00 65 6d 30 ("em0")
      02 00 5e 10 00 01 ${"00".repeat(39)}`,
    { interfaceIndex: 0x0102 },
  ],
  ttl: [`11 00 00 00 (17) 00 00 00 00 41 00 00 00 (IP_RECVTTL) ${PAD} ff ${PAD7}`, { hops: 255 }],
  tos: [`11 00 00 00 00 00 00 00 44 00 00 00 (IP_RECVTOS) ${PAD} b8 ${PAD7}`, {
    trafficClass: 0xb8,
  }],
  timestamp: [
    `20 00 00 00 (32) ff ff 00 00 02 00 00 00 (SCM_TIMESTAMP) ${PAD}
      ${seconds} 3f 42 0f 00 00 00 00 00 (999999 us)`,
    time,
  ],
};

const OPENBSD_IPV4: Golden = {
  destination: [DESTINATION, destination],
  interface: [
    `30 00 00 00 (48) 00 00 00 00 1e 00 00 00 (IP_RECVIF) ${PAD}
      20 (sdl_len) 12 (AF_LINK) 03 00 (sdl_index) 06 04 06 00 76 69 6f 30 ("vio0")
      02 00 5e 10 00 01 ${"00".repeat(14)}`,
    { interfaceIndex: 3 },
  ],
  ttl: [`11 00 00 00 00 00 00 00 1f 00 00 00 (IP_RECVTTL) ${PAD} 01 ${PAD7}`, { hops: 1 }],
  timestamp: [
    `20 00 00 00 ff ff 00 00 04 00 00 00 (SCM_TIMESTAMP) ${PAD}
      ${seconds} 3f 42 0f 00 00 00 00 00 (999999 us)`,
    time,
  ],
};

const NETBSD_IPV4: Golden = {
  // Destination and interface in one struct, the address first.
  pktinfo: [
    `18 00 00 00 (24) 00 00 00 00 19 00 00 00 (IP_PKTINFO) ${PAD}
      e0 00 00 fb (ipi_addr) 04 00 00 00 (ipi_ifindex)`,
    { ...destination, interfaceIndex: 4 },
  ],
  ttl: [`11 00 00 00 00 00 00 00 17 00 00 00 (IP_RECVTTL) ${PAD} 40 ${PAD7}`, { hops: 64 }],
  // suseconds_t is an int.
  timestamp: [
    `20 00 00 00 ff ff 00 00 08 00 00 00 (SCM_TIMESTAMP) ${PAD} ${seconds} 3f 42 0f 00 ${PAD}`,
    time,
  ],
};

const NETBSD_ARM_IPV4: Golden = {
  pktinfo: [NETBSD_IPV4.pktinfo[0] + PAD.repeat(2), NETBSD_IPV4.pktinfo[1]],
  ttl: [NETBSD_IPV4.ttl[0] + PAD.repeat(2), { hops: 64 }],
  timestamp: NETBSD_IPV4.timestamp,
};

/** KAME's, the same on all three; behind each message there is room up to the alignment. */
function ipv6(room: string): Golden {
  return {
    pktinfo: [
      `24 00 00 00 (36) 29 00 00 00 (IPPROTO_IPV6) 2e 00 00 00 (IPV6_PKTINFO) ${PAD}
        ff 02 00 00 00 00 00 00 00 00 00 01 00 02 00 fb 05 00 00 00 (ipi6_ifindex) ${PAD} ${room}`,
      { hasDestination: true, interfaceIndex: 5, w0: 0xff020000, w2: 1, w3: 0x000200fb },
    ],
    hoplimit: [
      `14 00 00 00 (20) 29 00 00 00 2f 00 00 00 (IPV6_HOPLIMIT) ${PAD} ff 00 00 00 ${PAD} ${room}`,
      { hops: 255 },
    ],
    tclass: [
      `14 00 00 00 29 00 00 00 3d 00 00 00 (IPV6_TCLASS) ${PAD} 2e 00 00 00 ${PAD} ${room}`,
      { trafficClass: 0x2e },
    ],
  };
}

for (
  const [name, platform, ipv4, room] of [
    ["FreeBSD", FREEBSD, FREEBSD_IPV4, ""],
    ["OpenBSD", OPENBSD, OPENBSD_IPV4, ""],
    ["NetBSD", NETBSD, NETBSD_IPV4, ""],
    ["NetBSD on arm64", NETBSD_ARM, NETBSD_ARM_IPV4, PAD.repeat(2)],
  ] as const
) {
  test(`${name}'s control messages, byte for byte`, () => {
    assertReads(platform, ipv4);
    assertReads(platform, { ...ipv6(room), timestamp: ipv4.timestamp });
  });

  test(`what is sent on ${name} with IPv6, byte for byte`, () => {
    const { pktinfo, hoplimit, tclass } = ipv6(room);
    assertWrites(
      platform,
      "IPv6",
      {
        hasSource: true,
        w0: 0xff020000,
        w2: 1,
        w3: 0x000200fb,
        interfaceIndex: 5,
        hops: 255,
        trafficClass: 0x2e,
      },
      (pktinfo[0] + hoplimit[0] + tclass[0]).replaceAll("aa", ".."),
    );
    const { sendSize } = new ControlCodec(platform);
    assertEquals(sendSize, room === "" ? 40 + 24 + 24 : 48 + 32 + 32);
  });
}

test("FreeBSD and OpenBSD: an interface that is not known is not told", () => {
  // ip_savecontrol() makes up a sockaddr_dl without data where there is no interface any more.
  const cut = (row: string, index: string) =>
    `18 00 00 00 (24) 00 00 00 00 ${row} 00 00 00 ${PAD} 08 12 ${index} 00 00 00 00`;
  assertEquals(readControl(FREEBSD, hex(cut("14", "00 00"))).interfaceIndex, 0);
  assertEquals(readControl(OPENBSD, hex(cut("1e", "07 00"))).interfaceIndex, 7);
  // Without the index: nothing.
  assertEquals(
    readControl(FREEBSD, hex(`12 00 00 00 00 00 00 00 14 00 00 00 ${PAD} 08 12 ${PAD} aa aa`))
      .interfaceIndex,
    0,
  );
});

test("FreeBSD: destination and interface may come in any order, or one alone", () => {
  const { destination: [to], interface: [by] } = FREEBSD_IPV4;
  for (const bytes of [to + by, by + to]) {
    const { hasDestination, w0, interfaceIndex } = readControl(FREEBSD, hex(bytes));
    assertEquals([hasDestination, w0, interfaceIndex], [true, 0xe00000fb, 0x0102]);
  }
  assertEquals(readControl(FREEBSD, hex(to)).interfaceIndex, 0);
  assertEquals(readControl(FREEBSD, hex(by)).hasDestination, false);
});

test("what is sent on FreeBSD and OpenBSD with IPv4, byte for byte", () => {
  const source = `14 00 00 00 (20) 00 00 00 00 07 00 00 00 (IP_SENDSRCADDR) ........
    c0 a8 01 02 ........`;
  for (const platform of [FREEBSD, OPENBSD]) {
    assertWrites(platform, "IPv4", {}, "");
    assertWrites(platform, "IPv4", { hasSource: true, w0: 0xc0a80102 }, source);
    // What no message can ask for is in none.
    assertWrites(platform, "IPv4", { interfaceIndex: 9, hops: 3, trafficClass: 4 }, "");
    assertWrites(
      platform,
      "IPv4",
      { hasSource: true, w0: 0xc0a80102, interfaceIndex: 9, hops: 3, trafficClass: 4 },
      source,
    );
  }
});

test("what is sent on NetBSD with IPv4, byte for byte", () => {
  const pktinfo = (source: string, index: string) =>
    `18 00 00 00 (24) 00 00 00 00 19 00 00 00 (IP_PKTINFO) ........ ${source} ${index}`;
  for (const [platform, room] of [[NETBSD, ""], [NETBSD_ARM, "..".repeat(8)]] as const) {
    assertWrites(
      platform,
      "IPv4",
      { hasSource: true, w0: 0xc0a80102, interfaceIndex: 4, hops: 1 },
      pktinfo("c0 a8 01 02", "04 00 00 00") + room,
    );
    assertWrites(
      platform,
      "IPv4",
      { w0: 0xc0a80102, interfaceIndex: 4 },
      pktinfo("00 00 00 00", "04 00 00 00") + room,
    );
  }
});

test("the room for control data on BSD holds what one datagram may be told, and long names", () => {
  const total = (golden: Golden) => hex(Object.values(golden).map(([bytes]) => bytes).join(""));
  assert(total(FREEBSD_IPV4).length <= new ControlCodec(FREEBSD).receiveSize);
  // OpenBSD's sockaddr_dl grows where name and hardware address need more than 24 bytes.
  assert(total(OPENBSD_IPV4).length + 16 <= new ControlCodec(OPENBSD).receiveSize);
  assert(total(NETBSD_ARM_IPV4).length <= new ControlCodec(NETBSD_ARM).receiveSize);
});
