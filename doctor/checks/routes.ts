/**
 * Routes and policy rules that lead groups astray, or nowhere.
 *
 * @module
 */

import type { Family } from "../../address/ip.ts";
import type { RouteRecord, RuleRecord } from "../../ffi/route/inspection.ts";
import type { NamedRoute } from "../causes.ts";
import type { InterfaceFacts, Probe } from "../facts.ts";
import { isRefusal, lookUp, refuses, type Verdict } from "../lookup.ts";
import type { Scene } from "../scene.ts";

/** The groups of each family. */
const GROUPS = { IPv4: "224.0.0.0/4", IPv6: "ff00::/8" } as const;

/** What sending says when no route leads to a group, or one refuses. */
const NO_ROUTE = new Set(["ENETUNREACH", "EHOSTUNREACH", "EACCES", "EINVAL", "EADDRNOTAVAIL"]);

/** How many refusals may be hidden behind one another. */
const MAX_REFUSALS = 16;

/** What is the matter with the routes. */
export function checkRoutes(scene: Scene): void {
  for (const item of scene.subjects) {
    if (!item.up || scene.withoutFamily("IPv6")) continue;
    if (item.loopback) checkLoopback(scene, item);
    else checkOwnRoute(scene, item);
  }
  for (const probe of scene.facts.naive) {
    if (scene.withoutFamily(probe.family)) continue;
    if (probe.send === "fails") checkNaive(scene, probe);
    else checkWayOut(scene, probe);
  }
}

/** Sending without saying which interface. */
function checkNaive(scene: Scene, probe: Probe): void {
  const { facts } = scene;
  const { family, group, code } = probe;
  if (code === null || !NO_ROUTE.has(code)) return;
  if (blame(scene, family, group, null, group)) return;
  const verdict = facts.routes && lookUp(facts.routes, facts.rules, group, null);
  // Each interface has its own IPv6 route for groups: where all have other problems
  // those are the reason.
  const able = facts.interfaces.filter((item) => !scene.isPart(item));
  const others = able.filter((item) => !item.loopback);
  if (
    family === "IPv6" &&
    (others.length > 0 ? others : able).every((item) => scene.explained(item, family))
  ) return;
  // Of several equal routes the system takes any; one interface without a usable
  // address is enough to fail.
  const ill = able.filter((item) => scene.explained(item, family));
  const led = verdict?.by === "route" ? verdict.route.interfaces : [];
  if (code === "EADDRNOTAVAIL" ? ill.length > 0 : ill.some(({ index }) => led.includes(index))) {
    return;
  }
  const through = scene.bestInterface(family);
  if (verdict ? verdict.by === "route" && !refuses(verdict.route) : code !== "ENETUNREACH") {
    scene.add({
      id: "send-refused",
      level: "problem",
      interface: null,
      family,
      group,
      what: `Sending to ${group} without naming an interface fails.`,
      why: `The system says: ${probe.error}`,
      cause: { interface: null, family, group },
    });
    return;
  }
  scene.add({
    id: "no-multicast-route",
    level: "problem",
    interface: null,
    family,
    group: null,
    what: `No route leads to ${family} groups (${GROUPS[family]}).`,
    why: `Programs that do not name an interface cannot send to groups: ${probe.error}`,
    cause: { family, interface: through?.name ?? null },
  });
}

/** Sending works; does it lead to the neighbours? */
function checkWayOut(scene: Scene, { family, group }: Probe): void {
  const { routes, rules } = scene.facts;
  const verdict = routes && lookUp(routes, rules, group, null);
  if (verdict?.by !== "route" || !verdict.sure) return;
  const { route } = verdict;
  const ways = route.interfaces.flatMap((index) => scene.byIndex(index) ?? []);
  const others = routes!.filter((other) => other !== route);
  const best = scene.bestInterface(family);
  const left = lookUp(others, rules, group, null);
  const cause = {
    route: named(scene, route),
    thenVia: left.by === "nothing" ? best?.name ?? null : null,
  };
  const about = { level: "warning", interface: null, family, group: null, cause } as const;
  const to = `${route.destination.address}/${route.destination.length}`;
  if (scene.found.some((other) => "route" in other.cause && same(other.cause.route, route))) return;
  if (
    ways.length > 0 && ways.every((item) => item.loopback) && best && scene.carries(best, family)
  ) {
    scene.add({
      ...about,
      id: "route-to-loopback",
      what: `The route for ${family} groups (${to}) leads to ${ways[0].name}.`,
      why: "What programs send to groups without naming an interface reaches this host only.",
    });
    // The kernel takes no notice of the router of a route for all destinations.
  } else if (route.gateway && (family === "IPv6" || route.destination.length >= 4)) {
    scene.add({
      ...about,
      id: "route-via-router",
      what: `The route for ${family} groups (${to}) leads to a router.`,
      why: "Packets to groups are addressed to the router alone, so no neighbour receives them.",
    });
  }
}

/**
 * Names the routes and rules that refuse a group, one behind the other.
 *
 * @returns Whether there are any.
 */
function blame(
  scene: Scene,
  family: Family,
  group: string,
  item: InterfaceFacts | null,
  shown: string | null,
): boolean {
  let { routes, rules } = scene.facts;
  if (!routes) return false;
  const out = item?.index ?? null;
  const culprits: Verdict[] = [];
  while (culprits.length < MAX_REFUSALS) {
    const verdict = lookUp(routes, rules, group, out);
    if (!isRefusal(verdict)) break;
    if (verdict.by === "rule") rules = rules!.filter((other) => other !== verdict.rule);
    if (verdict.by === "route") routes = routes.filter((other) => other !== verdict.route);
    culprits.push(verdict);
  }
  const left = lookUp(routes, rules, group, out);
  // Loopback does without a route for IPv6 groups on most hosts; that is another finding.
  const through = item?.loopback ? null : item ?? scene.bestInterface(family);
  culprits.forEach((verdict, at) => {
    // What is left must lead somewhere once the last of them is gone.
    const nowhere = left.by === "nothing" || (left.by === "route" && refuses(left.route));
    const thenVia = nowhere && at === culprits.length - 1 ? through?.name ?? null : null;
    if (verdict.by === "rule") addRule(scene, verdict.rule, shown, thenVia);
    else if (verdict.by === "route") addRoute(scene, verdict.route, shown, thenVia);
  });
  return culprits.length > 0;
}

function addRule(scene: Scene, rule: RuleRecord, group: string | null, thenVia: string | null) {
  if (scene.found.some((other) => other.id === "policy-rule" && other.cause.rule === rule)) return;
  const to = rule.destination
    ? `${rule.destination.address}/${rule.destination.length}`
    : "everything";
  scene.add({
    id: "policy-rule",
    level: "problem",
    interface: null,
    family: rule.family,
    group,
    what: `A policy rule (priority ${rule.priority}) refuses what is sent to ${to}.`,
    why: `It makes packets to groups "${rule.action}" before any route is looked at.`,
    cause: { rule, thenVia },
  });
}

function addRoute(scene: Scene, route: RouteRecord, group: string | null, thenVia: string | null) {
  const known = scene.found.some((other) =>
    other.id === "reject-route" && same(other.cause.route, route)
  );
  if (known) return;
  const { address, length } = route.destination;
  scene.add({
    id: "reject-route",
    level: "problem",
    interface: null,
    family: route.family,
    group,
    what: `A route refuses what is sent to ${length === 0 ? "groups" : `${address}/${length}`}.`,
    why: `It is of type "${route.type}" (table ${route.table}), so packets to groups end there.`,
    cause: { route: named(scene, route), thenVia },
  });
}

function same(a: RouteRecord, b: RouteRecord): boolean {
  return a.family === b.family && a.table === b.table && a.metric === b.metric &&
    a.type === b.type && a.destination.address === b.destination.address &&
    a.destination.length === b.destination.length;
}

/** The IPv6 route for groups that each interface has. */
function checkOwnRoute(scene: Scene, item: InterfaceFacts): void {
  const { routes, rules } = scene.facts;
  if (!item.running || !routes || scene.explained(item, "IPv6")) return;
  for (const { group, send } of scene.probes(item, "IPv6")) {
    const verdict = lookUp(routes, rules, group, item.index);
    // A rule of which nobody knows whether it applies may lead elsewhere.
    if (!verdict.sure && send === "works") continue;
    if (verdict.by === "route" && !refuses(verdict.route) && !verdict.route.gateway) continue;
    if (blame(scene, "IPv6", group, item, group)) continue;
    const router = verdict.by === "route" && verdict.route.gateway;
    scene.add({
      id: "interface-route-missing",
      level: "problem",
      interface: item.name,
      family: "IPv6",
      group: null,
      what: `${item.name} has no route for IPv6 groups (ff00::/8).`,
      why: router
        ? "What is sent to groups out of it goes to a router instead, which does not pass it on."
        : "Nothing can be sent to groups out of it.",
      cause: { interface: item.name },
    });
    return;
  }
}

/** Loopback needs a route of type local; any other is turned into a silent refusal. */
function checkLoopback(scene: Scene, item: InterfaceFacts): void {
  if (scene.explained(item, "IPv6")) return;
  const probes = scene.probes(item, "IPv6");
  const failing = probes.filter((probe) => probe.receive !== "works" && probe.join === "works");
  if (failing.length === 0) return;
  const { routes, rules } = scene.facts;
  const [probe] = failing;
  const about = { interface: item.name, family: "IPv6", group: null } as const;
  // Of the routes for all groups that other interfaces have.
  const metrics = (routes ?? []).filter((route) =>
    route.family === "IPv6" && route.destination.length === 8 &&
    !route.interfaces.includes(item.index)
  ).map(({ metric }) => metric);
  const verdict = routes && lookUp(routes, rules, probe.group, item.index);
  // What refuses groups everywhere is found elsewhere.
  if (verdict && isRefusal(verdict)) {
    blame(scene, "IPv6", probe.group, item, probe.group);
  } else if (
    probe.send === "works" && verdict?.by === "route" && verdict.route.type !== "local" &&
    !refuses(verdict.route)
  ) {
    scene.add({
      ...about,
      id: "loopback-route-wrong",
      level: "problem",
      what: `The route for IPv6 groups on ${item.name} is of type "${verdict.route.type}".`,
      why: "The system discards what takes such a route through loopback, without an error: " +
        'it must be of type "local".',
      cause: {
        interface: item.name,
        route: named(scene, verdict.route),
        hasLocal: routes!.some((route) =>
          route.type === "local" && route.family === "IPv6" &&
          route.interfaces.includes(item.index) && route.destination.length === 8
        ),
        metrics,
      },
    });
  } else if (probe.send === "fails" && probe.code !== null && NO_ROUTE.has(probe.code)) {
    scene.add({
      ...about,
      id: "loopback-route-missing",
      level: scene.levelOfLack(item, ["IPv6"]),
      what: `${item.name} has no route for IPv6 groups (ff00::/8).`,
      why: `Sending to groups through it fails (${probe.code}). Programs on this host reach each ` +
        "other through any other interface, with a hop limit of 0 or a group of scope 1 (ff01::).",
      cause: { interface: item.name, metrics },
    });
  }
}

function named(scene: Scene, route: RouteRecord): NamedRoute {
  return { ...route, interfaceName: scene.nameOf(route.interfaces[0]) };
}
