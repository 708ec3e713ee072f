// What a following membership keeps and what it forgets: limits, what was left, what was blocked, who listens.
import { assert, assertEquals } from "@std/assert";
import { openUdpSocket, SocketError, type UdpSocket } from "../../mod.ts";
import { test, type TestOptions } from "../harness.ts";
import { descriptors } from "../kernel/support.ts";
import { atOnce, changesOf, joinedOn } from "./events.ts";
import { Lab } from "./lab.ts";
import { Errors, textsUntil } from "./sockets.ts";
import { sendFromBoth, type Stage, stage } from "./stage.ts";

const needs: TestOptions = { needs: ["lab"] };
const withPeers: TestOptions = { needs: ["lab", "python3"] };

const families = [
  {
    name: "IPv4",
    group: "239.1.2.3",
    other: "239.1.2.4",
    sources: ["10.1.0.100", "10.2.0.100"],
    own: ["10.1.0.1", "10.2.0.1"],
  },
  {
    name: "IPv6",
    group: "ff15::1234",
    other: "ff15::1235",
    sources: ["fd01::100", "fd02::100"],
    own: ["fd01::1", "fd02::1"],
  },
];

const bridge = (
  name: string,
) => [`link add ${name} type bridge`, `link set ${name} multicast on up`];

/** Few IPv4 groups a socket, for a while: the next test has the same host. */
async function limited(lab: Lab, memberships: number) {
  const set = (value: number) =>
    lab.here.sysctl({ "net.ipv4.igmp_max_memberships": String(value) });
  await set(memberships);
  return { raise: () => set(20), [Symbol.asyncDispose]: () => set(20) };
}

/** What a socket hears when both networks send to a group. */
async function heard(net: Stage, socket: UdpSocket, group: string, own: readonly string[]) {
  const { port } = socket;
  const texts: string[] = [];
  await sendFromBoth(net, group, port);
  for (const [talker, to] of [[net.onA, own[0]], [net.onB, own[1]]] as const) {
    await talker.send({ to, port, data: "marker" });
    texts.push(...await textsUntil(socket));
  }
  return texts;
}

for (const { name, group, other, sources, own } of families) {
  for (const options of [{}, { source: sources[0] }]) {
    const kind = `${name}${"source" in options ? ", one source" : ""}`;

    test(`${kind}: interfaces that come and go leave no slot behind`, needs, async () => {
      await using lab = new Lab();
      await using _limit = await limited(lab, 2);
      const errors = new Errors();
      await using socket = openUdpSocket({ onError: errors.add });
      const membership = socket.join(group, options);
      const changes = changesOf(membership);
      for (let i = 0; i < 10; i++) {
        atOnce(bridge(`brief${i}`));
        assertEquals(await changes.next(), { joined: [`brief${i}`], left: [], failed: [] });
        atOnce([`link del brief${i}`]);
        await changes.find(({ left }) => left.length > 0);
        assertEquals([membership.interfaces, membership.failed], [[], []]);
      }
      assertEquals(errors.count, 0);
    });

    test(
      `${kind}: an interface that comes back under its old index is joined again`,
      needs,
      async () => {
        await using lab = new Lab();
        await using socket = openUdpSocket();
        const membership = socket.join(group, options);
        const changes = changesOf(membership);
        for (let i = 0; i < 3; i++) {
          atOnce(["link add again0 index 4000 type bridge", "link set again0 multicast on up"]);
          assertEquals(await changes.next(), { joined: ["again0"], left: [], failed: [] });
          assert((await lab.ip("maddr show dev again0")).includes(` ${group}`));
          atOnce(["link del again0"]);
          await changes.find(({ left }) => left.length > 0);
        }
      },
    );

    test(
      `${kind}: an MTU that was too small for a while costs no packet later`,
      withPeers,
      async () => {
        await using net = await stage();
        await using socket = openUdpSocket();
        const membership = socket.join(group, options);
        const changes = changesOf(membership);
        // Below 1280 there is no IPv6 on a link (RFC 8200 section 5), below 68 no IPv4: the kernel forgets who has joined.
        atOnce(["link set eth0 mtu 1000", "link set eth0 mtu 1500", ...bridge("last0")]);
        await changes.find(({ joined }) => joined.includes("last0"));
        await net.here.addAddresses("eth0", name === "IPv6" ? ["fd01::1/64"] : []);
        await net.here.settled("eth0");
        assertEquals(joinedOn(membership), ["eth0", "eth1", "last0"]);
        assertEquals((await heard(net, socket, group, own))[0], "A");
      },
    );

    test(`${kind}: disabled and enabled again, IPv6 is as before`, withPeers, async () => {
      await using net = await stage();
      await using socket = openUdpSocket();
      const membership = socket.join(group, options);
      await net.here.sysctl({ "net.ipv6.conf.eth0.disable_ipv6": "1" });
      await net.here.sysctl({ "net.ipv6.conf.eth0.disable_ipv6": "0" });
      await net.here.addAddresses("eth0", ["fd01::1/64"]);
      await net.here.settled("eth0");
      assertEquals(joinedOn(membership), ["eth0", "eth1"]);
      assertEquals((await heard(net, socket, group, own))[0], "A");
    });
  }

  test(`${name}: left on one interface it stays left there`, needs, async () => {
    await using lab = new Lab();
    atOnce([...bridge("one0"), ...bridge("two0")]);
    await using socket = openUdpSocket();
    const membership = socket.join(group);
    const changes = changesOf(membership);
    socket.leave(group, { interface: "one0" });
    assertEquals(joinedOn(membership), ["two0"]);
    atOnce([
      "link set one0 down",
      "link set one0 up",
      "addr add 10.6.0.1/24 dev one0",
      "link set one0 name renamed0",
      "link set two0 down",
    ]);
    assertEquals(await changes.next(), { joined: [], left: ["two0"], failed: [] });
    assertEquals(joinedOn(membership), []);
    atOnce(["link set two0 up"]);
    assertEquals(await changes.next(), { joined: ["two0"], left: [], failed: [] });
    assertEquals(joinedOn(membership), ["two0"]);
    // Another interface, though the index is the same.
    const index = await lab.here.index("renamed0");
    atOnce([
      "link del renamed0",
      `link add three0 index ${index} type bridge`,
      "link set three0 multicast on up",
    ]);
    await changes.find(({ joined }) => joined.includes("three0"));
    assertEquals(joinedOn(membership), ["three0", "two0"]);
  });

  test(
    `${name}: what was blocked stays blocked wherever the group is joined later`,
    withPeers,
    async () => {
      await using net = await stage();
      await using socket = openUdpSocket();
      const membership = socket.join(group);
      const changes = changesOf(membership);
      socket.blockSource(group, sources[0]);
      assertEquals(await heard(net, socket, group, own), ["B"]);
      await net.here.ip("link set eth0 down");
      await changes.find(({ left }) => left.includes("eth0"));
      await net.here.ip("link set eth0 up");
      await changes.find(({ joined }) => joined.includes("eth0"));
      if (name === "IPv6") await net.here.addAddresses("eth0", ["fd01::1/64"]);
      await net.here.settled("eth0");
      assertEquals(await heard(net, socket, group, own), ["B"]);
      // Without carrier for a while.
      await net.a.ip("link set eth0 down");
      await net.a.ip("link set eth0 up");
      await changes.find(({ joined }) => joined.includes("eth0"));
      if (name === "IPv6") await net.a.addAddresses("eth0", ["fd01::100/64"]);
      await net.a.settled("eth0");
      await net.here.settled("eth0");
      assertEquals(await heard(net, socket, group, own), ["B"]);
      socket.unblockSource(group, sources[0]);
      assertEquals(await heard(net, socket, group, own), ["A", "B"]);
    },
  );

  test(`${name}: addresses and names do not matter, multicast off and on does`, needs, async () => {
    await using _lab = new Lab();
    atOnce(bridge("one0"));
    await using socket = openUdpSocket();
    const membership = socket.join(group);
    const changes = changesOf(membership);
    const { index } = membership.interfaces[0];
    atOnce([
      "addr add 10.6.0.1/24 dev one0",
      "addr del 10.6.0.1/24 dev one0",
      "addr add fd06::1/64 dev one0 nodad",
      "addr flush dev one0",
      "link set one0 multicast off",
    ]);
    assertEquals(await changes.next(), { joined: [], left: ["one0"], failed: [] });
    atOnce(["link set one0 multicast on"]);
    assertEquals(await changes.next(), { joined: ["one0"], left: [], failed: [] });
    atOnce(["link set one0 name other0", ...bridge("two0")]);
    await changes.find(({ joined }) => joined.includes("two0"));
    assertEquals(membership.interfaces[0], { index, name: "other0" });
  });

  test(
    `${name}: two memberships of one group follow both, and are left one by one`,
    withPeers,
    async () => {
      await using net = await stage();
      await using socket = openUdpSocket();
      const [first, second] = [socket.join(group), socket.join(group)];
      const changes = [changesOf(first), changesOf(second)];
      const flap = async () => {
        await net.here.ip("link set eth0 down");
        await changes[1].find(({ left }) => left.includes("eth0"));
        await net.here.ip("link set eth0 up");
        await changes[1].find(({ joined }) => joined.includes("eth0"));
        if (name === "IPv6") await net.here.addAddresses("eth0", ["fd01::1/64"]);
        await net.here.settled("eth0");
      };
      await flap();
      assertEquals([joinedOn(first), joinedOn(second)], [["eth0", "eth1"], ["eth0", "eth1"]]);
      assertEquals(await heard(net, socket, group, own), ["A", "B"]);
      first.leave();
      assertEquals(await heard(net, socket, group, own), ["A", "B"]);
      changes[0].take();
      await flap();
      assertEquals([joinedOn(first), changes[0].size], [[], 0]);
      assertEquals(await heard(net, socket, group, own), ["A", "B"]);
      second.leave();
      assertEquals(await heard(net, socket, group, own), []);
    },
  );

  test(`${name}: listeners may leave, join and close`, needs, async () => {
    await using _lab = new Lab();
    const before = descriptors();
    const socket = openUdpSocket();
    const told: string[] = [];
    const groups = [group, other];
    const memberships = groups.map((each) => socket.join(each));
    const bystander = socket.join(group);
    const closed = new Promise<void>((resolve) =>
      memberships[1].addEventListener("change", () => {
        told.push("second");
        socket.close().then(resolve);
      })
    );
    memberships[0].addEventListener("change", () => {
      told.push("first");
      // Whoever was to be told next is not there any more.
      bystander.leave();
      const added = socket.join(name === "IPv4" ? "239.1.2.5" : "ff15::1236");
      assertEquals(joinedOn(added), ["one0"]);
      added.addEventListener("change", () => told.push("added"));
    });
    bystander.addEventListener("change", () => told.push("bystander"));
    const last = socket.join(name === "IPv4" ? "239.1.2.6" : "ff15::1237");
    last.addEventListener("change", () => told.push("last"));
    atOnce(["link add one0 type bridge"]);
    atOnce(["link set one0 multicast on up"]);
    await closed;
    assertEquals(told, ["first", "second"]);
    assertEquals(last.interfaces, []);
    assertEquals(descriptors(), before);
  });
}

test("an interface without IPv6 fails, and is joined when it has it", needs, async () => {
  await using lab = new Lab();
  const errors = new Errors();
  await using socket = openUdpSocket({ onError: errors.add });
  const group = "ff15::1234";
  const membership = socket.join(group);
  const changes = changesOf(membership);
  atOnce(["link add small0 type bridge", "link set small0 mtu 1000"]);
  atOnce(["link set small0 multicast on up"]);
  assertEquals(await changes.next(), { joined: [], left: [], failed: ["small0"] });
  const error = await errors.next();
  assertEquals(error.address, group);
  assertEquals(error.interfaceIndex, await lab.here.index("small0"));
  assertEquals([membership.interfaces.length, membership.failed[0].error], [0, error]);
  await lab.ip("link set small0 mtu 1500");
  assertEquals(await changes.next(), { joined: ["small0"], left: [], failed: [] });
  assertEquals([joinedOn(membership), membership.failed], [["small0"], []]);
  assertEquals(errors.count, 0);
});

test(
  "memberships beyond the limit fail, the hint names the sysctl, and raising it heals",
  needs,
  async () => {
    await using lab = new Lab();
    await using limit = await limited(lab, 2);
    const errors = new Errors();
    await using socket = openUdpSocket({ onError: errors.add });
    const membership = socket.join("239.1.2.3");
    const changes = changesOf(membership);
    atOnce([...bridge("one0"), ...bridge("two0"), ...bridge("three0")]);
    assertEquals(await changes.find(({ failed }) => failed.length > 0), {
      joined: [],
      left: [],
      failed: ["three0"],
    });
    const error = await errors.next();
    assert(error instanceof SocketError);
    assertEquals([error.code, error.interfaceIndex], ["ENOBUFS", await lab.here.index("three0")]);
    assert(error.hint?.includes("net.ipv4.igmp_max_memberships"), `${error.hint}`);
    assertEquals(joinedOn(membership), ["one0", "two0"]);
    assertEquals(membership.failed.map(({ name }) => name), ["three0"]);
    assertEquals(socket.stats.lastError, error);
    // The same refusal again is no news.
    atOnce(["addr add 10.6.0.1/24 dev three0", "link set one0 down"]);
    assertEquals(await changes.next(), { joined: [], left: ["one0"], failed: [] });
    assertEquals(errors.count, 0);
    await limit.raise();
    atOnce(["addr add 10.6.1.1/24 dev three0"]);
    assertEquals(await changes.next(), { joined: ["three0"], left: [], failed: [] });
    assertEquals([joinedOn(membership), membership.failed], [["three0", "two0"], []]);
  },
);

test("following costs two descriptors at most, and close gives them back", needs, async () => {
  await using _lab = new Lab();
  atOnce(bridge("one0"));
  const before = descriptors();
  const sockets = Array.from({ length: 5 }, () => openUdpSocket({ family: "IPv4" }));
  const without = descriptors();
  const memberships = sockets.map((socket) => socket.join("239.1.2.3"));
  assertEquals(descriptors() - without, 1, "one netlink socket for all");
  const changes = memberships.map(changesOf);
  await sockets[0].close();
  atOnce(["link set one0 down"]);
  for (const queue of changes.slice(1)) assertEquals((await queue.next()).left, ["one0"]);
  assertEquals(changes[0].size, 0);
  await Promise.all(sockets.map((socket) => socket.close()));
  assertEquals(descriptors(), before);
  // And it can begin again.
  await using again = openUdpSocket();
  const told = changesOf(again.join("239.1.2.3"));
  atOnce(["link set one0 up"]);
  assertEquals((await told.next()).joined, ["one0"]);
});
