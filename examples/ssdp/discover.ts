/**
 * An SSDP client: searches on every interface, over IPv4 and IPv6, and listens to what devices say of themselves.
 */
import type { Packet } from "../../mod.ts";
import type { Found } from "../found.ts";
import { Asking } from "../shared/asking.ts";
import { Described } from "../shared/described.ts";
import { Findings, foundUntil } from "../shared/findings.ts";
import { hostAndPort, parseLocation } from "../shared/http.ts";
import type { Place } from "../shared/multicast.ts";
import { type Description, fetchDescription } from "./description.ts";
import { type Alive, formatSearch, GROUPS, parseMessage, PORT } from "./message.ts";

export interface DiscoverOptions {
  /** Names of interfaces. Default: all that can do multicast, also those that come later. */
  interfaces?: readonly string[];
  /** Ends it. */
  signal?: AbortSignal;
  /** Hears what does not end it: interfaces that cannot be searched on, refused datagrams. */
  onError?: (error: Error) => void;
  /** The type to search for. Default `ssdp:all`. */
  target?: string;
  /** Counts what was not believed. */
  counts?: Counts;
}

/** Packets that were dropped. */
export interface Counts {
  /** From senders that are not on the link of the interface they came in on. */
  offLink: number;
  /** That are no message of SSDP, or lack something that it must have. */
  malformed: number;
}

/** Datagrams get lost, so each search is sent again (section 1.3.2); then devices speak for themselves. */
const SEARCH_AT_MS = [0, 500, 1500];
const MAX_WAIT_SECONDS = 1;

/**
 * Finds devices until the signal is aborted.
 *
 * A device has a name for each of its types and services; those that tell what it is become findings
 * (`urn:…:device:MediaServer:1`), not its services, nor that it is a device. With `target` it is just that.
 */
export function discover(options: DiscoverOptions = {}): AsyncGenerator<Found> {
  return foundUntil(options.signal, () => new Client(options));
}

class Client {
  readonly findings = new Findings();
  readonly #target: string;
  readonly #counts: Counts;
  readonly #described = new Described(this.findings, fetchDescription);
  readonly #asking: Asking;

  constructor({ target = "ssdp:all", interfaces, onError, counts }: DiscoverOptions) {
    this.#target = target;
    this.#counts = counts ?? { offLink: 0, malformed: 0 };
    this.#asking = new Asking({
      port: PORT,
      onError,
      take: (packet) => this.#take(packet),
      counts: this.#counts,
      onEnd: () => this.findings.end(),
    });
    this.#asking.join(GROUPS, interfaces, (place) => this.#search(place));
  }

  async close(): Promise<void> {
    this.#described.end();
    await this.#asking.close();
  }

  #search(place: Place): void {
    const search = formatSearch(place.group, this.#target, MAX_WAIT_SECONDS);
    for (const delay of SEARCH_AT_MS) {
      this.#asking.after(delay, () => this.#asking.ask(place, search));
    }
  }

  #take(packet: Packet): void {
    const message = parseMessage(packet.data);
    if (message === null) this.#counts.malformed++;
    const name = packet.interfaceName;
    // Searches of others, and our own, which come back.
    if (
      message === null || message.kind === "other" || message.kind === "search" || name === null
    ) {
      return;
    }
    // What a name is called on one interface says nothing of another one.
    const prefix = `${name} ${message.usn} `;
    if (message.kind === "byebye") this.#described.gone(prefix);
    else if (this.#isWanted(message)) this.#alive(prefix + message.location, message, packet);
  }

  #isWanted({ type }: Alive): boolean {
    if (this.#target !== "ssdp:all") return type === this.#target;
    return type !== "upnp:rootdevice" && !type.startsWith("uuid:") && !type.includes(":service:");
  }

  #alive(key: string, message: Alive, packet: Packet): void {
    const { interfaceName, interfaceIndex, source } = packet;
    const wanted = parseLocation(message.location, interfaceName);
    // A description on another link is none of this device's; to fetch it would serve whoever sent us there.
    const location = wanted && this.#asking.links.has(wanted.host, interfaceIndex) ? wanted : null;
    const address = location ? hostAndPort(location) : source.toString();
    this.#described.seen(key, location, message.maxAgeSeconds * 1000, (all) => {
      const own = all?.find(({ udn }) => udn !== "" && message.usn.startsWith(udn));
      return found(message, address, interfaceName!, own);
    });
  }
}

function found(
  { type, usn, location, server }: Alive,
  address: string,
  interfaceName: string,
  description?: Description,
): Found {
  // "Debian DLNADOC/1.50 UPnP/1.0 MiniDLNA/1.3.0": the product comes last.
  const product = server.split(/[ ,]+/).at(-1)!;
  const details: Record<string, string> = { usn, location, server };
  if (description?.manufacturer) details.manufacturer = description.manufacturer;
  if (description?.modelName) details.model = description.modelName;
  return {
    protocol: "ssdp",
    name: description?.friendlyName || product || usn,
    // "urn:schemas-upnp-org:device:MediaServer:1"
    kind: /:device:(.+)$/.exec(type)?.[1] ?? type,
    address,
    interface: interfaceName,
    details,
  };
}
