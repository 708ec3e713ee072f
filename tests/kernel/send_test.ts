// Sending: source, interface, hops and traffic class of a single datagram, and every way to write a destination.
// The receiver is Python, which reads the packet's own fields.
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import {
  type Destination,
  openUdpSocket,
  type SendOptions,
  SocketAddress,
  SocketError,
} from "../../mod.ts";
import { test } from "../harness.ts";
import { type PeerPacket, startReceiver } from "../lab/peers.ts";
import { at, defaultHops, lo, needsSource, next, nextTexts, text } from "./support.ts";

/** All combinations of some of these. */
function combinations(parts: SendOptions[]): SendOptions[] {
  return parts.reduce<SendOptions[]>(
    (all, part) => [...all, ...all.map((one) => ({ ...one, ...part }))],
    [{}],
  );
}

function seen(packet: PeerPacket) {
  const { source, destination, interfaceName, hops, trafficClass, text } = packet;
  return { from: source.address, destination, interfaceName, hops, trafficClass, text };
}

test("source, interface, hops and traffic class go together in all combinations: IPv4", {
  needs: ["linux", "python3"],
}, async () => {
  await using socket = openUdpSocket();
  await using receiver = await startReceiver(null);
  const cases = combinations([
    { source: "127.0.0.9" },
    { interface: "lo" },
    { hops: 33 },
    { trafficClass: 0x9b },
  ]);
  assertEquals(cases.length, 16);
  for (const [i, options] of cases.entries()) {
    await socket.send(`${i}`, `127.0.0.3:${receiver.port}`, options);
    const packet = await receiver.next();
    assertEquals(seen(packet), {
      from: options.source ?? "127.0.0.1",
      destination: "127.0.0.3",
      interfaceName: "lo",
      hops: options.hops ?? 64,
      trafficClass: options.trafficClass ?? 0,
      text: `${i}`,
    }, JSON.stringify(options));
    assertEquals(packet.source.port, socket.port);
  }
});

test("source, interface, hops and traffic class go together in all combinations: IPv6", {
  needs: ["linux", "python3", "ipv6"],
}, async () => {
  await using socket = openUdpSocket();
  await using receiver = await startReceiver(null, { family: "IPv6" });
  const cases = combinations([
    { source: "::1" },
    { interface: 1 },
    { hops: 34 },
    { trafficClass: 0x9c },
  ]);
  for (const [i, options] of cases.entries()) {
    await socket.send(`${i}`, `[::1]:${receiver.port}`, options);
    const packet = await receiver.next();
    assertEquals(seen(packet), {
      from: "::1",
      destination: "::1",
      interfaceName: "lo",
      hops: options.hops ?? 64,
      trafficClass: options.trafficClass ?? 0,
      text: `${i}`,
    }, JSON.stringify(options));
    assertEquals(packet.source.port, socket.port);
  }
});

test("the same options work for groups and in batches, and leave the socket's own as they were", {
  needs: ["linux", "python3"],
}, async () => {
  // Named sources: which one the kernel chooses for a group on loopback depends on the host's other interfaces.
  await using socket = openUdpSocket({ multicastHops: 5 });
  await using receiver = await startReceiver(null, { join: ["239.255.2.1@lo"] });
  const to = `239.255.2.1:${receiver.port}@lo`;
  const items: (SendOptions & { data: string })[] = [
    { data: "own", source: "127.0.0.9" },
    { data: "hops", source: "127.0.0.9", hops: 77 },
    { data: "zero", source: "127.0.0.8", hops: 0 },
    { data: "own again", source: "127.0.0.8" },
    { data: "class", source: "127.0.0.8", trafficClass: 0x44 },
    { data: "zero and class", source: "127.0.0.9", hops: 0, trafficClass: 0x48 },
    { data: "last", source: "127.0.0.9" },
  ];
  const expected = items.map(({ data, hops = 5, trafficClass = 0, source }) => ({
    from: source,
    destination: "239.255.2.1",
    interfaceName: "lo",
    hops,
    trafficClass,
    text: data,
  }));
  for (const { data, ...options } of items) await socket.send(data, to, options);
  for (const packet of expected) assertEquals(seen(await receiver.next()), packet);
  assertEquals(await socket.sendMany(items.map((item) => ({ ...item, to }))), items.length);
  for (const packet of expected) assertEquals(seen(await receiver.next()), packet);
});

test("a destination may be written in many ways", { needs: ["ipv4", "ipv6"] }, async () => {
  await using socket = openUdpSocket();
  const { port } = socket;
  const written: [Destination, string, number][] = [
    [`127.0.0.3:${port}`, "127.0.0.3", defaultHops],
    [`127.0.0.3:${port},7`, "127.0.0.3", 7],
    [`127.0.0.3:${port}@${lo.name}`, "127.0.0.3", defaultHops],
    [`127.0.0.3:${port},8@${lo.name}`, "127.0.0.3", 8],
    [`127.0.0.3:${port}@${lo.index}`, "127.0.0.3", defaultHops],
    [`127.0.0.3:${port}@127.0.0.1`, "127.0.0.3", defaultHops],
    [{ address: "127.0.0.3", port }, "127.0.0.3", defaultHops],
    [{ address: "127.0.0.3", port, interface: lo.name }, "127.0.0.3", defaultHops],
    [{ address: "127.0.0.3", port, interface: lo.index }, "127.0.0.3", defaultHops],
    [new SocketAddress({ address: "127.0.0.3", port }), "127.0.0.3", defaultHops],
    [SocketAddress.parse(`127.0.0.3:${port}`), "127.0.0.3", defaultHops],
    [`[::1]:${port}`, "::1", defaultHops],
    [`[::1]:${port},9@${lo.name}`, "::1", 9],
    [`[::1%${lo.name}]:${port}`, "::1", defaultHops],
    [`[::1%${lo.index}]:${port}`, "::1", defaultHops],
    [`[::1%${lo.name}]:${port}@${lo.name}`, "::1", defaultHops],
    [{ address: "::1", port, interface: lo.name }, "::1", defaultHops],
    [{ address: `::1%${lo.name}`, port, interface: lo.index }, "::1", defaultHops],
    [new SocketAddress({ address: "::1", port, zone: lo.name }), "::1", defaultHops],
    [new SocketAddress({ address: "::1", port, scopeId: lo.index }), "::1", defaultHops],
    [`[0:0::1]:${port}`, "::1", defaultHops],
    // IPv4 written as IPv6 leaves as IPv4.
    [`[::ffff:127.0.0.3]:${port}`, "127.0.0.3", defaultHops],
    [`[::ffff:7f00:3]:${port},6`, "127.0.0.3", 6],
    [{ address: "::ffff:127.0.0.3", port }, "127.0.0.3", defaultHops],
    [new SocketAddress({ address: "::ffff:127.0.0.3", port }), "127.0.0.3", defaultHops],
  ];
  for (const [to, address, hops] of written) {
    await socket.send("x", to);
    const packet = await next(socket);
    assertEquals([packet.destination.address, packet.hops], [address, hops], String(to));
    assertEquals(packet.source.family, packet.destination.family);
  }
});

test("the option says more than the endpoint's text", async () => {
  await using socket = openUdpSocket();
  await socket.send("x", `${at(socket, "127.0.0.3")},7`, { hops: 9 });
  assertEquals((await next(socket)).hops, 9);
});

test("a socket on one address sends from it, also when an interface is named", {
  needs: ["ipv6"],
}, async () => {
  await using socket = openUdpSocket({ groups: [`239.255.2.2@${lo.name}`] });
  for (
    const [own, to] of [["127.0.0.9", "127.0.0.3"], ["::1", "::1"], ["127.0.0.9", "239.255.2.2"]]
  ) {
    await using sender = openUdpSocket({ address: own });
    if (to !== "239.255.2.2") await sender.send("plain", at(socket, to));
    await sender.send("named", `${at(socket, to)}@${lo.name}`);
    await sender.send("hops", `${at(socket, to)},9@${lo.name}`);
    await sender.send("source", `${at(socket, to)}@${lo.name}`, { source: own });
    for (let i = to === "239.255.2.2" ? 3 : 4; i > 0; i--) {
      const packet = await next(socket);
      assertEquals(`${packet.source}`, at(sender, own), text(packet));
    }
  }
});

test("an IPv4-mapped source is an IPv4 source", { skip: needsSource }, async () => {
  await using socket = openUdpSocket();
  await socket.send("x", `[::ffff:127.0.0.3]:${socket.port}`, { source: "::ffff:127.0.0.9" });
  assertEquals((await next(socket)).source.address, "127.0.0.9");
});

test("an IPv4-mapped group is refused with what to use instead", async () => {
  await using socket = openUdpSocket();
  for (
    const to of [
      "[::ffff:224.0.1.1]:5",
      { address: "::ffff:224.0.1.1", port: 5 },
      new SocketAddress({ address: "::ffff:224.0.1.1", port: 5 }),
    ]
  ) {
    const error = await assertRejects(() => socket.send("x", to), TypeError);
    assertStringIncludes(error.message, "IPv4-mapped multicast");
    assertStringIncludes(error.message, 'use "224.0.1.1"');
  }
  const error = await assertRejects(async () => await socket.join("::ffff:224.0.1.1"), TypeError);
  assertStringIncludes(error.message, 'use "224.0.1.1"');
});

test("more destinations than are remembered stay right", async () => {
  await using socket = openUdpSocket({ receiveBufferSize: 1 << 20 });
  for (let round = 0; round < 2; round++) {
    for (let i = 1; i <= 200; i++) {
      await socket.send(`${i}`, `127.0.1.${i}:${socket.port}`);
      await socket.send(`${i}`, { address: `127.0.1.${i}`, port: socket.port });
    }
    for (let i = 1; i <= 200; i++) {
      for (let twice = 0; twice < 2; twice++) {
        const packet = await next(socket);
        assertEquals([text(packet), packet.destination.address], [`${i}`, `127.0.1.${i}`]);
      }
    }
  }
});

test("the same destination again is sent to the same, whatever was asked for in between", {
  skip: needsSource,
}, async () => {
  await using socket = openUdpSocket();
  const written = at(socket, "127.0.0.3");
  const own = { address: "127.0.0.4", port: socket.port };
  for (const to of [written, SocketAddress.parse(written), own, written]) {
    await socket.send("plain", to);
    await socket.send("asks", to, { hops: 9, source: "127.0.0.2" });
    await assertRejects(() => socket.send("x", to, { hop: 9 } as SendOptions), TypeError, "hop");
    await socket.send("plain", to);
    const expected = to === own ? own.address : "127.0.0.3";
    for (const [hops, source] of [[defaultHops, null], [9, "127.0.0.2"], [defaultHops, null]]) {
      const packet = await next(socket);
      assertEquals([packet.destination.address, packet.hops], [expected, hops]);
      if (source !== null) assertEquals(packet.source.address, source);
    }
    // An object of the caller's may say something else the next time.
    own.address = "127.0.0.5";
    await socket.send("moved", own);
    assertEquals((await next(socket)).destination.address, "127.0.0.5");
  }
});

test("everything that has bytes can be sent", async () => {
  await using socket = openUdpSocket();
  const to = at(socket, "127.0.0.3");
  const buffer = new TextEncoder().encode("--bytes--").buffer;
  const parts = [
    "bytes",
    buffer.slice(2, 7),
    new Uint8Array(buffer, 2, 5),
    new DataView(buffer, 2, 5),
    new Int8Array(buffer, 2, 5),
    new Uint8ClampedArray(buffer, 2, 5),
  ];
  for (const data of parts) {
    await socket.send(data, to);
    await socket.send(data, to, { hops: 3 });
    await socket.sendMany([{ data, to }]);
    assertEquals(await nextTexts(socket, 3), ["bytes", "bytes", "bytes"]);
  }
  await socket.send(new Uint16Array([0x4241, 0x4443]), to);
  await socket.send("\u{1F600}\uD800", to);
  assertEquals(await nextTexts(socket, 2), ["ABCD", "\u{1F600}\uFFFD"]);
});

test("the data may be changed as soon as send has returned", async () => {
  await using socket = openUdpSocket();
  const data = new TextEncoder().encode("first");
  const sending = [
    socket.send(data, at(socket, "127.0.0.3")),
    socket.send(data, at(socket, "127.0.0.3"), { trafficClass: 4 }),
  ];
  data.fill(0x2e);
  await Promise.all(sending);
  assertEquals(await nextTexts(socket, 2), ["first", "first"]);
});

test("a source that is not this host's is refused, with a hint", {
  needs: ["ipv6"],
  skip: needsSource,
}, async () => {
  await using socket = openUdpSocket();
  for (const [address, source] of [["127.0.0.3", "198.51.100.77"], ["::1", "2001:db8:77::1"]]) {
    const error = await assertRejects(
      () => socket.send("x", at(socket, address), { source }),
      SocketError,
    );
    assertEquals([error.syscall, error.address, error.port], ["sendmsg", address, socket.port]);
    assertStringIncludes(error.hint ?? "", "No interface of this host");
  }
  assertEquals(socket.stats.sent, 0);
});

test("a send to an interface that does not exist is ENODEV", async () => {
  await using socket = openUdpSocket();
  for (
    const to of [
      `127.0.0.3:${socket.port}@nosuch0`,
      `[::1%nosuch0]:${socket.port}`,
      { address: "127.0.0.3", port: socket.port, interface: 2147483600 },
    ]
  ) {
    const error = await assertRejects(() => socket.send("x", to), SocketError);
    assertEquals(error.code, "ENODEV");
  }
});

test("where loopback has no route for IPv6 groups, the error says which command makes one", {
  needs: ["linux", "ipv6"],
}, async () => {
  await using socket = openUdpSocket();
  const sending = socket.send("x", `[ff02::4321]:${socket.port}@lo`);
  const error = await sending.then(() => null, (error) => error);
  // A host may have the route.
  if (error === null) return;
  assertEquals(error.code, "ENETUNREACH");
  assertEquals([error.address, error.interfaceIndex], ["ff02::4321%lo", 1]);
  assertStringIncludes(error.hint, "ip -6 route add local ff00::/8 dev lo table local");
});
