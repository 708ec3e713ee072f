// What only Windows has: exclusive ports, names for people, and interfaces that a datagram names by packet information.
import { assert, assertEquals, assertThrows } from "@std/assert";
import { system } from "../../ffi/system.ts";
import { interfaces, type NetworkInterface, openUdpSocket, SocketError } from "../../mod.ts";
import { test, type TestOptions } from "../harness.ts";
import { FakeLibrary } from "./fake_library.ts";
import { at, lo, next, nextTexts, text } from "./support.ts";

const needs: TestOptions = { needs: ["windows"] };

function ipv4Of({ addresses }: NetworkInterface): string {
  return addresses.find(({ family }) => family === "IPv4")!.address;
}

/** Interfaces that groups can be joined on and sent out of. */
function usable(): NetworkInterface[] {
  return interfaces().filter(({ up, multicast, addresses }) =>
    up && multicast && addresses.some(({ family }) => family === "IPv4")
  );
}

/** A program that knows nothing of SO_EXCLUSIVEADDRUSE. */
function withoutExclusiveness(): FakeLibrary {
  const { level, name } = system().platform.options.IPv4.exclusive!;
  return new FakeLibrary().on(
    "setsockopt",
    (args, call) => args[1] === level && args[2] === name ? 0 : call(),
  );
}

test("a port is nobody else's, unless it is shared", needs, async () => {
  const library = new FakeLibrary();
  await using socket = library.openSocket();
  for (const [nth, family] of [[0, "IPv4"], [1, "IPv6"]] as const) {
    assert(library.option(nth, family, "exclusive"), family);
    assert(!library.option(nth, family, "share"), family);
  }
  // A program that knows nothing of exclusiveness, and one that would take any port over.
  const plain = withoutExclusiveness();
  for (const family of ["IPv4", "IPv6"] as const) {
    for (const share of [false, true]) {
      const error = assertThrows(
        () => plain.openSocket({ family, port: socket.port, share }),
        SocketError,
      );
      assert(["EADDRINUSE", "EACCES"].includes(error.code), error.message);
      assert(error.hint !== null);
    }
  }
});

test(
  "nor is one of its addresses anybody else's, though Windows gives addresses away beside a wildcard",
  needs,
  async () => {
    const plain = withoutExclusiveness();
    await using socket = openUdpSocket();
    for (const address of ["127.0.0.5", "::1"]) {
      for (const share of [false, true]) {
        const error = assertThrows(
          () => plain.openSocket({ address, port: socket.port, share }),
          SocketError,
        );
        assert(["EADDRINUSE", "EACCES"].includes(error.code), error.message);
      }
    }
    await using exact = openUdpSocket({ address: "127.0.0.5" });
    for (const share of [false, true]) {
      assertThrows(
        () => plain.openSocket({ address: "127.0.0.5", port: exact.port, share }),
        SocketError,
      );
    }
  },
);

test("a port that is shared is not exclusive", needs, async () => {
  const library = new FakeLibrary();
  await using _socket = library.openSocket({ share: true });
  for (const [nth, family] of [[0, "IPv4"], [1, "IPv6"]] as const) {
    assert(!library.option(nth, family, "exclusive"), family);
    assert(library.option(nth, family, "share"), family);
  }
});

test("interfaces have the names that Windows shows, and find back to their indexes", needs, () => {
  const list = interfaces();
  for (const { index, name, description, mac, mtu } of list) {
    assertEquals(system().interfaceName(index), name);
    assertEquals(system().interfaceIndex(name), index);
    assert(description, name);
    assert(mac === null || /^([0-9a-f]{2}:)+[0-9a-f]{2}$/.test(mac), `${mac}`);
    assert(mtu === null || mtu >= 576, `${mtu}`);
  }
  const loopback = list.find(({ index }) => index === lo.index)!;
  assertEquals([loopback.up, loopback.running, loopback.mac], [true, true, null]);
  const own = loopback.addresses.map(({ address, prefixLength }) => `${address}/${prefixLength}`);
  for (const expected of ["127.0.0.1/8", "::1/128"]) assert(own.includes(expected), `${own}`);
});

test("addresses tell their network and their state", needs, () => {
  for (const { index, loopback, addresses } of interfaces()) {
    for (const { address, family, prefixLength, broadcast, scopeId, ...state } of addresses) {
      assert(prefixLength! > 0 && prefixLength! <= (family === "IPv4" ? 32 : 128), address);
      if (family === "IPv6" || loopback) assertEquals(broadcast, null);
      assertEquals(scopeId, address.startsWith("fe80:") ? index : null, address);
      for (const flag of Object.values(state)) assertEquals(typeof flag, "boolean");
    }
  }
});

test("no interface has an empty name, one of Windows' ids or index 0", needs, () => {
  for (const wanted of ["0", "{00000000-0000-0000-0000-000000000000}", "Loopback Nowhere 77"]) {
    const error = assertThrows(() => openUdpSocket({ interface: wanted }), SocketError);
    assertEquals(error.code, "ENODEV", wanted);
  }
});

test("a unicast leaves by the interface that it names", needs, async () => {
  await using receiver = openUdpSocket();
  await using socket = openUdpSocket();
  for (const item of usable()) {
    const to = at(receiver, item.loopback ? "127.0.0.3" : ipv4Of(item));
    for (const name of [item.name, item.index]) {
      await socket.send("x", to, { interface: name });
      const packet = await next(receiver);
      assertEquals([text(packet), packet.source.port], ["x", socket.port]);
      assertEquals(packet.cast, "unicast");
    }
  }
});

test(
  "a group is heard on the interface on which it was joined, and on no other",
  needs,
  async () => {
    const group = "239.255.77.1";
    const list = usable();
    await using sender = openUdpSocket();
    for (const here of list) {
      await using socket = openUdpSocket({ groups: [{ group, interface: here.index }] });
      for (const there of list.filter((other) => other !== here)) {
        // With 0 hops it stays on this host.
        await sender.send("elsewhere", `${at(socket, group)}@${there.name}`, { hops: 0 });
      }
      await sender.send("here", `${at(socket, group)}@${here.index}`, { hops: 0 });
      const packet = await next(socket);
      assertEquals([text(packet), packet.cast], ["here", "multicast"]);
      assertEquals([packet.interfaceIndex, packet.interfaceName], [here.index, here.name]);
      assertEquals(`${packet.destination}`, at(socket, group));
    }
  },
);

test("a socket on one interface hears and joins there only", needs, async () => {
  const group = "239.255.77.2";
  await using elsewhere = openUdpSocket();
  for (const here of usable().filter(({ loopback }) => !loopback)) {
    await using socket = openUdpSocket({ interface: here.name, groups: [group] });
    await elsewhere.send("loopback", at(socket, "127.0.0.3"));
    await socket.send("group", at(socket, group), { hops: 0 });
    const packet = await next(socket);
    assertEquals([text(packet), packet.interfaceName], ["group", here.name]);
    assertEquals(socket.join("239.255.77.3").interfaces, [{ index: here.index, name: here.name }]);
    assertEquals(socket.stats.received, 1);
  }
});

test("a network's last address is a broadcast's", needs, async () => {
  await using socket = openUdpSocket({ broadcast: true });
  const list = interfaces().filter(({ up }) => up).flatMap(({ addresses }) => addresses);
  for (const { broadcast } of list) {
    if (broadcast === null) continue;
    await socket.send("all", at(socket, broadcast));
    const packet = await next(socket);
    assertEquals([text(packet), packet.cast], ["all", "broadcast"]);
    assertEquals(packet.destination.address, broadcast);
  }
});

test(
  "link-local addresses carry the name of their interface",
  { needs: ["windows", "ipv6"] },
  async () => {
    await using socket = openUdpSocket();
    for (const { index, name, addresses } of usable()) {
      const own = addresses.find(({ address, tentative }) =>
        address.startsWith("fe80:") && !tentative
      );
      if (!own) continue;
      for (const zone of [name, index]) {
        await using bound = openUdpSocket({ address: `${own.address}%${zone}` });
        assertEquals(`${bound.localAddresses[0]}`, `[${own.address}%${name}]:${bound.port}`);
        await bound.send("x", `[${own.address}%${zone}]:${socket.port}`);
        const packet = await next(socket);
        assertEquals(`${packet.source}`, `[${own.address}%${name}]:${bound.port}`);
        assertEquals(`${packet.destination}`, `[${own.address}%${name}]:${socket.port}`);
        await socket.reply(packet, "answer");
        assertEquals(await nextTexts(bound, 1), ["answer"]);
      }
    }
  },
);

test("a packet tells what Windows says, and null for the rest", needs, async () => {
  await using socket = openUdpSocket();
  for (const [from, to] of [["127.0.0.2", "127.0.0.3"], ["::1", "::1"]]) {
    await using sender = openUdpSocket({ address: from });
    await sender.send("x", at(socket, to), { hops: 17 });
    const packet = await next(socket);
    assertEquals(`${packet.source} ${packet.destination}`, `${at(sender, from)} ${at(socket, to)}`);
    assertEquals([packet.interfaceIndex, packet.interfaceName], [lo.index, lo.name]);
    assertEquals([packet.cast, packet.hops, packet.truncated], ["unicast", 17, false]);
    assertEquals([packet.timestamp, packet.dropped], [null, null]);
  }
});

test("sendMany takes all sizes and hops in one go, of both families", needs, async () => {
  await using receiver = openUdpSocket({ receiveBufferSize: 1 << 20 });
  await using socket = openUdpSocket({ hops: 40 });
  const items = [0, 1, 2048, 2049, 65507].flatMap((size, i) => [
    { data: new Uint8Array(size).fill(i), to: at(receiver, "127.0.0.3"), hops: 10 + i },
    { data: new Uint8Array(size).fill(i), to: at(receiver, "::1") },
  ]);
  assertEquals(await socket.sendMany(items), items.length);
  const seen: Record<string, unknown[]> = { "127.0.0.3": [], "::1": [] };
  for (let i = 0; i < items.length; i++) {
    const { data, hops, destination } = await next(receiver);
    assert(data.every((byte) => byte === data[0]));
    seen[destination.address].push([data.length, hops]);
  }
  assertEquals(seen["127.0.0.3"], [[0, 10], [1, 11], [2048, 12], [2049, 13], [65507, 14]]);
  assertEquals(seen["::1"], [[0, 40], [1, 40], [2048, 40], [2049, 40], [65507, 40]]);
});

test("a connected socket sends with options as without", needs, async () => {
  for (const own of ["127.0.0.3", "::1"]) {
    await using peer = openUdpSocket({ address: own });
    await using socket = openUdpSocket({ hops: 40 });
    socket.connect(at(peer, own));
    await socket.send("plain");
    await socket.send("hops", undefined, { hops: 7 });
    await socket.send("interface", undefined, { interface: lo.name });
    await socket.sendMany([{ data: "many" }, { data: "many", hops: 8 }]);
    const seen = [];
    for (let i = 0; i < 5; i++) {
      const packet = await next(peer);
      assertEquals(packet.source.port, socket.port);
      seen.push(`${text(packet)} ${packet.hops}`);
    }
    assertEquals(seen, ["plain 40", "hops 7", "interface 40", "many 40", "many 8"]);
  }
});
