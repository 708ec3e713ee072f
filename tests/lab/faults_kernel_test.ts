// What a kernel refuses, runs out of or takes away by itself: the right error, no busy loop, and all is well afterwards.
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import fs from "node:fs";
import { fileURLToPath } from "node:url";
import { openUdpSocket, SocketError } from "../../mod.ts";
import { figure } from "../figures.ts";
import { commandOf, findProgram, staysPending, test, type TestOptions } from "../harness.ts";
import { FakeLibrary } from "../kernel/fake_library.ts";
import { Lab } from "./lab.ts";
import { startReceiver } from "./peers.ts";
import { Program } from "./process.ts";
import { Errors, next, textOf } from "./sockets.ts";
import { stage } from "./stage.ts";
import { twoNetworks } from "./topologies.ts";

const needs: TestOptions = { needs: ["lab", "python3"] };
const nft: TestOptions = { ...needs, skip: findProgram("nft") === null && "needs nftables" };

/** Calls that a library makes while nothing happens that it should care about. */
async function callsOf(library: FakeLibrary, ms: number): Promise<number> {
  const before = library.calls.length + library.blocking.length;
  await new Promise((resolve) => setTimeout(resolve, ms));
  return library.calls.length + library.blocking.length - before;
}

interface Attempt {
  name?: string;
  free?: number;
  left?: number;
  code?: string;
  syscall?: string;
  hint?: string;
  received?: unknown;
  refused?: string;
  ended?: boolean;
}

test("without descriptors each of the opens says EMFILE and what to do, and leaves none behind", {
  needs: ["lab"],
  skip: findProgram("prlimit") === null && "needs prlimit",
}, async () => {
  const file = fileURLToPath(new URL("../programs/no_descriptors.ts", import.meta.url));
  const [command, args] = commandOf(file, ["--allow-ffi", "--allow-read"]);
  await using program = await Program.start("prlimit", ["--nofile=120:120", command, ...args]);
  await program.nextLine(20_000);
  const refused = new Map<string, string[]>();
  const opened = new Set<string>();
  for (;;) {
    const attempt = await program.nextJson<Attempt>();
    const { name, free, left, code, syscall, hint } = attempt;
    if (name === undefined) {
      assertEquals(attempt.received, ["127.0.0.3", 1]);
      break;
    }
    assertEquals(left, free, `${name} with ${free}: descriptors are left open`);
    if (code === undefined) {
      opened.add(name);
      continue;
    }
    assertEquals(code, "EMFILE", `${name} with ${free}: ${syscall}`);
    assert(hint?.includes("ulimit"), `${hint}`);
    refused.set(name, [...refused.get(name) ?? [], syscall!]);
  }
  assertEquals((await program.nextJson<Attempt>()).refused, "EMFILE");
  assertEquals((await program.nextJson<Attempt>()).ended, true);
  assertEquals([...refused.keys()], [...opened]);
  const calls = [...refused.values()].flat();
  figure("faults", "opens refused for want of a descriptor", calls.length);
  for (const call of ["socket", "eventfd"]) assert(calls.includes(call), `${calls}`);
});

test("the interface of a socket is deleted under its read: it waits, quietly", needs, async () => {
  await using net = await stage();
  const library = new FakeLibrary();
  await using socket = library.openSocket({ interface: "eth1", groups: ["239.1.2.3"] });
  const { port } = socket;
  const to = { address: "10.2.0.100", port: 9 };
  const reading = socket.receive();
  reading.catch(() => {});
  await net.here.ip("link del eth1");
  assert(await staysPending(50, reading));
  assert(await callsOf(library, 100) < 20, "a busy loop");
  const error = await assertRejects(() => socket.send("x", to), SocketError);
  assert(["ENODEV", "ENETUNREACH"].includes(error.code), error.message);
  assert(error.hint !== null, error.message);
  // One of the same name is another interface: who wants it opens a socket for it.
  await net.lab.link(
    { host: net.here, name: "eth1", addresses: ["10.2.0.1/24", "fd02::1/64"] },
    { host: net.b, name: "eth0", addresses: ["10.2.0.100/24", "fd02::100/64"] },
  );
  await socket.close();
  assertEquals((await assertRejects(() => reading, SocketError)).code, "ECANCELED");
  await using again = openUdpSocket({ interface: "eth1", groups: ["239.1.2.3"], port });
  await net.onB.send({ to: "239.1.2.3", port, interface: "eth0", data: "again" });
  assertEquals(textOf(await next(again)), "again");
});

test(
  "a host without any route says so for every destination, until there is one",
  needs,
  async () => {
    await using lab = new Lab();
    await using socket = openUdpSocket();
    const everywhere = socket.join("239.1.2.3");
    assertEquals([everywhere.interfaces, everywhere.failed], [[], []]);
    const destinations = ["10.1.0.2", "239.1.2.3", "255.255.255.255", "fd01::2", "ff15::1"];
    for (const address of destinations) {
      const error = await assertRejects(() => socket.send("x", { address, port: 9 }), SocketError);
      const expected = address.startsWith("255") ? ["EACCES", "ENETUNREACH"] : ["ENETUNREACH"];
      assert(expected.includes(error.code), error.message);
      assertEquals([error.address, error.port], [address, 9]);
      assert(error.hint !== null, error.message);
      if (address === "10.1.0.2" || address === "fd01::2") {
        const refused = assertThrows(() => socket.connect({ address, port: 9 }), SocketError);
        assertEquals([refused.code, refused.address], ["ENETUNREACH", address]);
      }
    }
    // A refused connect has left no peer behind, and a refused send nothing at all.
    await socket.send("to itself", `127.0.0.3:${socket.port}`);
    assertEquals(textOf(await next(socket)), "to itself");
    assertEquals([socket.stats.sent, socket.stats.errors], [1, 0]);
    await lab.here.batch([
      "link add va type veth peer name vb",
      "addr add 10.1.0.1/24 dev va",
      "addr add fd01::1/64 dev va nodad",
      "link set va up",
      "link set vb up",
      "route add 224.0.0.0/4 dev va",
    ]);
    for (const address of ["10.1.0.2", "239.1.2.3", "fd01::2", "ff15::1"]) {
      await socket.send("x", { address, port: 9 });
    }
  },
);

test(
  "what a filter drops on the way out is refused one by one, and the rest of a batch goes",
  nft,
  async () => {
    await using net = await twoNetworks();
    const rules = `table inet lab {
    chain out { type filter hook output priority 0; udp dport 5001 drop; }
  }\n`;
    await net.here.run("nft", ["-f", "-"], { input: rules });
    await using receiver = await startReceiver(net.a, { port: 5000 });
    await using socket = openUdpSocket();
    const items = Array.from({ length: 40 }, (_, number) => ({
      data: `${number}`,
      to: `10.1.0.100:${number % 4 === 3 ? 5001 : 5000}`,
    }));
    const error = await assertRejects(() => socket.sendMany(items), SocketError);
    assertEquals([error.code, error.address, error.port], ["EPERM", "10.1.0.100", 5001]);
    assert(error.hint?.includes("filter"), error.message);
    for (const { data, to } of items) {
      if (to.endsWith("5000")) assertEquals((await receiver.next()).text, data);
    }
    assertEquals(socket.stats.sent, 30);
    await net.here.run("nft", ["delete", "table", "inet", "lab"]);
    assertEquals(await socket.sendMany(items), 40);
  },
);

test(
  "what a filter drops or rejects on the way in is no error here, and is told there",
  nft,
  async () => {
    await using net = await twoNetworks();
    const chain = (rule: string) =>
      `table inet lab {
    chain in { type filter hook input priority 0; udp dport 5001 ${rule}; }
  }\n`;
    await using receiver = await startReceiver(net.a, { port: 5001 });
    const errors = new Errors();
    await using socket = openUdpSocket({ onError: errors.add });
    const to = "10.1.0.100:5001";
    for (
      const [rule, code] of [
        ["reject with icmp port-unreachable", "ECONNREFUSED"],
        ["reject with icmp host-unreachable", "EHOSTUNREACH"],
        ["reject with icmp admin-prohibited", "EHOSTUNREACH"],
        ["drop", null],
      ] as const
    ) {
      await net.a.run("nft", ["-f", "-"], { input: chain(rule) });
      const reading = socket.receive();
      await socket.send("lost", to);
      if (code !== null) {
        const error = await errors.next();
        assertEquals([error.code, error.address, error.port], [code, "10.1.0.100", 5001]);
      }
      await net.a.run("nft", ["delete", "table", "inet", "lab"]);
      await socket.send("there", to);
      assertEquals((await receiver.next()).text, "there");
      // The read that was there all the time is not hurt.
      await socket.send(rule, `10.1.0.1:${socket.port}`);
      assertEquals(textOf(await reading), rule);
    }
    assertEquals(errors.count, 0);
  },
);

test("the smallest send buffer takes large datagrams, one after the other", {
  needs: ["lab"],
}, async () => {
  await using _lab = new Lab();
  const library = new FakeLibrary();
  await using receiver = openUdpSocket({ receiveBufferSize: 1 << 22 });
  await using socket = library.openSocket({ sendBufferSize: 1 });
  assert(socket.stats.sendBufferSize! < 10_000, "the kernel's least");
  const before = library.calls.length + library.blocking.length;
  const sizes = [1, 2_000, 5_000, 20_000, 65_000];
  for (const address of ["127.0.0.3", "::1"]) {
    for (let round = 0; round < 10; round++) {
      for (const size of sizes) {
        const [, packet] = await Promise.all([
          socket.send(new Uint8Array(size).fill(round), { address, port: receiver.port }),
          next(receiver),
        ]);
        assertEquals([packet.data.length, packet.data[0]], [size, round]);
      }
    }
  }
  const calls = library.calls.length + library.blocking.length - before;
  assert(calls < 100 * 10, `${calls} calls for 100 datagrams`);
});

test(
  "a datagram whose fragments the send buffer does not hold is given up, and the hint says what to do",
  needs,
  async () => {
    await using net = await twoNetworks();
    await using receiver = await startReceiver(net.a, { port: 5000 });
    const library = new FakeLibrary();
    await using socket = library.openSocket({ sendBufferSize: 1 });
    const data = new Uint8Array(60_000).fill(0x61);
    const before = library.calls.length + library.blocking.length;
    // No datagram is sent in its place, and those behind it are.
    const sending = socket.send(data, "10.1.0.100:5000");
    const behind = socket.send("behind it", "10.1.0.100:5000");
    const error = await assertRejects(() => sending, SocketError);
    assertEquals([error.code, error.address, error.port], ["ENOBUFS", "10.1.0.100", 5000]);
    assert(error.hint?.includes("sendBufferSize"), error.message);
    await behind;
    assertEquals((await receiver.next()).text, "behind it");
    const calls = library.calls.length + library.blocking.length - before;
    assert(calls < 200, `${calls} calls`);
    socket.set({ sendBufferSize: 200_000 });
    await socket.send(data, "10.1.0.100:5000");
    assertEquals((await receiver.next()).length, data.length);
  },
);

const OPTMEM = "/proc/sys/net/core/optmem_max";

test("no memory for options: a join says ENOBUFS or ENOMEM and the command that gives more", {
  needs: ["lab"],
  skip: !fs.existsSync(OPTMEM) && "this kernel has no net.core.optmem_max in a namespace",
}, async () => {
  await using lab = new Lab();
  const before = fs.readFileSync(OPTMEM, "utf8").trim();
  await using socket = openUdpSocket();
  fs.writeFileSync(OPTMEM, "0");
  try {
    for (const group of ["239.1.2.3", "ff02::1234"]) {
      const error = assertThrows(() => socket.join(group, { interface: "lo" }), SocketError);
      assert(["ENOBUFS", "ENOMEM"].includes(error.code), error.message);
      assertEquals([error.address, error.interfaceIndex], [group, 1]);
      assert(error.hint?.includes("sysctl"), error.message);
    }
    await socket.send("still works", `127.0.0.3:${socket.port}`);
    assertEquals(textOf(await next(socket)), "still works");
    // What is to be said to the kernel with a datagram takes such memory, too.
    const wish = { source: "127.0.0.9", interface: "lo" };
    const refused = await socket.send("x", `127.0.0.3:${socket.port}`, wish)
      .then(() => null, (error: SocketError) => error.code);
    assert(refused === null || refused === "ENOBUFS", `${refused}`);
  } finally {
    await lab.here.run("sysctl", ["-qw", `net.core.optmem_max=${before}`]);
  }
  for (const group of ["239.1.2.3", "ff02::1234"]) {
    assertEquals(socket.join(group, { interface: "lo" }).interfaces.length, 1);
  }
});
