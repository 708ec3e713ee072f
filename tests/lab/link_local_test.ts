// Addresses that mean nothing without their interface.
import { assert, assertEquals, assertThrows } from "@std/assert";
import { openUdpSocket, SocketError } from "../../mod.ts";
import { test, type TestOptions } from "../harness.ts";
import { Lab } from "./lab.ts";
import { next, textOf } from "./sockets.ts";
import { stage } from "./stage.ts";

const needs: TestOptions = { needs: ["lab", "python3"] };

test(
  "a socket bound to a link-local address, its zone by name or by index, is asked and answers",
  needs,
  async () => {
    await using net = await stage();
    for (
      const [name, talker, host] of [["eth0", net.onA, net.a], ["eth1", net.onB, net.b]] as const
    ) {
      const [ours, theirs] = [await net.here.linkLocal(name), await host.linkLocal("eth0")];
      const index = name === "eth0" ? net.eth0 : net.eth1;
      for (const zone of [name, String(index)]) {
        await using socket = openUdpSocket({ address: `${ours}%${zone}` });
        const { port } = socket;
        assertEquals(socket.localAddresses.map(String), [`[${ours}%${name}]:${port}`]);
        assertEquals(socket.localAddresses[0].scopeId, index);
        const asked = talker.request({ to: `${ours}%eth0`, port, connect: true, data: "question" });
        const packet = await next(socket);
        assertEquals(packet.source.toString(), `[${theirs}%${name}]:${packet.source.port}`);
        assertEquals(packet.destination.toString(), `[${ours}%${name}]:${port}`);
        assertEquals([packet.source.scopeId, packet.destination.scopeId], [index, index]);
        assertEquals([packet.interfaceIndex, packet.interfaceName], [index, name]);
        await socket.reply(packet, "answer");
        const answer = await asked;
        assertEquals([answer.text, answer.source.address], ["answer", ours]);
        // The source as it was received is a destination.
        const again = talker.request({ to: `${ours}%eth0`, port, connect: true, data: "again" });
        await socket.send("yes", (await next(socket)).source);
        assertEquals((await again).text, "yes");
      }
    }
  },
);

test("one link-local address on two interfaces is two addresses", needs, async () => {
  await using net = await stage();
  for (const name of ["eth0", "eth1"]) await net.here.addAddresses(name, ["fe80::77/64"]);
  await using onEth0 = openUdpSocket({ address: "fe80::77%eth0" });
  const { port } = onEth0;
  await using onEth1 = openUdpSocket({ address: "fe80::77%eth1", port });
  for (const [talker, text] of [[net.onA, "from A"], [net.onB, "from B"]] as const) {
    await talker.send({ to: "fe80::77%eth0", port, data: text });
  }
  assertEquals(textOf(await next(onEth0)), "from A");
  assertEquals(textOf(await next(onEth1)), "from B");
  await using either = openUdpSocket();
  for (const [talker, name] of [[net.onB, "eth1"], [net.onA, "eth0"]] as const) {
    const asked = talker.request({ to: "fe80::77%eth0", port: either.port, connect: true });
    const packet = await next(either);
    assertEquals(packet.destination.zone, name);
    await either.reply(packet, name);
    assertEquals((await asked).text, name);
  }
});

test(
  "a link-local address without zone, with an unknown or with a wrong one is refused",
  needs,
  async () => {
    await using net = await stage();
    const ours = await net.here.linkLocal("eth0");
    assertThrows(() => openUdpSocket({ address: ours }), TypeError, "%eth0");
    for (const zone of ["nowhere", "9999"]) {
      const open = () => openUdpSocket({ address: `${ours}%${zone}` });
      const error = assertThrows(open, SocketError, zone);
      assertEquals(error.code, "ENODEV");
      assert(error.hint?.includes("ip link"), error.message);
    }
    for (const address of [`${ours}%eth1`, "fe80::dead%eth0"]) {
      const error = assertThrows(() => openUdpSocket({ address }), SocketError);
      assertEquals([error.code, error.syscall, error.address], ["EADDRNOTAVAIL", "bind", address]);
      assert(error.hint?.includes("tentative"), error.message);
    }
    assertThrows(() => openUdpSocket({ address: `${ours}%eth0`, interface: "eth1" }), TypeError);
  },
);

test(
  "an address whose duplicate detection is not over cannot be bound to yet, and the hint says so",
  {
    needs: ["lab"],
  },
  async () => {
    await using lab = new Lab({ duplicateAddressDetection: true });
    const other = await lab.host("other");
    await lab.link(
      { host: lab.here, name: "eth0", addresses: ["fd01::1/64"] },
      { host: other, name: "eth0" },
    );
    const { addr_info } = await lab.here.show("eth0");
    const tentative = addr_info.filter((entry) => entry.family === "inet6");
    assert(tentative.length >= 1 && tentative.every((entry) => entry.tentative));
    for (const { local, scope } of tentative) {
      const address = scope === "link" ? `${local}%eth0` : local;
      const error = assertThrows(() => openUdpSocket({ address }), SocketError);
      assertEquals([error.code, error.address], ["EADDRNOTAVAIL", address]);
      assert(error.hint?.includes("tentative"), error.message);
    }
    const usable = await lab.here.linkLocal("eth0");
    await using socket = openUdpSocket({ address: `${usable}%eth0` });
    assertEquals(socket.localAddresses[0].zone, "eth0");
  },
);
