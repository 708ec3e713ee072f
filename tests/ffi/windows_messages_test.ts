// Windows: headers of 16 bytes with a SIZE_T length, and the address before the interface.
import { assertEquals } from "@std/assert";
import { ControlCodec } from "../../ffi/cmsg.ts";
import { test } from "../harness.ts";
import { assertReads, assertWrites, type Golden, readControl } from "./control.ts";
import { hex, tablesOf } from "./tables.ts";

const WINDOWS = tablesOf("windows");

const PAD = "aa aa aa aa";
const header = (length: string, level: string, type: string) =>
  `${length} 00 00 00 00 00 00 00 ${level} 00 00 00 ${type} 00 00 00`;
const PKTINFO = `${header("18", "00", "13")} (IP_PKTINFO)
  e0 00 00 fb (ipi_addr) 0c 00 00 00 (ipi_ifindex)`;
const ttl = (type: string) => `${header("14", "00", type)} 80 00 00 00 ${PAD}`;
const tos = (type: string) => `${header("14", "00", type)} b8 00 00 00 ${PAD}`;
const PKTINFO6 = `${header("24", "29", "13")} (IPV6_PKTINFO)
  fe 80 00 00 00 00 00 00 00 00 00 00 00 00 00 07 0d 00 00 00 (ipi6_ifindex)`;
const HOPLIMIT = `${header("14", "29", "15")} (IPV6_HOPLIMIT) 40 00 00 00 ${PAD}`;
const TCLASS = `${header("14", "29", "27")} (IPV6_TCLASS) 2e 00 00 00 ${PAD}`;

const IPV4: Golden = {
  pktinfo: [PKTINFO, { hasDestination: true, interfaceIndex: 12, w0: 0xe00000fb }],
  ttl: [`${ttl("15")} (IP_RECVTTL, IP_HOPLIMIT)`, { hops: 128 }],
  tos: [`${tos("28")} (IP_RECVTOS)`, { trafficClass: 0xb8 }],
};
const IPV6: Golden = {
  pktinfo: [PKTINFO6 + PAD, { hasDestination: true, interfaceIndex: 13, w0: 0xfe800000, w3: 7 }],
  hoplimit: [HOPLIMIT, { hops: 64 }],
  tclass: [TCLASS, { trafficClass: 0x2e }],
};

test("Windows' control messages, byte for byte", () => {
  assertReads(WINDOWS, IPV4);
  assertReads(WINDOWS, IPV6);
  // The interface is there, but no address that would answer: such a struct has none.
  assertEquals(readControl(WINDOWS, hex(PKTINFO)).localAddress, 0);
});

test("Windows has told hops and traffic class under two numbers", () => {
  assertReads(WINDOWS, {
    pktinfo: IPV4.pktinfo,
    ttl: [`${ttl("04")} (IP_TTL)`, { hops: 128 }],
    tos: [`${tos("03")} (IP_TOS)`, { trafficClass: 0xb8 }],
  });
});

test("Windows: the same numbers mean something else in the other family", () => {
  // IPV6_HOPLIMIT's number with IPv4's level is IP_RECVTTL; IP_TTL's with IPv6's is nothing.
  assertEquals(
    readControl(WINDOWS, hex(`${header("14", "29", "04")} 09 00 00 00 ${PAD}`)).hops,
    -1,
  );
  assertEquals(
    readControl(WINDOWS, hex(`${header("14", "29", "28")} 09 00 00 00 ${PAD}`)).trafficClass,
    -1,
  );
});

test("what is sent on Windows, byte for byte", () => {
  const pktinfo = (source: string, index: string) =>
    `${header("18", "00", "13")} ${source} (ipi_addr) ${index} (ipi_ifindex)`;
  assertWrites(WINDOWS, "IPv4", {}, "");
  assertWrites(
    WINDOWS,
    "IPv4",
    { hasSource: true, w0: 0xc0a80102, interfaceIndex: 12 },
    pktinfo("c0 a8 01 02", "0c 00 00 00"),
  );
  assertWrites(
    WINDOWS,
    "IPv4",
    { hasSource: true, w0: 0xc0a80102 },
    pktinfo("c0 a8 01 02", "00 00 00 00"),
  );
  const six = { hasSource: true, w0: 0xfe800000, w3: 7, interfaceIndex: 13 };
  assertWrites(WINDOWS, "IPv6", six, `${PKTINFO6} ........`);
  // Options of the socket: see the tests of egress.
  assertWrites(WINDOWS, "IPv4", { hops: 3, trafficClass: 4 }, "");
  assertWrites(WINDOWS, "IPv6", { hops: 3, trafficClass: 4 }, "");
  // WSA_CMSG_SPACE, with its padding: without that Windows refuses the call.
  assertEquals(new ControlCodec(WINDOWS).sendSize, 40 + 24 + 24);
});
