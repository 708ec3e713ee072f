// Answers come from the address that was asked, out of the interface the question came in on.
import { assertEquals, assertRejects } from "@std/assert";
import { openUdpSocket, SocketError } from "../../mod.ts";
import { test } from "../harness.ts";
import { startClient } from "../lab/peers.ts";
import { FakeLibrary } from "./fake_library.ts";
import { at, lo, needsSource, next, text } from "./support.ts";

for (
  const [from, to] of [
    ["127.0.0.2", "127.0.0.3"],
    ["127.0.0.3", "127.0.0.2"],
    ["127.1.2.3", "127.0.0.1"],
    ["::1", "::1"],
  ]
) {
  test(`a question from ${from} to ${to} is answered from ${to}`, {
    needs: ["linux", "python3", "ipv6"],
  }, async () => {
    await using server = openUdpSocket();
    // A connected client: its kernel drops what is not from the address and port it asked.
    await using client = await startClient(null, {
      to,
      port: server.port,
      source: from,
      connect: true,
      data: "question",
    });
    const packet = await next(server);
    assertEquals([text(packet), packet.source.address], ["question", from]);
    await server.reply(packet, "answer");
    const answer = await client.answer();
    if (typeof answer === "string") throw new Error(answer);
    assertEquals([answer.text, answer.destination], ["answer", from]);
    assertEquals([answer.source.address, answer.source.port], [to, server.port]);
    assertEquals(answer.interfaceName, "lo");
  });
}

test("a broadcast question is answered from an address, not from the broadcast", {
  needs: ["linux", "python3"],
}, async () => {
  await using server = openUdpSocket();
  await using client = await startClient(null, {
    to: "127.255.255.255",
    port: server.port,
    source: "127.0.0.2",
    broadcast: true,
    data: "anybody?",
  });
  const packet = await next(server);
  assertEquals(packet.cast, "broadcast");
  await server.reply(packet, "me");
  const answer = await client.answer();
  if (typeof answer === "string") throw new Error(answer);
  assertEquals([answer.text, answer.destination], ["me", "127.0.0.2"]);
  assertEquals([answer.source.address, answer.source.port], ["127.0.0.1", server.port]);
});

test("a multicast question is answered from an address, not from the group", {
  needs: ["linux", "python3"],
}, async () => {
  await using server = openUdpSocket({ groups: ["239.255.3.1@lo"] });
  await using client = await startClient(null, {
    to: "239.255.3.1",
    port: server.port,
    source: "127.0.0.2",
    interface: "lo",
    data: "anybody?",
  });
  const packet = await next(server);
  assertEquals(packet.cast, "multicast");
  await server.reply(packet, "me");
  const answer = await client.answer();
  if (typeof answer === "string") throw new Error(answer);
  assertEquals([answer.text, answer.destination], ["me", "127.0.0.2"]);
  assertEquals([answer.source.address, answer.source.port], ["127.0.0.1", server.port]);
});

test("a socket on a group answers too", { needs: ["linux", "python3"] }, async () => {
  await using server = openUdpSocket({ address: "239.255.3.2", groups: ["239.255.3.2@lo"] });
  await using client = await startClient(null, {
    to: "239.255.3.2",
    port: server.port,
    source: "127.0.0.2",
    interface: "lo",
    data: "anybody?",
  });
  const packet = await next(server);
  await server.reply(packet, "me");
  const answer = await client.answer();
  if (typeof answer === "string") throw new Error(answer);
  assertEquals([answer.text, answer.source.port], ["me", server.port]);
  assertEquals(answer.source.address, "127.0.0.1");
});

test("a socket on one interface answers out of it", {
  needs: ["ipv6"],
  skip: needsSource,
}, async () => {
  await using server = openUdpSocket({ interface: lo.name });
  for (const [from, to] of [["127.0.0.2", "127.0.0.3"], ["::1", "::1"]]) {
    await using client = openUdpSocket({ address: from });
    await client.send("question", at(server, to));
    await server.reply(await next(server), "answer");
    const answer = await next(client);
    assertEquals([text(answer), `${answer.source}`], ["answer", at(server, to)]);
  }
});

test(
  "many questions to many addresses: each answer from its own",
  { skip: needsSource },
  async () => {
    await using server = openUdpSocket();
    await using client = openUdpSocket({ address: "127.0.0.2" });
    const asked = Array.from({ length: 60 }, (_, i) => `127.0.2.${i + 1}`);
    await client.sendMany(asked.map((address) => ({ data: address, to: at(server, address) })));
    const packets = [];
    while (packets.length < asked.length) packets.push(...await server.receiveMany());
    await Promise.all(packets.map((packet) => server.reply(packet, packet.data)));
    for (const address of asked) {
      const answer = await next(client);
      assertEquals([text(answer), answer.source.address], [address, address]);
    }
  },
);

test("an answer may be given by another socket's hand-me-down packet and after a while", {
  skip: needsSource,
}, async () => {
  await using server = openUdpSocket();
  await using client = openUdpSocket({ address: "127.0.0.2" });
  await client.send("first", at(server, "127.0.0.3"));
  const first = await next(server);
  await client.send("second", at(server, "127.0.0.4"));
  const second = await next(server);
  await server.reply(second, "to second");
  await server.reply(first, "to first");
  const answers = [await next(client), await next(client)];
  assertEquals(answers.map((answer) => [text(answer), answer.source.address]), [
    ["to second", "127.0.0.4"],
    ["to first", "127.0.0.3"],
  ]);
});

test("a reply on a closed socket rejects and calls nothing", async () => {
  const library = new FakeLibrary();
  await using socket = library.openSocket();
  await socket.send("x", at(socket, "127.0.0.2"));
  const packet = await next(socket);
  await socket.close();
  const calls = library.calls.length;
  const error = await assertRejects(() => socket.reply(packet, "y"), SocketError);
  assertEquals(error.code, "EBADF");
  assertEquals(library.calls.slice(calls), []);
});

test("a reply to nothing rejects like every wrong argument", async () => {
  await using socket = openUdpSocket();
  // @ts-expect-error: no packet
  await assertRejects(() => socket.reply(null, "y"), TypeError);
});
