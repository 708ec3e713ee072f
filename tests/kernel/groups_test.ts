// Joining, leaving, sources. Only ever on loopback: every membership names the interface.
import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import fs from "node:fs";
import { interfaces, openUdpSocket, SocketError, type UdpSocket } from "../../mod.ts";
import { notOn, test } from "../harness.ts";
import { FakeLibrary } from "./fake_library.ts";
import { at, lo, needsSource, next, nextTexts, text } from "./support.ts";

const onLo = { interface: lo.name };

/** Sends a datagram to a group on loopback from a source of 127.0.0.0/8. */
async function tell(socket: UdpSocket, group: string, data: string, source = "127.0.0.2") {
  await using sender = openUdpSocket();
  await sender.send(data, `${at(socket, group)}@${lo.name}`, { source });
}

test("groups can be given at open in every way", async () => {
  const written = [
    [`239.255.5.1@${lo.name}`],
    [`239.255.5.1@${lo.index}`],
    ["239.255.5.1@127.0.0.1"],
    [{ group: "239.255.5.1", interface: lo.name }],
    [{ group: "239.255.5.1", interface: lo.index }],
  ];
  for (const groups of written) {
    await using socket = openUdpSocket({ groups });
    await tell(socket, "239.255.5.1", "x");
    assertEquals((await next(socket)).destination.address, "239.255.5.1", JSON.stringify(groups));
  }
});

test("a source can be given at open", { skip: needsSource }, async () => {
  const group = "239.255.5.1";
  await using socket = openUdpSocket({ groups: [{ group, ...onLo, source: "127.0.0.2" }] });
  await tell(socket, group, "other", "127.0.0.3");
  await tell(socket, group, "source", "127.0.0.2");
  assertEquals(await nextTexts(socket, 1), ["source"]);
});

test("a membership tells where it is joined, until it is left", async () => {
  await using socket = openUdpSocket();
  const membership = socket.join("239.255.5.2", onLo);
  assertEquals([membership.group, membership.source], ["239.255.5.2", null]);
  assertEquals([membership.interfaces, membership.failed], [[lo], []]);
  await tell(socket, "239.255.5.2", "in");
  assertEquals(await nextTexts(socket, 1), ["in"]);
  membership.leave();
  assertEquals(membership.interfaces, []);
  membership.leave();
  await tell(socket, "239.255.5.2", "out");
  await socket.send("marker", at(socket, "127.0.0.3"));
  assertEquals(await nextTexts(socket, 1), ["marker"]);
});

test("a membership ends with its block", async () => {
  await using socket = openUdpSocket();
  {
    using membership = socket.join("239.255.5.3", { interface: lo.index });
    assertEquals(membership.interfaces, [lo]);
  }
  await tell(socket, "239.255.5.3", "out");
  await socket.send("marker", at(socket, "127.0.0.3"));
  assertEquals(await nextTexts(socket, 1), ["marker"]);
});

test("a group that was joined twice is left when both have left", async () => {
  await using socket = openUdpSocket({ groups: [`239.255.5.4@${lo.name}`] });
  const first = socket.join("239.255.5.4", onLo);
  const second = socket.join("239.255.5.4", onLo);
  first.leave();
  second.leave();
  await tell(socket, "239.255.5.4", "still in");
  assertEquals(await nextTexts(socket, 1), ["still in"]);
  socket.leave("239.255.5.4", onLo);
  await tell(socket, "239.255.5.4", "out");
  await socket.send("marker", at(socket, "127.0.0.3"));
  assertEquals(await nextTexts(socket, 1), ["marker"]);
});

test("leave takes a group back, whoever joined it", async () => {
  await using socket = openUdpSocket();
  const first = socket.join("239.255.5.5", onLo);
  const second = socket.join("239.255.5.5", onLo);
  socket.leave("239.255.5.5");
  assertEquals([first.interfaces, second.interfaces], [[], []]);
  // What is not joined is left already.
  socket.leave("239.255.5.5");
  socket.leave("239.255.5.6", onLo);
  await tell(socket, "239.255.5.5", "out");
  await socket.send("marker", at(socket, "127.0.0.3"));
  assertEquals(await nextTexts(socket, 1), ["marker"]);
});

test("a source-specific membership hears its source only", { skip: needsSource }, async () => {
  await using socket = openUdpSocket();
  const membership = socket.join("232.255.5.1", { ...onLo, source: "127.0.0.2" });
  assertEquals([membership.source, membership.interfaces], ["127.0.0.2", [lo]]);
  const other = socket.join("232.255.5.1", { ...onLo, source: "127.0.0.4" });
  for (const source of ["127.0.0.2", "127.0.0.3", "127.0.0.4"]) {
    await tell(socket, "232.255.5.1", source, source);
  }
  assertEquals(await nextTexts(socket, 2), ["127.0.0.2", "127.0.0.4"]);
  membership.leave();
  for (const source of ["127.0.0.2", "127.0.0.3", "127.0.0.4"]) {
    await tell(socket, "232.255.5.1", source, source);
  }
  assertEquals(await nextTexts(socket, 1), ["127.0.0.4"]);
  socket.leave("232.255.5.1", { source: "127.0.0.4" });
  assertEquals(other.interfaces, []);
  await tell(socket, "232.255.5.1", "out", "127.0.0.4");
  await socket.send("marker", at(socket, "127.0.0.3"));
  assertEquals(await nextTexts(socket, 1), ["marker"]);
});

test("one interface cannot hear any source and particular ones at once", async () => {
  await using socket = openUdpSocket({ groups: [`239.255.5.7@${lo.name}`] });
  assertThrows(
    () => socket.join("239.255.5.7", { ...onLo, source: "127.0.0.2" }),
    TypeError,
    "leave it first",
  );
  socket.join("232.255.5.2", { ...onLo, source: "127.0.0.2" });
  assertThrows(() => socket.join("232.255.5.2", onLo), TypeError, "source-specific");
});

test("a source can be blocked and unblocked", { skip: needsSource }, async () => {
  await using socket = openUdpSocket({ groups: [`239.255.5.8@${lo.name}`] });
  const round = async () => {
    await tell(socket, "239.255.5.8", "2", "127.0.0.2");
    await tell(socket, "239.255.5.8", "3", "127.0.0.3");
    await socket.send("marker", at(socket, "127.0.0.3"));
    const texts: string[] = [];
    for (;;) {
      const packet = await next(socket);
      if (text(packet) === "marker") return texts;
      texts.push(text(packet));
    }
  };
  assertEquals(await round(), ["2", "3"]);
  socket.blockSource("239.255.5.8", "127.0.0.2", onLo);
  socket.blockSource("239.255.5.8", "127.0.0.2");
  assertEquals(await round(), ["3"]);
  socket.blockSource("239.255.5.8", "127.0.0.3");
  assertEquals(await round(), []);
  socket.unblockSource("239.255.5.8", "127.0.0.2");
  socket.unblockSource("239.255.5.8", "127.0.0.2", { interface: lo.index });
  assertEquals(await round(), ["2"]);
  socket.unblockSource("239.255.5.8", "127.0.0.3");
  assertEquals(await round(), ["2", "3"]);
  // A new membership begins without blocks.
  socket.blockSource("239.255.5.8", "127.0.0.2");
  socket.leave("239.255.5.8");
  socket.join("239.255.5.8", onLo);
  assertEquals(await round(), ["2", "3"]);
});

test("blocking needs a membership", async () => {
  await using socket = openUdpSocket();
  assertThrows(() => socket.blockSource("239.255.5.9", "127.0.0.2"), TypeError, "not joined");
  assertThrows(
    () => socket.unblockSource("239.255.5.9", "127.0.0.2", onLo),
    TypeError,
    "not joined",
  );
});

test("too many blocked sources name the limit that is in the way", {
  needs: ["linux"],
}, async () => {
  const limit = Number(fs.readFileSync("/proc/sys/net/ipv4/igmp_max_msf", "utf8"));
  if (limit > 1000) return;
  await using socket = openUdpSocket({ groups: [`239.255.5.10@${lo.name}`] });
  for (let i = 0; i < limit; i++) {
    socket.blockSource("239.255.5.10", `127.1.${i >> 8}.${(i & 255) + 1}`);
  }
  const error = assertThrows(() => socket.blockSource("239.255.5.10", "127.2.0.1"), SocketError);
  assertEquals(error.code, "ENOBUFS");
  assertStringIncludes(error.hint ?? "", "igmp_max_msf");
});

test("too many groups name the limit that is in the way", { needs: ["linux"] }, async () => {
  const limit = Number(fs.readFileSync("/proc/sys/net/ipv4/igmp_max_memberships", "utf8"));
  if (limit > 1000) return;
  await using socket = openUdpSocket({ family: "IPv4" });
  const group = (i: number) => `239.254.${i >> 8}.${i & 255}`;
  for (let i = 0; i < limit; i++) socket.join(group(i), onLo);
  const error = assertThrows(() => socket.join(group(limit), onLo), SocketError);
  assertEquals([error.code, error.address], ["ENOBUFS", group(limit)]);
  assertStringIncludes(error.hint ?? "", "igmp_max_memberships");
  // What failed left nothing behind, and the others work.
  await tell(socket, group(limit - 1), "last");
  assertEquals(await nextTexts(socket, 1), ["last"]);
});

test("an IPv6 group can be joined and left on loopback", { needs: ["ipv6"] }, async () => {
  await using socket = openUdpSocket({
    groups: [`ff02::1234%${lo.name}`, `ff05::1234@${lo.name}`],
  });
  const membership = socket.join(`ff02::1235%${lo.name}`);
  assertEquals([membership.group, membership.interfaces], ["ff02::1235", [lo]]);
  membership.leave();
});

test("an IPv6 group can be joined for one source", {
  needs: ["ipv6"],
  skip: notOn("wine", "Wine does not know MCAST_JOIN_SOURCE_GROUP") ||
    notOn("qemu", "QEMU does not know MCAST_JOIN_SOURCE_GROUP"),
}, async () => {
  await using socket = openUdpSocket();
  using specific = socket.join("ff32::1236", { interface: lo.index, source: "::1" });
  assertEquals([specific.group, specific.source], ["ff32::1236", "::1"]);
});

test("closing leaves: a membership may be left afterwards", async () => {
  const library = new FakeLibrary();
  const socket = library.openSocket();
  const membership = socket.join("239.255.5.11", onLo);
  await socket.close();
  const calls = library.count("setsockopt");
  membership.leave();
  assertEquals([library.count("setsockopt"), library.stray], [calls, []]);
});

test("without an interface each multicast-capable one is tried, with a result for each", async () => {
  // Only loopback may be touched here: the kernel never sees these joins.
  const asked: number[] = [];
  const library = new FakeLibrary();
  library.onMembership(["join"], ([, , , request]) => {
    // struct group_req begins with the index.
    const index = new DataView(request.buffer).getUint32(0, true);
    asked.push(index);
    return index % 2 === 0 ? 0 : library.refuse("ENODEV");
  });
  await using socket = library.openSocket({ family: "IPv4" });
  const membership = socket.join("239.255.5.12");
  const wanted = interfaces().filter(({ up, multicast }) => up && multicast);
  assertEquals(asked, wanted.map(({ index }) => index));
  const ids = wanted.map(({ index, name }) => ({ index, name }));
  assertEquals(membership.interfaces, ids.filter(({ index }) => index % 2 === 0));
  assertEquals(
    membership.failed.map(({ index, name }) => ({ index, name })),
    ids.filter(({ index }) => index % 2 !== 0),
  );
  for (const { error, index } of membership.failed) {
    assert(error instanceof SocketError);
    assertEquals([error.code, error.interfaceIndex], ["ENODEV", index]);
  }
  assertEquals(socket.stats.errors, membership.failed.length);
});

test("a kernel without the protocol-independent calls is asked the older way", {
  skip: needsSource,
}, async () => {
  const library = new FakeLibrary().lacksProtocolIndependentGroups();
  await using socket = library.openSocket({
    groups: [`239.255.5.13@${lo.name}`, `ff02::1237%${lo.name}`],
  });
  await tell(socket, "239.255.5.13", "any");
  socket.blockSource("239.255.5.13", "127.0.0.3");
  await tell(socket, "239.255.5.13", "blocked", "127.0.0.3");
  socket.join("232.255.5.14", { ...onLo, source: "127.0.0.4" });
  await tell(socket, "232.255.5.14", "other", "127.0.0.3");
  await tell(socket, "232.255.5.14", "source", "127.0.0.4");
  assertEquals(await nextTexts(socket, 2), ["any", "source"]);
  socket.leave("239.255.5.13");
  socket.leave("232.255.5.14");
  socket.leave("ff02::1237");
});
