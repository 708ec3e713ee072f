// Wrong input to watching and waiting: a clear error before anything is opened, and nothing left behind.
import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import {
  interfaces,
  openUdpSocket,
  SocketError,
  waitForLinkLocal,
  watchInterfaces,
} from "../../mod.ts";
import { InterfaceWatcher } from "../../interfaces/watch.ts";
import { test, type TestOptions, within } from "../harness.ts";
import { FakeLibrary } from "./fake_library.ts";
import { descriptors, turn } from "./support.ts";

const netlink: TestOptions = { needs: ["linux"] };

/** Runs it, and counts the descriptors before and after. */
async function leakless(body: () => unknown): Promise<void> {
  const before = descriptors();
  await body();
  assertEquals(descriptors(), before, "descriptors");
}

const unknown = [
  "nowhere",
  "two words",
  "no.where",
  "exactly15chars.",
  "sixteencharacter",
  "x".repeat(255),
  "eth0.100",
  "-",
  ".",
  "..",
  "é",
  "4294967295",
  "2147483647",
  "192.0.2.77",
  "fe80::dead:77",
  2147483647,
];

for (const name of unknown) {
  test(`no interface is called ${name}`, () =>
    leakless(async () => {
      const error = await assertRejects(() => waitForLinkLocal(name), SocketError);
      assertEquals(error.code, "ENODEV");
      assert(error.message.includes(String(name)), error.message);
      await using socket = openUdpSocket();
      const refused = assertThrows(
        () => socket.join("239.1.2.3", { interface: name }),
        SocketError,
      );
      assertEquals(refused.code, "ENODEV");
      assert(refused.message.includes(String(name)), refused.message);
    }));
}

test(
  "a label finds its interface, by the interface's own name",
  netlink,
  () =>
    leakless(async () => {
      // if_nametoindex(3) takes "lo:1" for an address's label and looks for "lo".
      await using socket = openUdpSocket();
      const { interfaces: [joined] } = socket.join("239.1.2.3", { interface: "lo:1" });
      assertEquals(joined, { index: 1, name: "lo" });
    }),
);

const impossible: unknown[] = [
  "",
  " ",
  "two words ",
  "tab\there",
  "line\n",
  "nul\0",
  "a/b",
  "fe80::1%lo",
  "x".repeat(256),
  0,
  -1,
  1.5,
  2 ** 31,
  NaN,
  Infinity,
  null,
  undefined,
  {},
  [],
  true,
  1n,
  Symbol.iterator,
];

test(
  "what can be no interface's name or index is a TypeError or a RangeError",
  () =>
    leakless(async () => {
      for (const name of impossible) {
        const error = await assertRejects(() => waitForLinkLocal(name as string));
        const kind = typeof name === "number" ? RangeError : TypeError;
        assert(error instanceof kind, `${String(name)}: ${error}`);
        assert(/interface/.test(error.message), error.message);
      }
    }),
);

test("wrong options say what is wrong", () =>
  leakless(async () => {
    const signal = new AbortController().signal;
    for (
      const [options, says] of [
        [null, "object"],
        [1, "object"],
        ["x", "object"],
        [{ signal: null }, "AbortSignal"],
        [{ signal: {} }, "AbortSignal"],
        [{ signal, singal: signal }, '"singal"'],
        [{ timeout: 5 }, '"timeout"'],
      ] as [{ signal: AbortSignal }, string][]
    ) {
      assertThrows(() => watchInterfaces(options), TypeError, says);
      await assertRejects(() => waitForLinkLocal("lo", options), TypeError, says);
    }
  }));

test("a signal that is aborted already opens nothing", () =>
  leakless(async () => {
    const reason = new Error("too late");
    const signal = AbortSignal.abort(reason);
    assertStrictEquals(assertThrows(() => watchInterfaces({ signal })), reason);
    assertStrictEquals(await assertRejects(() => waitForLinkLocal("lo", { signal })), reason);
    // A wrong name is said first.
    await assertRejects(() => waitForLinkLocal("", { signal }), TypeError);
    // Reasons of other kinds, too.
    const odd = AbortSignal.abort("a text");
    let thrown: unknown;
    try {
      watchInterfaces({ signal: odd });
    } catch (error) {
      thrown = error;
    }
    assertEquals(thrown, "a text");
  }));

test(
  "an abort while waiting rejects with the reason, then and later",
  () =>
    leakless(async () => {
      const controller = new AbortController();
      const { signal } = controller;
      const watcher = watchInterfaces({ signal });
      const waits = [watcher.next(), watcher.next()].map((wait) => assertRejects(() => wait));
      await turn();
      const reason = new Error("no longer interested");
      controller.abort(reason);
      for (const wait of waits) assertStrictEquals(await within(5_000, wait), reason);
      assertStrictEquals(await assertRejects(() => watcher.next()), reason);
      await watcher.close();
      await watcher.return();
    }),
);

test("an abort after the end changes nothing", () =>
  leakless(async () => {
    const controller = new AbortController();
    const watcher = watchInterfaces({ signal: controller.signal });
    await watcher.close();
    controller.abort();
    assertEquals(await watcher.next(), { done: true, value: undefined });
  }));

test("the signal keeps no listener when it is over", async () => {
  const controller = new AbortController();
  const { signal } = controller;
  let listeners = 0;
  const { addEventListener: add, removeEventListener: remove } = signal;
  signal.addEventListener = (...args: Parameters<typeof add>) => {
    listeners++;
    add.apply(signal, args);
  };
  signal.removeEventListener = (...args: Parameters<typeof remove>) => {
    listeners--;
    remove.apply(signal, args);
  };
  for (let i = 0; i < 3; i++) {
    await using watcher = watchInterfaces({ signal });
    if (i > 0) await watcher.return();
  }
  await waitForLinkLocal("nowhere", { signal }).catch(() => {});
  assertEquals(listeners, 0);
});

test(
  "every way to the end: close, return, break, throw, await using",
  () =>
    leakless(async () => {
      const end = { done: true as const, value: undefined };
      const closed = watchInterfaces();
      const list = closed.interfaces;
      assertEquals(list, interfaces());
      const first = closed.close();
      assertStrictEquals(closed.close(), first, "a second time is the first");
      await first;
      assertEquals(await closed.next(), end);
      assertEquals(closed.interfaces, list, "what was known stays");
      const returned = watchInterfaces();
      assertEquals([await returned.return(), await returned.next()], [end, end]);
      {
        await using used = watchInterfaces();
        assertStrictEquals(used[Symbol.asyncIterator](), used);
      }
      // Close while two are waiting.
      const waiting = watchInterfaces();
      const waits = [waiting.next(), waiting.next()];
      await turn();
      await waiting.close();
      assertEquals(await within(5_000, Promise.all(waits)), [end, end]);
      // Close before the wait has begun.
      const hurried = watchInterfaces();
      const wait = hurried.next();
      await hurried.close();
      assertEquals(await within(5_000, wait), end);
    }),
);

test(
  "what the OS refuses while the watcher is made is thrown, and nothing stays open",
  netlink,
  () =>
    leakless(async () => {
      for (
        const [call, nth, code] of [
          ["socket", 1, "EMFILE"],
          ["socket", 1, "EAFNOSUPPORT"],
          ["bind", 1, "EPERM"],
          ["eventfd", 1, "EMFILE"],
          ["epoll_create1", 1, "EMFILE"],
          ["epoll_ctl", 1, "ENOMEM"],
          ["epoll_ctl", 2, "ENOMEM"],
        ] as const
      ) {
        const library = new FakeLibrary();
        const { platform: { epoll, wake }, runtime } = library.system;
        // An event loop that looks at descriptors itself needs none.
        if ((epoll === null || runtime.watch) && call.startsWith("epoll")) continue;
        if (wake === "socket" && call === "eventfd") continue;
        let count = 0;
        library.on(call, (_, real) => ++count === nth ? library.refuse(code) : real());
        const error = assertThrows(() => new InterfaceWatcher(library.system, null), SocketError);
        assertEquals([call, error.code], [call, code]);
        await turn();
        assertEquals([library.open.size, library.stray], [0, []], call);
      }
    }),
);

test(
  "what the OS refuses later is thrown by next(), once, and it is over",
  netlink,
  () =>
    leakless(async () => {
      const library = new FakeLibrary();
      const watcher = new InterfaceWatcher(library.system, null);
      const fd = library.sockets[0];
      library.on("recv", (args, call) => args[0] === fd ? library.refuse("EIO") : call());
      const error = await assertRejects(() => watcher.next(), SocketError);
      assertEquals([error.code, error.syscall], ["EIO", "netlink events"]);
      assertEquals(await watcher.next(), { done: true, value: undefined });
      assertEquals([library.open.size, library.stray], [0, []]);
    }),
);

test(
  "a loop that is left by break or by an error leaves nothing open",
  netlink,
  () =>
    leakless(async () => {
      // A change that is made up: loopback has a message of the kernel's with another name.
      const withChange = () => {
        const library = new FakeLibrary();
        const watcher = new InterfaceWatcher(library.system, null);
        const { constants, layouts } = library.system.platform.netlink!;
        const fd = library.sockets[0];
        let sent = false;
        library.on("recv", (args, call) => {
          if (args[0] !== fd || sent) return call();
          sent = true;
          const length = layouts.nlmsghdr.size + layouts.ifinfomsg.size;
          const view = new DataView(args[1].buffer);
          args[1].fill(0, 0, length);
          view.setUint32(0, length + 8, true);
          view.setUint16(4, constants.RTM_DELLINK, true);
          view.setInt32(layouts.nlmsghdr.size + layouts.ifinfomsg.at.ifi_index, 1, true);
          args[1].set([7, 0, constants.IFLA_IFNAME, 0, 0x6c, 0x6f, 0, 0], length);
          return length + 8;
        });
        return watcher;
      };
      for await (const { type, interface: { name } } of withChange()) {
        assertEquals([type, name], ["removed", "lo"]);
        break;
      }
      const error = new Error("mine");
      const thrown = await assertRejects(async () => {
        for await (const _ of withChange()) throw error;
      });
      assertStrictEquals(thrown, error);
    }),
);

test("the hint of a refused netlink socket makes sense", netlink, () => {
  const library = new FakeLibrary();
  library.on("socket", () => library.refuse("EAFNOSUPPORT"));
  const error = assertThrows(() => new InterfaceWatcher(library.system, null), SocketError);
  assert(!/that family/.test(error.message), error.message);
});
