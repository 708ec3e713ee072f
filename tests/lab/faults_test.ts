// What goes wrong on a network ends nothing: iterations go on, other packets arrive, errors say what and where.
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { openUdpSocket, SocketError } from "../../mod.ts";
import { findProgram, test, type TestOptions } from "../harness.ts";
import { Lab } from "./lab.ts";
import { startReceiver } from "./peers.ts";
import { Errors, next, Server, textOf } from "./sockets.ts";
import { stage } from "./stage.ts";

const needs: TestOptions = { needs: ["lab", "python3"] };

const PORT = 5000;

test(
  "an interface that vanishes while a read waits does not end the iteration",
  needs,
  async () => {
    await using net = await stage();
    await using socket = openUdpSocket({ groups: ["239.1.2.3", "ff02::1234"] });
    const { port } = socket;
    const server = new Server(socket);
    const ask = (to: string) => net.onA.request({ to, port, interface: "eth0", data: to });
    assertEquals(
      (await net.onB.request({ to: "10.2.0.1", port, data: "before" })).text,
      "re: before",
    );
    await net.here.ip("link del eth1");
    for (const to of ["10.1.0.2", "fd01::2", "239.1.2.3", "ff02::1234"]) {
      assertEquals((await ask(to)).text, `re: ${to}`);
    }
    assertEquals(server.failures, []);
    await socket.close();
    await server.ended;
  },
);

test(
  "the only interface of a socket vanishes: the read waits on, and a new interface serves",
  needs,
  async () => {
    await using net = await stage();
    await using socket = openUdpSocket({ groups: ["239.1.2.3@eth1", "ff02::1234%eth1"] });
    const { port } = socket;
    const waiting = next(socket, 10_000);
    await net.here.ip("link del eth1");
    await net.lab.link(
      { host: net.here, name: "eth1", addresses: ["10.2.0.1/24", "fd02::1/64"] },
      { host: net.b, name: "eth0", addresses: ["10.2.0.100/24", "fd02::100/64"] },
    );
    await net.onB.send({ to: "10.2.0.1", port, data: "again" });
    const packet = await waiting;
    const index = await net.here.index("eth1");
    assert(index !== net.eth1);
    assertEquals([textOf(packet), packet.interfaceIndex, packet.interfaceName], [
      "again",
      index,
      "eth1",
    ]);
    // Joining again needs no leaving first.
    for (const to of ["239.1.2.3", "ff02::1234"]) {
      socket.join(to, { interface: "eth1" });
      await net.onB.send({ to, port, interface: "eth0", data: to });
      assertEquals(textOf(await next(socket)), to);
    }
  },
);

test("packets whose interface is gone when they are read are not lost", needs, async () => {
  await using net = await stage();
  await using socket = openUdpSocket();
  const { port } = socket;
  for (const to of ["10.2.0.1", "fd02::1"]) await net.onB.send({ to, port, data: to, count: 20 });
  await net.here.ip("link del eth1");
  await net.onA.send({ to: "10.1.0.1", port, data: "marker" });
  const counts: Record<string, number> = {};
  for (let count = 0; count < 41; count++) {
    const packet = await next(socket);
    counts[textOf(packet)] = (counts[textOf(packet)] ?? 0) + 1;
    if (textOf(packet) === "marker") assertEquals(packet.interfaceName, "eth0");
    else assertEquals([packet.interfaceIndex, packet.interfaceName], [net.eth1, null]);
  }
  assertEquals(counts, { "10.2.0.1": 20, "fd02::1": 20, marker: 1 });
});

test("prohibited and unreachable destinations are refused with the right code", needs, async () => {
  await using net = await stage();
  await net.here.batch([
    "route add prohibit 10.91.0.0/24",
    "route add unreachable 10.92.0.0/24",
    "-6 route add prohibit fd91::/64",
    "-6 route add unreachable fd92::/64",
  ].map((line) => line.replace("-6 ", "")));
  await using receiver = await startReceiver(net.a, { port: PORT });
  await using socket = openUdpSocket();
  const expected = {
    "10.91.0.1": "EACCES",
    "10.92.0.1": "EHOSTUNREACH",
    "fd91::1": "EACCES",
    "fd92::1": "EHOSTUNREACH",
  };
  for (const [address, code] of Object.entries(expected)) {
    const send = () => socket.send("x", { address, port: PORT });
    const error = await assertRejects(send, SocketError);
    assertEquals([error.code, error.address, error.port], [code, address, PORT]);
    // It is no broadcast address: the advice to ask for broadcast alone would lead astray.
    assert(/route|filter|prohibit/.test(error.hint ?? ""), error.message);
    await socket.send(address, `10.1.0.100:${PORT}`);
    assertEquals((await receiver.next()).text, address);
  }
  const many = [
    `10.91.0.1:${PORT}`,
    `10.1.0.100:${PORT}`,
    `10.92.0.1:${PORT}`,
    `10.1.0.100:${PORT}`,
  ];
  const error = await assertRejects(
    () => socket.sendMany(many.map((to, number) => ({ data: `${number}`, to }))),
    SocketError,
  );
  assertEquals(error.code, "EACCES");
  assertEquals([(await receiver.next()).text, (await receiver.next()).text], ["1", "3"]);
});

test("a packet filter's refusal is told, and the socket goes on", {
  ...needs,
  skip: findProgram("nft") === null && "needs nftables",
}, async () => {
  await using net = await stage();
  await net.here.run("nft", ["-f", "-"], {
    input: `table inet lab {
      chain out {
        type filter hook output priority 0
        udp dport 5001 drop
        udp dport 5002 reject
      }
    }\n`,
  });
  try {
    await using receiver = await startReceiver(net.a, { port: PORT });
    const errors = new Errors();
    await using socket = openUdpSocket({ onError: errors.add });
    for (const port of [5001, 5002]) {
      for (const address of ["10.1.0.100", "fd01::100"]) {
        const error = await assertRejects(() => socket.send("x", { address, port }), SocketError);
        assert(["EPERM", "ECONNREFUSED"].includes(error.code), error.message);
        assertEquals([error.address, error.port], [address, port]);
        if (error.code === "EPERM") assert(error.hint?.includes("filter"), error.message);
        await socket.send("still works", `10.1.0.100:${PORT}`);
        assertEquals((await receiver.next()).text, "still works");
      }
    }
  } finally {
    await net.here.run("nft", ["delete", "table", "inet", "lab"]);
  }
});

test("on a host without IPv6 a dual-stack socket serves IPv4", needs, async () => {
  await using lab = new Lab({ disableIPv6: true });
  const other = await lab.host("other");
  await lab.link(
    { host: lab.here, name: "eth0", addresses: ["10.1.0.1/24"] },
    { host: other, name: "eth0", addresses: ["10.1.0.100/24"] },
  );
  await using echo = await startReceiver(other, { port: PORT, echo: true });
  await using socket = openUdpSocket({ groups: ["239.1.2.3", "ff02::1234"] });
  assert(socket.stats.families.includes("IPv4"));
  await socket.send("hello", `10.1.0.100:${echo.port}`);
  assertEquals(textOf(await next(socket)), "hello");
  for (const address of ["fd01::100", "::1"]) {
    const error = await assertRejects(
      () => socket.send("x", { address, port: PORT }),
      SocketError,
    );
    assert(["ENETUNREACH", "EADDRNOTAVAIL", "EAFNOSUPPORT"].includes(error.code), error.message);
  }
  await socket.send("still works", `10.1.0.100:${echo.port}`);
  assertEquals(textOf(await next(socket)), "still works");
  const open = () => openUdpSocket({ address: "::1" });
  assertEquals(assertThrows(open, SocketError).code, "EADDRNOTAVAIL");
});

test(
  "the twenty-first group needs more than Linux allows, and the hint's command allows it",
  needs,
  async () => {
    await using net = await stage();
    const limit = "net.ipv4.igmp_max_memberships";
    const before = (await net.here.run("sysctl", ["-n", limit])).trim();
    await net.here.sysctl({ [limit]: "20" });
    try {
      await using socket = openUdpSocket();
      const group = (number: number) => `239.1.3.${number}`;
      for (let number = 1; number <= 20; number++) {
        socket.join(group(number), {
          interface: "eth0",
        });
      }
      const join = () => socket.join(group(21), { interface: "eth0" });
      const error = assertThrows(join, SocketError);
      assertEquals([error.code, error.address], ["ENOBUFS", group(21)]);
      assertEquals(error.interfaceIndex, net.eth0);
      const [program, ...args] = error.hint?.match(/as root: (.*)$/)?.[1].split(" ") ?? [];
      assert(args.some((word) => word.startsWith(`${limit}=`)), error.message);
      // Everywhere: the refusals are in the membership instead.
      const everywhere = socket.join(group(22));
      assertEquals(everywhere.interfaces, []);
      assertEquals(everywhere.failed.map(({ name }) => name).sort(), ["eth0", "eth1"]);
      await net.here.run(program, args);
      assertEquals(join().interfaces, [{ index: net.eth0, name: "eth0" }]);
      for (const number of [1, 20, 21]) {
        const to = group(number);
        await net.onA.send({ to, port: socket.port, interface: "eth0", data: to });
        assertEquals(textOf(await next(socket)), to);
      }
    } finally {
      await net.here.sysctl({ [limit]: before });
    }
  },
);
