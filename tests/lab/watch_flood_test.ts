// Watching when a lot happens: between the ear and the list, more than the kernel keeps, without end.
import { assert, assertEquals } from "@std/assert";
import process from "node:process";
import { watchInterfaces } from "../../mod.ts";
import { InterfaceWatcher } from "../../interfaces/watch.ts";
import { test, type TestOptions } from "../harness.ts";
import { replay, sorted } from "../interfaces/replay.ts";
import { descriptors } from "../kernel/support.ts";
import { FakeLibrary } from "../kernel/fake_library.ts";
import { atOnce, FLOOD, FLOODED } from "./events.ts";
import { Lab } from "./lab.ts";
import { changesSoFar, knownAndReal, watch, words } from "./watch_support.ts";
import "./sockets.ts"; // loads the library before the first test

const needs: TestOptions = { needs: ["lab"], timeout: 90_000 };

/** What can happen between two system calls of ours. */
const incidents: [what: string, before: string[], meanwhile: string[]][] = [
  ["an interface comes", [], ["link add one0 type bridge", "addr add 10.6.0.1/24 dev one0"]],
  ["an interface goes", ["link add one0 type bridge", "addr add 10.6.0.1/24 dev one0"], [
    "link del one0",
  ]],
  ["an interface comes and goes", [], ["link add one0 type bridge", "link del one0"]],
  ["an index is another's", [
    "link add one0 index 4000 type bridge",
    "addr add 10.6.0.1/24 dev one0",
  ], [
    "link del one0",
    "link add two0 index 4000 type bridge",
    "addr add 10.6.0.2/24 dev two0",
  ]],
  ["addresses come and go", ["link add one0 type bridge", "addr add 10.6.0.1/24 dev one0"], [
    "addr del 10.6.0.1/24 dev one0",
    "addr add fd06::1/64 dev one0 nodad",
    "link set one0 name other0",
  ]],
];

/** The moments at which it happens: before or after which call, the n-th of its kind. */
const moments: [moment: string, call: string, nth: number, after: boolean][] = [
  ["before the ear is open", "bind", 1, false],
  ["between the ear and the list", "bind", 1, true],
  ["before the links are asked for", "sendto", 1, false],
  ["while the links are written", "sendto", 1, true],
  ["between links and addresses", "sendto", 2, false],
  ["while the addresses are written", "sendto", 2, true],
];

for (const [what, before, meanwhile] of incidents) {
  test(`${what} while the watcher is made: nothing is missed`, needs, async () => {
    for (const [moment, call, nth, after] of moments) {
      await using _lab = new Lab();
      if (before.length > 0) atOnce(before);
      const library = new FakeLibrary();
      let count = 0;
      library.on(call, (_, real) => {
        const now = ++count === nth;
        if (now && !after) atOnce(meanwhile);
        const result = real();
        if (now && after) atOnce(meanwhile);
        return result;
      });
      await using watcher = new InterfaceWatcher(library.system, null);
      assert(count >= nth, moment);
      const first = watcher.interfaces;
      const changes = await changesSoFar(watcher);
      assertEquals(...knownAndReal(watcher));
      // Told from the snapshot on, without a gap.
      assertEquals(replay(first, changes), sorted(watcher.interfaces));
      await watcher.close();
      assertEquals([library.open.size, library.stray], [0, []]);
    }
  });
}

test("more than the kernel keeps: the difference is told", needs, async () => {
  await using _lab = new Lab();
  atOnce([
    ...FLOODED,
    "link add gone0 type bridge",
    "link add swap0 index 4000 type bridge",
    "addr add 10.6.0.1/24 dev swap0",
    "link add stays0 type bridge",
    "addr add 10.6.1.1/24 dev stays0",
  ]);
  await using watcher = await watch();
  const before = watcher.interfaces;
  atOnce([
    ...FLOOD,
    "link add brief0 type bridge",
    "link del brief0",
    "link del gone0",
    "link del swap0",
    "link add other0 index 4000 type bridge",
    "addr del 10.6.1.1/24 dev stays0",
    "addr add 10.6.1.2/24 dev stays0",
    "link set stays0 up mtu 1400",
    "link add comes0 type bridge",
  ]);
  const changes = await changesSoFar(watcher, 20_000);
  // What came and went in the meantime is nowhere: this shows that events were lost.
  const told = changes.map(words).filter((text) => !/flood0|fe80/.test(text));
  assertEquals(told.toSorted(), [
    "added comes0",
    "added other0",
    "address-added stays0 10.6.1.2",
    "address-removed stays0 10.6.1.1",
    "changed stays0",
    "removed gone0",
    "removed swap0",
    "running stays0",
    "up stays0",
  ]);
  assertEquals(replay(before, changes), sorted(watcher.interfaces));
  assertEquals(...knownAndReal(watcher));
  // And it goes on from there.
  atOnce(["link del comes0"]);
  assertEquals((await changesSoFar(watcher)).map(words), ["removed comes0"]);
});

test("again and again more than the kernel keeps, in bounded memory", needs, async () => {
  await using _lab = new Lab();
  atOnce(FLOODED);
  await using watcher = await watch();
  const addresses = Array.from(
    { length: 5000 },
    (_, i) => `addr add 10.${6 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}/32 dev flood0`,
  );
  const heap = () => {
    (globalThis as { gc?: () => void }).gc?.();
    return process.memoryUsage().rss;
  };
  atOnce(FLOOD);
  await changesSoFar(watcher, 20_000);
  const before = heap();
  for (let round = 0; round < 5; round++) {
    atOnce([...FLOOD, ...FLOOD]);
    await changesSoFar(watcher, 20_000);
  }
  assert(heap() - before < 64 << 20, `${(heap() - before) >> 20} MiB more`);
  // Thousands of addresses that stay are told, each.
  atOnce([...FLOOD, ...addresses]);
  const added = await changesSoFar(watcher, 40_000);
  assertEquals(added.filter(({ type }) => type === "address-added").length, 5000);
  assertEquals(...knownAndReal(watcher));
  atOnce([...FLOOD, "addr flush dev flood0"]);
  const removed = await changesSoFar(watcher, 40_000);
  assertEquals(removed.filter(({ type }) => type === "address-removed").length >= 5000, true);
  assertEquals(...knownAndReal(watcher));
});

test("an overrun that the kernel only reports is mended too", needs, async () => {
  await using _lab = new Lab();
  atOnce(["link add one0 type bridge"]);
  const library = new FakeLibrary();
  await using watcher = new InterfaceWatcher(library.system, null);
  const fd = library.sockets[0];
  const before = watcher.interfaces;
  atOnce(["link add two0 type bridge", "link del one0"]);
  let lost = 1;
  library.on("recv", (args, call) => {
    if (args[0] !== fd || lost === 0) return call();
    // The first is lost, and so is what was in the queue by then.
    lost--;
    return library.refuse("ENOBUFS");
  });
  const changes = await changesSoFar(watcher);
  assertEquals(changes.map(words), ["removed one0", "added two0"]);
  assertEquals(replay(before, changes), sorted(watcher.interfaces));
  // A list that was interrupted by an overrun of its own.
  lost = 2;
  atOnce(["link add three0 type bridge"]);
  assertEquals((await changesSoFar(watcher)).map(words), ["added three0"]);
  assertEquals(...knownAndReal(watcher));
});

test("a flood of changes leaves timers their turn", needs, async () => {
  await using _lab = new Lab();
  atOnce(["link add one0 type bridge"]);
  await using watcher = watchInterfaces();
  let mtu = 1500;
  const flood = () => atOnce(Array.from({ length: 50 }, () => `link set one0 mtu ${--mtu}`));
  flood();
  let fired = false;
  setTimeout(() => fired = true, 0);
  // There is always something more to read.
  let changes = 0;
  while (!fired && changes < 2000) {
    await watcher.next();
    if (++changes % 40 === 0) flood();
    if (mtu < 200) mtu = 1500;
  }
  assert(fired, `${changes} changes, and the timer has not fired`);
});

for (
  const [kind, lost] of [["of what is no change", false], ["behind an overrun", true]] as const
) {
  test(`a flood ${kind} leaves timers their turn`, needs, async () => {
    await using _lab = new Lab();
    atOnce(FLOODED);
    const library = new FakeLibrary();
    await using watcher = new InterfaceWatcher(library.system, null);
    await changesSoFar(watcher);
    const fd = library.sockets[0];
    // The kernel's message, again and again, as if somebody sent them without end.
    let message: Uint8Array | null = null;
    let left = 20_000, over = !lost;
    atOnce(FLOOD.slice(0, 1));
    library.on("recv", (args, call) => {
      if (args[0] !== fd) return call();
      if (message === null) {
        const length = call();
        message = args[1].slice(0, length);
        return length;
      }
      if (!over) {
        over = true;
        return library.refuse("ENOBUFS");
      }
      if (left === 0) return call();
      left--;
      args[1].set(message);
      return message.length;
    });
    const next = changesSoFar(watcher, 30_000);
    let seen = -1;
    const timer = new Promise<void>((resolve) =>
      setTimeout(() => {
        seen = left;
        left = 0;
        resolve();
      }, 5)
    );
    await timer;
    await next;
    assert(seen > 0, "the timer had to wait for the end of the flood");
  });
}

test("watching costs one descriptor, and leaves none", needs, async () => {
  await using _lab = new Lab();
  const before = descriptors();
  for (let i = 0; i < 20; i++) {
    const watchers = [watchInterfaces(), watchInterfaces(), watchInterfaces()];
    atOnce(["link add one0 type bridge", "link del one0"]);
    await watchers[0].next();
    const waiting = watchers[1].next().then(() => watchers[1].next()).then(() =>
      watchers[1].next()
    );
    await Promise.all(watchers.map((watcher) => watcher.close()));
    await waiting;
    assertEquals(descriptors(), before);
  }
});
