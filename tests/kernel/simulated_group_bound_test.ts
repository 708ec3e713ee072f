// macOS and BSD: what is bound to a group receives and cannot send, so a second socket of the same port sends.
import { assert, assertEquals, assertThrows } from "@std/assert";
import { openUdpSocket, SocketError, type UdpSocket } from "../../mod.ts";
import { staysPending, test } from "../harness.ts";
import { plain, quirks, Simulation } from "./simulated.ts";
import { at, descriptors, next, nextTexts, text, turn, until } from "./support.ts";

const GROUP = "239.255.20.1";
const SENDS = ["sendto", "sendmsg", "sendmmsg", "connect"];

/** A kernel on which the first socket, the one that is bound to the group, cannot send. */
function simulation(...others: ConstructorParameters<typeof Simulation>): Simulation {
  const simulated = new Simulation(quirks({ sendFromGroupBoundSocket: false }), ...others);
  for (const name of SENDS) {
    simulated.on(
      name,
      ([fd], call) => fd === simulated.sockets[0] ? simulated.refuse("EADDRNOTAVAIL") : call(),
    );
  }
  return simulated;
}

const bound = { address: GROUP, groups: [`${GROUP}@lo`] };

/** A socket elsewhere on this host. */
function client(): UdpSocket {
  return openUdpSocket({ address: "127.0.0.2", multicastInterface: "lo" });
}

for (const [name, ...others] of [["as here"], ["as on BSD", plain]] as const) {
  test(`a socket on a group receives by one and sends by another, from one port (${name})`, {
    needs: ["linux"],
  }, async () => {
    const simulated = simulation(...others);
    await using server = simulated.openSocket(bound);
    assertEquals(simulated.sockets.length, 2);
    assertEquals(`${server.localAddresses}`, `${GROUP}:${server.port}`);
    await using peer = client();
    await peer.send("question", at(server, GROUP));
    const packet = await next(server);
    assertEquals([text(packet), packet.destination.address, packet.cast], [
      "question",
      GROUP,
      "multicast",
    ]);
    // The answer, and whatever else is sent: never from the group.
    const to = at(peer, "127.0.0.2");
    await server.reply(packet, "answer");
    await server.send("own", to);
    await server.send("chosen", to, { source: "127.0.0.9", hops: 9 });
    await server.sendMany([{ data: "many", to }, { data: "more", to, hops: 3 }]);
    const answers = [];
    while (answers.length < 5) answers.push(await next(peer));
    assertEquals(answers.map((answer) => [text(answer), `${answer.source}`]), [
      ["answer", `127.0.0.1:${server.port}`],
      ["own", `127.0.0.1:${server.port}`],
      ["chosen", `127.0.0.9:${server.port}`],
      ["many", `127.0.0.1:${server.port}`],
      ["more", `127.0.0.1:${server.port}`],
    ]);
    assertEquals([answers[2].hops, answers[4].hops], [9, 3]);
    // To its own group as well: it hears itself.
    await server.send("to all", `${at(server, GROUP)}@lo`);
    assertEquals(text(await next(server)), "to all");
  });
}

test("what is sent to the second socket reaches nobody", { needs: ["linux"] }, async () => {
  const simulated = simulation();
  await using server = simulated.openSocket({ ...bound, deliver: "all" });
  await using peer = client();
  await peer.send("unicast", at(server, "127.0.0.3"));
  await peer.send("group", at(server, GROUP));
  assertEquals(text(await next(server)), "group");
  assertEquals([server.stats.received, server.stats.filtered], [1, 0]);
});

test("each option is set on what it concerns", { needs: ["linux"] }, async () => {
  const simulated = simulation();
  await using server = simulated.openSocket({
    ...bound,
    interface: "lo",
    hops: 44,
    trafficClass: 0x20,
    multicastHops: 7,
    broadcast: true,
  });
  await using peer = openUdpSocket({ groups: ["239.255.20.2@lo"] });
  await server.send("unicast", at(peer));
  await server.send("group", at(peer, "239.255.20.2"));
  await server.send("broadcast", at(peer, "127.255.255.255"));
  const packets = [await next(peer), await next(peer), await next(peer)];
  assertEquals(
    packets.map((packet) => [text(packet), packet.hops, packet.trafficClass, packet.source.port]),
    [
      ["unicast", 44, 0x20, server.port],
      ["group", 7, 0x20, server.port],
      ["broadcast", 44, 0x20, server.port],
    ],
  );
});

test("a given port is both sockets', and nobody else's", { needs: ["linux"] }, async () => {
  const free = openUdpSocket({ family: "IPv4" });
  const { port } = free;
  await free.close();
  const simulated = simulation();
  await using server = simulated.openSocket({ ...bound, port });
  assertEquals(server.port, port);
  const error = assertThrows(() => openUdpSocket({ family: "IPv4", port }), SocketError);
  assertEquals(error.code, "EADDRINUSE");
});

test("both sockets are closed, once", { needs: ["linux"] }, async () => {
  for (const others of [[], [plain]]) {
    const before = descriptors();
    const simulated = simulation(...others);
    const server = simulated.openSocket(bound);
    const waiting = server.receive().catch((error) => error.code);
    await turn();
    await Promise.all([server.close(), server.close()]);
    assertEquals(await waiting, "ECANCELED");
    assertEquals([simulated.open.size, simulated.stray], [0, []]);
    await until(() => descriptors() === before, "the end of all descriptors");
  }
});

test(
  "where the second socket cannot be had nothing is left open",
  { needs: ["linux"] },
  async () => {
    const before = descriptors();
    let calls = 0;
    for (const [call, code] of [["socket", "EMFILE"], ["bind", "EADDRINUSE"], ["bind", "EACCES"]]) {
      const simulated = simulation();
      calls = 0;
      simulated.on(call, (_, make) => ++calls === 2 ? simulated.refuse(code) : make());
      const error = assertThrows(() => simulated.openSocket(bound), SocketError);
      assertEquals([error.code, error.syscall], [code, call]);
      assertEquals([simulated.open.size, simulated.stray], [0, []]);
    }
    // Nor where the poller does not take it.
    const simulated = simulation();
    for (const name of ["eventfd", "epoll_ctl"]) {
      simulated.on(name, () => simulated.refuse("ENOMEM"));
    }
    if (simulated.system.platform.epoll) {
      assertThrows(() => simulated.openSocket(bound), SocketError);
      assertEquals(simulated.open.size, 0);
    }
    await until(() => descriptors() === before, "the end of all descriptors");
  },
);

test("a socket on a group can be connected and disconnected", { needs: ["linux"] }, async () => {
  const simulated = simulation();
  await using server = simulated.openSocket(bound);
  const { port } = server;
  await using peer = client();
  await using stranger = openUdpSocket({ address: "127.0.0.3", multicastInterface: "lo" });
  server.connect(at(peer, "127.0.0.2"));
  await server.send("to the peer");
  assertEquals(`${(await next(peer)).source}`, `127.0.0.1:${port}`);
  // The kernel lets both through; the filter does not.
  await stranger.send("stranger", at(server, GROUP));
  await peer.send("peer", at(server, GROUP));
  assertEquals(text(await next(server)), "peer");
  server.disconnect();
  await stranger.send("stranger", at(server, GROUP));
  assertEquals(text(await next(server)), "stranger");
  await server.send("to the stranger", at(stranger, "127.0.0.3"));
  assertEquals((await next(stranger)).source.port, port);
});

test("a group of IPv6 is bound to and sent from in the same way", {
  needs: ["linux", "ipv6"],
}, async () => {
  const simulated = simulation();
  await using server = simulated.openSocket({ address: "ff15::20:1" });
  await using peer = openUdpSocket({ address: "::1" });
  await server.send("hello", at(peer, "::1"));
  const { source } = await next(peer);
  assertEquals([source.address, source.port], ["::1", server.port]);
});

test(
  "a send that waits for room waits for the socket that sends",
  { needs: ["linux"] },
  async () => {
    const simulated = simulation(plain);
    await using server = simulated.openSocket(bound);
    await using peer = client();
    let full = true;
    let attempts = 0;
    for (const name of SENDS) {
      simulated.on(name, (_, call) => {
        attempts++;
        return full ? simulated.refuse("EAGAIN") : call();
      });
    }
    // What poll(2) is asked to look at for room to write.
    const { runtime, platform } = simulated.system;
    const { pollfd } = platform.layouts;
    const writing = new Set<number>();
    const wait = simulated.callBlocking.bind(simulated);
    simulated.callBlocking = (name, args, hold) => {
      const bytes = runtime.readMemory(BigInt(args[0]), Number(args[1]) * pollfd.size);
      const view = new DataView(bytes.buffer);
      for (let i = 0; i < bytes.length; i += pollfd.size) {
        if ((view.getInt16(i + pollfd.at.events, true) & platform.constants.POLLOUT) !== 0) {
          writing.add(view.getInt32(i + pollfd.at.fd, true));
        }
      }
      return wait(name, args, hold);
    };
    const sending = server.send("late", at(peer, "127.0.0.2"));
    await until(() => writing.size > 0, "a wait for room");
    const [receives, sends] = simulated.sockets;
    assert(
      writing.has(sends),
      `the socket that sends (${sends}) is not waited for: ${[...writing]}`,
    );
    assert(!writing.has(receives), "the one that receives always has room");
    assert(attempts > 0 && await staysPending(1, sending));
    full = false;
    await sending;
    assertEquals(await nextTexts(peer, 1), ["late"]);
  },
);
