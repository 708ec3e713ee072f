// The node:dgram face on loopback: what comes, what goes, and in which order.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Buffer } from "node:buffer";
import dc from "node:diagnostics_channel";
import nodeDgram from "node:dgram";
import { EventEmitter, once } from "node:events";
import { BlockList } from "node:net";
import process from "node:process";
import dgram, { createSocket, Socket } from "../../dgram/mod.ts";
import { test, within } from "../harness.ts";
import { startReceiver } from "../lab/peers.ts";
import { lo, needsSource, runProgram } from "../kernel/support.ts";
import { bound, message, sent, thrown } from "./support.ts";

/** Who takes a socket of node:dgram takes one of ours: the compiler sees to it. */
export const asNodes: (socket: Socket) => nodeDgram.Socket = (socket) => socket;

test("a message tells where it was sent and on which interface it came", {
  skip: needsSource,
}, async () => {
  await using server = await bound({ type: "udp4" }, "0.0.0.0");
  await using client = await bound({ type: "udp4" });
  client.send("hello", server.address().port, "127.0.0.3");
  const { text, remote } = await message(server);
  assertEquals(text, "hello");
  assertEquals({ ...remote, hops: null }, {
    address: "127.0.0.2",
    family: "IPv4",
    port: client.address().port,
    size: 5,
    destination: "127.0.0.3",
    interfaceIndex: lo.index,
    interfaceName: lo.name,
    hops: null,
  });
});

test("reply answers from the address that was asked", { skip: needsSource }, async () => {
  await using server = await bound({ type: "udp4" }, "0.0.0.0");
  await using client = await bound({ type: "udp4" });
  server.on("message", (data, remote) => server.reply(["re: ", data], remote));
  client.send("q", server.address().port, "127.0.0.3");
  const { text, remote } = await message(client);
  assertEquals([text, remote.address], ["re: q", "127.0.0.3"]);
  const { code, message: words } = thrown(() => server.reply("x", { ...remote }));
  assertEquals(code, "ERR_INVALID_ARG_TYPE");
  assertStringIncludes(words, "message event");
});

test("send takes a target with source, interface and hops", { skip: needsSource }, async () => {
  await using server = await bound({ type: "udp4" }, "0.0.0.0");
  await using client = createSocket("udp4");
  const { port } = server.address();
  const target = { port, address: "127.0.0.3", source: "127.0.0.9", hops: 7, interface: lo.name };
  const received = message(server);
  assertEquals(await sent(client, "x", target), { error: null, bytes: 1 });
  const { remote } = await received;
  assertEquals([remote.address, remote.hops, remote.destination], ["127.0.0.9", 7, "127.0.0.3"]);
  const { error } = await sent(client, "x", { port, address: "127.0.0.3", hops: 999 });
  assertEquals([error?.code, error?.syscall], ["EINVAL", "send"]);
  assertStringIncludes(String((error?.cause as Error).message), "hops must be");
});

test("every form of send says the same", async () => {
  await using server = await bound({ type: "udp4" });
  await using client = createSocket("udp4");
  const { port, address } = server.address();
  const forms: [unknown[], string][] = [
    [["text", port, address], "text"],
    [[Buffer.from("0text1"), 1, 4, port, address], "text"],
    [[["a", Buffer.from("b"), new Uint8Array([99])], port, address], "abc"],
    [[new DataView(new Uint8Array([100]).buffer), port, address], "d"],
    [[[], port, address], ""],
    [["x", `${port}`, address], "x"],
  ];
  for (const [args, text] of forms) {
    const received = message(server);
    assertEquals(await sent(client, ...args), { error: null, bytes: text.length });
    assertEquals((await received).text, text);
  }
  client.connect(port, address);
  await within(5_000, once(client, "connect"), "connect");
  assertEquals(client.remoteAddress(), { address, family: "IPv4", port });
  for (const args of [["text"], [Buffer.from("0text1"), 1, 4], ["text", { hops: 9 }]]) {
    const received = message(server);
    assertEquals(await sent(client, ...args), { error: null, bytes: 4 });
    assertEquals((await received).text, "text");
  }
  const twice = thrown(() => client.send("x", port, address, () => {}));
  assertEquals(twice.code, "ERR_SOCKET_DGRAM_IS_CONNECTED");
});

test("a dual-stack socket writes IPv4 as IPv6, both ways", { needs: ["ipv6"] }, async () => {
  await using server = await bound({ type: "udp6" }, "::");
  await using client = await bound({ type: "udp4" });
  const { port, address, family } = server.address();
  assertEquals([address, family], ["::", "IPv6"]);
  client.send("four", port, "127.0.0.1");
  const { remote } = await message(server);
  assertEquals([remote.address, remote.family], ["::ffff:127.0.0.2", "IPv6"]);
  assertEquals(remote.destination, "::ffff:127.0.0.1");
  server.send("back", remote.port, remote.address);
  assertEquals((await message(client)).text, "back");
  const { error } = await sent(server, "x", 9, "127.0.0.1");
  assertEquals(error?.message, "send EINVAL 127.0.0.1:9");
});

test("ipv6Only is without IPv4", { needs: ["ipv6"] }, async () => {
  await using six = await bound({ type: "udp6", ipv6Only: true }, "::");
  const { port } = six.address();
  await using four = createSocket("udp4");
  four.bind(port);
  await within(5_000, once(four, "listening"), "the same port of the other family");
});

test("it talks with the runtime's own node:dgram", async () => {
  await using ours = await bound({ type: "udp4" });
  const theirs = nodeDgram.createSocket("udp4");
  try {
    await new Promise<void>((resolve) => theirs.bind(0, "127.0.0.1", resolve));
    theirs.on("message", (data, { port, address }) => theirs.send(`re: ${data}`, port, address));
    ours.send("q", theirs.address().port, "127.0.0.1");
    assertEquals((await message(ours)).text, "re: q");
  } finally {
    await new Promise<void>((resolve) => theirs.close(resolve));
  }
});

test("one who waits for a message at a time misses none", async () => {
  await using server = await bound({ type: "udp4" });
  await using client = createSocket("udp4");
  const { port, address } = server.address();
  const texts: string[] = [];
  const reading = (async () => {
    while (texts.length < 100) texts.push((await message(server)).text);
  })();
  for (let i = 0; i < 100; i++) client.send(String(i), port, address);
  await reading;
  assertEquals(texts, Array.from({ length: 100 }, (_, i) => String(i)));
});

test("close within a message ends the messages, and the events come in order", async () => {
  const server = await bound({ type: "udp4" });
  await using client = createSocket("udp4");
  const { port, address } = server.address();
  const events: string[] = [];
  server.on("message", () => {
    events.push("message");
    server.close(() => events.push("closed"));
    events.push("after close");
    process.nextTick(() => events.push("tick"));
  });
  for (let i = 0; i < 10; i++) await sent(client, "x", port, address);
  await within(5_000, once(server, "close"), "close");
  await using _again = await bound({ type: "udp4" });
  assertEquals(events.filter((event) => event === "message").length, 1);
  assertEquals(events.slice(0, 2), ["message", "after close"]);
  assert(events.includes("closed"));
  for (const call of [() => server.close(), () => server.address(), () => server.bind(0)]) {
    assertEquals(thrown(call).code, "ERR_SOCKET_DGRAM_NOT_RUNNING");
  }
  assertEquals(server._handle, null);
  await server[Symbol.asyncDispose]();
});

test("what is sent before it is bound goes out when it is", async () => {
  await using server = await bound({ type: "udp4" });
  const { port, address } = server.address();
  await using client = createSocket("udp4");
  client.send("first", port, address);
  client.send("second", port, address);
  assertEquals([(await message(server)).text, (await message(server)).text], ["first", "second"]);
});

test("options reach the open socket", async () => {
  await using server = await bound({ type: "udp4", recvBufferSize: 30_000 });
  const { port, address } = server.address();
  assert(server.getRecvBufferSize() >= 30_000);
  server.setSendBufferSize(20_000);
  assert(server.getSendBufferSize() >= 20_000);
  await using client = await bound({ type: "udp4" });
  assertEquals(client.setTTL(33), 33);
  client.setBroadcast(true);
  assertEquals(client.setMulticastTTL(3), 3);
  assertEquals(client.setMulticastLoopback(true), true);
  client.setMulticastInterface("127.0.0.1");
  client.send("x", port, address);
  assertEquals((await message(server)).remote.hops, 33);
  assertEquals([client.getSendQueueSize(), client.getSendQueueCount()], [0, 0]);
});

test("block lists keep messages in and out", async () => {
  const list = new BlockList();
  list.addAddress("127.0.0.2");
  await using server = await bound({ type: "udp4", receiveBlockList: list }, "127.0.0.3");
  await using blocked = await bound({ type: "udp4" });
  await using other = await bound({ type: "udp4" }, "127.0.0.4");
  const received = message(server);
  await sent(blocked, "no", server.address().port, "127.0.0.3");
  await sent(other, "yes", server.address().port, "127.0.0.3");
  assertEquals((await received).text, "yes");
  await using careful = createSocket({ type: "udp4", sendBlockList: list });
  const { error } = await sent(careful, "x", 9, "127.0.0.2");
  assertEquals(error?.code, "ERR_IP_BLOCKED");
});

test("the signal closes it", async () => {
  const controller = new AbortController();
  const socket = await bound({ type: "udp4", signal: controller.signal });
  const closed = once(socket, "close");
  controller.abort();
  await within(5_000, closed, "close");
  await socket[Symbol.asyncDispose]();
});

test("a connected socket hears that nobody is there", { needs: ["linux"] }, async () => {
  const gone = await bound({ type: "udp4" });
  const { port, address } = gone.address();
  await gone[Symbol.asyncDispose]();
  await using client = createSocket("udp4");
  client.connect(port, address);
  await within(5_000, once(client, "connect"), "connect");
  const failed = new Promise<NodeJS.ErrnoException>((resolve) => client.once("error", resolve));
  client.send("x");
  const { code, syscall, errno } = await within(5_000, failed, "the error");
  assertEquals([code, syscall], ["ECONNREFUSED", "recvmsg"]);
  assert(errno! < 0);
});

test("a subclass may call its methods what it likes", async () => {
  // dns2's servers are subclasses with a method called "handle", others have other names.
  class Server extends Socket {
    handle(): void {}
    connected(): void {}
    lookup(): void {}
    waiting(): void {}
    whenBound(): void {}
    running(): void {}
    mustRun(): void {}
    run(): void {}
  }
  const server = new Server("udp4");
  server.bind(0, "127.0.0.3");
  await within(5_000, once(server, "listening"), "listening");
  const client = new Server({ type: "udp4" });
  server.on("message", (data, remote) => server.reply(`re: ${data}`, remote));
  client.send("q", server.address().port, "127.0.0.3");
  assertEquals((await message(client)).text, "re: q");
  client.setTTL(9);
  await client[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

test("libraries find what they look for", async () => {
  const published: unknown[] = [];
  const listener = (data: unknown) => published.push((data as { socket: Socket }).socket);
  dc.subscribe("udp.socket", listener);
  await using socket = dgram.createSocket("udp4");
  dc.unsubscribe("udp.socket", listener);
  assertEquals(published, [socket]);
  assert(socket instanceof Socket && socket instanceof EventEmitter);
  assert(socket._handle !== null);
  assertEquals(socket.type, "udp4");
  assertEquals([socket.ref(), socket.unref()], [socket, socket]);
});

test("what a listener throws is an uncaught exception, and the next message comes", async () => {
  const permissions = ["--allow-ffi", "--allow-env"];
  assertEquals((await runProgram("dgram_listener_throws.ts", permissions)).split("\n"), [
    "message: first",
    "uncaught: about first",
    "message: last",
    "uncaught: about last",
    "closed",
  ]);
});

test("unref lets the process end", async () => {
  const permissions = ["--allow-ffi", "--allow-env"];
  assertEquals(await runProgram("dgram_unref.ts", permissions), "bound");
});

test("it talks with a Python program", { needs: ["python3"] }, async () => {
  await using peer = await startReceiver(null);
  await using socket = await bound({ type: "udp4" });
  socket.send("x", { port: peer.port, address: "127.0.0.3", hops: 5 });
  const packet = await peer.next();
  assertEquals([packet.source.address, packet.destination, packet.hops], [
    "127.0.0.2",
    "127.0.0.3",
    5,
  ]);
});
