// `reply` on a host with several addresses and two networks: the other ends and the wire say where each answer came from.
import { assertEquals } from "@std/assert";
import { openUdpSocket, type UdpSocketOptions } from "../../mod.ts";
import { test, type TestOptions } from "../harness.ts";
import { capture, type Frame } from "./capture.ts";
import type { RequestOptions, Talker } from "./peers.ts";
import { Server } from "./sockets.ts";
import { stage } from "./stage.ts";
import type { TwoNetworks } from "./topologies.ts";

const needs: TestOptions = { needs: ["lab", "python3"] };

/** The networks, and a dual-stack server here that answers everything. */
async function serving(options: UdpSocketOptions = {}) {
  const net = await stage();
  const socket = openUdpSocket(options);
  const server = new Server(socket);
  return {
    ...net,
    server,
    port: socket.port,
    async [Symbol.asyncDispose]() {
      await socket.close();
      await server.ended;
      await net[Symbol.asyncDispose]();
    },
  };
}

type Serving = Awaited<ReturnType<typeof serving>>;

/** Asks, and says who answered and what the server saw. */
async function ask(net: Serving, talker: Talker, options: Omit<RequestOptions, "port">) {
  const answers = await talker.ask({ data: "question", ...options, port: net.port, timeout: 1 });
  assertEquals(net.server.failures, []);
  const [answer] = answers;
  if (typeof answer === "string") {
    const { source, destination, interfaceName } = net.server.last;
    throw new Error(`${answer} after ${source} → ${destination} on ${interfaceName}`);
  }
  assertEquals([answer.text, answer.source.port], ["re: question", net.port]);
  const { destination, interfaceName, interfaceIndex, cast, source } = net.server.last;
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
  await using net = await serving();
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
  await using net = await serving();
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
    await using net = await serving({
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
    await using net = await serving();
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
    await using net = await serving();
    await routeToA(net);
    for (const to of ["10.1.0.1", "10.1.0.2", "fd01::1", "fd01::2"]) {
      const { from, saw } = await ask(net, net.onB, { to, connect: true });
      assertEquals([from, saw], [to, [to, "eth1", net.eth1, "unicast"]]);
    }
  },
);

/** A client on B whose address is one to which this host's best routes lead into A. */
async function preferA({ here, b }: TwoNetworks): Promise<void> {
  await b.batch(["addr add 10.9.0.9/32 dev lo", "addr add fd09::9/128 dev lo nodad"]);
  await here.batch([
    "route add 10.9.0.0/24 via 10.1.0.100 dev eth0",
    "route add 10.9.0.0/24 via 10.2.0.100 dev eth1 metric 1000",
    "route add fd09::/64 via fd01::100 dev eth0 metric 10",
    "route add fd09::/64 via fd02::100 dev eth1 metric 1000",
  ]);
}

test(
  "IPv4: the answer leaves where the request came in, whatever the routes prefer",
  needs,
  async () => {
    await using net = await serving();
    await preferA(net);
    const { from, saw } = await ask(net, net.onB, {
      to: "10.2.0.1",
      source: "10.9.0.9",
      connect: true,
    });
    assertEquals([from, saw], ["10.2.0.1", ["10.2.0.1", "eth1", net.eth1, "unicast"]]);
  },
);

// Linux 6.18, ip6_route_output_flags: the interface of IPV6_PKTINFO binds the route look-up only if the source is left open
// (`strict = … || (fl6->flowi6_oif && any_src)`). Either the address or the interface can be insisted on: it is the address.
test(
  "IPv6: the answer has the right source, but the routes choose between two ways to the client",
  {
    needs: ["lab", "python3", "tshark"],
  },
  async () => {
    await using net = await serving();
    await preferA(net);
    await using wire = await capture(net.here, ["eth0", "eth1"], `udp src port ${net.port}`);
    // The answer goes to A, where nobody has the client's address: it is the wire that tells.
    await net.onB.send({ to: "fd02::1", source: "fd09::9", port: net.port, data: "question" });
    const frame = await wire.next();
    assertEquals([frame.source, frame.destination, frame.text], [
      "fd02::1",
      "fd09::9",
      "re: question",
    ]);
    assertEquals(frame.interface, "eth0");
    assertEquals(net.server.failures, []);
  },
);

test("a request from this host to one of its own addresses is answered", needs, async () => {
  await using net = await serving({ groups: ["239.1.2.3", "ff02::fb"] });
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
  await using net = await serving({ groups: ["239.1.2.3", "ff02::fb", "ff05::1:3"] });
  const requests = [
    { to: "239.1.2.3", source: "10.1.0.2" },
    // Linux sends to a group by the interface that has the source, whatever the routes say.
    { to: "239.1.2.3", source: "10.2.0.1", by: "eth1" },
    { to: "10.1.0.255", source: "10.1.0.2", broadcast: true },
    { to: "10.1.0.255", source: "10.2.0.1", broadcast: true },
    { to: "ff02::fb%eth0", source: await net.here.linkLocal("eth0") + "%eth0" },
    { to: "ff05::1:3%eth0", source: "fd01::2" },
    { to: "ff05::1:3%eth0", source: "fd02::1" },
  ];
  await net.here.ip("route add 239.0.0.0/8 dev eth0");
  // A wider scope than the link's has no zone: of the two ff00::/8 routes either may be first.
  await net.here.ip("-6 route add multicast ff05::/16 dev eth0 table local");
  for (const { by = "eth0", ...request } of requests) {
    const { saw } = await ask(net, net.onHere, request);
    const [to] = request.to.split("%");
    const cast = request.broadcast ? "broadcast" : "multicast";
    assertEquals(saw, [to, by, by === "eth0" ? net.eth0 : net.eth1, cast]);
  }
});

test("on the wire every answer leaves once, by the right interface", {
  needs: ["lab", "python3", "tshark"],
}, async () => {
  await using net = await serving({ groups: ["239.1.2.3", "ff02::fb"] });
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
  await using net = await serving();
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
