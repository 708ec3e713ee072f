/**
 * A WS-Discovery client: probes on every interface, over IPv4 and IPv6, asks for addresses where none are told, and listens
 * to who comes and goes.
 */
import { randomUUID } from "node:crypto";
import type { Packet } from "../../mod.ts";
import type { Found } from "../found.ts";
import { Asking } from "../shared/asking.ts";
import { Described } from "../shared/described.ts";
import { Findings, foundUntil } from "../shared/findings.ts";
import { hostAndPort, type Location, parseLocation } from "../shared/http.ts";
import type { Place } from "../shared/multicast.ts";
import {
  formatProbe,
  formatResolve,
  GROUPS,
  parseMessage,
  PORT,
  type Target,
  type Version,
  VERSIONS,
} from "./message.ts";
import { fetchMetadata, type Metadata } from "./metadata.ts";

export interface DiscoverOptions {
  /** Names of interfaces. Default: all that can do multicast, also those that come later. */
  interfaces?: readonly string[];
  /** Ends it. */
  signal?: AbortSignal;
  /** Hears what does not end it: interfaces that cannot be searched on, refused datagrams. */
  onError?: (error: Error) => void;
  /** Counts what was not believed. */
  counts?: Counts;
}

/** Packets that were dropped. */
export interface Counts {
  /** From senders that are not on the link of the interface they came in on. */
  offLink: number;
  /** That are no message of WS-Discovery. */
  malformed: number;
  /** Answers to what was not asked. */
  unasked: number;
}

/** SOAP over UDP, section 3.4: a message to a group is sent again after 50 to 250 ms, then after twice that. */
const REPEATS = 2;
const MIN_DELAY_MS = 50;
const MAX_DELAY_MS = 250;
/** For so long the answer to Resolve is waited for; devices answer within half a second, so it comes or was lost. */
const RESOLVE_MS = 2000;
/** Questions that are remembered, and devices whose answer is waited for. */
const MAX_ASKED = 1024;
const MAX_RESOLVING = 128;

/** Finds devices until the signal is aborted. */
export function discover(options: DiscoverOptions = {}): AsyncGenerator<Found> {
  return foundUntil(options.signal, () => new Client(options));
}

class Client {
  readonly findings = new Findings();
  readonly #counts: Counts;
  readonly #described = new Described(
    this.findings,
    (location: Location & { endpoint: string }, signal) =>
      fetchMetadata(location, location.endpoint, signal),
  );
  /** What was asked, by the identifiers that answers name. */
  readonly #asked = new Set<string>();
  /** Who was asked (Resolve), until the answer has come or time is up. */
  readonly #resolving = new Map<string, ReturnType<typeof setTimeout>>();
  readonly #asking: Asking;

  constructor({ interfaces, onError, counts }: DiscoverOptions) {
    this.#counts = counts ?? { offLink: 0, malformed: 0, unasked: 0 };
    this.#asking = new Asking({
      port: PORT,
      onError,
      take: (packet) => this.#take(packet),
      counts: this.#counts,
      onEnd: () => this.findings.end(),
    });
    this.#asking.join(GROUPS, interfaces, (place) => {
      for (const version of VERSIONS) {
        for (const type of version.probes) {
          this.#ask(place, (id) => formatProbe(version, id, type));
        }
      }
    });
  }

  async close(): Promise<void> {
    this.#described.end();
    await this.#asking.close();
  }

  /** Sends a question to a group, and again. */
  #ask(place: Place, format: (id: string) => string): void {
    const id = `urn:uuid:${randomUUID()}`;
    if (this.#asked.size === MAX_ASKED) this.#asked.delete(this.#asked.values().next().value!);
    this.#asked.add(id);
    const question = format(id);
    const send = () => this.#asking.ask(place, question);
    send();
    let delay = MIN_DELAY_MS + Math.random() * (MAX_DELAY_MS - MIN_DELAY_MS);
    for (let n = 0, at = 0; n < REPEATS; n++, delay *= 2) this.#asking.after(at += delay, send);
  }

  #take(packet: Packet): void {
    const message = parseMessage(packet.data);
    if (message === null) this.#counts.malformed++;
    // Others' questions, and our own, which come back.
    if (message === null || message.kind === "other" || packet.interfaceName === null) return;
    if (message.kind === "matches" && !this.#asked.has(message.relatesTo)) {
      this.#counts.unasked++;
      return;
    }
    for (const target of message.targets) {
      // What a name is called on one interface says nothing of another one.
      const prefix = `${packet.interfaceName} ${target.endpoint} `;
      if (message.kind === "bye") this.#leave(prefix);
      else this.#appear(prefix + packet.source.family, target, message.version, packet);
    }
  }

  #leave(prefix: string): void {
    for (const key of this.#resolving.keys()) if (key.startsWith(prefix)) this.#stopResolving(key);
    this.#described.gone(prefix);
  }

  #appear(key: string, target: Target, version: Version, packet: Packet): void {
    if (this.findings.has(key)) return;
    const { source, interfaceName, interfaceIndex } = packet;
    const { endpoint } = target;
    const location = target.addresses.map((text) => parseLocation(text, interfaceName))
      .find((location) =>
        location !== null && this.#asking.links.has(location.host, interfaceIndex)
      ) ??
      null;
    const address = location ? hostAndPort(location) : source.toString();
    const tell = () => {
      this.#stopResolving(key);
      this.#described.seen(
        key,
        location && { ...location, endpoint },
        Infinity,
        (metadata) => found(target, address, interfaceName!, metadata),
      );
    };
    // Who says hello need not say what it is, nor a probe's match by which address it is reached.
    if (location && target.types.length > 0) tell();
    else if (!this.#resolving.has(key) && this.#resolving.size < MAX_RESOLVING) {
      this.#resolving.set(key, this.#asking.after(RESOLVE_MS, tell));
      const group = GROUPS[source.family === "IPv4" ? 0 : 1];
      this.#ask(
        { group, interfaceIndex: interfaceIndex! },
        (id) => formatResolve(version, id, endpoint),
      );
    }
  }

  #stopResolving(key: string): void {
    this.#asking.cancel(this.#resolving.get(key));
    this.#resolving.delete(key);
  }
}

function found(
  { endpoint, types }: Target,
  address: string,
  interfaceName: string,
  metadata?: Metadata,
): Found {
  const details: Record<string, string> = { endpoint, types: types.join(" ") };
  if (metadata?.membership) details.membership = metadata.membership;
  if (metadata?.manufacturer) details.manufacturer = metadata.manufacturer;
  if (metadata?.modelName) details.model = metadata.modelName;
  return {
    protocol: "wsd",
    name: metadata?.computer || metadata?.friendlyName || endpoint,
    // The first says that it is a device, the others of what kind.
    kind: types.find((type) => type !== "Device") ?? types[0] ?? "target service",
    address,
    interface: interfaceName,
    details,
  };
}
