/**
 * A host's interfaces, kept up to date by what the kernel says happens to them.
 *
 * @module
 */

import type {
  AddressRecord,
  HostRecords,
  LinkRecord,
  RouteEvent,
} from "../ffi/interface_records.ts";
import type { SocketWords } from "../ffi/sockaddr.ts";
import { diffInterface, diffInterfaces, type InterfaceChange } from "./change.ts";
import { type InterfaceAddress, type NetworkInterface, toAddress, toInterface } from "./list.ts";

/** One interface. */
interface Item {
  link: LinkRecord;
  readonly addresses: Map<string, InterfaceAddress>;
  shown: NetworkInterface;
}

/** Applies events and tells what they changed. Its size is that of the host, however much happens. */
export class HostModel {
  #items: Map<number, Item>;

  constructor(records: HostRecords) {
    this.#items = toItems(records);
  }

  /** The interfaces, in the order of their indexes. */
  get interfaces(): NetworkInterface[] {
    return [...this.#items.values()].map(({ shown }) => shown).sort((a, b) => a.index - b.index);
  }

  /** Takes a new list over, after events were lost. */
  replace(records: HostRecords): InterfaceChange[] {
    const before = this.interfaces;
    this.#items = toItems(records);
    return diffInterfaces(before, this.interfaces);
  }

  /** Applies an event. One that changes nothing, or is about an unknown interface, yields nothing. */
  apply(event: RouteEvent): InterfaceChange[] {
    if (event.type === "link") return this.#link(event.link);
    const index = event.type === "link-gone" ? event.index : event.address.index;
    const item = this.#items.get(index);
    if (!item) return [];
    if (event.type === "link-gone") {
      this.#items.delete(index);
      return diffInterface(item.shown, null);
    }
    const key = keyOf(event.address);
    if (event.type === "address") item.addresses.set(key, toAddress(event.address));
    else if (!item.addresses.delete(key)) return [];
    return show(item, [...item.addresses.values()]);
  }

  #link(link: LinkRecord): InterfaceChange[] {
    const item = this.#items.get(link.index);
    if (item) {
      item.link = link;
      return show(item, item.shown.addresses);
    }
    const added = { link, addresses: new Map(), shown: toInterface(link, []) };
    this.#items.set(link.index, added);
    return diffInterface(null, added.shown);
  }
}

function show(item: Item, addresses: readonly InterfaceAddress[]): InterfaceChange[] {
  const before = item.shown;
  item.shown = toInterface(item.link, addresses);
  return diffInterface(before, item.shown);
}

function toItems({ links, addresses }: HostRecords): Map<number, Item> {
  const byIndex = new Map(links.map(({ index }) => [index, new Map<string, InterfaceAddress>()]));
  for (const record of addresses) {
    byIndex.get(record.index)?.set(keyOf(record), toAddress(record));
  }
  return new Map(links.map((link) => {
    const own = byIndex.get(link.index)!;
    return [link.index, { link, addresses: own, shown: toInterface(link, [...own.values()]) }];
  }));
}

/** What makes an address one of its own. Linux allows an IPv4 one again with another prefix length or peer. */
function keyOf({ address, peer, prefixLength }: AddressRecord): string {
  const text = ({ w0, w1, w2, w3 }: SocketWords) => `${w0}.${w1}.${w2}.${w3}`;
  if (address.family === "IPv6") return text(address);
  return `${address.family} ${text(address)}/${prefixLength} ${peer ? text(peer) : ""}`;
}
