/**
 * What came of the tests, as far as nothing else has explained it.
 *
 * @module
 */

import type { Family } from "../../address/ip.ts";
import type { Probe } from "../facts.ts";
import { LIMIT } from "../limits.ts";
import { isRefusal, lookUp } from "../lookup.ts";
import { FAMILIES, type Scene } from "../scene.ts";

/** What sending says when a packet filter refuses. */
const REFUSED = new Set(["EPERM", "EACCES"]);

/** What is the matter with packets. */
export function checkPackets(scene: Scene): void {
  for (const family of FAMILIES) {
    if (scene.withoutFamily(family)) continue;
    const unexplained = scene.subjects.flatMap((item) =>
      scene.explained(item, family) ? [] : scene.probes(item, family)
    );
    const all = [...unexplained, ...scene.facts.naive.filter((probe) => probe.family === family)];
    for (const probe of unexplained) checkJoin(scene, probe);
    const lost = unexplained.filter((probe) => probe.receive === "fails");
    const refused = all.filter((probe) => probe.send === "fails");
    // One filter on the way out can refuse some openly and lose others (at postrouting).
    const alsoLost = refused.length > 0 && dropsOnlyOut(scene, family) ? lost : [];
    checkRefused(scene, family, refused, alsoLost);
    if (alsoLost.length === 0) checkLost(scene, family, lost, unexplained.length);
    for (const probe of unexplained) checkTold(scene, probe);
  }
}

function checkJoin(scene: Scene, probe: Probe): void {
  // The limit has a finding of its own.
  if (probe.join !== "fails" || (probe.code !== null && LIMIT.has(probe.code))) return;
  const name = scene.nameOf(probe.index ?? undefined);
  scene.add({
    id: "join-refused",
    level: "problem",
    interface: name,
    family: probe.family,
    group: probe.group,
    what: `${probe.group} cannot be joined on ${name}.`,
    why: `The system says: ${probe.error}`,
    cause: { interface: name, family: probe.family, message: probe.error ?? "" },
  });
}

/** Whether the filter was seen to drop on the way out, and not on the way in. */
function dropsOnlyOut(scene: Scene, family: Family): boolean {
  const places = scene.facts.filter?.filter((place) => covers(place.family, family)) ?? [];
  return places.length > 0 && places.every(({ hook }) => hook === "output");
}

function checkRefused(
  scene: Scene,
  family: Family,
  refused: readonly Probe[],
  alsoLost: readonly Probe[],
): void {
  const filtered = refused.filter((probe) =>
    probe.stuck || (probe.code !== null && REFUSED.has(probe.code) && !routed(scene, probe))
  );
  if (filtered.length > 0) addFilter(scene, family, "output", [...filtered, ...alsoLost]);
  else checkLost(scene, family, alsoLost, Infinity);
  for (const probe of refused) {
    if (filtered.includes(probe) || probe.index === null || routed(scene, probe)) continue;
    const name = scene.nameOf(probe.index);
    scene.add({
      id: "send-refused",
      level: "problem",
      interface: name,
      family,
      group: probe.group,
      what: `Nothing can be sent to ${probe.group} out of ${name}.`,
      why: `The system says: ${probe.error}`,
      cause: { interface: name, family, group: probe.group },
    });
  }
}

/** Whether a route or rule refuses it, which has a finding of its own. */
function routed(scene: Scene, { family, group, index, code }: Probe): boolean {
  const { routes, rules } = scene.facts;
  if (!routes || code === null || code === "EPERM") return false;
  const blamed = scene.found.some((other) =>
    (other.id === "reject-route" || other.id === "policy-rule") && other.family === family
  );
  return blamed && isRefusal(lookUp(routes, rules, group, index));
}

function checkLost(
  scene: Scene,
  family: Family,
  lost: readonly Probe[],
  tried: number,
): void {
  if (lost.length === 0) return;
  const { filter } = scene.facts;
  const places = filter?.filter((place) => covers(place.family, family));
  // What belongs to a VRF reaches only programs that do, too.
  const elsewhere = lost.filter(({ index }) => scene.byIndex(index)?.details?.master);
  const here = lost.filter((probe) => !elsewhere.includes(probe));
  // Where the filter was looked at and drops nothing, it is not to blame.
  if (here.length > 0 && (!places || places.length > 0)) {
    addFilter(scene, family, "input", here, lost.length === tried);
  } else addLost(scene, family, here);
  addLost(scene, family, elsewhere);
}

function addLost(scene: Scene, family: Family, lost: readonly Probe[]): void {
  for (const { index, group } of lost) {
    const name = scene.nameOf(index!) ?? String(index);
    const vrf = scene.nameOf(scene.byIndex(index)?.details?.master ?? undefined);
    scene.add({
      id: "not-received",
      level: "problem",
      interface: name,
      family,
      group,
      what: `What is sent to ${group} out of ${name} does not come back to this host.`,
      why: "It was joined and sent without an error, twice, and nothing arrived. " +
        (vrf
          ? `The interface belongs to the VRF ${vrf}: only programs started in it receive what ` +
            "comes in there."
          : "No rule of the packet filter was seen that drops it."),
      cause: { interface: name, family, group },
    });
  }
}

function addFilter(
  scene: Scene,
  family: Family,
  hook: "input" | "output",
  probes: readonly Probe[],
  all = true,
): void {
  const { filter } = scene.facts;
  const relevant = (filter ?? []).filter((place) => covers(place.family, family));
  const at = relevant.filter((place) => place.hook === hook);
  // What is dropped at the very end of its way out is lost without an error.
  const places = at.length > 0 || hook === "output" ? at : relevant;
  const names = new Set(probes.flatMap(({ index }) => scene.nameOf(index ?? undefined) ?? []));
  const groups = new Set(probes.map(({ group }) => group));
  const [stuck] = probes.filter((probe) => probe.stuck);
  const rules = places.flatMap((place) => place.rules);
  scene.add({
    id: "packet-filter",
    level: "problem",
    interface: names.size === 1 ? [...names][0] : null,
    family,
    group: !all && groups.size === 1 ? [...groups][0] : null,
    what: hook === "output"
      ? `A packet filter refuses what is sent to ${family} groups.`
      : `A packet filter drops what is sent to ${family} groups before it is received.`,
    why: (stuck
      ? "Sending never came to an end. "
      : hook === "output"
      ? `The system says: ${probes[0].error}. `
      : "Packets were sent without an error, twice, and did not arrive. ") +
      (places.length > 0
        ? `What may be to blame: ${rules.join("; ")}.`
        : filter === null
        ? "The filter's rules could not be looked at, so this is a conclusion."
        : "No rule was seen that does it: it may be another security module."),
    cause: { family, hook, places },
  });
}

function covers(table: string, family: Family): boolean {
  return table === "inet" || (table === "ip") === (family === "IPv4");
}

/** The packet came, but did not tell what it should. */
function checkTold(scene: Scene, probe: Probe): void {
  const name = scene.nameOf(probe.index ?? undefined);
  if (name === null || probe.receive !== "works") return;
  const about = { level: "problem", interface: name, family: probe.family } as const;
  if (probe.destination === "fails") {
    scene.add({
      ...about,
      id: "wrong-destination",
      group: probe.group,
      what: `What was sent to ${probe.group} on ${name} arrived with another destination.`,
      why: `${probe.error}. Something on this host rewrites addresses.`,
      cause: { interface: name },
    });
  } else if (probe.interface === "fails") {
    scene.add({
      ...about,
      id: "wrong-interface",
      group: probe.group,
      what: `What was sent to ${probe.group} out of ${name} came in on another interface.`,
      why: `${probe.error}.`,
      cause: { interface: name },
    });
  }
}
