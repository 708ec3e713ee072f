// Listening and sending on loopback, through the command line.
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { main } from "../../cli/main.ts";
import { openUdpSocket } from "../../mod.ts";
import { test, within } from "../harness.ts";
import { lo, needsSource, next, text } from "../kernel/support.ts";
import { FakeIo, run } from "./support.ts";

/** Starts to listen on loopback; where, and how it goes on. */
async function listening(...args: string[]) {
  const io = new FakeIo();
  const ended = main(["listen", ...args], io);
  await within(
    5_000,
    Promise.race([io.until(({ stderr }) => stderr.includes("listening on")), ended]),
  );
  const port = Number(/listening on .*?:(\d+)(?:,| and|\n)/.exec(io.stderr)?.[1]);
  assert(port > 0, io.stderr);
  return { io, port, ended: within(5_000, ended, "the end of listen") };
}

test("listen shows sender, destination, interface and text of what send sends", {
  skip: needsSource,
}, async () => {
  const { io, port, ended } = await listening("0", "--count", "1");
  const sent = await run(
    "send",
    `127.0.0.3:${port}`,
    "--source",
    "127.0.0.2",
    "hello\nworld\x1b[2J",
  );
  assertEquals(sent, { code: 0, out: "", err: "" });
  assertEquals(await ended, 0);
  const [head, ...data] = io.stdout.split("\n");
  assertMatch(head, /^\d\d:\d\d:\d\d\.\d{3} /);
  assertStringIncludes(head, `${lo.name}  127.0.0.2:`);
  assertStringIncludes(head, `→ 127.0.0.3:${port}  15 bytes, `);
  // Nothing of it controls the terminal.
  assertEquals(data, ["  hello", "  world\\u{1b}[2J", ""]);
  assertStringIncludes(io.stderr, "1 datagram, 15 B\n");
});

test("listen shows hexadecimal digits, sixteen bytes a line", async () => {
  const { io, port, ended } = await listening("127.0.0.1:0", "--hex", "--count", "1");
  const digits = "00 01 02 03 04 05 06 07 68 65 6c 6c 6f 20 ff fe 0a";
  assertEquals((await run("send", `127.0.0.1:${port}`, "--hex", digits)).code, 0);
  await ended;
  assertEquals(io.stdout.split("\n").slice(1), [
    "  0000  00 01 02 03 04 05 06 07  68 65 6c 6c 6f 20 ff fe  ........hello ..",
    "  0010  0a                                                .",
    "",
  ]);
});

test("listen prints one JSON object a datagram", { skip: needsSource }, async () => {
  const { io, port, ended } = await listening("0", "--json", "--count", "2");
  const to = `127.0.0.3:${port}`;
  await run("send", to, "--source", "127.0.0.2", "--hops", "9", "é");
  await run("send", to, "--hex", "ff00");
  await ended;
  const [first, second] = io.stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
  const { time, source, ...rest } = first;
  assert(Math.abs(Date.parse(time) - Date.now()) < 60_000, time);
  assertMatch(source, /^127\.0\.0\.2:\d+$/);
  assertEquals(rest, {
    destination: to,
    interface: lo.name,
    interfaceIndex: lo.index,
    cast: "unicast",
    hops: 9,
    trafficClass: 0,
    truncated: false,
    length: 2,
    data: "c3a9",
    text: "é",
  });
  assertEquals([second.data, second.text], ["ff00", null]);
});

test("listen ends after --for with 1 if nothing came, and by Ctrl-C with 0", async () => {
  const none = await run("listen", "127.0.0.1:0", "--for", "0.05");
  assertEquals([none.code, none.out], [1, ""]);
  assertStringIncludes(none.err, "0 datagrams, 0 B");
  const { io, ended } = await listening("127.0.0.1:0");
  io.leave.abort();
  assertEquals(await ended, 0);
});

test("listen --quiet counts, and keeps a rate on the terminal", async () => {
  const { io, port, ended } = await listening("127.0.0.1:0", "--quiet");
  assertEquals((await run("send", `127.0.0.1:${port}`, "-n", "5", "--interval", "0", "x")).code, 0);
  await within(5_000, io.until(({ steps }) => steps.some((step) => step?.startsWith("5 "))));
  assertMatch(io.steps.findLast((step) => step !== null)!, /^5 datagrams, 5 B, \d+\/s$/);
  io.leave.abort();
  assertEquals(await ended, 0);
  assertEquals([io.stdout, io.steps.at(-1)], ["", null]);
});

test("a group is listened to on the interface named, and may be shared", async () => {
  const group = "239.255.76.67";
  const first = await listening(`${group}:0@${lo.name}`, "--count", "1");
  const { port } = first;
  assertStringIncludes(first.io.stderr, `listening on ${group}:${port}, joined on ${lo.name}\n`);
  const word = `${group}:${first.port}`;
  const second = await listening(word, "--interface", lo.name, "--count", "1");
  // To the group; what is sent to this host's address is for others.
  await run("send", `127.0.0.1:${first.port}`, "unicast");
  const sent = await run("send", `${word}@${lo.name}`, "--json", "to all");
  const { sourcePort, ...rest } = JSON.parse(sent.out);
  assert(sourcePort > 0);
  assertEquals(rest, { to: `${word}@${lo.name}`, port: first.port, sent: 1, bytes: 6 });
  for (const { io, ended } of [first, second]) {
    assertEquals(await ended, 0);
    assertStringIncludes(io.stdout, `→ ${word}`);
    assertStringIncludes(io.stdout, "to all");
  }
});

test("what cannot be opened or written to ends with 2 and leaves nothing open", async () => {
  await using taken = openUdpSocket({ address: "127.0.0.1" });
  const { code, err } = await run("listen", "0", `127.0.0.1:${taken.port}`);
  assertEquals(code, 2);
  assertStringIncludes(err, "EADDRINUSE");
  const folder = path.join(os.tmpdir(), "no such folder", "file");
  for (
    const args of [["listen", "0", "--pcap", folder], ["send", "127.0.0.1:9", "--file", folder]]
  ) {
    const { code, err } = await run(...args);
    assertEquals(code, 2);
    assertStringIncludes(err, "no such folder");
  }
  // Binary data is nothing for a terminal.
  const io = new FakeIo();
  io.screen = { columns: 80, rows: 24 };
  assertEquals(await main(["listen", "0", "--pcap", "-"], io), 2);
  assertEquals(io.stdout, "");
});

test("send takes its data from a file, or from standard input", async () => {
  await using socket = openUdpSocket({ address: "127.0.0.1" });
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "pktinfo-"));
  try {
    const file = path.join(folder, "data");
    fs.writeFileSync(file, "from a file");
    assertEquals((await run("send", `127.0.0.1:${socket.port}`, "--file", file)).code, 0);
    assertEquals(text(await next(socket)), "from a file");
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
  const io = new FakeIo();
  io.stdin = "from a pipe";
  assertEquals(await main(["send", `127.0.0.1:${socket.port}`], io), 0);
  assertEquals(text(await next(socket)), "from a pipe");
});

test("send repeats at its interval until it is interrupted", async () => {
  await using socket = openUdpSocket({ address: "127.0.0.1" });
  const io = new FakeIo();
  const ended = main(
    ["send", `127.0.0.1:${socket.port}`, "-n", "1000", "--interval", "0.01", "again"],
    io,
  );
  for (let count = 0; count < 3; count++) assertEquals(text(await next(socket)), "again");
  io.leave.abort();
  assertEquals(await within(5_000, ended), 130);
  assertMatch(io.stderr, /^sent \d+ datagrams, /);
  assertEquals(io.steps.at(-1), null);
});

test("a pcapng file on standard output holds whole packets", async () => {
  const { io, port, ended } = await listening("127.0.0.1:0", "--pcap", "-", "--count", "1");
  await run("send", `127.0.0.1:${port}`, "captured");
  await ended;
  const view = new DataView(Uint8Array.from(io.bytes).buffer);
  // Blocks one behind the other, each with its length at both ends.
  const types: number[] = [];
  for (let at = 0; at < view.byteLength;) {
    const length = view.getUint32(at + 4, true);
    types.push(view.getUint32(at, true));
    assertEquals(view.getUint32(at + length - 4, true), length);
    at += length;
  }
  assertEquals(types, [0x0a0d0d0a, 1, 6]);
  assertStringIncludes(io.stdout, "captured");
});
