/** Steps that send: from a peer, or from this host. */
import { pick } from "../address/random.ts";
import type { Cast, Family, ModelInterface } from "../model/host.ts";
import { addressOn, COMMON, HEARD, PEER_PORT } from "./model_stage.ts";
import { chance, GROUPS, type Next } from "./model_steps.ts";
import type { Expected, Opened, Received, World } from "./model_world.ts";

/** A peer sends one to three datagrams to the port of a socket, and mostly one that is answered. */
export async function peerSends(world: World, next: Next): Promise<boolean> {
  const { opened, stage, up } = world;
  if (opened.length === 0 || up.length === 0) return false;
  const { subject } = world;
  const about = subject && opened.includes(subject.one) && !chance(next, 3) ? subject : null;
  const target = about?.one ?? pick(next, opened);
  const on = pick(next, up);
  const { talker } = stage.peers.get(on.link)!;
  const sent: Expected[] = [];
  for (const { reader } of opened) if (chance(next, 2)) reader.begin();
  for (let count = 1 + next() % 3; count > 0; count--) {
    const one = choose(world, next, target, on);
    if (about && !chance(next, 3)) toSubject(one, about, on);
    sent.push(one);
    const { to, port, text: data, hops, from: source } = one;
    await talker.send(
      {
        to,
        port,
        data,
        hops,
        source,
        sourcePort: PEER_PORT,
        interface: "eth0",
        share: true,
        noLoopback: true,
        broadcast: one.cast === "broadcast",
      } as Parameters<typeof talker.send>[0],
    );
  }
  const received = await world.compare(sent, on.link);
  // To an IPv4 sender that no route leads to an answer goes out of the interface that it is told; IPv6 refuses.
  const answerable = received.filter(({ one: { from, family } }) =>
    family === "IPv4" || !COMMON.IPv6.includes(from)
  );
  if (answerable.length > 0 && chance(next, 2)) await answer(world, pick(next, answerable), on);
  return true;
}

/** From the address that was asked, out of the interface that the question came in on. */
async function answer(
  world: World,
  { opened: { socket }, packet, one }: Received,
  on: ModelInterface,
): Promise<void> {
  const text = world.newText();
  await socket.reply(packet, text);
  await world.heard(on.link, {
    family: one.family,
    text,
    to: one.from,
    from: one.to,
    fromPort: socket.port,
    fromAny: one.cast === "unicast" ? null : ownOn(on, one.family),
    hops: 64,
  });
  world.count("reply");
}

/** The addresses of an interface. */
function ownOn({ addresses, linkLocal }: ModelInterface, family: Family): Set<string> {
  const own = [...addresses, linkLocal].filter((one) => one.includes(":") === (family === "IPv6"));
  return new Set(own);
}

/** This host sends to a peer, or to a group that its own sockets may have joined. */
export async function send(world: World, next: Next): Promise<boolean> {
  const { opened, up } = world;
  const able = opened.flatMap((opened) => {
    const on = interfacesOf(opened, up);
    return on.length > 0 ? [{ opened, on: pick(next, on) }] : [];
  });
  if (able.length === 0) return false;
  const { opened: { socket, model }, on } = pick(next, able);
  const family = pick(next, model.families);
  const bound = model.address !== null && !isGroup(model.address) ? model.address : null;
  const hops = chance(next, 2) ? 1 + next() % 255 : undefined;
  const own = ownOn(on, family);
  const chosen = bound === null && chance(next, 2)
    ? pick(next, [...on.addresses].filter((one) => own.has(one)))
    : undefined;
  const from = chosen ?? bound ?? "";
  const text = world.newText();
  const common = { family, text, from, fromPort: socket.port, fromAny: from ? null : own };
  const name = pick(next, [on.name, on.index]);
  const kind = pick(next, ["peer", "heard", "looped", "looped"] as const);
  world.count(`send: ${kind}`);
  if (kind === "peer") {
    const to = addressOn(on.link, family, 100);
    const options = { hops, source: chosen, interface: chance(next, 2) ? name : undefined };
    await socket.send(text, { address: to, port: PEER_PORT }, options);
    await world.heard(on.link, { ...common, to, hops: hops ?? 64 });
  } else if (kind === "heard") {
    const to = HEARD[family];
    const written = `${family === "IPv6" ? `[${to}]` : to}:${PEER_PORT}@${on.name}`;
    await socket.send(text, written, { hops, source: chosen });
    await world.heard(on.link, { ...common, to, hops: hops ?? 1 });
  } else {
    const to = pick(next, GROUPS[family]);
    const { port } = pick(next, opened).model;
    await socket.send(text, { address: to, port, interface: name }, { hops, source: chosen });
    const sent: Expected = {
      ...common,
      cast: "multicast",
      to,
      port,
      index: on.index,
      hops: hops ?? 1,
    };
    await world.compare([sent], on.link);
  }
  return true;
}

const isGroup = (address: string) => /^(22[4-9]|23\d)\.|^ff/.test(address);

/** By which a socket can send. */
function interfacesOf(
  { model: { address, only } }: Opened,
  up: ModelInterface[],
): ModelInterface[] {
  const possible = up.filter(({ index }) => only === null || only === index);
  if (address === null || isGroup(address)) return possible;
  return possible.filter(({ addresses }) => addresses.has(address));
}

/** Sends it to a group that something was just done with, and from a sender that it was done with. */
function toSubject(
  one: { -readonly [Key in keyof Expected]: Expected[Key] },
  { group, source }: { group: string; source: string | null },
  on: ModelInterface,
): void {
  const family = group.includes(":") ? "IPv6" : "IPv4";
  const senders = [...COMMON[family], addressOn(on.link, family, 100)];
  if (one.family !== family || (source !== null && senders.includes(source))) {
    one.from = source !== null && senders.includes(source) ? source : senders[0];
  }
  Object.assign(one, { family, cast: "multicast", to: group });
}

function choose(world: World, next: Next, { model }: Opened, on: ModelInterface): Expected {
  const { stage, up } = world;
  const family = pick(next, model.families);
  const { list } = model.memberships;
  const joined = list.map(({ group }) => group).filter((group) =>
    group.includes(":") === (family === "IPv6")
  );
  const casts: Cast[] = family === "IPv4"
    ? ["unicast", "broadcast", "multicast", "multicast", "multicast"]
    : ["unicast", "multicast", "multicast"];
  const cast = pick(next, casts);
  let from = pick(next, [...COMMON[family], addressOn(on.link, family, 100)]);
  let to: string;
  if (cast === "multicast") {
    to = joined.length > 0 && !chance(next, 4) ? pick(next, joined) : pick(next, GROUPS[family]);
    if (family === "IPv6" && chance(next, 4)) from = stage.peers.get(on.link)!.linkLocal;
  } else if (cast === "broadcast") {
    to = pick(next, ["255.255.255.255", `10.${on.link}.0.255`]);
  } else if (family === "IPv6" && chance(next, 4)) {
    [to, from] = [on.linkLocal, stage.peers.get(on.link)!.linkLocal];
  } else {
    // An IPv4 host takes what is for any of its addresses, on whatever interface it comes (RFC 1122, 3.3.4.2).
    const { addresses } = family === "IPv4" && chance(next, 4) ? pick(next, up) : on;
    to = pick(next, [...addresses].filter((one) => one.includes(":") === (family === "IPv6")));
  }
  const { port } = model;
  return {
    family,
    cast,
    to,
    from,
    fromPort: PEER_PORT,
    fromAny: null,
    port,
    index: on.index,
    text: world.newText(),
    hops: 1 + next() % 255,
  };
}
