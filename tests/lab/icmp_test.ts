// What other hosts refuse is told by `onError`, with the destination it is about, and disturbs nothing else.
import { assertEquals } from "@std/assert";
import { openUdpSocket } from "../../mod.ts";
import { test, type TestOptions } from "../harness.ts";
import { startReceiver } from "./peers.ts";
import { Errors, next, Server, textOf } from "./sockets.ts";
import { stage } from "./stage.ts";

const needs: TestOptions = { needs: ["lab", "python3"] };

const PORT = 5000;

test(
  "a closed port on a remote host is told with its address, and nothing is lost",
  needs,
  async () => {
    await using net = await stage();
    // Hosts tell each other one ICMP error a second, after the first few.
    await net.a.sysctl({ "net.ipv4.icmp_ratelimit": "0", "net.ipv6.icmp.ratelimit": "0" });
    const echo4 = await startReceiver(net.a, { port: PORT, echo: true });
    const echo6 = await startReceiver(net.a, { bind: "::", port: PORT, echo: true });
    const errors = new Errors();
    await using socket = openUdpSocket({ onError: errors.add });
    for (let turn = 0; turn < 10; turn++) {
      for (const address of ["10.1.0.100", "fd01::100"]) {
        const packet = next(socket);
        await socket.send("to nobody", { address, port: 9 });
        await socket.send(`${turn}`, { address, port: PORT });
        const error = await errors.next();
        assertEquals([error.code, error.address, error.port], ["ECONNREFUSED", address, 9]);
        const answer = await packet;
        assertEquals([textOf(answer), answer.source.address], [`${turn}`, address]);
      }
    }
    assertEquals([socket.stats.errors, socket.stats.received], [20, 20]);
    for (const echo of [echo4, echo6]) await echo[Symbol.asyncDispose]();
  },
);

test(
  "a router's refusal is told with the destination it is about, and the iteration goes on",
  needs,
  async () => {
    await using net = await stage();
    await net.a.sysctl({
      "net.ipv4.ip_forward": "1",
      "net.ipv6.conf.all.forwarding": "1",
    });
    await net.a.batch(["route add unreachable 10.77.0.0/24", "route add unreachable fd77::/64"]);
    await net.here.batch([
      "route add 10.77.0.0/24 via 10.1.0.100",
      "route add fd77::/64 via fd01::100",
    ]);
    const errors = new Errors();
    await using socket = openUdpSocket({ onError: errors.add });
    const server = new Server(socket);
    // ICMP has "host unreachable" for it, ICMPv6 "no route to destination".
    const expected = { "10.77.0.1": "EHOSTUNREACH", "fd77::1": "ENETUNREACH" };
    for (const [address, code] of Object.entries(expected)) {
      await socket.send("x", { address, port: 7777 });
      const error = await errors.next();
      assertEquals([error.code, error.address, error.port], [code, address, 7777]);
      const { text } = await net.onA.request({ to: "10.1.0.1", port: socket.port, data: address });
      assertEquals(text, `re: ${address}`);
    }
    assertEquals(server.failures, []);
    await socket.close();
    await server.ended;
  },
);

test("a socket that only sends is told of refusals by its next send", needs, async () => {
  await using _net = await stage();
  for (const [address, other] of [["10.1.0.100", "10.1.0.1"], ["fd01::100", "fd01::1"]]) {
    const errors = new Errors();
    await using socket = openUdpSocket({ onError: errors.add });
    const end = Date.now() + 5_000;
    await socket.send("to nobody", { address, port: 9 });
    // Everything else goes to a port that is open: the socket's own.
    while (errors.count === 0 && Date.now() < end) {
      await socket.send("x", { address: other, port: socket.port });
      await new Promise((resolve) => setTimeout(resolve));
    }
    const error = await errors.next();
    assertEquals([error.code, error.address, error.port], ["ECONNREFUSED", address, 9]);
    assertEquals([errors.count, socket.stats.errors], [0, 1]);
  }
});

test("a socket without onError is not disturbed by refusals", needs, async () => {
  await using net = await stage();
  await using echo = await startReceiver(net.a, { port: PORT, echo: true });
  await using socket = openUdpSocket();
  for (let turn = 0; turn < 10; turn++) {
    await socket.send("to nobody", "10.1.0.100:9");
    await socket.send(`${turn}`, `10.1.0.100:${echo.port}`);
    assertEquals(textOf(await next(socket)), `${turn}`);
  }
});

test(
  "a connected socket's refusal reaches the sender or onError, and the next answer arrives",
  needs,
  async () => {
    await using net = await stage();
    const errors = new Errors();
    await using socket = openUdpSocket({ onError: errors.add });
    for (const address of ["10.1.0.100", "fd01::100"]) {
      socket.connect({ address, port: PORT });
      const packet = next(socket);
      await socket.send("nobody there");
      const { code } = await errors.next();
      assertEquals(code, "ECONNREFUSED");
      await using echo = await startReceiver(net.a, {
        family: address.includes(":") ? "IPv6" : "IPv4",
        port: PORT,
        echo: true,
      });
      await socket.send("somebody");
      assertEquals((await echo.next()).text, "somebody");
      assertEquals(textOf(await packet), "somebody");
      socket.disconnect();
    }
  },
);
