/**
 * Interfaces that are down, have no carrier or do no multicast.
 *
 * @module
 */

import type { InterfaceFacts } from "../facts.ts";
import { isEthernetLike, type Scene } from "../scene.ts";

/** What is the matter with the interfaces themselves. */
export function checkInterfaces(scene: Scene): void {
  const { facts } = scene;
  if (facts.named.size === 0 && !facts.interfaces.some((item) => !item.loopback)) {
    scene.add({
      id: "no-interface",
      level: "note",
      interface: null,
      family: null,
      group: null,
      what: "This host has no interface but loopback.",
      why: "Groups reach programs on this host only.",
      cause: {},
    });
  }
  for (const item of scene.subjects) {
    if (!item.up) checkDown(scene, item);
    else if (!item.running) checkCarrier(scene, item);
    if (item.up && !item.multicast && !item.loopback) checkMulticast(scene, item);
  }
  for (const item of facts.interfaces) {
    const master = scene.byIndex(item.details?.master ?? null);
    if (!facts.named.has(item.index) || !master || !scene.isPart(item)) continue;
    scene.add({
      id: "part-of-another",
      level: "problem",
      interface: item.name,
      family: null,
      group: null,
      what: `${item.name} is a part of ${master.name}, so groups cannot be joined on it.`,
      why: "What arrives on it belongs to the whole: addresses and groups are kept there.",
      cause: { interface: item.name, master: master.name, kind: master.details?.kind ?? null },
    });
  }
}

function checkDown(scene: Scene, item: InterfaceFacts): void {
  const addresses = item.addresses.length > 0;
  scene.add({
    id: "interface-down",
    level: item.loopback || addresses ? "problem" : scene.levelOfLack(item),
    interface: item.name,
    family: null,
    group: null,
    what: `${item.name} is down.`,
    why: addresses
      ? "It has addresses, but nothing is sent or received on it."
      : "Nothing is sent or received on it.",
    cause: { interface: item.name },
  });
}

function checkCarrier(scene: Scene, item: InterfaceFacts): void {
  const kind = item.details?.kind ?? null;
  const ports = scene.facts.interfaces.filter(({ details }) => details?.master === item.index);
  const normal = item.addresses.length === 0 || (kind === "bridge" && ports.length === 0);
  const peer = scene.byIndex(item.details?.peer ?? null);
  scene.add({
    id: "not-running",
    level: normal ? scene.levelOfLack(item) : "problem",
    interface: item.name,
    family: null,
    group: null,
    what: `${item.name} is up but not running: it has no carrier.`,
    why: kind === "bridge"
      ? ports.length === 0
        ? "The bridge has no ports, so nobody is there to hear what is sent."
        : "None of the bridge's ports is running, so nothing gets out."
      : peer && !peer.up
      ? `Its other end, ${peer.name}, is down. Tests may work, but nothing gets out.`
      : "Tests may work, but nothing gets out and nothing comes in.",
    cause: {
      interface: item.name,
      kind,
      peer: kind === "bridge" ? ports.find(({ up }) => !up)?.name ?? null : peer?.name ?? null,
    },
  });
}

function checkMulticast(scene: Scene, item: InterfaceFacts): void {
  scene.add({
    id: "no-multicast-flag",
    level: isEthernetLike(item) ? "problem" : scene.levelOfLack(item),
    interface: item.name,
    family: null,
    group: null,
    what: `${item.name} is marked as not capable of multicast.`,
    why:
      "Programs that join groups everywhere leave it out, and so do joins without an interface here.",
    cause: { interface: item.name },
  });
}
