// Where received payloads are kept.
import { assertEquals } from "@std/assert";
import { PayloadMemory } from "../../socket/payload.ts";
import { test } from "../harness.ts";

test("an empty payload may be the very first", () => {
  const memory = new PayloadMemory();
  assertEquals(memory.copy(new Uint8Array(0)).length, 0);
  assertEquals(memory.copy(new Uint8Array(5)).length, 5);
});

test("copies of all sizes are apart from each other, aligned, and stay as they are", () => {
  const memory = new PayloadMemory();
  const sizes = [0, 1, 7, 8, 9, 100, 1472, 2047, 2048, 2049, 9000, 65535];
  const copies: [Uint8Array, number][] = [];
  for (let i = 0; i < 600; i++) {
    const payload = new Uint8Array(sizes[(i * 7) % sizes.length]).fill(i);
    const copy = memory.copy(payload);
    payload.fill(0xee);
    assertEquals([copy.length, copy.byteOffset % 8], [payload.length, 0]);
    copies.push([copy, i & 0xff]);
  }
  for (const [bytes, value] of copies) assertEquals(bytes.every((byte) => byte === value), true);
});

test("what a reader does with its data does not stop the next", () => {
  const memory = new PayloadMemory();
  const { buffer } = memory.copy(new Uint8Array(10));
  structuredClone(buffer, { transfer: [buffer] });
  assertEquals(memory.copy(new Uint8Array(10)).length, 10);
});
