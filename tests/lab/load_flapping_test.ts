// Interfaces go down and up, are renamed, deleted and made anew ten times a second, while packets come in on all of them.
import { assert, assertEquals, equal } from "@std/assert";
import fs from "node:fs";
import {
  type InterfaceChange,
  type Membership,
  openUdpSocket,
  type Packet,
  type UdpSocket,
  watchInterfaces,
} from "../../mod.ts";
import { pick, randomWords } from "../address/random.ts";
import { figure, long } from "../figures.ts";
import { test } from "../harness.ts";
import { replay, sorted } from "../interfaces/replay.ts";
import { TimerLag } from "../soak/gauges.ts";
import { Lab } from "./lab.ts";
import { startChatter } from "./peers.ts";
import { Program } from "./process.ts";
import { textOf } from "./sockets.ts";
import { knownAndReal } from "./watch_support.ts";

const SECONDS = long ? 60 : 10;
const EVERY_MS = 100;
const LINKS = 5;
const SEED = 20261125;
const GROUPS = ["239.1.2.3", "ff15::1234"];
/** Left before the last look. */
const LEFT = ["239.1.2.4", "ff15::1235"];
/** IPv6 needs an MTU of 1280 (RFC 8200, section 5). */
const SMALL_MTU = 1000;

/** A cable to the peer, whose end is called `p0`, `p1`, …. */
interface Link {
  peer: string;
  name: string;
  index: number;
  exists: boolean;
  up: boolean;
  multicast: boolean;
  mtu: number;
}

/** The interfaces, and how each next thing that happens to one of them is written. */
class Links {
  readonly all: Link[];
  /** All indexes that a link has had. */
  readonly indexes = new Map<string, Set<number>>();
  readonly counts = new Map<string, number>();
  #next = 5000;
  readonly #random = randomWords(SEED);

  constructor() {
    this.all = Array.from({ length: LINKS }, (_, n) => ({
      peer: `p${n}`,
      name: `f${n}`,
      index: 0,
      exists: false,
      up: false,
      multicast: true,
      mtu: 1500,
    }));
  }

  make(link: Link): string[] {
    const index = this.#next++;
    Object.assign(link, { index, exists: true, up: true, multicast: true, mtu: 1500 });
    const indexes = this.indexes.get(link.peer) ?? new Set();
    this.indexes.set(link.peer, indexes.add(index));
    const far = `peer name ${link.peer} netns peer`;
    return [`link add ${link.name} index ${index} up type veth ${far}`];
  }

  /** What happens next. */
  flap(): string[] {
    const link = pick(this.#random, this.all);
    const { name } = link;
    const what = link.exists
      ? pick(this.#random, ["down or up", "blink", "delete", "again", "rename", "multicast", "mtu"])
      : "make";
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
    switch (what) {
      case "down or up":
        link.up = !link.up;
        return [`link set ${name} ${link.up ? "up" : "down"}`];
      case "blink":
        link.up = true;
        return [`link set ${name} down`, `link set ${name} up`];
      case "delete":
        link.exists = false;
        return [`link del ${name}`];
      case "again":
        return [`link del ${name}`, ...this.make(link)];
      case "rename":
        link.up = true;
        link.name = name.startsWith("f") ? `other${name}` : name.slice("other".length);
        return [
          `link set ${name} down`,
          `link set ${name} name ${link.name}`,
          `link set ${link.name} up`,
        ];
      case "multicast":
        link.multicast = !link.multicast;
        return [`link set ${name} multicast ${link.multicast ? "on" : "off"}`];
      case "mtu":
        link.mtu = link.mtu === 1500 ? SMALL_MTU : 1500;
        return [`link set ${name} mtu ${link.mtu}`];
      default:
        return this.make(link);
    }
  }

  /** Where a group is to be joined now. */
  joinable(group: string): Link[] {
    return this.all.filter(({ exists, up, multicast, mtu }) =>
      exists && up && multicast && (mtu === 1500 || !group.includes(":"))
    );
  }
}

/** The interfaces on which the kernel has joined a group, by their names. */
function kernelJoined(group: string): string[] {
  if (group.includes(":")) {
    const digits = group.replace(
      /^(ff15)::(\w+)$/,
      (_, first, last) => first + last.padStart(28, "0"),
    );
    const lines = fs.readFileSync("/proc/net/igmp6", "utf8").split("\n").map((line) =>
      line.split(/\s+/)
    );
    return lines.filter(([, , address]) => address === digits).map(([, name]) => name).sort();
  }
  // The address is written as the number that it is in memory, which x86 and ARM read backwards.
  const digits = group.split(".").reverse().map((part) =>
    Number(part).toString(16).padStart(2, "0").toUpperCase()
  ).join("");
  const sections = fs.readFileSync("/proc/net/igmp", "utf8").split(/\n(?=\d)/);
  return sections.filter((section) => section.includes(digits))
    .map((section) => section.split(/\s+/)[1].replace(/:$/, "")).sort();
}

const names = (list: readonly { name: string }[]) => list.map(({ name }) => name).sort();

/** Reads a socket, and checks that each packet came in where its sender sent it. */
class Listener {
  count = 0;
  /** What says something else than a number. */
  readonly words: string[] = [];
  readonly wrong: string[] = [];
  readonly ended: Promise<void>;

  constructor(socket: UdpSocket, readonly links: Links) {
    this.ended = this.#read(socket);
  }

  async #read(socket: UdpSocket): Promise<void> {
    for await (const packet of socket) this.#take(packet);
  }

  #take(packet: Packet): void {
    this.count++;
    const [peer, words] = textOf(packet).split(" ");
    const group = packet.destination.address;
    if (!this.links.indexes.get(peer)?.has(packet.interfaceIndex!)) {
      this.wrong.push(`${textOf(packet)} on ${packet.interfaceIndex}`);
    }
    if (!/^\d+$/.test(words)) this.words.push(`${peer} ${words} ${group} ${packet.interfaceIndex}`);
  }
}

test("interfaces that flap ten times a second leave every membership right", {
  needs: ["lab", "python3"],
  timeout: (SECONDS + 120) * 1000,
}, async () => {
  await using lab = new Lab();
  const peer = await lab.host("peer");
  // IPv4 needs an address to send from; it need not be on the interface.
  await peer.addAddresses("lo", ["10.9.0.9/32"]);
  await lab.here.sysctl({
    "net.ipv4.conf.all.rp_filter": "0",
    "net.ipv4.conf.default.rp_filter": "0",
  });
  const links = new Links();

  const errors: Error[] = [];
  const onError = (error: Error) => void errors.push(error);
  const first = openUdpSocket({ onError, share: true });
  await using _first = first;
  const { port } = first;
  await using second = openUdpSocket({ onError, share: true, port });
  const joinAll = (socket: UdpSocket, groups: readonly string[]) =>
    groups.map((group) => socket.join(group));
  const memberships = [first, second].flatMap((socket) => joinAll(socket, GROUPS));
  const toLeave = joinAll(first, LEFT);
  const listeners = [first, second].map((socket) => new Listener(socket, links));
  await using watcher = watchInterfaces();
  const before = watcher.interfaces;
  const changes: InterfaceChange[] = [];
  const watching = (async () => {
    for await (const change of watcher) changes.push(change);
  })();

  await using chatter = await startChatter(peer, {
    port,
    to: [...GROUPS, ...LEFT],
    interface: links.all.map((link) => link.peer),
  });
  // One program carries it all out, as starting one for each takes too long.
  await using ip = await Program.start("ip", ["-force", "-batch", "-"], { interactive: true });
  for (const link of links.all) links.make(link).forEach((line) => ip.writeLine(line));
  const lag = new TimerLag();
  const start = performance.now();
  let flaps = 0;
  for (; flaps < SECONDS * 1000 / EVERY_MS; flaps++) {
    const pause = start + flaps * EVERY_MS - performance.now();
    if (pause > 0) await new Promise((resolve) => setTimeout(resolve, pause));
    for (const line of links.flap()) ip.writeLine(line);
  }
  ip.writeLine("link add done0 type bridge");
  const isThere = () => watcher.interfaces.some(({ name }) => name === "done0");
  while (!isThere()) await new Promise((resolve) => setTimeout(resolve, 10));
  const lasted = (performance.now() - start) / 1000;
  lag.stop();
  const told = [...links.counts].map(([what, count]) => `${what} ${count}`).join(", ");
  assert(ip.stderr === "", `${told}: ${ip.stderr.slice(0, 1000)}`);

  // What follows comes to rest; then everything is as it ought to be.
  const wanted = (group: string) =>
    links.joinable(group).map(({ index, name }) => ({ index, name }));
  const joined = ({ interfaces }: Membership) => interfaces.toSorted(byIndex);
  await eventually(() =>
    memberships.every((membership) =>
      names(membership.interfaces).join() === names(wanted(membership.group)).join()
    )
  );
  for (const membership of memberships) {
    assertEquals(joined(membership), wanted(membership.group).toSorted(byIndex), told);
  }
  for (const group of [...GROUPS, ...LEFT]) {
    assertEquals(kernelJoined(group), names(wanted(group)), `${group}: ${told}`);
  }
  await eventually(() => equal(...knownAndReal(watcher)));
  assertEquals(...knownAndReal(watcher));
  await watcher.close();
  await watching;
  assertEquals(replay(before, changes), sorted(watcher.interfaces));
  for (const membership of toLeave) membership.leave();
  for (const group of LEFT) assertEquals(kernelJoined(group), []);

  const heard = (words: string) =>
    GROUPS.flatMap((group) =>
      links.joinable(group).map(({ peer, index }) => `${peer} ${words} ${group} ${index}`)
    ).sort();
  // A link that has come back carries IPv6 a moment later.
  for (
    let round = 0;
    !listeners.every(({ words }) => heard("there?").every((one) => words.includes(one)));
  ) {
    assert(
      round++ < 200,
      `missing: ${heard("there?").filter((one) => !listeners[0].words.includes(one))}`,
    );
    await chatter.say("there?");
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  for (const listener of listeners) listener.words.length = 0;
  await chatter.say("last");
  await chatter.say("marker");
  await eventually(() =>
    listeners.every(({ words }) => heard("marker").every((one) => words.includes(one)))
  );
  for (const { words, wrong } of listeners) {
    assertEquals(words.toSorted(), [...heard("last"), ...heard("marker")].toSorted());
    assertEquals(wrong, []);
  }
  // All that went wrong on the way is that an interface with so small an MTU does no IPv6.
  const others = errors.filter((error) => !/ff15.*EINVAL.*does not do IPv6/.test(error.message));
  assertEquals(others, [], told);
  assertEquals([first, second].map(({ stats }) => stats.dropped), [0, 0]);

  const received = listeners.reduce((sum, { count }) => sum + count, 0);
  assert(received > flaps, `${received} packets: no load at all`);
  figure("load", "times that an interface flapped", flaps);
  figure("load", "seconds of flapping", lasted, { unit: "s" });
  figure("load", "packets received from interfaces that flapped", received);
  figure("load", "memberships that were wrong in the end", 0, { exact: true });
  figure("load", "timer lag at p99 while interfaces flapped", lag.own.quantile(0.99), {
    unit: "ms",
  });
});

const byIndex = (a: { index: number }, b: { index: number }) => a.index - b.index;

/** Asks again and again, for at most 20 seconds. What it is then, the test compares. */
async function eventually(condition: () => boolean): Promise<void> {
  for (let time = 0; time < 400 && !condition(); time++) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
