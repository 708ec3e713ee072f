// What Winsock refuses, and what of that a user of the library notices.
import { assertEquals, assertThrows } from "@std/assert";
import { openUdpSocket, SocketError } from "../../mod.ts";
import { test, type TestOptions } from "../harness.ts";
import { FakeLibrary } from "./fake_library.ts";
import { at, next, nextTexts, text, turn, until } from "./support.ts";

const needs: TestOptions = { needs: ["windows"] };

/** The codes of WSAIoctl. */
const SIO_UDP_CONNRESET = 0x9800000c;
const SIO_UDP_NETRESET = 0x9800000f;
const SIO_GET_EXTENSION_FUNCTION_POINTER = 0xc8000006;

test("a refusal that comes out of a receive is told, and ends no iteration", needs, async () => {
  // Both are switched off, as far as Windows knows how to.
  for (const code of ["ECONNRESET", "ENETRESET"]) {
    const library = new FakeLibrary();
    let refusals = 3;
    library.on("recvmsg", (_, call) => refusals-- > 0 ? library.refuse(code) : call());
    const told: string[] = [];
    await using socket = library.openSocket({
      family: "IPv4",
      onError: (error) => told.push((error as SocketError).code),
    });
    const heard: string[] = [];
    const reading = (async () => {
      for await (const packet of socket) heard.push(text(packet));
    })();
    await socket.send("1", at(socket, "127.0.0.3"));
    await socket.send("2", at(socket, "127.0.0.3"));
    await until(() => heard.length === 2, "both");
    assertEquals([heard, told], [["1", "2"], [code, code, code]]);
    assertEquals(socket.stats.errors, 3);
    await socket.close();
    await reading;
  }
});

test("Windows is asked not to let refusals come out of receives", needs, async () => {
  const library = new FakeLibrary();
  const codes: number[] = [];
  library.on("WSAIoctl", ([, code, input], call) => {
    if (code !== SIO_GET_EXTENSION_FUNCTION_POINTER) {
      codes.push(code);
      assertEquals([...input], [0, 0, 0, 0]);
    }
    return call();
  });
  await using _socket = library.openSocket({ family: "IPv4" });
  assertEquals(codes, [SIO_UDP_CONNRESET, SIO_UDP_NETRESET]);
});

test("a system that cannot be asked for that opens sockets nevertheless", needs, async () => {
  const library = new FakeLibrary();
  library.on(
    "WSAIoctl",
    ([, code], call) =>
      code === SIO_GET_EXTENSION_FUNCTION_POINTER ? call() : library.refuse("EOPNOTSUPP"),
  );
  await using socket = library.openSocket();
  await socket.send("x", at(socket, "127.0.0.3"));
  assertEquals(await nextTexts(socket, 1), ["x"]);
});

test("a socket that cannot be finished is closed, and the error is the reason", needs, () => {
  for (const name of ["ioctlsocket", "WSAIoctl"]) {
    const library = new FakeLibrary();
    const { system } = library;
    let refusing = true;
    library.on(name, (_, call) => refusing ? library.refuse("EOPNOTSUPP") : call());
    const error = assertThrows(() => system.openSocket("IPv4"), SocketError);
    assertEquals([error.code, error.syscall], ["EOPNOTSUPP", "socket"], name);
    assertEquals([library.sockets.length, library.open.size, library.stray], [1, 0, []], name);
    // What was refused once is asked for again.
    refusing = false;
    system.close(system.openSocket("IPv4"));
  }
});

test("what is known by its address only is looked up once", needs, () => {
  const library = new FakeLibrary();
  const { system } = library;
  let lookups = 0;
  library.on("WSAIoctl", ([, code], call) => {
    if (code === SIO_GET_EXTENSION_FUNCTION_POINTER) lookups++;
    return call();
  });
  for (let i = 0; i < 3; i++) system.close(system.openSocket("IPv4"));
  // WSARecvMsg and WSASendMsg.
  assertEquals(lookups, 2);
});

test("a datagram that WSAEMSGSIZE announces is there, cut", needs, async () => {
  const library = new FakeLibrary();
  const results: number[] = [];
  library.on("recvmsg", (_, call) => {
    results.push(call());
    return results.at(-1)!;
  });
  await using socket = library.openSocket({ maxDatagramSize: 4 });
  await socket.send("12345678", at(socket, "127.0.0.3"));
  await socket.send("1234", at(socket, "127.0.0.3"));
  const packets = [await next(socket), await next(socket)];
  assertEquals(packets.map(text), ["1234", "1234"]);
  assertEquals(packets.map(({ truncated }) => truncated), [true, false]);
  // As an error, not as a flag of a success.
  assertEquals(results.filter((result) => result === 0).length, 1);
  assertEquals([socket.stats.errors, socket.stats.truncated], [0, 1]);
  // What control messages tell came along.
  assertEquals(packets.map(({ destination }) => destination.address), ["127.0.0.3", "127.0.0.3"]);
});

test("options that Windows does not have are no obstacle", needs, async () => {
  const library = new FakeLibrary().lacksOptions(["receiveHops", "receiveTrafficClass"]);
  await using socket = library.openSocket();
  await socket.send("x", at(socket, "127.0.0.3"));
  const packet = await next(socket);
  assertEquals([packet.destination.address, packet.hops], ["127.0.0.3", null]);
});

test(
  "where Windows will not make a port exclusive there is no socket that only seems so",
  needs,
  () => {
    const library = new FakeLibrary().lacksOptions(["exclusive"]);
    const error = assertThrows(() => library.openSocket(), SocketError);
    assertEquals([error.code, error.syscall, library.open.size], [
      "ENOPROTOOPT",
      "setsockopt(SO_EXCLUSIVEADDRUSE)",
      0,
    ]);
  },
);

test("an answer that Windows refuses to send from its address is sent without", needs, async () => {
  const library = new FakeLibrary();
  library.on("sendmsg", () => library.refuse("EINVAL"));
  await using server = library.openSocket();
  await using client = openUdpSocket({ address: "127.0.0.2" });
  await client.send("question", at(server, "127.0.0.1"));
  await server.reply(await next(server), "answer");
  assertEquals(text(await next(client)), "answer");
});

test("what one datagram asks for by option is put back, also after a refusal", needs, async () => {
  const library = new FakeLibrary();
  await using socket = library.openSocket({ family: "IPv4", hops: 40, multicastHops: 5 });
  const own = () => [
    library.option(0, "IPv4", "hops"),
    library.option(0, "IPv4", "multicastHops"),
  ];
  assertEquals(own(), [40, 5]);
  const during: unknown[] = [];
  let full = true;
  library.on("sendto", (_, call) => {
    during.push(own());
    return full ? library.refuse("EAGAIN") : call();
  });
  const sending = socket.send("x", at(socket, "127.0.0.3"), { hops: 9 });
  await turn();
  assertEquals(own(), [40, 5]);
  full = false;
  await sending;
  assertEquals((await next(socket)).hops, 9);
  assertEquals([during[0], during.at(-1), own()], [[9, 5], [9, 5], [40, 5]]);
  await socket.send("y", at(socket, "127.0.0.3"));
  assertEquals((await next(socket)).hops, 40);
});
