// One test for each line of docs/platforms.md, on whatever system this is: with nothing but the library and
// loopback. Where the tables say that the system lacks something, the test is that it says so itself.
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { spawnSync } from "node:child_process";
import process from "node:process";
import { diagnose } from "../../doctor/mod.ts";
import { system } from "../../ffi/system.ts";
import {
  interfaces,
  openUdpSocket,
  type Packet,
  platform as features,
  SocketError,
  UnsupportedError,
  waitForLinkLocal,
  watchInterfaces,
} from "../../mod.ts";
import { FEATURES, testName } from "../../scripts/platforms.ts";
import { staysPending, test, within } from "../harness.ts";
import { FakeLibrary } from "./fake_library.ts";
import { at, next, text, until } from "./support.ts";

const { platform } = system();
const loopback = interfaces().find((item) => item.loopback)!;
const machine = process.env.PKTINFO_MACHINE ?? "native";
/** In the namespaces that these tests get; there IPv6 groups have a route through loopback, too. */
const SECOND = "fd77::7";
const hasSecond = loopback.addresses.some(({ address }) => address === SECOND);

/** What shows each feature; `false` for what the tables say is missing here. */
const SHOWN: Record<string, (supported: boolean) => void | Promise<void>> = {
  "destination and interface of an IPv4 packet": async () => {
    await using socket = openUdpSocket({ family: "IPv4" });
    await socket.send("x", at(socket, "127.0.0.9"));
    const { destination, interfaceIndex, interfaceName } = await next(socket);
    assertEquals(destination.toString(), `127.0.0.9:${socket.port}`);
    assertEquals([interfaceIndex, interfaceName], [loopback.index, loopback.name]);
  },
  "destination and interface of an IPv6 packet": async () => {
    await using socket = openUdpSocket({ family: "IPv6" });
    await socket.send("x", at(socket, "::1"));
    const { destination, interfaceIndex, interfaceName } = await next(socket);
    assertEquals(destination.toString(), `[::1]:${socket.port}`);
    assertEquals([interfaceIndex, interfaceName], [loopback.index, loopback.name]);
  },
  "unicast and IPv4 broadcast are told apart": async () => {
    await using socket = openUdpSocket({ broadcast: true });
    await socket.send("one", at(socket, "127.0.0.1"));
    assertEquals((await next(socket)).cast, "unicast");
    await socket.send("all", at(socket, "127.255.255.255"));
    const { cast } = await next(socket);
    // Where neither a flag nor the list of addresses tells, it is not said.
    const told = loopback.addresses.some(({ broadcast }) => broadcast === "127.255.255.255") ||
      platform.quirks.specDstRevealsBroadcast;
    assertEquals(cast, told ? "broadcast" : null);
  },
  "hops of a packet": async () => {
    await using socket = openUdpSocket();
    for (const address of ["127.0.0.1", "::1"]) {
      await socket.send("x", at(socket, address), { hops: 17 });
      assertEquals((await next(socket)).hops, 17);
    }
  },
  "traffic class of an IPv4 packet": (supported) => trafficClass("127.0.0.1", supported),
  "traffic class of an IPv6 packet": (supported) => trafficClass("::1", supported),
  "a datagram that was cut is marked": async () => {
    await using socket = openUdpSocket({ maxDatagramSize: 4 });
    await socket.send("123456", at(socket));
    await socket.send("789", at(socket));
    const cut = await next(socket);
    assertEquals([text(cut), cut.truncated], ["1234", true]);
    const whole = await next(socket);
    assertEquals([text(whole), whole.truncated], ["789", false]);
  },
  "time of arrival by the kernel": async (supported) => {
    if (!supported) {
      return void assertThrows(() => openUdpSocket({ timestamps: true }), UnsupportedError);
    }
    await using socket = openUdpSocket({ timestamps: true });
    await socket.send("x", at(socket));
    const { timestamp } = await next(socket);
    assert(Math.abs(Number(timestamp! / 1_000_000n) - Date.now()) < 5_000);
  },
  "datagrams that the kernel dropped are counted": async (supported) => {
    await using socket = openUdpSocket({ family: "IPv4", receiveBufferSize: 4096 });
    const data = new Uint8Array(1000);
    for (let i = 0; i < 200; i++) await socket.send(data, at(socket));
    let last: Packet;
    do last = await next(socket); while (socket.stats.received < 2);
    assertEquals(last.dropped === null, !supported);
    if (!supported) return;
    // Those that are left tell no more; the next one after them does.
    while (
      !await staysPending(50, socket.receive({ signal: AbortSignal.timeout(100) }))
    ) { /* read on */ }
    await socket.send("x", at(socket));
    await until(() => (socket.stats.dropped ?? 0) > 0, "a count");
  },
  "ICMP errors name their destination": async (supported) => {
    const errors: Error[] = [];
    await using nobody = openUdpSocket({ address: "127.0.0.1" });
    const { port } = nobody;
    await nobody.close();
    await using socket = openUdpSocket({ family: "IPv4", onError: (error) => errors.push(error) });
    socket.receive().catch(() => {});
    await socket.send("x", `127.0.0.1:${port}`);
    await socket.send("y", at(socket));
    if (!supported) return assertEquals(features.errorQueue, false);
    await until(() => errors.length > 0, "the refusal");
    const [error] = errors as SocketError[];
    assertEquals([error.code, error.address, error.port], ["ECONNREFUSED", "127.0.0.1", port]);
  },
  "an IPv4 datagram's source is chosen": () => chosenSource("127.0.0.1", "127.0.0.7"),
  "an IPv6 datagram's source is chosen": () => chosenSource("::1", SECOND),
  "an answer comes from the address that was asked": async () => {
    await using server = openUdpSocket({ family: "IPv4" });
    await using client = openUdpSocket({ family: "IPv4" });
    await client.send("question", at(server, "127.0.0.8"));
    await server.reply(await next(server), "answer");
    const answer = await next(client);
    assertEquals([answer.source.toString(), text(answer)], [at(server, "127.0.0.8"), "answer"]);
  },
  "an IPv4 unicast's interface is chosen": async (supported) => {
    await using socket = openUdpSocket({ family: "IPv4" });
    const send = () => socket.send("x", at(socket), { interface: loopback.index });
    if (!supported) return void await assertRejects(send, UnsupportedError);
    await send();
    assertEquals((await next(socket)).interfaceIndex, loopback.index);
  },
  "both of an IPv4 unicast in one": async (supported) => {
    await using socket = openUdpSocket({ family: "IPv4" });
    const options = { source: "127.0.0.7", interface: loopback.name };
    const send = () => socket.send("x", at(socket), options);
    if (!supported) return void await assertRejects(send, UnsupportedError);
    await send();
    const { source, interfaceIndex } = await next(socket);
    assertEquals([source.address, interfaceIndex], ["127.0.0.7", loopback.index]);
  },
  "a multicast's interface is chosen": async () => {
    await using socket = openUdpSocket({ family: "IPv4" });
    socket.join("239.255.7.1", { interface: loopback.index });
    await socket.send("x", at(socket, "239.255.7.1"), { interface: loopback.name });
    const { interfaceIndex, cast } = await next(socket);
    assertEquals([interfaceIndex, cast], [loopback.index, "multicast"]);
  },
  "a datagram's hops are chosen": async () => {
    await using socket = openUdpSocket();
    for (const address of ["127.0.0.1", "::1"]) {
      await socket.send("own", at(socket, address), { hops: 9 });
      await socket.send("the socket's", at(socket, address));
      assertEquals((await next(socket)).hops, 9);
      const { hops } = await next(socket);
      assert(hops !== null && hops > 9, `${hops}`);
    }
  },
  "IPv4 groups are joined by interface": async () => {
    await using socket = openUdpSocket({ family: "IPv4" });
    const membership = socket.join("239.255.7.2", { interface: loopback.name });
    assertEquals(membership.interfaces, [{ index: loopback.index, name: loopback.name }]);
    await socket.send("in", at(socket, "239.255.7.2"), { interface: loopback.index });
    assertEquals((await next(socket)).destination.address, "239.255.7.2");
    membership.leave();
    await socket.send("out", at(socket, "239.255.7.2"), { interface: loopback.index });
    assert(await staysPending(50, socket.receive({ signal: AbortSignal.timeout(100) })));
  },
  "IPv6 groups are joined by interface": async () => {
    await using socket = openUdpSocket({ family: "IPv6" });
    const membership = socket.join("ff05::7:1", { interface: loopback.name });
    assertEquals(membership.interfaces, [{ index: loopback.index, name: loopback.name }]);
    const to = at(socket, "ff05::7:1");
    await socket.send("in", to, { interface: loopback.index });
    const { destination, interfaceIndex } = await next(socket);
    assertEquals([destination.address, interfaceIndex], ["ff05::7:1", loopback.index]);
    membership.leave();
    await socket.send("out", to, { interface: loopback.index });
    assert(await staysPending(50, socket.receive({ signal: AbortSignal.timeout(100) })));
  },
  "IPv4 groups of one sender only": (supported) =>
    oneSender("232.1.2.3", "127.0.0.7", "127.0.0.8", supported),
  "IPv6 groups of one sender only": (supported) => oneSender("ff35::7:2", "::1", SECOND, supported),
  "a socket hears the groups that it joined only": async () => {
    await using other = openUdpSocket({ family: "IPv4" });
    other.join("239.255.7.3", { interface: loopback.index });
    await using socket = openUdpSocket({ family: "IPv4" });
    await socket.send("a stranger's", at(socket, "239.255.7.3"), { interface: loopback.index });
    await socket.send("own", at(socket));
    assertEquals(text(await next(socket)), "own");
  },
  "a socket on a group hears that group only, and can answer": async () => {
    await using socket = openUdpSocket({ address: "239.255.7.4" });
    socket.join("239.255.7.4", { interface: loopback.index });
    // On a host whose only address is 127.0.0.1 Linux would send from 0.0.0.0.
    await using client = openUdpSocket({ address: loopback.addresses.find(isIpv4)!.address });
    await client.send("unicast", at(socket, "127.0.0.1"));
    await client.send("group", at(socket, "239.255.7.4"), { interface: loopback.index });
    const question = await next(socket);
    assertEquals(text(question), "group");
    await socket.reply(question, "answer");
    const answer = await next(client);
    assertEquals([text(answer), answer.source.port], ["answer", socket.port]);
  },
  "the kernel binds to a group": async (supported) => {
    await using socket = openUdpSocket({ address: "239.255.7.5" });
    const local = socket.localAddresses[0].address;
    assertEquals(local, supported ? "239.255.7.5" : "0.0.0.0");
  },
  "a socket on one interface hears and sends there only": async () => {
    await using socket = openUdpSocket({ interface: loopback.name });
    for (const address of ["127.0.0.1", "::1"]) {
      await socket.send("x", at(socket, address));
      assertEquals((await next(socket)).interfaceIndex, loopback.index);
    }
    await assertRejects(
      () => socket.send("x", "192.0.2.1:9", { interface: 4_000_000 }),
      SocketError,
    );
  },
  "the kernel confines a socket to an interface": (supported) => {
    const fd = system().openSocket("IPv4");
    try {
      assertEquals(system().tryBindToInterface(fd, "IPv4", loopback), supported);
    } finally {
      system().close(fd);
    }
    assertEquals(features.bindToInterface, supported);
  },
  "a port is shared when all ask for it": async () => {
    await using one = openUdpSocket({ family: "IPv4", share: true });
    await using two = openUdpSocket({ family: "IPv4", share: true, port: one.port });
    assertEquals(two.port, one.port);
    const error = assertThrows(
      () => openUdpSocket({ family: "IPv4", port: one.port }),
      SocketError,
    );
    assert(["EADDRINUSE", "EACCES"].includes(error.code), error.code);
  },
  "the kernel spreads unicast over sockets (reusePort)": async (supported) => {
    const open = (port: number) => openUdpSocket({ family: "IPv4", port, reusePort: true });
    if (!supported) return void assertThrows(() => open(0), UnsupportedError);
    await using one = open(0);
    await using two = open(one.port);
    assertEquals(two.port, one.port);
  },
  "several datagrams a system call": async (supported) => {
    const library = new FakeLibrary();
    await using socket = library.openSocket({ family: "IPv4" });
    const items = Array.from({ length: 40 }, (_, i) => ({ data: `${i}`, to: at(socket) }));
    assertEquals(await socket.sendMany(items), 40);
    for (let i = 0; i < 40; i++) assertEquals(text(await next(socket)), `${i}`);
    if (supported) {
      assertEquals([library.count("sendmmsg"), library.count("sendto", "sendmsg")], [1, 0]);
    }
  },
  "interfaces are listed": () => {
    assert(loopback.up && loopback.index > 0 && loopback.name !== "");
    const addresses = loopback.addresses.map(({ address, prefixLength }) =>
      `${address}/${prefixLength}`
    );
    assert(addresses.includes("127.0.0.1/8"), `${addresses}`);
  },
  "changes of interfaces are heard": async () => {
    await using changes = watchInterfaces();
    const change = changes.next();
    assert(await staysPending(20, change));
    for (const what of ["add", "del"]) {
      const { status } = spawnSync("ip", ["address", what, "127.7.7.7/32", "dev", loopback.name]);
      assertEquals(status, 0);
    }
    const { value } = await within(5_000, change, "the change");
    assertEquals(value?.interface.index, loopback.index);
  },
  "tentative, temporary and deprecated addresses are told": (supported) => {
    const told = loopback.addresses.map(({ tentative, deprecated }) => [tentative, deprecated]);
    assertEquals(told, told.map(() => supported ? [false, false] : [null, null]));
    assertEquals(typeof waitForLinkLocal, "function");
  },
  "the doctor tries every interface": async () => {
    const { interfaces: tried } = await diagnose({ interfaces: [loopback.name] });
    assertEquals(tried.map(({ name }) => name), [loopback.name]);
    const [ipv4] = tried[0].tests.filter(({ family }) => family === "IPv4");
    assertEquals([ipv4.join, ipv4.send, ipv4.receive, ipv4.destination], Array(4).fill("works"));
  },
  "the doctor sees routes and rules": async (supported) => {
    const { looked } = await diagnose({ interfaces: [loopback.name] });
    const routes = looked.some(({ what }) => what.startsWith("routes"));
    assertEquals(routes, !supported);
  },
};

function isIpv4({ family }: { family: string }): boolean {
  return family === "IPv4";
}

async function trafficClass(address: string, supported: boolean) {
  await using socket = openUdpSocket();
  const family = address.includes(":") ? "IPv6" : "IPv4";
  const settable = platform.options[family].trafficClass !== undefined;
  const send = () => socket.send("x", at(socket, address), { trafficClass: 0x28 });
  if (settable) await send();
  else {
    await assertRejects(send, UnsupportedError);
    await socket.send("x", at(socket, address));
  }
  assertEquals((await next(socket)).trafficClass, supported ? settable ? 0x28 : 0 : null);
}

async function chosenSource(to: string, source: string) {
  await using socket = openUdpSocket();
  await socket.send("x", at(socket, to), { source });
  assertEquals((await next(socket)).source.address, source);
}

/** Of two senders one is wanted. */
async function oneSender(group: string, source: string, other: string, supported: boolean) {
  const family = group.includes(":") ? "IPv6" : "IPv4";
  await using socket = openUdpSocket({ family });
  const join = () => socket.join(group, { interface: loopback.index, source });
  if (!supported) return void assertThrows(join, UnsupportedError);
  const membership = join();
  assertEquals([membership.source, membership.failed], [source, []]);
  for (const address of [other, source]) {
    await using sender = openUdpSocket({ address });
    await sender.send(address, at(socket, group), { interface: loopback.index });
  }
  assertEquals((await next(socket)).source.address, source);
}

/** What the emulators leave out; the systems themselves show it. */
const NOT_ON: Record<string, Record<string, string>> = {
  wine: {
    "an IPv4 datagram's source is chosen": "Wine ignores the source in IP_PKTINFO",
    "an IPv6 datagram's source is chosen": "Wine ignores the source in IPV6_PKTINFO",
    "IPv4 groups of one sender only": "Wine takes the sender for the interface (ip_mreq_source)",
    "both of an IPv4 unicast in one": "Wine ignores the source in IP_PKTINFO",
    "an answer comes from the address that was asked": "Wine ignores the source in IP_PKTINFO",
    "IPv6 groups of one sender only": "Wine knows no MCAST_* requests",
    "changes of interfaces are heard": "Wine notifies of no change",
  },
  qemu: {
    "time of arrival by the kernel": "QEMU knows no SO_TIMESTAMPNS",
    "datagrams that the kernel dropped are counted": "QEMU knows no SO_RXQ_OVFL",
    "IPv6 groups of one sender only": "QEMU knows no MCAST_* requests",
  },
};

/** What changes the machine's network, or tries what names no interface of it, needs one of its own. */
const APART = [
  "an IPv6 datagram's source is chosen",
  "IPv6 groups are joined by interface",
  "IPv6 groups of one sender only",
  "changes of interfaces are heard",
  "the doctor tries every interface",
  "the doctor sees routes and rules",
];

function whyNot(name: string): string | false {
  const why = NOT_ON[machine]?.[name];
  if (why) return why;
  return APART.includes(name) && !hasSecond &&
    `needs a network namespace in which loopback has ${SECOND}`;
}

for (const feature of FEATURES) {
  test(testName(feature), { skip: whyNot(feature.name) }, async () => {
    await SHOWN[feature.name](feature.has(platform));
  });
}

test("every line of docs/platforms.md has its test", () => {
  assertEquals(Object.keys(SHOWN), FEATURES.map(({ name }) => name));
});
