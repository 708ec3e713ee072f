// Where datagrams go that do not say so themselves, and which of them never leave this host.
import { assertEquals } from "@std/assert";
import { openUdpSocket, type Packet, type SendOptions } from "../../mod.ts";
import { test, type TestOptions } from "../harness.ts";
import { sendFrom } from "./peers.ts";
import { next, refused, textOf } from "./sockets.ts";
import { GROUPS, LINK_GROUP, PORT, receivers } from "./targets.ts";
import { twoNetworks } from "./topologies.ts";

const needs: TestOptions = { needs: ["lab", "python3"] };

test("a socket of one interface sends and receives on that one only", needs, async () => {
  await using net = await twoNetworks();
  const [v4, v6] = [await receivers(net, "IPv4"), await receivers(net, "IPv6")];
  await using socket = openUdpSocket({ interface: "eth1", broadcast: true });
  // Nothing says by which interface these are to leave, but the socket.
  for (const to of ["239.1.2.3", "255.255.255.255", "10.2.0.100"]) {
    await socket.send(to, { address: to, port: PORT });
    const { text, source } = await v4.b.next();
    assertEquals([text, source.address], [to, "10.2.0.1"]);
  }
  const theirs = await net.b.linkLocal("eth0");
  for (const to of [GROUPS.IPv6, LINK_GROUP, "fd02::100", theirs]) {
    await socket.send(to, { address: to, port: PORT });
    assertEquals((await v6.b.next()).text, to);
  }
  assertEquals([v4.a.pending(), v6.a.pending()], [[], []]);
  // A group goes without saying, too.
  const membership = socket.join(GROUPS.IPv4);
  assertEquals(membership.interfaces.map(({ name }) => name), ["eth1"]);
  const { port } = socket;
  for (const to of ["10.1.0.1", "10.1.0.255", "fd01::1"]) {
    await sendFrom(net.a, { to, port, broadcast: true, data: "from A" });
  }
  await sendFrom(net.b, { to: "fd02::1", port, data: "from B" });
  await sendFrom(net.b, { to: "10.2.0.1", port, data: "from B" });
  for (let count = 0; count < 2; count++) {
    const packet = await next(socket);
    assertEquals([textOf(packet), packet.interfaceName], ["from B", "eth1"]);
  }
  assertEquals(socket.stats.received, 2);
  // The kernel would send these by eth0: what a datagram says goes before SO_BINDTODEVICE.
  await refused(socket, TypeError, `[fe80::1%eth0]:${PORT}`);
  await refused(socket, TypeError, `10.1.0.100:${PORT}`, { interface: "eth0" });
  await refused(socket, TypeError, `239.1.2.3:${PORT}@eth0`);
  assertEquals([v4.a.pending(), v6.a.pending()], [[], []]);
});

test(
  "multicastInterface, multicastHops, hops and trafficClass are the socket's defaults",
  needs,
  async () => {
    await using net = await twoNetworks();
    const [v4, v6] = [await receivers(net, "IPv4"), await receivers(net, "IPv6")];
    const options = { multicastHops: 9, hops: 77, trafficClass: 0x48 };
    for (const multicastInterface of ["eth1", await net.here.index("eth1")]) {
      await using socket = openUdpSocket({ ...options, multicastInterface });
      for (
        const [to, peer] of [[GROUPS.IPv4, v4.b], [GROUPS.IPv6, v6.b], [LINK_GROUP, v6.b]] as const
      ) {
        await socket.send("x", { address: to, port: PORT });
        const seen = await peer.next();
        assertEquals([seen.destination, seen.hops, seen.trafficClass], [to, 9, 0x48]);
      }
      for (const [to, peer] of [["10.1.0.100", v4.a], ["fd01::100", v6.a]] as const) {
        await socket.send("x", { address: to, port: PORT });
        const seen = await peer.next();
        assertEquals([seen.destination, seen.hops, seen.trafficClass], [to, 77, 0x48]);
      }
      // A datagram's own wish goes before the socket's.
      await socket.send("x", `239.1.2.3:${PORT}`, { interface: "eth0", hops: 3, trafficClass: 4 });
      const seen = await v4.a.next();
      assertEquals([seen.hops, seen.trafficClass], [3, 4]);
      await socket.send("x", `239.1.2.3:${PORT}`);
      assertEquals((await v4.b.next()).hops, 9);
    }
  },
);

test(
  "multicastLoopback decides whether this host's members hear what it sends",
  needs,
  async () => {
    await using net = await twoNetworks();
    const [v4, v6] = [await receivers(net, "IPv4"), await receivers(net, "IPv6")];
    await using member = openUdpSocket({ groups: [GROUPS.IPv4, GROUPS.IPv6, LINK_GROUP] });
    await using silent = openUdpSocket({ multicastLoopback: false });
    await using normal = openUdpSocket();
    for (
      const [to, peer] of [[GROUPS.IPv4, v4.a], [GROUPS.IPv6, v6.a], [LINK_GROUP, v6.a]] as const
    ) {
      for (const [socket, text] of [[silent, "silent"], [normal, "normal"]] as const) {
        await socket.send(text, { address: to, port: member.port, interface: "eth0" });
        await socket.send(text, { address: to, port: PORT, interface: "eth0" });
        assertEquals((await peer.next()).text, text);
      }
      const packet = await next(member);
      assertEquals([textOf(packet), packet.destination.address], ["normal", to]);
      assertEquals([packet.interfaceName, packet.source.port], ["eth0", normal.port]);
    }
    assertEquals(member.stats.received, 3);
  },
);

for (
  const [family, to] of [["IPv4", GROUPS.IPv4], ["IPv6", GROUPS.IPv6], [
    "IPv6",
    LINK_GROUP,
  ]] as const
) {
  test(`${to} with hops 0 reaches members on this host and never the wire`, needs, async () => {
    await using net = await twoNetworks();
    const peers = await receivers(net, family);
    await using member = openUdpSocket({ port: PORT, groups: [`${to}@eth0`] });
    await using socket = openUdpSocket({ multicastHops: 5 });
    const send = (text: string, options: SendOptions) =>
      socket.send(text, { address: to, port: PORT }, { interface: "eth0", ...options });
    await send("stays", { hops: 0 });
    await send("leaves", {});
    await socket.sendMany([
      { data: "stays", to: `${family === "IPv4" ? to : `[${to}]`}:${PORT},0@eth0` },
      { data: "leaves", to: { address: to, port: PORT, interface: "eth0" }, hops: 4 },
    ]);
    const here: Packet[] = [];
    while (here.length < 4) here.push(await next(member));
    assertEquals(here.map((packet) => [textOf(packet), packet.hops]), [
      ["stays", 0],
      ["leaves", 5],
      ["stays", 0],
      ["leaves", 4],
    ]);
    assertEquals(here[0].interfaceName, "eth0");
    const there = [await peers.a.next(), await peers.a.next()];
    assertEquals(there.map(({ text, hops }) => [text, hops]), [["leaves", 5], ["leaves", 4]]);
    assertEquals(peers.a.pending(), []);
    await using zero = openUdpSocket({ multicastHops: 0, multicastInterface: "eth0" });
    await zero.send("stays", { address: to, port: PORT });
    assertEquals(textOf(await next(member)), "stays");
    await send("marker", {});
    assertEquals((await peers.a.next()).text, "marker");
  });
}

test("ff01:: never leaves the host, whatever the interface and hops", needs, async () => {
  await using net = await twoNetworks();
  const peers = await receivers(net, "IPv6");
  await using member = openUdpSocket({
    port: PORT,
    groups: ["ff01::1234%eth0", "ff01::1234%eth1"],
  });
  await using socket = openUdpSocket();
  for (const name of ["eth0", "eth1"]) {
    await socket.send("x", `[ff01::1234%${name}]:${PORT}`, { hops: 64 });
    const packet = await next(member);
    assertEquals([packet.interfaceName, packet.cast], [name, "multicast"]);
    assertEquals(packet.destination.toString(), `[ff01::1234%${name}]:${PORT}`);
    await socket.send("marker", `[${LINK_GROUP}%${name}]:${PORT}`);
  }
  for (const peer of [peers.a, peers.b]) assertEquals((await peer.next()).text, "marker");
});
