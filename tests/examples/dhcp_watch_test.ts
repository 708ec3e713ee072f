// DHCP's messages, as they are and as they should not be.
import { assert, assertEquals } from "@std/assert";
import { parseMessage } from "../../examples/dhcp_watch/message.ts";
import { test } from "../harness.ts";
import { bytesOf, feed, SORTS } from "./hostile.ts";

/** A message with these options behind the header. */
function message(options: readonly number[], fields: Record<number, readonly number[]> = {}) {
  const bytes = new Uint8Array(240 + options.length);
  bytes.set([1, 1, 6, 0, 0xde, 0xad, 0xbe, 0xef]);
  bytes.set([2, 0, 0x5e, 0x10, 0, 1], 28);
  bytes.set([0x63, 0x82, 0x53, 0x63], 236);
  for (const [at, values] of Object.entries(fields)) bytes.set(values, Number(at));
  bytes.set(options, 240);
  return bytes;
}

const text = (option: number, value: string) => [option, value.length, ...bytesOf(value)];

test("a DISCOVER tells the client's hardware, name and wish", () => {
  const options = [
    ...[53, 1, 1],
    ...[0, 0, 50, 4, 10, 1, 0, 7],
    ...text(12, "films\x1b[2J"),
    ...text(60, "udhcp 1.35"),
    255,
    ...text(12, "behind the end"),
  ];
  assertEquals(parseMessage(message(options)), {
    type: "DISCOVER",
    transaction: "deadbeef",
    mac: "02:00:5e:10:00:01",
    given: null,
    wanted: "10.1.0.7",
    server: null,
    relay: null,
    hostname: "films[2J",
    vendor: "udhcp 1.35",
  });
});

test("an OFFER tells what is given, by whom and by which relay", () => {
  const offer = parseMessage(
    message([53, 1, 2, 54, 4, 10, 1, 0, 1], { 16: [10, 1, 0, 7], 24: [10, 2, 0, 1] }),
  )!;
  assertEquals([offer.type, offer.given, offer.server, offer.relay], [
    "OFFER",
    "10.1.0.7",
    "10.1.0.1",
    "10.2.0.1",
  ]);
});

test("what is short, of an unknown type, or has an option beyond the end is no message", () => {
  const good = message([53, 1, 1, 255]);
  assert(parseMessage(good));
  for (
    const bad of [
      good.slice(0, 239),
      message([]),
      message([53, 1, 0]),
      message([53, 1, 9]),
      message([53, 2, 1, 1]),
      message([53, 1, 1, 12, 200, 1]),
      message([53, 1, 1, 12]),
      message([53, 1, 1], { 2: [17] }), // hardware of 17 bytes
      message([53, 1, 1], { 236: [0] }), // BOOTP
    ]
  ) assertEquals(parseMessage(bad), null);
});

const samples = [
  message([53, 1, 1, 50, 4, 10, 1, 0, 7, ...text(12, "films"), 255]),
  message([53, 1, 2, 54, 4, 10, 1, 0, 1, 255], { 16: [10, 1, 0, 7] }),
];

for (const [sort, make] of Object.entries(SORTS)) {
  test(`${sort} datagrams end nothing, and nothing of them is kept (DHCP)`, () => {
    const taken = feed("DHCP", sort, make, samples, parseMessage);
    assert(sort === "random" ? taken === 0 : taken > 0, `${taken} taken`);
  });
}
