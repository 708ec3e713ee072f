// What a datagram asks for is what the other host sees: source, interface, hops, traffic class, in all combinations.
import { assert, assertEquals } from "@std/assert";
import { type Destination, openUdpSocket, type SendOptions, SocketAddress } from "../../mod.ts";
import { test, type TestOptions } from "../harness.ts";
import type { PeerPacket } from "./peers.ts";
import "./sockets.ts"; // loads the library before the first test
import { GROUPS, LINK_GROUP, PORT, receivers } from "./targets.ts";
import { twoNetworks } from "./topologies.ts";

const needs: TestOptions = { needs: ["lab", "python3"] };

/** Every combination of the given values; undefined leaves an option out. */
function* combinations(values: { [K in keyof SendOptions]: SendOptions[K][] }) {
  let list: SendOptions[] = [{}];
  for (const [name, options] of Object.entries(values)) {
    list = list.flatMap((base) =>
      options.map((value) => value === undefined ? base : { ...base, [name]: value })
    );
  }
  yield* list;
}

/** Checks what came against what was asked for. */
function assertSeen(
  packet: PeerPacket,
  text: string,
  options: SendOptions,
  expected: { to: string; own: string[]; hops: number },
) {
  assertEquals([packet.text, packet.destination], [text, expected.to]);
  const { source, hops = expected.hops, trafficClass = 0 } = options;
  const sources = source ? [source.split("%")[0]] : expected.own;
  assert(sources.includes(packet.source.address), `${text}: came from ${packet.source.address}`);
  assertEquals([text, packet.hops, packet.trafficClass], [text, hops, trafficClass]);
}

const ownOf = {
  IPv4: { eth0: ["10.1.0.1", "10.1.0.2"], eth1: ["10.2.0.1"] },
  IPv6: { eth0: ["fd01::1", "fd01::2"], eth1: ["fd02::1"] },
} as const;

for (const family of ["IPv4", "IPv6"] as const) {
  test(`${family} unicast has the source, hops and traffic class it asks for`, needs, async () => {
    await using net = await twoNetworks();
    const peers = await receivers(net, family);
    await using socket = openUdpSocket();
    const to = family === "IPv4"
      ? { a: "10.1.0.100", b: "10.2.0.100" }
      : { a: "fd01::100", b: "fd02::100" };
    for (const [host, name] of [["a", "eth0"], ["b", "eth1"]] as const) {
      const own = [...ownOf[family][name]];
      const all = combinations({
        source: [undefined, ...own],
        interface: [undefined, name, await net.here.index(name)],
        hops: [undefined, 1, 255],
        trafficClass: [undefined, 0xb8],
      });
      for (const options of all) {
        const text = JSON.stringify(options);
        await socket.send(text, { address: to[host], port: PORT }, options);
        assertSeen(await peers[host].next(), text, options, { to: to[host], own, hops: 64 });
      }
    }
  });

  test(`${family} multicast leaves by the interface it asks for`, needs, async () => {
    await using net = await twoNetworks();
    const peers = await receivers(net, family);
    await using socket = openUdpSocket();
    const to = GROUPS[family];
    for (const [host, name] of [["a", "eth0"], ["b", "eth1"]] as const) {
      const own = [...ownOf[family][name]];
      const all = combinations({
        source: [undefined, ...own],
        interface: [name, await net.here.index(name)],
        hops: [undefined, 1, 255],
        trafficClass: [undefined, 0xb8],
      });
      for (const options of all) {
        const text = JSON.stringify(options);
        await socket.send(text, { address: to, port: PORT }, options);
        assertSeen(await peers[host].next(), text, options, { to, own, hops: 1 });
      }
    }
    assertEquals([peers.a.pending(), peers.b.pending()], [[], []]);
  });
}

test("an interface may be named in the destination, in every notation", needs, async () => {
  await using net = await twoNetworks();
  const [v4, v6] = [await receivers(net, "IPv4"), await receivers(net, "IPv6")];
  await using socket = openUdpSocket();
  const index = await net.here.index("eth1");
  const destinations: Destination[] = [
    `239.1.2.3:${PORT}@eth1`,
    `239.1.2.3:${PORT}@${index}`,
    { address: "239.1.2.3", port: PORT, interface: "eth1" },
    { address: "239.1.2.3", port: PORT, interface: index },
    `[ff15::1234]:${PORT}@eth1`,
    `[ff02::1234]:${PORT}@eth1`,
    `[ff02::1234%eth1]:${PORT}`,
    `[ff02::1234%${index}]:${PORT}`,
    { address: "ff02::1234", port: PORT, interface: "eth1" },
    { address: "ff02::1234%eth1", port: PORT },
    SocketAddress.parse(`[ff02::1234%eth1]:${PORT}`),
    SocketAddress.parse(`[ff02::1234%${index}]:${PORT}`),
  ];
  for (const [number, to] of destinations.entries()) {
    await socket.send(`${number}`, to);
    const onB = typeof to === "string" && to.startsWith("239") ||
        typeof to === "object" && to.address.startsWith("239")
      ? v4.b
      : v6.b;
    assertEquals((await onB.next()).text, `${number}`);
  }
  await socket.send("with hops", `239.1.2.3:${PORT},9@eth1`);
  assertEquals((await v4.b.next()).hops, 9);
  assertEquals([v4.a.pending(), v6.a.pending()], [[], []]);
});

test("broadcast reaches the network it is for, as asked for", needs, async () => {
  await using net = await twoNetworks();
  const peers = await receivers(net, "IPv4");
  await using socket = openUdpSocket({ broadcast: true });
  const cases = [
    { to: "10.1.0.255", name: "eth0", host: "a", own: ["10.1.0.1", "10.1.0.2"], named: undefined },
    { to: "10.2.0.255", name: "eth1", host: "b", own: ["10.2.0.1"], named: undefined },
    {
      to: "255.255.255.255",
      name: "eth0",
      host: "a",
      own: ["10.1.0.1", "10.1.0.2"],
      named: "eth0",
    },
    { to: "255.255.255.255", name: "eth1", host: "b", own: ["10.2.0.1"], named: "eth1" },
  ] as const;
  for (const { to, name, host, own, named } of cases) {
    const all = combinations({
      source: [undefined, ...own],
      interface: named ? [named] : [undefined, name],
      hops: [undefined, 3],
      trafficClass: [undefined, 0x10],
    });
    for (const options of all) {
      const text = JSON.stringify(options);
      await socket.send(text, { address: to, port: PORT }, options);
      assertSeen(await peers[host].next(), text, options, { to, own: [...own], hops: 64 });
    }
  }
  assertEquals([peers.a.pending(), peers.b.pending()], [[], []]);
});

test("link-local destinations take their zone by name and by index", needs, async () => {
  await using net = await twoNetworks();
  const peers = await receivers(net, "IPv6");
  await using socket = openUdpSocket();
  for (const [host, name] of [["a", "eth0"], ["b", "eth1"]] as const) {
    const theirs = await net[host].linkLocal("eth0");
    const [ours, index] = [await net.here.linkLocal(name), await net.here.index(name)];
    const destinations: Destination[] = [
      `[${theirs}%${name}]:${PORT}`,
      `[${theirs}%${index}]:${PORT}`,
      { address: `${theirs}%${name}`, port: PORT },
      { address: theirs, port: PORT, interface: index },
      SocketAddress.parse(`[${theirs}%${name}]:${PORT}`),
    ];
    for (const to of destinations) {
      const all = combinations({
        source: [undefined, ours, `${ours}%${name}`, `${ours}%${index}`],
        hops: [undefined, 255],
        trafficClass: [undefined, 0x28],
      });
      for (const options of all) {
        const text = JSON.stringify(options);
        await socket.send(text, to, options);
        assertSeen(await peers[host].next(), text, options, { to: theirs, own: [ours], hops: 64 });
      }
    }
    const global = name === "eth0" ? "fd01::2" : "fd02::1";
    await socket.send("from a global one", destinations[0], { source: global });
    assertEquals((await peers[host].next()).source.address, global);
    await socket.send("to the group", `[${LINK_GROUP}%${name}]:${PORT}`, { source: global });
    assertEquals((await peers[host].next()).source.address, global);
  }
});

test("sendMany takes all kinds of datagrams at once", needs, async () => {
  await using net = await twoNetworks();
  const [v4, v6] = [await receivers(net, "IPv4"), await receivers(net, "IPv6")];
  await using socket = openUdpSocket({ broadcast: true });
  const theirs = await net.b.linkLocal("eth0");
  const kinds = [
    { to: `10.1.0.100:${PORT}`, source: "10.1.0.2", hops: 5, peer: v4.a },
    { to: `[fd01::100]:${PORT}`, source: "fd01::1", trafficClass: 8, peer: v6.a },
    { to: `[${theirs}%eth1]:${PORT}`, hops: 6, peer: v6.b },
    { to: `239.1.2.3:${PORT}`, interface: "eth1", hops: 7, peer: v4.b },
    { to: `10.1.0.255:${PORT}`, source: "10.1.0.1", peer: v4.a },
    { to: `[ff15::1234]:${PORT}@eth0`, source: "fd01::2", hops: 8, peer: v6.a },
  ];
  const items = Array.from({ length: 240 }, (_, number) => ({
    ...kinds[number % kinds.length],
    data: `${number}`,
  }));
  assertEquals(await socket.sendMany(items.map(({ peer: _, ...item }) => item)), 240);
  for (const { peer, data, hops, source, trafficClass } of items) {
    const seen = await peer.next();
    assertEquals(seen.text, data);
    if (hops) assertEquals(seen.hops, hops);
    if (source) assertEquals(seen.source.address, source);
    assertEquals(seen.trafficClass, trafficClass ?? 0);
  }
  assertEquals(socket.stats.sent, 240);
});
