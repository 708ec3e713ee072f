// macOS and BSD: a routing socket says that something changed, and getifaddrs(3) says what. A UDP socket on loopback
// stands in for the routing socket, so that messages are waited for in the real kernel; the list is our own.
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { type InterfaceChange, openUdpSocket, SocketError } from "../../mod.ts";
import type { InterfaceWatcher } from "../../interfaces/watch.ts";
import { staysPending, test, within } from "../harness.ts";
import { linkEntry, plain } from "./simulated.ts";
import {
  ETH7,
  Host,
  LO,
  MULTICAST_LOOPBACK,
  ROUTE,
  RTM_IFINFO,
  RTM_NEWADDR,
} from "./simulated_watch.ts";
import { at, descriptors, next, text, turn, until } from "./support.ts";

/** The next change, which must come soon. */
function change(watcher: InterfaceWatcher): Promise<InterfaceChange> {
  return within(5_000, watcher.next(), "a change").then(({ value }) => value!);
}

function said({ type, interface: { name } }: InterfaceChange): string {
  return `${type} ${name}`;
}

for (const [name, ...changes] of [["as here"], ["as on BSD", plain]] as const) {
  test(
    `a change is the difference to the list before (${name})`,
    { needs: ["linux"] },
    async () => {
      await using host = new Host(...changes);
      await using watcher = host.watch();
      assertEquals(watcher.interfaces.map(({ index, name }) => [index, name]), [[1, "lo"]]);
      // It waits in the kernel; then the message comes.
      const waiting = change(watcher);
      assert(await staysPending(1, waiting));
      host.list.entries = [...LO, ...ETH7];
      await host.tell(RTM_NEWADDR);
      const added = await waiting;
      assertEquals([said(added), added.interface.index], ["added eth7", 7]);
      assertEquals(added.interface.addresses.map(({ address }) => address), ["10.0.7.1"]);
      assertEquals(watcher.interfaces.map(({ name }) => name), ["lo", "eth7"]);
      host.list.entries = LO;
      await host.tell(RTM_IFINFO);
      assertEquals(said(await change(watcher)), "removed eth7");
    },
  );

  test(`news of nothing, and of what is no change, are waited through (${name})`, {
    needs: ["linux"],
  }, async () => {
    await using host = new Host(...changes);
    await using watcher = host.watch();
    const lists = () => host.simulated.count("getifaddrs");
    const before = lists();
    await host.tell(ROUTE, ROUTE);
    const waiting = change(watcher);
    assert(await staysPending(5, waiting));
    assertEquals(lists(), before, "a route is no reason to list anything");
    await host.tell(RTM_NEWADDR);
    await until(() => lists() > before, "a new list");
    assert(await staysPending(5, waiting), "nothing has changed");
    host.list.entries = [...LO, ...ETH7];
    await host.tell(ROUTE, RTM_NEWADDR, ROUTE);
    assertEquals(said(await waiting), "added eth7");
  });
}

test("a burst of messages is one list", { needs: ["linux"] }, async () => {
  await using host = new Host();
  await using watcher = host.watch();
  const before = host.simulated.count("getifaddrs");
  host.list.entries = [...LO, ...ETH7];
  await host.tell(...new Array(50).fill(RTM_IFINFO));
  assertEquals(said(await change(watcher)), "added eth7");
  assertEquals(host.simulated.count("getifaddrs"), before + 1);
});

test("what was lost is found by the list", { needs: ["linux"] }, async () => {
  await using host = new Host();
  await using watcher = host.watch();
  host.list.entries = [...LO, ...ETH7];
  let lost = true;
  host.simulated.on("recv", (_, call) => {
    if (!lost) return call();
    lost = false;
    return host.simulated.refuse("ENOBUFS");
  });
  assertEquals(said(await change(watcher)), "added eth7");
});

test("several watchers hear the same, each in its own time", { needs: ["linux"] }, async () => {
  await using host = new Host();
  await using first = host.watch();
  await using second = host.watch();
  host.list.entries = [...LO, ...ETH7];
  await host.tell(RTM_NEWADDR);
  assertEquals(said(await change(first)), "added eth7");
  host.list.entries = LO;
  await host.tell(RTM_NEWADDR);
  assertEquals(said(await change(first)), "removed eth7");
  // To the second one nothing has happened: there and gone between two looks.
  host.list.entries = [linkEntry("lo", 1, MULTICAST_LOOPBACK), LO[1]];
  await host.tell(RTM_IFINFO);
  assertEquals([said(await change(second)), said(await change(first))], [
    "changed lo",
    "changed lo",
  ]);
});

test("a watcher of a routing socket is ended, and leaves nothing open", {
  needs: ["linux"],
}, async () => {
  const before = descriptors();
  for (const changes of [[], [plain]]) {
    await using host = new Host(...changes);
    const controller = new AbortController();
    const watcher = host.watch(controller.signal);
    const waiting = watcher.next().catch((error) => error);
    await turn();
    controller.abort("enough");
    assertEquals(await within(5_000, waiting), "enough");
    const other = host.watch();
    const done = other.next();
    await turn();
    await other.close();
    assertEquals(await done, { done: true, value: undefined });
    assertEquals(host.simulated.open.size, 0);
  }
  await until(() => descriptors() === before, "the end of all descriptors");
});

test("a routing socket that is refused, and a list that is", { needs: ["linux"] }, async () => {
  await using host = new Host();
  host.simulated.on("getifaddrs", () => host.simulated.refuse("ENOMEM"));
  assertThrows(() => host.watch(), SocketError, "getifaddrs");
  await until(() => host.simulated.open.size === 0, "the end of the routing socket");
  await using other = new Host();
  await using watcher = other.watch();
  other.simulated.on("getifaddrs", () => other.simulated.refuse("ENOMEM"));
  await other.tell(RTM_IFINFO);
  await assertRejects(() => within(5_000, watcher.next()), SocketError, "getifaddrs");
  assertEquals(other.simulated.open.size, 0, "a watcher that failed is closed");
});

test("a membership follows what a routing socket tells", { needs: ["linux"] }, async () => {
  await using host = new Host();
  await using socket = host.simulated.openSocket({ family: "IPv4" });
  const membership = socket.join("239.255.24.1");
  assertEquals(membership.interfaces, [], "no interface here does multicast");
  await using peer = openUdpSocket({ multicastInterface: "lo" });
  // Loopback learns multicast: it is joined, in the real kernel.
  host.list.entries = [linkEntry("lo", 1, MULTICAST_LOOPBACK), LO[1]];
  const waiting = socket.receive();
  await host.tell(RTM_IFINFO);
  await until(() => membership.interfaces.length > 0, "the join");
  assertEquals(membership.interfaces, [{ index: 1, name: "lo" }]);
  await peer.send("group", at(socket, "239.255.24.1"));
  const packet = await within(5_000, waiting);
  assertEquals([text(packet), packet.cast], ["group", "multicast"]);
  // And unlearns it: what the kernel may still hand over is not wanted any more.
  host.list.entries = LO;
  await host.tell(RTM_IFINFO);
  const marker = next(socket);
  await until(() => membership.interfaces.length === 0, "the end of the membership");
  await peer.send("late", at(socket, "239.255.24.1"));
  await peer.send("marker", at(socket));
  assertEquals(text(await marker), "marker");
});
