/** Takes steps: with the real host and with the model, and sees to it that both refuse the same. */
import { assertEquals, assertThrows } from "@std/assert";
import { openUdpSocket, SocketError, type UdpSocketOptions } from "../../mod.ts";
import { pick, randomWords } from "../address/random.ts";
import { type Family, ModelSocket } from "../model/host.ts";
import type { Kind, Step } from "../model/steps.ts";
import { peerSends, send } from "./model_packets.ts";
import { Reader } from "./model_reader.ts";
import { addressOn, COMMON, LINKS } from "./model_stage.ts";
import type { Opened, World } from "./model_world.ts";

/** Sockets that are open at most. */
const SOCKETS = 6;
/** The port of those that share one. */
const SHARED = 7001;

/** Groups of several scopes; two of each family are for particular senders, but may be joined for any. */
export const GROUPS: Readonly<Record<Family, readonly string[]>> = {
  IPv4: ["224.0.0.77", "239.192.0.5", "239.255.76.67", "232.1.2.3"],
  IPv6: ["ff02::7667", "ff05::7667", "ff0e::7667", "ff35::7667"],
};

/** The numbers of a step. */
export type Next = () => number;

/** One of so many. */
export const chance = (next: Next, of: number): boolean => next() % of === 0;

/** A sender: a peer's own address on some link, or one that all have. */
export function sender(next: Next, family: Family): string {
  return pick(next, [
    ...COMMON[family],
    ...COMMON[family],
    addressOn(pick(next, LINKS), family, 100),
  ]);
}

/** Takes a step; returns whether there was anything to do. */
export async function take(world: World, { kind, seed }: Step): Promise<boolean> {
  const done = await STEPS[kind](world, randomWords(seed));
  if (done) world.count(kind);
  return done;
}

/** What each kind does; `false`: there was nothing to do it with. */
const STEPS: Record<Kind, (world: World, next: Next) => boolean | Promise<boolean>> = {
  open,
  async close({ opened, model }, next) {
    if (opened.length === 0) return false;
    const [{ socket }] = opened.splice(next() % opened.length, 1);
    const at = model.sockets.findIndex((one) =>
      one.port === socket.port && !opened.some((other) => other.model === one)
    );
    model.sockets.splice(at, 1);
    await socket.close();
    return true;
  },
  join,
  "leave by membership": (world, next) => leave(world, next, "leave"),
  "leave by dispose": (world, next) => leave(world, next, "dispose"),
  "leave by socket": leaveBySocket,
  block: (world, next) => block(world, next, true),
  unblock: (world, next) => block(world, next, false),
  "peer sends": peerSends,
  send,
  async down({ stage, model, up }, next) {
    const able = up.filter(({ index }) => !forgetsSenders(model, index));
    if (able.length === 0) return false;
    const one = pick(next, able);
    await stage.change(
      `link set ${one.name} down`,
      (all) => all.some(({ name, up }) => name === one.name && !up),
    );
    one.up = false;
    for (const { memberships } of model.sockets) memberships.down(one.index);
    return true;
  },
  async up({ stage, model }, next) {
    const down = model.interfaces.filter(({ up }) => !up);
    if (down.length === 0) return false;
    const one = pick(next, down);
    await stage.up(one.link, one.name, [...one.addresses]);
    one.up = true;
    model.told(one.index);
    return true;
  },
  async remove({ stage, model }, next) {
    if (model.interfaces.length === 0) return false;
    const [{ name, index }] = model.interfaces.splice(next() % model.interfaces.length, 1);
    await stage.change(`link del ${name}`, (all) => !all.some((one) => one.name === name));
    for (const { memberships } of model.sockets) memberships.gone(index);
    return true;
  },
  async create(world, next) {
    const free = LINKS.filter((link) => !world.model.interfaces.some((one) => one.link === link));
    if (free.length === 0) return false;
    const link = pick(next, free);
    await world.create(link, `new${link}${next() % 100}`);
    return true;
  },
  async rename({ stage, model }, next) {
    if (model.interfaces.length === 0) return false;
    const one = pick(next, model.interfaces);
    const name = `net${one.link}${next() % 1000}`;
    if (name === one.name) return false;
    await stage.change(
      `link set ${one.name} name ${name}`,
      (all) => all.some((other) => other.name === name),
    );
    one.name = name;
    model.told(one.index);
    return true;
  },
  "add address": (world, next) => address(world, next, true),
  "remove address": (world, next) => address(world, next, false),
};

/**
 * Whether Linux (6.18) forgets whom a socket wants to hear there when the interface goes down: it does for IPv6 when
 * another socket leaves the same group meanwhile, which those that follow do. Programs in Python lose them alike.
 */
function forgetsSenders({ sockets }: World["model"], index: number): boolean {
  const there = sockets.flatMap(({ memberships }) => memberships.list)
    .filter(({ group, on }) => group.includes(":") && on.has(index));
  return there.some((one) =>
    one.source !== null && !one.follows &&
    there.some((other) => other !== one && other.group === one.group)
  );
}

async function address({ stage, model, up }: World, next: Next, add: boolean): Promise<boolean> {
  const family = pick(next, ["IPv4", "IPv6"] as const);
  const able = up.filter(({ link, addresses }) =>
    add !== addresses.has(addressOn(link, family, 2))
  );
  if (able.length === 0) return false;
  const { name, link, index, addresses } = pick(next, able);
  const own = addressOn(link, family, 2);
  const command = add
    ? `addr add ${own} dev ${name}`
    : `addr del ${own}/${family === "IPv4" ? 24 : 64} dev ${name}`;
  await stage.change(
    command,
    (all) =>
      all.some((one) =>
        one.name === name && one.addresses.some(({ address }) => address === own) === add
      ),
  );
  if (add) addresses.add(own);
  else addresses.delete(own);
  model.told(index);
  return true;
}

/** An interface by name or index. */
function named(next: Next, { name, index }: { name: string; index: number }): string | number {
  return pick(next, [name, index, String(index)]);
}

function open(world: World, next: Next): boolean {
  const { model, opened, up } = world;
  if (opened.length >= SOCKETS) return false;
  const family = pick(next, ["dual", "dual", "IPv4", "IPv6"] as const);
  let families: readonly Family[] = family === "dual" ? ["IPv4", "IPv6"] : [family];
  const shared = chance(next, 2);
  const options: UdpSocketOptions = {
    port: shared ? SHARED : 0,
    share: shared,
    deliver: pick(next, ["joined", "joined", "joined", "multicast", "all"] as const),
  };
  if (family !== "dual" || chance(next, 2)) options.family = family;
  const only = up.length > 0 && chance(next, 4) ? pick(next, up) : null;
  if (only) options.interface = named(next, only);
  if (family !== "dual" && chance(next, 3)) {
    const on = only ?? (up.length > 0 ? pick(next, up) : null);
    const own = on && [...on.addresses].filter((one) => one.includes(":") === (family === "IPv6"));
    options.address = own && chance(next, 2) ? pick(next, own) : pick(next, GROUPS[family]);
    families = [family];
  }
  const groups = families.flatMap((family) =>
    GROUPS[family].filter(() => chance(next, 8)).map((group) => {
      const on = only === null && up.length > 0 && chance(next, 2) ? pick(next, up) : null;
      return {
        group,
        on,
        source: chance(next, 4) && options.deliver !== "all" ? sender(next, family) : null,
      };
    })
  );
  options.groups = groups.map(({ group, on, source }) =>
    source !== null
      ? { group, source, interface: on ? named(next, on) : undefined }
      : on
      ? `${group}@${on.name}`
      : group
  );
  const socket = openUdpSocket(options);
  const one = new ModelSocket(
    socket.port,
    families,
    options.address ?? null,
    only?.index ?? null,
    options.deliver!,
  );
  model.sockets.push(one);
  opened.push({ socket, model: one, reader: new Reader(socket, chance(next, 2)), memberships: [] });
  for (const { group, on, source } of groups) {
    one.memberships.join(group, source, on?.index ?? only?.index ?? null, model.candidates);
  }
  return true;
}

function join(world: World, next: Next): boolean {
  const { model, opened } = world;
  if (opened.length === 0) return false;
  const one = pick(next, opened);
  const { socket, model: own, memberships } = one;
  const { list } = own.memberships;
  const again = list.length > 0 && chance(next, 2) ? pick(next, list).group : null;
  const group = again ?? pick(next, GROUPS[pick(next, own.families)]);
  const family = group.includes(":") ? "IPv6" : "IPv4";
  const source = chance(next, 3) && own.deliver !== "all" ? sender(next, family) : undefined;
  const on = model.interfaces.length > 0 && chance(next, 2) ? pick(next, model.interfaces) : null;
  const options = { source, interface: on ? named(next, on) : undefined };
  const { only } = own;
  if (on && only !== null && on.index !== only) {
    assertThrows(() => socket.join(group, options), TypeError, "only");
    return true;
  }
  if (only !== null && !model.find(only)) {
    const error = assertThrows(() => socket.join(group, options), SocketError);
    assertEquals(error.code, "ENODEV");
    return true;
  }
  world.subject = { one, group, source: source ?? null };
  const joined = own.memberships.join(group, source ?? null, on?.index ?? only, model.candidates);
  if (!joined) assertThrows(() => socket.join(group, options), TypeError, "leave it first");
  else memberships.push({ real: socket.join(group, options), model: joined });
  return true;
}

function leave(world: World, next: Next, how: "leave" | "dispose"): boolean {
  const able = world.opened.filter(({ memberships }) => memberships.length > 0);
  if (able.length === 0) return false;
  const of = pick(next, able);
  const { memberships, model } = of;
  const one = pick(next, memberships);
  world.subject = { one: of, group: one.model.group, source: one.model.source };
  for (let times = 1 + next() % 2; times > 0; times--) {
    if (how === "leave") one.real.leave();
    else one.real[Symbol.dispose]();
  }
  model.memberships.leave(one.model);
  return true;
}

/** A socket, a group that it has mostly joined, and an interface or none. */
function chooseJoined({ model, opened }: World, next: Next, able: readonly Opened[] = opened) {
  const one = pick(next, able);
  const { list } = one.model.memberships;
  const family = pick(next, one.model.families);
  const group = list.length > 0 && !chance(next, 6)
    ? pick(next, list).group
    : pick(next, GROUPS[family]);
  const on = model.interfaces.length > 0 && chance(next, 2) ? pick(next, model.interfaces) : null;
  const options = { interface: on ? named(next, on) : undefined };
  return { one, group, on, options };
}

function leaveBySocket(world: World, next: Next): boolean {
  if (world.opened.length === 0) return false;
  const { one, group, on, options } = chooseJoined(world, next);
  const { socket, model } = one;
  const of = model.memberships.list.find((other) => other.group === group && other.source !== null);
  const source = of && chance(next, 2) ? of.source! : undefined;
  world.subject = { one, group, source: source ?? null };
  socket.leave(group, { ...options, source });
  model.memberships.leaveGroup(group, source ?? null, on?.index ?? null);
  return true;
}

function block(world: World, next: Next, blocks: boolean): boolean {
  const able = world.opened.filter(({ model }) => model.deliver !== "all");
  if (able.length === 0) return false;
  // Mostly where there is somebody to block, or to unblock.
  const fits = (model: ModelSocket, group: string, source: string | null) =>
    blocks ? source === null : model.memberships.blocked(group).length > 0;
  const fit = able.filter(({ model }) =>
    model.memberships.list.some(({ group, source }) => fits(model, group, source))
  );
  const chosen = chooseJoined(world, next, fit.length > 0 && !chance(next, 6) ? fit : able);
  const { one, on, options } = chosen;
  const { socket, model } = one;
  const groups = model.memberships.list.filter(({ group, source }) => fits(model, group, source));
  const group = groups.length > 0 && !chance(next, 6) ? pick(next, groups).group : chosen.group;
  const family = group.includes(":") ? "IPv6" : "IPv4";
  const known = model.memberships.blocked(group);
  const source = !blocks && known.length > 0 && !chance(next, 4)
    ? pick(next, known)
    : sender(next, family);
  world.subject = { one, group, source };
  const call = () =>
    blocks
      ? socket.blockSource(group, source, options)
      : socket.unblockSource(group, source, options);
  if (model.memberships.block(group, source, on?.index ?? null, blocks)) {
    call();
    if (!blocks && known.includes(source)) world.count("unblocked who was blocked");
  } else assertThrows(call, TypeError, "join the group first");
  return true;
}
