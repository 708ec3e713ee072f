// When multicast DNS asks what, and for how long it believes an answer: RFC 6762, sections 5.2, 7.1, 7.2, 10.
import { assert, assertEquals } from "@std/assert";
import type { Link } from "../../examples/mdns/cache.ts";
import { decode, type Message, type Resource } from "../../examples/mdns/packet.ts";
import { Querier, queryPackets } from "../../examples/mdns/querier.ts";
import { test } from "../harness.ts";

const ETH0: Link = { index: 2, name: "eth0" }, ETH1: Link = { index: 3, name: "eth1" };
const PTR = { name: "_ipp._tcp.local", type: "PTR" } as const;
const A = { name: "ink.local", type: "A" } as const;

function ptr(data: string, ttl = 4500): Resource {
  return { ...PTR, ttl, flush: false, data: `${data}._ipp._tcp.local` };
}

function address(data: string, ttl = 120): Resource {
  return { ...A, ttl, flush: true, data };
}

function answer(...answers: Resource[]): Message {
  const rest = { questions: [], authorities: [], additionals: [] };
  return { id: 0, response: true, truncated: false, answers, ...rest };
}

/** A querier with no chance in it, and a clock that goes to whatever is next. */
function start(...links: Link[]) {
  const querier = new Querier(() => 0.5);
  for (const link of links) querier.linkUp(link, 0);
  /** Lets time pass; tells each query: when, where, what, and what was known. */
  const until = (end: number) => {
    const sent: { at: number; link: string; questions: string[]; known: Resource[] }[] = [];
    const removed: string[] = [];
    for (let at = querier.nextAt(); at <= end; at = querier.nextAt()) {
      const ticked = querier.tick(at);
      removed.push(
        ...ticked.removed.map(({ record, link }) => `${at} ${link.name} ${record.data}`),
      );
      for (const { link, packets } of ticked.queries) {
        const messages = packets.map((bytes) => decode(bytes)!);
        const questions = messages.flatMap((message) => message.questions)
          .map(({ name, type }) => `${type} ${name}`);
        sent.push({
          ...{ at, link: link.name, questions },
          known: messages.flatMap(({ answers }) => answers),
        });
      }
    }
    return { sent, removed };
  };
  return { querier, until };
}

test("a question is asked after 20 to 120 ms, then after 1, 2, 4 seconds, at last once an hour", () => {
  for (const [random, delayMs] of [[0, 20], [0.999_999, 120]]) {
    const querier = new Querier(() => random);
    querier.linkUp(ETH0, 0);
    querier.ask(PTR, 0);
    assertEquals(Math.round(querier.nextAt()), delayMs);
  }
  const { querier, until } = start(ETH0);
  querier.ask(PTR, 0);
  const times = until(5 * 3_600_000).sent.map(({ at }) => at);
  const gaps = times.slice(1).map((at, index) => (at - times[index]) / 1000);
  assertEquals(gaps.slice(0, 12), [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048]);
  assertEquals([...new Set(gaps.slice(12))], [3600]);
});

test("it is asked on each interface, and again from the beginning on one that returns", () => {
  const { querier, until } = start(ETH0);
  querier.ask(PTR, 0);
  assertEquals(until(10_000).sent.map(({ link }) => link), Array(4).fill("eth0"));
  querier.linkUp(ETH1, 10_000);
  querier.linkUp(ETH0, 10_000);
  const { sent } = until(11_500);
  assertEquals(sent.map(({ at, link }) => `${link} ${at}`).sort(), [
    "eth0 10070",
    "eth0 11070",
    "eth1 10070",
    "eth1 11070",
  ]);
});

test("what is known for more than half of its lifetime is sent along, with what is left of it", () => {
  const { querier, until } = start(ETH0, ETH1);
  querier.ask(PTR, 0);
  querier.heard(ETH0, answer(ptr("one", 10), ptr("two", 3)), 0);
  // At 70 ms, 1,070 ms and 3,070 ms; the third time "two" is over, and "one" holds 6.93 of its 10 seconds yet.
  const { sent } = until(4_000);
  const known = (link: string) =>
    sent.filter((query) => query.link === link)
      .map(({ known }) => known.map(({ data, ttl }) => `${String(data)[0]} ${ttl}`));
  assertEquals(known("eth0").slice(0, 2), [["o 9", "t 2"], ["o 8", "t 1"]]);
  assertEquals(known("eth0").at(-1), ["o 6"]);
  // What was heard on one interface is not known on another.
  assertEquals(known("eth1"), [[], [], []]);
});

test("a record that somebody wants is asked for at 80, 85, 90 and 95 % of its lifetime, then it is gone", () => {
  const { querier, until } = start(ETH0);
  querier.ask(A, 0);
  querier.heard(ETH0, answer(address("192.0.2.1", 100)), 0);
  const { sent, removed } = until(100_000);
  // The chance of 0 to 2 % is 1 % here.
  assertEquals(sent.map(({ at }) => at), [81_000, 86_000, 91_000, 96_000]);
  assertEquals(removed, ["100000 eth0 192.0.2.1"]);
  // Then it is a question like at the beginning.
  assertEquals(until(101_500).sent.map(({ at }) => at), [100_070, 101_070]);
});

test("a record that was heard again is not asked for, nor is one that nobody wants", () => {
  const { querier, until } = start(ETH0);
  querier.heard(ETH0, answer(address("192.0.2.1", 100)), 0);
  assertEquals(until(99_999), { sent: [], removed: [] });
  assertEquals(until(100_000).removed, ["100000 eth0 192.0.2.1"]);

  const other = start(ETH0);
  other.querier.ask(A, 0);
  other.querier.heard(ETH0, answer(address("192.0.2.1", 100)), 0);
  assertEquals(other.until(82_000).sent.length, 1);
  assertEquals(other.querier.heard(ETH0, answer(address("192.0.2.1", 100)), 82_000), []);
  assertEquals(other.until(160_000).sent.length, 0);
});

test("where the only possible answer is known nothing is asked, and there is one that says no", () => {
  const { querier, until } = start(ETH0);
  querier.ask(A, 0);
  querier.ask({ ...A, type: "AAAA" }, 0);
  const none: Resource = { name: A.name, type: "NSEC", ttl: 120, flush: true, data: ["A"] };
  querier.heard(ETH0, answer(address("192.0.2.1"), none), 10);
  assertEquals(until(60_000).sent, []);
});

test("a goodbye ends a record a second later, unless somebody says that it holds", () => {
  const { querier, until } = start(ETH0);
  querier.heard(ETH0, answer(ptr("one"), ptr("two")), 0);
  querier.heard(ETH0, answer(ptr("one", 0), ptr("two", 0), ptr("three", 0)), 5_000);
  querier.heard(ETH0, answer(ptr("two")), 5_500);
  assertEquals(until(60_000).removed, ["6000 eth0 one._ipp._tcp.local"]);
});

test("the cache-flush bit ends what was said before, but not what the same answer says in another packet", () => {
  const { querier, until } = start(ETH0, ETH1);
  querier.heard(ETH0, answer(address("192.0.2.1")), 0);
  querier.heard(ETH1, answer(address("192.0.2.9")), 0);
  querier.heard(ETH0, answer(address("192.0.2.2")), 5_000);
  querier.heard(ETH0, answer(address("192.0.2.3")), 5_500);
  assertEquals(until(60_000).removed, ["6000 eth0 192.0.2.1"]);
  const found = querier.cache.find(ETH0, "INK.local", "A").map(({ data }) => data);
  assertEquals(found, ["192.0.2.2", "192.0.2.3"]);
});

test("records that hold for a second only, and many of them, are asked for once a second", () => {
  const { querier, until } = start(ETH0);
  querier.ask(PTR, 0);
  let sent = 0;
  for (let now = 0; now < 60_000; now += 100) {
    querier.heard(ETH0, answer(ptr(`number ${now / 100 % 50}`, 1)), now);
    sent += until(now).sent.length;
  }
  assert(sent <= 60, `${sent} questions in a minute`);
});

test("an interface that goes takes along what was heard there", () => {
  const { querier, until } = start(ETH0, ETH1);
  querier.ask(PTR, 0);
  for (const link of [ETH0, ETH1]) querier.heard(link, answer(ptr("one")), 0);
  const gone = querier.linkDown(ETH0).map(({ type, link }) => `${type} ${link.name}`);
  assertEquals(gone, ["removed eth0"]);
  assertEquals([...new Set(until(10_000).sent.map(({ link }) => link))], ["eth1"]);
});

test("a host that makes up names fills neither the cache nor the list of questions", () => {
  const { querier } = start(ETH0);
  let removed = 0;
  for (let i = 0; i < 10_000; i++) {
    const changes = querier.heard(ETH0, answer(ptr(`number ${i}`)), i);
    removed += changes.filter(({ type }) => type === "removed").length;
    querier.ask({ name: `${i}.local`, type: "A" }, i);
  }
  assertEquals([querier.cache.size, removed, querier.size], [2048, 10_000 - 2048, 1024]);
  // The ones that are left were heard last.
  const left = querier.cache.find(ETH0, PTR.name, "PTR").map(({ data }) => data);
  assertEquals([left[0], left.at(-1)], [
    `number ${10_000 - 2048}._ipp._tcp.local`,
    "number 9999._ipp._tcp.local",
  ]);
});

test("known answers that do not fit follow in further packets, and all but the last say so", () => {
  const known = Array.from({ length: 100 }, (_, i) => ptr(`number ${i}`));
  const packets = queryPackets([PTR], known, 500);
  assert(packets.every(({ length }) => length <= 500), packets.map(({ length }) => length).join());
  const messages = packets.map((bytes) => decode(bytes)!);
  assertEquals(messages.flatMap(({ answers }) => answers), known);
  assertEquals(
    messages.map(({ questions }) => questions.length),
    packets.map((_, i) => i === 0 ? 1 : 0),
  );
  assertEquals(
    messages.map(({ truncated }) => truncated),
    packets.map((_, i) => i < packets.length - 1),
  );
  assert(packets.length > 5);
});

test("questions that do not fit into one packet are queries of their own", () => {
  const questions = Array.from(
    { length: 40 },
    (_, i) => ({ name: `host-${i}.local`, type: "A" as const }),
  );
  const messages = queryPackets(questions, [], 200).map((bytes) => decode(bytes)!);
  assertEquals(
    messages.flatMap(({ questions }) => questions).map(({ name }) => name),
    questions.map(({ name }) => name),
  );
  assertEquals(new Set(messages.map(({ truncated }) => truncated)), new Set([false]));
});
