/** A real host beside the model of it: what steps work on. */
import { assert, assertEquals, fail } from "@std/assert";
import fs from "node:fs";
import { formatIp, parseIp } from "../../address/ip.ts";
import { type Membership, openUdpSocket, type Packet, type UdpSocket } from "../../mod.ts";
import { within } from "../harness.ts";
import {
  type Arrival,
  ModelHost,
  type ModelInterface,
  type ModelSocket,
  type Verdict,
} from "../model/host.ts";
import type { ModelMembership } from "../model/memberships.ts";
import { Reader } from "./model_reader.ts";
import { addressOn, LINKS, type ModelStage, PEER_PORT } from "./model_stage.ts";
import { textOf } from "./sockets.ts";

/** A socket and the model of it. */
export interface Opened {
  readonly socket: UdpSocket;
  readonly model: ModelSocket;
  readonly reader: Reader;
  /** The memberships that somebody holds, with the model's. */
  readonly memberships: { real: Membership; model: ModelMembership }[];
}

/** A datagram that was sent, as whoever receives it has to see it. */
export interface Expected extends Arrival {
  readonly text: string;
  readonly fromPort: number;
  /** Where this host sends, its choice of an address is its own. */
  readonly fromAny: ReadonlySet<string> | null;
  readonly hops: number;
}

/** Who received what. */
export interface Received {
  readonly opened: Opened;
  readonly packet: Packet;
  readonly one: Expected;
}

/** What a packet says, as text that is compared. */
function said(packet: Packet): string {
  const { source, destination, interfaceIndex, interfaceName, cast, hops } = packet;
  return `"${textOf(packet)}" ${source.address} ${source.port} (${source.scopeId}) → ` +
    `${destination.address} ${destination.port} (${destination.scopeId}) on ` +
    `${interfaceIndex} ${interfaceName}, ${cast}, ${hops} hops`;
}

/** The host, and what was done and seen. */
export class World implements AsyncDisposable {
  readonly model = new ModelHost();
  readonly opened: Opened[] = [];
  /** What the last steps were about: peers mostly send to that next. */
  subject: { one: Opened; group: string; source: string | null } | null = null;
  /** Hears what is sent after something else on a link. */
  readonly #last = openUdpSocket({ groups: ["239.255.255.1"] });
  #sent = 0;

  private constructor(readonly stage: ModelStage, readonly counts: Map<string, number>) {}

  /** A host with all its interfaces and no sockets. */
  static async make(stage: ModelStage, counts: Map<string, number>): Promise<World> {
    const world = new World(stage, counts);
    try {
      for (const link of LINKS) await world.create(link, `eth${link}`);
      return world;
    } catch (error) {
      await world[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Notes that something happened. */
  count(what: string, times = 1): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + times);
  }

  /** Interfaces that carry packets. */
  get up(): ModelInterface[] {
    return this.model.interfaces.filter(({ up }) => up);
  }

  /** Makes the interface of a link, which must have none. */
  async create(link: number, name: string): Promise<void> {
    const made = await this.stage.create(link, name);
    const one: ModelInterface = {
      index: made.index,
      link,
      name,
      up: true,
      linkLocal: made.addresses.find(({ address }) => address.startsWith("fe80:"))!.address,
      addresses: new Set([addressOn(link, "IPv4", 1), addressOn(link, "IPv6", 1)]),
    };
    this.model.interfaces.push(one);
    this.model.told(one.index);
  }

  /** A text that no other datagram has. */
  newText(): string {
    return `${++this.#sent}`;
  }

  /** The sockets, for whoever looks into a failure. */
  get shown(): string {
    return this.model.sockets.map(({ memberships, ...rest }) => {
      const joined = memberships.list.map(({ group, source, on }) =>
        `${group} from ${source ?? "anybody"} on ${[...on]}`
      );
      return `${JSON.stringify(rest)} ${joined.join("; ")}`;
    }).join("\n");
  }

  // --- comparing

  /**
   * Compares what each socket received with what the model says.
   *
   * @param sent In the order in which they were sent, all by one interface.
   * @returns Who received what.
   */
  async compare(sent: readonly Expected[], link: number): Promise<Received[]> {
    await this.#settle(link);
    for (const { reader } of this.opened) await reader.drain();
    const verdicts = sent.map((one) => ({ one, verdict: this.model.verdict(one) }));
    const got = (opened: Opened, { text }: Expected) =>
      opened.reader.packets.some((packet) => textOf(packet) === text);
    for (const { one, verdict: { must, oneOf, orNone } } of verdicts) {
      const what = `"${one.text}" to ${one.to} on ${one.index}`;
      for (const opened of this.opened) {
        if (!must.includes(opened.model)) continue;
        while (!got(opened, one)) {
          await Reader.more(
            [opened.reader],
            `${what} for ${opened.model.deliver}, from ${one.from}`,
          );
        }
      }
      const several = this.opened.filter(({ model }) => oneOf.includes(model));
      const receivers = () => several.filter((opened) => got(opened, one)).length;
      while (several.length > 0 && !orNone && receivers() === 0) {
        await Reader.more(several.map(({ reader }) => reader), what);
      }
      assert(receivers() <= 1, `${receivers()} sockets received ${what}`);
    }
    return this.opened.flatMap((opened) => this.#compareOne(opened, verdicts));
  }

  #compareOne(
    opened: Opened,
    verdicts: readonly { one: Expected; verdict: Verdict }[],
  ): Received[] {
    const { model, reader, socket } = opened;
    const packets = reader.packets.splice(0);
    const wanted = verdicts.filter(({ one: { text }, verdict: { must, may, oneOf } }) =>
      must.includes(model) ||
      ((may.includes(model) || oneOf.includes(model)) &&
        packets.some((packet) => textOf(packet) === text))
    ).map(({ one }) => one);
    // Each family has a socket of its own: between them there is no order.
    for (const family of model.families) {
      const expected = wanted.filter((one) => one.family === family);
      const actual = packets.filter(({ source }) => source.family === family);
      const sources = actual.map(({ source }) => source.address);
      assertEquals(
        actual.map(said),
        expected.map((one, i) => this.#say(one, sources[i], socket.port)),
        `what port ${socket.port} received`,
      );
      for (const { cast } of expected) this.count(`received by ${cast}, ${family}`);
    }
    this.count("compared", verdicts.length);
    this.count("not for a socket", verdicts.length - wanted.length);
    return packets.map((packet) => {
      return { opened, packet, one: wanted.find(({ text }) => text === textOf(packet))! };
    });
  }

  #say(one: Expected, actualSource: string | undefined, port: number): string {
    const { index, name } = this.model.find(one.index)!;
    // What this host chose for itself only has to be one of its own.
    const chosen = one.fromAny && actualSource !== undefined && one.fromAny.has(actualSource);
    const from = chosen ? actualSource : one.from;
    const zone = (address: string) => /^(fe80|ff.2):/.test(address) ? index : null;
    return `"${one.text}" ${from} ${one.fromPort} (${zone(from)}) → ` +
      `${one.to} ${port} (${zone(one.to)}) on ${index} ${name}, ${one.cast}, ${one.hops} hops`;
  }

  /** Waits until what was sent on a link before is in the sockets' queues. */
  async #settle(link: number): Promise<void> {
    const text = `last ${this.newText()}`;
    await this.stage.peers.get(link)!.talker.send({
      to: addressOn(link, "IPv4", 1),
      port: this.#last.port,
      data: text,
    });
    while (textOf(await within(5_000, this.#last.receive(), "the last packet")) !== text);
  }

  /** Compares memberships with the model's, and with what the kernel says. */
  compareMemberships(): void {
    for (const { memberships } of this.opened) {
      for (const { real, model } of memberships) {
        const sorted = (list: Iterable<number>) => [...list].sort((a, b) => a - b);
        const what = `${model.group} from ${model.source ?? "anybody"}`;
        const of = (list: readonly { index: number }[]) => sorted(list.map(({ index }) => index));
        assertEquals(of(real.interfaces), sorted(model.on), `where ${what} is joined`);
        assertEquals(of(real.failed), sorted(model.failed), `where ${what} failed`);
        if (!model.follows) continue;
        for (const { index, name } of real.interfaces) {
          assertEquals(name, this.model.find(index)!.name, "an interface's name");
        }
      }
    }
    assertEquals(
      kernelUsers(new Set(this.model.interfaces.map(({ index }) => index))),
      Object.fromEntries([...this.model.users()].sort()),
      "what the kernel has joined",
    );
    this.count("memberships compared");
  }

  /** Opens nothing, closes all, and takes the interfaces away. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const { socket } of this.opened.splice(0)) await socket.close();
    await this.#last.close();
    for (const { name } of this.model.interfaces.splice(0)) {
      await this.stage.change(`link del ${name}`, (all) => !all.some((one) => one.name === name));
    }
    for (const { receivers } of this.stage.peers.values()) {
      for (const receiver of Object.values(receivers)) receiver.pending();
    }
  }

  /** A packet that a peer has to receive, and how. */
  async heard(link: number, expected: Omit<Expected, "index" | "cast" | "port">): Promise<void> {
    const packet = await this.stage.peers.get(link)!.receivers[expected.family].next();
    const { text, source, destination, hops } = packet;
    assertEquals([text, destination, hops, source.port], [
      expected.text,
      expected.to,
      expected.hops,
      expected.fromPort,
    ]);
    const known = expected.fromAny?.has(source.address) ?? source.address === expected.from;
    if (!known) fail(`${source.address} is not where "${text}" comes from: ${expected.from}`);
    this.count("sent to a peer");
  }

  /** Nothing but what was asked for has come to the peers. */
  async compareRest(): Promise<void> {
    for (const [link, { host, talker, receivers }] of this.stage.peers) {
      for (const family of ["IPv4", "IPv6"] as const) {
        const data = `rest ${this.newText()}`;
        const to = addressOn(link, family, 100);
        await talker.send({ to, port: PEER_PORT, data });
        assertEquals((await receivers[family].next()).text, data, `the rest at ${host}`);
      }
    }
  }
}

/** Groups that only the kernel, or the library for itself, has joined. */
const OTHERS = /^(224\.0\.0\.1|239\.255\.255\.1|ff0[12]::1|ff02::1:ff.*|ff02::(2|16|6a))$/;

/** From /proc/net/igmp and igmp6: how many have joined a group, by index and group. */
function kernelUsers(indexes: ReadonlySet<number>): Record<string, number> {
  const users: [string, number][] = [];
  const add = (index: number, group: string, count: number) => {
    if (indexes.has(index) && !OTHERS.test(group)) users.push([`${index} ${group}`, count]);
  };
  let index = 0;
  for (const line of fs.readFileSync("/proc/net/igmp", "utf8").split("\n").slice(1)) {
    const words = line.trim().split(/\s+/);
    if (/^\d/.test(line)) index = Number(words[0]);
    // In the kernel's own order of bytes.
    else if (words.length > 1) {
      const bytes = words[0].match(/../g)!.map((pair) => parseInt(pair, 16)).reverse();
      add(index, bytes.join("."), Number(words[1]));
    }
  }
  for (const line of fs.readFileSync("/proc/net/igmp6", "utf8").split("\n")) {
    const [index, , group, count] = line.trim().split(/\s+/);
    if (count === undefined) continue;
    add(Number(index), formatIp(parseIp(group.match(/.{4}/g)!.join(":"))), Number(count));
  }
  return Object.fromEntries(users.sort());
}
