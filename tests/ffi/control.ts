/** Control messages read and written, for the tests of each system's. */
import { assert } from "@std/assert";
import type { Family } from "../../address/ip.ts";
import { ControlCodec, ControlRecord, type SendControl } from "../../ffi/cmsg.ts";
import type { Platform } from "../../ffi/platform/platform.ts";
import { hex, toHex, viewOf } from "./tables.ts";

/** What asks for nothing. */
export const NOTHING: Readonly<SendControl> = {
  hasSource: false,
  w0: 0,
  w1: 0,
  w2: 0,
  w3: 0,
  interfaceIndex: 0,
  hops: -1,
  trafficClass: -1,
};

/** Reads messages, which have to be well-formed and to fit where they are received. */
export function readControl(platform: Platform, bytes: Uint8Array): ControlRecord {
  const record = new ControlRecord();
  const codec = new ControlCodec(platform);
  assert(codec.read(viewOf(bytes), 0, bytes.length, record), "malformed");
  assert(bytes.length <= codec.receiveSize, `${bytes.length} bytes do not fit`);
  return record;
}

/** What messages say that say this and nothing else. */
export function saying(values: Partial<ControlRecord>): ControlRecord {
  return Object.assign(new ControlRecord(), values);
}

/** What is written for a datagram, in memory that held something else before. */
export function writtenControl(
  platform: Platform,
  family: Family,
  control: Partial<SendControl>,
): Uint8Array {
  const codec = new ControlCodec(platform);
  const view = new DataView(new Uint8Array(codec.sendSize).fill(0xaa).buffer);
  const length = codec.write(view, 0, family, { ...NOTHING, ...control });
  assert(length <= codec.sendSize);
  return new Uint8Array(view.buffer, 0, length);
}

/** Messages as a system hands them over, by what they are, and what each says. */
export type Golden = Record<string, readonly [bytes: string, says: Partial<ControlRecord>]>;

/** Reads each message alone, and all together in both orders. */
export function assertReads(platform: Platform, golden: Golden): void {
  const all = Object.entries(golden);
  for (const [name, [bytes, says]] of all) {
    assertSame(readControl(platform, hex(bytes)), saying(says), name);
  }
  for (const order of [all, all.toReversed()]) {
    const bytes = hex(order.map(([, [text]]) => text).join(""));
    const says = saying(Object.assign({}, ...order.map(([, [, values]]) => values)));
    assertSame(readControl(platform, bytes), says, "all at once");
  }
}

function assertSame(actual: ControlRecord, expected: ControlRecord, what: string): void {
  const [a, b] = [JSON.stringify(actual), JSON.stringify(expected)];
  assert(a === b, `${what}: ${a}, not ${b}`);
}

/** What was written, as a text that is compared; where it was padded, whatever was there may stay. */
export function assertWrites(
  platform: Platform,
  family: Family,
  control: Partial<SendControl>,
  golden: string,
): void {
  const expected = golden.replaceAll(/\([^)]*\)/g, "").replaceAll(/\s/g, "");
  const actual = toHex(writtenControl(platform, family, control));
  const same = actual.length === expected.length &&
    [...actual].every((digit, i) => expected[i] === "." || expected[i] === digit);
  assert(same, `${actual}, not ${expected}`);
}
