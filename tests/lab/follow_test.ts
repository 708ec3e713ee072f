// A membership joined without an interface follows the interfaces: packets of real peers show it.
import { assertEquals } from "@std/assert";
import { openUdpSocket, type UdpSocket } from "../../mod.ts";
import { test, type TestOptions } from "../harness.ts";
import { changesOf, joinedOn } from "./events.ts";
import { type Host, Lab } from "./lab.ts";
import { startTalker, type Talker } from "./peers.ts";
import { next, textsUntil } from "./sockets.ts";

const needs: TestOptions = { needs: ["lab", "python3"] };

const families = [
  { name: "IPv4", group: "239.1.2.3", source: "10.5.0.100", own: "10.5.0.1" },
  { name: "IPv6", group: "ff15::1234", source: "fd05::100", own: "fd05::1" },
];

/** A cable to a peer that talks. */
async function peer(lab: Lab, name = "new0"): Promise<{ host: Host; talker: Talker }> {
  const host = await lab.host(`peer-${name}`);
  const talker = await startTalker(host);
  await lab.link(
    { host: lab.here, name, addresses: ["10.5.0.1/24", "fd05::1/64"] },
    { host, name: "eth0", addresses: ["10.5.0.100/24", "fd05::100/64"] },
  );
  return { host, talker };
}

/** Whether a peer's packet to the group arrives: before one to this host itself. */
async function hears(socket: UdpSocket, talker: Talker, group: string, own: string) {
  const { port } = socket;
  await talker.send({ to: group, port, interface: "eth0", data: "heard" });
  await talker.send({ to: own, port, data: "marker" });
  return (await textsUntil(socket)).includes("heard");
}

for (const { name, group, own, source } of families) {
  for (const options of [{}, { source }]) {
    const kind = `${name}${"source" in options ? ", one source" : ""}`;

    test(
      `${kind}: an interface that comes is joined, one that goes is forgotten`,
      needs,
      async () => {
        await using lab = new Lab();
        await using socket = openUdpSocket();
        const membership = socket.join(group, options);
        const changes = changesOf(membership);
        assertEquals(membership.interfaces, []);
        const { talker } = await peer(lab);
        assertEquals((await changes.next()).joined, ["new0"]);
        assertEquals(membership.interfaces, [{
          index: await lab.here.index("new0"),
          name: "new0",
        }]);
        assertEquals(await hears(socket, talker, group, own), true);
        await lab.ip("link del new0");
        const { left } = await changes.find(({ left }) => left.length > 0);
        assertEquals([left, membership.interfaces, membership.failed], [["new0"], [], []]);
      },
    );

    test(`${kind}: down is left, up is joined again`, needs, async () => {
      await using lab = new Lab();
      const { talker } = await peer(lab);
      await using socket = openUdpSocket();
      const membership = socket.join(group, options);
      const changes = changesOf(membership);
      assertEquals(joinedOn(membership), ["new0"]);
      await lab.ip("link set new0 down");
      assertEquals(await changes.next(), { joined: [], left: ["new0"], failed: [] });
      assertEquals(membership.interfaces, []);
      await lab.ip("link set new0 up");
      assertEquals(await changes.next(), { joined: ["new0"], left: [], failed: [] });
      await lab.here.addAddresses("new0", ["fd05::1/64"]);
      await lab.here.settled("new0");
      assertEquals(joinedOn(membership), ["new0"]);
      assertEquals(await hears(socket, talker, group, own), true);
    });

    test(`${kind}: a socket that is being read follows too`, needs, async () => {
      await using lab = new Lab();
      await using socket = openUdpSocket();
      const membership = socket.join(group, options);
      const changes = changesOf(membership);
      const packet = next(socket, 20_000);
      const { talker } = await peer(lab);
      assertEquals((await changes.next()).joined, ["new0"]);
      await talker.send({ to: group, port: socket.port, interface: "eth0", data: "first" });
      const { destination, interfaceName } = await packet;
      assertEquals([destination.address, interfaceName], [group, "new0"]);
    });
  }
}
