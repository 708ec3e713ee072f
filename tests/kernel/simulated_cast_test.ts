// Systems that do not tell a broadcast from a unicast: the addresses of this host do.
import { assertEquals } from "@std/assert";
import { ControlRecord } from "../../ffi/cmsg.ts";
import type { ReceivedMessage } from "../../ffi/message.ts";
import { emptyWords } from "../../ffi/sockaddr.ts";
import { openUdpSocket, type UdpSocketOptions } from "../../mod.ts";
import { interfaceNames } from "../../interfaces/names.ts";
import { castOf } from "../../socket/packet.ts";
import { test } from "../harness.ts";
import { FakeHost, ipv4Entry, linkEntry, quirks, Simulation } from "./simulated.ts";
import { at, next, text, turn } from "./support.ts";

/** IFF_UP, RUNNING and what else an interface does. */
const LOOPBACK = 0x49;
const CARD = 0x1043;
const TUNNEL = 0x51;

const ENTRIES = [
  linkEntry("lo", 1, LOOPBACK),
  ipv4Entry("lo", LOOPBACK, "7f 00 00 01", "ff 00 00 00"),
  linkEntry("eth0", 2, CARD),
  ipv4Entry("eth0", CARD, "0a 01 02 03", "ff ff ff 00", "0a 01 02 ff"),
  ipv4Entry("eth0", CARD, "0a 01 04 05", "ff ff ff fc", "0a 01 04 07"),
  linkEntry("tun0", 3, TUNNEL),
  ipv4Entry("tun0", TUNNEL, "0a 08 00 02", "ff ff ff ff", "0a 08 00 01"),
];

/** As on Windows and BSD, with a host of our own. */
function simulation(entries = ENTRIES) {
  const simulated = new Simulation(quirks({ specDstRevealsBroadcast: false }), FakeHost.change);
  return { simulated, host: new FakeHost(simulated, entries) };
}

test("whom an address reaches follows from the addresses of the host", { needs: ["linux"] }, () => {
  const names = interfaceNames(simulation().simulated.system);
  const cast = (address: string) => {
    const [a, b, c, d] = address.split(".").map(Number);
    return names.ipv4Cast(((a << 24) | (b << 16) | (c << 8) | d) >>> 0);
  };
  assertEquals(["10.1.2.3", "10.1.4.5", "10.8.0.2"].map(cast), ["unicast", "unicast", "unicast"]);
  assertEquals(["10.1.2.255", "10.1.4.7"].map(cast), ["broadcast", "broadcast"]);
  // All of 127.0.0.0/8 is this host, but for its last address, which may be one or the other.
  assertEquals(["127.0.0.1", "127.0.0.2", "127.255.255.254"].map(cast), [
    "unicast",
    "unicast",
    "unicast",
  ]);
  // Not the other end of a tunnel, nor a neighbour, nor what nobody here has.
  for (const other of ["127.255.255.255", "10.8.0.1", "10.1.2.4", "10.1.2.0", "192.0.2.1"]) {
    assertEquals(cast(other), null, other);
  }
});

test("a host that changes is asked again after a while, and after an error", {
  needs: ["linux"],
}, () => {
  const { simulated, host } = simulation();
  const names = interfaceNames(simulated.system);
  const own = 0x0a09_0001;
  assertEquals([names.ipv4Cast(own), names.firstIpv4(2)], [null, 0x0a01_0203]);
  const asked = simulated.count("getifaddrs");
  for (let i = 0; i < 100; i++) names.ipv4Cast(own + i);
  assertEquals(simulated.count("getifaddrs"), asked, "a packet costs no call");
  host.entries = [
    linkEntry("eth0", 2, CARD),
    ipv4Entry("eth0", CARD, "0a 09 00 01", "ff ff ff 00", "0a 09 00 ff"),
  ];
  names.forget();
  assertEquals([names.ipv4Cast(own), names.firstIpv4(2)], ["unicast", own]);
  assertEquals([names.firstIpv4(3), names.firstIpv4(77)], [0, 0]);
});

/** A message as the codecs make it. */
function message(part: Partial<ControlRecord>, rest: Partial<ReceivedMessage> = {}) {
  const control = Object.assign(new ControlRecord(), { hasDestination: true, ...part });
  return {
    source: emptyWords(),
    control,
    length: 0,
    truncated: false,
    controlTruncated: false,
    broadcast: false,
    ...rest,
  };
}

test("what the message says goes before the list", () => {
  const asked: number[] = [];
  const names = { ipv4Cast: (w0: number) => (asked.push(w0), "unicast" as const) };
  const cast = (part: Partial<ControlRecord>, rest?: Partial<ReceivedMessage>) =>
    castOf(message(part, rest), false, names);
  assertEquals(cast({ hasDestination: false, w0: 0x0a01_0203 }), null);
  assertEquals(cast({ w0: 0xe000_00fb }), "multicast");
  assertEquals(cast({ w0: 0xefff_ffff }), "multicast");
  assertEquals(cast({ w0: 0xffff_ffff }), "broadcast");
  // A flag of the datagram's own (Windows, OpenBSD, NetBSD).
  assertEquals(cast({ w0: 0x0a01_0203 }, { broadcast: true }), "broadcast");
  const six = { ...emptyWords(), family: "IPv6" as const };
  assertEquals(cast({ w0: 0xff02_0000 }, { source: six }), "multicast");
  assertEquals(cast({ w0: 0xfe80_0000 }, { source: six }), "unicast");
  assertEquals(asked, [], "nobody has to look");
  assertEquals([cast({ w0: 0x0a01_0203 }), asked], ["unicast", [0x0a01_0203]]);
  // 240.0.0.0/4 is no group.
  assertEquals([cast({ w0: 0xf000_0001 }), asked.length], ["unicast", 2]);
});

/** Packets to some addresses, over loopback, and what the socket says of them. */
async function received(addresses: string[], entries = ENTRIES, options: UdpSocketOptions = {}) {
  const { simulated } = simulation(entries);
  await using socket = simulated.openSocket({ groups: ["239.255.23.1@lo"], ...options });
  await using peer = openUdpSocket({
    address: "127.0.0.2",
    broadcast: true,
    multicastInterface: "lo",
  });
  const casts: [string, string | null][] = [];
  for (const address of addresses) {
    await peer.send(address, at(socket, address));
    const packet = await next(socket);
    assertEquals(text(packet), packet.destination.address);
    // What it was sent to decides what may be the source of an answer.
    await socket.reply(packet, "answer");
    casts.push([(await next(peer)).source.address, packet.cast]);
  }
  return casts;
}

test("packets are told apart, and answered from where that is possible", {
  needs: ["linux"],
}, async () => {
  assertEquals(await received(["127.0.0.3", "127.255.255.255", "239.255.23.1"]), [
    ["127.0.0.3", "unicast"],
    // Not known: the OS chooses the source.
    ["127.0.0.1", null],
    ["127.0.0.1", "multicast"],
  ]);
});

test("a broadcast of an interface's own network is one", { needs: ["linux"] }, async () => {
  const entries = [
    linkEntry("lo", 1, LOOPBACK | 2),
    ipv4Entry("lo", LOOPBACK | 2, "7f 00 00 01", "ff 00 00 00", "7f ff ff ff"),
  ];
  assertEquals(await received(["127.255.255.255", "127.0.0.1"], entries), [
    ["127.0.0.1", "broadcast"],
    ["127.0.0.1", "unicast"],
  ]);
});

test("what nobody can tell is delivered, except where only multicast is wanted", {
  needs: ["linux"],
}, async () => {
  const { simulated } = simulation();
  await using all = simulated.openSocket({ deliver: "all" });
  await using multicast = simulated.openSocket({
    deliver: "multicast",
    groups: ["239.255.23.2@lo"],
  });
  await using peer = openUdpSocket({ broadcast: true, multicastInterface: "lo" });
  await peer.send("x", at(all, "127.255.255.255"));
  assertEquals((await next(all)).cast, null);
  await peer.send("unknown", at(multicast, "127.255.255.255"));
  await peer.send("group", at(multicast, "239.255.23.2"));
  assertEquals(text(await next(multicast)), "group");
  assertEquals(multicast.stats.filtered, 1);
});

test("an IPv6 packet needs no list", { needs: ["linux", "ipv6"] }, async () => {
  const { simulated } = simulation();
  await using socket = simulated.openSocket({ family: "IPv6" });
  await using peer = openUdpSocket({ address: "::1" });
  await peer.send("x", at(socket, "::1"));
  const before = simulated.count("getifaddrs");
  assertEquals((await next(socket)).cast, "unicast");
  assertEquals(simulated.count("getifaddrs"), before);
});

test("a list that is refused keeps no packet back", { needs: ["linux"] }, async () => {
  const { simulated } = simulation();
  await using socket = simulated.openSocket({ family: "IPv4" });
  await using peer = openUdpSocket({ address: "127.0.0.2" });
  simulated.on("getifaddrs", () => simulated.refuse("EACCES"));
  await peer.send("x", at(socket, "127.0.0.3"));
  const packet = await next(socket);
  assertEquals([text(packet), packet.destination.address], ["x", "127.0.0.3"]);
  // Waiting makes no difference: then it is read when the poller says so.
  const waiting = next(socket);
  await turn();
  await peer.send("y", at(socket, "127.0.0.3"));
  assertEquals(text(await waiting), "y");
});
