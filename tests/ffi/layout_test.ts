import { assert, assertEquals, assertThrows } from "@std/assert";
import { type FieldTable, type Kind, struct, widthOf } from "../../ffi/layout.ts";
import { findPlatform, platformOf } from "../../ffi/platform/detect.ts";
import { linux } from "../../ffi/platform/linux.ts";
import type { Platform } from "../../ffi/platform/platform.ts";
import { UnsupportedError } from "../../ffi/errors.ts";
import { test } from "../harness.ts";

test("struct() gives offsets and keeps the fields", () => {
  const { name, size, at, fields } = struct("example", 16, {
    a: [0, "u8"],
    b: [2, "i16"],
    c: [4, "u32"],
    d: [8, 3],
    e: [11, "u8"],
  });
  assertEquals({ name, size }, { name: "example", size: 16 });
  assertEquals(at, { a: 0, b: 2, c: 4, d: 8, e: 11 });
  assertEquals(fields.d, [8, 3]);
});

test("struct() takes fields in any order, touching each other", () => {
  assertEquals(struct("s", 8, { b: [4, "u32"], a: [0, "u32"] }).at, { b: 4, a: 0 });
});

test("struct() refuses fields that overlap", () => {
  const error = (fields: Record<string, readonly [number, Kind]>) =>
    assertThrows(() => struct("s", 64, fields), RangeError).message;
  assertEquals(
    error({ a: [0, "u32"], b: [0, "u32"] }),
    "struct s: field b at 0 overlaps a",
  );
  assertEquals(error({ a: [0, "u64"], b: [4, "u32"] }), "struct s: field b at 4 overlaps a");
  assertEquals(error({ a: [4, "u32"], b: [0, 5] }), "struct s: field b at 0 overlaps a");
  assertEquals(error({ a: [0, 10], b: [2, 3] }), "struct s: field b at 2 overlaps a");
  assertEquals(error({ a: [2, 3], b: [0, 10] }), "struct s: field b at 0 overlaps a");
  assertEquals(
    error({ a: [0, "u8"], b: [8, 8], c: [15, "u8"] }),
    "struct s: field c at 15 overlaps b",
  );
});

test("struct() refuses misaligned fields, except raw bytes and packed structs", () => {
  for (const [kind, width] of [["u16", 2], ["i32", 4], ["u64", 8], ["pointer", 8]] as const) {
    for (let offset = 1; offset < width; offset++) {
      assertThrows(
        () => struct("s", 32, { f: [offset, kind] }),
        RangeError,
        `struct s: field f at ${offset} is misaligned for ${kind}`,
      );
      struct("s", 32, { f: [offset, kind] }, { packed: true });
    }
  }
  struct("s", 32, { f: [3, 8], g: [11, "u8"] });
});

test("struct() refuses fields that reach past the end or start before it", () => {
  const end = (offset: number, kind: Kind, size: number) =>
    assertThrows(() => struct("s", size, { f: [offset, kind] }), RangeError).message;
  assertEquals(end(4, "u32", 7), "struct s: field f at 4 ends at 8, past the struct's 7 bytes");
  assertEquals(end(8, "u8", 8), "struct s: field f at 8 ends at 9, past the struct's 8 bytes");
  assertEquals(end(0, 9, 8), "struct s: field f at 0 ends at 9, past the struct's 8 bytes");
  for (const offset of [-4, 1.5, NaN]) {
    assertEquals(end(offset, "u32", 64), `struct s: field f at ${offset} has no valid offset`);
  }
  // Packed is no licence for either.
  assertThrows(() => struct("s", 4, { f: [1, "u32"] }, { packed: true }), RangeError, "past");
  assertThrows(
    () => struct("s", 8, { f: [0, "u32"], g: [3, "u32"] }, { packed: true }),
    RangeError,
    "overlaps",
  );
});

test("widthOf() knows every kind", () => {
  const widths = { u8: 1, i16: 2, u16: 2, i32: 4, u32: 4, i64: 8, u64: 8, usize: 8, pointer: 8 };
  for (const [kind, width] of Object.entries(widths)) assertEquals(widthOf(kind as Kind), width);
  assertEquals(widthOf(128), 128);
});

/** What must hold between the tables of any platform. */
function checkTables(platform: Platform) {
  const { layouts, options, memberships, errors, constants } = platform;
  for (const [name, layout] of Object.entries(layouts)) {
    assertEquals(layout.name, name);
    for (const [field, [offset]] of Object.entries<FieldTable[string]>(layout.fields)) {
      assertEquals((layout.at as Record<string, number>)[field], offset, `${name}.${field}`);
    }
  }
  assertEquals(layouts.mmsghdr.at.msg_hdr, 0, "a batch's first header is also a msghdr");
  assert(layouts.mmsghdr.at.msg_len >= layouts.msghdr.size);
  for (const name of ["mmsghdr", "msghdr", "iovec", "cmsghdr"] as const) {
    assertEquals(layouts[name].size % platform.controlAlignment, 0, `${name} makes arrays`);
  }
  assertEquals(platform.controlAlignment & (platform.controlAlignment - 1), 0, "a power of two");

  for (const family of ["IPv4", "IPv6"] as const) {
    const seen = new Map<string, string>();
    for (const [option, row] of Object.entries(options[family])) {
      const key = `${row.level}/${row.name}`;
      assert(!seen.has(key), `${family}.${option} has the numbers of ${seen.get(key)}`);
      seen.set(key, option);
    }
    const { join, leave, joinSource, leaveSource, block, unblock } = memberships[family];
    // What can be begun can be ended, in as many ways.
    assertEquals(join?.length, leave?.length);
    assertEquals(joinSource?.length, leaveSource?.length);
    assertEquals(block?.length, unblock?.length);
    for (const rows of Object.values(memberships[family])) {
      for (const { request } of rows) assert(layouts[request], request);
      const keys = rows.map(({ level, name }) => `${level}/${name}`);
      assertEquals(new Set(keys).size, keys.length);
    }
    const { packetInfo, hops, trafficClass, error } = platform.control[family];
    const types = [packetInfo, hops, trafficClass, error].map(({ level, type }) =>
      `${level}/${type}`
    );
    assertEquals(new Set(types).size, 4, "no two control messages look the same");
  }

  const codes = Object.values(errors).map(([code]) => code);
  assertEquals(new Set(codes).size, codes.length, "no error name has two numbers");
  for (const [code, reason] of Object.values(errors)) {
    assert(/^E[A-Z0-9]+$/.test(code), code);
    assert(/^[A-Z.].*[^.]$/.test(reason), reason);
  }
  for (const code of ["EINTR", "EAGAIN", "ENOBUFS", "EBADF", "ENOPROTOOPT"]) {
    assert(codes.includes(code), `${code} is relied on`);
  }
  for (const [name, value] of Object.entries(constants)) {
    assert(Number.isInteger(value) && value >= 0, name);
  }
}

for (const arch of ["x86_64", "aarch64"] as const) {
  test(`the tables of linux on ${arch} agree with each other`, () => checkTables(linux(arch)));
}

test("the libraries are looked for once each, the loader's own way first", () => {
  for (const arch of ["x86_64", "aarch64"] as const) {
    const { libraries } = linux(arch);
    assertEquals(new Set(libraries).size, libraries.length);
    assert(!libraries[0].startsWith("/"));
    assert(libraries.slice(1).every((path) => path.startsWith("/")));
    assert(libraries.some((path) => path.includes(arch)));
  }
});

test("every function that is called has a signature with known types", () => {
  const { symbols } = linux("x86_64");
  const types = new Set(["i32", "u32", "usize", "pointer", "buffer"]);
  for (const [name, { parameters, result }] of Object.entries(symbols)) {
    for (const type of parameters) assert(types.has(type), `${name}: ${type}`);
    assert(["i32", "u32", "pointer", "void"].includes(result), `${name}: ${result}`);
    // Variadic C functions are called differently, and what works here is wrong on Apple's arm64.
    assert(!["fcntl", "ioctl", "open", "printf"].includes(name), name);
  }
  // What blocks is called with addresses only: another thread has no buffers of ours.
  for (const name of ["epoll_wait", "poll"]) assert(!symbols[name].parameters.includes("buffer"));
});

test("a system without tables is refused by name", () => {
  assertEquals(findPlatform("linux", "x86_64")?.os, "linux");
  assertEquals(findPlatform("linux", "aarch64")?.layouts.epoll_event.size, 16);
  assertEquals(findPlatform("linux", "riscv64"), null);
  assertEquals(findPlatform("plan9", "x86_64"), null);
  const error = assertThrows(() => platformOf("plan9", "x86_64"), UnsupportedError);
  assertEquals([error.feature, error.os], ["pktinfo", "plan9 on x86_64"]);
});
