// Options that are changed on an open socket.
import { assertEquals, assertThrows } from "@std/assert";
import { openUdpSocket, SocketError } from "../../mod.ts";
import { has, notOn, test } from "../harness.ts";
import { FakeLibrary } from "./fake_library.ts";
import { at, lo, next } from "./support.ts";

test(
  "set tells the kernel, in both families",
  { needs: ["ipv6"], skip: notOn("qemu", "QEMU does not know IPV6_MULTICAST_IF") },
  async () => {
    const library = new FakeLibrary();
    await using socket = library.openSocket();
    const hasTrafficClass = library.system.hasOption("IPv6", "trafficClass");
    socket.set({
      hops: 41,
      ...(hasTrafficClass ? { trafficClass: 0x44 } : {}),
      multicastHops: 42,
      multicastLoopback: false,
      multicastInterface: lo.name,
      broadcast: true,
    });
    for (const [nth, family] of [[0, "IPv4"], [1, "IPv6"]] as const) {
      assertEquals(library.option(nth, family, "hops"), 41);
      assertEquals(library.option(nth, family, "multicastHops"), 42);
      assertEquals(library.option(nth, family, "multicastLoopback"), 0);
      if (hasTrafficClass) assertEquals(library.option(nth, family, "trafficClass"), 0x44);
    }
    assertEquals(library.option(0, "IPv4", "broadcast"), 1);
    assertEquals(library.option(1, "IPv6", "multicastInterface"), lo.index);
    socket.set({ multicastInterface: null, broadcast: false });
    assertEquals(library.option(0, "IPv4", "broadcast"), 0);
    assertEquals(library.option(1, "IPv6", "multicastInterface"), 0);
    assertEquals(library.option(1, "IPv6", "multicastHops"), 42);
  },
);

test("what is set holds for the next datagram", async () => {
  await using receiver = openUdpSocket({ groups: [`239.255.6.9@${lo.name}`] });
  await using socket = openUdpSocket({ address: "127.0.0.2" });
  socket.set({ hops: 9, multicastHops: 8, multicastInterface: lo.index });
  await socket.send("x", at(receiver, "127.0.0.3"));
  await socket.send("x", at(receiver, "239.255.6.9"));
  assertEquals([(await next(receiver)).hops, (await next(receiver)).hops], [9, 8]);
});

test("set changes the buffers", async () => {
  await using socket = openUdpSocket();
  socket.set({ receiveBufferSize: 30_000, sendBufferSize: 20_000 });
  const times = has("linux") ? 2 : 1;
  const { receiveBufferSize, sendBufferSize } = socket.stats;
  assertEquals([receiveBufferSize, sendBufferSize], [times * 30_000, times * 20_000]);
});

test("set checks everything before it changes anything", async () => {
  const library = new FakeLibrary();
  await using socket = library.openSocket({ family: "IPv4", hops: 5 });
  const set = (options: unknown) => () => socket.set(options as { hops: number });
  assertThrows(set({ hops: 6, multicastHops: 256 }), RangeError, "multicastHops");
  assertThrows(set({ hops: 6, port: 5 }), TypeError, 'no option "port"');
  assertThrows(set({ hops: 6, broadcast: 1 }), TypeError, "broadcast");
  assertThrows(set(null), TypeError, "options must be an object");
  const { code } = assertThrows(set({ hops: 6, multicastInterface: "nosuch" }), SocketError);
  assertEquals(code, "ENODEV");
  assertEquals(library.option(0, "IPv4", "hops"), 5);
  await socket.close();
  assertEquals(assertThrows(set({ hops: 6 }), SocketError).code, "EBADF");
});
