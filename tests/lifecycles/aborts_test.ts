// Storms of aborted waits: no listener stays on a signal, and no packet is lost by who did not wait for it to the end.
import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { InterfaceWatcher } from "../../interfaces/watch.ts";
import { openUdpSocket, type Packet, waitForLinkLocal, watchInterfaces } from "../../mod.ts";
import { figure } from "../figures.ts";
import { test, within } from "../harness.ts";
import { FakeLibrary } from "../kernel/fake_library.ts";
import { at, lo, next, text, turn } from "../kernel/support.ts";
import { openDescriptors } from "../programs/descriptors.ts";
import { full, outcome, watchDescriptors } from "./support.ts";

const WAITS = full ? 10_000 : 1_500;
const WATCHERS = full ? 2_000 : 150;

/** A controller whose signal counts its listeners. */
class Counted {
  readonly controller = new AbortController();
  readonly reason = new Error("no longer wanted");
  listeners = 0;

  constructor() {
    const { signal } = this;
    const { addEventListener: add, removeEventListener: remove } = signal;
    const present = new Set<unknown>();
    const update = () => this.listeners = present.size;
    signal.addEventListener = (...args: Parameters<typeof add>) => {
      const once = typeof args[2] === "object" && args[2].once;
      present.add(args[1]);
      if (once) {
        add.call(signal, args[0], () => {
          present.delete(args[1]);
          update();
        }, { once: true });
      }
      update();
      add.apply(signal, args);
    };
    signal.removeEventListener = (...args: Parameters<typeof remove>) => {
      present.delete(args[1]);
      update();
      remove.apply(signal, args);
    };
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  abort(): void {
    this.controller.abort(this.reason);
  }
}

/** When a wait is aborted, from before it begins until after its end. */
const MOMENTS: [what: string, run: (wait: () => Promise<unknown>, counted: Counted) => unknown][] =
  [
    ["before", (wait, counted) => {
      counted.abort();
      return wait();
    }],
    ["at once", (wait, counted) => {
      const waiting = wait();
      counted.abort();
      return waiting;
    }],
    ["a microtask later", async (wait, counted) => {
      const waiting = wait();
      waiting.catch(() => {});
      await null;
      counted.abort();
      return await waiting;
    }],
    ["a turn later", async (wait, counted) => {
      const waiting = wait();
      waiting.catch(() => {});
      await turn();
      counted.abort();
      return await waiting;
    }],
    ["twice", (wait, counted) => {
      const waiting = wait();
      counted.abort();
      counted.abort();
      return waiting;
    }],
  ];

test("a storm of waits that are aborted at any time loses no packet and leaves no listener", {
  timeout: 120_000,
}, async () => {
  await using socket = openUdpSocket({ receiveBufferSize: 1 << 20 });
  await using sender = openUdpSocket();
  const heard: number[] = [];
  const hear = (...packets: Packet[]) =>
    heard.push(...packets.map((packet) => Number(text(packet))));
  const waits: ((signal: AbortSignal) => Promise<unknown>)[] = [
    (signal) => socket.receive({ signal }).then(hear),
    (signal) => socket.receiveMany({ signal }).then((packets) => hear(...packets)),
    (signal) => socket.packets({ signal }).next().then(({ value }) => hear(value)),
    async (signal) => {
      for await (const packet of socket.packets({ signal })) hear(packet);
    },
  ];
  let aborted = 0;
  let sent = 0;
  for (let i = 0; i < WAITS; i++) {
    const counted = new Counted();
    const wait = () => waits[i % waits.length](counted.signal);
    const [what, run] = MOMENTS[(i >> 2) % MOMENTS.length];
    // A packet may be there already, or come while the wait is being aborted.
    if (i % 3 === 0) await sender.send(`${sent++}`, at(socket, "127.0.0.3"));
    const end = (async () => await run(wait, counted))();
    if (i % 5 === 0) await sender.send(`${sent++}`, at(socket, "127.0.0.3"));
    try {
      await within(5_000, end, `the end of a wait that was aborted ${what}`);
    } catch (error) {
      assertStrictEquals(error, counted.reason, what);
      aborted++;
    }
    assertEquals(counted.listeners, 0, what);
    // After the end nothing is left to be aborted.
    counted.abort();
    // What was left is for the next reader, before the kernel's buffer is full.
    while (i % 20 === 19 && heard.length < sent) hear(await next(socket));
  }
  while (heard.length < sent) hear(await next(socket));
  assertEquals(heard, heard.map((_, i) => i));
  assert(aborted > WAITS / 3, `${aborted} of ${WAITS}`);
  figure("lifecycles", "waits for packets in storms of aborted signals", WAITS);
  figure("lifecycles", "packets lost by aborted waits", sent - heard.length, { exact: true });
});

test("one signal for thousands of waits has as many listeners as there are waits, and none when they end", async () => {
  await using socket = openUdpSocket({ receiveBufferSize: 1 << 20 });
  await using sender = openUdpSocket();
  const counted = new Counted();
  const { signal } = counted;
  for (let i = 0; i < 1_000; i++) {
    const wait: Promise<unknown> = i % 2 === 0
      ? socket.receive({ signal })
      : socket.packets({ signal }).next();
    await sender.send("x", at(socket, "127.0.0.3"));
    await within(5_000, wait);
    assertEquals(counted.listeners, 0);
  }
  const all = Array.from({ length: 2_000 }, () => outcome(socket.receive({ signal })));
  assertEquals(counted.listeners, all.length);
  counted.abort();
  assertEquals(new Set(await within(5_000, Promise.all(all))), new Set(["Error"]));
  assertEquals(counted.listeners, 0);
  await sender.send("for the next", at(socket, "127.0.0.3"));
  assertEquals(text(await next(socket)), "for the next");
});

test("a socket's own signal has no listener left, however the socket ends", async () => {
  const counted = new Counted();
  const { signal } = counted;
  for (let i = 0; i < 100; i++) {
    const socket = openUdpSocket({ signal });
    assertEquals(counted.listeners, 1);
    await socket.close();
    assertEquals(counted.listeners, 0);
  }
  const sockets = Array.from({ length: 50 }, () => openUdpSocket({ signal }));
  const ends = sockets.map((socket) => outcome(socket.receive()));
  counted.abort();
  assertEquals(new Set(await within(5_000, Promise.all(ends))), new Set(["ECANCELED"]));
  await Promise.all(sockets.map((socket) => socket.close()));
  assertEquals(counted.listeners, 0);
});

test("watchers of interfaces that are aborted at any time leave no listener and no descriptor", {
  needs: ["linux"],
  timeout: 120_000,
}, async () => {
  const before = openDescriptors().length;
  const waits: ((signal: AbortSignal) => Promise<unknown>)[] = [
    (signal) => watchInterfaces({ signal }).next(),
    // Loopback never has one.
    (signal) => waitForLinkLocal(lo.name, { signal }),
    async (signal) => {
      for await (const _ of watchInterfaces({ signal }));
    },
    async (signal) => {
      await using watcher = watchInterfaces({ signal });
      await Promise.all([watcher.next(), watcher.next()]);
    },
  ];
  let aborted = 0;
  for (let i = 0; i < WATCHERS; i++) {
    const counted = new Counted();
    // Where the wait was aborted before, opening throws at once.
    const wait = async () => await waits[i % waits.length](counted.signal);
    const [what, run] = MOMENTS[(i >> 2) % MOMENTS.length];
    try {
      await within(5_000, (async () => await run(wait, counted))(), what);
    } catch (error) {
      assertStrictEquals(error, counted.reason, what);
      aborted++;
    }
    assertEquals(counted.listeners, 0, what);
    counted.abort();
  }
  assertEquals(aborted, WATCHERS);
  await turn();
  assertEquals(openDescriptors().length, before);
  figure("lifecycles", "watchers and waits for addresses in storms of aborted signals", WATCHERS);
});

test("aborting a watcher while it is closed calls nothing on what is closed", {
  needs: ["linux"],
}, async () => {
  for (let i = 0; i < 100; i++) {
    const library = watchDescriptors(new FakeLibrary());
    const controller = new AbortController();
    const watcher = new InterfaceWatcher(library.system, controller.signal);
    const end = watcher.next();
    if (i % 2 === 0) await turn();
    const closed = watcher.close();
    controller.abort();
    await closed;
    assertEquals(await within(5_000, end), { done: true, value: undefined });
    assertEquals([library.stray, [...library.open]], [[], []]);
  }
});
