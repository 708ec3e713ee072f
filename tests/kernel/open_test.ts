// Opening: which addresses and ports a socket gets, and what is left behind when it gets none.
import {
  assert,
  assertEquals,
  assertNotEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { system } from "../../ffi/system.ts";
import { openUdpSocket, SocketError, type UdpSocket } from "../../mod.ts";
import { test } from "../harness.ts";
import { FakeLibrary, isIpv6, portOf, setPort } from "./fake_library.ts";
import { at, descriptors, lo, next, text, turn } from "./support.ts";

const { hints } = system().platform;

test("without options a socket has both wildcards on one port", {
  needs: ["ipv4", "ipv6"],
}, async () => {
  await using socket = openUdpSocket();
  const { port } = socket;
  assert(port > 0);
  assertEquals(socket.localAddresses.map(String), [`0.0.0.0:${port}`, `[::]:${port}`]);
  assertEquals(socket.stats.families, ["IPv4", "IPv6"]);
  assertEquals(socket.stats.unavailable, []);
  await socket.send("four", at(socket, "127.0.0.2"));
  await socket.send("six", at(socket, "::1"));
  const packets = [await next(socket), await next(socket)];
  assertEquals(packets.map(text).sort(), ["four", "six"]);
  assertEquals(packets.map(({ destination }) => destination.port), [port, port]);
});

test("a family can be asked for", { needs: ["ipv4", "ipv6"] }, async () => {
  await using four = openUdpSocket({ family: "IPv4" });
  await using six = openUdpSocket({ family: "IPv6" });
  await using dual = openUdpSocket({ family: "dual" });
  assertEquals(four.localAddresses.map(String), [`0.0.0.0:${four.port}`]);
  assertEquals(six.localAddresses.map(String), [`[::]:${six.port}`]);
  assertEquals(dual.localAddresses.length, 2);
});

test("an address fixes the family", { needs: ["ipv4", "ipv6"] }, async () => {
  for (
    const [address, bound] of [
      ["127.0.0.5", "127.0.0.5"],
      ["::1", "[::1]"],
      ["0.0.0.0", "0.0.0.0"],
      ["::", "[::]"],
      ["::ffff:127.0.0.5", "127.0.0.5"],
    ]
  ) {
    await using socket = openUdpSocket({ address });
    assertEquals(socket.localAddresses.map(String), [`${bound}:${socket.port}`]);
  }
});

test("a socket on one address hears nothing that was sent to another", async () => {
  await using socket = openUdpSocket({ address: "127.0.0.5" });
  await using sender = openUdpSocket({ address: "127.0.0.6" });
  // No socket is there: the kernel answers by ICMP, which an unconnected socket does not hear.
  await sender.send("to 7", at(socket, "127.0.0.7"));
  await sender.send("to 5", at(socket, "127.0.0.5"));
  const packet = await next(socket);
  assertEquals(text(packet), "to 5");
  assertEquals(`${packet.source}`, `127.0.0.6:${sender.port}`);
});

test("IPv6 wildcards leave IPv4 to others", { needs: ["ipv4", "ipv6"] }, async () => {
  await using six = openUdpSocket({ address: "::" });
  await using four = openUdpSocket({ address: "0.0.0.0", port: six.port });
  assertEquals(four.port, six.port);
});

test("a port that is taken is EADDRINUSE and says how to share it", async () => {
  await using first = openUdpSocket({ address: "127.0.0.5" });
  const error = assertThrows(
    () => openUdpSocket({ address: "127.0.0.5", port: first.port }),
    SocketError,
  );
  assertEquals([error.code, error.syscall], ["EADDRINUSE", "bind"]);
  assertEquals([error.address, error.port], ["127.0.0.5", first.port]);
  assertStringIncludes(error.hint ?? "", "share: true");
  assertStringIncludes(error.message, `127.0.0.5:${first.port}`);
  assertStringIncludes(error.message, error.hint!);
});

test("an address of another host is EADDRNOTAVAIL, with a hint", () => {
  // RFC 5737 and RFC 3849: documentation addresses.
  for (const address of ["198.51.100.77", "2001:db8:77::1"]) {
    const error = assertThrows(() => openUdpSocket({ address }), SocketError);
    assertEquals([error.code, error.address], ["EADDRNOTAVAIL", address]);
    assertStringIncludes(error.hint ?? "", "No interface of this host");
  }
});

test("an unknown zone is ENODEV, never index 0", { needs: ["ipv6"] }, () => {
  for (const zone of ["nosuch0", "2147483600"]) {
    const options = [
      { address: `fe80::1%${zone}` },
      { address: `ff02::1%${zone}` },
      { groups: [`ff02::1234%${zone}`] },
      { groups: [`239.255.1.1@${zone}`] },
      { interface: zone },
      { multicastInterface: zone },
    ];
    for (const option of options) {
      const error = assertThrows(() => openUdpSocket(option), SocketError);
      assertEquals(error.code, "ENODEV", JSON.stringify(option));
      assertStringIncludes(error.message, zone);
      assertStringIncludes(error.hint ?? "", "no such interface");
    }
  }
});

test("a link-local address needs a zone", () => {
  const error = assertThrows(() => openUdpSocket({ address: "fe80::1" }), TypeError);
  assertStringIncludes(error.message, "fe80::1%");
});

/** A socket whose port nobody has in IPv4: other tests choose ports at the same time. */
async function takenInIpv6Only(): Promise<UdpSocket> {
  const { takenPortAnswers } = system().platform.quirks;
  while (true) {
    const socket = openUdpSocket({ family: "IPv6" });
    try {
      await openUdpSocket({ family: "IPv4", port: socket.port }).close();
      return socket;
    } catch (error) {
      await socket.close();
      if (!(error instanceof SocketError && takenPortAnswers.includes(error.code))) throw error;
    }
  }
}

test("port 0 is tried again until one number is free in both families", {
  needs: ["ipv4", "ipv6"],
}, async () => {
  const library = new FakeLibrary();
  await using taken = await takenInIpv6Only();
  let first = true;
  // The OS "chooses" a port that is taken in the other family; that one then refuses by itself.
  library.on("bind", ([, name], call) => {
    if (first) setPort(name, taken.port);
    first = false;
    return call();
  });
  await using socket = library.openSocket();
  assertNotEquals(socket.port, taken.port);
  assertEquals(socket.localAddresses.map(({ port }) => port), [socket.port, socket.port]);
  assertEquals(library.count("bind"), 4);
});

for (const code of system().platform.quirks.takenPortAnswers) {
  test(`attempts at a port are closed at once, however many there are: ${code}`, {
    needs: ["ipv4", "ipv6"],
  }, async () => {
    const library = new FakeLibrary();
    let refusals = 100;
    library.on(
      "bind",
      ([, name], call) => isIpv6(name) && refusals-- > 0 ? library.refuse(code) : call(),
    );
    await using socket = library.openSocket();
    assertEquals(library.count("bind"), 202);
    // 1,000 attempts that stay open until the next turn of the event loop would be all descriptors of a process.
    assertEquals(library.open.size, 2);
    await socket.close();
    assertEquals(library.open.size, 0);
    assertEquals(library.stray, []);
  });
}

test("port 0 with share is no port that others share", {
  needs: ["ipv4", "ipv6"],
  skip: system().platform.quirks.shareOnlyBeforeBind &&
    "sharing has to be asked for before the port is chosen",
}, async () => {
  const library = new FakeLibrary();
  await using other = openUdpSocket({ family: "IPv6", share: true });
  let first = true;
  library.on("bind", ([, name], call) => {
    if (first) setPort(name, other.port);
    first = false;
    return call();
  });
  await using socket = library.openSocket({ share: true });
  assertNotEquals(socket.port, other.port);
});

test("port 0 gives up on errors that another port would not cure", {
  needs: ["ipv4", "ipv6"],
}, async () => {
  const library = new FakeLibrary();
  library.on("bind", ([, name], call) => isIpv6(name) ? library.refuse("ENOMEM") : call());
  const error = assertThrows(() => library.openSocket(), SocketError);
  assertEquals(error.code, "ENOMEM");
  assertEquals(library.count("bind"), 2);
  await turn();
  assertEquals(library.open.size, 0);
});

test("a port below 1024 that is refused names what allows it", () => {
  const library = new FakeLibrary().on("bind", () => library.refuse("EACCES"));
  const error = assertThrows(() => library.openSocket({ port: 53 }), SocketError);
  assertEquals([error.code, error.port], ["EACCES", 53]);
  assertEquals(error.hint, hints.privilegedPort);
});

test("a port is not tried again when it was asked for", { needs: ["ipv4", "ipv6"] }, async () => {
  await using six = openUdpSocket({ family: "IPv6" });
  const library = new FakeLibrary();
  const error = assertThrows(() => library.openSocket({ port: six.port }), SocketError);
  assertEquals([error.code, error.port], ["EADDRINUSE", six.port]);
  assertEquals(library.count("bind"), 2);
});

test("an open that failed holds nothing any more when it has thrown", {
  needs: ["ipv4", "ipv6"],
}, async () => {
  await using six = openUdpSocket({ family: "IPv6" });
  assertThrows(() => openUdpSocket({ port: six.port }), SocketError);
  // The IPv4 half was bound for a moment; no await between.
  await using four = openUdpSocket({ family: "IPv4", port: six.port });
  assertEquals(four.port, six.port);
});

test("an open that fails leaves no descriptor", async () => {
  await using held = openUdpSocket({ address: "127.0.0.5" });
  await held.send("warm", at(held, "127.0.0.5"));
  const before = descriptors();
  for (
    const options of [
      { address: "127.0.0.5", port: held.port },
      { address: "198.51.100.77" },
      { groups: ["239.255.1.1@nosuch0"] },
      { multicastInterface: "nosuch0" },
    ]
  ) assertThrows(() => openUdpSocket(options), SocketError);
  await turn();
  assertEquals(descriptors(), before);
});

test("a group that cannot be joined at open closes the socket again", async () => {
  const library = new FakeLibrary();
  library.onMembership(["join"], () => library.refuse("ENOBUFS"));
  const error = assertThrows(
    () => library.openSocket({ family: "IPv4", groups: [`239.255.1.1@${lo.name}`] }),
    SocketError,
  );
  assertEquals([error.code, error.address, error.interfaceIndex], [
    "ENOBUFS",
    "239.255.1.1",
    lo.index,
  ]);
  assertEquals(error.hint, hints.membershipLimitIPv4);
  await turn();
  assertEquals(library.open.size, 0);
});

test("an aborted signal opens nothing", () => {
  const reason = new Error("too late");
  const error = assertThrows(() => openUdpSocket({ signal: AbortSignal.abort(reason) }));
  assertEquals(error, reason);
});

test("bind is told the port that was asked for", async () => {
  const ports: number[] = [];
  await using probe = openUdpSocket({ address: "127.0.0.9" });
  const { port } = probe;
  await probe.close();
  const library = new FakeLibrary().on("bind", ([, name], call) => {
    ports.push(portOf(name));
    return call();
  });
  await using socket = library.openSocket({ address: "127.0.0.9", port });
  assertEquals([socket.port, ...ports], [port, port]);
});

test("too many open files is an error with a hint", () => {
  const library = new FakeLibrary().on("socket", () => library.refuse("EMFILE"));
  const error = assertThrows(() => library.openSocket(), SocketError);
  assertEquals([error.code, error.syscall], ["EMFILE", "socket"]);
  assertEquals(error.hint, hints.descriptorLimit);
});

test("one wrong reading of errno does no harm to opening", async () => {
  const library = new FakeLibrary();
  let wrong = 1;
  // The runtime used errno between the call and the reading: it says EAGAIN, which socket(2) cannot mean.
  library.on("socket", (_, call) => wrong-- > 0 ? library.refuse("EAGAIN") : call());
  await using socket = library.openSocket({ family: "IPv4" });
  assert(socket.port > 0);
});
