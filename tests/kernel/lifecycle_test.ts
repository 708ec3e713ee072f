// Closing, aborting, breaking off; ref and unref; many sockets; descriptors.
import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { openUdpSocket, SocketError } from "../../mod.ts";
import { test, within } from "../harness.ts";
import { FakeLibrary } from "./fake_library.ts";
import {
  assertLife,
  at,
  descriptors,
  lo,
  next,
  nextTexts,
  startProgram,
  text,
  turn,
} from "./support.ts";

test("close ends every wait: calls reject with ECANCELED, iterations end", async () => {
  const socket = openUdpSocket();
  const waits = [
    () => socket.receive(),
    () => socket.receiveMany(),
    () => socket.receive({ signal: new AbortController().signal }),
  ].map((wait) => assertRejects(wait, SocketError));
  const iterated = (async () => {
    for await (const _ of socket.packets()) throw new Error("no packet was sent");
    return "ended";
  })();
  const reader = socket.readable.getReader();
  const read = reader.read();
  await socket.close();
  for (const wait of waits) {
    const error = await wait;
    assertEquals([error.code, error.syscall], ["ECANCELED", "close"]);
  }
  assertEquals([await iterated, (await read).done], ["ended", true]);
});

test("after close everything is EBADF, iterations are over, and nothing is called", async () => {
  const library = new FakeLibrary();
  const socket = library.openSocket();
  await socket.send("unread", at(socket, "127.0.0.3"));
  await socket.send("x", at(socket, "127.0.0.3"));
  const packet = await next(socket);
  const iterator = socket.packets();
  await socket.close();
  const calls = library.calls.length;
  for (
    const call of [
      () => socket.receive(),
      () => socket.receiveMany(),
      () => socket.send("x", "127.0.0.1:5"),
      () => socket.sendMany([{ data: "x", to: "127.0.0.1:5" }]),
      () => socket.reply(packet, "x"),
    ]
  ) assertEquals((await assertRejects(call, SocketError)).code, "EBADF");
  for (
    const call of [
      () => socket.join("239.255.8.1", { interface: lo.name }),
      () => socket.leave("239.255.8.1"),
      () => socket.blockSource("239.255.8.1", "127.0.0.2"),
      () => socket.unblockSource("239.255.8.1", "127.0.0.2"),
      () => socket.connect("127.0.0.1:5"),
      () => socket.disconnect(),
    ]
  ) assertEquals(assertThrows(call, SocketError).code, "EBADF");
  assertEquals(await iterator.next(), { value: undefined, done: true });
  for await (const _ of socket) throw new Error("closed");
  assertEquals((await socket.readable.getReader().read()).done, true);
  socket.ref();
  socket.unref();
  // What it was can still be asked.
  assert(socket.port > 0);
  assertEquals(socket.localAddresses.length, socket.stats.families.length);
  assertEquals(socket.stats.receiveBufferSize, null);
  assertEquals(library.calls.slice(calls).filter((name) => !/^(get|free)ifaddrs$/.test(name)), []);
});

test("closing twice is closing once", async () => {
  const library = new FakeLibrary();
  const socket = library.openSocket();
  const first = socket.close();
  assertStrictEquals(socket.close(), first);
  await first;
  await socket.close();
  await socket[Symbol.asyncDispose]();
  assertEquals([library.open.size, library.stray], [0, []]);
});

test("await using closes", async () => {
  let port: number;
  {
    await using socket = openUdpSocket();
    port = socket.port;
  }
  await using again = openUdpSocket({ port });
  assertEquals(again.port, port);
});

test("a socket may be closed from inside its own loop", async () => {
  const socket = openUdpSocket();
  for (let i = 0; i < 5; i++) await socket.send(`${i}`, at(socket, "127.0.0.3"));
  const heard: string[] = [];
  for await (const packet of socket) {
    heard.push(text(packet));
    await socket.close();
  }
  assertEquals(heard, ["0"]);
});

test("an aborted wait rejects with the signal's reason and takes no packet", async () => {
  await using socket = openUdpSocket();
  const reason = new Error("no longer interested");
  await socket.send("kept", at(socket, "127.0.0.3"));
  for (
    const wait of [
      () => socket.receive({ signal: AbortSignal.abort(reason) }),
      () => socket.receiveMany({ signal: AbortSignal.abort(reason) }),
      () => socket.packets({ signal: AbortSignal.abort(reason) }).next(),
    ]
  ) assertStrictEquals(await assertRejects(wait), reason);
  assertEquals(await nextTexts(socket, 1), ["kept"]);
  for (
    const wait of [
      (signal: AbortSignal) => socket.receive({ signal }),
      (signal: AbortSignal) => socket.receiveMany({ signal }),
      (signal: AbortSignal) => socket.packets({ signal }).next(),
      async (signal: AbortSignal) => {
        for await (const _ of socket.packets({ signal })) throw new Error("nothing was sent");
      },
    ]
  ) {
    const controller = new AbortController();
    const waiting = assertRejects(() => wait(controller.signal));
    await turn();
    controller.abort(reason);
    assertStrictEquals(await waiting, reason);
  }
  await socket.send("next", at(socket, "127.0.0.3"));
  assertEquals(await nextTexts(socket, 1), ["next"]);
});

test("signals keep no listener when the wait is over", async () => {
  const listeners = new Map<AbortSignal, number>();
  const watched = () => {
    const controller = new AbortController();
    const { signal } = controller;
    const { addEventListener: add, removeEventListener: remove } = signal;
    const count = (by: number) => listeners.set(signal, (listeners.get(signal) ?? 0) + by);
    signal.addEventListener = (...args: Parameters<typeof add>) => {
      count(1);
      add.apply(signal, args);
    };
    signal.removeEventListener = (...args: Parameters<typeof remove>) => {
      count(-1);
      remove.apply(signal, args);
    };
    return signal;
  };
  const own = watched();
  const socket = openUdpSocket({ signal: own });
  const signal = watched();
  for (let i = 0; i < 3; i++) {
    const waits = [socket.receive({ signal }), socket.packets({ signal }).next()];
    await socket.send("x", at(socket, "127.0.0.3"));
    await socket.send("y", at(socket, "127.0.0.3"));
    await within(5000, Promise.all(waits));
  }
  assertEquals(listeners.get(signal), 0);
  const cancelled = assertRejects(() => socket.receive({ signal }), SocketError);
  const iterator = socket.packets({ signal });
  const ended = iterator.next();
  await iterator.return!();
  await ended;
  await socket.close();
  await cancelled;
  assertEquals([listeners.get(signal), listeners.get(own)], [0, 0]);
});

test("a storm of aborted waits loses no packet", async () => {
  await using socket = openUdpSocket();
  await using sender = openUdpSocket();
  const heard: string[] = [];
  for (let i = 0; i < 300; i++) {
    const controller = new AbortController();
    const waits = Array.from(
      { length: 3 },
      () =>
        socket.receive({ signal: controller.signal }).then(
          (packet) => void heard.push(text(packet)),
          () => {},
        ),
    );
    if (i % 3 === 0) await sender.send(`${i}`, at(socket, "127.0.0.3"));
    if (i % 2 === 0) await turn();
    controller.abort();
    await Promise.all(waits);
  }
  const sent = Array.from({ length: 100 }, (_, i) => `${i * 3}`);
  while (heard.length < 100) heard.push(text(await next(socket)));
  assertEquals(heard, sent);
});

test("unref and ref while waiting change nothing for the reader", async () => {
  await using socket = openUdpSocket();
  // A wait that holds nothing starts a thread of its own once; it is not needed for this.
  const received = socket.receive();
  await turn();
  socket.ref();
  await socket.send("x", at(socket, "127.0.0.3"));
  assertEquals(text(await received), "x");
});

test("200 sockets at once each answer, and leave no descriptor", async () => {
  await using client = openUdpSocket({ address: "127.0.0.2", receiveBufferSize: 1 << 20 });
  await client.send("x", at(client, "127.0.0.2"));
  await next(client);
  const before = descriptors();
  const sockets = Array.from({ length: 200 }, () => openUdpSocket({ family: "IPv4" }));
  assertEquals(descriptors(), before + 200);
  const serving = sockets.map(async (socket) => {
    for await (const packet of socket) await socket.reply(packet, packet.data);
  });
  const asked = sockets.map((socket, i) => ({ data: `${i}`, to: at(socket, "127.0.0.3") }));
  await client.sendMany(asked);
  const answers = new Map<string, number>();
  while (answers.size < 200) {
    const packet = await next(client);
    answers.set(text(packet), packet.source.port);
  }
  sockets.forEach((socket, i) => assertEquals(answers.get(`${i}`), socket.port));
  await Promise.all(sockets.map((socket) => socket.close()));
  await Promise.all(serving);
  assertEquals(descriptors(), before);
});

test("the last socket takes the poller with it", async () => {
  const before = descriptors();
  for (let i = 0; i < 20; i++) {
    const socket = openUdpSocket();
    const received = assertRejects(() => socket.receive(), SocketError);
    if (i % 2 === 0) await turn();
    await socket.close();
    await received;
  }
  assertEquals(descriptors(), before);
});

test("close and open again and again, with readers, mixes nothing up", async () => {
  await using sender = openUdpSocket();
  for (let i = 0; i < 50; i++) {
    const closing = openUdpSocket();
    const ended = closing.receive().catch((error) => error.code);
    if (i % 3 === 0) await turn();
    const closed = closing.close();
    // Its descriptors may be reused here while the old wait is still pending.
    await using socket = openUdpSocket();
    await sender.send(`${i}`, at(socket, "127.0.0.3"));
    assertEquals(await nextTexts(socket, 1), [`${i}`]);
    await closed;
    assertEquals(await ended, "ECANCELED");
  }
});

const lives: [what: string, mode: string, ends: boolean][] = [
  ["an open socket without a reader does not keep the process", "idle", true],
  ["a reader keeps the process", "reading", false],
  ["a reader of an unref'd socket does not", "unref", true],
  ["unref while reading lets the process go", "unref-later", true],
  ["ref takes unref back", "ref", false],
  ["an iteration that was broken off does not keep the process", "broken", true],
  ["a wait that was aborted does not keep the process", "aborted", true],
];

for (const [what, mode, ends] of lives) {
  test(what, async () => {
    await using program = await startProgram("lifetime.ts", ["--allow-ffi"], mode);
    await assertLife(program, ends);
  });
}

test("an unref'd socket still receives while something else keeps the process", async () => {
  await using program = await startProgram("lifetime.ts", ["--allow-ffi"], "unref-received");
  assertEquals(await program.nextLine(), "waiting");
  assertEquals(await program.nextLine(), "received late");
  assertEquals(await within(5_000, program.ended, "the end of the process"), "0");
});
