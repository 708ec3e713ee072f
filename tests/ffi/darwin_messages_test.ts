// macOS: headers of 12 bytes, data right behind them, everything aligned to 4 (sys/socket.h, __DARWIN_ALIGN32).
import { assertEquals } from "@std/assert";
import { ControlCodec } from "../../ffi/cmsg.ts";
import { test } from "../harness.ts";
import { assertReads, assertWrites, type Golden, readControl } from "./control.ts";
import { hex, tablesOf } from "./tables.ts";

const MACOS = tablesOf("darwin", "aarch64");

const IPV4: Golden = {
  pktinfo: [
    `18 00 00 00 (24) 00 00 00 00 (IPPROTO_IP) 1a 00 00 00 (IP_PKTINFO)
      04 00 00 00 (ipi_ifindex) c0 a8 01 02 (ipi_spec_dst) e0 00 00 fb (ipi_addr)`,
    { hasDestination: true, interfaceIndex: 4, localAddress: 0xc0a80102, w0: 0xe00000fb },
  ],
  // One byte, under the number of the option that asks for it.
  ttl: ["0d 00 00 00 (13) 00 00 00 00 18 00 00 00 (IP_RECVTTL) ff aa aa aa", { hops: 255 }],
  tos: ["0d 00 00 00 00 00 00 00 1b 00 00 00 (IP_RECVTOS) b8 aa aa aa", { trafficClass: 0xb8 }],
  timestamp: [
    `1c 00 00 00 (28) ff ff 00 00 (SOL_SOCKET) 02 00 00 00 (SCM_TIMESTAMP)
      00 e4 0b 54 02 00 00 00 (10000000000 s) 3f 42 0f 00 (999999 us) aa aa aa aa`,
    { seconds: 10_000_000_000, nanoseconds: 999_999_000 },
  ],
};

const PKTINFO6 = `20 00 00 00 (32) 29 00 00 00 (IPPROTO_IPV6) 2e 00 00 00 (IPV6_PKTINFO, RFC 3542)
  fe 80 00 00 00 00 00 00 00 00 00 00 00 00 00 07 05 00 00 00 (ipi6_ifindex)`;
const HOPLIMIT = "10 00 00 00 (16) 29 00 00 00 2f 00 00 00 (IPV6_HOPLIMIT) 40 00 00 00";
const TCLASS = "10 00 00 00 (16) 29 00 00 00 24 00 00 00 (IPV6_TCLASS) 2e 00 00 00";
const IPV6: Golden = {
  pktinfo: [PKTINFO6, { hasDestination: true, interfaceIndex: 5, w0: 0xfe800000, w3: 7 }],
  hoplimit: [HOPLIMIT, { hops: 64 }],
  tclass: [TCLASS, { trafficClass: 0x2e }],
  timestamp: IPV4.timestamp,
};

test("macOS' control messages, byte for byte", () => {
  assertReads(MACOS, IPV4);
  assertReads(MACOS, IPV6);
});

test("macOS: the numbers from before RFC 3542 and an IPv4 TTL of four bytes", () => {
  // IPV6_2292PKTINFO is 19: never asked for, so never taken for something else.
  assertEquals(
    readControl(MACOS, hex(PKTINFO6.replace("2e 00 00 00", "13 00 00 00"))).hasDestination,
    false,
  );
  assertEquals(
    readControl(MACOS, hex("10 00 00 00 00 00 00 00 18 00 00 00 07 00 00 00")).hops,
    7,
  );
});

test("macOS: a message of one byte may be the last, without padding", () => {
  const bytes = hex(IPV4.pktinfo[0] + "0d 00 00 00 00 00 00 00 18 00 00 00 40");
  const { hops, interfaceIndex } = readControl(MACOS, bytes);
  assertEquals([hops, interfaceIndex], [64, 4]);
});

test("what is sent on macOS, byte for byte", () => {
  const pktinfo = (index: string, source: string) =>
    `18 00 00 00 00 00 00 00 1a 00 00 00 ${index} (ipi_ifindex) ${source} (ipi_spec_dst) 00 00 00 00`;
  assertWrites(MACOS, "IPv4", {}, "");
  assertWrites(
    MACOS,
    "IPv4",
    { hasSource: true, w0: 0xc0a80102 },
    pktinfo("00 00 00 00", "c0 a8 01 02"),
  );
  assertWrites(MACOS, "IPv4", { interfaceIndex: 4 }, pktinfo("04 00 00 00", "00 00 00 00"));
  // IPv4 takes neither by a message: see the tests of egress.
  assertWrites(MACOS, "IPv4", { hops: 3, trafficClass: 4 }, "");
  const source = { hasSource: true, w0: 0xfe800000, w3: 7, interfaceIndex: 5 };
  assertWrites(
    MACOS,
    "IPv6",
    { ...source, hops: 64, trafficClass: 0x2e },
    PKTINFO6 + HOPLIMIT + TCLASS,
  );
  assertEquals(new ControlCodec(MACOS).sendSize, 32 + 16 + 16);
});
