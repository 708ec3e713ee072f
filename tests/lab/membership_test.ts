// A group joined on an interface is heard from that interface, whatever other sockets and programs have joined.
import { assert, assertEquals, assertThrows } from "@std/assert";
import { openUdpSocket, SocketError, type UdpSocket } from "../../mod.ts";
import { test, type TestOptions } from "../harness.ts";
import { startReceiver } from "./peers.ts";
import { next, textOf, textsUntil, until } from "./sockets.ts";
import { sendFromBoth, type Stage, stage } from "./stage.ts";

const needs: TestOptions = { needs: ["lab", "python3"] };

/** A group under test and one that every socket has joined on both interfaces, to tell when everything has come. */
const families = [
  { group: "239.1.2.3", marker: "239.9.9.9" },
  { group: "ff02::1234", marker: "ff02::9999" },
  { group: "ff05::1234", marker: "ff05::9999" },
  { group: "ff15::1234", marker: "ff15::9999" },
];

/** What a socket hears when both networks send to a group, each followed by a marker. */
async function heard(net: Stage, socket: UdpSocket, group: string, marker: string) {
  const { port } = socket;
  await net.onA.send({ to: group, port, interface: "eth0", data: "A" });
  await net.onA.send({ to: marker, port, interface: "eth0", data: "end of A" });
  const fromA = await textsUntil(socket, "end of A");
  await net.onB.send({ to: group, port, interface: "eth0", data: "B" });
  await net.onB.send({ to: marker, port, interface: "eth0", data: "end of B" });
  return [...fromA, ...await textsUntil(socket, "end of B")];
}

for (const { group, marker } of families) {
  test(
    `${group} joined on eth0 is not heard from eth1, though others have joined it there`,
    needs,
    async () => {
      await using net = await stage();
      const both = [`${marker}@eth0`, `${marker}@eth1`];
      await using socket = openUdpSocket({ share: true, groups: [`${group}@eth0`, ...both] });
      const { port } = socket;
      await using other = openUdpSocket({ port, share: true, groups: [`${group}@eth1`, ...both] });
      await using all = openUdpSocket({ port, share: true, deliver: "all", groups: both });
      await using program = await startReceiver(net.here, {
        family: group.includes(":") ? "IPv6" : "IPv4",
        port,
        share: true,
        join: [`${group}@eth1`, `${marker}@eth1`],
      });
      await sendFromBoth(net, group, port);
      await sendFromBoth(net, marker, port, " marker");
      const [mine, others, everything] = [
        await until(socket, "A marker"),
        await until(other, "B marker"),
        await until(all, "B marker"),
      ];
      const texts = (list: typeof mine) =>
        list.map(textOf).filter((text) => !text.includes("marker"));
      assertEquals(texts(mine), ["A"]);
      assertEquals([mine[0].interfaceName, mine[0].interfaceIndex], ["eth0", net.eth0]);
      assertEquals([mine[0].destination.address, mine[0].cast], [group, "multicast"]);
      assertEquals(texts(others), ["B"]);
      assertEquals([others[0].interfaceName, others[0].interfaceIndex], ["eth1", net.eth1]);
      assertEquals(texts(everything), ["A", "B"]);
      assertEquals(everything.map((packet) => packet.interfaceName).slice(0, 2), ["eth0", "eth1"]);
      // The program's own packets really came to this host and port.
      for (let packet = await program.next(); packet.text !== "B marker";) {
        packet = await program.next();
      }
      // What the kernel hands over by group alone is kept away here and counted.
      assertEquals(socket.stats.filtered, group.includes(":") ? 1 : 0);
      assertEquals(other.stats.filtered, group.includes(":") ? 1 : 0);
    },
  );
}

test(
  "what another program has joined on the very interface is not heard either",
  needs,
  async () => {
    await using net = await stage();
    for (const { group, marker } of families) {
      await using socket = openUdpSocket({ share: true, groups: [`${marker}@eth0`] });
      const { port } = socket;
      const everything = openUdpSocket({
        port,
        share: true,
        deliver: "all",
        groups: [`${marker}@eth0`],
      });
      await using program = await startReceiver(net.here, {
        family: group.includes(":") ? "IPv6" : "IPv4",
        port,
        share: true,
        join: [`${group}@eth0`],
      });
      await net.onA.send({ to: group, port, interface: "eth0", data: "theirs" });
      await net.onA.send({ to: marker, port, interface: "eth0", data: "marker" });
      assertEquals((await program.next()).text, "theirs");
      assertEquals(await textsUntil(socket), []);
      assertEquals(await textsUntil(everything), ["theirs"]);
      await everything.close();
    }
  },
);

test('deliver "multicast" drops unicast and broadcast', needs, async () => {
  await using net = await stage();
  await using socket = openUdpSocket({
    deliver: "multicast",
    groups: ["239.1.2.3", "ff02::1234", "ff05::1234"],
  });
  const { port } = socket;
  const own = await net.here.linkLocal("eth0");
  for (const to of ["10.1.0.1", "10.1.0.255", "255.255.255.255", "fd01::1", `${own}%eth0`]) {
    await net.onA.send({ to, port, interface: "eth0", broadcast: true, data: to });
  }
  for (const to of ["239.1.2.3", "ff02::1234", "ff05::1234"]) {
    await net.onA.send({ to, port, interface: "eth0", data: "marker" });
    const packet = await next(socket);
    assertEquals([textOf(packet), packet.destination.address], ["marker", to]);
  }
  assertEquals(socket.stats.filtered, 5);
  assertEquals(socket.stats.received, 3);
});

test('deliver "joined" has unicast and broadcast, each with its interface', needs, async () => {
  await using net = await stage();
  await using socket = openUdpSocket();
  const { port } = socket;
  const casts: unknown[] = [];
  for (const to of ["10.1.0.2", "10.1.0.255", "255.255.255.255", "fd01::2"]) {
    await net.onA.send({ to, port, interface: "eth0", broadcast: true });
    const { destination, cast, interfaceName } = await next(socket);
    casts.push([destination.address, cast, interfaceName]);
  }
  await net.onB.send({ to: "10.2.0.255", port, broadcast: true });
  const last = await next(socket);
  assertEquals([...casts, [last.destination.address, last.cast, last.interfaceName]], [
    ["10.1.0.2", "unicast", "eth0"],
    ["10.1.0.255", "broadcast", "eth0"],
    ["255.255.255.255", "broadcast", "eth0"],
    ["fd01::2", "unicast", "eth0"],
    ["10.2.0.255", "broadcast", "eth1"],
  ]);
});

test("joining everywhere joins each interface that is up and can do multicast", needs, async () => {
  await using net = await stage();
  await net.here.batch([
    "link add down0 type veth peer name down1",
    "link add tiny0 mtu 1000 type veth peer name plain0",
    "link set tiny0 up",
    "link set plain0 multicast off up",
  ]);
  const [eth0, eth1] = [{ index: net.eth0, name: "eth0" }, { index: net.eth1, name: "eth1" }];
  const tiny = { index: await net.here.index("tiny0"), name: "tiny0" };
  const errors: Error[] = [];
  const failures: Error[] = [];
  await using socket = openUdpSocket({ onError: (error) => errors.push(error) });
  for (const { group } of families) {
    const membership = socket.join(group);
    const joined = [...membership.interfaces].sort((x, y) => x.index - y.index);
    // IPv6 needs an MTU of 1280 (RFC 8200 section 5); without it the interface has none.
    const wanted = group.includes(":") ? [eth0, eth1] : [eth0, eth1, tiny];
    assertEquals(joined, wanted.sort((x, y) => x.index - y.index));
    assertEquals([membership.group, membership.source], [group, null]);
    const failed = membership.failed.map(({ index, name }) => ({ index, name }));
    assertEquals(failed, group.includes(":") ? [tiny] : []);
    for (const { error } of membership.failed) {
      assert(error instanceof SocketError);
      assertEquals([error.address, error.interfaceIndex], [group, tiny.index]);
      assert(error.hint?.includes("IPv6"), error.message);
      failures.push(error);
    }
  }
  for (const { group } of families) {
    await sendFromBoth(net, group, socket.port);
    const packets = [await next(socket), await next(socket)];
    assertEquals(
      packets.map((packet) => [textOf(packet), packet.interfaceName, packet.interfaceIndex]),
      [["A", "eth0", net.eth0], ["B", "eth1", net.eth1]],
    );
    assertEquals(packets[1].destination.address, group);
  }
  assertEquals([failures.length, errors], [3, failures]);
});

for (const { group, marker } of families) {
  test(`${group}: leaving on one interface keeps the other`, needs, async () => {
    await using net = await stage();
    await using socket = openUdpSocket({ groups: [marker] });
    const hear = () => heard(net, socket, group, marker);
    const membership = socket.join(group);
    assertEquals(await hear(), ["A", "B"]);
    socket.leave(group, { interface: "eth1" });
    assertEquals(membership.interfaces, [{ index: net.eth0, name: "eth0" }]);
    assertEquals(await hear(), ["A"]);
    membership.leave();
    assertEquals(membership.interfaces, []);
    assertEquals(await hear(), []);
    membership.leave();
    const again = socket.join(group, { interface: net.eth1 });
    assertEquals(await hear(), ["B"]);
    socket.leave(group);
    assertEquals([again.interfaces.length, await hear()], [0, []]);
  });

  test(`${group}: two memberships of a socket are left one by one`, needs, async () => {
    await using net = await stage();
    await using socket = openUdpSocket({ groups: [marker] });
    const hear = () => heard(net, socket, group, marker);
    const everywhere = socket.join(group);
    {
      using onEth0 = socket.join(group, { interface: "eth0" });
      assertEquals(onEth0.interfaces, [{ index: net.eth0, name: "eth0" }]);
      assertEquals(await hear(), ["A", "B"]);
    }
    assertEquals(await hear(), ["A", "B"]);
    {
      using _onEth1 = socket.join(`${group}`, { interface: "eth1" });
      everywhere.leave();
      assertEquals(await hear(), ["B"]);
    }
    assertEquals(await hear(), []);
  });
}

test("a group can be joined by its zone, and a contradiction is refused", needs, async () => {
  await using net = await stage();
  await using socket = openUdpSocket();
  const byName = socket.join("ff02::1234%eth1");
  const byIndex = socket.join(`ff02::1235%${net.eth0}`);
  assertEquals([byName.interfaces[0].name, byIndex.interfaces[0].name], ["eth1", "eth0"]);
  assertThrows(() => socket.join("ff02::1234%eth1", { interface: "eth0" }), TypeError, "eth0");
  const error = assertThrows(() => socket.join("ff02::1234%nowhere"), SocketError, "nowhere");
  assertEquals(error.code, "ENODEV");
});

test("sockets that share a port each get every packet of their groups", needs, async () => {
  await using net = await stage();
  for (const { group, marker } of families) {
    const options = { share: true, groups: [group, marker] };
    const first = openUdpSocket(options);
    const { port } = first;
    await using second = openUdpSocket({ ...options, port });
    await using third = openUdpSocket({ ...options, port, address: group, groups: [group] });
    await using program = await startReceiver(net.here, {
      family: group.includes(":") ? "IPv6" : "IPv4",
      port,
      share: true,
      join: [`${group}@eth0`],
    });
    await net.onA.send({ to: group, port, interface: "eth0", data: "one" });
    for (const socket of [first, second, third]) assertEquals(textOf(await next(socket)), "one");
    assertEquals((await program.next()).text, "one");
    await first.close();
    await net.onA.send({ to: group, port, interface: "eth0", data: "two" });
    for (const socket of [second, third]) assertEquals(textOf(await next(socket)), "two");
    assertEquals((await program.next()).text, "two");
  }
});

test("a port that is not shared is refused to others, and the hint says what to do", needs, () => {
  const socket = openUdpSocket({ groups: ["239.1.2.3@lo"] });
  const error = assertThrows(
    () => openUdpSocket({ port: socket.port, share: true }),
    SocketError,
  );
  assertEquals([error.code, error.syscall, error.port], ["EADDRINUSE", "bind", socket.port]);
  assert(error.hint?.includes("share"), `${error.hint}`);
  return socket.close();
});

test(
  "joining everywhere goes on where one interface has the group source-specific",
  needs,
  async () => {
    await using net = await stage();
    await using socket = openUdpSocket({ groups: ["239.9.9.9@eth0", "239.9.9.9@eth1"] });
    socket.join("239.1.2.3", { interface: "eth0", source: "10.1.0.77" });
    const membership = socket.join("239.1.2.3");
    assertEquals(membership.interfaces.map(({ name }) => name), ["eth1"]);
    assertEquals(membership.failed.map(({ name }) => name), ["eth0"]);
    assert(membership.failed[0].error.message.includes("source-specific"));
    assertEquals(await heard(net, socket, "239.1.2.3", "239.9.9.9"), ["B"]);
    membership.leave();
    assertEquals(await heard(net, socket, "239.1.2.3", "239.9.9.9"), []);
  },
);
