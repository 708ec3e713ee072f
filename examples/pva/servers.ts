/** Which servers are there? By asking all, and by their beacons. */

import { ask, type AskOptions } from "./ask.ts";
import { hear, type ListenOptions, openShared } from "./beacons.ts";
import type { Search } from "./codec.ts";
import { merge } from "./merge.ts";
import { type Server, serverOf } from "./server.ts";

/** A server that is there, or no longer. */
export interface ServerEvent {
  type: "online" | "gone";
  server: Server;
}

/** How to look. */
export interface ServersOptions extends AskOptions, ListenOptions {
  /**
   * A server that is silent for so long is gone; there is no goodbye. Default: 360,000, twice the interval of the
   * beacons.
   */
  lifetimeMs?: number;
}

/** The limit of PVXS: whoever makes up servers does not fill the memory. */
const MAX_SERVERS = 20_000;

/** Tells servers as they come, change their address or identity, and go, until the signal is aborted. */
export async function* servers(options: ServersOptions): AsyncGenerator<ServerEvent> {
  const { lifetimeMs = 360_000 } = options;
  const end = new AbortController();
  const stop = () => end.abort();
  options.signal?.addEventListener("abort", stop, { once: true });
  if (options.signal?.aborted) stop();
  const inner = { ...options, signal: end.signal };
  const known = new Map<string, { server: Server; heardAt: number }>();
  try {
    const sources = [answers(inner), beacons(inner), ticks(lifetimeMs / 4, end.signal)];
    for await (const server of merge<Server | null>(sources, stop)) {
      const now = performance.now();
      if (server === null) {
        for (const [key, { server, heardAt }] of known) {
          if (now - heardAt < lifetimeMs) continue;
          known.delete(key);
          yield { type: "gone", server };
        }
        continue;
      }
      const key = `${server.address} ${server.protocol} ${server.interface}`;
      const before = known.get(key);
      if (!before && known.size >= MAX_SERVERS) continue;
      known.set(key, { server, heardAt: now });
      // Started anew it has another identity.
      if (before?.server.guid !== server.guid) {
        if (before) yield { type: "gone", server: before.server };
        yield { type: "online", server };
      }
    }
  } finally {
    options.signal?.removeEventListener("abort", stop);
    stop();
  }
}

/** Who answers "who is there?". */
async function* answers(options: ServersOptions): AsyncGenerator<Server> {
  const sequence = crypto.getRandomValues(new Uint32Array(1))[0];
  const question: Search = {
    type: "search",
    sequence,
    replyRequired: true,
    unicast: false,
    address: null,
    port: 0,
    protocols: [],
    names: [],
  };
  for await (const { message, packet } of ask(() => [question], options)) {
    if (message.type === "searchResponse" && message.sequence === sequence) {
      yield serverOf(message, packet);
    } else if (options.dropped) options.dropped.unasked++;
  }
}

/** Who says "I am here". */
async function* beacons(options: ServersOptions): AsyncGenerator<Server> {
  if (options.signal?.aborted) return;
  const shared = openShared(options);
  await using _closed = shared.socket;
  for await (const { message: messages, packet } of hear(shared, options)) {
    for (const message of messages) {
      if (message.type === "beacon") yield serverOf(message, packet);
    }
  }
}

/** Tells that time goes by. */
async function* ticks(everyMs: number, signal: AbortSignal): AsyncGenerator<null> {
  while (!signal.aborted) {
    await new Promise<void>((resolve) => {
      const done = () => {
        clearTimeout(timer);
        signal.removeEventListener("abort", done);
        resolve();
      };
      const timer = setTimeout(done, everyMs);
      signal.addEventListener("abort", done);
    });
    if (!signal.aborted) yield null;
  }
}
