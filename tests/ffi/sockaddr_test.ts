import { assert, assertEquals } from "@std/assert";
import { spawnSync } from "node:child_process";
import { struct } from "../../ffi/layout.ts";
import { emptyWords, SockaddrCodec, type SocketWords } from "../../ffi/sockaddr.ts";
import { randomWords } from "../address/random.ts";
import { python3, test } from "../harness.ts";
import { hex, LINUX, OTHER, PLATFORMS, tablesOf, toHex, viewOf } from "./tables.ts";

const linux = new SockaddrCodec(LINUX);

const ipv4: SocketWords = { ...emptyWords(), w0: 0xc0a80102, port: 5353 };
const ipv6: SocketWords = {
  family: "IPv6",
  w0: 0xfe800000,
  w1: 0,
  w2: 0x021122ff,
  w3: 0xfe334455,
  port: 65535,
  scopeId: 0x01020304,
};

const ipv4Bytes = "02 00 (AF_INET) 14 e9 (port) c0 a8 01 02" + "00".repeat(8);
const ipv6Bytes = `0a 00 (AF_INET6) ff ff (port) 00 00 00 00 (flow)
  fe 80 00 00 00 00 00 00 02 11 22 ff fe 33 44 55 04 03 02 01 (scope, host order)`;

function written(codec: SockaddrCodec, words: SocketWords): Uint8Array {
  const view = new DataView(new ArrayBuffer(codec.size));
  const length = codec.write(view, 0, words);
  assertEquals(length, codec.sizeOf(words.family));
  return new Uint8Array(view.buffer, 0, length);
}

function read(codec: SockaddrCodec, bytes: Uint8Array, length = bytes.length): SocketWords | null {
  const words = emptyWords();
  return codec.read(viewOf(bytes), 0, length, words) ? words : null;
}

test("Linux socket addresses, byte for byte", () => {
  assertEquals(toHex(written(linux, ipv4)), toHex(hex(ipv4Bytes)));
  assertEquals(toHex(written(linux, ipv6)), toHex(hex(ipv6Bytes)));
  assertEquals(read(linux, hex(ipv4Bytes)), ipv4);
  assertEquals(read(linux, hex(ipv6Bytes)), ipv6);
  assertEquals([linux.size, linux.sizeOf("IPv4"), linux.sizeOf("IPv6")], [28, 16, 28]);
});

test("an address is read whatever was read into the same object before", () => {
  const words = { ...ipv6 };
  assert(linux.read(viewOf(hex(ipv4Bytes)), 0, 16, words));
  assertEquals(words, ipv4);
});

test("flow information is not ours and is written as zero", () => {
  const view = new DataView(new Uint8Array(28).fill(0xaa).buffer);
  linux.write(view, 0, ipv6);
  assertEquals(toHex(new Uint8Array(view.buffer)), toHex(hex(ipv6Bytes)));
});

test("addresses at any place in a larger buffer", () => {
  const view = new DataView(new Uint8Array(100).fill(0xaa).buffer);
  linux.write(view, 7, ipv6);
  const bytes = new Uint8Array(view.buffer);
  assertEquals(toHex(bytes.subarray(7, 35)), toHex(hex(ipv6Bytes)));
  assert(bytes.every((byte, i) => byte === 0xaa || (i >= 7 && i < 35)));
  const words = emptyWords();
  assert(linux.read(view, 7, 28, words));
  assertEquals(words, ipv6);
});

test("too short, too long, of another family", () => {
  for (const [text, size] of [[ipv4Bytes, 16], [ipv6Bytes, 28]] as const) {
    for (let length = 0; length < size; length++) {
      assertEquals(read(linux, hex(text), length), null);
    }
    // The kernel says 128 where it has a sockaddr_storage; more than there is must not be read.
    for (const length of [size, size + 1, 128, 0xffffffff]) {
      assert(read(linux, hex(text), length) !== null);
    }
  }
  for (const family of ["00 00", "01 00", "11 00", "00 02", "00 0a", "02 01", "ff ff"]) {
    assertEquals(read(linux, hex(family + "00".repeat(26))), null, family);
  }
});

test("random addresses come back from every platform's bytes", () => {
  const next = randomWords(1);
  for (const [, platform] of PLATFORMS) {
    const codec = new SockaddrCodec(platform);
    for (let i = 0; i < 500; i++) {
      const words: SocketWords = next() % 2 === 0
        ? { ...emptyWords(), w0: next(), port: next() & 0xffff }
        : {
          family: "IPv6",
          w0: next(),
          w1: next(),
          w2: next(),
          w3: next(),
          port: next() & 0xffff,
          scopeId: next(),
        };
      assertEquals(read(codec, written(codec, words)), words);
    }
  }
});

test("families, offsets and sizes are the table's", () => {
  const odd = new SockaddrCodec({
    ...OTHER,
    constants: { ...OTHER.constants, AF_INET: 7 },
    layouts: {
      ...OTHER.layouts,
      sockaddr_in: struct("sockaddr_in", 24, {
        sin_addr: [0, 4],
        sin_port: [6, "u16"],
        sin_family: [8, "u16"],
      }),
    },
  });
  assertEquals(toHex(written(odd, ipv4)), "c0a80102" + "0000" + "14e9" + "0700" + "00".repeat(14));
  assertEquals(toHex(written(odd, ipv6)).slice(0, 8), "1e00ffff");
  assertEquals(odd.sizeOf("IPv4"), 24);
});

/** What begins an address, and AF_INET6; what follows is the same everywhere. */
const BEGINNINGS: [os: string, ipv4: string, ipv6: string][] = [
  ["linux", "02 00", "0a 00"],
  ["android", "02 00", "0a 00"],
  // A length of one byte and a family of one byte.
  ["darwin", "10 02", "1c 1e"],
  ["freebsd", "10 02", "1c 1c"],
  ["openbsd", "10 02", "1c 18"],
  ["netbsd", "10 02", "1c 18"],
  ["windows", "02 00", "17 00"],
];

for (const [os, four, six] of BEGINNINGS) {
  test(`socket addresses on ${os}, byte for byte`, () => {
    for (const arch of ["x86_64", "aarch64"] as const) {
      const codec = new SockaddrCodec(tablesOf(os, arch));
      const bytes4 = hex(ipv4Bytes.replace("02 00", four));
      const bytes6 = hex(ipv6Bytes.replace("0a 00", six));
      assertEquals(toHex(written(codec, ipv4)), toHex(bytes4));
      assertEquals(toHex(written(codec, ipv6)), toHex(bytes6));
      assertEquals(read(codec, bytes4), ipv4);
      assertEquals(read(codec, bytes6), ipv6);
      assertEquals([codec.size, codec.sizeOf("IPv4"), codec.sizeOf("IPv6")], [28, 16, 28]);
      // Not of this family, or cut off.
      assertEquals(read(codec, hex(ipv6Bytes.replace("0a 00", four)), 15), null);
      assertEquals(read(codec, hex(ipv6Bytes.replace("0a 00", "00 00"))), null);
      for (let length = 0; length < 28; length++) {
        assertEquals(read(codec, bytes6, length), null);
      }
      assertEquals([0, 1, 2, 15].map((length) => read(codec, bytes4, length)), [
        null,
        null,
        null,
        null,
      ]);
    }
  });
}

test("where a length comes first it is not looked at: the kernel's own counts", () => {
  const codec = new SockaddrCodec(tablesOf("freebsd"));
  const lies = hex(ipv4Bytes.replace("02 00", "00 02"));
  assertEquals(read(codec, lies), ipv4);
  assertEquals([codec.length(lies), codec.family(lies)], [0, 2]);
  assertEquals(linux.length(hex("02 00")), null);
  assertEquals([linux.family(hex("11 00")), linux.family(hex("02 01"))], [17, 0x0102]);
});

test("family and length of an address can be written alone", () => {
  for (const [os, four, six] of BEGINNINGS) {
    const codec = new SockaddrCodec(tablesOf(os));
    for (const [family, begins] of [["IPv4", four], ["IPv6", six]] as const) {
      const view = new DataView(new Uint8Array(28).fill(0xaa).buffer);
      codec.writeFamily(view, 0, family);
      const bytes = new Uint8Array(view.buffer);
      assertEquals(toHex(bytes), toHex(hex(begins)) + "aa".repeat(26), os);
    }
  }
});

test(
  "Linux socket addresses as Python's socket module makes them",
  { needs: ["linux", "python3"] },
  () => {
    // connect() to an AF_UNIX path tells nothing; struct.pack with the headers' layout does.
    const script = `
import socket, struct
print((struct.pack("=H", socket.AF_INET) + struct.pack("!H", 5353) + socket.inet_aton("192.168.1.2") + bytes(8)).hex())
print((struct.pack("=H", socket.AF_INET6) + struct.pack("!HI", 65535, 0)
  + socket.inet_pton(socket.AF_INET6, "fe80::211:22ff:fe33:4455") + struct.pack("=I", 0x01020304)).hex())`;
    const { stdout } = spawnSync(python3()!, ["-c", script]);
    assertEquals(
      stdout.toString().trim().split("\n"),
      [toHex(written(linux, ipv4)), toHex(written(linux, ipv6))],
    );
  },
);
