// What the responder says, when and to whom: RFC 6762, sections 6 to 10.
import { assert, assertEquals, assertThrows } from "@std/assert";
import type { Link } from "../../examples/mdns/cache.ts";
import {
  decode,
  encode,
  type Message,
  type Question,
  type Resource,
} from "../../examples/mdns/packet.ts";
import { Plan } from "../../examples/mdns/plan.ts";
import { Zone } from "../../examples/mdns/zone.ts";
import { test } from "../harness.ts";

const ETH0: Link = { index: 2, name: "eth0" }, ETH1: Link = { index: 3, name: "eth1" };
const ADDRESSES: Record<number, string[]> = {
  2: ["192.0.2.1", "fe80::2"],
  3: ["198.51.100.1"],
};
const SERVICE = { name: "Dr. Ink", type: "_ipp._tcp", port: 631, txt: { rp: "ink" } };
const INSTANCE = "Dr\\. Ink._ipp._tcp.local", HOST = "dr-ink.local";
const PTR = { name: "_ipp._tcp.local", type: "PTR" } as const;

function message(parts: Partial<Message>): Message {
  return decode(encode(parts))!;
}

function ask(...questions: Question[]): Message {
  return message({ questions });
}

/** A responder with no chance in it, on a clock that goes to whatever is next. */
function start(...links: Link[]) {
  const plan = new Plan(new Zone(SERVICE), ({ index }) => ADDRESSES[index], () => 0.5);
  for (const link of links) plan.linkUp(link, 0);
  const until = (end: number) => {
    const sent: { at: number; link: string; message: Message }[] = [];
    for (let at = plan.nextAt(); at <= end; at = plan.nextAt()) {
      for (const { link, message: parts } of plan.tick(at)) {
        sent.push({ at, link: link.name, message: message(parts) });
      }
    }
    return sent;
  };
  return { plan, until };
}

/** One that has its names. */
function established(...links: Link[]) {
  const started = start(...links);
  started.until(5_000);
  assert(started.plan.isEstablished);
  return started;
}

const said = (records: readonly Resource[]) =>
  records.map(({ type, data }) => `${type} ${typeof data === "string" ? data : ""}`.trim());

test("names are probed three times, 250 ms apart, then announced twice, a second apart", () => {
  const { plan, until } = start(ETH0);
  assert(!plan.isEstablished);
  const sent = until(60_000);
  assertEquals(sent.map(({ at, message }) => `${at} ${message.response ? "tells" : "asks"}`), [
    "125 asks",
    "375 asks",
    "625 asks",
    "875 tells",
    "1875 tells",
  ]);
  const [{ message: probe }] = sent;
  assertEquals(probe.questions, [
    { name: INSTANCE, type: "ANY", unicast: true },
    { name: HOST, type: "ANY", unicast: true },
  ]);
  assertEquals(said(probe.authorities), ["SRV", "TXT", "A 192.0.2.1", "AAAA fe80::2"]);
  const { answers } = sent[3].message;
  assertEquals(answers.map(({ type, ttl, flush }) => `${type} ${ttl} ${flush}`), [
    "PTR 4500 false",
    "PTR 4500 false",
    "SRV 120 true",
    "TXT 4500 true",
    "A 120 true",
    "AAAA 120 true",
  ]);
});

test("each interface is told the addresses of that interface", () => {
  const { plan, until } = established(ETH0, ETH1);
  for (const link of [ETH0, ETH1]) {
    assertEquals(plan.asked(link, ask({ name: HOST, type: "A" }), false, 10_000), null);
  }
  const sent = until(11_000).map(({ link, message }) => `${link} ${said(message.answers)}`);
  assertEquals(sent.sort(), ["eth0 A 192.0.2.1", "eth1 A 198.51.100.1"]);
});

test("a shared record is told after 20 to 120 ms with what is asked for next, a record of ours at once", () => {
  const { plan, until } = established(ETH0);
  plan.asked(ETH0, ask(PTR), false, 10_000);
  plan.asked(ETH0, ask({ name: HOST, type: "A" }), false, 10_000);
  const sent = until(11_000);
  assertEquals(sent.map(({ at, message }) => [at, ...said(message.answers)]), [
    [10_000, "A 192.0.2.1"],
    [10_070, `PTR ${INSTANCE}`],
  ]);
  assertEquals(said(sent[1].message.additionals), ["SRV", "TXT", "A 192.0.2.1", "AAAA fe80::2"]);
});

test("what is known is not told, unless less than half of its lifetime is left", () => {
  const { plan, until } = established(ETH0);
  const known = (ttl: number): Message =>
    message({ questions: [PTR], answers: [{ ...PTR, data: INSTANCE, ttl, flush: false }] });
  plan.asked(ETH0, known(2250), false, 10_000);
  assertEquals(until(11_000), []);
  plan.asked(ETH0, known(2249), false, 11_000);
  assertEquals(until(12_000).flatMap(({ message }) => said(message.answers)), [`PTR ${INSTANCE}`]);
});

test("a record is told to a group once a second, and to whoever probes for its name every 250 ms", () => {
  const { plan, until } = established(ETH0);
  const question: Question = { name: HOST, type: "A" };
  for (let at = 10_000; at < 11_000; at += 100) plan.asked(ETH0, ask(question), false, at);
  assertEquals(until(10_999).map(({ at }) => at), [10_000]);
  const authorities: Resource[] = [{
    name: HOST,
    type: "A",
    ttl: 120,
    flush: false,
    data: "192.0.2.9",
  }];
  const probe = message({ questions: [{ name: HOST, type: "ANY" }], authorities });
  // Section 6: at once, or 250 ms after the last time.
  const told: number[] = [];
  for (let now = 11_100; now < 12_100; now += 10) {
    plan.asked(ETH0, probe, false, now);
    told.push(...until(now).map(({ at }) => at));
  }
  assertEquals(told, [11_100, 11_350, 11_600, 11_850]);
});

test("a question with the QU bit is answered to the one who asked", () => {
  const { plan, until } = established(ETH0);
  const answer = plan.asked(ETH0, ask({ ...PTR, unicast: true }), false, 10_000);
  assertEquals(said(answer!.message.answers!), [`PTR ${INSTANCE}`]);
  assertEquals(until(11_000), []);
});

test("an ordinary resolver gets its id and question back, short lifetimes and no cache-flush bit", () => {
  const { plan } = established(ETH0);
  const asked = message({ id: 99, questions: [{ name: HOST.toUpperCase(), type: "A" }] });
  const { id, questions, answers = [] } = plan.asked(ETH0, asked, true, 10_000)!.message;
  assertEquals([id, questions], [99, [{ name: HOST.toUpperCase(), type: "A" }]]);
  assertEquals(answers.map(({ ttl, flush, data }) => [ttl, flush, data]), [[
    10,
    false,
    "192.0.2.1",
  ]]);
});

test("for what a host has not got it says what it has; for other names nothing", () => {
  const { plan } = established(ETH1);
  const answer = plan.asked(ETH1, ask({ name: HOST, type: "AAAA", unicast: true }), false, 10_000);
  assertEquals(answer?.message.answers?.map(({ type, data }) => [type, data]), [["NSEC", ["A"]]]);
  const other = ask({ name: "other.local", type: "A", unicast: true });
  assertEquals(plan.asked(ETH1, other, false, 10_000), null);
});

test("names that somebody has are given up while they are probed, and others taken", () => {
  const { plan, until } = start(ETH0);
  until(400);
  const theirs: Resource = { name: HOST, type: "A", ttl: 120, flush: true, data: "192.0.2.9" };
  assertEquals(plan.heard(message({ response: true, answers: [theirs] }), 400), true);
  const names = until(10_000).flatMap(({ message }) => message.questions).map(({ name }) => name);
  assertEquals([...new Set(names)], ["Dr\\. Ink (2)._ipp._tcp.local", "dr-ink-2.local"]);
});

test("names that are ours are probed again when somebody else says he has them", () => {
  const { plan, until } = established(ETH0);
  const theirs: Resource = { name: HOST, type: "A", ttl: 120, flush: true, data: "192.0.2.9" };
  const claim = message({ response: true, answers: [theirs] });
  assertEquals(plan.heard(claim, 10_000), false);
  const asks = until(20_000).filter(({ message }) => !message.response);
  assertEquals(asks.map(({ at, message }) => `${at} ${message.questions[1].name}`), [
    `10125 ${HOST}`,
    `10375 ${HOST}`,
    `10625 ${HOST}`,
  ]);
});

test("our own words are no conflict, on whichever interface they are heard", () => {
  const { plan, until } = established(ETH0, ETH1);
  for (const index of [2, 3]) {
    const words = message(plan.zone.announcement(ADDRESSES[index]));
    assertEquals(plan.heard(words, 10_000), false);
  }
  assertEquals(until(20_000), []);
});

test("a host that conflicts without end makes us probe slowly, not quickly", () => {
  const { plan, until } = start(ETH0);
  let probes = 0;
  for (let now = 0; now < 60_000; now += 100) {
    const answers: Resource[] = [{
      name: plan.zone.host,
      type: "A",
      ttl: 9,
      flush: true,
      data: "192.0.2.9",
    }];
    plan.heard(message({ response: true, answers }), now);
    probes += until(now).length;
  }
  assert(probes < 100, `${probes} packets in a minute`);
});

test("of two that probe at once the one with the later data goes on, the other waits a second", () => {
  const { plan, until } = start(ETH0);
  until(130);
  const probeOf = (data: string) =>
    message({
      questions: [{ name: HOST, type: "ANY" }],
      authorities: [
        { name: HOST, type: "A", ttl: 120, flush: false, data },
        { name: HOST, type: "AAAA", ttl: 120, flush: false, data: "fe80::2" },
      ],
    });
  plan.asked(ETH0, probeOf("192.0.2.0"), false, 200);
  plan.asked(ETH0, probeOf("192.0.2.1"), false, 200); // our own, come back
  assertEquals(plan.nextAt(), 375);
  plan.asked(ETH0, probeOf("192.0.2.2"), false, 200);
  assertEquals(plan.nextAt(), 1200);
});

test("a goodbye takes back what was announced, and nothing that was not", () => {
  const { plan } = established(ETH0);
  plan.linkUp(ETH1, 10_000);
  const goodbye = plan.goodbye();
  assertEquals(goodbye.map(({ link }) => link.name), ["eth0"]);
  assertEquals([...new Set(goodbye[0].message.answers!.map(({ ttl }) => ttl))], [0]);
});

test("what cannot be announced is refused at once", () => {
  assertThrows(() => new Zone({ ...SERVICE, type: "http" }), TypeError, "_http._tcp");
  assertThrows(() => new Zone({ ...SERVICE, name: "x".repeat(64) }), TypeError, "no DNS name");
  assertThrows(() => new Zone({ ...SERVICE, txt: { a: "x".repeat(300) } }), TypeError, "255 bytes");
});
