// The options of openUdpSocket: what the kernel was told, and what the other end sees of it.
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { interfaces, openUdpSocket, SocketError } from "../../mod.ts";
import { has, notOn, test } from "../harness.ts";
import { startReceiver } from "../lab/peers.ts";
import { FakeLibrary } from "./fake_library.ts";
import { at, lo, next, text, until } from "./support.ts";

test(
  "hops and trafficClass are on every unicast",
  { needs: ["linux", "python3", "ipv6"] },
  async () => {
    await using socket = openUdpSocket({ hops: 44, trafficClass: 0x33 });
    await using four = await startReceiver(null);
    await using six = await startReceiver(null, { family: "IPv6" });
    for (const [receiver, address] of [[four, "127.0.0.3"], [six, "::1"]] as const) {
      await socket.send("own", at(receiver, address));
      await socket.send("other", at(receiver, address), { hops: 45 });
      await socket.sendMany([{ data: "own", to: at(receiver, address) }]);
      for (const hops of [44, 45, 44]) {
        const packet = await receiver.next();
        assertEquals([packet.hops, packet.trafficClass], [hops, 0x33]);
      }
    }
  },
);

for (const multicastHops of [0, 1, 7, 255]) {
  test(`multicastHops ${multicastHops} is on multicasts only`, async () => {
    await using receiver = openUdpSocket({ groups: [`239.255.6.1@${lo.name}`] });
    await using socket = openUdpSocket({ multicastHops, hops: 50 });
    await socket.send("group", `${at(receiver, "239.255.6.1")}@${lo.name}`, {
      source: "127.0.0.2",
    });
    await socket.send("unicast", at(receiver, "127.0.0.3"));
    const [group, unicast] = [await next(receiver), await next(receiver)];
    assertEquals([text(group), group.hops], ["group", multicastHops]);
    assertEquals([text(unicast), unicast.hops], ["unicast", 50]);
  });
}

test("multicasts have one hop and loop back unless told otherwise", async () => {
  await using receiver = openUdpSocket({ groups: [`239.255.6.2@${lo.name}`] });
  await using socket = openUdpSocket();
  await socket.send("group", `${at(receiver, "239.255.6.2")}@${lo.name}`, { source: "127.0.0.2" });
  assertEquals((await next(receiver)).hops, 1);
});

/** Says so on each datagram instead, or is confined to the interface anyway. */
const noIpv6MulticastInterface = notOn("qemu", "QEMU does not know IPV6_MULTICAST_IF");

test(
  "each sending option reaches the kernel, in both families",
  { needs: ["ipv6"], skip: noIpv6MulticastInterface },
  async () => {
    const library = new FakeLibrary();
    const hasTrafficClass = library.system.hasOption("IPv6", "trafficClass");
    await using _socket = library.openSocket({
      hops: 41,
      ...(hasTrafficClass ? { trafficClass: 0x44 } : {}),
      multicastHops: 42,
      multicastLoopback: false,
      multicastInterface: lo.index,
      broadcast: true,
    });
    for (const [nth, family] of [[0, "IPv4"], [1, "IPv6"]] as const) {
      assertEquals(library.option(nth, family, "hops"), 41);
      assertEquals(library.option(nth, family, "multicastHops"), 42);
      assertEquals(library.option(nth, family, "multicastLoopback"), 0);
    }
    if (hasTrafficClass) {
      assertEquals(library.option(0, "IPv4", "trafficClass"), 0x44);
      assertEquals(library.option(1, "IPv6", "trafficClass"), 0x44);
    }
    assertEquals(library.option(0, "IPv4", "broadcast"), 1);
    assertEquals(library.option(1, "IPv6", "multicastInterface"), lo.index);
  },
);

test("without options the kernel keeps its own", { needs: ["ipv6"] }, async () => {
  const library = new FakeLibrary();
  await using _socket = library.openSocket();
  assertEquals(library.option(1, "IPv6", "onlyThisFamily"), 1);
  for (const [nth, family] of [[0, "IPv4"], [1, "IPv6"]] as const) {
    assertEquals(library.option(nth, family, "multicastHops"), 1);
    assertEquals(library.option(nth, family, "multicastLoopback"), 1);
    for (const name of ["broadcast", "share", "reusePort"] as const) {
      assert(!library.option(nth, family, name), `${name} of ${family}`);
    }
  }
});

test("multicastInterface sends groups out of it without saying so each time", async () => {
  await using receiver = openUdpSocket({ groups: [`239.255.6.3@${lo.name}`] });
  for (const multicastInterface of [lo.name, lo.index, "127.0.0.1"]) {
    await using socket = openUdpSocket({ multicastInterface, family: "IPv4" });
    await socket.send("x", at(receiver, "239.255.6.3"), { source: "127.0.0.2" });
    const packet = await next(receiver);
    assertEquals(packet.interfaceName, lo.name);
  }
});

test("broadcast must be asked for", async () => {
  await using socket = openUdpSocket();
  const error = await assertRejects(
    () => socket.send("x", at(socket, "127.255.255.255")),
    SocketError,
  );
  assertEquals([error.code, error.address], ["EACCES", "127.255.255.255"]);
  assertStringIncludes(error.hint ?? "", "broadcast: true");
  await using allowed = openUdpSocket({ broadcast: true });
  await allowed.send("x", at(socket, "127.255.255.255"));
  assertEquals((await next(socket)).destination.address, "127.255.255.255");
  assertEquals(socket.stats.sent, 0);
});

test("a broadcast says that it is one", {
  skip: notOn("wine", "Wine does not mark them (MSG_BCAST)"),
}, async () => {
  await using socket = openUdpSocket({ broadcast: true });
  await socket.send("x", at(socket, "127.255.255.255"));
  assertEquals((await next(socket)).cast, "broadcast");
});

test("buffer sizes are asked for, and what was granted is told", async () => {
  await using socket = openUdpSocket({ receiveBufferSize: 30_000, sendBufferSize: 20_000 });
  // Linux doubles: its own overhead counts too (socket(7)).
  const times = has("linux") ? 2 : 1;
  assertEquals(socket.stats.receiveBufferSize, times * 30_000);
  assertEquals(socket.stats.sendBufferSize, times * 20_000);
  await using other = openUdpSocket();
  assert(other.stats.receiveBufferSize! > 60_000);
  await socket.close();
  assertEquals([socket.stats.receiveBufferSize, socket.stats.sendBufferSize], [null, null]);
});

test(
  "a receive buffer above the system's limit is cut, and that is seen",
  { needs: ["linux"] },
  async () => {
    await using socket = openUdpSocket({ receiveBufferSize: 2 ** 31 - 1 });
    assert(socket.stats.receiveBufferSize! > 0);
    assert(socket.stats.receiveBufferSize! < 2 ** 31 - 1);
  },
);

test("interface: receive and send on this one only", { needs: ["ipv6"] }, async () => {
  await using socket = openUdpSocket({ interface: lo.name });
  await socket.send("four", at(socket, "127.0.0.3"));
  await socket.send("six", at(socket, "::1"));
  const packets = [await next(socket), await next(socket)];
  assertEquals(packets.map(({ interfaceName }) => interfaceName), [lo.name, lo.name]);
});

test("interface: the kernel itself selects by it", {
  needs: ["linux", "ipv6"],
  skip: notOn("qemu", "QEMU does not tell SO_BINDTODEVICE"),
}, async () => {
  const library = new FakeLibrary();
  await using _socket = library.openSocket({ interface: lo.name });
  for (const nth of [0, 1]) assertEquals(library.boundInterface(nth), lo.name);
});

test("interface works where the kernel does not select by it", {
  skip: noIpv6MulticastInterface,
}, async () => {
  const library = new FakeLibrary().lacksOptions(["bindToInterface"]);
  await using socket = library.openSocket({ interface: lo.name });
  await socket.send("x", at(socket, "127.0.0.3"));
  assertEquals((await next(socket)).interfaceName, lo.name);
  // Another interface, which need not be up: nothing comes in there.
  const other = interfaces().find(({ index, addresses }) =>
    index !== lo.index && addresses.some(({ family }) => family === "IPv4")
  );
  if (!other) return;
  await using elsewhere = library.openSocket({ interface: other.name, family: "IPv4" });
  const received = elsewhere.receive().then(() => "received", (error) => error.code);
  await socket.send("x", at(elsewhere, "127.0.0.3"));
  await until(() => elsewhere.stats.filtered === 1, "the filter");
  await elsewhere.close();
  assertEquals(await received, "ECANCELED");
  assertEquals([elsewhere.stats.received, elsewhere.stats.filtered], [0, 1]);
});

test("groups of a socket on one interface are joined there", async () => {
  await using socket = openUdpSocket({ interface: lo.name, groups: ["239.255.6.4"] });
  const membership = socket.join("239.255.6.5");
  assertEquals(membership.interfaces, [lo]);
  await socket.send("x", at(socket, "239.255.6.4"), { source: "127.0.0.2" });
  assertEquals((await next(socket)).destination.address, "239.255.6.4");
});

test("the signal closes the socket", async () => {
  const controller = new AbortController();
  const socket = openUdpSocket({ signal: controller.signal });
  const received = assertRejects(() => socket.receive(), SocketError);
  const iterated = (async () => {
    for await (const _ of socket);
    return "ended";
  })();
  controller.abort(new Error("enough"));
  assertEquals((await received).code, "ECANCELED");
  assertEquals(await iterated, "ended");
  assertEquals((await assertRejects(() => socket.receive(), SocketError)).code, "EBADF");
  await socket.close();
});
