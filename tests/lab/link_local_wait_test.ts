// Waiting for the link-local address: of a TAP device, behind duplicate detection, of interfaces that change meanwhile.
import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { interfaces, openUdpSocket, SocketError, waitForLinkLocal } from "../../mod.ts";
import { staysPending, test, type TestOptions, within } from "../harness.ts";
import { descriptors } from "../kernel/support.ts";
import { atOnce, FLOOD, FLOODED } from "./events.ts";
import { Lab } from "./lab.ts";
import { startTapHolder } from "./tap.ts";
import "./sockets.ts"; // loads the library before the first test

const needs: TestOptions = { needs: ["lab"], timeout: 30_000 };
const soon = <T>(promise: Promise<T>) => within(10_000, promise, "the link-local address");

/** Its addresses that are link-local, as there are now. */
const own = (name: string) =>
  interfaces().find((item) => item.name === name)!.addresses.filter(({ scopeId }) => scopeId);

test("an address that is there is told at once, by name and by index", needs, async () => {
  await using lab = new Lab();
  atOnce(["link add one0 type veth peer name two0", "link set two0 up", "link set one0 up"]);
  const expected = await lab.here.linkLocal("one0");
  const index = await lab.here.index("one0");
  for (const name of ["one0", index, String(index)]) {
    const found = await soon(waitForLinkLocal(name));
    assertEquals([found.address, found.port, found.family], [expected, 0, "IPv6"]);
    assertEquals([found.zone, found.scopeId], ["one0", index]);
    assertEquals(found.toString(), `[${expected}%one0]:0`);
  }
});

test("a TAP device has it once a program opens it and no duplicate was found", {
  needs: ["lab", "python3", "tun"],
  timeout: 30_000,
}, async () => {
  await using lab = new Lab({ duplicateAddressDetection: true });
  await using holder = await startTapHolder(lab.here);
  atOnce(["tuntap add dev tap0 mode tap", "link set tap0 up"]);
  const waits = [waitForLinkLocal("tap0"), waitForLinkLocal("tap0")];
  assert(await staysPending(200, Promise.race(waits)), "there is no carrier");
  assertEquals(own("tap0"), []);
  await holder.open("tap0");
  const [first, second] = await Promise.all(waits.map(soon));
  assertEquals(first.toString(), second.toString());
  assertEquals(own("tap0").map(({ address, tentative }) => [address, tentative]), [
    [first.address, false],
  ]);
  // It can be bound to at once: this is what the wait is for.
  await using socket = openUdpSocket({ address: `${first.address}%${first.zone}` });
  assertEquals(socket.localAddresses[0].scopeId, first.scopeId);
});

test("a tentative address is waited for", needs, async () => {
  await using _lab = new Lab({ duplicateAddressDetection: true });
  atOnce(["link add one0 type veth peer name two0", "link set two0 up", "link set one0 up"]);
  const found = await soon(waitForLinkLocal("one0"));
  await using socket = openUdpSocket({ address: `${found.address}%one0` });
  assertEquals(socket.localAddresses[0].address, found.address);
});

test("an interface that is down, renamed and brought up is the same", needs, async () => {
  await using lab = new Lab();
  atOnce(["link add one0 type veth peer name two0", "link set two0 up"]);
  const wait = waitForLinkLocal("one0");
  atOnce(["link set one0 name other0", "link add one0 type bridge", "link set other0 up"]);
  const found = await soon(wait);
  assertEquals([found.zone, found.scopeId], ["other0", await lab.here.index("other0")]);
});

test("an interface without IPv6 is waited for until it has it", needs, async () => {
  await using _lab = new Lab();
  atOnce(["link add one0 type veth peer name two0", "link set one0 mtu 1000"]);
  atOnce(["link set two0 up", "link set one0 up"]);
  const wait = waitForLinkLocal("one0");
  assert(await staysPending(100, wait));
  atOnce(["link set one0 mtu 1500"]);
  assertEquals((await soon(wait)).zone, "one0");
});

test("an address that another host has is an error that says so", needs, async () => {
  await using lab = new Lab({ duplicateAddressDetection: true });
  for (const byHand of [true, false]) {
    atOnce(["link add one0 address 02:00:00:00:00:01 type veth peer name two0"]);
    await lab.here.sysctl({ "net.ipv6.conf.two0.addr_gen_mode": "1" });
    if (byHand) await lab.here.sysctl({ "net.ipv6.conf.one0.addr_gen_mode": "1" });
    atOnce(["addr add fe80::ff:fe00:1/64 dev two0 nodad", "link set two0 up", "link set one0 up"]);
    if (byHand) atOnce(["addr add fe80::ff:fe00:1/64 dev one0"]);
    const error = await soon(assertRejects(() => waitForLinkLocal("one0"), SocketError));
    assertEquals([error.code, error.address], ["EADDRINUSE", "fe80::ff:fe00:1"]);
    assertEquals(error.interfaceIndex, await lab.here.index("one0"));
    assert(error.hint !== null && error.message.includes("another host"), error.message);
    // A second address is as good.
    atOnce(["addr add fe80::77/64 dev one0 nodad"]);
    assertEquals((await soon(waitForLinkLocal("one0"))).address, "fe80::77");
    atOnce(["link del one0"]);
  }
});

test("an interface that goes while it is waited for", needs, async () => {
  await using _lab = new Lab();
  const before = descriptors();
  const add = "link add one0 index 4000 type bridge";
  for (
    const [what, name, ...commands] of [
      ["gone", "one0", "link del one0"],
      ["by its index", 4000, "link del one0"],
      ["gone and back", "one0", "link del one0", add],
      [
        "another's index",
        "one0",
        "link del one0",
        "link add two0 index 4000 type bridge",
        "link set two0 up",
        "addr add fe80::77/64 dev two0 nodad",
      ],
    ] as [string, string | number, ...string[]][]
  ) {
    atOnce([add]);
    const wait = assertRejects(() => waitForLinkLocal(name), SocketError);
    await staysPending(0, wait);
    atOnce(commands);
    const error = await soon(wait);
    assertEquals([what, error.code], [what, "ENODEV"]);
    assert(error.message.includes(String(name)), error.message);
    atOnce(
      [`link del ${what === "another's index" ? "two0" : "lo0"}`].filter((c) => !/lo0/.test(c)),
    );
    if (what === "gone and back") atOnce(["link del one0"]);
  }
  assertEquals(descriptors(), before);
});

test("an overrun in between loses nothing", needs, async () => {
  await using _lab = new Lab();
  atOnce([...FLOODED, "link add one0 type veth peer name two0", "link set two0 up"]);
  const wait = waitForLinkLocal("one0");
  await staysPending(0, wait);
  atOnce([...FLOOD, "link set one0 up"]);
  assertEquals((await soon(wait)).zone, "one0");
});

test("an aborted wait rejects with the reason and leaves nothing", needs, async () => {
  await using _lab = new Lab();
  atOnce(["link add one0 type bridge"]);
  const before = descriptors();
  const controller = new AbortController();
  const wait = assertRejects(() => waitForLinkLocal("one0", { signal: controller.signal }));
  await staysPending(0, wait);
  atOnce(["link add two0 type bridge"]);
  const reason = new Error("no longer interested");
  controller.abort(reason);
  assertStrictEquals(await soon(wait), reason);
  assertEquals(descriptors(), before);
  const late = await assertRejects(() =>
    waitForLinkLocal("one0", { signal: AbortSignal.timeout(20) })
  );
  assertEquals([(late as Error).name, descriptors()], ["TimeoutError", before]);
});
