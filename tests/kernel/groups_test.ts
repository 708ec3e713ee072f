// Joining, leaving, sources. Only ever on loopback: every membership names the interface.
import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import fs from "node:fs";
import { interfaces, openUdpSocket, SocketError, type UdpSocket } from "../../mod.ts";
import { test } from "../harness.ts";
import { FakeLibrary } from "./fake_library.ts";
import { at, next, nextTexts, text } from "./support.ts";

const lo = { interface: "lo" };
const LO = { index: 1, name: "lo" };

/** Sends a datagram to a group on loopback from a source of 127.0.0.0/8. */
async function tell(socket: UdpSocket, group: string, data: string, source = "127.0.0.2") {
  await using sender = openUdpSocket();
  await sender.send(data, `${at(socket, group)}@lo`, { source });
}

test("groups can be given at open in every way", async () => {
  const written = [
    ["239.255.5.1@lo"],
    ["239.255.5.1@1"],
    ["239.255.5.1@127.0.0.1"],
    [{ group: "239.255.5.1", interface: "lo" }],
    [{ group: "239.255.5.1", interface: 1 }],
    [{ group: "239.255.5.1", interface: "lo", source: "127.0.0.2" }],
  ];
  for (const groups of written) {
    await using socket = openUdpSocket({ groups });
    await tell(socket, "239.255.5.1", "x");
    assertEquals((await next(socket)).destination.address, "239.255.5.1", JSON.stringify(groups));
  }
});

test("a membership tells where it is joined, until it is left", async () => {
  await using socket = openUdpSocket();
  const membership = socket.join("239.255.5.2", lo);
  assertEquals([membership.group, membership.source], ["239.255.5.2", null]);
  assertEquals([membership.interfaces, membership.failed], [[LO], []]);
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
    using membership = socket.join("239.255.5.3", { interface: 1 });
    assertEquals(membership.interfaces, [LO]);
  }
  await tell(socket, "239.255.5.3", "out");
  await socket.send("marker", at(socket, "127.0.0.3"));
  assertEquals(await nextTexts(socket, 1), ["marker"]);
});

test("a group that was joined twice is left when both have left", async () => {
  await using socket = openUdpSocket({ groups: ["239.255.5.4@lo"] });
  const first = socket.join("239.255.5.4", lo);
  const second = socket.join("239.255.5.4", lo);
  first.leave();
  second.leave();
  await tell(socket, "239.255.5.4", "still in");
  assertEquals(await nextTexts(socket, 1), ["still in"]);
  socket.leave("239.255.5.4", lo);
  await tell(socket, "239.255.5.4", "out");
  await socket.send("marker", at(socket, "127.0.0.3"));
  assertEquals(await nextTexts(socket, 1), ["marker"]);
});

test("leave takes a group back, whoever joined it", async () => {
  await using socket = openUdpSocket();
  const first = socket.join("239.255.5.5", lo);
  const second = socket.join("239.255.5.5", lo);
  socket.leave("239.255.5.5");
  assertEquals([first.interfaces, second.interfaces], [[], []]);
  // What is not joined is left already.
  socket.leave("239.255.5.5");
  socket.leave("239.255.5.6", lo);
  await tell(socket, "239.255.5.5", "out");
  await socket.send("marker", at(socket, "127.0.0.3"));
  assertEquals(await nextTexts(socket, 1), ["marker"]);
});

test("a source-specific membership hears its source only", async () => {
  await using socket = openUdpSocket();
  const membership = socket.join("232.255.5.1", { ...lo, source: "127.0.0.2" });
  assertEquals([membership.source, membership.interfaces], ["127.0.0.2", [LO]]);
  const other = socket.join("232.255.5.1", { ...lo, source: "127.0.0.4" });
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
  await using socket = openUdpSocket({ groups: ["239.255.5.7@lo"] });
  assertThrows(
    () => socket.join("239.255.5.7", { ...lo, source: "127.0.0.2" }),
    TypeError,
    "leave it first",
  );
  socket.join("232.255.5.2", { ...lo, source: "127.0.0.2" });
  assertThrows(() => socket.join("232.255.5.2", lo), TypeError, "source-specific");
});

test("a source can be blocked and unblocked", async () => {
  await using socket = openUdpSocket({ groups: ["239.255.5.8@lo"] });
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
  socket.blockSource("239.255.5.8", "127.0.0.2", lo);
  socket.blockSource("239.255.5.8", "127.0.0.2");
  assertEquals(await round(), ["3"]);
  socket.blockSource("239.255.5.8", "127.0.0.3");
  assertEquals(await round(), []);
  socket.unblockSource("239.255.5.8", "127.0.0.2");
  socket.unblockSource("239.255.5.8", "127.0.0.2", { interface: 1 });
  assertEquals(await round(), ["2"]);
  socket.unblockSource("239.255.5.8", "127.0.0.3");
  assertEquals(await round(), ["2", "3"]);
  // A new membership begins without blocks.
  socket.blockSource("239.255.5.8", "127.0.0.2");
  socket.leave("239.255.5.8");
  socket.join("239.255.5.8", lo);
  assertEquals(await round(), ["2", "3"]);
});

test("blocking needs a membership", async () => {
  await using socket = openUdpSocket();
  assertThrows(() => socket.blockSource("239.255.5.9", "127.0.0.2"), TypeError, "not joined");
  assertThrows(() => socket.unblockSource("239.255.5.9", "127.0.0.2", lo), TypeError, "not joined");
});

test("too many blocked sources name the limit that is in the way", {
  needs: ["linux"],
}, async () => {
  const limit = Number(fs.readFileSync("/proc/sys/net/ipv4/igmp_max_msf", "utf8"));
  if (limit > 1000) return;
  await using socket = openUdpSocket({ groups: ["239.255.5.10@lo"] });
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
  for (let i = 0; i < limit; i++) socket.join(group(i), lo);
  const error = assertThrows(() => socket.join(group(limit), lo), SocketError);
  assertEquals([error.code, error.address], ["ENOBUFS", group(limit)]);
  assertStringIncludes(error.hint ?? "", "igmp_max_memberships");
  // What failed left nothing behind, and the others work.
  await tell(socket, group(limit - 1), "last");
  assertEquals(await nextTexts(socket, 1), ["last"]);
});

test("an IPv6 group can be joined and left on loopback", { needs: ["ipv6"] }, async () => {
  await using socket = openUdpSocket({ groups: ["ff02::1234%lo", "ff05::1234@lo"] });
  const membership = socket.join("ff02::1235%lo");
  assertEquals([membership.group, membership.interfaces], ["ff02::1235", [LO]]);
  membership.leave();
  using specific = socket.join("ff32::1236", { interface: 1, source: "::1" });
  assertEquals([specific.group, specific.source], ["ff32::1236", "::1"]);
});

test("closing leaves: a membership may be left afterwards", async () => {
  const library = new FakeLibrary();
  const socket = library.openSocket();
  const membership = socket.join("239.255.5.11", lo);
  await socket.close();
  const calls = library.count("setsockopt");
  membership.leave();
  assertEquals([library.count("setsockopt"), library.stray], [calls, []]);
});

test("without an interface each multicast-capable one is tried, with a result for each", {
  needs: ["linux"],
}, async () => {
  // Only loopback may be touched here: the kernel never sees these joins.
  const asked: number[] = [];
  const library = new FakeLibrary();
  library.on("setsockopt", ([, level, option, value], call) => {
    if (level !== 0 || ![42, 35].includes(option)) return call();
    const index = new DataView(value.buffer).getUint32(option === 42 ? 0 : 8, true);
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

test("a kernel without the protocol-independent calls is asked the older way", async () => {
  const library = new FakeLibrary();
  library.on(
    "setsockopt",
    ([, level, option], call) =>
      (level === 0 || level === 41) && option >= 42 && option <= 47
        ? library.refuse("ENOPROTOOPT")
        : call(),
  );
  await using socket = library.openSocket({ groups: ["239.255.5.13@lo", "ff02::1237%lo"] });
  await tell(socket, "239.255.5.13", "any");
  socket.blockSource("239.255.5.13", "127.0.0.3");
  await tell(socket, "239.255.5.13", "blocked", "127.0.0.3");
  socket.join("232.255.5.14", { ...lo, source: "127.0.0.4" });
  await tell(socket, "232.255.5.14", "other", "127.0.0.3");
  await tell(socket, "232.255.5.14", "source", "127.0.0.4");
  assertEquals(await nextTexts(socket, 2), ["any", "source"]);
  socket.leave("239.255.5.13");
  socket.leave("232.255.5.14");
  socket.leave("ff02::1237");
});
