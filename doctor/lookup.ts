/**
 * What routing tables and policy rules do with a packet to a group: the kernel's own
 * walk through them, to be able to name the route or rule that is to blame.
 *
 * @module
 */

import { type Ip, parseIp } from "../address/ip.ts";
import type { Prefix, RouteRecord, RuleRecord } from "../ffi/route/inspection.ts";

/** What decides. `sure`: no rule was skipped of which it is not known whether it applies. */
export type Verdict =
  | { readonly by: "route"; readonly route: RouteRecord; readonly sure: boolean }
  | { readonly by: "rule"; readonly rule: RuleRecord; readonly sure: boolean }
  | { readonly by: "nothing"; readonly sure: boolean };

/** The tables of a kernel that has no rules: Linux's local, main and default. */
const WITHOUT_RULES = [255, 254, 253];

/** How often a rule may send us to another. */
const MAX_STEPS = 10_000;

/**
 * Looks a group up.
 *
 * @param routes All routes that lead to groups.
 * @param rules All rules; `null` where there are none.
 * @param group The group, as text without zone.
 * @param out The interface that the packet is to leave by; `null`: not said.
 */
export function lookUp(
  routes: readonly RouteRecord[],
  rules: readonly RuleRecord[] | null,
  group: string,
  out: number | null,
): Verdict {
  const ip = parseIp(group);
  const own = routes.filter((route) => route.family === ip.family && !route.limited);
  const ordered = (rules ?? WITHOUT_RULES.map((table, at) => lookupRule(ip, table, at)))
    .filter((rule) => rule.family === ip.family)
    .toSorted((a, b) => a.priority - b.priority);
  let sure = routes.every((route) => !route.limited);
  for (let at = 0, steps = 0; at < ordered.length && steps < MAX_STEPS; at++, steps++) {
    const rule = ordered[at];
    if (rule.destination && inside(ip, rule.destination) === rule.inverted) continue;
    // "Not from there" and "with a mark" depend on a packet that does not exist yet.
    if (rule.conditions.length > 0 || rule.source || (rule.inverted && !rule.destination)) {
      if (rule.action !== "none") sure = false;
      continue;
    }
    if (rule.action === "none") continue;
    if (rule.action === "goto") {
      const target = ordered.findIndex(({ priority }) => priority >= (rule.target ?? Infinity));
      if (target <= at) break;
      at = target - 1;
      continue;
    }
    if (rule.action !== "lookup") return { by: "rule", rule, sure };
    const route = best(own.filter(({ table }) => table === rule.table), ip, out);
    if (!route || route.type === "throw") continue;
    if (rule.suppressed !== null && route.destination.length <= rule.suppressed) continue;
    return { by: "route", route, sure };
  }
  return { by: "nothing", sure };
}

/** Whether a route refuses packets, openly or silently. */
export function refuses({ type }: RouteRecord): boolean {
  return type === "unreachable" || type === "prohibit" || type === "blackhole";
}

/** Whether somebody has decided against groups; a route that refuses everything is none for them. */
export function isRefusal(verdict: Verdict): boolean {
  if (verdict.by === "rule") return true;
  if (verdict.by === "nothing" || !refuses(verdict.route)) return false;
  const { family, destination } = verdict.route;
  return destination.length >= (family === "IPv4" ? 4 : 8);
}

/** The longest prefix; of several the smallest metric. */
function best(routes: readonly RouteRecord[], ip: Ip, out: number | null): RouteRecord | null {
  let found: RouteRecord | null = null;
  for (const route of routes) {
    if (!inside(ip, route.destination) || !leaves(route, ip, out)) continue;
    const longer = found ? route.destination.length - found.destination.length : 1;
    if (longer > 0 || (longer === 0 && route.metric < found!.metric)) found = route;
  }
  return found;
}

function leaves(route: RouteRecord, { family }: Ip, out: number | null): boolean {
  if (out === null || route.interfaces.includes(out)) return true;
  // IPv6 keeps its refusing routes on the loopback interface and passes them by
  // for packets with an interface; IPv4 does not look for one in them.
  return family === "IPv4" && (refuses(route) || route.type === "throw");
}

function lookupRule({ family }: Ip, table: number, priority: number): RuleRecord {
  return {
    family,
    priority,
    action: "lookup",
    table,
    target: null,
    destination: null,
    source: null,
    inverted: false,
    suppressed: null,
    conditions: [],
  };
}

function inside(ip: Ip, { address, length }: Prefix): boolean {
  const other = parseIp(address);
  return (["w0", "w1", "w2", "w3"] as const).every((word, i) => {
    const bits = Math.min(Math.max(length - 32 * i, 0), 32);
    const mask = bits === 0 ? 0 : (-1 << (32 - bits)) >>> 0;
    return (ip[word] & mask) === (other[word] & mask);
  });
}
