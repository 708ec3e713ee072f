// The books of the soak run: whatever is wrong with a datagram, memory or a descriptor, they say so.
import { assertEquals } from "@std/assert";
import { test } from "../harness.ts";
import { median, quantile, slope, Times } from "./gauges.ts";
import { type Arrival, Ledger, payload } from "./ledger.ts";
import { Numbers } from "./numbers.ts";
import { asText, DEEDS, isRight, type Measured, rise, rows } from "./report.ts";

const from = { source: "10.1.0.100", destination: "10.1.0.2", interfaceIndex: 7 };

/** A ledger with a stream of which so many were sent. */
function books(count = 10, perDrop = 1) {
  const ledger = new Ledger();
  const inbox = ledger.inbox("server", perDrop);
  const stream = ledger.stream(inbox, "from a", from);
  const sent = Array.from({ length: count }, (_, n) => stream.next(20 + n));
  const arrive = (data: Uint8Array, other: Partial<Arrival> = {}) =>
    ledger.arrived(inbox, { ...from, data, ...other });
  return { ledger, inbox, stream, sent, arrive };
}

const troubles = (ledger: Ledger) => Object.fromEntries(ledger.troubles);

test("all that was sent has come: nothing is lost, whatever the order", () => {
  const { ledger, sent, arrive } = books();
  for (const data of sent.toReversed()) arrive(data);
  const { sent: count, received, lost, repeated, invented } = ledger.sums;
  assertEquals([count, received, lost, repeated, invented], [10, 10, 0, 0, 0]);
  assertEquals([ledger.settled, troubles(ledger)], [true, {}]);
});

test("one that is missing is lost, unless the kernel has counted it", () => {
  const { ledger, inbox, sent, arrive } = books();
  for (const data of sent.slice(1)) arrive(data);
  assertEquals([ledger.sums.lost, ledger.settled], [1, false]);
  inbox.dropped = 1;
  assertEquals([ledger.sums.lost, ledger.settled], [0, true]);
  inbox.dropped = 2;
  assertEquals([ledger.sums.lost, ledger.settled], [1, false], "a drop of nothing");
});

test("a drop may stand for a train, and only for one", () => {
  const { ledger, inbox, sent, arrive } = books(100, 64);
  for (const data of sent.slice(64)) arrive(data);
  assertEquals(ledger.sums.lost, 64);
  inbox.dropped = 1;
  assertEquals(ledger.sums.lost, 0);
  const other = books(100, 64);
  other.inbox.dropped = 1;
  for (const data of other.sent.slice(65)) other.arrive(data);
  assertEquals(other.ledger.sums.lost, 1);
});

test("what is lost in one place is not made good by too much in another", () => {
  const { ledger, inbox, sent, arrive } = books();
  for (const data of sent.slice(1)) arrive(data);
  const second = ledger.inbox("second");
  second.dropped = 1;
  assertEquals([inbox.lost, second.lost, ledger.sums.lost], [1, -1, 2]);
});

test("one that comes twice is noticed, and makes nothing good", () => {
  const { ledger, sent, arrive } = books();
  for (const data of [...sent.slice(1), sent[5]]) arrive(data);
  assertEquals([ledger.sums.repeated, ledger.sums.lost, ledger.sums.received], [1, 1, 9]);
});

test("one that was never sent is noticed, and makes nothing good", () => {
  const { ledger, stream, sent, arrive } = books();
  const second = ledger.stream(ledger.inboxes[0], "from b", from);
  second.next(20);
  for (const data of [...sent, payload(stream.id, 10, 20)]) arrive(data);
  // The sum is right, and yet one of b is missing.
  assertEquals([ledger.sums.lost, ledger.sums.invented], [0, 1]);
  const other = books();
  for (const data of [...other.sent.slice(1), payload(other.stream.id, 10, 20)]) other.arrive(data);
  assertEquals([other.ledger.sums.lost, other.ledger.sums.invented], [0, 1]);
});

test("a wrong destination, interface or source is a misattribution", () => {
  const { ledger, sent, arrive } = books();
  arrive(sent[0], { destination: "10.1.0.3" });
  arrive(sent[1], { interfaceIndex: 8 });
  arrive(sent[2], { interfaceIndex: null });
  arrive(sent[3], { source: "10.1.0.101" });
  assertEquals(troubles(ledger), { misattributed: 4 });
  assertEquals(ledger.details[0].includes("destination 10.1.0.3, not 10.1.0.2"), true);
});

test("each changed byte is damage, or makes it another's", () => {
  for (let at = 0; at < 25; at++) {
    const { ledger, inbox, sent, arrive } = books();
    const data = sent[5].slice();
    data[at] ^= 0x40;
    arrive(data);
    const noticed = inbox.garbage + [...ledger.troubles.values()].reduce((a, b) => a + b, 0);
    assertEquals(noticed, 1, `byte ${at}`);
  }
});

test("what goes to another socket is unknown there", () => {
  const { ledger, sent } = books();
  ledger.arrived(ledger.inbox("other"), { ...from, data: sent[0] });
  assertEquals(troubles(ledger), { unknown: 1 });
});

test("what is nobody's is counted and has to come, too", () => {
  const { ledger, inbox, sent, arrive } = books();
  for (const data of sent) arrive(data);
  inbox.garbageSent = 3;
  for (const data of [new Uint8Array(0), new Uint8Array(12)]) arrive(data);
  assertEquals([ledger.sums.garbage, ledger.sums.lost], [2, 1]);
});

test("numbers are remembered for as long as any may be on its way, in memory that does not grow", () => {
  const numbers = new Numbers();
  for (let n = 0; n < 200_000; n++) if (n !== 195_000) numbers.add(n);
  assertEquals([numbers.count, numbers.repeated, numbers.late], [199_999, 0, 0]);
  numbers.add(195_000);
  assertEquals([numbers.count, numbers.repeated, numbers.late], [200_000, 0, 1]);
  numbers.add(195_000);
  numbers.add(199_999);
  // So late that nobody can tell.
  numbers.add(3);
  assertEquals([numbers.count, numbers.repeated], [200_000, 3]);
  // A gap longer than all that is remembered.
  numbers.add(1_000_000);
  numbers.add(999_999);
  assertEquals([numbers.count, numbers.repeated, numbers.late], [200_002, 3, 2]);
});

test("the slope is that of the best line, and a leak is a rise", () => {
  const line = (leak: number) =>
    Array.from({ length: 40 }, (_, n) => ({
      seconds: n * 10,
      value: 100_000 + (n < 20 ? n * 1000 : 20_000) + (n % 2 === 0 ? 300 : -300) + leak * n,
    }));
  assertEquals(slope([{ seconds: 1, value: 5 }, { seconds: 3, value: 9 }]), 2);
  assertEquals([slope([]), slope([{ seconds: 1, value: 5 }]), rise([])], [0, 0, 0]);
  assertEquals(Math.abs(rise(line(0))) < 100, true, "what rises at first only is no leak");
  assertEquals(Math.abs(rise(line(1000)) - 19_000) < 100, true);
});

test("times are told by parts, without keeping them", () => {
  const times = new Times();
  for (let ms = 1; ms <= 100; ms++) times.add(ms - 0.05);
  times.add(-3);
  assertEquals([times.count, times.longest, times.quantile(0.99)], [101, 99.95, 99]);
  assertEquals([median([3, 1, 2]), quantile([1, 2, 3, 4], 1)], [2, 4]);
});

/** Measurements with nothing wrong. */
const fine: Measured = {
  ...{ minutes: 5, resident: [], used: [], usedBefore: 9000, usedAfter: 9100 },
  ...{ descriptorsBefore: 40, descriptorsAfter: 40, mostDescriptors: 60 },
  ...{ lagP99: 3, longestLag: 20, lagP99ByClock: 9, cpu: 0.2 },
};

/** A complete run in which everything was right. */
function complete() {
  const made = books();
  for (const data of made.sent) made.arrive(data);
  made.inbox.garbageSent = 1;
  made.arrive(new Uint8Array(3));
  for (const deed of DEEDS) made.ledger.did(deed);
  return made;
}

const wrong = (ledger: Ledger, measured: Measured) =>
  rows(ledger, measured).filter((row) => !isRight(row)).map(({ what }) => what);

test("a report of a run in which all was right says so", () => {
  const { ledger } = complete();
  assertEquals(wrong(ledger, fine), []);
  assertEquals(asText(rows(ledger, fine), []).includes("WRONG"), false);
});

test("a report says what was wrong, each thing", () => {
  const leak = Array.from({ length: 30 }, (_, n) => ({ seconds: n * 10, value: n * 2000 }));
  const measurements: [Partial<Measured>, string][] = [
    [{ resident: leak }, "rise of resident memory in the second half"],
    [{ used: leak }, "rise of memory in use in the second half"],
    [{ usedAfter: 14_000 }, "memory in use that stays"],
    [{ descriptorsAfter: 41 }, "descriptors that stay"],
    [{ lagP99: 51 }, "timer lag at p99"],
  ];
  for (const [other, what] of measurements) {
    assertEquals(wrong(complete().ledger, { ...fine, ...other }), [what]);
  }
  for (const what of ["damaged", "error", "exception", "not followed"] as const) {
    const { ledger } = complete();
    ledger.trouble(what, "as a test wants it");
    assertEquals(wrong(ledger, fine), [what]);
    assertEquals(asText(rows(ledger, fine), ledger.details).includes("as a test wants it"), true);
  }
  const { ledger, stream, arrive } = complete();
  stream.next(30);
  assertEquals(wrong(ledger, fine), ["datagrams lost"]);
  arrive(payload(stream.id, 10, 30));
  arrive(payload(stream.id, 10, 30));
  assertEquals(wrong(ledger, fine), ["datagrams that came twice"]);
  const idle = new Ledger();
  assertEquals(wrong(idle, fine), [
    "datagrams sent",
    "datagrams received",
    "datagrams of nobody received",
    ...DEEDS,
  ]);
});
