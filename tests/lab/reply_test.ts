// `reply` on a host with several addresses and two networks: the other ends and the wire say where each answer came from.
import { assertEquals } from "@std/assert";
import { openUdpSocket, type UdpSocketOptions } from "../../mod.ts";
import { test, type TestOptions } from "../harness.ts";
import { capture, type Frame } from "./capture.ts";
import { type RequestOptions, startTalker, type Talker } from "./peers.ts";
import { Server } from "./sockets.ts";
import { type TwoNetworks, twoNetworks } from "./topologies.ts";

const needs: TestOptions = { needs: ["lab", "python3"] };

/** Two networks, a talker on each and here, and a dual-stack server here that answers everything. */
async function stage(options: UdpSocketOptions = {}) {
  const net = await twoNetworks();
  const [onA, onB, onHere] = await Promise.all([net.a, net.b, net.here].map(startTalker));
  const socket = openUdpSocket(options);
  const server = new Server(socket);
  return {
    ...net,
    onA,
    onB,
    onHere,
    socket,
    server,
    port: socket.port,
    eth0: await net.here.index("eth0"),
    eth1: await net.here.index("eth1"),
    async [Symbol.asyncDispose]() {
      await socket.close();
      await server.ended;
      await net[Symbol.asyncDispose]();
    },
  };
}

type Stage = Awaited<ReturnType<typeof stage>>;

/** Asks, and says who answered and what the server saw. */
async function ask(stage: Stage, talker: Talker, options: Omit<RequestOptions, "port">) {
  const answers = await talker.ask({ data: "question", ...options, port: stage.port, timeout: 1 });
  assertEquals(stage.server.failures, []);
  const [answer] = answers;
  if (typeof answer === "string") {
    const { source, destination, interfaceName } = stage.server.last;
    throw new Error(`${answer} after ${source} → ${destination} on ${interfaceName}`);
  }
  assertEquals([answer.text, answer.source.port], ["re: question", stage.port]);
  const { destination, interfaceName, interfaceIndex, cast, source } = stage.server.last;
  return {
    from: answer.source.address,
    by: answer.interfaceName,
    saw: [destination.address, interfaceName, interfaceIndex, cast],
    source: source.toString(),
  };
}

/** Multicast without a route needs the interface; python's SO_BINDTODEVICE gives it. */
const onEth0 = { interface: "eth0" };

test("each of several addresses of an interface answers for itself", needs, async () => {
  await using net = await stage();
  const linkLocal = await net.here.linkLocal("eth0");
  for (const to of ["10.1.0.1", "10.1.0.2", "fd01::1", "fd01::2"]) {
    const { from, by, saw } = await ask(net, net.onA, { to, connect: true });
    assertEquals([from, by], [to, "eth0"]);
    assertEquals(saw, [to, "eth0", net.eth0, "unicast"]);
  }
  const seen = await ask(net, net.onA, { to: `${linkLocal}%eth0`, connect: true });
  assertEquals([seen.from, seen.saw], [linkLocal, [linkLocal, "eth0", net.eth0, "unicast"]]);
  assertEquals(net.server.last.destination.toString(), `[${linkLocal}%eth0]:${net.port}`);
  assertEquals(net.server.last.source.scopeId, net.eth0);
});

test("a socket with two interfaces answers into the network that asked", needs, async () => {
  await using net = await stage();
  for (const to of ["10.2.0.1", "fd02::1"]) {
    const { from, saw } = await ask(net, net.onB, { to, connect: true });
    assertEquals([from, saw], [to, [to, "eth1", net.eth1, "unicast"]]);
  }
  const linkLocal = await net.here.linkLocal("eth1");
  const seen = await ask(net, net.onB, { to: `${linkLocal}%eth0`, connect: true });
  assertEquals([seen.from, seen.saw], [linkLocal, [linkLocal, "eth1", net.eth1, "unicast"]]);
});

test(
  "a request to a group is answered by an address of the interface it came in on",
  needs,
  async () => {
    await using net = await stage({
      groups: ["224.0.0.251", "239.1.2.3", "ff02::fb", "ff05::1:3"],
    });
    const cases = [
      {
        talker: net.onA,
        name: "eth0",
        own: ["10.1.0.1", "10.1.0.2"],
        own6: ["fd01::1", "fd01::2"],
      },
      { talker: net.onB, name: "eth1", own: ["10.2.0.1"], own6: ["fd02::1"] },
    ];
    for (const { talker, name, own, own6 } of cases) {
      const index = name === "eth0" ? net.eth0 : net.eth1;
      const linkLocal = await net.here.linkLocal(name);
      for (const to of ["224.0.0.251", "239.1.2.3"]) {
        const { from, saw } = await ask(net, talker, { to, ...onEth0 });
        assertEquals(own.includes(from), true, `${to} was answered from ${from}`);
        assertEquals(saw, [to, name, index, "multicast"]);
      }
      // From a link-local address the answer goes to one, from a global one likewise.
      const theirs = await (talker === net.onA ? net.a : net.b).linkLocal("eth0");
      for (const to of ["ff02::fb", "ff05::1:3"]) {
        for (const source of [theirs, talker === net.onA ? "fd01::100" : "fd02::100"]) {
          const { from, saw } = await ask(net, talker, { to, source, ...onEth0 });
          const expected = source === theirs ? [linkLocal] : own6;
          assertEquals(expected.includes(from), true, `${to} was answered from ${from}`);
          assertEquals(saw, [to, name, index, "multicast"]);
        }
      }
    }
  },
);

test(
  "a broadcast request is answered by an address of the interface it came in on",
  needs,
  async () => {
    await using net = await stage();
    const cases = [
      { talker: net.onA, name: "eth0", own: ["10.1.0.1", "10.1.0.2"], subnet: "10.1.0.255" },
      { talker: net.onB, name: "eth1", own: ["10.2.0.1"], subnet: "10.2.0.255" },
    ];
    for (const { talker, name, own, subnet } of cases) {
      for (const to of ["255.255.255.255", subnet]) {
        const { from, saw } = await ask(net, talker, { to, broadcast: true, ...onEth0 });
        assertEquals(own.includes(from), true, `${to} was answered from ${from}`);
        assertEquals(saw, [to, name, name === "eth0" ? net.eth0 : net.eth1, "broadcast"]);
      }
    }
  },
);

/** Makes network A's addresses of this host known on B, where they are not at home. */
async function routeToA({ b }: TwoNetworks): Promise<void> {
  await b.batch(["route add 10.1.0.0/24 via 10.2.0.1"]);
  await b.ip("-6 route add fd01::/64 via fd02::1");
}

test(
  "a request for an address of another interface is answered where it came in",
  needs,
  async () => {
    await using net = await stage();
    await routeToA(net);
    for (const to of ["10.1.0.1", "10.1.0.2", "fd01::1", "fd01::2"]) {
      const { from, saw } = await ask(net, net.onB, { to, connect: true });
      assertEquals([from, saw], [to, [to, "eth1", net.eth1, "unicast"]]);
    }
  },
);

test("the answer leaves where the request came in, whatever the routes prefer", needs, async () => {
  await using net = await stage();
  // The client's address is one to which this host's best route leads into the other network.
  await net.b.ip("addr add 10.9.0.9/32 dev lo");
  await net.b.ip("addr add fd09::9/128 dev lo nodad");
  await net.here.ip("route add 10.9.0.0/24 via 10.1.0.100 dev eth0");
  await net.here.ip("route add 10.9.0.0/24 via 10.2.0.100 dev eth1 metric 1000");
  await net.here.ip("-6 route add fd09::/64 via fd01::100 dev eth0 metric 10");
  await net.here.ip("-6 route add fd09::/64 via fd02::100 dev eth1 metric 1000");
  for (const [source, to] of [["10.9.0.9", "10.2.0.1"], ["fd09::9", "fd02::1"]]) {
    const { from, saw } = await ask(net, net.onB, { to, source, connect: true });
    assertEquals([from, saw], [to, [to, "eth1", net.eth1, "unicast"]]);
  }
});

test("a request from this host to one of its own addresses is answered", needs, async () => {
  await using net = await stage({ groups: ["239.1.2.3", "ff02::fb"] });
  const linkLocal = await net.here.linkLocal("eth0");
  const requests = [
    { to: "10.1.0.1", source: "10.1.0.2" },
    { to: "10.1.0.2", source: "10.2.0.1" },
    { to: "10.1.0.1", source: "127.0.0.5" },
    { to: "127.0.0.7", source: "10.1.0.2" },
    { to: "fd01::1", source: "fd01::2" },
    { to: "fd01::2", source: "fd02::1" },
    { to: "fd02::1", source: "::1" },
    { to: `${linkLocal}%eth0`, source: `${linkLocal}%eth0` },
    { to: "10.1.0.1" },
    { to: "fd01::2" },
  ];
  for (const request of requests) {
    const { from, saw } = await ask(net, net.onHere, { ...request, connect: true });
    const bare = request.to.replace("%eth0", "");
    assertEquals([from, saw[0], saw[3]], [bare, bare, "unicast"]);
    if (request.source) {
      assertEquals(net.server.last.source.address, request.source.replace("%eth0", ""));
    }
  }
});

test("a request from this host to a group or broadcast address is answered", needs, async () => {
  await using net = await stage({ groups: ["239.1.2.3", "ff02::fb", "ff05::1:3"] });
  for (const to of ["239.1.2.3", "ff02::fb", "ff05::1:3", "10.1.0.255", "255.255.255.255"]) {
    const broadcast = to.endsWith("255");
    const { saw } = await ask(net, net.onHere, { to, broadcast, interface: "eth0" });
    assertEquals(saw, [to, "eth0", net.eth0, broadcast ? "broadcast" : "multicast"]);
  }
});

test("on the wire every answer leaves once, by the right interface", {
  needs: ["lab", "python3", "tshark"],
}, async () => {
  await using net = await stage({ groups: ["239.1.2.3", "ff02::fb"] });
  await routeToA(net);
  const [name0, name1] = [await net.here.linkLocal("eth0"), await net.here.linkLocal("eth1")];
  await using wire = await capture(net.here, ["eth0", "eth1"], `udp src port ${net.port}`);
  await ask(net, net.onA, { to: "10.1.0.2", connect: true });
  await ask(net, net.onA, { to: "fd01::2", connect: true });
  await ask(net, net.onA, { to: `${name0}%eth0`, connect: true });
  await ask(net, net.onA, { to: "10.1.0.255", broadcast: true });
  await ask(net, net.onB, { to: "10.1.0.2", connect: true });
  await ask(net, net.onB, { to: "fd01::1", connect: true });
  await ask(net, net.onB, { to: "239.1.2.3", ...onEth0 });
  const theirs = await net.b.linkLocal("eth0");
  await ask(net, net.onB, { to: "ff02::fb", source: theirs, ...onEth0 });
  const frames: Frame[] = [];
  while (frames.length < 8) frames.push(await wire.next());
  frames.push(...await wire.stop());
  const leftBy = (name: string) =>
    frames.filter((frame) => frame.interface === name)
      .map(({ source, destination, text }) => `${source} > ${destination} ${text}`);
  assertEquals(leftBy("eth0"), [
    "10.1.0.2 > 10.1.0.100 re: question",
    "fd01::2 > fd01::100 re: question",
    `${name0} > ${await net.a.linkLocal("eth0")} re: question`,
    "10.1.0.1 > 10.1.0.100 re: question",
  ]);
  assertEquals(leftBy("eth1"), [
    "10.1.0.2 > 10.2.0.100 re: question",
    "fd01::1 > fd02::100 re: question",
    "10.2.0.1 > 10.2.0.100 re: question",
    `${name1} > ${theirs} re: question`,
  ]);
});

test("socat gets its answers too", { needs: ["lab", "python3", "socat"] }, async () => {
  await using net = await stage();
  await routeToA(net);
  for (const to of ["10.1.0.2", "[fd01::2]", "10.2.0.1"]) {
    const kind = to.startsWith("[") ? "UDP6" : "UDP4";
    const client = await net.b.spawn("socat", ["-T3", "-", `${kind}:${to}:${net.port}`], {
      interactive: true,
    });
    client.writeLine("from socat");
    assertEquals(await client.nextLine(), "re: from socat");
    await client.stop();
  }
});
