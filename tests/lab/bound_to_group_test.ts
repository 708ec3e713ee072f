// A socket bound to a group hears that group only, and only where it has joined it.
import { assert, assertEquals } from "@std/assert";
import { openUdpSocket } from "../../mod.ts";
import { test, type TestOptions } from "../harness.ts";
import { next, textOf, textsUntil, until } from "./sockets.ts";
import { sendFromBoth, stage } from "./stage.ts";

const needs: TestOptions = { needs: ["lab", "python3"] };

/** Groups to bind to; the address may say on which interface. */
const bound = [
  { address: "239.1.2.3", zoned: false },
  { address: "ff02::1234%eth0", zoned: true },
  { address: "ff02::1234", zoned: false },
  { address: "ff05::1234", zoned: false },
  { address: "ff15::1234", zoned: false },
];

for (const { address, zoned } of bound) {
  const [group] = address.split("%");
  test(
    `bound to ${address} a socket hears that group only, and only where it has joined it`,
    needs,
    async () => {
      await using net = await stage();
      const another = group.includes(":") ? "ff02::9999" : "239.9.9.9";
      // Another socket has joined everything everywhere, so that the kernel would let it in.
      await using other = openUdpSocket({ share: true, groups: [group, another] });
      const { port } = other;
      await using socket = openUdpSocket({ address, port, share: true });
      const noise = async () => {
        await sendFromBoth(net, group, port, " group");
        await sendFromBoth(net, another, port, " another group");
        for (const to of group.includes(":") ? ["fd01::1"] : ["10.1.0.1", "10.1.0.255"]) {
          await net.onA.send({ to, port, broadcast: true, data: "unicast or broadcast" });
        }
      };
      await noise();
      const onEth0 = socket.join(group, { interface: "eth0" });
      await noise();
      await net.onA.send({ to: group, port, interface: "eth0", data: "marker" });
      const packets = await until(socket);
      assertEquals(packets.map(textOf), ["A group"]);
      assertEquals(packets[0].destination.address, group);
      assertEquals([packets[0].interfaceName, packets[0].cast], ["eth0", "multicast"]);
      if (!zoned) {
        using _onEth1 = socket.join(group, { interface: "eth1" });
        await noise();
        await net.onB.send({ to: group, port, interface: "eth0", data: "marker" });
        assertEquals(await textsUntil(socket), ["A group", "B group"]);
      }
      onEth0.leave();
      await noise();
      socket.join(group, { interface: "eth0" });
      await net.onA.send({ to: group, port, interface: "eth0", data: "marker" });
      assertEquals(await textsUntil(socket), []);
    },
  );

  test(`bound to ${address} a socket can answer`, needs, async () => {
    await using net = await stage();
    await using socket = openUdpSocket({ address, groups: [`${group}@eth0`] });
    const asked = net.onA.request({ to: group, port: socket.port, interface: "eth0", data: "?" });
    await socket.reply(await next(socket), "!");
    const answer = await asked;
    assertEquals([answer.text, answer.source.port], ["!", socket.port]);
    const linkLocal = await net.here.linkLocal("eth0");
    const own = ["10.1.0.1", "10.1.0.2", "fd01::1", "fd01::2", linkLocal];
    assert(own.includes(answer.source.address), answer.source.address);
  });
}
