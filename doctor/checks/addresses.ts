/**
 * Addresses: none, not yet usable, or taken by somebody else.
 *
 * @module
 */

import { isLinkLocal } from "../../address/classify.ts";
import { parseIp } from "../../address/ip.ts";
import type { InterfaceFacts } from "../facts.ts";
import { addressesOf, isEthernetLike, isUsable, linkLocals, type Scene } from "../scene.ts";
import { linkLocalFromMac, linkLocalIpv4, randomLinkLocal } from "../proposals.ts";

/** RFC 8200 section 5: the smallest that a link of IPv6 may take. */
const IPV6_MINIMUM_MTU = 1280;

/** What is the matter with the addresses. */
export function checkAddresses(scene: Scene): void {
  checkFamilies(scene);
  for (const item of scene.subjects) {
    if (!item.up) continue;
    if (!scene.withoutFamily("IPv4")) checkIpv4(scene, item);
    if (!scene.withoutFamily("IPv6")) checkIpv6(scene, item);
  }
}

function checkFamilies(scene: Scene): void {
  const { missing, interfaces } = scene.facts;
  for (const family of ["IPv4", "IPv6"] as const) {
    const reason = missing[family];
    if (reason === undefined) continue;
    scene.add({
      id: "family-missing",
      level: "problem",
      interface: null,
      family,
      group: null,
      what: `This host has no ${family}.`,
      why: `Opening a socket of it fails: ${reason}`,
      cause: { family },
    });
  }
  const able = interfaces.filter(({ details }) => typeof details?.ipv6Disabled === "boolean");
  if (able.length === 0 || !able.every(({ details }) => details!.ipv6Disabled)) return;
  scene.add({
    id: "ipv6-disabled-everywhere",
    level: "problem",
    interface: null,
    family: "IPv6",
    group: null,
    what: "IPv6 is switched off on all interfaces.",
    why: "There are no addresses and no routes of it, so groups can neither be joined nor sent to.",
    cause: { interfaces: able.map(({ name }) => name) },
  });
}

function checkIpv4(scene: Scene, item: InterfaceFacts): void {
  if (addressesOf(item, "IPv4").length > 0 || (!item.loopback && !item.running)) return;
  const taken = scene.facts.interfaces.flatMap((other) =>
    other.addresses.map(({ address }) => address)
  );
  scene.add({
    id: "no-ipv4-address",
    level: scene.levelOfLack(item, ["IPv4"]),
    interface: item.name,
    family: "IPv4",
    group: null,
    what: `${item.name} has no IPv4 address.`,
    why: "What is sent out of it bears the address of another interface, or none, so nobody can " +
      "answer; and many programs leave it out.",
    cause: {
      interface: item.name,
      address: item.loopback ? "127.0.0.1/8" : `${linkLocalIpv4(item.mac, taken)}/16`,
    },
  });
}

function checkIpv6(scene: Scene, item: InterfaceFacts): void {
  const about = { interface: item.name, family: "IPv6", group: null } as const;
  if (item.details?.ipv6Disabled) {
    scene.add({
      ...about,
      id: "ipv6-disabled",
      level: item.loopback ? scene.levelOfLack(item, ["IPv6"]) : "problem",
      what: `IPv6 is switched off on ${item.name}.`,
      why:
        "It has no addresses and no routes of IPv6, so groups can neither be joined nor sent to.",
      cause: { interface: item.name },
    });
  } else if (item.mtu !== null && item.mtu < IPV6_MINIMUM_MTU) {
    scene.add({
      ...about,
      id: "mtu-too-small",
      level: isEthernetLike(item) ? "problem" : scene.levelOfLack(item, ["IPv6"]),
      what: `${item.name} takes packets of at most ${item.mtu} bytes, too few for IPv6.`,
      why: `IPv6 asks for ${IPV6_MINIMUM_MTU} (RFC 8200), so the system does without it there.`,
      cause: { interface: item.name },
    });
  } else if (!item.loopback && item.running) {
    checkLinkLocal(scene, item);
  }
  for (const own of addressesOf(item, "IPv6")) {
    if (!own.duplicate || isLinkLocal(parseIp(own.address))) continue;
    scene.add({
      ...about,
      id: "duplicate-address",
      level: "warning",
      what: `${own.address} on ${item.name} belongs to another host of the link already.`,
      why: "Duplicate address detection (RFC 4862) failed, so the address is never used.",
      cause: {
        interface: item.name,
        address: own.address,
        prefixLength: own.prefixLength ?? 64,
        replacement: null,
      },
    });
  }
}

function checkLinkLocal(scene: Scene, item: InterfaceFacts): void {
  const own = linkLocals(item);
  if (own.some(isUsable)) return;
  const about = { interface: item.name, family: "IPv6", group: null } as const;
  const duplicate = own.find((address) => address.duplicate);
  if (duplicate) {
    scene.add({
      ...about,
      id: "duplicate-address",
      level: "problem",
      what: `${duplicate.address} on ${item.name} belongs to another host of the link already.`,
      why:
        "Duplicate address detection (RFC 4862) failed: the interface has no link-local address " +
        "to send to groups from.",
      cause: {
        interface: item.name,
        address: duplicate.address,
        prefixLength: duplicate.prefixLength ?? 64,
        replacement: randomLinkLocal(scene.facts.random),
      },
    });
  } else if (own.length > 0) {
    const probes = item.details?.duplicateProbes ?? 1;
    scene.add({
      ...about,
      id: "link-local-tentative",
      level: "problem",
      what: `${own[0].address} on ${item.name} is tentative: it cannot be used yet.`,
      why: `The system is still asking whether another host has it (RFC 4862)` +
        (probes > 3 ? `, ${probes} times, once a second.` : "."),
      cause: { interface: item.name, address: own[0].address, probes },
    });
  } else {
    scene.add({
      ...about,
      id: "link-local-missing",
      level: isEthernetLike(item) ? "problem" : scene.levelOfLack(item, ["IPv6"]),
      what: `${item.name} has no IPv6 link-local address.`,
      why:
        "Every interface that does IPv6 must have one (RFC 4291 section 2.8): reports of group " +
        "membership are sent from it, and so is what goes to ff02:: groups.",
      cause: {
        interface: item.name,
        address: linkLocalFromMac(item.mac) ?? randomLinkLocal(scene.facts.random),
      },
    });
  }
}
