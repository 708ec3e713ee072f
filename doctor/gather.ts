/**
 * Looks up and tries everything that the checks want to know.
 *
 * @module
 */

import type { Family } from "../address/ip.ts";
import { SocketError } from "../ffi/errors.ts";
import { inspect } from "../ffi/route/inspect.ts";
import type { System } from "../ffi/syscalls.ts";
import { listInterfaces } from "../interfaces/list.ts";
import { interfaceNames } from "../interfaces/names.ts";
import { openUdpSocket } from "../socket/open.ts";
import type { Facts, InterfaceFacts, PortProbe } from "./facts.ts";
import { isTaken, tryMemberships, trySources } from "./limits.ts";
import type { CheckedOptions } from "./options.ts";
import { inParallel, probeGroup, type Target, tryGroup } from "./probe.ts";
import { FAMILIES, isUsable, linkLocals } from "./scene.ts";
import { surroundings } from "./surroundings.ts";

/** Tests at a time: each has a socket of its own. */
const AT_A_TIME = 64;
/** mDNS, SSDP, WS-Discovery and LLMNR: several programs of a host listen for them. */
const DISCOVERY_PORTS = [5353, 1900, 3702, 5355];
/** Duplicate address detection with more questions than this is not waited for. */
const PATIENCE = 3;
const LOOK_AGAIN_MS = 100;

/**
 * Gathers the facts.
 *
 * @throws {SocketError} `ENODEV` if an interface was named that does not exist.
 */
export async function gather(system: System, options: CheckedOptions): Promise<Facts> {
  const { signal, onProgress } = options;
  const names = interfaceNames(system);
  const named = new Set(options.interfaces.map((wanted) => names.resolve(wanted).index));
  const groups = options.groups.map((wanted) => ({
    ...wanted,
    index: wanted.interface === null ? null : names.resolve(wanted.interface).index,
  }));

  onProgress("interfaces and routes");
  let seen = look(system);
  for (let waited = 0; mustWait(seen.interfaces, waited); waited += LOOK_AGAIN_MS) {
    if (waited === 0) onProgress("duplicate address detection");
    await pause(LOOK_AGAIN_MS, signal);
    seen = look(system);
  }
  const { interfaces, routes, rules, refusals } = seen;
  const selected = named.size > 0 ? named : new Set(interfaces.map(({ index }) => index));
  for (const { index } of groups) if (index !== null) selected.add(index);

  const missing: Partial<Record<Family, string>> = {};
  for (const family of FAMILIES) {
    const why = await whyMissing(family);
    if (why !== null) missing[family] = why;
  }
  const targets: Target[] = [];
  const naive: Target[] = [];
  for (const family of FAMILIES) {
    if (missing[family] !== undefined) continue;
    naive.push({ index: null, family, group: probeGroup(family, 1), port: null });
    const own = groups.filter((other) => other.family === family);
    for (const { group, port, index } of own) {
      const guarded = interfaces.filter((item) => item.up).map((item) => item.index);
      if (index === null) naive.push({ index, family, group, port, guarded });
    }
    const wanted = [{ group: probeGroup(family, 2), port: null, index: null }, ...own];
    for (const { group, port, index } of wanted) {
      for (const item of interfaces) {
        if (!selected.has(item.index) || !item.up || isPart(interfaces, item)) continue;
        if (index === null || index === item.index) {
          targets.push({ index: item.index, family, group, port });
        }
      }
    }
  }
  const tryAll = (list: readonly Target[]) =>
    inParallel(list, AT_A_TIME, (target) => {
      signal?.throwIfAborted();
      const name = interfaces.find(({ index }) => index === target.index)?.name;
      onProgress(name ? `${target.group} on ${name}` : `${target.group} without an interface`);
      return tryGroup(target, signal);
    });
  const probes = await tryAll(targets);
  const naiveProbes = await tryAll(naive);

  onProgress("limits");
  const loopback = interfaces.find((item) => item.loopback && item.up)?.index ?? null;
  const memberships = await tryMemberships(loopback);
  const sources = await trySources(loopback);

  onProgress("ports");
  const around = surroundings(system);
  const ports: PortProbe[] = [];
  const wantedPorts = new Set([
    ...DISCOVERY_PORTS,
    ...options.ports,
    ...groups.flatMap(({ port }) => port ?? []),
  ]);
  for (const port of wantedPorts) {
    for (const family of FAMILIES) {
      if (missing[family] !== undefined) continue;
      const taken = await isTaken(port, family);
      ports.push({ port, family, taken, holders: taken ? around.holders(port) : [] });
    }
  }
  signal?.throwIfAborted();
  onProgress("packet filter");
  const filter = await around.filter();
  signal?.throwIfAborted();
  const [forced, container, wsl] = [around.forced(), around.container(), around.wsl()];
  return {
    os: system.platform.os,
    selected,
    named,
    interfaces,
    routes,
    rules,
    missing,
    probes,
    naive: naiveProbes,
    memberships,
    sources,
    ports,
    filter,
    forced,
    container,
    wsl,
    unseen: [...refusals, ...around.unseen],
    random: Math.random,
  };
}

function look(system: System) {
  const { routes, rules, links, refusals } = inspect(system);
  const interfaces: InterfaceFacts[] = listInterfaces(system).map((item) => ({
    ...item,
    details: links?.get(item.index) ?? null,
  }));
  return { interfaces, routes, rules, refusals };
}

/** An interface that has just come up needs a second for its address; that is no finding. */
function mustWait(interfaces: readonly InterfaceFacts[], waited: number): boolean {
  return interfaces.some((item) => {
    const probes = item.details?.duplicateProbes ?? 1;
    const own = linkLocals(item);
    return item.up && item.running && probes <= PATIENCE && waited < (probes + 1.5) * 1000 &&
      own.length > 0 && !own.some(isUsable) && !own.some((address) => address.duplicate);
  });
}

function isPart(interfaces: readonly InterfaceFacts[], { details }: InterfaceFacts): boolean {
  const master = interfaces.find(({ index }) => index === details?.master);
  return master !== undefined && master.details?.kind !== "vrf";
}

/** Why there is no family; `null` where there is. */
async function whyMissing(family: Family): Promise<string | null> {
  try {
    await openUdpSocket({ family }).close();
  } catch (error) {
    if (!(error instanceof SocketError)) throw error;
    if (error.code === "EAFNOSUPPORT" || error.code === "EPROTONOSUPPORT") return error.message;
  }
  return null;
}

function pause(ms: number, signal: AbortSignal | null): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", end);
      if (signal?.aborted) reject(signal.reason);
      else resolve();
    };
    const timer = setTimeout(end, ms);
    signal?.addEventListener("abort", end, { once: true });
    if (signal?.aborted) end();
  });
}
