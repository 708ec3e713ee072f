// The whole library as on macOS, FreeBSD, OpenBSD and NetBSD, over those systems' own structs and numbers, with Linux'
// kernel beneath: see simulated_system.ts.
import { assert, assertEquals, assertRejects } from "@std/assert";
import type { Arch } from "../../ffi/platform/platform.ts";
import { platformOf } from "../../ffi/platform/detect.ts";
import { interfaces, openUdpSocket, SocketError, UnsupportedError } from "../../mod.ts";
import { listInterfaces } from "../../interfaces/list.ts";
import { test, within } from "../harness.ts";
import { EmulatedLibrary } from "./simulated_system.ts";
import { at, descriptors, next, text, turn, until } from "./support.ts";

const SYSTEMS: readonly (readonly [os: string, arch: Arch])[] = [
  ["darwin", "aarch64"],
  ["freebsd", "x86_64"],
  ["openbsd", "x86_64"],
  ["netbsd", "x86_64"],
  // Control data is aligned to 16 bytes there.
  ["netbsd", "aarch64"],
];

for (const [os, arch] of SYSTEMS) {
  const platform = platformOf(os, arch);
  const name = arch === "aarch64" && os === "netbsd" ? "NetBSD on arm64" : platform.displayName;
  const needs = { needs: ["linux", "ipv6"] as ("linux" | "ipv6")[] };
  const emulate = () => new EmulatedLibrary(platform);

  test(
    `as on ${name}: a packet tells where it was sent, and by which interface it came`,
    needs,
    async () => {
      await using socket = emulate().openSocket({ timestamps: true });
      await using peer = openUdpSocket({ address: "127.0.0.2", hops: 33, trafficClass: 0x20 });
      await using peer6 = openUdpSocket({ address: "::1", hops: 44, trafficClass: 0x40 });
      const before = BigInt(Date.now()) * 1_000_000n - 1_000_000_000n;
      for (
        const [from, to, hops, trafficClass] of [
          [peer, "127.0.0.3", 33, 0x20],
          [peer6, "::1", 44, 0x40],
        ] as const
      ) {
        await from.send("hello", at(socket, to));
        const packet = await next(socket);
        assertEquals([text(packet), packet.cast, packet.truncated], ["hello", "unicast", false]);
        assertEquals(`${packet.source}`, `${from.localAddresses[0]}`);
        assertEquals(`${packet.destination}`, at(socket, to));
        assertEquals([packet.interfaceIndex, packet.interfaceName], [1, "lo"]);
        assertEquals(packet.hops, hops);
        const family = to === "::1" ? "IPv6" : "IPv4";
        const told = platform.options[family].receiveTrafficClass !== undefined;
        assertEquals(packet.trafficClass, told ? trafficClass : null);
        assert(packet.timestamp! > before && packet.timestamp! % 1000n === 0n, "microseconds");
        assertEquals(packet.dropped, null, "nobody counts");
      }
    },
  );

  test(`as on ${name}: an answer comes from the address that was asked`, needs, async () => {
    const library = emulate();
    await using server = library.openSocket({ groups: ["239.255.25.1@lo"] });
    for (
      const [from, to] of [
        ["127.0.0.2", "127.0.0.9"],
        ["127.0.0.2", "239.255.25.1"],
        ["::1", "::1"],
      ]
    ) {
      await using client = openUdpSocket({ address: from, multicastInterface: "lo" });
      await client.send("question", at(server, to));
      await server.reply(await next(server), "answer");
      const answer = await next(client);
      const expected = to.startsWith("239.") ? "127.0.0.1" : to;
      assertEquals([text(answer), `${answer.source}`], ["answer", at(server, expected)]);
    }
    // A socket that is bound to an address answers from it, too.
    await using bound = library.openSocket({ address: "127.0.0.9" });
    await using client = openUdpSocket({ address: "127.0.0.2" });
    await client.send("question", at(bound, "127.0.0.9"));
    await bound.reply(await next(bound), "answer");
    assertEquals((await next(client)).source.address, "127.0.0.9");
  });

  test(`as on ${name}: what one datagram asks for does not stay`, needs, async () => {
    const library = emulate();
    await using socket = library.openSocket({
      hops: 40,
      multicastHops: 5,
      multicastInterface: "lo",
    });
    await using peer = openUdpSocket({ groups: ["239.255.25.2@lo"] });
    const [four, six] = [at(peer, "127.0.0.3"), at(peer, "::1")];
    const group = at(peer, "239.255.25.2");
    await socket.sendMany([
      { data: "0", to: four },
      { data: "1", to: four, hops: 7, source: "127.0.0.8" },
      { data: "2", to: four, trafficClass: 0x20 },
      { data: "3", to: group, source: "127.0.0.8" },
      { data: "4", to: `${group},9@lo`, trafficClass: 4, source: "127.0.0.7" },
      { data: "5", to: group, source: "127.0.0.8" },
      { data: "6", to: six, hops: 8, trafficClass: 0x20, interface: "lo", source: "::1" },
      { data: "7", to: six },
      { data: "8", to: four },
    ]);
    const packets = [];
    while (packets.length < 9) packets.push(await next(peer));
    packets.sort((a, b) => text(a) < text(b) ? -1 : 1);
    assertEquals(
      packets.map((packet) => [
        text(packet),
        packet.hops,
        packet.trafficClass,
        packet.source.address,
        packet.source.port === socket.port,
      ]),
      [
        ["0", 40, 0, "127.0.0.1", true],
        ["1", 7, 0, "127.0.0.8", true],
        ["2", 40, 0x20, "127.0.0.1", true],
        ["3", 5, 0, "127.0.0.8", true],
        ["4", 9, 4, "127.0.0.7", true],
        ["5", 5, 0, "127.0.0.8", true],
        ["6", 8, 0x20, "::1", true],
        ["7", 40, 0, "::1", true],
        ["8", 40, 0, "127.0.0.1", true],
      ],
    );
  });

  test(`as on ${name}: a unicast's interface is told or refused`, needs, async () => {
    await using socket = emulate().openSocket();
    await using peer = openUdpSocket();
    const byInterface = () => socket.send("x", at(peer), { interface: "lo" });
    if (platform.sendControl.IPv4.packetInfo) {
      await byInterface();
      assertEquals((await next(peer)).interfaceName, "lo");
    } else await assertRejects(byInterface, UnsupportedError);
    const both = () => socket.send("x", at(peer), { interface: "lo", source: "127.0.0.8" });
    if (os === "netbsd") {
      await both();
      assertEquals((await next(peer)).source.address, "127.0.0.8");
    } else await assertRejects(both, UnsupportedError);
    await socket.send("x", at(peer, "::1"), { interface: "lo", source: "::1" });
    assertEquals((await next(peer)).interfaceName, "lo");
  });

  test(`as on ${name}: groups are joined and left, by interface`, needs, async () => {
    await using socket = emulate().openSocket({ family: "IPv4" });
    await using peer = openUdpSocket({ address: "127.0.0.2", multicastInterface: "lo" });
    const to = at(socket, "239.255.25.3");
    const marker = at(socket);
    const heard = async () => {
      await peer.send("group", to);
      await peer.send("marker", marker);
      const first = await next(socket);
      if (text(first) === "marker") return null;
      assertEquals(text(await next(socket)), "marker");
      return [first.cast, first.interfaceName];
    };
    assertEquals(await heard(), null);
    const membership = socket.join("239.255.25.3", { interface: "lo" });
    assertEquals(membership.interfaces, [{ index: 1, name: "lo" }]);
    assertEquals(await heard(), ["multicast", "lo"]);
    membership.leave();
    assertEquals(await heard(), null);
    // For one sender only, where there is such a thing.
    const join = (source: string) => socket.join("239.255.25.3", { interface: "lo", source });
    if (platform.memberships.IPv4.joinSource) {
      const stranger = join("127.0.0.77");
      assertEquals(await heard(), null);
      stranger.leave();
      using _known = join("127.0.0.2");
      assertEquals(await heard(), ["multicast", "lo"]);
    } else {
      let refusal: unknown;
      try {
        join("127.0.0.2");
      } catch (error) {
        refusal = error;
      }
      assert(refusal instanceof UnsupportedError, `${refusal}`);
    }
  });

  test(`as on ${name}: an IPv6 group can be joined and left`, needs, async () => {
    const library = emulate();
    await using socket = library.openSocket({ family: "IPv6" });
    const membership = socket.join("ff02::25", { interface: "lo" });
    assertEquals(membership.interfaces, [{ index: 1, name: "lo" }]);
    membership.leave();
    assertEquals(membership.interfaces, []);
  });

  test(`as on ${name}: a socket on a group hears it alone, and can send`, needs, async () => {
    const library = emulate();
    await using server = library.openSocket({
      address: "239.255.25.4",
      groups: ["239.255.25.4@lo"],
    });
    await using client = openUdpSocket({ address: "127.0.0.2", multicastInterface: "lo" });
    await client.send("unicast", at(server, "127.0.0.1"));
    await client.send("question", at(server, "239.255.25.4"));
    const packet = await next(server);
    assertEquals([text(packet), packet.cast], ["question", "multicast"]);
    await server.reply(packet, "answer");
    assertEquals(`${(await next(client)).source}`, at(server));
  });

  test(`as on ${name}: broadcasts are told where that is known`, needs, async () => {
    await using socket = emulate().openSocket({ broadcast: true });
    await socket.send("all", at(socket, "127.255.255.255"));
    const packet = await next(socket);
    assertEquals(packet.cast, platform.constants.MSG_BCAST === 0 ? null : "broadcast");
    await socket.reply(packet, "answer");
    assertEquals((await next(socket)).source.address, "127.0.0.1");
  });

  test(`as on ${name}: a peer is fixed and taken back, and the port stays`, needs, async () => {
    await using socket = emulate().openSocket();
    const { port } = socket;
    for (const own of ["127.0.0.2", "::1"]) {
      await using peer = openUdpSocket({ address: own });
      await using stranger = openUdpSocket();
      socket.connect(at(peer, own));
      await socket.send("to the peer");
      const packet = await next(peer);
      assertEquals([text(packet), packet.source.port], ["to the peer", port]);
      await stranger.send("stranger", at(socket, own === "::1" ? "::1" : "127.0.0.1"));
      await peer.send("peer", `${packet.source}`);
      assertEquals(text(await next(socket)), "peer");
      socket.disconnect();
      assertEquals(socket.port, port);
      await stranger.send("anybody", at(socket, own === "::1" ? "::1" : "127.0.0.1"));
      assertEquals(text(await next(socket)), "anybody");
    }
  });

  test(
    `as on ${name}: datagrams of any size, also of none, and such as are cut off`,
    needs,
    async () => {
      await using socket = emulate().openSocket({ family: "IPv4", maxDatagramSize: 20_000 });
      await using peer = openUdpSocket();
      // The send buffer was made large enough for it.
      const large = new Uint8Array(65507).fill(7);
      await socket.send(large, at(peer));
      assertEquals((await next(peer)).data.length, 65507);
      await socket.send("", at(peer));
      assertEquals((await next(peer)).data.length, 0);
      for (const [size, truncated] of [[0, false], [20_000, false], [20_001, true]] as const) {
        await peer.send(large.subarray(0, size), at(socket));
        const packet = await next(socket);
        assertEquals([packet.data.length, packet.truncated], [Math.min(size, 20_000), truncated]);
      }
      await using small = emulate().openSocket({ family: "IPv4", sendBufferSize: 5_000 });
      const error = await assertRejects(() => small.send(large, at(peer)), SocketError);
      assertEquals(error.code, "EMSGSIZE");
      assert(error.hint!.includes("sendBufferSize"), error.message);
    },
  );

  test(`as on ${name}: the interfaces and their addresses`, needs, () => {
    const unsaid = { tentative: null, duplicate: null, temporary: null, deprecated: null };
    const expected = interfaces().map((item) => ({
      ...item,
      addresses: item.addresses.map((own) => ({ ...own, ...unsaid })),
    }));
    assertEquals(listInterfaces(emulate().system), expected);
  });

  test(`as on ${name}: a port is shared, or is taken`, needs, async () => {
    const library = emulate();
    await using first = library.openSocket({ share: true });
    await using second = library.openSocket({ share: true, port: first.port });
    assertEquals(second.port, first.port);
    let refusal: unknown;
    try {
      library.openSocket({ port: first.port });
    } catch (error) {
      refusal = error;
    }
    assert(refusal instanceof SocketError, `${refusal}`);
    assertEquals([refusal.code, refusal.errno], ["EADDRINUSE", 48]);
    assert(refusal.hint!.includes("share: true"), refusal.message);
  });

  test(`as on ${name}: waiting, closing, and nothing left open`, needs, async () => {
    const before = descriptors();
    const library = emulate();
    const socket = library.openSocket({ groups: ["239.255.25.5@lo"] });
    const waiting = socket.receive().catch((error) => error.code);
    await turn();
    await using peer = openUdpSocket();
    await peer.send("x", at(socket, "::1"));
    assertEquals(text(await within(5_000, waiting)), "x");
    const ended = socket.receive().catch((error) => error.code);
    await turn();
    await within(5_000, socket.close());
    assertEquals(await ended, "ECANCELED");
    await peer.close();
    await until(() => library.open.size === 0, "the end of all sockets");
    await until(() => descriptors() === before, "the end of all descriptors");
  });
}
