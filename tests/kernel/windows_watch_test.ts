// Watching the interfaces of Windows: its notifications come on threads of its own and say only that something changed.
import { assert, assertEquals, assertThrows } from "@std/assert";
import { spawnSync } from "node:child_process";
import { listInterfaces } from "../../interfaces/list.ts";
import { InterfaceWatcher } from "../../interfaces/watch.ts";
import { interfaces, SocketError, watchInterfaces } from "../../mod.ts";
import { has, notOn, staysPending, test, type TestOptions, within } from "../harness.ts";
import { run } from "../lab/process.ts";
import { FakeLibrary } from "./fake_library.ts";
import { assertLife, descriptors, lo, startProgram, turn, until } from "./support.ts";
import { callOnThread } from "./windows_calls.ts";

const needs: TestOptions = { needs: ["windows"] };
const NOTIFICATIONS = ["NotifyIpInterfaceChange", "NotifyUnicastIpAddressChange"];
/** The argument that asks for a first notification at once. */
const INITIAL_NOTIFICATION = 3;
/** ERROR_ACCESS_DENIED, ERROR_BUFFER_OVERFLOW, ERROR_NO_DATA. */
const [ACCESS_DENIED, BUFFER_OVERFLOW, NO_DATA] = [5, 111, 232];

/** The list of Windows, in which something of each adapter can be changed. */
class Adapters {
  readonly library = new FakeLibrary();
  change: (view: DataView) => void = () => {};

  constructor() {
    const { system } = this.library;
    const { at, size } = system.platform.winsock!.layouts.IP_ADAPTER_ADDRESSES;
    this.library.on("GetAdaptersAddresses", ([, , , list], call) => {
      const error = call();
      if (error !== 0) return error;
      const start = system.runtime.addressOf(list);
      for (let address = start; address !== 0n;) {
        const view = new DataView(list.buffer, Number(address - start), size);
        this.change(view);
        address = view.getBigUint64(at.Next, true);
      }
      return error;
    });
  }

  /** From now on the MTU of loopback is this. */
  set mtu(mtu: number) {
    const { at } = this.library.system.platform.winsock!.layouts.IP_ADAPTER_ADDRESSES;
    this.change = (view) => {
      if (view.getUint32(at.IfIndex, true) === lo.index) view.setUint32(at.Mtu, mtu, true);
    };
  }

  notify() {
    callOnThread(this.library.callbacks[0]);
  }

  readonly watch = () => new InterfaceWatcher(this.library.system, null);
}

/** Only administrators may give an address. */
function isAdministrator(): boolean {
  return has("windows") && spawnSync("net", ["session"]).status === 0;
}

/** What is yielded for a change of loopback's MTU. */
async function nextMtu(watcher: InterfaceWatcher): Promise<number | null> {
  const { value: change } = await within(5_000, watcher.next(), "a change");
  assertEquals([change!.type, change!.interface.index], ["changed", lo.index]);
  return change!.interface.mtu;
}

test("a notification on a thread of Windows wakes whoever waits", needs, async () => {
  const adapters = new Adapters();
  await using watcher = adapters.watch();
  for (const mtu of [1400, 1401, 1402]) {
    const waiting = nextMtu(watcher);
    assert(await staysPending(5, waiting));
    adapters.mtu = mtu;
    adapters.notify();
    assertEquals(await waiting, mtu);
  }
});

test("notifications that nobody waits for are one change", needs, async () => {
  const adapters = new Adapters();
  await using watcher = adapters.watch();
  for (const mtu of [1400, 1401, 1402]) {
    adapters.mtu = mtu;
    adapters.notify();
    adapters.notify();
    await turn();
  }
  assertEquals(await nextMtu(watcher), 1402);
  assert(await staysPending(20, watcher.next()));
});

test("a notification of nothing is no change", needs, async () => {
  const adapters = new Adapters();
  await using watcher = adapters.watch();
  const waiting = watcher.next();
  const lists = () => adapters.library.count("GetAdaptersAddresses");
  const before = lists();
  adapters.notify();
  await until(() => lists() > before, "another look");
  assert(await staysPending(20, waiting));
});

for (const name of NOTIFICATIONS) {
  test(`Windows itself calls what it was given: ${name}`, {
    ...needs,
    skip: name === "NotifyIpInterfaceChange" && notOn("wine", "Wine only pretends to take it"),
  }, async () => {
    const { library, watch } = new Adapters();
    // To begin with a notification: Wine gives that one, at once and on our own thread, and no other.
    library.on(name, (args, call) => {
      args[INITIAL_NOTIFICATION] = 1;
      return call();
    });
    const watcher = watch();
    const lists = () => library.count("GetAdaptersAddresses");
    const before = lists();
    const waiting = watcher.next();
    await until(() => lists() > before, "a look at the list");
    await watcher.close();
    assertEquals((await waiting).done, true);
  });
}

test("an address that comes and goes is heard of", {
  ...needs,
  skip: notOn("wine", "Wine tells of no change") ||
    (!isAdministrator() && "needs an administrator"),
}, async () => {
  await using watcher = watchInterfaces();
  const address = "198.51.100.99";
  const netsh = (...args: string[]) => run("netsh", ["interface", "ipv4", ...args]);
  const told = async () => {
    for await (const change of watcher) {
      if ("address" in change && change.address.address === address) return change.type;
    }
  };
  await netsh("add", "address", String(lo.index), address, "255.255.255.255");
  try {
    assertEquals(await within(10_000, told(), "the address"), "address-added");
  } finally {
    await netsh("delete", "address", String(lo.index), address);
  }
  assertEquals(await within(10_000, told(), "its end"), "address-removed");
});

test("closing takes both notifications back, once", needs, async () => {
  const { library, watch } = new Adapters();
  const watcher = watch();
  assertEquals(NOTIFICATIONS.map((name) => library.count(name)), [1, 1]);
  await watcher.close();
  await watcher.close();
  assertEquals(library.blocking.filter((name) => name.startsWith("Cancel")).length, 2);
  assertEquals([library.open.size, library.stray], [0, []]);
});

test(
  "what Windows refuses while the watcher is made is thrown, and nothing stays open",
  needs,
  async () => {
    const before = descriptors();
    const refusals: [call: string, nth: number][] = [
      // The first wakes the watcher, the second the poller.
      ...["socket", "ioctlsocket", "bind", "connect"].flatMap((call): [string, number][] => [
        [call, 1],
        [call, 2],
      ]),
      ...NOTIFICATIONS.map((name): [string, number] => [name, 1]),
      ["GetAdaptersAddresses", 1],
    ];
    for (const [name, nth] of refusals) {
      const { library, watch } = new Adapters();
      const ofSocket = /^[a-z]/.test(name);
      let count = 0;
      library.on(name, (_, call) => {
        // There are two loopback addresses to be tried.
        if (count < nth - 1 || count > nth) return count++, call();
        count++;
        return ofSocket ? library.refuse("EACCES") : ACCESS_DENIED;
      });
      const error = assertThrows(watch, SocketError);
      assertEquals(error.code, "EACCES", `${name} ${nth}`);
      await until(() => library.open.size === 0, `the end of what ${name} ${nth} left`);
      const taken = NOTIFICATIONS.reduce((sum, notify) => sum + library.count(notify), 0);
      const given = library.blocking.filter((name) => name.startsWith("Cancel")).length;
      assertEquals(given, NOTIFICATIONS.includes(name) ? taken - 1 : taken, `${name} ${nth}`);
      assertEquals(library.stray, [], `${name} ${nth}`);
    }
    assertEquals(descriptors(), before);
  },
);

test("a list that has grown is asked for with more room, but not for ever", needs, () => {
  for (const tooSmall of [1, 3, 1000]) {
    const library = new FakeLibrary();
    let left = tooSmall;
    const rooms: number[] = [];
    library.on("GetAdaptersAddresses", ([, , , list, size], call) => {
      rooms.push(list.length);
      if (left-- <= 0) return call();
      new DataView(size.buffer).setUint32(0, list.length + 1000, true);
      return BUFFER_OVERFLOW;
    });
    const list = () => listInterfaces(library.system);
    if (tooSmall < 10) assertEquals(list(), interfaces());
    else assertThrows(list, SocketError, "GetAdaptersAddresses");
    assert(rooms.length <= 10, `${rooms.length} calls`);
    assertEquals(rooms, rooms.map((_, i) => rooms[0] + i * 1000));
  }
});

test("a host without adapters has an empty list", needs, () => {
  const library = new FakeLibrary().on("GetAdaptersAddresses", () => NO_DATA);
  assertEquals(listInterfaces(library.system), []);
});

test("a list that is refused is an error with its name", needs, () => {
  const library = new FakeLibrary().on("GetAdaptersAddresses", () => ACCESS_DENIED);
  const error = assertThrows(() => listInterfaces(library.system), SocketError);
  assertEquals([error.code, error.syscall], ["EACCES", "GetAdaptersAddresses"]);
});

test("a membership follows the interfaces as Windows tells of them", needs, async () => {
  const adapters = new Adapters();
  const { library } = adapters;
  const { at } = library.system.platform.winsock!.layouts.IP_ADAPTER_ADDRESSES;
  // Nothing is joined really: some of these interfaces lead to a network.
  library.onMembership(["join", "leave"], () => 0);
  await using socket = library.openSocket({ family: "IPv4" });
  const membership = socket.join("239.255.5.77");
  const joined = () => membership.interfaces.map(({ index }) => index);
  const before = joined();
  assert(before.length > 0);
  const [gone] = before;
  adapters.change = (view) => {
    const IF_OPER_STATUS_DOWN = 2;
    if (view.getUint32(at.IfIndex, true) !== gone) return;
    view.setUint32(at.OperStatus, IF_OPER_STATUS_DOWN, true);
  };
  adapters.notify();
  await until(() => !joined().includes(gone), "the interface's end");
  adapters.change = () => {};
  adapters.notify();
  await until(() => joined().includes(gone), "its return");
  assertEquals(joined().toSorted(), before.toSorted());
});

const lives: [what: string, mode: string, ends: boolean][] = [
  ["a watcher of Windows that nobody reads does not keep the process", "idle", true],
  ["waiting for a change keeps the process on Windows", "waiting", false],
  ["a wait that ends by close() does not keep it on Windows", "closed", true],
  ["a membership that follows does not keep the process on Windows", "following-long", true],
];

for (const [what, mode, ends] of lives) {
  test(what, { needs: ["windows"] }, async () => {
    await using program = await startProgram("watching.ts", ["--allow-ffi"], mode);
    await assertLife(program, ends);
  });
}

test(
  "the program that watches begins with the list, and goes on",
  { needs: ["windows"] },
  async () => {
    const args = ["interfaces", "--watch", "--json"];
    await using watching = await startProgram("../../cli/main.ts", ["--allow-ffi"], ...args);
    for (const expected of interfaces()) {
      assertEquals(await watching.nextJson(), { type: "present", interface: expected });
    }
    assert(await staysPending(200, watching.ended));
    assertEquals([watching.takeLines(), watching.stderr], [[], ""]);
  },
);
