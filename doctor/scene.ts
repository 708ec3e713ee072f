/**
 * Questions that several checks ask about the facts.
 *
 * @module
 */

import { isLinkLocal } from "../address/classify.ts";
import { type Family, parseIp } from "../address/ip.ts";
import type { InterfaceAddress } from "../interfaces/list.ts";
import type { Found } from "./causes.ts";
import type { Facts, InterfaceFacts, Probe } from "./facts.ts";
import type { Level } from "./types.ts";

/** Both families, in the order in which they are looked at. */
export const FAMILIES: readonly Family[] = ["IPv4", "IPv6"];

/** The facts, and what was found so far. */
export class Scene {
  /** What the checks before have found. */
  readonly found: Found[] = [];

  constructor(readonly facts: Facts) {}

  /** The interfaces to say something about: those selected that do not work for another interface. */
  get subjects(): InterfaceFacts[] {
    return this.facts.interfaces.filter((item) =>
      this.facts.selected.has(item.index) && !this.isPart(item)
    );
  }

  /** A part of a bridge or bond: IP is done by the whole. */
  isPart({ details }: InterfaceFacts): boolean {
    if (!details?.master) return false;
    return this.byIndex(details.master)?.details?.kind !== "vrf";
  }

  byIndex(index: number | null): InterfaceFacts | undefined {
    return this.facts.interfaces.find((item) => item.index === index);
  }

  nameOf(index: number | undefined): string | null {
    return this.byIndex(index ?? null)?.name ?? null;
  }

  /** The tests on an interface, of a family. */
  probes(item: InterfaceFacts, family: Family): Probe[] {
    return this.facts.probes.filter((probe) =>
      probe.index === item.index && probe.family === family
    );
  }

  /** Whether an interface is one to carry multicast of a family to others; tests may still fail on it. */
  carries(item: InterfaceFacts, family: Family): boolean {
    return !item.loopback && item.up && item.running && item.multicast && !this.isPart(item) &&
      addressesOf(item, family).some(isUsable);
  }

  /**
   * How bad it is when something is missing that many hosts do without: a problem
   * where the interface was asked for, or is the only hope.
   */
  levelOfLack(item: InterfaceFacts, families: readonly Family[] = FAMILIES): Level {
    if (this.facts.named.has(item.index)) return "problem";
    const others = this.facts.interfaces.filter((other) => other !== item);
    return families.some((family) => others.some((other) => this.carries(other, family)))
      ? "note"
      : "problem";
  }

  /** Whether a problem of an interface is known already that explains what a family does there. */
  explained(item: InterfaceFacts, family: Family): boolean {
    return this.found.some((other) =>
      other.level !== "warning" && other.interface === item.name &&
      // Programs heed the mark; the system itself does not.
      other.id !== "no-multicast-flag" &&
      (other.family === null || other.family === family)
    ) || this.withoutFamily(family);
  }

  /** Whether the host does not do a family at all. */
  withoutFamily(family: Family): boolean {
    return this.facts.missing[family] !== undefined ||
      this.found.some((other) =>
        other.family === family &&
        (other.id === "family-missing" || other.id === "ipv6-disabled-everywhere")
      );
  }

  /** The interface to lead groups out of where nobody says which: the first that can. */
  bestInterface(family: Family): InterfaceFacts | null {
    const rank = (item: InterfaceFacts) =>
      (item.loopback ? 16 : 0) + (item.up ? 0 : 8) + (item.running ? 0 : 4) +
      (item.multicast ? 0 : 2) + (addressesOf(item, family).length > 0 ? 0 : 1);
    const all = this.facts.interfaces.filter((item) => !this.isPart(item));
    const best = all.toSorted((a, b) => rank(a) - rank(b) || a.index - b.index)[0] ?? null;
    // On loopback the routes for IPv6 groups are of another kind, and have findings of their own.
    return best?.loopback && family === "IPv6" ? null : best;
  }

  add(...found: Found[]): void {
    this.found.push(...found);
  }
}

/** An interface's addresses of a family. */
export function addressesOf(item: InterfaceFacts, family: Family): InterfaceAddress[] {
  return item.addresses.filter((own) => own.family === family);
}

/** An interface's link-local addresses of IPv6. */
export function linkLocals(item: InterfaceFacts): InterfaceAddress[] {
  return addressesOf(item, "IPv6").filter((own) => isLinkLocal(parseIp(own.address)));
}

/** Whether an address can be sent from. */
export function isUsable(own: InterfaceAddress): boolean {
  return own.tentative !== true && own.duplicate !== true;
}

/** Hardware of Ethernet's kind, real or not: it has an address of its own and many neighbours. */
export function isEthernetLike(item: InterfaceFacts): boolean {
  return item.mac !== null && !item.pointToPoint;
}
