// The examples do what they say, with no more permission than they name.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { pbkdf2Sync } from "node:crypto";
import { openUdpSocket } from "../../mod.ts";
import { test } from "../harness.ts";
import { next, runProgram, startProgram, text } from "../kernel/support.ts";
import { Lab } from "./lab.ts";
import { request, sendFrom } from "./peers.ts";
import { twoNetworks } from "./topologies.ts";

const DEMO = "../../examples/demo.ts";

/** The rows of the demo's table: destination without port, interface, cast, hops. */
function rowsOf(output: string): string[] {
  const lines = output.split("\n");
  const start = lines.findIndex((line) => line.startsWith("source "));
  return lines.slice(start + 1).filter((line) => line.includes("  lo  ")).map((line) => {
    const [source, destination, , cast, hops] = line.split(/ {2,}/);
    const [from, to] = [source, destination].map((text) => text.replace(/:\d+$/, ""));
    return `${from} ${to} ${cast} ${hops}`;
  });
}

const IPV4 = [
  "127.0.0.1 127.0.0.1 unicast 64",
  "127.0.0.2 127.0.0.7 unicast 64",
  "127.0.0.3 127.0.0.8 unicast 9",
  "127.0.0.4 127.255.255.255 broadcast 64",
  "127.0.0.5 239.255.76.67 multicast 1",
  "127.0.0.6 127.0.0.9 unicast 64",
];
const IPV6 = ["[::1] [::1] unicast 64", "[::1] [::1] unicast 9"];

test("the demo shows every packet, and the hint where IPv6 groups have no route", {
  needs: ["lab"],
}, async () => {
  await using lab = new Lab();
  const without = await runProgram(DEMO, ["--allow-ffi"]);
  assertEquals(rowsOf(without), [...IPV4, ...IPV6]);
  assertStringIncludes(without, "ip -6 route add local ff00::/8 dev lo table local");

  await lab.ip("-6 route add local ff00::/8 dev lo table local");
  const complete = await runProgram(DEMO, ["--allow-ffi"]);
  assertEquals(rowsOf(complete), [...IPV4, ...IPV6, "[::1] [ff02::4c43%lo] multicast 1"]);
  assert(!complete.includes("not arrived"), complete);
  await lab.ip("-6 route del local ff00::/8 dev lo table local");
});

test("the demo shows IPv4 on a host whose IPv6 is switched off", { needs: ["lab"] }, async () => {
  await using lab = new Lab();
  await lab.here.sysctl({ "net.ipv6.conf.all.disable_ipv6": "1" });
  assertEquals(rowsOf(await runProgram(DEMO, ["--allow-ffi"])), IPV4);
  await lab.here.sysctl({ "net.ipv6.conf.all.disable_ipv6": "0" });
});

// These two read their arguments as Deno gives them.
test("the echo server answers from the address that was asked", {
  needs: ["lab", "deno", "python3"],
}, async () => {
  await using net = await twoNetworks();
  await using echo = await startProgram("../../examples/echo.ts", ["--allow-ffi"], "7777");
  assertStringIncludes(await echo.nextLine(), "echoing on");
  for (const to of ["10.1.0.2", "fd01::1"]) {
    const answer = await request(net.a, { to, port: 7777, data: "question", connect: true });
    assertEquals([answer.text, answer.source.address], ["question", to]);
  }
});

test("the listener tells which interface a multicast came in on", {
  needs: ["lab", "deno", "python3"],
}, async () => {
  await using net = await twoNetworks();
  const listener = await startProgram(
    "../../examples/listen.ts",
    ["--allow-ffi"],
    "5353",
    "224.0.0.251",
  );
  await using _stopped = listener;
  assertStringIncludes(await listener.nextLine(), "listening on");
  await sendFrom(net.b, {
    to: "224.0.0.251",
    port: 5353,
    data: "hello",
    source: "10.2.0.100",
    sourcePort: 5353,
    interface: "eth0",
  });
  assertEquals(
    await listener.nextLine(),
    "10.2.0.100:5353 → 224.0.0.251:5353 on eth1: multicast, 1 hops, 5 bytes",
  );
});

test("the workers of the fan-out share a port's clients, and answer from where they were asked", {
  needs: ["lab"],
}, async () => {
  await using _lab = new Lab();
  const program = await startProgram(
    "../../examples/fan_out.ts",
    ["--allow-ffi", "--allow-read"],
    "7777",
    "2",
  );
  await using _stopped = program;
  for (let i = 0; i < 2; i++) assertStringIncludes(await program.nextLine(), "serves port 7777");
  const answers = await Promise.all(Array.from({ length: 32 }, async () => {
    await using client = openUdpSocket({ address: "127.0.0.2" });
    // Connected, it hears the address that it asked only.
    client.connect("127.0.0.7:7777");
    await client.send("question");
    return text(await next(client));
  }));
  const workers = answers.map((answer) => answer.split(": ")[0]);
  assertEquals([...new Set(workers)].sort(), ["worker 1", "worker 2"]);
  // The answer itself is the same from both.
  const expected = pbkdf2Sync("question", "pktinfo", 2000, 16, "sha256").toString("hex");
  assertEquals([...new Set(answers.map((answer) => answer.split(": ")[1]))], [expected]);
});
