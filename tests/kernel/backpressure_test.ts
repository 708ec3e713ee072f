// A kernel that has no room: sends wait for it, in order, and can be ended. Refusals are made here; loopback has none.
import { assert, assertEquals, assertRejects } from "@std/assert";
import { openUdpSocket, SocketError, type UdpSocket } from "../../mod.ts";
import { staysPending, test } from "../harness.ts";
import { FakeLibrary } from "./fake_library.ts";
import { at, nextTexts, turn, until } from "./support.ts";

const SENDS = ["sendto", "sendmsg", "sendmmsg"];

/** Refuses every send while `full` holds a code. */
class Gate {
  full: string | null;
  refused = 0;
  readonly library = new FakeLibrary();

  constructor(full: string | null) {
    this.full = full;
    for (const name of SENDS) {
      this.library.on(name, (_, call) => {
        if (this.full === null) return call();
        this.refused++;
        return this.library.refuse(this.full);
      });
    }
  }
}

/** One send of each kind, in this order. */
function sendAll(socket: UdpSocket, to: string): Promise<unknown>[] {
  return [
    socket.send("1", to),
    socket.send("2", to, { hops: 3 }),
    socket.sendMany([{ data: "3", to }, { data: "4", to }]),
    socket.send("5", to),
  ];
}

for (const code of ["EAGAIN", "ENOBUFS"]) {
  test(`sends wait for room and keep their order: ${code}`, async () => {
    const gate = new Gate(code);
    await using receiver = openUdpSocket();
    await using socket = gate.library.openSocket();
    const sending = sendAll(socket, at(receiver, "127.0.0.3"));
    await until(() => gate.refused >= 3, "some refusals");
    assert(await staysPending(5, Promise.race(sending)));
    gate.full = null;
    await Promise.all(sending);
    assertEquals(await nextTexts(receiver, 5), ["1", "2", "3", "4", "5"]);
    assertEquals([socket.stats.sent, socket.stats.errors], [5, 0]);
    await socket.send("6", at(receiver, "127.0.0.3"));
    assertEquals(await nextTexts(receiver, 1), ["6"]);
  });

  test(`the data of a send that waits may be changed meanwhile: ${code}`, async () => {
    const gate = new Gate(code);
    await using receiver = openUdpSocket();
    await using socket = gate.library.openSocket();
    const to = at(receiver, "127.0.0.3");
    const data = new TextEncoder().encode("right");
    const sending = [socket.send(data, to), socket.sendMany([{ data, to }, { data, to }])];
    data.fill(0);
    await turn();
    gate.full = null;
    await Promise.all(sending);
    assertEquals(await nextTexts(receiver, 3), ["right", "right", "right"]);
  });

  test(`close ends sends that wait: ${code}`, async () => {
    const gate = new Gate(code);
    const socket = gate.library.openSocket();
    const sending = sendAll(socket, "127.0.0.3:9").map((send) =>
      assertRejects(() => send, SocketError)
    );
    await until(() => gate.refused >= 3, "some refusals");
    await socket.close();
    for (const send of sending) assertEquals((await send).code, "ECANCELED");
    await turn();
    assertEquals(gate.library.stray, []);
  });
}

test("one family that waits does not hold up the other", { needs: ["ipv6"] }, async () => {
  const library = new FakeLibrary();
  await using receiver = openUdpSocket();
  let full = true;
  for (const name of SENDS) {
    library.on(
      name,
      ([fd], call) => full && fd === library.sockets[0] ? library.refuse("EAGAIN") : call(),
    );
  }
  await using socket = library.openSocket();
  const waiting = socket.send("four", at(receiver, "127.0.0.3"));
  await socket.send("six", at(receiver, "::1"));
  assertEquals(await nextTexts(receiver, 1), ["six"]);
  full = false;
  await waiting;
  assertEquals(await nextTexts(receiver, 1), ["four"]);
});

test("a device that never has room again is an error in the end", async () => {
  const gate = new Gate("ENOBUFS");
  await using socket = gate.library.openSocket();
  // Two seconds of pauses are looked at, not lived through.
  const { setTimeout: real } = globalThis;
  const pauses: number[] = [];
  globalThis.setTimeout = ((call: () => void, ms: number) => {
    pauses.push(ms);
    return real(call, 0);
  }) as typeof setTimeout;
  try {
    const error = await assertRejects(() => socket.send("x", "127.0.0.3:9"), SocketError);
    assertEquals(error.code, "ENOBUFS");
  } finally {
    globalThis.setTimeout = real;
  }
  assert(pauses.length >= 10, `${pauses.length} pauses`);
  // Growing, and not without end.
  assertEquals(pauses, pauses.toSorted((a, b) => a - b));
  assert(pauses[0] <= 5 && pauses.at(-1)! <= 1000, `${pauses}`);
});

test("a refusal after waiting reaches its own send, not the others", async () => {
  const gate = new Gate("EAGAIN");
  await using receiver = openUdpSocket();
  await using socket = gate.library.openSocket();
  const first = socket.send("1", at(receiver, "127.0.0.3"));
  const refused = assertRejects(
    () => socket.send("x", at(receiver, "127.255.255.255")),
    SocketError,
  );
  const last = socket.send("2", at(receiver, "127.0.0.3"));
  await turn();
  gate.full = null;
  await Promise.all([first, last]);
  assertEquals((await refused).code, "EACCES");
  assertEquals(await nextTexts(receiver, 2), ["1", "2"]);
});

test("a full buffer does not keep packets from being received", async () => {
  const gate = new Gate("EAGAIN");
  await using socket = gate.library.openSocket();
  await using sender = openUdpSocket();
  const waiting = socket.send("x", at(sender, "127.0.0.3"));
  await sender.send("in", at(socket, "127.0.0.2"));
  assertEquals(await nextTexts(socket, 1), ["in"]);
  gate.full = null;
  await waiting;
  assertEquals(await nextTexts(sender, 1), ["x"]);
});
