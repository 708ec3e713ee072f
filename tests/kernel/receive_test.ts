// What a packet tells: every field, for unicast, broadcast and multicast. The sender is Python.
import { assert, assertEquals } from "@std/assert";
import { openUdpSocket, platform, type UdpSocket } from "../../mod.ts";
import { notOn, test } from "../harness.ts";
import { sendFrom } from "../lab/peers.ts";
import { at, next, nextTexts, text } from "./support.ts";

const noDropCounter = !platform.dropCounter && "this system does not count them" ||
  notOn("qemu", "QEMU does not know SO_RXQ_OVFL");

test("an IPv4 packet tells source, destination, interface, hops and traffic class", {
  needs: ["linux", "python3"],
}, async () => {
  await using socket = openUdpSocket();
  const { port } = await sendFrom(null, {
    to: "127.0.0.3",
    port: socket.port,
    source: "127.0.0.2",
    hops: 17,
    trafficClass: 0x2e,
    data: "héllo",
  });
  const packet = await next(socket);
  assertEquals(`${packet.source}`, `127.0.0.2:${port}`);
  assertEquals(`${packet.destination}`, `127.0.0.3:${socket.port}`);
  assertEquals([packet.source.family, packet.source.scopeId, packet.source.zone], [
    "IPv4",
    null,
    null,
  ]);
  assertEquals([packet.destination.scopeId, packet.destination.zone], [null, null]);
  assertEquals([packet.interfaceIndex, packet.interfaceName], [1, "lo"]);
  assertEquals([packet.hops, packet.trafficClass, packet.cast], [17, 0x2e, "unicast"]);
  assertEquals([packet.timestamp, packet.truncated], [null, false]);
  assertEquals(packet.dropped, noDropCounter ? null : 0);
  assertEquals(text(packet), "héllo");
});

test("an IPv6 packet tells the same", { needs: ["linux", "python3", "ipv6"] }, async () => {
  await using socket = openUdpSocket();
  const { port } = await sendFrom(null, {
    to: "::1",
    port: socket.port,
    hops: 18,
    trafficClass: 0xb9,
    data: "six",
  });
  const packet = await next(socket);
  assertEquals(`${packet.source}`, `[::1]:${port}`);
  assertEquals(`${packet.destination}`, `[::1]:${socket.port}`);
  assertEquals([packet.source.zone, packet.destination.zone], [null, null]);
  assertEquals([packet.source.scopeId, packet.destination.scopeId], [null, null]);
  assertEquals([packet.interfaceIndex, packet.interfaceName], [1, "lo"]);
  assertEquals([packet.hops, packet.trafficClass, packet.cast], [18, 0xb9, "unicast"]);
  assertEquals([packet.timestamp, packet.truncated], [null, false]);
  assertEquals(packet.dropped, noDropCounter ? null : 0);
  assertEquals(text(packet), "six");
});

test("of packets that take turns each has its own addresses", async () => {
  await using socket = openUdpSocket();
  await using one = openUdpSocket({ family: "IPv4" });
  await using other = openUdpSocket({ family: "IPv4" });
  const sent: [number, string][] = [];
  for (const [i, sender] of [one, one, other, one, other, other].entries()) {
    for (const address of i % 2 === 0 ? ["127.0.0.3", "127.0.0.3"] : ["127.0.0.4", "127.0.0.3"]) {
      await sender.send("x", at(socket, address));
      sent.push([sender.port, address]);
    }
  }
  const packets = await socket.receiveMany();
  assertEquals(packets.map((p) => [p.source.port, p.destination.address]), sent);
  for (const { source, destination } of packets) {
    assertEquals([`${source}`, destination.port], [`127.0.0.1:${source.port}`, socket.port]);
  }
});

test("a broadcast is told from a unicast", { needs: ["linux", "python3"] }, async () => {
  await using socket = openUdpSocket();
  const { port } = await sendFrom(null, {
    to: "127.255.255.255",
    port: socket.port,
    source: "127.0.0.2",
    broadcast: true,
    hops: 3,
    data: "all",
  });
  const packet = await next(socket);
  assertEquals(`${packet.source}`, `127.0.0.2:${port}`);
  assertEquals(`${packet.destination}`, `127.255.255.255:${socket.port}`);
  assertEquals([packet.cast, packet.interfaceName, packet.hops], ["broadcast", "lo", 3]);
});

test("a multicast is told from a unicast", { needs: ["linux", "python3"] }, async () => {
  await using socket = openUdpSocket({ groups: ["239.255.1.2@lo"] });
  const { port } = await sendFrom(null, {
    to: "239.255.1.2",
    port: socket.port,
    source: "127.0.0.2",
    interface: "lo",
    hops: 9,
    trafficClass: 0x10,
    data: "group",
  });
  const packet = await next(socket);
  assertEquals(`${packet.source}`, `127.0.0.2:${port}`);
  assertEquals(`${packet.destination}`, `239.255.1.2:${socket.port}`);
  assertEquals([packet.cast, packet.interfaceIndex], ["multicast", 1]);
  assertEquals([packet.hops, packet.trafficClass], [9, 0x10]);
  assertEquals([packet.destination.zone, packet.destination.scopeId], [null, null]);
});

test("empty datagrams are datagrams", async () => {
  await using socket = openUdpSocket();
  await socket.send("", at(socket, "127.0.0.2"));
  await socket.send(new Uint8Array(0), at(socket, "127.0.0.2"), { hops: 4 });
  await socket.sendMany([
    { data: "", to: at(socket, "127.0.0.2") },
    { data: new ArrayBuffer(0), to: at(socket, "::1") },
  ]);
  for (let i = 0; i < 4; i++) assertEquals((await next(socket)).data.length, 0);
  assertEquals([socket.stats.received, socket.stats.sent, socket.stats.receivedBytes], [4, 4, 0]);
});

test("the largest datagrams arrive whole", { needs: ["ipv6"] }, async () => {
  await using socket = openUdpSocket({ receiveBufferSize: 1 << 19 });
  for (const [size, address] of [[65507, "127.0.0.2"], [65527, "::1"]] as const) {
    const data = Uint8Array.from({ length: size }, (_, i) => i % 251);
    await socket.send(data, at(socket, address));
    const packet = await next(socket);
    assertEquals(packet.truncated, false);
    assertEquals(packet.data.length, size);
    assert(packet.data.every((byte, i) => byte === i % 251));
  }
});

test("a datagram above maxDatagramSize is cut and marked; the next one is unharmed", async () => {
  await using socket = openUdpSocket({ maxDatagramSize: 10 });
  // A socket that takes whole ones shares the memory with it.
  await using whole = openUdpSocket();
  await whole.send("a".repeat(300), at(whole));
  assertEquals((await next(whole)).data.length, 300);
  for (const data of ["0123456789abcdef", "0123456789", "012345678"]) {
    await whole.send(data, at(socket, "127.0.0.2"));
  }
  const packets = [await next(socket), await next(socket), await next(socket)];
  assertEquals(packets.map(text), ["0123456789", "0123456789", "012345678"]);
  assertEquals(packets.map(({ truncated }) => truncated), [true, false, false]);
  assertEquals([socket.stats.truncated, socket.stats.receivedBytes], [1, 29]);
  await whole.send("b".repeat(300), at(whole));
  const packet = await next(whole);
  assertEquals([packet.data.length, packet.truncated], [300, false]);
});

/**
 * Linux begins to stamp packets on arrival a moment after the first socket of the host has asked for it
 * (net_enable_timestamp defers it); until then they are stamped when they are read, which is later.
 */
async function untilStampedOnArrival(socket: UdpSocket): Promise<void> {
  for (;;) {
    await socket.send("is it on?", at(socket));
    const arrived = BigInt(Date.now() + 1) * 1_000_000n;
    await new Promise((resolve) => setTimeout(resolve, 3));
    if ((await next(socket)).timestamp! <= arrived) return;
  }
}

const stamps = !platform.timestamps && "this system does not stamp datagrams" ||
  notOn("qemu", "QEMU does not know SO_TIMESTAMPNS");

test(
  "timestamps are the kernel's, in nanoseconds, and never go back",
  { skip: stamps },
  async () => {
    await using socket = openUdpSocket({ timestamps: true });
    await untilStampedOnArrival(socket);
    const before = BigInt(Date.now() - 1) * 1_000_000n;
    for (let i = 0; i < 20; i++) {
      await socket.send(`${i}`, at(socket, i % 2 === 0 ? "127.0.0.2" : "127.0.0.3"));
    }
    const stamps: bigint[] = [];
    for (let i = 0; i < 20; i++) {
      const { timestamp } = await next(socket);
      assert(timestamp !== null);
      stamps.push(timestamp);
    }
    const after = BigInt(Date.now() + 1) * 1_000_000n;
    assert(stamps[0] >= before, `${stamps[0]} is before ${before}`);
    assert(stamps[19] <= after, `${stamps[19]} is after ${after}`);
    assertEquals(stamps, stamps.toSorted((a, b) => a < b ? -1 : a > b ? 1 : 0));
    assert(stamps.some((stamp) => stamp % 1_000_000n !== 0n), "finer than a millisecond");
  },
);

test("timestamps come with IPv6 too", { needs: ["ipv6"], skip: stamps }, async () => {
  await using socket = openUdpSocket({ family: "IPv6", timestamps: true });
  await socket.send("x", at(socket, "::1"));
  const { timestamp } = await next(socket);
  assert(timestamp !== null);
  assert(Math.abs(Number(timestamp / 1_000_000n) - Date.now()) < 5_000);
});

for (const address of ["127.0.0.2", "::1"]) {
  test(`datagrams that the kernel dropped are counted exactly: ${address}`, {
    needs: ["ipv6"],
    skip: noDropCounter,
  }, async () => {
    await using socket = openUdpSocket({ receiveBufferSize: 8192 });
    await using sender = openUdpSocket();
    const flood = Array.from(
      { length: 300 },
      (_, i) => ({ data: `${i}`, to: at(socket, address) }),
    );
    assertEquals(await sender.sendMany(flood), 300);
    const texts = [];
    const packets = await socket.receiveMany({ max: 1000 });
    for (const packet of packets) {
      assertEquals(packet.dropped, 0, "these came before the first drop");
      texts.push(text(packet));
    }
    assert(texts.length < 300, "the buffer was to be too small");
    assertEquals(texts, flood.slice(0, texts.length).map(({ data }) => data));
    // The kernel tells with the next datagram that fits.
    await sender.send("after", at(socket, address));
    const after = await next(socket);
    assertEquals([text(after), after.dropped], ["after", 300 - texts.length]);
    assertEquals(socket.stats.dropped, 300 - texts.length);
    assertEquals(socket.stats.received, texts.length + 1);
  });
}

test("the data is the reader's own", async () => {
  await using socket = openUdpSocket();
  const sent = new TextEncoder().encode("unchanged");
  for (let i = 0; i < 3; i++) await socket.send(sent, at(socket, "127.0.0.2"));
  sent.fill(0);
  const [first, second, third] = await socket.receiveMany();
  first.data.fill(1);
  assertEquals(text(second), "unchanged");
  const moved = second.data.slice();
  structuredClone(moved, { transfer: [moved.buffer] });
  assertEquals([text(second), text(third)], ["unchanged", "unchanged"]);
  // What arrives later does not write into what was given away before.
  for (let i = 0; i < 3; i++) await socket.send("different", at(socket, "127.0.0.2"));
  assertEquals(await nextTexts(socket, 3), ["different", "different", "different"]);
  assertEquals(text(third), "unchanged");
  assertEquals(first.data, new Uint8Array(9).fill(1));
});

test("a reader that gives a packet's memory away stops no socket and takes no other's", async () => {
  await using socket = openUdpSocket();
  await using other = openUdpSocket();
  await socket.send("one", at(socket, "127.0.0.2"));
  await socket.send("other", at(other, "127.0.0.2"));
  const held = await next(other);
  const { data } = await next(socket);
  structuredClone(data, { transfer: [data.buffer] });
  assertEquals([data.length, text(held)], [0, "other"]);
  await socket.send("later", at(socket, "127.0.0.2"));
  await socket.send("later", at(other, "127.0.0.2"));
  assertEquals([...await nextTexts(socket, 1), ...await nextTexts(other, 1)], ["later", "later"]);
});

test("packets cannot be confused: each has its own addresses", async () => {
  await using socket = openUdpSocket();
  await using one = openUdpSocket({ address: "127.0.0.11" });
  await using two = openUdpSocket({ address: "127.0.0.12" });
  await one.send("1", at(socket, "127.0.0.21"));
  await two.send("2", at(socket, "127.0.0.22"));
  const [first, second] = [await next(socket), await next(socket)];
  assertEquals([`${first.source}`, first.destination.address], [
    at(one, "127.0.0.11"),
    "127.0.0.21",
  ]);
  assertEquals([`${second.source}`, second.destination.address], [
    at(two, "127.0.0.12"),
    "127.0.0.22",
  ]);
});

test("statistics count what was received and sent", async () => {
  await using socket = openUdpSocket();
  await socket.send("12345", at(socket, "127.0.0.2"));
  await socket.sendMany([{ data: "123", to: at(socket, "127.0.0.3") }]);
  await next(socket);
  await next(socket);
  const { received, receivedBytes, sent, sentBytes, errors, lastError, filtered } = socket.stats;
  assertEquals({ received, receivedBytes, sent, sentBytes, errors, lastError, filtered }, {
    received: 2,
    receivedBytes: 8,
    sent: 2,
    sentBytes: 8,
    errors: 0,
    lastError: null,
    filtered: 0,
  });
});
