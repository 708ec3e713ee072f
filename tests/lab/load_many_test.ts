// Many at once: a thousand sockets that all wait, a thousand groups on one socket; each receives what is its own, and nothing stays behind.
import { assert, assertEquals } from "@std/assert";
import fs from "node:fs";
import { openUdpSocket, type Packet, type SocketError, type UdpSocket } from "../../mod.ts";
import { figure } from "../figures.ts";
import { test, type TestOptions, within } from "../harness.ts";
import { descriptors } from "../kernel/support.ts";
import { usedKiB } from "../soak/gauges.ts";
import { type Drop, type Sprayer, startSprayer } from "./peers.ts";
import { textOf } from "./sockets.ts";
import { twoNetworks } from "./topologies.ts";

const needs: TestOptions = { needs: ["lab", "python3"], timeout: 180_000 };

const SOCKETS = 1000;
const GROUPS = 1000;
/** Datagrams at a time: a receive buffer of the usual size has room for them. */
const AT_A_TIME = 100;
/** Compiled code and the like: a third of a KiB a socket. */
const GROWTH_KIB = 1024;

/** Where the sockets are bound: in turn, and some to both wildcards. */
const ADDRESSES = [null, "10.1.0.1", "fd01::1", "10.1.0.2", "fd01::2"];

/** Parts of a list. */
function* parts<T>(list: readonly T[], size = AT_A_TIME): Generator<T[]> {
  for (let at = 0; at < list.length; at += size) yield list.slice(at, at + size);
}

/** A thousand sockets wait, receive, and are closed, half of them while they wait. */
async function thousandSockets(send: (drops: Drop[]) => Promise<void>): Promise<void> {
  const places = Array.from({ length: SOCKETS }, (_, n) => ADDRESSES[n % ADDRESSES.length]);
  const sockets = places.map((address) => openUdpSocket(address === null ? {} : { address }));
  for (let round = 0; round < 2; round++) {
    const waiting = sockets.map((socket) => socket.receive());
    const drops = sockets.map(({ port }, n) => ({
      to: places[n] ?? (n % 2 === 0 ? "10.1.0.2" : "fd01::2"),
      port,
      text: `round ${round}, for ${n}`,
    }));
    for (const part of parts(drops)) await send(part);
    const packets = await within(60_000, Promise.all(waiting), "a packet for each socket");
    assertEquals(
      packets.map((packet) => [textOf(packet), `${packet.destination}`, packet.interfaceName]),
      drops.map(({ text, to, port }) => [
        text,
        to.includes(":") ? `[${to}]:${port}` : `${to}:${port}`,
        "eth0",
      ]),
    );
  }
  const waiting = sockets.filter((_, n) => n % 2 === 1).map((socket) =>
    socket.receive().catch((error: unknown) => (error as SocketError).code)
  );
  assertEquals(
    sockets.map(({ stats: { received, filtered, dropped, errors } }) =>
      `${received} ${filtered} ${dropped} ${errors}`
    ),
    sockets.map(() => "2 0 0 0"),
  );
  await Promise.all(sockets.map((socket) => socket.close()));
  assertEquals(await Promise.all(waiting), waiting.map(() => "ECANCELED"));
}

test(
  "a thousand sockets that wait at once receive each its own, and leave nothing",
  needs,
  async () => {
    await using net = await twoNetworks();
    await using sprayer = await startSprayer(net.a);
    // What the first socket of all takes stays: the poller, and memory that the runtime keeps.
    await thousandSockets((drops) => sprayer.send(drops));
    const [before, memory] = [descriptors(), await usedKiB()];
    for (let time = 0; time < 3; time++) await thousandSockets((drops) => sprayer.send(drops));
    assertEquals(descriptors(), before);
    const growth = await usedKiB() - memory;
    assert(growth < GROWTH_KIB, `${growth} KiB more after 3,000 sockets`);
    figure("load", "sockets that waited at once", SOCKETS, { exact: true });
    figure("load", "memory after 3,000 more sockets", Math.round(growth), { unit: "KiB" });
  },
);

const group = (family: string, n: number) =>
  family === "IPv4" ? `239.1.${n >> 8}.${n & 255}` : `ff15::1:${n.toString(16)}`;

/** How many groups the kernel has joined on an interface, all sockets together. */
function kernelGroups(name: string, family: string): number {
  if (family === "IPv6") {
    return fs.readFileSync("/proc/net/igmp6", "utf8").split("\n")
      .filter((line) => line.split(/\s+/)[1] === name).length;
  }
  const sections = fs.readFileSync("/proc/net/igmp", "utf8").split(/\n(?=\d)/);
  const section = sections.find((text) => text.split(/\s+/)[1] === name);
  return section?.trimEnd().split("\n").slice(1).length ?? 0;
}

/** What comes on the way of two markers, one from each network: one behind everything that it sent. */
async function untilMarkers(socket: UdpSocket): Promise<Packet[]> {
  const packets: Packet[] = [];
  for (let markers = 0; markers < 2;) {
    const packet = await within(20_000, socket.receive(), `a packet after ${packets.length}`);
    if (textOf(packet) === "marker") markers++;
    else packets.push(packet);
  }
  return packets;
}

/** Joins a thousand groups on eth0, hears what two networks send, leaves half of them, and hears again. */
async function thousandGroups(
  family: "IPv4" | "IPv6",
  onA: Sprayer,
  onB: Sprayer,
): Promise<void> {
  const joined = kernelGroups("eth0", family);
  // Somebody else's groups: without them the host would take nothing to these groups in from B.
  await using other = openUdpSocket({ family });
  for (let n = 0; n < GROUPS; n++) other.join(group(family, n), { interface: "eth1" });
  await using socket = openUdpSocket({ family });
  const { port } = socket;
  const marker = group(family, 5000);
  socket.join(marker);
  const memberships = Array.from(
    { length: GROUPS },
    (_, n) => socket.join(group(family, n), { interface: "eth0" }),
  );
  assertEquals(kernelGroups("eth0", family) - joined, GROUPS + 1);

  /** The numbers of those that come when both networks send to all groups, and to as many that nobody has joined. */
  const heard = async () => {
    const numbers = Array.from({ length: GROUPS * 2 }, (_, n) => n);
    const heard: number[] = [];
    for (const part of parts(numbers)) {
      for (const sprayer of [onA, onB]) {
        const last = { to: marker, port, text: "marker", interface: "eth0" };
        await sprayer.send([
          ...part.map((n) => ({ ...last, to: group(family, n), text: `${n}` })),
          last,
        ]);
      }
      for (const packet of await untilMarkers(socket)) {
        const number = Number(textOf(packet));
        assertEquals([packet.destination.address, packet.interfaceName], [
          group(family, number),
          "eth0",
        ]);
        heard.push(number);
      }
    }
    return heard;
  };

  assertEquals(await heard(), memberships.map((_, n) => n));
  memberships.forEach((membership, n) => n % 2 === 0 && membership.leave());
  assertEquals(kernelGroups("eth0", family) - joined, GROUPS / 2 + 1);
  assertEquals(await heard(), memberships.map((_, n) => n).filter((n) => n % 2 === 1));
  assertEquals([socket.stats.dropped, socket.stats.errors], [0, 0]);
  await socket.close();
  assertEquals(kernelGroups("eth0", family), joined);
}

for (const family of ["IPv4", "IPv6"] as const) {
  const name = `${family}: of a thousand groups each is received, no others, and nothing stays`;
  test(name, needs, async () => {
    await using net = await twoNetworks();
    await net.here.sysctl({ "net.ipv4.igmp_max_memberships": String(GROUPS + 10) });
    await using onA = await startSprayer(net.a);
    await using onB = await startSprayer(net.b);
    // What the first socket of all takes stays: the thread that waits for news of the interfaces.
    await thousandGroups(family, onA, onB);
    const [open, memory] = [descriptors(), await usedKiB()];
    await thousandGroups(family, onA, onB);
    assertEquals(descriptors(), open);
    const growth = await usedKiB() - memory;
    assert(growth < GROWTH_KIB, `${growth} KiB more`);
    figure("load", `groups of one socket, ${family}`, GROUPS, { exact: true });
  });
}
