// Refusals that arrive later (ICMP) and errors of the network: told, counted, and never the end of anything.
import { assert, assertEquals, assertRejects } from "@std/assert";
import { system } from "../../ffi/system.ts";
import { openUdpSocket, platform, SocketError } from "../../mod.ts";
import { has, notOn, runtime, test } from "../harness.ts";
import { FakeLibrary } from "./fake_library.ts";
import { at, next, nextTexts, text, turn, until } from "./support.ts";

/** A port on which nobody is: it was just given back. */
async function closedPort(): Promise<number> {
  const socket = openUdpSocket();
  await socket.close();
  return socket.port;
}

const noErrorQueue = !platform.errorQueue && "this system does not tell whose refusal it is";

for (const [here, there] of [["127.0.0.2", "127.0.0.3"], ["::1", "::1"]]) {
  const family = here === "::1" ? "IPv6" : "IPv4";
  test(`onError is told which destination refused, once: ${family}`, {
    needs: ["ipv6"],
    skip: noErrorQueue,
  }, async () => {
    const port = await closedPort();
    const errors: SocketError[] = [];
    await using open = openUdpSocket({ address: there });
    await using socket = openUdpSocket({
      address: here,
      onError: (error) => errors.push(error as SocketError),
    });
    const received = socket.receive();
    await socket.send("refused", at({ port }, there));
    // The refusal is told to whichever call comes next; that one must not suffer.
    await socket.send("taken", at(open, there));
    assertEquals(text(await next(open)), "taken");
    await until(() => errors.length > 0, "the error");
    await open.send("alive", at(socket, here));
    assertEquals(text(await received), "alive");
    await turn();
    assertEquals(
      errors.map(({ code, address, port }) => [code, address, port]),
      [["ECONNREFUSED", there, port]],
    );
    assertEquals([socket.stats.errors, socket.stats.lastError], [1, errors[0]]);
  });

  test(`a refusal is told to a socket that only sends: ${family}`, {
    needs: ["ipv6"],
    skip: noErrorQueue,
  }, async () => {
    const port = await closedPort();
    const errors: SocketError[] = [];
    await using open = openUdpSocket({ address: there });
    await using socket = openUdpSocket({
      address: here,
      onError: (error) => errors.push(error as SocketError),
    });
    await socket.send("refused", at({ port }, there));
    await socket.send("taken", at(open, there));
    assertEquals(text(await next(open)), "taken");
    await until(() => errors.length > 0, "the error");
    assertEquals(
      errors.map(({ code, address, port }) => [code, address, port]),
      [["ECONNREFUSED", there, port]],
    );
  });

  test(`refusals lose no packet of a batch: ${family}`, {
    needs: ["ipv6"],
    skip: noErrorQueue,
  }, async () => {
    const port = await closedPort();
    let told = 0;
    await using open = openUdpSocket({ address: there });
    await using socket = openUdpSocket({ address: here, onError: () => told++ });
    const items = Array.from({ length: 100 }, (_, i) => ({
      data: `${i}`,
      to: at(i % 3 === 0 ? { port } : open, there),
    }));
    assertEquals(await socket.sendMany(items), 100);
    const expected = items.filter((_, i) => i % 3 !== 0).map(({ data }) => data);
    assertEquals(await nextTexts(open, expected.length), expected);
    await until(() => told > 0, "an error");
  });
}

test("without onError an unconnected socket does not hear of refusals", async () => {
  const port = await closedPort();
  await using socket = openUdpSocket();
  const received = socket.receive();
  await socket.send("refused", `127.0.0.3:${port}`);
  await socket.send("x", at(socket, "127.0.0.3"));
  assertEquals(text(await received), "x");
  assertEquals([socket.stats.errors, socket.stats.sent], [0, 2]);
});

/** Windows is asked not to tell: a refusal would come out of the next receive, as if that had failed. */
const tellsConnected = !has("windows");

test("a refusal on a connected socket is counted and ends no iteration", {
  skip: runtime === "node" &&
    notOn("wine", "Wine tells libuv nothing more of a socket after a refusal"),
}, async () => {
  await using peer = openUdpSocket({ address: "127.0.0.3" });
  const { port } = peer;
  await using socket = openUdpSocket({ address: "127.0.0.2" });
  socket.connect(at(peer, "127.0.0.3"));
  await peer.close();
  const heard: string[] = [];
  const reading = (async () => {
    for await (const packet of socket) heard.push(text(packet));
  })();
  await socket.send("nobody there");
  if (tellsConnected) {
    await until(() => socket.stats.errors > 0, "the refusal");
    const { lastError } = socket.stats;
    assert(lastError instanceof SocketError);
    assertEquals(lastError.code, "ECONNREFUSED");
  }
  await using again = openUdpSocket({ address: "127.0.0.3", port });
  await again.send("alive", at(socket, "127.0.0.2"));
  await until(() => heard.length === 1, "a packet after the refusal");
  await socket.send("to the new one");
  assertEquals(text(await next(again)), "to the new one");
  await socket.close();
  await reading;
});

test("a send that an earlier refusal is told to is sent nevertheless", async () => {
  await using peer = openUdpSocket({ address: "127.0.0.3" });
  const { port } = peer;
  await using socket = openUdpSocket({ address: "127.0.0.2" });
  socket.connect(at(peer, "127.0.0.3"));
  await peer.close();
  await socket.send("refused");
  await using again = openUdpSocket({ address: "127.0.0.3", port });
  await socket.send("second");
  assertEquals(text(await next(again)), "second");
  assertEquals([socket.stats.sent, socket.stats.errors], [2, tellsConnected ? 1 : 0]);
});

test("errors of the network end no iteration", async () => {
  const library = new FakeLibrary();
  const errors: string[] = [];
  const refusals = ["ENETDOWN", "ENODEV", "EHOSTUNREACH", "ECONNREFUSED", "EIO", "ENOMEM"];
  const hook = (_: unknown, call: () => number) => {
    const code = refusals.shift();
    return code ? library.refuse(code) : call();
  };
  library.on("recvmmsg", hook).on("recvmsg", hook);
  const wanted = [...refusals];
  await using socket = library.openSocket({
    family: "IPv4",
    onError: (error) => errors.push((error as SocketError).code),
  });
  await socket.send("x", at(socket, "127.0.0.3"));
  assertEquals(text(await next(socket)), "x");
  await turn();
  // With an error queue its (empty) details are asked for in between, which takes some of the refusals.
  for (const code of errors) assert(wanted.includes(code), code);
  assert(socket.stats.errors > 0);
});

test("an error that stays does not take the processor, nor the packets", async () => {
  const library = new FakeLibrary();
  let calls = 0;
  let broken = true;
  const hook = (_: unknown, call: () => number) => {
    calls++;
    return broken ? library.refuse("ENETDOWN") : call();
  };
  library.on("recvmmsg", hook).on("recvmsg", hook);
  await using socket = library.openSocket({ family: "IPv4" });
  await socket.send("x", at(socket, "127.0.0.3"));
  const received = socket.receive();
  await until(() => calls >= 16, "many refusals");
  const before = calls;
  for (let i = 0; i < 5; i++) await turn();
  assert(calls - before < 10, `${calls - before} calls in five turns: a busy loop`);
  broken = false;
  assertEquals(text(await received), "x");
});

test("one wrong reading of errno does no harm to receiving", async () => {
  for (const code of ["EBADF", "EFAULT", "ENOTSOCK"]) {
    const library = new FakeLibrary();
    let wrong = 1;
    const hook = (_: unknown, call: () => number) => wrong-- > 0 ? library.refuse(code) : call();
    library.on("recvmmsg", hook).on("recvmsg", hook);
    await using socket = library.openSocket({ family: "IPv4" });
    await socket.send("x", at(socket, "127.0.0.3"));
    assertEquals(text(await next(socket)), "x");
  }
});

test("an error of the descriptor itself reaches whoever waits", async () => {
  const library = new FakeLibrary();
  const hook = () => library.refuse("EBADF");
  library.on("recvmmsg", hook).on("recvmsg", hook);
  await using socket = library.openSocket({ family: "IPv4" });
  await socket.send("x", at(socket, "127.0.0.3"));
  const error = await assertRejects(() => next(socket), SocketError);
  assertEquals([error.code, error.syscall], ["EBADF", "recvmsg"]);
});

test("a broken half takes no packet of the other one with it", { needs: ["ipv6"] }, async () => {
  const library = new FakeLibrary();
  await using sender = openUdpSocket();
  let refusals = 0;
  const hook = ([fd]: number[], call: () => number) => {
    if (fd !== library.sockets[0]) return call();
    // The third refusal in a row is believed; just then the other half has a packet.
    if (++refusals === 3) void sender.send("six", at(socket, "::1"));
    return library.refuse("EBADF");
  };
  library.on("recvmmsg", hook).on("recvmsg", hook);
  await using socket = library.openSocket();
  await sender.send("four", at(socket, "127.0.0.3"));
  const first = await next(socket).then(text, (error) => error.code);
  // Whoever waited may be told of the error, but the packet is for the next one.
  const heard = first === "six" ? first : await next(socket).then(text, (error) => error.code);
  assertEquals(heard, "six");
});

test("an interrupted call is made again", {
  skip: has("windows") && "Windows interrupts no call",
}, async () => {
  const library = new FakeLibrary();
  for (const name of ["recvmmsg", "recvmsg", "sendmmsg", "sendmsg", "sendto", "bind", "socket"]) {
    let left = 2;
    library.on(name, (_, call) => left-- > 0 ? library.refuse("EINTR") : call());
  }
  await using socket = library.openSocket({ family: "IPv4" });
  const to = at(socket, "127.0.0.3");
  await socket.send("1", to);
  await socket.send("2", to, { hops: 3 });
  await socket.sendMany([{ data: "3", to }, { data: "4", to }]);
  assertEquals(await nextTexts(socket, 4), ["1", "2", "3", "4"]);
  assertEquals(socket.stats.errors, 0);
});

test("a SocketError says everything", async () => {
  await using socket = openUdpSocket();
  const error = await assertRejects(
    () => socket.send("x", at(socket, "127.255.255.255")),
    SocketError,
  );
  assertEquals(error.name, "SocketError");
  assertEquals([error.code, error.errno, error.syscall], [
    "EACCES",
    system().errnoOf("EACCES"),
    "sendmsg",
  ]);
  assertEquals([error.address, error.port], ["127.255.255.255", socket.port]);
  assertEquals(error.interfaceIndex, null);
  for (const part of ["sendmsg", "EACCES", `127.255.255.255:${socket.port}`, error.hint!]) {
    assert(error.message.includes(part), part);
  }
});
