// When a reader looks again. The time is the test's own.
import { assertEquals } from "@std/assert";
import { Pace } from "../../socket/pace.ts";
import { test } from "../harness.ts";

const ROOM = 32;

/** A reader at its pace, and what becomes of it. */
class Reader {
  timeMs = 1000;
  readonly pace: Pace;

  constructor({ sockets = 1, rests = true } = {}) {
    this.pace = new Pace(sockets, rests, 0, () => this.timeMs);
  }

  /** Calls that bring so many packets each. */
  brings(...counts: number[]): this {
    for (const count of counts) {
      if (this.pace.left <= 0) this.pace.turn();
      this.pace.took(count, ROOM);
    }
    return this;
  }

  /** Packets one by one, so far apart. */
  singly(count: number, apartMs: number): this {
    for (let i = 0; i < count; i++) {
      this.timeMs += apartMs;
      this.brings(1);
    }
    return this;
  }

  /** A stream, one packet a call. */
  streams(): this {
    return this.singly(300, 0.003);
  }

  /** What it does until it parks, if every look is in vain. */
  untilParked(): string[] {
    const steps: string[] = [];
    do {
      steps.push(this.pace.next());
      this.pace.turn();
      this.pace.took(0, ROOM);
    } while (steps.at(-1) !== "park" && steps.length < 10);
    return steps;
  }
}

test("who answers a request parks at once", () => {
  const reader = new Reader();
  for (let i = 0; i < 1000; i++) assertEquals(reader.brings(1).untilParked(), ["park"]);
});

test("in traffic it looks once more, a turn later, before it parks", () => {
  const reader = new Reader();
  for (let i = 0; i < 1000; i++) assertEquals(reader.brings(3, 1).untilParked(), ["turn", "park"]);
  assertEquals(reader.brings(3).untilParked(), ["park"]);
});

test("bursts with pauses between them never make it rest", () => {
  const reader = new Reader();
  for (let i = 0; i < 100; i++) {
    assertEquals(reader.brings(32, 32, 32, 32, 32, 32, 32).untilParked(), ["turn", "park"]);
  }
});

test("in a stream it rests for as long as that brings many packets", () => {
  const reader = new Reader().streams();
  for (let i = 0; i < 100; i++) {
    assertEquals(reader.pace.next(), "rest");
    reader.pace.turn();
    reader.brings(32, 20);
  }
  assertEquals(reader.pace.next(), "rest");
  reader.pace.turn();
  reader.brings(31);
  assertEquals(reader.untilParked(), ["turn", "park"]);
  assertEquals(reader.brings(64).untilParked(), ["turn", "park"], "it starts anew");
});

test("after a rest that was not worth it only another stream makes it rest", () => {
  const reader = new Reader().streams();
  assertEquals(reader.pace.next(), "rest");
  reader.pace.turn();
  let packets: number;
  let step = "turn";
  // The first 31 are what the rest brought.
  for (packets = -31; step === "turn"; packets += 31) {
    reader.singly(31, 0.003);
    step = reader.pace.next();
    reader.pace.turn();
  }
  assertEquals([step, packets], ["rest", 279]);
});

test("a conversation that never lets it park is no stream", () => {
  const reader = new Reader();
  for (let i = 0; i < 1000; i++) {
    reader.singly(1, 0.014);
    if (i < 3) continue;
    assertEquals(reader.pace.next(), "turn");
    reader.pace.turn();
  }
});

test("when the stream ends it rests once in vain, and parks", () => {
  assertEquals(new Reader().streams().untilParked(), ["rest", "turn", "park"]);
});

test("where there is no way to rest it looks again and parks", () => {
  assertEquals(new Reader({ rests: false }).streams().untilParked(), ["turn", "park"]);
});

test("in a stream a call that emptied the queue is believed for a moment", () => {
  const reader = new Reader().streams();
  assertEquals(reader.pace.looks, false);
  reader.timeMs += 0.03;
  assertEquals(reader.pace.looks, true, "so long took the packets: more may be there");
  reader.brings(32);
  assertEquals(reader.pace.looks, true, "a full batch may have left some behind");
});

test("without a stream no call is left out", () => {
  assertEquals(new Reader().brings(1).pace.looks, true);
  assertEquals(new Reader().brings(32, 20).pace.looks, true);
  assertEquals(new Reader({ rests: false }).streams().pace.looks, true);
});

test("of two sockets both have to be empty", () => {
  const reader = new Reader({ sockets: 2 }).streams();
  reader.brings(32, 1);
  assertEquals(reader.pace.looks, true);
  reader.brings(0);
  assertEquals(reader.pace.looks, false);
});

test("after 256 packets everybody else gets a turn, also in a stream that left some behind", () => {
  const { pace } = new Reader();
  for (let i = 0; i < 8; i++) pace.took(32, ROOM);
  assertEquals([pace.left, pace.looks, pace.next()], [0, false, "turn"]);
  pace.turn();
  assertEquals([pace.left, pace.looks], [256, true]);
});

test("who works long over packets gives everybody else a turn after a full call", () => {
  const reader = new Reader();
  const { pace } = reader;
  reader.brings(32);
  reader.timeMs += 4;
  pace.mindTime();
  assertEquals(pace.looks, true, "a turn may last so long");
  reader.timeMs += 1;
  assertEquals(pace.looks, true, "one call may bring more than a turn's time");
  pace.mindTime();
  assertEquals([pace.looks, pace.left, pace.next()], [false, 0, "turn"]);
  pace.turn();
  assertEquals([pace.left, pace.looks], [256, true]);
  // Nobody asks for the time because of a few.
  reader.brings(31);
  reader.timeMs += 5;
  pace.mindTime();
  assertEquals(pace.looks, true);
});

test("who polls busily looks turn by turn for as long as it asked for, then parks", () => {
  let nowMs = 100;
  const pace = new Pace(1, true, 5, () => nowMs);
  pace.waits();
  for (; nowMs < 105; nowMs++) {
    pace.turn();
    pace.took(0, 32);
    assertEquals(pace.next(), "turn");
  }
  pace.turn();
  assertEquals(pace.next(), "park");
  // Each wait begins anew, and nobody rests meanwhile.
  for (let i = 0; i < 20; i++) pace.took(32, 32);
  pace.turn();
  pace.waits();
  assertEquals(pace.next(), "turn");
});
