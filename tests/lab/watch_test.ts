// Every kind of change, made by iproute2, as the watcher tells it.
import { assert, assertEquals, assertExists } from "@std/assert";
import { type InterfaceChange, watchInterfaces } from "../../mod.ts";
import { test, type TestOptions } from "../harness.ts";
import { replay, sorted } from "../interfaces/replay.ts";
import { atOnce } from "./events.ts";
import { Lab } from "./lab.ts";
import {
  changesSoFar,
  changesUntil,
  knownAndReal,
  nextChange,
  watch,
  words,
} from "./watch_support.ts";
import "./sockets.ts"; // loads the library before the first test

const needs: TestOptions = { needs: ["lab"] };

/** What happens to link-local addresses and all peers is told too; a test looks at what it is about. */
const about = (name: string, ...types: string[]) => (changes: InterfaceChange[]) =>
  changes.filter((change) =>
    change.interface.name === name && (types.length === 0 || types.includes(change.type)) &&
    !("address" in change && change.address.address.startsWith("fe80:"))
  ).map(words);

test("an interface is added, and removed with all it had", needs, async () => {
  await using lab = new Lab();
  await using watcher = await watch();
  await lab.ip("link add br0 index 4000 type bridge");
  const added = await nextChange(watcher);
  assert(added.type === "added");
  const { mac, ...rest } = added.interface;
  assertExists(mac);
  assertEquals(rest, {
    index: 4000,
    name: "br0",
    description: null,
    mtu: 1500,
    up: false,
    running: false,
    loopback: false,
    multicast: true,
    pointToPoint: false,
    addresses: [],
  });
  assertEquals(watcher.interfaces.at(-1), added.interface);
  await lab.ip("addr add 10.6.0.1/24 dev br0");
  assertEquals(words(await nextChange(watcher)), "address-added br0 10.6.0.1");
  await lab.ip("link del br0");
  const changes = await changesUntil(watcher, ({ type }) => type === "removed");
  const { interface: last } = changes.at(-1)!;
  assertEquals([last.index, last.name, last.mac], [4000, "br0", mac]);
  assertEquals(...knownAndReal(watcher));
});

test("up and down, with and without carrier", needs, async () => {
  await using _lab = new Lab();
  atOnce(["link add one0 type veth peer name two0"]);
  await using watcher = await watch();
  const link = (...types: string[]) => about("one0", ...types);
  atOnce(["link set one0 up"]);
  assertEquals(link("up", "down", "running", "not-running")(await changesSoFar(watcher)), [
    "up one0",
  ]);
  atOnce(["link set two0 up"]);
  const running = await changesUntil(watcher, (change) => words(change) === "running one0");
  assertEquals(running.at(-1)!.interface.running, true);
  await changesUntil(
    watcher,
    (change) => words(change) === "address-added one0 " + linkLocal(change),
  );
  atOnce(["link set two0 down"]);
  await changesUntil(watcher, (change) => words(change) === "not-running one0");
  assertEquals(watcher.interfaces.find(({ name }) => name === "one0")?.up, true);
  atOnce(["link set one0 down"]);
  const down = await changesUntil(watcher, (change) => words(change) === "down one0");
  assertEquals(down.at(-1)!.interface.up, false);
  assertEquals((await changesSoFar(watcher)).filter(({ type }) => type === "up"), []);
  assertEquals(...knownAndReal(watcher));
});

function linkLocal(change: InterfaceChange): string {
  return "address" in change && change.address.scopeId !== null ? change.address.address : "";
}

test("another name, MTU, MAC address, ability", needs, async () => {
  await using lab = new Lab();
  atOnce(["link add one0 type veth peer name two0"]);
  await using watcher = await watch();
  const before = watcher.interfaces.find(({ name }) => name === "one0")!;
  await lab.ip("link set one0 name other0");
  const renamed = await nextChange(watcher);
  assert(renamed.type === "renamed");
  assertEquals(renamed.previous, before);
  assertEquals(renamed.interface, { ...before, name: "other0" });
  for (
    const [command, news] of [
      ["mtu 1400", { mtu: 1400 }],
      ["address 02:00:00:00:00:77", { mac: "02:00:00:00:00:77" }],
      ["multicast off", { multicast: false }],
    ] as const
  ) {
    const previous = watcher.interfaces.find(({ name }) => name === "other0")!;
    await lab.ip(`link set other0 ${command}`);
    const changed = await nextChange(watcher);
    assert(changed.type === "changed");
    assertEquals(changed.previous, previous);
    assertEquals(changed.interface, { ...previous, ...news });
  }
  assertEquals(await changesSoFar(watcher), []);
  assertEquals(...knownAndReal(watcher));
});

test("what nobody can see is no change", needs, async () => {
  await using _lab = new Lab();
  atOnce(["link add br0 type bridge", "link set br0 up", "link add one0 type veth peer name two0"]);
  await using watcher = await watch();
  atOnce([
    "link set br0 alias something",
    "link set br0 txqueuelen 7",
    "link set br0 promisc on",
    "link set one0 master br0",
    "link set one0 nomaster",
    "route add 10.77.0.0/16 dev br0",
  ]);
  const changes = await changesSoFar(watcher);
  // A bridge takes the address of its first port.
  assertEquals(changes.filter(({ interface: { name } }) => name !== "br0").map(words), []);
  assertEquals(changes.map(({ type }) => type).filter((type) => type === "removed"), []);
  assertEquals(...knownAndReal(watcher));
});

test("addresses: added, changed, deprecated, removed", needs, async () => {
  await using lab = new Lab();
  atOnce(["link add br0 type bridge", "link set br0 up"]);
  await using watcher = await watch();
  await changesSoFar(watcher);
  const next = async (command: string) => {
    await lab.ip(command);
    const [change, ...more] = await changesSoFar(watcher);
    assertEquals(more.map(words), []);
    assert("address" in change);
    const shown = change.interface.addresses.filter((own) =>
      own.address === change.address.address
    );
    assertEquals(shown, change.type === "address-removed" ? [] : [change.address]);
    return [change.type, change.address] as const;
  };
  const v4 = {
    address: "10.6.0.1",
    family: "IPv4",
    prefixLength: 24,
    broadcast: "10.6.0.255",
    scopeId: null,
    tentative: false,
    duplicate: false,
    temporary: false,
    deprecated: false,
  } as const;
  assertEquals(await next("addr add 10.6.0.1/24 broadcast + dev br0"), ["address-added", v4]);
  const old = { ...v4, deprecated: true };
  const change4 = "addr change 10.6.0.1/24 broadcast + dev br0 preferred_lft 0 valid_lft 1000";
  assertEquals(await next(change4), ["address-changed", old]);
  assertEquals(await next("addr del 10.6.0.1/24 dev br0"), ["address-removed", old]);
  const odd = { ...v4, broadcast: "10.6.0.77" };
  assertEquals(await next("addr add 10.6.0.1/24 broadcast 10.6.0.77 dev br0"), [
    "address-added",
    odd,
  ]);
  const v6 = {
    ...v4,
    address: "fd06::1",
    family: "IPv6",
    prefixLength: 64,
    broadcast: null,
  } as const;
  assertEquals(await next("addr add fd06::1/64 dev br0 nodad"), ["address-added", v6]);
  assertEquals(await next("addr change fd06::1/64 dev br0 preferred_lft 0 valid_lft 1000"), [
    "address-changed",
    { ...v6, deprecated: true },
  ]);
  assertEquals(await next("addr change fd06::1/64 dev br0 preferred_lft 1000 valid_lft 1000"), [
    "address-changed",
    v6,
  ]);
  assertEquals(await next("addr del fd06::1/64 dev br0"), ["address-removed", v6]);
  assertEquals(...knownAndReal(watcher));
});

test("one address twice, with other prefix lengths and other ends", needs, async () => {
  await using _lab = new Lab();
  atOnce(["link add br0 type bridge"]);
  await using watcher = await watch();
  const before = watcher.interfaces;
  atOnce([
    "addr add 10.6.0.1/24 dev br0",
    "addr add 10.6.0.1/16 dev br0",
    "addr add 10.7.0.1 peer 10.7.0.2/32 dev br0",
    "addr add fd06::1 peer fd06::2/128 dev br0 nodad",
    "addr del 10.6.0.1/24 dev br0",
  ]);
  const changes = await changesSoFar(watcher);
  // Each family's in its order.
  assertEquals(about("br0")(changes).filter((text) => !text.includes(":")), [
    "address-added br0 10.6.0.1",
    "address-added br0 10.6.0.1",
    "address-added br0 10.7.0.1",
    "address-removed br0 10.6.0.1",
  ]);
  assertEquals(replay(before, changes), sorted(watcher.interfaces));
  assertEquals(...knownAndReal(watcher));
});

for (
  const [what, first, second] of [
    [
      "one IPv4 address with two other ends is two",
      "addr add 10.7.0.1 peer 10.7.0.2/32 dev br0",
      "addr add 10.7.0.1 peer 10.7.0.3/32 dev br0",
    ],
    [
      "an IPv6 address with another peer is the same address",
      "addr add fd06::1 peer fd06::2/128 dev br0 nodad",
      "addr replace fd06::1 peer fd06::3/128 dev br0 nodad",
    ],
  ]
) {
  test(what, needs, async () => {
    await using _lab = new Lab();
    atOnce(["link add br0 type bridge"]);
    await using watcher = await watch();
    const before = watcher.interfaces;
    atOnce([first]);
    const changes = await changesSoFar(watcher);
    atOnce([second]);
    changes.push(...await changesSoFar(watcher));
    assertEquals(...knownAndReal(watcher));
    assertEquals(replay(before, changes), sorted(watcher.interfaces));
  });
}

test(
  "tentative, then usable; or a duplicate, which is never",
  { ...needs, timeout: 30_000 },
  async () => {
    await using lab = new Lab({ duplicateAddressDetection: true });
    atOnce(["link add one0 type veth peer name two0"]);
    await lab.here.sysctl({ "net.ipv6.conf.one0.addr_gen_mode": "1" });
    await lab.here.sysctl({ "net.ipv6.conf.two0.addr_gen_mode": "1" });
    atOnce(["link set one0 up", "link set two0 up", "addr add fd06::2/64 dev two0 nodad"]);
    await using watcher = await watch();
    atOnce(["addr add fd06::1/64 dev one0", "addr add fd06::2/64 dev one0"]);
    const changes = await changesUntil(watcher, ({ type }) => type === "address-usable", 10_000);
    const of = (address: string) =>
      changes.filter((change) => "address" in change && change.address.address === address)
        .map((change) => {
          assert("address" in change);
          return [change.type, change.address.tentative, change.address.duplicate];
        });
    assertEquals(of("fd06::1"), [["address-added", true, false], ["address-usable", false, false]]);
    assertEquals(of("fd06::2"), [["address-added", true, false], ["address-changed", true, true]]);
    assertEquals(...knownAndReal(watcher));
  },
);

test("an index is another interface's between two looks", needs, async () => {
  await using _lab = new Lab();
  atOnce([
    "link add one0 index 4000 type bridge",
    "link set one0 up",
    "addr add 10.6.0.1/24 dev one0",
  ]);
  await using watcher = await watch();
  const before = watcher.interfaces;
  atOnce([
    "link del one0",
    "link add two0 index 4000 type bridge",
    "addr add 10.6.0.2/24 dev two0",
    "link del two0",
    "link add one0 index 4000 type bridge",
  ]);
  const changes = await changesSoFar(watcher);
  assertEquals(
    changes.filter(({ type }) => type === "added" || type === "removed" || type === "renamed")
      .map(words),
    ["removed one0", "added two0", "removed two0", "added one0"],
  );
  assertEquals(watcher.interfaces.at(-1)?.addresses, []);
  assertEquals(replay(before, changes), sorted(watcher.interfaces));
  assertEquals(...knownAndReal(watcher));
});

test("what happens before the first question is told", needs, async () => {
  await using _lab = new Lab();
  const watcher = watchInterfaces();
  const before = watcher.interfaces;
  atOnce(["link add one0 type veth peer name two0", "link set one0 up", "link set two0 up"]);
  atOnce(["addr add 10.6.0.1/24 dev one0", "link del one0", "link add last0 type bridge"]);
  assertEquals(watcher.interfaces, before, "the list waits for the reader");
  const changes = await changesSoFar(watcher);
  assertEquals(about("one0", "added", "up", "address-added", "removed")(changes), [
    "added one0",
    "up one0",
    "address-added one0 10.6.0.1",
    "removed one0",
  ]);
  assertEquals(replay(before, changes), sorted(watcher.interfaces));
  assertEquals(...knownAndReal(watcher));
  await watcher.close();
});

test("several questions at once are answered in their order, each change once", needs, async () => {
  await using _lab = new Lab();
  await using watcher = await watch();
  const asked = Array.from({ length: 4 }, () => nextChange(watcher));
  atOnce(["link add one0 type bridge", "link set one0 mtu 1400", "addr add 10.6.0.1/24 dev one0"]);
  atOnce(["link del one0"]);
  const [first, second, third] = (await Promise.all(asked)).map(words);
  assertEquals([first, second, third], [
    "added one0",
    "changed one0",
    "address-added one0 10.6.0.1",
  ]);
  // Two watchers hear the same.
  await changesSoFar(watcher);
  await using other = watchInterfaces();
  atOnce(["link add two0 type bridge"]);
  assertEquals((await Promise.all([watcher, other].map((each) => nextChange(each)))).map(words), [
    "added two0",
    "added two0",
  ]);
});
