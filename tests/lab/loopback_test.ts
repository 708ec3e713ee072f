// IPv6 groups on loopback, where Linux lacks a route: the hint has the remedy, and the remedy works.
import { assert, assertEquals, assertRejects } from "@std/assert";
import { openUdpSocket, SocketError } from "../../mod.ts";
import { test } from "../harness.ts";
import { Lab } from "./lab.ts";
import { next, textOf, until } from "./sockets.ts";

const GROUPS = ["ff01::1234", "ff02::1234", "ff05::1234", "ff0e::1234", "ff12::1234"];

/** The command in a hint, as somebody would copy it: what follows "as root:". */
function commandIn(hint: string | null): string[] {
  const command = hint?.match(/as root: (.*)$/)?.[1];
  assert(command, `no command in the hint: ${hint}`);
  return command.split(" ");
}

test("without its route a send to an IPv6 group on loopback fails with the command that helps", {
  needs: ["lab"],
}, async () => {
  await using _lab = new Lab();
  await using socket = openUdpSocket({ groups: GROUPS.map((group) => `${group}@lo`) });
  for (const group of GROUPS) {
    const to = { address: group, port: socket.port, interface: "lo" };
    const error = await assertRejects(() => socket.send("x", to), SocketError);
    assertEquals([error.code, error.interfaceIndex, error.port], ["ENETUNREACH", 1, socket.port]);
    assertEquals(error.address?.split("%")[0], group);
    assertEquals(
      commandIn(error.hint).join(" "),
      "ip -6 route add local ff00::/8 dev lo table local",
    );
  }
});

test("the command in the hint makes every IPv6 group arrive on loopback", {
  needs: ["lab"],
}, async () => {
  await using lab = new Lab();
  await using socket = openUdpSocket({ groups: GROUPS.map((group) => `${group}@lo`) });
  const { port } = socket;
  const send = () => socket.send("x", `[ff02::1234%lo]:${port}`);
  const error = await assertRejects(send, SocketError);
  const [program, ...args] = commandIn(error.hint);
  await lab.here.run(program, args);
  try {
    for (const address of GROUPS) {
      // The egress: as a zone, as the datagram's interface, as the socket's.
      await socket.send("interface", { address, port, interface: "lo" });
      await socket.send("index", { address, port }, { interface: 1 });
      await using other = openUdpSocket({ multicastInterface: "lo" });
      await other.send("multicastInterface", { address, port });
      for (const text of ["interface", "index", "multicastInterface"]) {
        const packet = await next(socket);
        assertEquals([textOf(packet), packet.destination.address], [text, address]);
        assertEquals([packet.interfaceIndex, packet.interfaceName], [1, "lo"]);
        assertEquals([packet.source.address, packet.cast, packet.hops], ["::1", "multicast", 1]);
        assertEquals(packet.destination.zone, /^ff.[12]/.test(address) ? "lo" : null);
      }
    }
    await send();
    const question = await next(socket);
    await socket.reply(question, "answer");
    const answer = await next(socket);
    assertEquals([textOf(answer), answer.source.address], ["answer", "::1"]);
  } finally {
    await lab.here.run(program, args.map((word) => word === "add" ? "del" : word));
  }
  assertEquals((await assertRejects(send, SocketError)).code, "ENETUNREACH");
});

test("IPv4 groups on loopback need no route", { needs: ["lab"] }, async () => {
  await using _lab = new Lab();
  await using socket = openUdpSocket({ groups: ["239.1.2.3@lo", "224.0.0.251@lo"] });
  for (const address of ["239.1.2.3", "224.0.0.251"]) {
    const to = { address, port: socket.port, interface: "lo" };
    await socket.send("x", to, { source: "127.0.0.5" });
    const packet = await next(socket);
    assertEquals([packet.destination.address, packet.interfaceIndex], [address, 1]);
    assertEquals([packet.source.address, packet.cast], ["127.0.0.5", "multicast"]);
    // 127.0.0.1 has scope host, which the kernel does not choose for a group: where there is no other address, it is none.
    await socket.send("x", to);
    assertEquals((await next(socket)).source.address, "0.0.0.0");
  }
});

test(
  "without the route, groups of interface-local scope and hops 0 stay on this host by another interface",
  {
    needs: ["lab"],
  },
  async () => {
    await using lab = new Lab();
    // Both ends of the cable are here: what leaves by one comes in by the other.
    const { here } = lab;
    await lab.link({ host: here, name: "near" }, { host: here, name: "far" });
    const groups = ["ff01::1234", "ff02::1234", "ff05::1234"];
    await using socket = openUdpSocket({
      groups: groups.flatMap((group) => [`${group}@near`, `${group}@far`]),
    });
    const { port } = socket;
    const by = { port, interface: "near" };
    await socket.send("ff01", { address: "ff01::1234", ...by }, { hops: 9 });
    await socket.send("hops 0", { address: "ff02::1234", ...by }, { hops: 0 });
    await socket.send("hops 0", { address: "ff05::1234", ...by }, { hops: 0 });
    await socket.send("leaves", { address: "ff02::1234", ...by });
    await socket.send("marker", { address: "ff01::1234", port, interface: "far" });
    const came = await until(socket);
    assertEquals(came.map((packet) => `${textOf(packet)} on ${packet.interfaceName}`).sort(), [
      "ff01 on near",
      "hops 0 on near",
      "hops 0 on near",
      "leaves on far",
      "leaves on near",
    ]);
  },
);
