// The options of openUdpSocket: what the kernel was told, and what the other end sees of it.
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { interfaces, openUdpSocket, SocketError } from "../../mod.ts";
import { test } from "../harness.ts";
import { startReceiver } from "../lab/peers.ts";
import { FakeLibrary } from "./fake_library.ts";
import { at, next, text, until } from "./support.ts";

/** Level and number of the options looked at (ip(7), ipv6(7), socket(7)). */
const [SOL_SOCKET, IP, IPV6] = [1, 0, 41];

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
    await using receiver = openUdpSocket({ groups: ["239.255.6.1@lo"] });
    await using socket = openUdpSocket({ multicastHops, hops: 50 });
    await socket.send("group", `${at(receiver, "239.255.6.1")}@lo`, { source: "127.0.0.2" });
    await socket.send("unicast", at(receiver, "127.0.0.3"));
    const [group, unicast] = [await next(receiver), await next(receiver)];
    assertEquals([text(group), group.hops], ["group", multicastHops]);
    assertEquals([text(unicast), unicast.hops], ["unicast", 50]);
  });
}

test("multicasts have one hop and loop back unless told otherwise", async () => {
  await using receiver = openUdpSocket({ groups: ["239.255.6.2@lo"] });
  await using socket = openUdpSocket();
  await socket.send("group", `${at(receiver, "239.255.6.2")}@lo`, { source: "127.0.0.2" });
  assertEquals((await next(receiver)).hops, 1);
});

test(
  "each sending option reaches the kernel, in both families",
  { needs: ["linux", "ipv6"] },
  async () => {
    const library = new FakeLibrary();
    await using _socket = library.openSocket({
      hops: 41,
      trafficClass: 0x44,
      multicastHops: 42,
      multicastLoopback: false,
      multicastInterface: "lo",
      broadcast: true,
    });
    assertEquals(library.option(0, IP, 2), 41);
    assertEquals(library.option(0, IP, 1), 0x44);
    assertEquals(library.option(0, IP, 33), 42);
    assertEquals(library.option(0, IP, 34), 0);
    // As struct ip_mreqn.
    assertEquals(
      new DataView(library.rawOption(0, IP, 32, 12).slice().buffer).byteLength > 0,
      true,
    );
    assertEquals(library.option(0, SOL_SOCKET, 6), 1);
    assertEquals(library.option(1, IPV6, 16), 41);
    assertEquals(library.option(1, IPV6, 67), 0x44);
    assertEquals(library.option(1, IPV6, 18), 42);
    assertEquals(library.option(1, IPV6, 19), 0);
    assertEquals(library.option(1, IPV6, 17), 1);
  },
);

test("without options the kernel keeps its own", { needs: ["linux", "ipv6"] }, async () => {
  const library = new FakeLibrary();
  await using _socket = library.openSocket();
  assertEquals(library.option(0, IP, 33), 1);
  assertEquals(library.option(0, IP, 34), 1);
  assertEquals(library.option(1, IPV6, 18), 1);
  assertEquals(library.option(1, IPV6, 19), 1);
  assertEquals(library.option(1, IPV6, 26), 1, "IPV6_V6ONLY");
  for (const nth of [0, 1]) {
    assertEquals(library.option(nth, SOL_SOCKET, 6), 0, "SO_BROADCAST");
    assertEquals(library.option(nth, SOL_SOCKET, 2), 0, "SO_REUSEADDR");
    assertEquals(library.option(nth, SOL_SOCKET, 15), 0, "SO_REUSEPORT");
  }
});

test("multicastInterface sends groups out of it without saying so each time", async () => {
  await using receiver = openUdpSocket({ groups: ["239.255.6.3@lo"] });
  for (const multicastInterface of ["lo", 1, "127.0.0.1"]) {
    await using socket = openUdpSocket({ multicastInterface, family: "IPv4" });
    await socket.send("x", at(receiver, "239.255.6.3"), { source: "127.0.0.2" });
    const packet = await next(receiver);
    assertEquals([packet.interfaceName, packet.source.address], ["lo", "127.0.0.2"]);
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
  assertEquals((await next(socket)).cast, "broadcast");
  assertEquals(socket.stats.sent, 0);
});

test("buffer sizes are asked for, and what was granted is told", { needs: ["linux"] }, async () => {
  await using socket = openUdpSocket({ receiveBufferSize: 30_000, sendBufferSize: 20_000 });
  // Linux doubles: its own overhead counts too (socket(7)).
  assertEquals(socket.stats.receiveBufferSize, 60_000);
  assertEquals(socket.stats.sendBufferSize, 40_000);
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

test("interface: receive and send on this one only", { needs: ["linux", "ipv6"] }, async () => {
  const library = new FakeLibrary();
  await using socket = library.openSocket({ interface: "lo" });
  // SO_BINDTODEVICE; where the kernel refuses it (before 5.7, as an ordinary user) the library filters itself.
  if (library.calls.includes("bind")) {
    for (const nth of [0, 1]) {
      const name = new TextDecoder().decode(library.rawOption(nth, SOL_SOCKET, 25, 16));
      assertEquals(name.replace(/\0.*/, ""), "lo");
    }
  }
  await socket.send("four", at(socket, "127.0.0.3"));
  await socket.send("six", at(socket, "::1"));
  assertEquals([(await next(socket)).interfaceName, (await next(socket)).interfaceName], [
    "lo",
    "lo",
  ]);
});

test("interface works where the kernel does not select by it", async () => {
  const library = new FakeLibrary().lacksOptions([SOL_SOCKET, 25]);
  await using socket = library.openSocket({ interface: "lo" });
  await socket.send("x", at(socket, "127.0.0.3"));
  assertEquals((await next(socket)).interfaceName, "lo");
  // Another interface, which need not be up: nothing comes in there.
  const other = interfaces().find(({ index }) => index !== 1);
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
  await using socket = openUdpSocket({ interface: "lo", groups: ["239.255.6.4"] });
  const membership = socket.join("239.255.6.5");
  assertEquals(membership.interfaces, [{ index: 1, name: "lo" }]);
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
