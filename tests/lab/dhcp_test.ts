// A DHCP server's view: clients without address, told apart by nothing but the interface they ask on.
import { assertEquals, assertRejects } from "@std/assert";
import { openUdpSocket } from "../../mod.ts";
import { test } from "../harness.ts";
import { Lab } from "./lab.ts";
import { startTalker } from "./peers.ts";
import { next, textOf } from "./sockets.ts";

test("a broadcast from a host without address is seen with its interface, and answered by it", {
  needs: ["lab", "python3"],
}, async () => {
  await using lab = new Lab();
  const { here } = lab;
  const [a, b] = [await lab.host("a"), await lab.host("b")];
  await lab.link({ host: here, name: "eth0", addresses: ["10.1.0.1/24"] }, {
    host: a,
    name: "eth0",
  });
  await lab.link({ host: here, name: "eth1", addresses: ["10.2.0.1/24"] }, {
    host: b,
    name: "eth0",
  });
  await using server = openUdpSocket({ port: 67, family: "IPv4", broadcast: true });
  const cases = [["eth1", b, "10.2.0.1"], ["eth0", a, "10.1.0.1"]] as const;
  for (const [name, host, own] of cases) {
    await using client = await startTalker(host);
    const offered = client.request({
      to: "255.255.255.255",
      port: 67,
      sourcePort: 68,
      interface: "eth0",
      broadcast: true,
      data: "DISCOVER",
    });
    const packet = await next(server);
    assertEquals([textOf(packet), packet.source.toString()], ["DISCOVER", "0.0.0.0:68"]);
    assertEquals([packet.interfaceName, packet.interfaceIndex], [name, await here.index(name)]);
    assertEquals([packet.destination.address, packet.cast], ["255.255.255.255", "broadcast"]);
    // There is nobody to answer but everybody: the server says so itself (RFC 2131 section 4.1).
    await assertRejects(() => server.reply(packet, "OFFER"), TypeError, "0.0.0.0");
    await server.send("OFFER", "255.255.255.255:68", { interface: packet.interfaceIndex! });
    const offer = await offered;
    assertEquals([offer.text, offer.source.address, offer.source.port], ["OFFER", own, 67]);
    assertEquals(offer.destination, "255.255.255.255");
  }
});
