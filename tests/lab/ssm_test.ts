// Groups joined for particular senders only (RFC 4607), and senders blocked from groups joined for any.
import { assertEquals, assertThrows } from "@std/assert";
import { openUdpSocket, type UdpSocket } from "../../mod.ts";
import { test, type TestOptions } from "../harness.ts";
import { atOnce, changesOf } from "./events.ts";
import { next, textOf, textsUntil } from "./sockets.ts";
import { type Stage, stage } from "./stage.ts";

const needs: TestOptions = { needs: ["lab", "python3"] };

/**
 * Three senders' addresses. All three are on both networks, so that it is the interface alone that tells which network a
 * datagram came from. `own` is this host's address for the marker.
 */
const families = [
  {
    group: "232.1.2.3",
    senders: ["10.1.0.100", "10.2.0.100", "10.8.0.3"] as const,
    own: ["10.1.0.1", "10.2.0.1"] as const,
  },
  {
    group: "ff35::1234",
    senders: ["fd01::100", "fd02::100", "fd08::3"] as const,
    own: ["fd01::1", "fd02::1"] as const,
  },
];

type Family = (typeof families)[number];

/** The networks, with all senders on both. */
async function senders(): Promise<Stage & AsyncDisposable> {
  const net = await stage();
  const [ofA, ofB] = [["10.1.0.100/32", "fd01::100/128"], ["10.2.0.100/32", "fd02::100/128"]];
  const third = ["10.8.0.3/32", "fd08::3/128"];
  await net.a.addAddresses("lo", [...ofB, ...third]);
  await net.b.addAddresses("lo", [...ofA, ...third]);
  return net;
}

/** Which senders (0, 1, 2) are heard from which network, when each sends to the group from both: `["A0", "B1"]`. */
async function heard(net: Stage, socket: UdpSocket, family: Family): Promise<string[]> {
  return [
    ...await heardFrom(net, socket, family, "A"),
    ...await heardFrom(net, socket, family, "B"),
  ];
}

/** The same from one network. */
async function heardFrom(
  net: Stage,
  socket: UdpSocket,
  { group, senders, own }: Family,
  network: "A" | "B",
): Promise<string[]> {
  const { port } = socket;
  const [talker, to] = network === "A" ? [net.onA, own[0]] : [net.onB, own[1]];
  for (const [number, source] of senders.entries()) {
    const data = `${network}${number}`;
    await talker.send({ to: group, port, source, interface: "eth0", data });
  }
  await talker.send({ to, port, data: "marker" });
  return await textsUntil(socket);
}

for (const family of families) {
  const { group, senders: [first, second, third] } = family;

  test(`${group}: joined for one sender only that one is heard`, needs, async () => {
    await using net = await senders();
    await using socket = openUdpSocket({
      groups: [{ group, source: first, interface: "eth0" }],
    });
    assertEquals(await heard(net, socket, family), ["A0"]);
    const further = socket.join(group, { source: second, interface: "eth0" });
    assertEquals([further.source, further.interfaces.length], [second, 1]);
    assertEquals(await heard(net, socket, family), ["A0", "A1"]);
    socket.leave(group, { source: first });
    assertEquals(await heard(net, socket, family), ["A1"]);
    further.leave();
    assertEquals(await heard(net, socket, family), []);
  });

  test(
    `${group}: joined for one sender everywhere it is heard from every interface`,
    needs,
    async () => {
      await using net = await senders();
      await using socket = openUdpSocket();
      const membership = socket.join(group, { source: third });
      assertEquals(membership.interfaces.map(({ name }) => name).sort(), ["eth0", "eth1"]);
      assertEquals(await heard(net, socket, family), ["A2", "B2"]);
      socket.leave(group, { interface: "eth0" });
      assertEquals(await heard(net, socket, family), ["B2"]);
    },
  );

  test(`${group}: two memberships for one sender are left one by one`, needs, async () => {
    await using net = await senders();
    await using socket = openUdpSocket();
    const one = socket.join(group, { source: first, interface: "eth0" });
    const two = socket.join(group, { source: first, interface: "eth0" });
    one.leave();
    assertEquals(await heard(net, socket, family), ["A0"]);
    two.leave();
    assertEquals(await heard(net, socket, family), []);
  });

  for (const order of [["eth0", "eth1"], ["eth1", "eth0"]]) {
    test(
      `${group}: each interface has its own senders, joined on ${order.join(" and then on ")}`,
      needs,
      async () => {
        await using net = await senders();
        await using socket = openUdpSocket();
        const wanted: Record<string, string> = { eth0: first, eth1: second };
        for (const name of order) socket.join(group, { source: wanted[name], interface: name });
        assertEquals(await heard(net, socket, family), ["A0", "B1"]);
        socket.join(group, { source: third, interface: order[0] });
        const also = order[0] === "eth0" ? ["A0", "A2", "B1"] : ["A0", "B1", "B2"];
        assertEquals(await heard(net, socket, family), also);
        socket.leave(group, { interface: order[1] });
        const rest = order[0] === "eth0" ? ["A0", "A2"] : ["B1", "B2"];
        assertEquals(await heard(net, socket, family), rest);
      },
    );

    test(
      `${group}: one interface for any sender, the other for one, joined on ${
        order.join(" and then on ")
      }`,
      needs,
      async () => {
        await using net = await senders();
        await using socket = openUdpSocket();
        for (const name of order) {
          socket.join(
            group,
            name === "eth0" ? { interface: name } : { source: second, interface: name },
          );
        }
        assertEquals(await heard(net, socket, family), ["A0", "A1", "A2", "B1"]);
        socket.leave(group, { interface: order[1] });
        const rest = order[0] === "eth0" ? ["A0", "A1", "A2"] : ["B1"];
        assertEquals(await heard(net, socket, family), rest);
      },
    );
  }

  test(
    `${group}: a sender can be blocked and heard again, on one interface or on all`,
    needs,
    async () => {
      await using net = await senders();
      await using socket = openUdpSocket({ groups: [group] });
      const everything = ["A0", "A1", "A2", "B0", "B1", "B2"];
      const without = (...gone: string[]) => everything.filter((text) => !gone.includes(text));
      assertEquals(await heard(net, socket, family), everything);
      socket.blockSource(group, first, { interface: "eth0" });
      assertEquals(await heard(net, socket, family), without("A0"));
      socket.blockSource(group, third);
      socket.blockSource(group, third);
      assertEquals(await heard(net, socket, family), without("A0", "A2", "B2"));
      socket.unblockSource(group, third, { interface: "eth1" });
      assertEquals(await heard(net, socket, family), without("A0", "A2"));
      socket.unblockSource(group, third);
      socket.unblockSource(group, first);
      assertEquals(await heard(net, socket, family), everything);
    },
  );

  test(
    `${group}: a block ends with unblockSource, whatever was joined and left meanwhile`,
    needs,
    async () => {
      await using net = await senders();
      await using socket = openUdpSocket();
      const onEth0 = socket.join(group, { interface: "eth0" });
      socket.blockSource(group, first);
      const onEth1 = socket.join(group, { interface: "eth1" });
      assertEquals(await heard(net, socket, family), ["A1", "A2", "B0", "B1", "B2"]);
      socket.unblockSource(group, first);
      onEth1.leave();
      assertEquals(await heard(net, socket, family), ["A0", "A1", "A2"]);
      socket.blockSource(group, second);
      onEth0.leave();
      socket.join(group, { interface: "eth0" });
      // A new membership starts without the blocks of the old one.
      assertEquals(await heard(net, socket, family), ["A0", "A1", "A2"]);
    },
  );

  test(
    `${group}: what is joined while an interface is away hears everybody there, and goes on to`,
    needs,
    async () => {
      await using net = await senders();
      await using socket = openUdpSocket();
      const changes = changesOf(socket.join(group));
      socket.blockSource(group, first);
      atOnce(["link set eth0 down"]);
      await changes.find(({ left }) => left.includes("eth0"));
      // The first membership is not there: this one is new, and nobody was blocked from it.
      socket.join(group, { interface: "eth0" });
      atOnce(["link set eth0 up"]);
      await changes.find(({ joined }) => joined.includes("eth0"));
      await net.here.addAddresses("eth0", ["fd01::1/64", "fd01::2/64"]);
      await net.here.settled("eth0");
      const everything = ["A0", "A1", "A2", "B1", "B2"];
      assertEquals(await heard(net, socket, family), everything);
      socket.blockSource(group, first);
      assertEquals(await heard(net, socket, family), everything.slice(1));
    },
  );

  test(
    `${group}: what was joined on an interface that is gone stands in nobody's way`,
    needs,
    async () => {
      await using net = await senders();
      await using socket = openUdpSocket();
      for (const name of ["eth0", "eth1"]) socket.join(group, { interface: name });
      await net.lab.ip("link del eth0");
      socket.blockSource(group, first);
      assertEquals(await heardFrom(net, socket, family, "B"), ["B1", "B2"]);
      socket.unblockSource(group, first);
      assertEquals(await heardFrom(net, socket, family, "B"), ["B0", "B1", "B2"]);
    },
  );

  test(
    `${group}: a sender of an interface that is gone stands in no other's way`,
    needs,
    async () => {
      await using net = await senders();
      await using socket = openUdpSocket();
      socket.join(group, { interface: "eth0", source: first });
      await net.lab.ip("link del eth0");
      const other = socket.join(group, { interface: "eth1", source: second });
      assertEquals(await heardFrom(net, socket, family, "B"), ["B1"]);
      other.leave();
      assertEquals(await heardFrom(net, socket, family, "B"), []);
    },
  );

  test(
    `${group}: any sender and particular senders do not mix on one interface`,
    needs,
    async () => {
      await using net = await senders();
      await using socket = openUdpSocket({ groups: [{ group, interface: "eth0" }] });
      const refused = () => socket.join(group, { source: first, interface: "eth0" });
      assertThrows(refused, TypeError, "leave it first");
      assertEquals(await heard(net, socket, family), ["A0", "A1", "A2"]);
      socket.leave(group);
      socket.join(group, { source: first, interface: "eth0" });
      assertThrows(() => socket.join(group, { interface: "eth0" }), TypeError, "leave it first");
      assertThrows(() => socket.blockSource(group, first), TypeError, "join the group first");
      assertEquals(await heard(net, socket, family), ["A0"]);
    },
  );

  test(`${group}: other sockets' senders are not this socket's`, needs, async () => {
    await using net = await senders();
    const open = (source: string, port?: number) =>
      openUdpSocket({ port, share: true, groups: [{ group, source, interface: "eth0" }] });
    await using one = open(first);
    await using two = open(second, one.port);
    for (const [number, source] of [first, second].entries()) {
      const { port } = one;
      await net.onA.send({ to: group, port, source, interface: "eth0", data: `${number}` });
      await net.onB.send({ to: group, port, source, interface: "eth0", data: "from B" });
    }
    assertEquals([textOf(await next(one)), textOf(await next(two))], ["0", "1"]);
    assertEquals([one.stats.received, two.stats.received], [1, 1]);
  });
}
