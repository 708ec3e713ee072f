// Iterations that end early, and several at once: each packet goes to exactly one reader, in order.
import { assert, assertEquals, assertRejects } from "@std/assert";
import { openUdpSocket, type Packet, type UdpSocket } from "../../mod.ts";
import { randomWords } from "../address/random.ts";
import { figure } from "../figures.ts";
import { test, within } from "../harness.ts";
import { at, next, nextTexts, text, turn } from "../kernel/support.ts";
import { full } from "./support.ts";

const ROUNDS = full ? 1_000 : 100;

async function withSockets(
  body: (socket: UdpSocket, send: (...texts: (string | number)[]) => Promise<unknown>) => unknown,
): Promise<void> {
  await using socket = openUdpSocket({ receiveBufferSize: 1 << 20 });
  await using sender = openUdpSocket();
  const to = at(socket, "127.0.0.3");
  await body(socket, (...texts) => sender.sendMany(texts.map((data) => ({ data: `${data}`, to }))));
}

/** Ways out of a loop. */
const exits: [what: string, run: (packets: AsyncIterable<Packet>, heard: string[]) => unknown][] = [
  ["break", async (packets, heard) => {
    for await (const packet of packets) {
      heard.push(text(packet));
      break;
    }
  }],
  ["return", async (packets, heard) => {
    for await (const packet of packets) return void heard.push(text(packet));
  }],
  ["throw", async (packets, heard) => {
    await assertRejects(
      async () => {
        for await (const packet of packets) {
          heard.push(text(packet));
          throw new Error("enough");
        }
      },
      Error,
      "enough",
    );
  }],
  ["an outer loop", async (packets, heard) => {
    outer: for (;;) {
      for await (const packet of packets) {
        heard.push(text(packet));
        break outer;
      }
    }
  }],
  ["return() of its iterator", async (packets, heard) => {
    const iterator = packets[Symbol.asyncIterator]();
    heard.push(text((await iterator.next()).value));
    assertEquals(await iterator.return!(), { value: undefined, done: true });
    assertEquals(await iterator.next(), { value: undefined, done: true });
    assertEquals(await iterator.return!(), { value: undefined, done: true });
  }],
];

for (const [what, run] of exits) {
  test(`leaving an iteration by ${what} takes one packet, and the next iteration goes on`, () =>
    withSockets(async (socket, send) => {
      const heard: string[] = [];
      await send(0, 1, 2, 3, 4);
      for (let i = 0; i < 3; i++) await run(socket, heard);
      await run(socket.packets({ signal: new AbortController().signal }), heard);
      assertEquals(heard, ["0", "1", "2", "3"]);
      assertEquals(await nextTexts(socket, 1), ["4"]);
      // Nor does one take what comes after it was left.
      await send("later");
      assertEquals(await nextTexts(socket, 1), ["later"]);
    }));
}

test("return() while next() is pending ends it, several times over, and leaves the packets to others", () =>
  withSockets(async (socket, send) => {
    for (let i = 0; i < 100; i++) {
      const iterator = socket.packets();
      const pending = [iterator.next(), iterator.next(), iterator.next()];
      const other = socket.receive();
      if (i % 2 === 0) await turn();
      const returned = [iterator.return!(), iterator.return!()];
      await send(i);
      for (const end of await within(5_000, Promise.all([...pending, ...returned]))) {
        assertEquals(end, { value: undefined, done: true });
      }
      assertEquals(text(await within(5_000, other)), `${i}`);
    }
  }));

test("several iterations and single waits take turns in the order in which they began to wait", () =>
  withSockets(async (socket, send) => {
    const [one, two] = [socket.packets(), socket[Symbol.asyncIterator]()];
    const value = (result: Promise<IteratorResult<Packet>>) =>
      result.then(({ value }) => text(value));
    const waits = [
      value(one.next()),
      socket.receive().then(text),
      value(two.next()),
      value(two.next()),
      socket.receiveMany({ max: 1 }).then(([packet]) => text(packet)),
      value(one.next()),
    ];
    await send(0, 1, 2, 3, 4, 5);
    assertEquals(await within(5_000, Promise.all(waits)), ["0", "1", "2", "3", "4", "5"]);
  }));

test("however readers come and go, each packet goes to one of them, and each hears them in order", {
  timeout: 120_000,
}, () =>
  withSockets(async (socket, send) => {
    const word = randomWords(2026);
    const int = (below: number) => word() % below;
    let sent = 0;
    const all: number[] = [];
    /** A reader that goes after so many packets. */
    const readers: ((count: number, heard: number[]) => Promise<void>)[] = [
      async (count, heard) => {
        for await (const packet of socket) {
          heard.push(Number(text(packet)));
          if (heard.length === count) break;
        }
      },
      async (count, heard) => {
        while (heard.length < count) heard.push(Number(text(await socket.receive())));
      },
      async (count, heard) => {
        while (heard.length < count) {
          const packets = await socket.receiveMany({ max: count - heard.length });
          heard.push(...packets.map((packet) => Number(text(packet))));
        }
      },
      async (count, heard) => {
        const reader = socket.readable.getReader();
        while (heard.length < count) heard.push(Number(text((await reader.read()).value!)));
        await reader.cancel();
      },
      async (count, heard) => {
        const controller = new AbortController();
        const iterator = socket.packets({ signal: controller.signal });
        while (heard.length < count) heard.push(Number(text((await iterator.next()).value)));
        const last = iterator.next();
        controller.abort();
        await last.then(({ value }) => heard.push(Number(text(value))), () => {});
      },
    ];
    for (let round = 0; round < ROUNDS; round++) {
      const heards = Array.from(
        { length: 1 + int(4) },
        () => ({ count: 1 + int(6), heard: [] as number[] }),
      );
      const reading = heards.map(({ count, heard }) => readers[int(readers.length)](count, heard));
      let over = false;
      const end = Promise.all(reading).then(() => over = true);
      while (!over) {
        await send(...Array.from({ length: 1 + int(6) }, () => sent++));
        for (let turns = int(3); turns > 0; turns--) await turn();
      }
      await end;
      for (const { heard } of heards) {
        assertEquals(heard, [...heard].sort((a, b) => a - b));
        all.push(...heard);
      }
      // What came too late for them is for the next reader.
      while (all.length < sent) all.push(Number(text(await next(socket))));
    }
    assertEquals(all.sort((a, b) => a - b), all.map((_, i) => i));
    assert(sent > ROUNDS);
    await send("last");
    assertEquals(text(await next(socket)), "last");
    figure("lifecycles", "packets to readers that come and go, each to exactly one", sent);
  }));
