import { assertEquals, assertThrows } from "@std/assert";
import { type Kind, struct, widthOf } from "../../ffi/layout.ts";
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
