/** Changes replayed one by one, by what each says of itself: an independent second opinion on what they mean. */
import { assert, assertEquals } from "@std/assert";
import type { InterfaceAddress, InterfaceChange, NetworkInterface } from "../../mod.ts";

/** An interface that can be changed. */
type Draft = {
  -readonly [Key in keyof NetworkInterface]: Key extends "addresses" ? InterfaceAddress[]
    : NetworkInterface[Key];
};

/**
 * A list, changed by what the changes say, with nothing taken from them that their type does not
 * speak of. What cannot happen (an address added twice, an interface removed that is not there) is an error.
 */
export function replay(
  list: readonly NetworkInterface[],
  changes: readonly InterfaceChange[],
): NetworkInterface[] {
  const drafts = new Map<number, Draft>();
  const put = (item: NetworkInterface) =>
    drafts.set(item.index, { ...item, addresses: [...item.addresses] });
  list.forEach(put);
  for (const change of changes) {
    const { type, interface: item } = change;
    const draft = drafts.get(item.index);
    assertEquals(draft === undefined, type === "added", `${type} ${item.name}`);
    if (type === "added") put(item);
    if (draft) one(draft, change, drafts);
  }
  return sorted([...drafts.values()]);
}

function one(draft: Draft, change: InterfaceChange, drafts: Map<number, Draft>) {
  const { type, interface: item } = change;
  const is = (condition: boolean) => assert(condition, `${type} ${draft.name}`);
  switch (type) {
    case "removed":
      assertEquals(draft.name, item.name);
      drafts.delete(item.index);
      break;
    case "renamed":
      is(draft.name !== item.name && change.previous.name === draft.name);
      draft.name = item.name;
      break;
    case "changed": {
      const { description, mac, mtu, loopback, multicast, pointToPoint } = item;
      const news = { description, mac, mtu, loopback, multicast, pointToPoint };
      is(Object.entries(news).some(([name, value]) => draft[name as keyof Draft] !== value));
      is(change.previous.mtu === draft.mtu && change.previous.mac === draft.mac);
      Object.assign(draft, news);
      break;
    }
    case "up":
    case "down":
      is(draft.up === (type === "down") && item.up === !draft.up);
      draft.up = item.up;
      break;
    case "running":
    case "not-running":
      is(draft.running === (type === "not-running") && item.running === !draft.running);
      draft.running = item.running;
      break;
    case "address-added":
      draft.addresses.push(change.address);
      break;
    case "added":
      break;
    default: {
      const { address, prefixLength } = change.address;
      const at = draft.addresses.findIndex((own) =>
        own.address === address && own.prefixLength === prefixLength
      );
      is(at >= 0);
      if (type === "address-usable") {
        is(draft.addresses[at].tentative === true && change.address.tentative === false);
      }
      if (type === "address-removed") draft.addresses.splice(at, 1);
      else draft.addresses[at] = change.address;
    }
  }
}

/** Lists as they are compared: which of an interface's addresses is the first means nothing. */
export function sorted(list: readonly NetworkInterface[]): NetworkInterface[] {
  const key = ({ address, prefixLength }: InterfaceAddress) => `${address}/${prefixLength}`;
  return list
    .map((item) => ({
      ...item,
      addresses: item.addresses.toSorted((a, b) => key(a) < key(b) ? -1 : 1),
    }))
    .sort((a, b) => a.index - b.index);
}
