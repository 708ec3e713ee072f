// Messages of multicast DNS to bytes and back, and what becomes of bytes that are none.
import { assert, assertEquals, assertThrows } from "@std/assert";
import dns from "dns-packet";
import { Buffer } from "node:buffer";
import type { Link } from "../../examples/mdns/cache.ts";
import { decode, encode, type Message, type Resource } from "../../examples/mdns/packet.ts";
import { Plan } from "../../examples/mdns/plan.ts";
import { Querier } from "../../examples/mdns/querier.ts";
import { Directory } from "../../examples/mdns/services.ts";
import { Zone } from "../../examples/mdns/zone.ts";
import { test } from "../harness.ts";
import { HOSTILE, hostile, sorts } from "./dns_hostile.ts";

const text = (value: string) => new TextEncoder().encode(value);
const INSTANCE = "Dr\\. Ink._ipp._tcp.local";

const records: Resource[] = [
  { name: "_ipp._tcp.local", type: "PTR", ttl: 4500, flush: false, data: INSTANCE },
  {
    ...{ name: INSTANCE, type: "SRV", ttl: 120, flush: true },
    data: { priority: 1, weight: 2, port: 631, target: "ink.local" },
  },
  { name: INSTANCE, type: "TXT", ttl: 4500, flush: true, data: [text("rp=ink"), text("ü")] },
  { name: "ink.local", type: "A", ttl: 120, flush: true, data: "192.0.2.1" },
  { name: "ink.local", type: "AAAA", ttl: 120, flush: true, data: "fe80::1:0:0:1" },
  { name: "ink.local", type: "NSEC", ttl: 120, flush: true, data: ["A", "AAAA"] },
];

const message: Message = {
  id: 7,
  response: true,
  truncated: true,
  questions: [{ name: "_ipp._tcp.local", type: "PTR", unicast: true }],
  answers: records.slice(0, 1),
  authorities: records.slice(1, 2),
  additionals: records.slice(2),
};

test("a message is the same after encoding and decoding", () => {
  assertEquals(decode(encode(message)), message);
});

test("what is sent is what dns-packet reads", () => {
  const read = dns.decode(Buffer.from(encode(message)));
  assertEquals([read.id, read.type, read.flag_tc], [7, "response", true]);
  assertEquals(read.answers.map(({ name, type, ttl, data }) => [name, type, ttl, data]), [
    // A dot in a label is one like any other to it: the reason for a frame of our own.
    ["_ipp._tcp.local", "PTR", 4500, "Dr. Ink._ipp._tcp.local"],
  ]);
  assertEquals(read.additionals.map(({ type, flush }) => `${type} ${flush}`), [
    "TXT true",
    "A true",
    "AAAA true",
    "NSEC true",
  ]);
});

test("the bytes of a query are those of RFC 1035 with the QU bit of RFC 6762", () => {
  const bytes = encode({ questions: [{ name: "a.local", type: "AAAA", unicast: true }] });
  const expected = "000000000001000000000000" + "0161056c6f63616c00" + "001c" + "8001";
  assertEquals(Buffer.from(bytes).toString("hex"), expected);
});

test("a dot inside of a label stays there, and one at its end, too", () => {
  for (const name of ["Dr\\. Ink._ipp._tcp.local", "Ink Inc\\.._ipp._tcp.local"]) {
    const question = { name, type: "SRV" as const, unicast: false };
    const bytes = encode({ questions: [question] });
    assertEquals(bytes[12], name.indexOf("._ipp") - 1, "the length of the first label");
    assertEquals(decode(bytes)?.questions, [question]);
  }
});

test("compressed names are read, also in the data of a record", () => {
  const bytes = Buffer.from(
    "000084000000000100000000" + // one answer
      "04" + Buffer.from("_ipp").toString("hex") + "04" + Buffer.from("_tcp").toString("hex") +
      "05" + Buffer.from("local").toString("hex") + "00" +
      "000c" + "0001" + "00000078" + "0006" + "03" + Buffer.from("ink").toString("hex") + "c00c",
    "hex",
  );
  const expected = { name: "_ipp._tcp.local", type: "PTR", ttl: 120, flush: false };
  assertEquals(decode(bytes)?.answers, [{ ...expected, data: "ink._ipp._tcp.local" } as Resource]);
});

test("records of other types and classes are skipped, and what follows is read", () => {
  const other = Buffer.from("00" + "0029" + "05a0" + "00000000" + "0002" + "abcd", "hex"); // EDNS0
  const bytes = Buffer.from(encode({ response: true, answers: records.slice(3, 4) }));
  bytes.writeUInt16BE(2, 6);
  const both = Buffer.concat([bytes.subarray(0, 12), other, bytes.subarray(12)]);
  assertEquals(decode(both)?.answers, records.slice(3, 4));
});

test("messages with another opcode or a refusal are none, nor are those over 9000 bytes", () => {
  const bytes = encode(message);
  for (const [at, value] of [[2, 0x88], [3, 3]]) {
    const other = new Uint8Array(bytes);
    other[at] = value;
    assertEquals(decode(other), null);
  }
  const long = new Uint8Array(9001);
  long.set(bytes);
  assert(decode(long.subarray(0, 9000)));
  assertEquals(decode(long), null);
});

test("a record that is longer or shorter than its data makes a message none", () => {
  const bytes = Buffer.from(encode({ response: true, answers: records.slice(3, 4) }));
  for (const length of [0, 3, 5, 0xffff]) {
    const other = Buffer.from(bytes);
    other.writeUInt16BE(length, bytes.length - 6);
    assertEquals(decode(Buffer.concat([other, Buffer.alloc(8)])), null, `length ${length}`);
  }
});

test("names that cannot be said are refused before anything is sent", () => {
  for (const name of ["a".repeat(64) + ".local", "a..local", "x.".repeat(130)]) {
    const error = assertThrows(() => encode({ questions: [{ name, type: "A" }] }), TypeError);
    assert(error.message.includes("no DNS name"), error.message);
  }
  const long = { ...records[2], data: [new Uint8Array(256)] } as Resource;
  assertThrows(() => encode({ answers: [long] }), TypeError, "at most 255 bytes");
});

const samples = [
  encode(message),
  encode({ response: true, answers: records, additionals: records }),
  encode({ questions: [{ name: INSTANCE, type: "ANY" }], authorities: records }),
  // With names that are compressed.
  Buffer.from(
    "0000840000000002000000000161056c6f63616c00000c000100000078000401 62c00cc00c0001800100000078000400000001"
      .replaceAll(" ", ""),
    "hex",
  ),
];

for (const sort of sorts) {
  test(`${sort} messages throw nothing and fill no memory`, { timeout: 120_000 }, () => {
    const link: Link = { index: 2, name: "eth0" };
    const querier = new Querier(() => 0.5);
    const directory = new Directory({
      querier,
      ask: (question) => querier.ask(question, now),
      stop: (question) => querier.stop(question),
    });
    const zone = new Zone({ name: "Dr. Ink", type: "_ipp._tcp", port: 631 });
    const plan = new Plan(zone, () => ["192.0.2.1"], () => 0.5);
    let now = 0, understood = 0;
    querier.linkUp(link, now);
    plan.linkUp(link, now);
    directory.browseAll();
    directory.browse("_ipp._tcp");
    for (const bytes of hostile(sort, samples)) {
      now += 100;
      const got = decode(bytes);
      if (got) {
        understood++;
        for (const change of querier.heard(link, got, now)) directory.apply(change);
        plan.asked(link, got, false, now);
        plan.heard(got, now);
      }
      for (const change of querier.tick(now).removed) directory.apply(change);
      for (const { message } of plan.tick(now)) encode(message);
      assert(querier.cache.size <= 2048 && querier.size <= 1024);
    }
    // Most are refused; some are still messages, and were taken for such.
    assert(understood < HOSTILE, `${understood} were understood`);
  });
}
