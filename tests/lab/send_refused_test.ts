// Datagrams that cannot be sent: the error says why and what to do, and the socket goes on.
import { assert, assertEquals, assertRejects } from "@std/assert";
import { type Destination, openUdpSocket, type SendOptions, SocketError } from "../../mod.ts";
import { test, type TestOptions } from "../harness.ts";
import { next, refused } from "./sockets.ts";
import { PORT, receivers } from "./targets.ts";
import { twoNetworks } from "./topologies.ts";

const needs: TestOptions = { needs: ["lab", "python3"] };

test("broadcast without the option is refused, and the hint names the option", needs, async () => {
  await using _net = await twoNetworks();
  await using socket = openUdpSocket();
  const error = await assertRejects(() => socket.send("x", `10.1.0.255:${PORT}`), SocketError);
  assertEquals([error.code, error.address, error.port], ["EACCES", "10.1.0.255", PORT]);
  assert(error.hint?.includes("broadcast: true"), error.message);
});

test("a zone and another interface contradict each other", needs, async () => {
  await using net = await twoNetworks();
  await using socket = openUdpSocket();
  const ours = await net.here.linkLocal("eth0");
  const index = await net.here.index("eth1");
  const wrong: [Destination, SendOptions?][] = [
    [`[fe80::5%eth0]:${PORT}`, { interface: "eth1" }],
    [`[fe80::5%eth0]:${PORT}`, { interface: index }],
    [`[ff02::1%eth0]:${PORT}@eth1`],
    [{ address: "ff02::1%eth0", port: PORT, interface: "eth1" }],
    [`239.1.2.3:${PORT}@eth0`, { interface: "eth1" }],
    [`[fe80::5%eth1]:${PORT}`, { source: `${ours}%eth0` }],
    [`[fd02::100]:${PORT}@eth1`, { source: `${ours}%eth0` }],
  ];
  for (const [to, options] of wrong) await refused(socket, TypeError, to, options);
  await refused(socket, TypeError, `[fe80::5]:${PORT}`);
  await socket.send("x", `[ff02::1%eth0]:${PORT}`, { interface: "eth0" });
  assertEquals(socket.stats.sent, 1);
});

test("a source that is not of this host is refused with a hint", needs, async () => {
  await using net = await twoNetworks();
  await using socket = openUdpSocket();
  for (
    const [to, source] of [
      ["10.1.0.100", "10.1.0.77"],
      ["fd01::100", "fd01::77"],
      ["239.1.2.3", "10.1.0.77"],
      ["ff15::1234", "fd01::77"],
    ]
  ) {
    const error = await refused(
      socket,
      SocketError,
      { address: to, port: PORT, interface: "eth0" },
      {
        source,
      },
    );
    // Linux calls it "unreachable" in IPv4 (ip_route_output_key_hash_rcu), so the hint has to tell the difference.
    assertEquals(error.code, to.includes(":") ? "EINVAL" : "ENETUNREACH");
    assertEquals([error.syscall, error.address, error.port], ["sendmsg", to, PORT]);
    assert(error.hint?.includes("has that address"), error.message);
  }
  const peers = await receivers(net, "IPv4");
  await socket.send("still works", `10.1.0.100:${PORT}`);
  assertEquals((await peers.a.next()).text, "still works");
});

test("no route: the error has destination and hint, and the socket goes on", needs, async () => {
  await using net = await twoNetworks();
  const peers = await receivers(net, "IPv6");
  await using socket = openUdpSocket();
  for (const to of ["192.0.2.1", "2001:db8::1", "239.1.2.3"]) {
    const error = await refused(socket, SocketError, { address: to, port: PORT });
    assertEquals([error.code, error.address, error.port], ["ENETUNREACH", to, PORT]);
    assert(error.hint?.includes("route"), error.message);
  }
  await socket.send("still works", `[fd01::100]:${PORT}`);
  assertEquals((await peers.a.next()).text, "still works");
});

test("an interface that is gone is ENODEV, and the socket goes on", needs, async () => {
  await using net = await twoNetworks();
  await net.here.batch([
    "link add usb0 type veth peer name usb1",
    "addr add 10.5.0.1/24 dev usb0",
    "link set usb0 up",
    "link set usb1 up",
  ]);
  await net.here.linkLocal("usb0");
  const peers = await receivers(net, "IPv4");
  await using socket = openUdpSocket();
  const index = await net.here.index("usb0");
  const destinations: Destination[] = [
    `239.1.2.3:${PORT}@usb0`,
    `[ff02::1%usb0]:${PORT}`,
    `[ff02::1%${index}]:${PORT}`,
    { address: "239.1.2.3", port: PORT, interface: index },
    `[ff15::1]:${PORT}@usb0`,
  ];
  for (const to of destinations) await socket.send("x", to);
  await net.here.ip("link del usb0");
  for (const to of destinations) {
    const error = await refused(socket, SocketError, to);
    assertEquals([error.code, JSON.stringify(to)], ["ENODEV", JSON.stringify(to)]);
    assert(error.hint, error.message);
    await socket.send("still works", `10.1.0.100:${PORT}`);
    assertEquals((await peers.a.next()).text, "still works");
  }
});

test("an interface that comes back under another index is found at once", needs, async () => {
  await using net = await twoNetworks();
  await using socket = openUdpSocket();
  for (let turn = 0; turn < 3; turn++) {
    await net.here.batch(["link add usb0 type veth peer name usb1", "link set usb0 up"]);
    await net.here.ip("link set usb1 up");
    await net.here.linkLocal("usb0");
    const index = await net.here.index("usb0");
    const membership = socket.join("ff02::1234", { interface: "usb0" });
    assertEquals(membership.interfaces, [{ index, name: "usb0" }]);
    await socket.send("x", `[ff02::1234%usb0]:${socket.port}`);
    const packet = await next(socket);
    assertEquals([packet.interfaceName, packet.interfaceIndex], ["usb0", index]);
    await net.here.ip("link del usb0");
    membership.leave();
  }
});
