// The header of a message to be sent, as each system's header files have it, byte for byte.
import { assertEquals } from "@std/assert";
import type { SendControl } from "../../ffi/cmsg.ts";
import { SendBatch } from "../../ffi/message.ts";
import { emptyWords } from "../../ffi/sockaddr.ts";
import { test } from "../harness.ts";
import { KernelMemory } from "./memory.ts";
import { hex, tablesOf, toHex } from "./tables.ts";

const NAME = "00 00 00 00 00 7f 00 00";
const VECTOR = "00 00 00 01 00 7f 00 00";
const DATA = "00 00 00 02 00 7f 00 00";
const CONTROL = "00 00 00 03 00 7f 00 00";
const NULL = "00 00 00 00 00 00 00 00";
const PAD = "00 00 00 00";

/** With 28 bytes of name, two of data and an in6_pktinfo's CMSG_SPACE; then with neither name nor control. */
interface Golden {
  header: string;
  bare: string;
  vector: string;
}

const POSIX_VECTOR = `${DATA} 02 00 00 00 00 00 00 00 (iov_len)`;
/** 4.4BSD: int msg_iovlen, socklen_t msg_controllen. */
const bsd = (space: string): Golden => ({
  header: `${NAME} 1c 00 00 00 (msg_namelen) ${PAD} ${VECTOR} 01 00 00 00 (msg_iovlen) ${PAD}
    ${CONTROL} ${space} 00 00 00 (msg_controllen) 00 00 00 00 (msg_flags)`,
  bare: `${NULL} 00 00 00 00 ${PAD} ${VECTOR} 01 00 00 00 ${PAD} ${NULL} 00 00 00 00 00 00 00 00`,
  vector: POSIX_VECTOR,
});
/** glibc has size_t for both; musl an int with padding behind it. */
const linux: Golden = {
  header: `${NAME} 1c 00 00 00 ${PAD} ${VECTOR} 01 00 00 00 00 00 00 00 (msg_iovlen)
    ${CONTROL} 28 00 00 00 00 00 00 00 (msg_controllen) 00 00 00 00 (msg_flags) ${PAD}
    00 00 00 00 (mmsghdr.msg_len) ${PAD}`,
  bare: `${NULL} 00 00 00 00 ${PAD} ${VECTOR} 01 00 00 00 00 00 00 00
    ${NULL} 00 00 00 00 00 00 00 00 00 00 00 00 ${PAD} 00 00 00 00 ${PAD}`,
  vector: POSIX_VECTOR,
};
/** WSAMSG; WSABUF has the length first, and so has Control, which is one. */
const windows: Golden = {
  header: `${NAME} 1c 00 00 00 (namelen) ${PAD} ${VECTOR} 01 00 00 00 (dwBufferCount) ${PAD}
    28 00 00 00 (Control.len) ${PAD} ${CONTROL} 00 00 00 00 (dwFlags) ${PAD}`,
  bare: `${NULL} 00 00 00 00 ${PAD} ${VECTOR} 01 00 00 00 ${PAD} 00 00 00 00 ${PAD} ${NULL}
    00 00 00 00 ${PAD}`,
  vector: `02 00 00 00 (len) ${PAD} ${DATA}`,
};

const to = { ...emptyWords(), family: "IPv6" as const, w0: 0xff020000, w3: 0xfb, port: 5353 };
const control: SendControl = {
  hasSource: false,
  w0: 0,
  w1: 0,
  w2: 0,
  w3: 0,
  interfaceIndex: 3,
  hops: -1,
  trafficClass: -1,
};

for (
  const [os, arch, golden] of [
    ["linux", "x86_64", linux],
    ["linux", "aarch64", linux],
    ["android", "aarch64", linux],
    ["darwin", "x86_64", bsd("20")],
    ["darwin", "aarch64", bsd("20")],
    ["freebsd", "x86_64", bsd("28")],
    ["openbsd", "x86_64", bsd("28")],
    ["netbsd", "x86_64", bsd("28")],
    // Control data is aligned to 16 there.
    ["netbsd", "aarch64", bsd("30")],
    ["windows", "x86_64", windows],
    ["windows", "aarch64", windows],
  ] as const
) {
  test(`a message's header on ${os}, ${arch}, byte for byte`, () => {
    const memory = new KernelMemory();
    const batch = new SendBatch(tablesOf(os, arch), memory.addressOf, 1, 8);
    batch.put(0, "IPv6", hex("aa bb"), to, control);
    assertEquals(toHex(batch.headers), toHex(hex(golden.header)));
    assertEquals(toHex(memory.at(0x7f0001000000n, 16)), toHex(hex(golden.vector)));
    assertEquals(toHex(memory.at(0x7f0002000000n, 2)), "aabb");
    batch.put(0, "IPv6", hex("aa bb"), null, null);
    assertEquals(toHex(batch.headers), toHex(hex(golden.bare)));
  });
}
