/** Waiting for what happens to interfaces and memberships, and making many things happen while nobody looks. */
import { spawnSync } from "node:child_process";
import type { Membership } from "../../mod.ts";
import { within } from "../harness.ts";
import type { Host } from "./lab.ts";

/** What comes one after the other; whoever wants the next waits for it. */
export class Queue<T> {
  #items: T[] = [];
  #wake = () => {};
  readonly add = (item: T) => {
    this.#items.push(item);
    this.#wake();
  };

  /** How many have come and were not asked for. */
  get size(): number {
    return this.#items.length;
  }

  /** The next one. */
  next(what = "the next event", ms = 5_000): Promise<T> {
    return this.find(() => true, what, ms);
  }

  /** Skips until one satisfies the condition. */
  find(condition: (item: T) => boolean, what = "the event looked for", ms = 5_000): Promise<T> {
    const search = async () => {
      for (;;) {
        while (this.#items.length === 0) await new Promise<void>((resolve) => this.#wake = resolve);
        const item = this.#items.shift()!;
        if (condition(item)) return item;
      }
    };
    return within(ms, search(), what);
  }

  /** All that have come. */
  take(): T[] {
    return this.#items.splice(0);
  }
}

/** A `change` event of a membership, by the interfaces' names. */
export interface Told {
  joined: string[];
  left: string[];
  failed: string[];
}

/** Listens to a membership. */
export function changesOf(membership: Membership): Queue<Told> {
  const queue = new Queue<Told>();
  const names = (list: readonly { name: string }[]) => list.map(({ name }) => name).sort();
  membership.addEventListener("change", ({ joined, left, failed }) => {
    queue.add({ joined: names(joined), left: names(left), failed: names(failed) });
  });
  return queue;
}

/** Where a membership is joined, by the interfaces' names. */
export function joinedOn({ interfaces }: Pick<Membership, "interfaces">): string[] {
  return interfaces.map(({ name }) => name).sort();
}

/**
 * Several `ip` commands, one a line, in one process and while this one stands still: to
 * whoever watches, all of it happens between two looks.
 */
export function atOnce(commands: readonly string[], host: Host | null = null): void {
  const where = host?.namespace ? ["-n", host.namespace] : [];
  const { status, stderr } = spawnSync("ip", [...where, "-batch", "-"], {
    input: commands.join("\n") + "\n",
  });
  if (status !== 0) throw new Error(`${commands.slice(0, 5).join("; ")}: ${stderr}`);
}

/** More changes than a netlink socket's queue takes, none of which anybody wants to know. The interface "flood0" has to be up. */
export const FLOOD: readonly string[] = Array.from(
  { length: 4000 },
  (_, i) => `link set flood0 alias ${"x".repeat(200)}${i}`,
);

/** Makes the interface of {@linkcode FLOOD}; nobody joins anything on it. */
export const FLOODED: readonly string[] = [
  "link add flood0 type bridge",
  "link set flood0 multicast off up",
];
