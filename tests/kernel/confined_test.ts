// Sockets for one interface: what names another one is refused, and what need not be said may be refused.
import { assertEquals, assertThrows } from "@std/assert";
import { openUdpSocket, SocketError } from "../../mod.ts";
import { test, type TestOptions } from "../harness.ts";
import { FakeLibrary } from "./fake_library.ts";
import { quirks, Simulation, withoutOptions } from "./simulated.ts";
import { at, next, nextTexts } from "./support.ts";

const needs: TestOptions = { needs: ["linux"] };

/** A host with a further interface, of index 7. */
function withEth7(library: FakeLibrary): FakeLibrary {
  return library.on(
    "if_nametoindex",
    ([name], call) => new TextDecoder().decode(name) === "eth7\0" ? 7 : call(),
  );
}

test("a group cannot be joined on another interface than the socket's", needs, async () => {
  await using socket = withEth7(new FakeLibrary()).openSocket({ interface: "lo" });
  assertThrows(
    () => socket.join("239.255.26.1", { interface: "eth7" }),
    TypeError,
    "239.255.26.1 cannot be joined on eth7: the socket is for lo only",
  );
  assertEquals(socket.join("239.255.26.1", { interface: "lo" }).interfaces, [
    { index: 1, name: "lo" },
  ]);
});

test("a link-local address without a zone is the one on the socket's interface", {
  needs: ["linux", "ipv6"],
}, async () => {
  await using socket = openUdpSocket({ address: "ff02::26:1", interface: "lo" });
  assertEquals(`${socket.localAddresses}`, `[ff02::26:1%lo]:${socket.port}`);
});

test("the kernel may refuse what it does anyway", needs, async () => {
  const library = new FakeLibrary().lacksOptions(["multicastInterface"]);
  await using socket = library.openSocket({ interface: "lo", groups: ["239.255.26.2"] });
  await socket.send("x", at(socket, "239.255.26.2"));
  assertEquals((await next(socket)).interfaceName, "lo");
  // Not where it was asked for, or where the kernel confines nothing.
  const asked = new FakeLibrary().lacksOptions(["multicastInterface"]);
  const refused = () => asked.openSocket({ interface: "lo", multicastInterface: "lo" });
  assertEquals(assertThrows(refused, SocketError).code, "ENOPROTOOPT");
  const loose = new Simulation(withoutOptions("bindToInterface"));
  loose.lacksOptions(["multicastInterface"]);
  assertThrows(() => loose.openSocket({ interface: "lo" }), SocketError, "ENOPROTOOPT");
  assertEquals([asked.open.size, loose.open.size], [0, 0]);
  // A fault of our own is no refusal.
  const broken = new FakeLibrary();
  broken.on("setsockopt", ([, level, name], call) => {
    const row = broken.system.platform.options.IPv4.multicastInterface!;
    if (level === row.level && name === row.name) throw new TypeError("broken");
    return call();
  });
  assertThrows(() => broken.openSocket({ interface: "lo" }), TypeError, "broken");
});

test("what is set later is set on both sockets, where two are one", needs, async () => {
  const simulated = new Simulation(quirks({ sendFromGroupBoundSocket: false }));
  const GROUP = "239.255.26.3";
  await using socket = simulated.openSocket({ address: GROUP, groups: [`${GROUP}@lo`] });
  assertEquals(simulated.sockets.length, 2);
  socket.set({ hops: 43, multicastInterface: "lo", multicastHops: 44 });
  for (const nth of [0, 1]) {
    assertEquals(simulated.option(nth, "IPv4", "hops"), 43);
    assertEquals(simulated.option(nth, "IPv4", "multicastHops"), 44);
  }
  await using peer = openUdpSocket({ address: "127.0.0.2" });
  await socket.send("unicast", at(peer, "127.0.0.2"));
  assertEquals((await next(peer)).hops, 43);
  await socket.send("group", at(socket, GROUP));
  assertEquals(await nextTexts(socket, 1), ["group"]);
});
