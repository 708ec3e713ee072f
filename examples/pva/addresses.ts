/**
 * Where searches go: `EPICS_PVA_ADDR_LIST` and its companions, in the grammar of PVXS.
 *
 *     host[:port][,ttl][@interface]      "10.1.1.1:5076"   "224.0.2.3,255@192.168.1.1"
 *     [ip6][:port][,ttl][@interface]     "[ff02::42:1],1@br0"
 *
 * An interface is named, or given by one of its addresses. Hosts are IP addresses; nothing is looked up.
 */

import {
  type Endpoint,
  isMulticast,
  type NetworkInterface,
  parseEndpoint,
  parseIp,
} from "../../mod.ts";
import { IPV6_GROUP, LOCAL_GROUP, PVA_PORT } from "./codec.ts";

/** One place that is asked. */
export interface SearchTarget {
  address: string;
  port: number;
  /** The name of the interface to leave by; absent: as routed. */
  interface?: string;
  /** Hop limit; absent: the socket's. */
  hops?: number;
  /** A single host, which forwards the search to all PV Access programs on it. */
  unicast: boolean;
  /** Where answers are to be sent; absent: to the sender. A search on {@linkcode LOCAL_GROUP} has to say it. */
  replyTo?: string;
}

/** `EPICS_PVA_ADDR_LIST` and so on, as they are in the environment. */
export interface PvaEnvironment {
  EPICS_PVA_ADDR_LIST?: string;
  EPICS_PVA_AUTO_ADDR_LIST?: string;
  EPICS_PVA_BROADCAST_PORT?: string;
}

/** What is asked, and what of the configuration was left out because it is wrong. */
export interface SearchTargets {
  targets: SearchTarget[];
  port: number;
  errors: Error[];
}

/**
 * Reads the configuration. As with PVXS a wrong entry is left out, not fatal; it is told in `errors`.
 *
 * @param environment The variables.
 * @param all This host's interfaces.
 * @param only Names of the interfaces to ask on by themselves. Default: all.
 */
export function searchTargets(
  environment: PvaEnvironment,
  all: readonly NetworkInterface[],
  only: readonly string[] = [],
): SearchTargets {
  const errors: Error[] = [];
  const port = broadcastPort(environment.EPICS_PVA_BROADCAST_PORT, errors);
  const listed = (environment.EPICS_PVA_ADDR_LIST ?? "").split(/\s+/).filter((text) => text !== "")
    .flatMap((text) => {
      try {
        return [parseTarget(text, port, all)];
      } catch (error) {
        errors.push(new Error(`EPICS_PVA_ADDR_LIST: ${(error as Error).message}`));
        return [];
      }
    });
  const chosen = only.length === 0 ? all : all.filter(({ name }) => only.includes(name));
  const automatic = isYes(environment.EPICS_PVA_AUTO_ADDR_LIST, errors)
    ? automaticTargets(chosen, port)
    : [];
  return { targets: withoutRepetitions([...listed, ...automatic]), port, errors };
}

/**
 * Reads one entry.
 *
 * @throws {TypeError} If it is malformed or its interface does not exist.
 * @throws {RangeError} If a number is out of range.
 */
export function parseTarget(
  text: string,
  defaultPort: number,
  all: readonly NetworkInterface[],
): SearchTarget {
  const endpoint = parseEndpoint(text);
  const { address, port, hops } = endpoint;
  return {
    address,
    // As in PVXS "0" is as good as none.
    port: port || defaultPort,
    ...given("interface", interfaceOf(endpoint, text, all)),
    ...given("hops", hops),
    unicast: !isMulticast(parseIp(address)) && !isBroadcast(address, all),
  };
}

function given<K extends string, V>(key: K, value: V | null): { [name in K]?: V } {
  return (value === null ? {} : { [key]: value }) as { [name in K]?: V };
}

function interfaceOf(
  { interface: named, zone }: Endpoint,
  text: string,
  all: readonly NetworkInterface[],
): string | null {
  const wanted = named ?? zone;
  if (wanted === null) return null;
  const found = all.find(({ name }) => name === wanted) ??
    all.find(({ addresses }) => addresses.some((own) => own.address === wanted)) ??
    all.find(({ index }) => String(index) === wanted);
  if (!found) {
    const names = all.map(({ name }) => name).join(", ");
    throw new TypeError(`"${text}" names the interface "${wanted}"; there are ${names}`);
  }
  return found.name;
}

function isBroadcast(address: string, all: readonly NetworkInterface[]): boolean {
  return address === "255.255.255.255" ||
    all.some(({ addresses }) => addresses.some((own) => own.broadcast === address));
}

/** Every network's broadcast address, IPv6's group on every interface, and this host's own programs. */
function automaticTargets(all: readonly NetworkInterface[], port: number): SearchTarget[] {
  return all.filter(({ up }) => up).flatMap((item): SearchTarget[] => {
    if (item.loopback) {
      const own = item.addresses.find(({ family }) => family === "IPv4");
      if (!own) return [];
      const { address } = own;
      return [{
        address: LOCAL_GROUP,
        port,
        interface: item.name,
        hops: 1,
        unicast: false,
        replyTo: address,
      }];
    }
    const broadcasts = item.addresses.flatMap(({ broadcast }) => broadcast ?? []);
    const targets: SearchTarget[] = [...new Set(broadcasts)].map((address) => (
      { address, port, interface: item.name, unicast: false }
    ));
    if (item.multicast && item.addresses.some(({ family }) => family === "IPv6")) {
      targets.push({
        address: IPV6_GROUP,
        port,
        interface: item.name,
        hops: 1,
        unicast: false,
      });
    }
    return targets;
  });
}

/** The same address by the same interface is asked once, with the longest reach. */
function withoutRepetitions(targets: readonly SearchTarget[]): SearchTarget[] {
  const known = new Map<string, SearchTarget>();
  for (const target of targets) {
    const key = JSON.stringify([target.address, target.port, target.interface ?? null]);
    const first = known.get(key);
    if (!first) known.set(key, target);
    else if (target.hops !== undefined) first.hops = Math.max(first.hops ?? 0, target.hops);
  }
  return [...known.values()];
}

function broadcastPort(text: string | undefined, errors: Error[]): number {
  if (text === undefined || text === "") return PVA_PORT;
  if (/^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 65535) return Number(text);
  errors.push(new Error(`EPICS_PVA_BROADCAST_PORT must be 1 to 65535, got "${text}"`));
  return PVA_PORT;
}

function isYes(text: string | undefined, errors: Error[]): boolean {
  if (text === undefined || text === "" || /^(?:yes|1)$/i.test(text)) return true;
  if (/^(?:no|0)$/i.test(text)) return false;
  errors.push(new Error(`EPICS_PVA_AUTO_ADDR_LIST must be YES or NO, got "${text}"`));
  return true;
}
