import { assert, assertEquals } from "@std/assert";
import { spawnSync } from "node:child_process";
import { struct } from "../../ffi/layout.ts";
import { emptyWords, SockaddrCodec, type SocketWords } from "../../ffi/sockaddr.ts";
import { randomWords } from "../address/random.ts";
import { python3, test } from "../harness.ts";
import { hex, LINUX, OTHER, toHex, viewOf } from "./tables.ts";

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
  for (const codec of [linux, new SockaddrCodec(OTHER)]) {
    for (let i = 0; i < 2000; i++) {
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

test("a family of one byte behind a length of one byte, as on BSD and macOS", () => {
  const bsd = new SockaddrCodec({
    ...OTHER,
    layouts: {
      ...OTHER.layouts,
      sockaddr_in: struct("sockaddr_in", 16, {
        sin_len: [0, "u8"],
        sin_family: [1, "u8"],
        sin_port: [2, "u16"],
        sin_addr: [4, 4],
      }),
      sockaddr_in6: struct("sockaddr_in6", 28, {
        sin6_len: [0, "u8"],
        sin6_family: [1, "u8"],
        sin6_port: [2, "u16"],
        sin6_flowinfo: [4, "u32"],
        sin6_addr: [8, 16],
        sin6_scope_id: [24, "u32"],
      }),
    },
  });
  assertEquals(read(bsd, hex("10 02 14 e9 c0 a8 01 02" + "00".repeat(8))), ipv4);
  assertEquals(read(bsd, hex(ipv6Bytes.replace("0a 00", "1c 1e"))), ipv6);
  for (const words of [ipv4, ipv6]) assertEquals(read(bsd, written(bsd, words)), words);
  assertEquals(written(bsd, ipv4)[1], 2);
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
