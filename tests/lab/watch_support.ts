/** Reading a watcher until something happens, and what that was in a few words. */
import { equal } from "@std/assert";
import {
  type InterfaceChange,
  interfaces,
  type InterfaceWatcher,
  type NetworkInterface,
  watchInterfaces,
} from "../../mod.ts";
import { within } from "../harness.ts";
import { sorted } from "../interfaces/replay.ts";
import { atOnce } from "./events.ts";

/** `"up eth0"`, `"address-added eth0 10.0.0.1"`. */
export function words(change: InterfaceChange): string {
  const { type, interface: { name } } = change;
  const address = "address" in change ? ` ${change.address.address}` : "";
  return `${type} ${name}${address}`;
}

/** The next change. */
export async function nextChange(watcher: InterfaceWatcher, ms = 5_000): Promise<InterfaceChange> {
  const { value } = await within(ms, watcher.next(), "the next change");
  if (!value) throw new Error("the watcher has ended");
  return value;
}

/** The changes up to and with the first that satisfies the condition. */
export async function changesUntil(
  watcher: InterfaceWatcher,
  condition: (change: InterfaceChange) => boolean,
  ms = 5_000,
): Promise<InterfaceChange[]> {
  const changes: InterfaceChange[] = [];
  const search = async () => {
    do changes.push(await nextChange(watcher, ms)); while (!condition(changes.at(-1)!));
    return changes;
  };
  return await within(ms, search(), "the change looked for").catch((error) => {
    throw new Error(`${error.message}; there was: ${changes.slice(-30).map(words).join(", ")}`);
  });
}

let markers = 0;

/** Everything that has happened until now: a last change is made and waited for, and left out. */
export async function changesSoFar(
  watcher: InterfaceWatcher,
  ms?: number,
): Promise<InterfaceChange[]> {
  const marker = `mark${markers++}`;
  const is = (change: InterfaceChange, type: string) =>
    change.interface.name === marker && change.type === type;
  // It stays until it was seen: what comes and goes in an overrun is not told.
  atOnce([`link add ${marker} type bridge`]);
  const changes = await changesUntil(watcher, (change) => is(change, "added"), ms);
  atOnce([`link del ${marker}`]);
  changes.push(...await changesUntil(watcher, (change) => is(change, "removed"), ms));
  // The kernel lists a new IPv6 address at once, and tells of it a little later.
  while (!equal(...knownAndReal(watcher))) {
    const late = await nextChange(watcher, 1_000).catch(() => null);
    // Whoever compares shows the difference.
    if (late === null) break;
    changes.push(late);
  }
  return changes.filter((change) => change.interface.name !== marker);
}

/** What a watcher knows, and what there is. */
export function knownAndReal(
  watcher: InterfaceWatcher,
): [known: NetworkInterface[], real: NetworkInterface[]] {
  return [sorted(watcher.interfaces), sorted(interfaces())];
}

/** A watcher that has seen the changes that a lab's making still causes. */
export async function watch(): Promise<InterfaceWatcher> {
  const watcher = watchInterfaces();
  await changesSoFar(watcher);
  return watcher;
}
