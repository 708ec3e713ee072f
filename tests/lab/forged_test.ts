// Sources that are made up: which of them Linux lets in, and that nobody is answered who cannot have asked.
import { assert, assertEquals, assertRejects } from "@std/assert";
import { openUdpSocket, type Packet, type UdpSocket } from "../../mod.ts";
import { figure } from "../figures.ts";
import { test } from "../harness.ts";
import { Forger } from "./forge.ts";
import { startReceiver } from "./peers.ts";
import { textOf } from "./sockets.ts";
import { twoNetworks } from "./topologies.ts";

const PORT = 5000, ASKERS_PORT = 1234;
const GROUPS = ["239.1.2.3@eth0", "224.0.0.99@eth0", "ff15::1234@eth0"];
const TO = {
  IPv4: ["10.1.0.1", "10.1.0.255", "255.255.255.255", "239.1.2.3", "224.0.0.99"],
  IPv6: ["fd01::1", "ff15::1234"],
} as const;
const ALL4 = TO.IPv4.join(" "), ALL6 = TO.IPv6.join(" ");

/** Who claims to send: to which destinations it is let in without a reverse path filter, and with one. */
const SOURCES: Record<"IPv4" | "IPv6", [source: string, open: string, filtered: string][]> = {
  IPv4: [
    ["224.0.0.251", "", ""],
    ["255.255.255.255", "", ""],
    // A broadcast of this very network.
    ["10.1.0.255", ALL4, ""],
    // DHCP's, and what is confined to the link.
    ["0.0.0.0", "255.255.255.255 224.0.0.99", "255.255.255.255 224.0.0.99"],
    ["127.0.0.1", "", ""],
    // Our own addresses.
    ["10.1.0.1", "", ""],
    ["10.2.0.1", "", ""],
    // Of our other network, of nowhere, of a neighbour.
    ["10.2.0.100", ALL4, ""],
    ["203.0.113.9", ALL4, ""],
    ["10.1.0.77", ALL4, ALL4],
  ],
  IPv6: [
    ["ff02::fb", "", ""],
    ["::1", "", ""],
    ["::", ALL6, ALL6],
    // Our own addresses are let in, and there is no reverse path filter.
    ["fd01::1", ALL6, ALL6],
    ["fd02::1", ALL6, ALL6],
    ["::ffff:127.0.0.1", ALL6, ALL6],
    ["::ffff:10.1.0.77", ALL6, ALL6],
    ["2001:db8::9", ALL6, ALL6],
    ["fd01::77", ALL6, ALL6],
    ["fe80::1234", ALL6, ALL6],
  ],
};

/** The next packet that is forged, or null if the marker behind it is there first. */
async function forgedPacket(socket: UdpSocket): Promise<Packet | null> {
  const packet = await socket.receive();
  if (textOf(packet) === "marker") return null;
  assertEquals(textOf(await socket.receive()), "marker");
  return packet;
}

test(
  "Linux lets in what claims to be from almost anywhere; its reverse path filter is for IPv4 alone",
  {
    needs: ["lab", "python3"],
  },
  async () => {
    await using net = await twoNetworks();
    const { here, a } = net;
    await using forger = await Forger.start(a, "eth0", { host: here, interface: "eth0" });
    await using socket = openUdpSocket({ port: PORT, groups: GROUPS });
    let sent = 0, received = 0;
    for (const strict of ["0", "1"]) {
      await here.sysctl({
        "net.ipv4.conf.all.rp_filter": strict,
        "net.ipv4.conf.eth0.rp_filter": strict,
      });
      for (const family of ["IPv4", "IPv6"] as const) {
        const neighbour = family === "IPv4" ? "10.1.0.100" : "fd01::100";
        for (const [source, open, filtered] of SOURCES[family]) {
          const came: string[] = [];
          for (const to of TO[family]) {
            const ports = { sourcePort: ASKERS_PORT, port: PORT };
            await forger.send({ ...ports, source, to, data: "forged" });
            await forger.send({ ...ports, source: neighbour, to: TO[family][0], data: "marker" });
            sent++;
            const packet = await forgedPacket(socket);
            if (packet === null) continue;
            received++;
            came.push(to);
            assertEquals([packet.source.address, packet.destination.address], [source, to]);
            // Whatever it claims: this is where it came in.
            assertEquals(packet.interfaceName, "eth0");
          }
          assertEquals(came.join(" "), strict === "0" ? open : filtered, `from ${source}`);
        }
      }
    }
    figure("security", "datagrams with a forged source", sent, { exact: true });
    figure("security", "of them let in by Linux", received, { exact: true });
  },
);

test(
  "nobody is answered who cannot have asked: not a broadcast, no address, no port, no IPv4 in IPv6",
  {
    needs: ["lab", "python3"],
  },
  async () => {
    await using net = await twoNetworks();
    const { here, a } = net;
    await here.sysctl({ "net.ipv4.conf.all.rp_filter": "0", "net.ipv4.conf.eth0.rp_filter": "0" });
    await using forger = await Forger.start(a, "eth0", { host: here, interface: "eth0" });
    // Everything that would let an answer out is allowed.
    await using socket = openUdpSocket({ port: PORT, groups: GROUPS, broadcast: true });
    await using four = await startReceiver(a, { family: "IPv4", port: ASKERS_PORT });
    await using six = await startReceiver(a, { family: "IPv6", port: ASKERS_PORT });
    const cases: [source: string, to: string, port?: number][] = [
      ["10.1.0.255", "10.1.0.1"],
      ["10.1.0.255", "239.1.2.3"],
      ["0.0.0.0", "255.255.255.255"],
      ["10.1.0.100", "10.1.0.1", 0],
      ["::", "ff15::1234"],
      // This reaches the asker by IPv4 if anything does.
      ["::ffff:10.1.0.100", "fd01::1"],
      ["fd01::100", "fd01::1", 0],
    ];
    for (const [source, to, sourcePort = ASKERS_PORT] of cases) {
      await forger.send({ source, sourcePort, to, port: PORT, data: "question" });
      const packet = await socket.receive();
      assertEquals([packet.source.address, packet.source.port], [source, sourcePort]);
      await assertRejects(() => socket.reply(packet, "answer"), TypeError, "cannot be answered");
    }
    await socket.send("marker", `10.1.0.100:${ASKERS_PORT}`);
    await socket.send("marker", `[fd01::100]:${ASKERS_PORT}`);
    assertEquals([(await four.next()).text, (await six.next()).text], ["marker", "marker"]);
    // The same from somebody who can have asked is answered.
    await forger.send({
      source: "10.1.0.100",
      sourcePort: ASKERS_PORT,
      to: "10.1.0.1",
      port: PORT,
      data: "question",
    });
    await socket.reply(await socket.receive(), "answer");
    assertEquals((await four.next()).text, "answer");
    assert(four.pending().length === 0 && six.pending().length === 0);
  },
);

test(
  "a datagram that claims to be from this host's own address and port comes in by IPv6: an echo would answer itself",
  {
    needs: ["lab", "python3"],
  },
  async () => {
    await using net = await twoNetworks();
    await using forger = await Forger.start(net.a, "eth0", { host: net.here, interface: "eth0" });
    await using socket = openUdpSocket({ port: PORT });
    const own = { source: "fd01::1", sourcePort: PORT, to: "fd01::1", port: PORT };
    await forger.send({ ...own, data: "question" });
    const packet = await socket.receive();
    assertEquals([`${packet.source}`, packet.interfaceName], [`[fd01::1]:${PORT}`, "eth0"]);
    await socket.reply(packet, "answer");
    // The answer is a question to ourselves, on loopback from now on. Whoever answers whatever comes never ends.
    const back = await socket.receive();
    assertEquals([textOf(back), `${back.source}`], ["answer", `[fd01::1]:${PORT}`]);
  },
);
