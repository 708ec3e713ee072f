// Ports that several sockets use: `share` and `reusePort`.
import { assert, assertEquals, assertThrows } from "@std/assert";
import { openUdpSocket, platform, SocketError, type UdpSocketOptions } from "../../mod.ts";
import { has, test } from "../harness.ts";
import { startReceiver } from "../lab/peers.ts";
import { at, lo, next, text, until } from "./support.ts";

test("sockets that share a port all hear a multicast", async () => {
  const groups = [`239.255.7.1@${lo.name}`];
  await using first = openUdpSocket({ share: true, groups });
  await using second = openUdpSocket({ port: first.port, share: true, groups });
  await using third = openUdpSocket({ port: first.port, share: true, groups });
  await using sender = openUdpSocket();
  await sender.send("all", `${at(first, "239.255.7.1")}@${lo.name}`, { source: "127.0.0.2" });
  for (const socket of [first, second, third]) assertEquals(text(await next(socket)), "all");
});

test("sockets that share a port all hear a broadcast", async () => {
  await using first = openUdpSocket({ share: true });
  await using second = openUdpSocket({ port: first.port, share: true, broadcast: true });
  await second.send("all", at(first, "127.255.255.255"));
  for (const socket of [first, second]) assertEquals(text(await next(socket)), "all");
});

test("a port is shared with other programs", { needs: ["linux", "python3"] }, async () => {
  await using peer = await startReceiver(null, { share: true, join: ["239.255.7.2@lo"] });
  await using socket = openUdpSocket({ port: peer.port, share: true, groups: ["239.255.7.2@lo"] });
  await socket.send("both", `${at(socket, "239.255.7.2")}@lo`, { source: "127.0.0.2" });
  assertEquals([text(await next(socket)), (await peer.next()).text], ["both", "both"]);
});

/** Windows tells one that would share from one that would not. */
const TAKEN = has("windows") ? ["EADDRINUSE", "EACCES"] : ["EADDRINUSE"];

test("a port is exclusive unless both share it, whoever comes first", async () => {
  const pairs: [UdpSocketOptions, UdpSocketOptions][] = [
    [{}, {}],
    [{ share: true }, {}],
    [{}, { share: true }],
  ];
  if (platform.reusePort) {
    pairs.push(
      [{ share: true }, { reusePort: true }],
      [{ reusePort: true }, {}],
      [{}, { reusePort: true }],
    );
  }
  for (const [first, second] of pairs) {
    for (const family of ["IPv4", "IPv6", "dual"] as const) {
      await using socket = openUdpSocket({ ...first, family });
      const error = assertThrows(
        () => openUdpSocket({ ...second, family, port: socket.port }),
        SocketError,
      );
      assert(TAKEN.includes(error.code), error.message);
    }
  }
});

test("an exclusive port is not taken by a wildcard beside an address", {
  skip: has("windows") && "Windows counts the wildcard as another address",
}, async () => {
  await using _exact = openUdpSocket({ address: "127.0.0.5" });
  assertThrows(
    () => openUdpSocket({ address: "0.0.0.0", port: _exact.port, share: true }),
    SocketError,
    "EADDRINUSE",
  );
});

test("reusePort spreads unicast over the sockets, each datagram to one", {
  skip: !platform.reusePort && "this system has no such option",
}, async () => {
  await using first = openUdpSocket({ reusePort: true });
  await using second = openUdpSocket({ port: first.port, reusePort: true });
  const heard = [[] as string[], [] as string[]];
  const reading = [first, second].map(async (socket, i) => {
    for await (const packet of socket) heard[i].push(text(packet));
  });
  const expected: string[] = [];
  // The kernel chooses by a hash of both ends: many senders reach both sockets.
  for (let i = 0; i < 64; i++) {
    await using sender = openUdpSocket({ family: "IPv4" });
    await sender.send(`${i}`, at(first, `127.0.0.${i + 2}`));
    expected.push(`${i}`);
  }
  await until(() => heard[0].length + heard[1].length >= 64, "all datagrams");
  assertEquals([...heard[0], ...heard[1]].sort(), expected.sort());
  assert(heard[0].length > 0 && heard[1].length > 0, `${heard[0].length}/${heard[1].length}`);
  await Promise.all([first.close(), second.close()]);
  await Promise.all(reading);
});

test("a port is free again as soon as close has resolved", async () => {
  const socket = openUdpSocket();
  const { port } = socket;
  await socket.close();
  await using again = openUdpSocket({ port });
  assertEquals(again.port, port);
});
