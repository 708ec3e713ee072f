// A fixed peer: connect, disconnect, and what stays the same.
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { openUdpSocket, SocketAddress, type UdpSocket } from "../../mod.ts";
import { notOn, test } from "../harness.ts";
import { startReceiver } from "../lab/peers.ts";
import { FakeLibrary } from "./fake_library.ts";
import { at, lo, needsSource, next, nextTexts, text } from "./support.ts";

function localAddress(socket: UdpSocket, family: string): string {
  return socket.localAddresses.find((address) => address.family === family)!.address;
}

const disconnects = notOn("wine", "Wine takes the port away with the peer");

for (
  const [here, there, stranger] of [["127.0.0.2", "127.0.0.3", "127.0.0.4"], ["::1", "::1", "::1"]]
) {
  const family = here === "::1" ? "IPv6" : "IPv4";
  test(`a connected socket hears its peer only: ${family}`, { needs: ["ipv6"] }, async () => {
    await using peer = openUdpSocket({ address: there });
    await using other = openUdpSocket({ address: stranger });
    for (const options of [{}, { address: here }]) {
      await using socket = openUdpSocket(options);
      const { port } = socket;
      socket.connect(at(peer, there));
      assertEquals(socket.port, port);
      // The kernel fixes the own address too: the one that the route to the peer has.
      const own = localAddress(socket, family);
      await other.send("stranger", at(socket, own));
      await peer.send("peer", at(socket, own));
      assertEquals(await nextTexts(socket, 1), ["peer"]);
      // Same address, another port.
      await using impostor = openUdpSocket({ address: there });
      await impostor.send("impostor", at(socket, own));
      await peer.send("peer", at(socket, own));
      assertEquals(await nextTexts(socket, 1), ["peer"]);
    }
  });

  test(`disconnect hears everybody again, on the same port: ${family}`, {
    needs: ["ipv6"],
    skip: disconnects,
  }, async () => {
    await using peer = openUdpSocket({ address: there });
    await using other = openUdpSocket({ address: stranger });
    await using fixed = openUdpSocket();
    const { port } = fixed;
    await fixed.close();
    for (const options of [{}, { port }, { address: here }, { address: here, port }]) {
      await using socket = openUdpSocket(options);
      const before = socket.localAddresses.map(String);
      for (let i = 0; i < 2; i++) {
        socket.connect(at(peer, there));
        socket.disconnect();
        socket.disconnect();
        assertEquals(socket.localAddresses.map(String), before);
        await other.send("stranger", at(socket, here));
        await peer.send("peer", at(socket, here));
        assertEquals(await nextTexts(socket, 2), ["stranger", "peer"]);
      }
    }
  });
}

test("a connected socket sends without a destination, with every option", {
  needs: ["linux", "python3"],
}, async () => {
  await using receiver = await startReceiver(null);
  await using socket = openUdpSocket();
  socket.connect(at(receiver, "127.0.0.3"));
  await socket.send("plain");
  await socket.send("options", undefined, { source: "127.0.0.9", hops: 7, trafficClass: 8 });
  assertEquals(
    await socket.sendMany([{ data: "1" }, { data: "2", hops: 9 }, { data: "x".repeat(3000) }]),
    3,
  );
  const seen = [];
  for (let i = 0; i < 5; i++) {
    const packet = await receiver.next();
    assertEquals([packet.destination, packet.source.port], ["127.0.0.3", socket.port]);
    seen.push([packet.length, packet.hops, packet.trafficClass, packet.source.address]);
  }
  assertEquals(seen, [
    [5, 64, 0, "127.0.0.1"],
    [7, 7, 8, "127.0.0.9"],
    [1, 64, 0, "127.0.0.1"],
    [1, 9, 0, "127.0.0.1"],
    [3000, 64, 0, "127.0.0.1"],
  ]);
});

test("a connected socket may still name another destination", async () => {
  await using peer = openUdpSocket({ address: "127.0.0.3" });
  await using other = openUdpSocket({ address: "127.0.0.4" });
  await using socket = openUdpSocket();
  socket.connect(at(peer, "127.0.0.3"));
  await socket.send("other", at(other, "127.0.0.4"));
  await socket.send("peer");
  assertEquals([text(await next(other)), text(await next(peer))], ["other", "peer"]);
});

test("every way to write a destination connects", {
  needs: ["ipv6"],
  skip: needsSource,
}, async () => {
  await using peer = openUdpSocket();
  await using socket = openUdpSocket();
  for (
    const to of [
      at(peer, "127.0.0.3"),
      { address: "127.0.0.3", port: peer.port },
      SocketAddress.parse(at(peer, "127.0.0.3")),
      `[::ffff:127.0.0.3]:${peer.port}`,
      `[::1%${lo.name}]:${peer.port}`,
      at(peer, "::1"),
    ]
  ) {
    socket.connect(to);
    await socket.send("x");
    const packet = await next(peer);
    await peer.reply(packet, "back");
    assertEquals(await nextTexts(socket, 1), ["back"]);
  }
});

test("the other family hears nothing while connected", { needs: ["ipv6"] }, async () => {
  await using four = openUdpSocket({ address: "127.0.0.3" });
  await using six = openUdpSocket({ address: "::1" });
  await using socket = openUdpSocket();
  socket.connect(at(four, "127.0.0.3"));
  await six.send("six", at(socket, "::1"));
  await four.send("four", at(socket, localAddress(socket, "IPv4")));
  assertEquals(await nextTexts(socket, 1), ["four"]);
});

test("the other family hears again after disconnecting", {
  needs: ["ipv6"],
  skip: disconnects,
}, async () => {
  await using peer = openUdpSocket();
  await using socket = openUdpSocket();
  socket.connect(at(peer, "127.0.0.3"));
  socket.disconnect();
  await peer.send("six", at(socket, "::1"));
  assertEquals(await nextTexts(socket, 1), ["six"]);
});

test("connecting in one family and then in the other leaves neither half stuck", {
  needs: ["ipv6"],
  skip: disconnects,
}, async () => {
  await using peer = openUdpSocket();
  await using other = openUdpSocket({ address: "127.0.0.4" });
  await using socket = openUdpSocket();
  socket.connect(at(peer, "127.0.0.3"));
  socket.connect(at(peer, "::1"));
  socket.disconnect();
  await other.send("from another", at(socket, "127.0.0.2"));
  await other.send("marker", at(socket, "127.0.0.2"));
  await peer.send("last", at(socket, "::1"));
  assertEquals((await nextTexts(socket, 3)).sort(), ["from another", "last", "marker"]);
});

test("what was read before connecting is no exception", async () => {
  await using peer = openUdpSocket({ address: "127.0.0.3" });
  await using other = openUdpSocket({ address: "127.0.0.4" });
  await using socket = openUdpSocket();
  for (let i = 0; i < 3; i++) await other.send(`${i}`, at(socket, "127.0.0.2"));
  assertEquals(await nextTexts(socket, 1), ["0"]);
  socket.connect(at(peer, "127.0.0.3"));
  await peer.send("peer", at(socket, localAddress(socket, "IPv4")));
  assertEquals(await nextTexts(socket, 1), ["peer"]);
});

test("a socket on one interface stays on it through connect and disconnect", {
  needs: ["linux"],
  skip: notOn("qemu", "QEMU does not tell SO_BINDTODEVICE"),
}, async () => {
  const library = new FakeLibrary();
  await using peer = openUdpSocket();
  await using socket = library.openSocket({ interface: lo.name, family: "IPv4" });
  socket.connect(at(peer, "127.0.0.3"));
  assertEquals(library.boundInterface(0), lo.name);
  socket.disconnect();
  // Linux forgets SO_BINDTODEVICE in connect(AF_UNSPEC).
  assertEquals(library.boundInterface(0), lo.name);
});

test("options stay through connect and disconnect", { skip: disconnects }, async () => {
  const library = new FakeLibrary();
  await using peer = openUdpSocket();
  await using socket = library.openSocket({
    family: "IPv4",
    share: true,
    hops: 9,
    groups: [`239.255.9.1@${lo.name}`],
  });
  socket.connect(at(peer, "127.0.0.3"));
  socket.disconnect();
  assertEquals(library.option(0, "IPv4", "hops"), 9);
  assertEquals(library.option(0, "IPv4", "share"), 1);
  await peer.send("group", `${at(socket, "239.255.9.1")}@${lo.name}`, { source: "127.0.0.2" });
  assertEquals(await nextTexts(socket, 1), ["group"]);
});

test("connecting says what it cannot do", async () => {
  await using socket = openUdpSocket({ family: "IPv4" });
  assertThrows(() => socket.connect("[::1]:5"), TypeError, "IPv4 only");
  assertThrows(() => socket.connect("127.0.0.1"), TypeError, "names no port");
  assertThrows(() => socket.connect({ address: "127.0.0.1", port: 0 }), RangeError);
  // A hop limit belongs to a datagram, not to a peer: silently dropped it would be missed.
  assertThrows(() => socket.connect("127.0.0.1:5,3"), TypeError);
  const error = await assertRejects(() => socket.send("x"), TypeError);
  assertEquals(error.message.includes("connect"), true);
});
