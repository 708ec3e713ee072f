/**
 * From records to services (RFC 6763): what is on which interface, where it is reached and what it says of
 * itself. No I/O.
 */
import type { Link, RecordChange } from "./cache.ts";
import { nameKey, type Question } from "./packet.ts";
import type { Querier } from "./querier.ts";

/** The name whose PTR records tell all types of services: RFC 6763, section 9. */
export const ALL_TYPES = "_services._dns-sd._udp.local";
const SERVICE_TYPE = /^_[^.]+\._(?:tcp|udp)\.local$/i;

/** A service on an interface. */
export interface Service {
  readonly link: Link;
  /** Its whole name: "Dr\. Ink._ipp._tcp.local". */
  readonly instance: string;
  /** What people call it: "Dr. Ink". */
  readonly name: string;
  /** "_ipp._tcp" */
  readonly type: string;
  /** The host's name. */
  readonly host: string;
  readonly port: number;
  /** The host's addresses as it tells them on this interface. */
  readonly addresses: readonly string[];
  /** The keys and values of its TXT record. */
  readonly txt: Readonly<Record<string, string>>;
}

/** A service was found, says something else, or is gone. */
export interface ServiceChange {
  readonly type: "found" | "changed" | "lost";
  readonly service: Service;
}

/** Whom to ask, and what is known. */
export interface Asking {
  readonly querier: Pick<Querier, "cache" | "links">;
  ask(question: Question): boolean;
  stop(question: Question): void;
}

interface Instance {
  readonly link: Link;
  readonly instance: string;
  readonly type: string;
  /** The host whose addresses are asked for. */
  host: string | null;
  /** As it was told last. */
  told: Service | null;
}

/** Asks for what is missing, and puts together what came. */
export class Directory {
  #asking: Asking;
  #types = new Set<string>();
  #everything = false;
  /** Instances that are asked for by name. */
  #wanted = new Map<string, { instance: string; owner: string }>();
  /** By interface and name. */
  #instances = new Map<string, Instance>();
  /** The instances of a host, by interface and the host's name. */
  #hosts = new Map<string, Set<Instance>>();

  constructor(asking: Asking) {
    this.#asking = asking;
  }

  /** Finds services of all types. */
  browseAll(): void {
    this.#everything = true;
    this.#asking.ask({ name: ALL_TYPES, type: "PTR" });
  }

  /** Finds services of one type: "_http._tcp". Returns those of which somebody has spoken already. */
  browse(type: string): ServiceChange[] {
    const name = /\.local\.?$/i.test(type) ? type.replace(/\.$/, "") : `${type}.local`;
    if (!SERVICE_TYPE.test(name)) {
      throw new TypeError(`a service type is like "_http._tcp", got "${type}"`);
    }
    // A host that makes up types is asked for some of them only.
    if (!this.#asking.ask({ name, type: "PTR" })) return [];
    this.#types.add(nameKey(name));
    const { cache, links } = this.#asking.querier;
    return links.flatMap((link) =>
      cache.find(link, name, "PTR").flatMap(({ data }) => this.#begin(link, name, data))
    );
  }

  /** Finds one service by its name: "Dr. Ink._ipp._tcp.local". */
  resolve(name: string): void {
    const [, , owner] = INSTANCE.exec(name) ?? [];
    if (owner === undefined) {
      throw new TypeError(`a service's name is like "Dr. Ink._ipp._tcp.local", got "${name}"`);
    }
    const instance = asName(name);
    this.#wanted.set(nameKey(instance), { instance, owner });
    this.#asking.ask({ name: instance, type: "SRV" });
    this.#asking.ask({ name: instance, type: "TXT" });
  }

  /** Takes in a change of a record; returns what that changes of the services. */
  apply({ type: what, link, record }: RecordChange): ServiceChange[] {
    const added = what === "added";
    switch (record.type) {
      case "PTR": {
        if (nameKey(record.name) === ALL_TYPES) return this.#applyType(added, record.data);
        if (!added) {
          // One that is wanted by its name is there while it says so itself.
          return this.#wanted.has(nameKey(record.data))
            ? []
            : this.#end(this.#instances.get(keyOf(link, record.data)));
        }
        return this.#types.has(nameKey(record.name))
          ? this.#begin(link, record.name, record.data)
          : [];
      }
      case "SRV":
      case "TXT": {
        const wanted = this.#wanted.get(nameKey(record.name));
        if (added && wanted) this.#begin(link, wanted.owner, wanted.instance);
        return this.#retell(this.#instances.get(keyOf(link, record.name)));
      }
      case "A":
      case "AAAA":
        return [...this.#hosts.get(keyOf(link, record.name)) ?? []]
          .flatMap((instance) => this.#retell(instance));
      default:
        return [];
    }
  }

  /** In search of everything a type is browsed for as long as somebody says that there is such a service. */
  #applyType(added: boolean, type: string): ServiceChange[] {
    if (!this.#everything || !SERVICE_TYPE.test(type)) return [];
    const isBrowsed = this.#types.has(nameKey(type));
    if (added) return isBrowsed ? [] : this.browse(type);
    const { cache, links } = this.#asking.querier;
    const isThere = links.some((link) =>
      cache.find(link, ALL_TYPES, "PTR").some(({ data }) => nameKey(data) === nameKey(type))
    );
    if (isBrowsed && !isThere) {
      this.#types.delete(nameKey(type));
      this.#asking.stop({ name: type, type: "PTR" });
    }
    return [];
  }

  #begin(link: Link, owner: string, instance: string): ServiceChange[] {
    const key = keyOf(link, instance);
    // A name of another type is no service of this one.
    if (this.#instances.has(key) || !nameKey(instance).endsWith(`.${nameKey(owner)}`)) return [];
    const type = owner.replace(/\.local$/i, "");
    const begun: Instance = { link, instance, type, host: null, told: null };
    this.#instances.set(key, begun);
    this.#asking.ask({ name: instance, type: "SRV" });
    this.#asking.ask({ name: instance, type: "TXT" });
    return this.#wanted.has(nameKey(instance)) ? [] : this.#retell(begun);
  }

  #end(ended: Instance | undefined): ServiceChange[] {
    if (!ended) return [];
    const { link, instance, told } = ended;
    this.#instances.delete(keyOf(link, instance));
    this.#leaveHost(ended);
    const elsewhere = [...this.#instances.values()]
      .some((other) => nameKey(other.instance) === nameKey(instance));
    if (!elsewhere) {
      this.#asking.stop({ name: instance, type: "SRV" });
      this.#asking.stop({ name: instance, type: "TXT" });
    }
    return told ? [{ type: "lost", service: told }] : [];
  }

  #leaveHost(instance: Instance): void {
    const { link, host } = instance;
    if (host === null) return;
    instance.host = null;
    const neighbours = this.#hosts.get(keyOf(link, host));
    neighbours?.delete(instance);
    if (neighbours?.size === 0) this.#hosts.delete(keyOf(link, host));
    const elsewhere = [...this.#hosts.values()].some((others) =>
      [...others].some((other) => nameKey(other.host ?? "") === nameKey(host))
    );
    if (elsewhere) return;
    this.#asking.stop({ name: host, type: "A" });
    this.#asking.stop({ name: host, type: "AAAA" });
  }

  #joinHost(instance: Instance, host: string): void {
    if (instance.host !== null && nameKey(instance.host) === nameKey(host)) return;
    this.#leaveHost(instance);
    instance.host = host;
    const key = keyOf(instance.link, host);
    const neighbours = this.#hosts.get(key) ?? new Set();
    this.#hosts.set(key, neighbours.add(instance));
    this.#asking.ask({ name: host, type: "A" });
    this.#asking.ask({ name: host, type: "AAAA" });
  }

  #retell(known: Instance | undefined): ServiceChange[] {
    if (!known) return [];
    const { link, instance, type, told } = known;
    const { cache } = this.#asking.querier;
    // While one replaces another both are there: the last one holds.
    const srv = cache.find(link, instance, "SRV").at(-1)?.data;
    if (srv) this.#joinHost(known, srv.target);
    else this.#leaveHost(known);
    const addresses = srv
      ? [...cache.find(link, srv.target, "A"), ...cache.find(link, srv.target, "AAAA")]
        .map(({ data }) => data)
      : [];
    if (!srv || addresses.length === 0) {
      known.told = null;
      return told ? [{ type: "lost", service: told }] : [];
    }
    const service: Service = {
      link,
      instance,
      type,
      name: instance.slice(0, -`.${type}.local`.length).replaceAll("\\.", "."),
      host: srv.target,
      port: srv.port,
      addresses,
      txt: txtOf(cache.find(link, instance, "TXT").at(-1)?.data ?? []),
    };
    if (told && JSON.stringify(told) === JSON.stringify(service)) return [];
    known.told = service;
    return [{ type: told ? "changed" : "found", service }];
  }
}

const INSTANCE = /^(.+)\.(_[^.]+\._(?:tcp|udp)\.local)\.?$/is;

/** A name as people write it: in that of a service the dots in front of its type are part of its label. */
export function asName(text: string): string {
  return text.replace(INSTANCE, (_, label: string, owner: string) => {
    // A label that begins with "_sub" or another type is none of a service.
    return label.startsWith("_") ? text : `${label.replace(/\\?\./g, "\\.")}.${owner}`;
  });
}

function keyOf({ index }: Link, name: string): string {
  return `${index} ${nameKey(name)}`;
}

/** The keys and values of a TXT record (RFC 6763, section 6.4): of a key that is there twice the first holds. */
export function txtOf(parts: readonly Uint8Array[]): Record<string, string> {
  const values = new Map<string, string>();
  const seen = new Set<string>();
  for (const part of parts) {
    const [, key, value = ""] = /^([^=]+)(?:=(.*))?$/s.exec(new TextDecoder().decode(part)) ?? [];
    if (key === undefined || seen.has(key.toLowerCase())) continue;
    seen.add(key.toLowerCase());
    values.set(key, value);
  }
  // fromEntries makes even "__proto__" a key like any other.
  return Object.fromEntries(values);
}
