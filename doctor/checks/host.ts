/**
 * Settings of the host that make packets get lost now and then: nothing that a test sees.
 *
 * @module
 */

import type { InterfaceFacts } from "../facts.ts";
import { addressesOf, type Scene } from "../scene.ts";

/** The newest versions, which alone know senders (RFC 9776, RFC 9777). */
const IGMP = 3;
const MLD = 2;

/** What is the matter with the host. */
export function checkHost(scene: Scene): void {
  checkLimits(scene);
  checkPorts(scene);
  checkReversePath(scene);
  checkVersions(scene, null, scene.facts.forced);
  for (const item of scene.subjects) {
    if (!item.up) continue;
    const { forcedIgmp: igmp, forcedMld: mld } = item.details ?? {};
    checkVersions(scene, item, { igmp, mld });
    checkBridge(scene, item);
  }
  checkSurroundings(scene);
}

function checkLimits(scene: Scene): void {
  const { memberships, sources, probes } = scene.facts;
  const about = { interface: null, family: "IPv4", group: null } as const;
  if (memberships.had !== null && memberships.had < memberships.wanted) {
    const broken = probes.some((probe) => probe.join === "fails" && probe.family === "IPv4");
    scene.add({
      ...about,
      id: "membership-limit",
      level: broken ? "problem" : "warning",
      what: `A socket can join only ${memberships.had} IPv4 groups.`,
      why:
        `Other hosts allow ${memberships.wanted} and more; programs that join a group on every ` +
        "interface need one membership for each.",
      cause: { limit: memberships.wanted },
    });
  }
  // Without any membership the other limit cannot be seen.
  if (sources.had !== null && sources.had < sources.wanted && memberships.had !== 0) {
    scene.add({
      ...about,
      id: "source-limit",
      level: "warning",
      what: `A socket can choose only ${sources.had} senders of an IPv4 group.`,
      why: `Other hosts allow ${sources.wanted} and more (source-specific multicast, RFC 4607).`,
      cause: { limit: sources.wanted },
    });
  }
}

function checkPorts(scene: Scene): void {
  const taken = scene.facts.ports.filter((port) => port.taken);
  for (const { port, family, holders } of taken) {
    const same = taken.filter((other) => other.port === port);
    // One socket can hold a port in both families: one finding, and one program to stop.
    const both = same.length === 2 &&
      holders.every(({ pid }) =>
        same.every((other) => other.holders.some((holder) => holder.pid === pid))
      );
    if (both && same[0].family !== family) continue;
    const who = holders.map(({ name, pid, self }) =>
      self ? "this program itself" : `${name} (process ${pid})`
    ).join(", ");
    scene.add({
      id: "port-taken",
      level: "warning",
      interface: null,
      family: both ? null : family,
      group: null,
      what: `Port ${port} is held by ${who || "a program"} that does not share it` +
        `${both ? "" : ` (${family})`}.`,
      why: "Other programs cannot open it, so they miss what is sent to groups on that port.",
      cause: { port, holders },
    });
  }
}

function checkReversePath(scene: Scene): void {
  const homes = scene.facts.interfaces.filter((item) =>
    !item.loopback && item.up && item.running && !scene.isPart(item) &&
    addressesOf(item, "IPv4").length > 0
  );
  if (homes.length < 2) return;
  for (const item of homes) {
    if (!item.details?.strictReversePath || !scene.facts.selected.has(item.index)) continue;
    scene.add({
      id: "strict-reverse-path",
      level: "warning",
      interface: item.name,
      family: "IPv4",
      group: null,
      what: `${item.name} drops packets whose sender would be answered out of another interface.`,
      why: `The reverse path filter is strict and the host has ${homes.length} networks: packets ` +
        "to groups from hosts that are routed otherwise are lost without a trace.",
      cause: { interface: item.name },
    });
  }
}

/** `null`: all interfaces. */
function checkVersions(
  scene: Scene,
  item: InterfaceFacts | null,
  forced: { readonly igmp?: number | null; readonly mld?: number | null },
): void {
  const { igmp, mld } = forced;
  const name = item?.name ?? null;
  const who = item ? `${item.name} is` : "All interfaces are";
  if (igmp && igmp < IGMP) {
    scene.add({
      id: "old-igmp",
      level: "warning",
      interface: name,
      family: "IPv4",
      group: null,
      what: `${who} forced to speak IGMP version ${igmp}.`,
      why:
        "Switches and routers are not told which senders are wanted (source-specific multicast)" +
        (igmp === 1 ? ", nor when a group is left." : "."),
      cause: { interface: name, version: igmp },
    });
  }
  if (mld && mld < MLD) {
    scene.add({
      id: "old-mld",
      level: "warning",
      interface: name,
      family: "IPv6",
      group: null,
      what: `${who} forced to speak MLD version ${mld}.`,
      why:
        "Switches and routers are not told which senders are wanted (source-specific multicast).",
      cause: { interface: name, version: mld },
    });
  }
}

function checkBridge(scene: Scene, item: InterfaceFacts): void {
  const bridge = item.details?.bridge;
  const ports = scene.facts.interfaces.filter(({ details, up }) =>
    details?.master === item.index && up
  );
  if (!bridge?.snooping || bridge.querier || bridge.otherQuerier || ports.length === 0) return;
  scene.add({
    id: "bridge-without-querier",
    // Linux itself passes everything on while it knows no querier (br_multicast_querier_exists).
    level: scene.facts.named.has(item.index) ? "warning" : "note",
    interface: item.name,
    family: null,
    group: null,
    what:
      `${item.name} snoops on who has joined which group, but nobody asks: there is no querier.`,
    why:
      "Memberships that it has learnt are forgotten after minutes. It floods groups to all ports " +
      "then, but switches behind it that snoop too may stop passing them on.",
    cause: { interface: item.name },
  });
}

function checkSurroundings(scene: Scene): void {
  const { container, wsl } = scene.facts;
  const about = { level: "note", interface: null, family: null, group: null } as const;
  if (container !== null) {
    scene.add({
      ...about,
      id: "container",
      what: `This is a container (${container}).`,
      why: "Where its network is a bridge with address translation, groups of the outside do not " +
        "get in, and what is sent to groups does not get out.",
      cause: { runtime: container },
    });
  }
  if (wsl) {
    scene.add({
      ...about,
      id: "wsl",
      what: "This is the Windows Subsystem for Linux.",
      why:
        "Its usual network is behind address translation: groups of the outside do not get in, " +
        "and what is sent to groups does not get out.",
      cause: {},
    });
  }
}
