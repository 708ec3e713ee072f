// Groups of the node:dgram face.
import { assertEquals } from "@std/assert";
import dgram from "../../dgram/mod.ts";
import { test } from "../harness.ts";
import { lo, needsSource } from "../kernel/support.ts";
import { bound, message, thrown } from "./support.ts";

for (const place of ["127.0.0.1", lo.name]) {
  test(`a group is joined and left on ${place === lo.name ? "a name" : place}`, async () => {
    await using server = await bound({ type: "udp4" }, "0.0.0.0");
    await using client = await bound({ type: "udp4" });
    const { port } = server.address();
    server.addMembership("239.255.7.1", place);
    client.setMulticastInterface("127.0.0.1");
    client.send("x", port, "239.255.7.1");
    const { remote } = await message(server);
    assertEquals([remote.destination, remote.interfaceName], ["239.255.7.1", lo.name]);
    assertEquals(thrown(() => server.addMembership("239.255.7.1", place)).code, "EADDRINUSE");
    server.dropMembership("239.255.7.1", place);
    assertEquals(thrown(() => server.dropMembership("239.255.7.1", place)), {
      name: "Error",
      code: "EADDRNOTAVAIL",
      message: "dropMembership EADDRNOTAVAIL",
    });
  });
}

for (const place of [`::%${lo.index}`, `::%${lo.name}`, lo.name]) {
  test(`an IPv6 group is joined and left on ${place}`, { needs: ["ipv6"] }, async () => {
    await using socket = await bound({ type: "udp6" }, "::");
    socket.addMembership("ff02::7:1", place);
    assertEquals(thrown(() => socket.addMembership("ff02::7:1", place)).code, "EADDRINUSE");
    socket.setMulticastInterface(place);
    socket.dropMembership("ff02::7:1", place);
    assertEquals(thrown(() => socket.dropMembership("ff02::7:1", place)).code, "EADDRNOTAVAIL");
  });
}

test("one sender of a group", { skip: needsSource }, async () => {
  await using server = await bound({ type: "udp4" }, "0.0.0.0");
  await using wrong = await bound({ type: "udp4" });
  await using right = await bound({ type: "udp4" }, "127.0.0.4");
  server.addSourceSpecificMembership("127.0.0.4", "232.1.2.3", "127.0.0.1");
  for (const client of [wrong, right]) {
    client.setMulticastInterface("127.0.0.1");
    client.send("x", server.address().port, "232.1.2.3");
  }
  assertEquals((await message(server)).remote.address, "127.0.0.4");
  server.dropSourceSpecificMembership("127.0.0.4", "232.1.2.3", "127.0.0.1");
});

test("addMembership without an interface joins on all, and binds", async () => {
  await using socket = dgram.createSocket("udp4");
  socket.addMembership("239.255.7.2");
  assertEquals(socket.address().address, "0.0.0.0");
  socket.dropMembership("239.255.7.2");
});

test("groups that are none", async () => {
  await using socket = await bound({ type: "udp4" }, "0.0.0.0");
  const add = (...args: string[]) => thrown(() => socket.addMembership(...args as [string])).code;
  assertEquals(add(""), "ERR_MISSING_ARGS");
  assertEquals(add("256.256.256.256"), "EINVAL");
  assertEquals(add("127.0.0.1"), "EINVAL");
  assertEquals(add("239.1.2.3", "1.2.3"), "EINVAL");
  assertEquals(add("239.1.2.3", "192.0.2.77"), "ENODEV");
  assertEquals(add("ff02::1"), "ENOPROTOOPT");
});
