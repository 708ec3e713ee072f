// Systems that confine no socket to an interface: the filter and each datagram's own choice stand in.
import { assert, assertEquals } from "@std/assert";
import { ControlCodec, ControlRecord } from "../../ffi/cmsg.ts";
import { interfaces, openUdpSocket } from "../../mod.ts";
import { test } from "../harness.ts";
import { bareIpv4, type Change, Simulation, withoutOptions } from "./simulated.ts";
import { at, next, text } from "./support.ts";

const unconfined = withoutOptions("bindToInterface");

/** Linux has the option that Windows has instead (IP_UNICAST_IF), for both families in network byte order. */
const unicastInterface: Change = ({ options }) => ({
  options: {
    IPv4: {
      ...options.IPv4,
      unicastInterface: { level: 0, name: 50, kind: "index_be", cName: "IP_UNICAST_IF" },
    },
    IPv6: {
      ...options.IPv6,
      unicastInterface: { level: 41, name: 76, kind: "index_be", cName: "IPV6_UNICAST_IF" },
    },
  },
});

/** Reads what the calls to send are told of source and interface. */
function watchSends(simulated: Simulation) {
  const { platform, runtime } = simulated.system;
  const { msghdr } = platform.layouts;
  const told: (number | null)[] = [];
  simulated.on("sendto", ([fd], call) => {
    // The list of interfaces is asked for by a socket, too.
    if (fd === simulated.sockets[0]) told.push(null);
    return call();
  });
  simulated.on("sendmsg", ([, headers], call) => {
    const view = new DataView(headers.buffer, headers.byteOffset);
    const length = view.getUint32(msghdr.at.msg_controllen, true);
    const record = new ControlRecord();
    if (length > 0) {
      const bytes = runtime.readMemory(view.getBigUint64(msghdr.at.msg_control, true), length);
      new ControlCodec(platform).read(new DataView(bytes.buffer), 0, length, record);
    }
    told.push(record.interfaceIndex);
    return call();
  });
  return told;
}

/** Another interface than loopback; nothing is sent by it. */
const other = interfaces().find(({ loopback }) => !loopback);

for (const family of ["IPv4", "IPv6"] as const) {
  const address = family === "IPv4" ? "127.0.0.1" : "::1";

  test(`a socket of one interface that the OS does not confine (${family})`, {
    needs: ["linux", "ipv6"],
  }, async () => {
    const simulated = new Simulation(unconfined);
    await using socket = simulated.openSocket({ interface: "lo", family });
    const told = watchSends(simulated);
    await using peer = openUdpSocket({ family });
    await peer.send("in", at(socket, address));
    const packet = await next(socket);
    assertEquals([text(packet), packet.interfaceName], ["in", "lo"]);
    // Each unicast is told the interface; who says so himself is told no other.
    await socket.send("out", at(peer, address));
    await socket.send("out", at(peer, address), { interface: "lo" });
    await socket.reply(packet, "out");
    assertEquals(told, [1, 1, 1]);
    for (let i = 0; i < 3; i++) assertEquals(text(await next(peer)), "out");
  });

  test(`what came in elsewhere is filtered (${family})`, {
    needs: ["linux", "ipv6"],
    skip: other === undefined && "there is no interface beside loopback",
  }, async () => {
    const simulated = new Simulation(unconfined);
    await using socket = simulated.openSocket({
      interface: other!.index,
      family,
      deliver: "all",
    });
    await using peer = openUdpSocket({ family });
    await peer.send("in", at(socket, address));
    const none = socket.receive({ signal: AbortSignal.timeout(5) }).catch(() => null);
    assertEquals(await none, null);
    assertEquals([socket.stats.received, socket.stats.filtered], [0, 1]);
  });

  test(`where unicasts have an option of their own it is set once (${family})`, {
    needs: ["linux", "ipv6"],
  }, async () => {
    const simulated = new Simulation(unconfined, unicastInterface);
    await using socket = simulated.openSocket({ interface: "lo", family });
    const told = watchSends(simulated);
    const value = simulated.system.getOption(simulated.sockets[0], family, "unicastInterface");
    assertEquals(value, 0x0100_0000, "the index in network byte order");
    await using peer = openUdpSocket({ family });
    await socket.send("out", at(peer, address));
    assertEquals(text(await next(peer)), "out");
    assertEquals(told, [null], "and no datagram is told again");
  });
}

test("a connected socket is told its interface, too", { needs: ["linux"] }, async () => {
  const simulated = new Simulation(unconfined);
  await using socket = simulated.openSocket({ interface: "lo", family: "IPv4" });
  const told = watchSends(simulated);
  await using peer = openUdpSocket();
  socket.connect(at(peer));
  await socket.send("by address", at(peer));
  await socket.send("to the peer");
  await socket.send("to the peer", undefined, { hops: 3 });
  for (let i = 0; i < 3; i++) await next(peer);
  assertEquals(told, [1, 1, 1]);
});

test("where a unicast cannot be told an interface it goes as routed", {
  needs: ["linux"],
}, async () => {
  const simulated = new Simulation(unconfined, bareIpv4);
  await using socket = simulated.openSocket({ interface: "lo", family: "IPv4" });
  const told = watchSends(simulated);
  await using peer = openUdpSocket({ groups: ["239.255.22.1@lo"] });
  await socket.send("unicast", at(peer));
  // Multicasts leave by the interface: its option was set at the start.
  await socket.send("group", at(peer, "239.255.22.1"));
  const packets = [await next(peer), await next(peer)];
  assertEquals(packets.map((packet) => [text(packet), packet.interfaceName]), [
    ["unicast", "lo"],
    ["group", "lo"],
  ]);
  assertEquals(told, [null, null]);
});

test("a group is joined on the socket's one interface", { needs: ["linux"] }, async () => {
  const simulated = new Simulation(unconfined);
  await using socket = simulated.openSocket({
    interface: "lo",
    family: "IPv4",
    groups: ["239.255.22.2"],
  });
  await using peer = openUdpSocket({ multicastInterface: "lo" });
  await peer.send("group", at(socket, "239.255.22.2"));
  const packet = await next(socket);
  assertEquals([packet.cast, packet.interfaceIndex], ["multicast", 1]);
});

test("a socket that is confined to nothing is told nothing", { needs: ["linux"] }, async () => {
  const simulated = new Simulation(unconfined);
  await using socket = simulated.openSocket({ family: "IPv4" });
  const told = watchSends(simulated);
  await socket.send("x", at(socket));
  await next(socket);
  assertEquals(told, [null]);
  assert(!simulated.system.hasOption("IPv4", "bindToInterface"));
});
