// What things cost, counted in system calls: a change that makes more of them shows here, on every machine alike.
import { assert, assertEquals } from "@std/assert";
import { openUdpSocket } from "../../mod.ts";
import { notOn, test, type TestOptions } from "../harness.ts";
import { FakeLibrary } from "./fake_library.ts";
import { at, lo, next, text, turn } from "./support.ts";

/** Other systems make more calls, or others. */
const linux: TestOptions = { needs: ["linux"] };
const library = new FakeLibrary();
const { batchedCalls } = library.system.platform;

/** The calls that something makes, by name. */
async function calls(work: () => unknown): Promise<Record<string, number>> {
  const before = library.calls.length;
  await work();
  const counts: Record<string, number> = {};
  for (const name of library.calls.slice(before)) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

/** The calls that receive. */
function receives(counts: Record<string, number>): number {
  return (counts.recvmmsg ?? 0) + (counts.recvmsg ?? 0);
}

test("a datagram that is sent is one call", linux, async () => {
  await using receiver = openUdpSocket();
  await using sender = library.openSocket();
  const to = at(receiver, "127.0.0.3");
  assertEquals(await calls(() => sender.send("plain", to)), { sendto: 1 });
  const wishes = { source: "127.0.0.9", interface: lo.index };
  const { sendmsg, ...others } = await calls(() => sender.send("wishes", to, wishes));
  assertEquals(sendmsg, 1);
  // Which interface that is, is asked each time: a name is another interface's tomorrow.
  assert(Object.values(others).reduce((sum, n) => sum + n, 0) <= 2, JSON.stringify(others));
});

test("64 datagrams at once are one call, where there is such a call", linux, async () => {
  await using receiver = openUdpSocket();
  await using sender = library.openSocket();
  const items = Array.from({ length: 64 }, (_, i) => ({ data: `${i}`, to: at(receiver) }));
  assertEquals(
    await calls(() => sender.sendMany(items)),
    batchedCalls ? { sendmmsg: 1 } : { sendto: 64 },
  );
});

test(
  "64 datagrams that are there are two calls that bring them, and one at most that brings none",
  linux,
  async () => {
    await using receiver = library.openSocket({ address: "127.0.0.3" });
    await using sender = openUdpSocket();
    const items = Array.from(
      { length: 64 },
      (_, i) => ({ data: `${i}`, to: at(receiver, "127.0.0.3") }),
    );
    await sender.sendMany(items);
    const counts = await calls(async () => {
      assertEquals((await receiver.receiveMany({ max: 65 })).length, 64);
    });
    assert(receives(counts) <= (batchedCalls ? 3 : 65), JSON.stringify(counts));
    assertEquals(Object.keys(counts).filter((name) => !name.startsWith("recv")), []);
  },
);

test("an answer is one call to hear the question and one to give it", linux, async () => {
  await using server = library.openSocket({ address: "127.0.0.3" });
  await using client = openUdpSocket();
  // What has to be known of the interfaces is known for a while.
  for (const question of ["first", "second"]) {
    await client.send(question, at(server, "127.0.0.3"));
    const counts = await calls(async () => {
      const packet = await next(server);
      assertEquals(text(packet), question);
      await server.reply(packet, "answer");
    });
    if (question === "first") continue;
    assertEquals(counts, { [batchedCalls ? "recvmmsg" : "recvmsg"]: 1, sendmsg: 1 });
  }
});

test("being woken is four calls at most beside the wait", linux, async () => {
  await using receiver = library.openSocket({ address: "127.0.0.3" });
  await using sender = openUdpSocket();
  const wakes = 20;
  const waits = library.blocking.length;
  const counts = await calls(async () => {
    for (let i = 0; i < wakes; i++) {
      const packet = next(receiver);
      // It sleeps by then.
      for (let turns = 0; turns < 5; turns++) await turn();
      await sender.send(`${i}`, at(receiver, "127.0.0.3"));
      assertEquals(text(await packet), `${i}`);
    }
  });
  const made = Object.values(counts).reduce((sum, count) => sum + count, 0);
  assert(made <= 4 * wakes + 4, JSON.stringify(counts));
  assert(library.blocking.length - waits <= wakes + 1);
});

test("waiting makes no calls", linux, async () => {
  await using receiver = library.openSocket();
  const packet = receiver.receive();
  packet.catch(() => {});
  for (let turns = 0; turns < 5; turns++) await turn();
  assertEquals(
    await calls(async () => {
      for (let turns = 0; turns < 50; turns++) await turn();
    }),
    {},
  );
});

test("a group on one interface is one call to join and one to leave", {
  ...linux,
  skip: notOn("qemu", "QEMU knows the older calls only, which are tried second"),
}, async () => {
  await using socket = library.openSocket({ address: "127.0.0.3" });
  const count = async (work: () => unknown) => (await calls(work)).setsockopt;
  assertEquals(await count(() => socket.join("239.255.7.8", { interface: lo.index })), 1);
  assertEquals(await count(() => socket.leave("239.255.7.8", { interface: lo.index })), 1);
});
