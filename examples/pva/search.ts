/** Who serves these PV names? */

import { ask, type AskOptions } from "./ask.ts";
import type { Search } from "./codec.ts";
import { type Server, serverOf } from "./server.ts";

/** A server that has a name. */
export interface Answer extends Server {
  name: string;
}

/** How to search. */
export interface SearchOptions extends AskOptions {
  /** How long to go on once all names are found: a second server may have the same. Default: 250. */
  lingerMs?: number;
}

/** What a datagram may hold, so that Ethernet carries it in one piece; the limit of PVXS. */
const DATAGRAM_BYTES = 1400;
/** Nobody has so many servers; whoever makes them up does not fill the memory. */
const MAX_ANSWERS = 20_000;

/**
 * Asks for names until all are found, or until the signal is aborted.
 *
 * @param names The names, each once.
 * @returns Every server that has one of them, once an interface by which it answered.
 */
export async function* search(
  names: Iterable<string>,
  options: SearchOptions,
): AsyncGenerator<Answer> {
  const { lingerMs = 250, dropped } = options;
  const all = [...new Set(names)];
  if (all.length === 0) return;
  const missing = new Map(all.map((name, id) => [id, name]));
  const sequence = crypto.getRandomValues(new Uint32Array(1))[0];
  const seen = new Set<string>();
  const end = new AbortController();
  const stop = () => end.abort();
  options.signal?.addEventListener("abort", stop, { once: true });
  if (options.signal?.aborted) stop();
  let linger: ReturnType<typeof setTimeout> | undefined;
  try {
    const questions = () => searches(sequence, missing);
    for await (const { message, packet } of ask(questions, { ...options, signal: end.signal })) {
      const asked = message.type === "searchResponse" && message.sequence === sequence &&
        message.protocol === "tcp" && message.ids.every((id) => id < all.length);
      if (!asked) {
        if (dropped) dropped.unasked++;
        continue;
      }
      if (!message.found) continue;
      const server = serverOf(message, packet);
      for (const id of message.ids) {
        missing.delete(id);
        const key = `${id} ${server.guid} ${server.address} ${server.interface}`;
        if (seen.has(key) || seen.size >= MAX_ANSWERS) continue;
        seen.add(key);
        yield { name: all[id], ...server };
      }
      if (missing.size === 0) linger ??= setTimeout(stop, lingerMs);
    }
  } finally {
    clearTimeout(linger);
    options.signal?.removeEventListener("abort", stop);
    stop();
  }
}

/** As many searches as the names need. */
export function searches(sequence: number, names: ReadonlyMap<number, string>): Search[] {
  const made: Search[] = [];
  let bytes = Infinity;
  for (const [id, name] of names) {
    // The number, the size, and at most three bytes a character.
    const needed = 4 + 5 + 3 * name.length;
    if (bytes + needed > DATAGRAM_BYTES) {
      made.push({
        type: "search",
        sequence,
        replyRequired: false,
        unicast: false,
        address: null,
        port: 0,
        protocols: ["tcp"],
        names: [],
      });
      bytes = 60; // what precedes the names
    }
    made[made.length - 1].names.push({ id, name });
    bytes += needed;
  }
  return made;
}
