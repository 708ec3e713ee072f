/**
 * The examination: facts, checks, remedies.
 *
 * @module
 */

import { system } from "../ffi/system.ts";
import type { Found, Remedies } from "./causes.ts";
import { checkAddresses } from "./checks/addresses.ts";
import { checkHost } from "./checks/host.ts";
import { checkInterfaces } from "./checks/interfaces.ts";
import { checkPackets } from "./checks/packets.ts";
import { checkRoutes } from "./checks/routes.ts";
import type { Facts, Probe } from "./facts.ts";
import { gather } from "./gather.ts";
import { checkOptions } from "./options.ts";
import { BSD_REMEDIES } from "./remedies_bsd.ts";
import { LINUX_REMEDIES } from "./remedies_linux.ts";
import { WINDOWS_REMEDIES } from "./remedies_windows.ts";
import { Scene } from "./scene.ts";
import type { DiagnoseOptions, Diagnosis, Finding, GroupTest } from "./types.ts";

/** Causes before what they cause: the order in which to mend things. */
const CHECKS: readonly ((scene: Scene) => void)[] = [
  checkInterfaces,
  checkAddresses,
  checkRoutes,
  checkPackets,
  checkHost,
];

const REMEDIES: Readonly<Record<string, Partial<Remedies>>> = {
  android: LINUX_REMEDIES,
  darwin: BSD_REMEDIES,
  freebsd: BSD_REMEDIES,
  linux: LINUX_REMEDIES,
  netbsd: BSD_REMEDIES,
  openbsd: BSD_REMEDIES,
  windows: WINDOWS_REMEDIES,
};

/**
 * Finds out whether multicast works on this host, and if not, why and what to do.
 *
 * It tries: on every interface and for both families it joins a group, sends to it and
 * receives. It changes nothing and sends nothing that leaves the host, except what the
 * system itself says when a group is joined. It needs `--allow-ffi`; what more could
 * be seen with more permission is in `looked`.
 *
 * @example What is wrong, and what to do
 * ```ts
 * import { diagnose } from "@pktinfo/pktinfo/doctor";
 *
 * const { healthy, findings } = await diagnose();
 * if (!healthy) {
 *   for (const { level, what, remedy } of findings) {
 *     console.log(`${level}: ${what} ${remedy?.commands.join("; ") ?? ""}`);
 *   }
 * }
 * ```
 *
 * @param options Everything may be left out.
 * @returns What was found.
 * @throws {TypeError} If an option is wrong.
 * @throws {RangeError} If a number is out of range.
 * @throws {SocketError} `ENODEV` if an interface was named that does not exist.
 */
export async function diagnose(options: DiagnoseOptions = {}): Promise<Diagnosis> {
  const checked = checkOptions(options);
  checked.signal?.throwIfAborted();
  return conclude(await gather(system(), checked));
}

/** What follows from the facts. */
export function conclude(facts: Facts): Diagnosis {
  const scene = new Scene(facts);
  for (const check of CHECKS) check(scene);
  const remedies = REMEDIES[facts.os];
  const findings = scene.found.map((found) => toFinding(found, remedies));
  return {
    healthy: findings.every(({ level }) => level === "note"),
    os: facts.os,
    findings,
    interfaces: facts.interfaces.filter(({ index }) => facts.selected.has(index))
      .map(({ index, name }) => ({
        index,
        name,
        tests: facts.probes.filter((probe) => probe.index === index).map(toTest),
      })),
    withoutInterface: facts.naive.map(toTest),
    looked: facts.unseen,
  };
}

function toFinding(found: Found, remedies: Partial<Remedies> | undefined): Finding {
  const { cause, ...finding } = found;
  // The table has for each finding a function of that finding's own cause.
  const remedy = remedies?.[found.id] as ((cause: Found["cause"]) => Finding["remedy"]) | undefined;
  return { ...finding, remedy: remedy?.(cause) ?? null };
}

function toTest(probe: Probe): GroupTest {
  const { family, group, port, join, send, receive, destination, error } = probe;
  return {
    family,
    group,
    port,
    join,
    send,
    receive,
    destination,
    interface: probe.interface,
    error,
  };
}
