// Packets whose source is nobody to answer: forged, or from a program that has no address yet. Nothing is sent.
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { interfaces, openUdpSocket, SocketAddress } from "../../mod.ts";
import { Packet } from "../../socket/packet.ts";
import { test } from "../harness.ts";
import { FakeLibrary } from "./fake_library.ts";
import { at, next } from "./support.ts";

/** The packet, as if it had come from elsewhere. */
function from(packet: Packet, source: string): Packet {
  return new Packet(
    packet.data,
    SocketAddress.parse(source),
    packet.destination,
    packet.interfaceIndex,
    packet.interfaceName,
    packet.cast,
    packet.hops,
    packet.trafficClass,
    packet.timestamp,
    packet.truncated,
    packet.dropped,
  );
}

/** A broadcast address of a network of this host, if it has one. */
const directed = interfaces().flatMap(({ addresses }) => addresses)
  .find(({ broadcast }) => broadcast !== null)?.broadcast;

/** Who cannot be answered, and what the error says of it. */
const NOBODY: [source: string, why: string][] = [
  ["224.0.0.251:5353", "a group"],
  ["239.255.76.67:9", "a group"],
  ["[ff02::fb%1]:5353", "a group"],
  ["[ff0e::1]:5353", "a group"],
  // From a wire such an address is forged (RFC 4942, section 2.2): the answer would go to IPv4, even to this host's own.
  ["[::ffff:224.0.0.251]:5353", "an IPv4 address in an IPv6 packet"],
  ["[::ffff:127.0.0.2]:9", "an IPv4 address in an IPv6 packet"],
  ["255.255.255.255:68", "a broadcast"],
  ["127.255.255.255:68", "a broadcast"],
  ...(directed ? [[`${directed}:68`, "a broadcast"] as [string, string]] : []),
  ["0.0.0.0:68", "no address"],
  ["[::]:546", "no address"],
  ["127.0.0.2:0", "no port"],
  ["[::1]:0", "no port"],
];

for (const [source, why] of NOBODY) {
  const name = source.replace(`${directed}`, "a network's broadcast");
  test(`a packet from ${name} is not answered: that is ${why}`, {
    needs: source.startsWith("[") ? ["ipv6"] : ["ipv4"],
  }, async () => {
    const library = new FakeLibrary();
    // That it may send to everybody is no reason to.
    await using socket = library.openSocket({ broadcast: true });
    await socket.send("x", at(socket));
    const packet = await next(socket);
    const halves = library.sockets.slice();
    const sent: string[] = [];
    for (const call of ["sendto", "sendmsg", "sendmmsg"]) {
      // Whatever happens, nothing leaves this machine; the interfaces are asked for by a socket of another kind.
      library.on(call, (args, really) => {
        if (!halves.includes(args[0])) return really();
        sent.push(call);
        return library.refuse("EPERM");
      });
    }
    const error = await assertRejects(
      () => socket.reply(from(packet, source), "y".repeat(100)),
      TypeError,
      "cannot be answered",
    );
    assertStringIncludes(error.message, why);
    assertEquals(sent, []);
    assertEquals(socket.stats.sent, 1);
  });
}

test("a packet from an address of this host is answered, also one from the socket itself", async () => {
  await using socket = openUdpSocket();
  await socket.send("x", at(socket));
  const packet = await next(socket);
  assertEquals(packet.source.port, socket.port);
  await socket.reply(packet, "y");
  assertEquals((await next(socket)).source.port, socket.port);
});
