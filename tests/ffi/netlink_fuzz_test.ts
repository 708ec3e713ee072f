// netlink(7) messages, of interfaces and of routes, rules and settings, from a kernel that lies.
import { assert, assertEquals } from "@std/assert";
import { InspectionCodec } from "../../ffi/route/inspect_codec.ts";
import { readAttributes, readMessages, RouteCodec } from "../../ffi/route/netlink.ts";
import type { SocketWords } from "../../ffi/sockaddr.ts";
import { randomWords } from "../address/random.ts";
import { countingView, inputs, mutated, note, systematic } from "../faults/mutate.ts";
import { test } from "../harness.ts";
import { hex, LINUX, toHex } from "./tables.ts";

const TABLES = LINUX.netlink!;
const codec = new RouteCodec(LINUX, TABLES);
const inspection = new InspectionCodec(LINUX, TABLES);

/** As the kernel sends them: an interface, an IPv4 and an IPv6 address, the end of a list. */
const EVENTS = [
  `48 00 00 00 10 00 02 00 05 00 00 00 00 00 00 00
   00 00 01 00 07 00 00 00 43 10 01 00 00 00 00 00
   09 00 03 00 65 74 68 30 00 00 00 00 08 00 04 00 78 05 00 00
   07 00 63 00 01 02 03 00 0a 00 01 00 02 00 5e 10 00 01 00 00`,
  `38 00 00 00 14 00 00 00 00 00 00 00 00 00 00 00
   02 18 a0 00 07 00 00 00
   08 00 01 00 0a 00 00 02 08 00 02 00 0a 00 00 01
   08 00 04 00 0a 00 00 4d 08 00 08 00 a0 00 00 00`,
  `34 00 00 00 15 00 00 00 00 00 00 00 00 00 00 00
   0a 40 c0 fd 07 00 00 00
   14 00 01 00 fe 80 00 00 00 00 00 00 00 00 00 00 00 00 00 01 08 00 08 00 c0 00 00 00`,
  "14 00 00 00 03 00 02 00 05 00 00 00 00 00 00 00 00 00 00 00",
].map(hex);

/** A route to ff00::/8 by two interfaces, a rule, and a bridge with its settings; without the messages' headers. */
const INSPECTED = [
  `0a 08 00 00 fc 00 00 05 00 00 00 00
   14 00 01 00 ff 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
   08 00 0f 00 e8 03 00 00 08 00 06 00 00 01 00 00
   18 00 09 00 08 00 00 00 03 00 00 00 0c 00 00 00 04 00 00 00 04 00 05 00`,
  `02 04 08 00 fe 00 00 01 02 00 00 00
   08 00 01 00 e0 00 00 00 08 00 02 00 0a 00 00 00
   08 00 06 00 64 00 00 00 08 00 0f 00 e8 03 00 00 0c 00 14 00 00 00 00 00 ff ff ff ff`,
  `00 00 00 00 05 00 00 00 00 00 00 00 00 00 00 00
   08 00 05 00 04 00 00 00 08 00 0a 00 09 00 00 00
   30 00 12 80 0b 00 01 00 62 72 69 64 67 65 00 00
   20 00 02 80 05 00 17 00 01 00 00 00 05 00 19 00 01 00 00 00 0c 00 2f 80 08 00 01 00 0a 00 00 01
   18 00 1a 80 14 00 02 80 10 00 01 00 01 00 00 00 02 00 00 00 03 00 00 00`,
].map(hex);

const u16 = (bytes: Uint8Array, at: number) => bytes[at] + 256 * bytes[at + 1];
const u32 = (bytes: Uint8Array, at = 0) => u16(bytes, at) + 65536 * u16(bytes, at + 2);

/** The same in other words: each message is cut off and looked at by itself. */
function messagesOf(bytes: Uint8Array): { type: number; sequence: number; body: Uint8Array }[] {
  if (bytes.length < 16) return [];
  const length = u32(bytes);
  if (length < 16 || length > bytes.length) return [];
  const one = { type: u16(bytes, 4), sequence: u32(bytes, 8), body: bytes.slice(16, length) };
  return [one, ...messagesOf(bytes.slice(length + (4 - length % 4) % 4))];
}

function attributesOf(bytes: Uint8Array): Map<number, Uint8Array> {
  const attributes = new Map<number, Uint8Array>();
  for (let rest = bytes; rest.length >= 4;) {
    const length = u16(rest, 0);
    if (length < 4 || length > rest.length) break;
    attributes.set(u16(rest, 2) & 0x3fff, rest.slice(4, length));
    rest = rest.slice(length + (4 - length % 4) % 4);
  }
  return attributes;
}

/** What a message tells, as text. */
function tellingOf({ type, body }: { type: number; body: Uint8Array }): string | null {
  if (type === 16 || type === 17) {
    if (body.length < 16 || body[0] !== 0) return null;
    const attributes = attributesOf(body.slice(16));
    const index = u32(body, 4) | 0;
    const name = [...attributes.get(3) ?? []];
    const end = name.indexOf(0);
    const text = new TextDecoder().decode(Uint8Array.from(end < 0 ? name : name.slice(0, end)));
    if (index <= 0 || text === "") return null;
    if (type === 17) return `${index} is gone`;
    const mtu = attributes.get(4);
    const hardware = toHex(attributes.get(1) ?? new Uint8Array());
    const flags = [0x1, 0x40, 0x8, 0x1000, 0x10].map((flag) => (u32(body, 8) & flag) !== 0);
    return `${index} ${text} ${flags} ${mtu && mtu.length >= 4 ? u32(mtu) : null} ${hardware}`;
  }
  if (type !== 20 && type !== 21) return null;
  const size = body[0] === 2 ? 4 : 16;
  if (body.length < 8 || (body[0] !== 2 && body[0] !== 10)) return null;
  const attributes = attributesOf(body.slice(8));
  const of = (name: number) => {
    const value = attributes.get(name);
    return value && value.length >= size ? toHex(value.slice(0, size)) : null;
  };
  const own = of(2) ?? of(1);
  if (own === null) return null;
  const long = attributes.get(8);
  const flags = long && long.length >= 4 ? u32(long) : body[2];
  const has = (flag: number) => (flags & flag) !== 0;
  const states = [has(0x40) && !has(4), has(8), size === 16 && has(1), has(0x20)];
  return `${type === 20} ${u32(body, 4)} ${own} ${of(1)}/${body[1]} ${of(4)} ${states}`;
}

/** The same of what the library tells. */
function told(event: ReturnType<RouteCodec["event"]>): string | null {
  if (!event) return null;
  if (event.type === "link-gone") return `${event.index} is gone`;
  if (event.type === "link") {
    const { index, name, flags, mtu, hardware } = event.link;
    const { up, running, loopback, multicast, pointToPoint } = flags;
    const all = [up, running, loopback, multicast, pointToPoint];
    return `${index} ${name} ${all} ${mtu} ${toHex(hardware)}`;
  }
  const { address, peer, broadcast, index, prefixLength, ...states } = event.address;
  const words = (own: SocketWords | null) => {
    if (!own) return null;
    const list = own.family === "IPv4" ? [own.w0] : [own.w0, own.w1, own.w2, own.w3];
    return list.map((word) => word.toString(16).padStart(8, "0")).join("");
  };
  const { tentative, duplicate, temporary, deprecated } = states;
  const all = [tentative, duplicate, temporary, deprecated];
  return `${event.type === "address"} ${index} ${words(address)} ${words(peer)}/${prefixLength} ` +
    `${words(broadcast)} ${all}`;
}

/** Reads a buffer and compares; returns how many events there were. */
function compare(bytes: Uint8Array): number {
  const around = new Uint8Array(bytes.length + 32).fill(0xee);
  around.set(bytes, 16);
  const { view, count } = countingView(around.buffer, 16, bytes.length);
  // Four reads a header, each of 16 bytes at least.
  count.limit = 4 + bytes.length / 4;
  const messages = readMessages(TABLES, view as DataView<ArrayBuffer>);
  const right = messagesOf(bytes);
  assertEquals(messages.length, right.length);
  let events = 0;
  messages.forEach((message, i) => {
    const { type, sequence, body } = message;
    const whole = new Uint8Array(body.buffer, body.byteOffset, body.byteLength);
    assertEquals(
      `${type} ${sequence} ${toHex(whole)}`,
      [
        right[i].type,
        right[i].sequence,
        toHex(right[i].body),
      ].join(" "),
    );
    const event = told(codec.event(message));
    assertEquals(event, tellingOf(right[i]));
    if (event !== null) events++;
  });
  return events;
}

test("netlink: damaged messages say the same in other words", () => {
  const next = randomWords(0x4e7);
  const both = [...EVENTS, Uint8Array.from(EVENTS.flatMap((bytes) => [...bytes]))];
  const count = inputs(3_000, 60_000);
  let events = 0;
  for (let i = 0; i < count; i++) {
    const bytes = mutated(next, both);
    try {
      events += compare(bytes);
    } catch (error) {
      throw new Error(`number ${i}: ${toHex(bytes)}`, { cause: error });
    }
  }
  assert(events > count / 10, `only ${events} events`);
  note("netlink messages of interfaces and addresses", count);
});

test("netlink: messages cut anywhere, and with each bit flipped, say the same in other words", () => {
  let count = 0;
  for (const sample of EVENTS) {
    for (const bytes of systematic(sample)) {
      compare(bytes);
      count++;
    }
  }
  note("netlink messages cut anywhere and with each bit flipped", count, true);
});

test("netlink: damaged routes, rules and settings harm nobody, and stay in their ranges", () => {
  const next = randomWords(0x401);
  const count = inputs(3_000, 60_000);
  const tally = { route: 0, rule: 0, link: 0, none: 0 };
  const all = function* () {
    for (const sample of INSPECTED) yield* systematic(sample);
    for (let i = 0; i < count; i++) yield mutated(next, INSPECTED);
  };
  let inputsGiven = 0;
  for (const bytes of all()) {
    inputsGiven++;
    const body = new DataView(bytes.slice().buffer);
    const { view, count } = countingView(body.buffer);
    count.limit = 2 + bytes.length;
    readAttributes(TABLES, view as DataView<ArrayBuffer>, 0);
    const route = inspection.route(body);
    if (route) {
      tally.route++;
      assert(route.interfaces.length <= bytes.length / 8, toHex(bytes));
      assert(route.metric >= 0 && route.table >= 0, toHex(bytes));
    }
    const rule = inspection.rule(body);
    if (rule) {
      tally.rule++;
      assert(new Set(rule.conditions).size === rule.conditions.length, toHex(bytes));
      for (const part of [rule.source, rule.destination]) {
        assert(part === null || part.length <= 255);
      }
    }
    const link = inspection.link(body, null);
    if (link) {
      tally.link++;
      if (link.kind !== "bridge") assertEquals(link.bridge, null, toHex(bytes));
      assert(!link.kind?.includes("\0"));
    }
    const filter = inspection.reversePathOfAll(body);
    assert(filter === null || Number.isInteger(filter));
    if (!route && !rule && !link) tally.none++;
  }
  for (const [kind, n] of Object.entries(tally)) assert(n > count / 20, `${kind}: ${n}`);
  note("netlink messages of routes, rules and settings", inputsGiven);
});

test("netlink: what these samples say undamaged", () => {
  assertEquals(EVENTS.map(compare), [1, 1, 1, 0]);
  const [route, rule, link] = INSPECTED.map((bytes) => new DataView(bytes.buffer));
  assertEquals(inspection.route(route)?.interfaces, [3, 4]);
  assertEquals(inspection.rule(rule)?.destination, { address: "224.0.0.0", length: 4 });
  assertEquals(inspection.link(link, null)?.bridge, {
    snooping: true,
    querier: true,
    otherQuerier: true,
  });
});
