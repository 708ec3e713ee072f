/**
 * What can happen to interfaces, and how it is found by comparing before and after.
 *
 * @module
 */

import type { InterfaceAddress, NetworkInterface } from "./list.ts";

/** Something that happened to an interface itself. */
export interface LinkChange {
  /**
   * - `"added"`, `"removed"`: it came, with all it has, or it is gone, with all it had.
   * - `"up"`, `"down"`: it was switched on or off.
   * - `"running"`, `"not-running"`: its carrier came or went.
   */
  readonly type: "added" | "removed" | "up" | "down" | "running" | "not-running";
  /** The interface after the change; of a removed one, what was last known. */
  readonly interface: NetworkInterface;
}

/** An interface is called otherwise, or has another MTU, MAC address or ability. */
export interface PropertyChange {
  /** `"renamed"`: the name. `"changed"`: `mtu`, `mac`, `multicast` … */
  readonly type: "renamed" | "changed";
  /** The interface after the change. */
  readonly interface: NetworkInterface;
  /** The interface before. */
  readonly previous: NetworkInterface;
}

/** Something that happened to an address of an interface. */
export interface AddressChange {
  /**
   * - `"address-added"`, `"address-removed"`: it came, perhaps still tentative, or it is gone.
   * - `"address-usable"`: it was tentative and is no longer: now it can be bound to.
   * - `"address-changed"`: it was deprecated, has another broadcast address, was found to be
   *   a duplicate, or is tentative again.
   */
  readonly type: "address-added" | "address-removed" | "address-usable" | "address-changed";
  /** The interface after the change. */
  readonly interface: NetworkInterface;
  /** The address after the change; of a removed one, what was last known. */
  readonly address: InterfaceAddress;
}

/** One change of the interfaces; `type` tells them apart. */
export type InterfaceChange = LinkChange | PropertyChange | AddressChange;

/**
 * What happened between two lists of a host's interfaces.
 *
 * What an interface lost comes before what it gained, so that whoever follows the
 * changes one by one never has both.
 *
 * An index with another name *and* another (or no) MAC address is another interface.
 *
 * @param before In the order of the indexes, as `interfaces()` lists them.
 * @param after Likewise.
 */
export function diffInterfaces(
  before: readonly NetworkInterface[],
  after: readonly NetworkInterface[],
): InterfaceChange[] {
  const changes: InterfaceChange[] = [];
  const known = new Map(before.map((item) => [item.index, item]));
  const remaining = new Set(after.map(({ index }) => index));
  for (const item of before) {
    if (!remaining.has(item.index)) changes.push(...diffInterface(item, null));
  }
  for (const item of after) {
    const previous = known.get(item.index);
    if (previous && isAnother(previous, item)) {
      changes.push(...diffInterface(previous, null), ...diffInterface(null, item));
    } else {
      changes.push(...diffInterface(previous ?? null, item));
    }
  }
  return changes;
}

/**
 * What happened to one interface.
 *
 * @param before What it was; `null`: it was not there.
 * @param after What it is; `null`: it is gone.
 */
export function diffInterface(
  before: NetworkInterface | null,
  after: NetworkInterface | null,
): InterfaceChange[] {
  if (before && after) return [...linkChanges(before, after), ...addressChanges(before, after)];
  if (before) return [{ type: "removed", interface: before }];
  return after ? [{ type: "added", interface: after }] : [];
}

/** The index of an interface that is gone can be used again at once. */
function isAnother(before: NetworkInterface, after: NetworkInterface): boolean {
  return before.name !== after.name && (before.mac !== after.mac || after.mac === null);
}

function* linkChanges(
  previous: NetworkInterface,
  now: NetworkInterface,
): Generator<InterfaceChange> {
  if (previous.name !== now.name) yield { type: "renamed", interface: now, previous };
  if (previous.running && !now.running) yield { type: "not-running", interface: now };
  if (previous.up && !now.up) yield { type: "down", interface: now };
  if (PROPERTIES.some((property) => previous[property] !== now[property])) {
    yield { type: "changed", interface: now, previous };
  }
  if (!previous.up && now.up) yield { type: "up", interface: now };
  if (!previous.running && now.running) yield { type: "running", interface: now };
}

const PROPERTIES = ["description", "mac", "mtu", "loopback", "multicast", "pointToPoint"] as const;

function* addressChanges(
  before: NetworkInterface,
  now: NetworkInterface,
): Generator<InterfaceChange> {
  if (before.addresses === now.addresses) return;
  const old = byText(before);
  const own = byText(now);
  for (const [text, address] of old) {
    if (!own.has(text)) yield { type: "address-removed", interface: now, address };
  }
  for (const [text, address] of own) {
    const previous = old.get(text);
    if (!previous) yield { type: "address-added", interface: now, address };
    else if (previous.tentative && address.tentative === false && !address.duplicate) {
      yield { type: "address-usable", interface: now, address };
    } else if (ATTRIBUTES.some((attribute) => previous[attribute] !== address[attribute])) {
      yield { type: "address-changed", interface: now, address };
    }
  }
}

const ATTRIBUTES = ["broadcast", "tentative", "duplicate", "temporary", "deprecated"] as const;

/** IPv4 allows one address with several prefix lengths, and with several other ends; each counts. */
function byText({ addresses }: NetworkInterface): Map<string, InterfaceAddress> {
  const result = new Map<string, InterfaceAddress>();
  for (const own of addresses) {
    let key = `${own.address}/${own.prefixLength}`;
    while (result.has(key)) key += " again";
    result.set(key, own);
  }
  return result;
}
