// BSD: what no control message asks for is an option of the socket, set for one datagram and put back.
import { assert, assertEquals, assertRejects } from "@std/assert";
import type { OptionName } from "../../ffi/platform/platform.ts";
import {
  openUdpSocket,
  SocketError,
  type UdpSocket,
  type UdpSocketOptions,
  UnsupportedError,
} from "../../mod.ts";
import { test } from "../harness.ts";
import { bareIpv4, plain, Simulation } from "./simulated.ts";
import { at, next, text, until } from "./support.ts";

/** Level and number of the options that are looked at here (ip(7)). */
const [IP, IP_TOS, IP_MULTICAST_IF] = [0, 1, 32];

const GROUP = "239.255.21.1";

function simulation(): Simulation {
  return new Simulation(bareIpv4, plain);
}

/** What the first socket's options are now. */
function optionsNow(simulated: Simulation) {
  const option = (name: OptionName) => simulated.option(0, "IPv4", name);
  return {
    hops: option("hops"),
    multicastHops: option("multicastHops"),
    trafficClass: option("trafficClass"),
  };
}

/** A socket on the simulation, what its options are now, and somebody who receives. */
function setUp(options: UdpSocketOptions = {}) {
  const simulated = simulation();
  const socket = simulated.openSocket({ family: "IPv4", multicastInterface: "lo", ...options });
  const peer = openUdpSocket({ family: "IPv4", groups: [`${GROUP}@lo`] });
  const before = optionsNow(simulated);
  return {
    simulated,
    socket,
    peer,
    before,
    /** Nothing of what single datagrams asked for is left. */
    assertPutBack: () => assertEquals(optionsNow(simulated), before),
    [Symbol.asyncDispose]: () => Promise.all([socket.close(), peer.close()]).then(() => {}),
  };
}

/** The next packets' text, hops and traffic class. */
async function arrivals(peer: UdpSocket, count: number) {
  const packets = [];
  while (packets.length < count) packets.push(await next(peer));
  return packets.map((packet) => [text(packet), packet.hops, packet.trafficClass]);
}

test("hops and traffic class of one datagram do not stay", { needs: ["linux"] }, async () => {
  await using all = setUp({ hops: 40, trafficClass: 8 });
  const { socket, peer, assertPutBack } = all;
  const to = at(peer, "127.0.0.3");
  await socket.send("own", to);
  await socket.send("hops", to, { hops: 33 });
  await socket.send("class", to, { trafficClass: 0x2e });
  await socket.send("both", to, { hops: 1, trafficClass: 0 });
  await socket.send("own again", to);
  assertEquals(await arrivals(peer, 5), [
    ["own", 40, 8],
    ["hops", 33, 8],
    ["class", 40, 0x2e],
    ["both", 1, 0],
    ["own again", 40, 8],
  ]);
  assertPutBack();
});

test("the system's own hops come back, too", { needs: ["linux"] }, async () => {
  await using all = setUp();
  const { socket, peer, before, assertPutBack } = all;
  await socket.send("hops", at(peer), { hops: 33 });
  await socket.send("own", at(peer));
  assertEquals(await arrivals(peer, 2), [["hops", 33, 0], ["own", before.hops, 0]]);
  assertPutBack();
});

for (const own of ["lo", "none"]) {
  const multicastInterface = own === "lo" ? own : undefined;
  const name =
    `a group's interface and hops of one datagram do not stay (the socket's own: ${own})`;
  test(name, { needs: ["linux"] }, async () => {
    await using all = setUp({ multicastInterface, multicastHops: 5 });
    const { simulated, socket, peer, assertPutBack } = all;
    // Linux tells nobody which index was chosen: it is in the ip_mreqn that was given.
    const chosen: number[] = [];
    simulated.on("setsockopt", ([, level, option, bytes], call) => {
      if (level === IP && option === IP_MULTICAST_IF) chosen.push(bytes[8]);
      return call();
    });
    const to = at(peer, GROUP);
    await socket.send("by option", `${to}@lo`);
    await socket.send("hops", `${to},9@lo`);
    await socket.send("none", to, { interface: 1, hops: 0 });
    await socket.send("all", to, { interface: "lo", hops: 255, trafficClass: 0x20 });
    assertEquals(await arrivals(peer, 4), [
      ["by option", 5, 0],
      ["hops", 9, 0],
      ["none", 0, 0],
      ["all", 255, 0x20],
    ]);
    assertPutBack();
    const index = own === "lo" ? 1 : 0;
    assertEquals(chosen, [1, index, 1, index, 1, index, 1, index]);
  });
}

test("only what is asked for is set, and plain datagrams cost no call more", {
  needs: ["linux"],
}, async () => {
  await using all = setUp();
  const { simulated, socket, peer } = all;
  const calls = async (...args: Parameters<UdpSocket["send"]>) => {
    const before = simulated.calls.length;
    await socket.send(...args);
    return simulated.calls.slice(before);
  };
  const to = at(peer);
  assertEquals(await calls("x", to), ["sendto"]);
  const [read, set, send] = ["getsockopt", "setsockopt", "sendto"];
  assertEquals(await calls("x", to, { hops: 3 }), [read, set, send, set]);
  assertEquals(await calls("x", to, { hops: 3, trafficClass: 4 }), [
    read,
    set,
    read,
    set,
    send,
    set,
    set,
  ]);
});

test("many datagrams, each with its own", { needs: ["linux"] }, async () => {
  await using all = setUp({ hops: 40 });
  const { socket, peer, assertPutBack } = all;
  const to = at(peer, "127.0.0.3");
  const group = `${at(peer, GROUP)}@lo`;
  const count = await socket.sendMany([
    { data: "0", to },
    { data: "1", to, hops: 7 },
    { data: "2", to: group, hops: 2 },
    { data: "3", to },
    { data: "4", to, trafficClass: 4, hops: 8 },
    { data: "5", to },
  ]);
  assertEquals(count, 6);
  assertEquals(await arrivals(peer, 6), [
    ["0", 40, 0],
    ["1", 7, 0],
    ["2", 2, 0],
    ["3", 40, 0],
    ["4", 8, 4],
    ["5", 40, 0],
  ]);
  assertPutBack();
});

test("what waits for room is told its own when its turn comes", { needs: ["linux"] }, async () => {
  await using all = setUp({ hops: 40 });
  const { simulated, socket, peer, assertPutBack } = all;
  let full: string | null = "ENOBUFS";
  let refused = 0;
  simulated.on("sendto", (_, call) => {
    if (full === null) return call();
    refused++;
    return simulated.refuse(full);
  });
  const to = at(peer, "127.0.0.3");
  const sending = [
    socket.send("1", to, { hops: 7 }),
    socket.send("2", to),
    socket.send("3", to, { hops: 8, trafficClass: 4 }),
    socket.send("4", to),
  ];
  // In between the socket has its own options.
  assertPutBack();
  await until(() => refused > 2, "some refusals");
  assertPutBack();
  full = null;
  await Promise.all(sending);
  assertEquals(await arrivals(peer, 4), [
    ["1", 7, 0],
    ["2", 40, 0],
    ["3", 8, 4],
    ["4", 40, 0],
  ]);
  assertPutBack();
});

test("an option that is refused leaves no other one set", { needs: ["linux"] }, async () => {
  await using all = setUp();
  const { simulated, socket, peer, assertPutBack } = all;
  simulated.on(
    "setsockopt",
    ([, level, option], call) =>
      level === IP && option === IP_TOS ? simulated.refuse("EPERM") : call(),
  );
  const to = at(peer);
  const group = `${at(peer, GROUP)}@lo`;
  for (const wrong of [to, group]) {
    const options = { hops: 3, trafficClass: 4 };
    const error = await assertRejects(() => socket.send("no", wrong, options), SocketError);
    assertEquals([error.code, error.syscall], ["EPERM", "setsockopt(IP_TOS)"]);
    assertPutBack();
  }
  // Those before and behind it are sent all the same.
  const many = socket.sendMany([
    { data: "before", to },
    { data: "no", to, trafficClass: 4, hops: 3 },
    { data: "behind", to },
  ]);
  assertEquals((await assertRejects(() => many, SocketError)).code, "EPERM");
  assertEquals((await arrivals(peer, 2)).map(([text]) => text), ["before", "behind"]);
  assertPutBack();
  assertEquals(socket.stats.sent, 2);
});

test("a datagram that is refused leaves nothing set either", { needs: ["linux"] }, async () => {
  await using all = setUp();
  const { simulated, socket, peer, assertPutBack } = all;
  simulated.on("sendto", () => simulated.refuse("EPERM"));
  const error = await assertRejects(
    () => socket.send("no", `${at(peer, GROUP)}@lo`, { hops: 3, trafficClass: 4 }),
    SocketError,
  );
  assertEquals(error.code, "EPERM");
  assertPutBack();
});

test("what can be told in no way is refused before anything is sent", {
  needs: ["linux"],
}, async () => {
  await using all = setUp();
  const { simulated, socket, peer } = all;
  const to = at(peer, "127.0.0.3");
  const before = simulated.calls.length;
  const byInterface = await assertRejects(() => socket.send("x", `${to}@lo`), UnsupportedError);
  assertEquals(byInterface.feature, "choosing the interface of an IPv4 unicast datagram");
  assert(byInterface.message.includes("Open a socket"), byInterface.message);
  const bySource = await assertRejects(
    () => socket.send("x", to, { source: "127.0.0.9" }),
    UnsupportedError,
  );
  assertEquals(bySource.feature, "choosing the source of an IPv4 datagram");
  const sends = ["sendto", "sendmsg", "setsockopt"];
  assertEquals(simulated.calls.slice(before).filter((name) => sends.includes(name)), []);
  await using six = simulation().openSocket();
  await six.send("IPv6 can", at(peer, "127.0.0.3"));
  assertEquals(text(await next(peer)), "IPv6 can");
});

test("the source that a socket has anyway may be named", { needs: ["linux"] }, async () => {
  await using all = setUp({ address: "127.0.0.5" });
  const { socket, peer } = all;
  await socket.send("named", at(peer), { source: "127.0.0.5" });
  assertEquals((await next(peer)).source.address, "127.0.0.5");
  const error = await assertRejects(
    () => socket.send("other", at(peer), { source: "127.0.0.6" }),
    UnsupportedError,
  );
  assertEquals(
    error.feature,
    "another source than the address that the socket is bound to",
  );
});

test("an answer goes without what cannot be told", { needs: ["linux"] }, async () => {
  const simulated = simulation();
  await using server = simulated.openSocket({ family: "IPv4", groups: [`${GROUP}@lo`] });
  await using client = openUdpSocket({ address: "127.0.0.2", multicastInterface: "lo" });
  for (const to of ["127.0.0.3", GROUP]) {
    await client.send("question", at(server, to));
    const packet = await next(server);
    assertEquals([packet.destination.address, packet.interfaceName], [to, "lo"]);
    await server.reply(packet, "answer");
    const answer = await next(client);
    // The system has chosen the source.
    assertEquals([text(answer), answer.source.port], ["answer", server.port]);
  }
});

test("on a connected socket, too", { needs: ["linux"] }, async () => {
  await using all = setUp({ hops: 40 });
  const { socket, peer, assertPutBack } = all;
  socket.connect(at(peer));
  await socket.send("1");
  await socket.send("2", undefined, { hops: 6 });
  await socket.send("3");
  assertEquals(await arrivals(peer, 3), [["1", 40, 0], ["2", 6, 0], ["3", 40, 0]]);
  assertPutBack();
});
