// The kernel's walk through rules and routes, of which the doctor needs to know what decides.
import { assertEquals } from "@std/assert";
import { isRefusal, lookUp, type Verdict } from "../../doctor/lookup.ts";
import type { RouteRecord, RuleRecord } from "../../ffi/route/inspection.ts";
import { test } from "../harness.ts";
import { route, rule } from "./facts.ts";

const prefix = (text: string) => {
  const [address, length] = text.split("/");
  return { address, length: Number(length) };
};
const v4 = (destination: string, part: Partial<RouteRecord> = {}) =>
  route({ family: "IPv4", type: "unicast", table: 254, destination: prefix(destination), ...part });

/** `"224.0.0.0/4 table 254"`, `"rule 7"` or `"nothing"`, with "?" where it is not sure. */
function decides(
  routes: RouteRecord[],
  rules: RuleRecord[] | null,
  group = "239.1.2.3",
  out: number | null = null,
): string {
  const verdict = lookUp(routes, rules, group, out);
  return text(verdict) + (verdict.sure ? "" : "?");
}

function text(verdict: Verdict): string {
  if (verdict.by === "rule") return `rule ${verdict.rule.priority}`;
  if (verdict.by === "nothing") return "nothing";
  const { destination, table } = verdict.route;
  return `${destination.address}/${destination.length} table ${table}`;
}

test("the longest prefix decides, then the smallest metric", () => {
  const all = v4("0.0.0.0/0");
  const groups = v4("224.0.0.0/4");
  const admin = v4("239.0.0.0/8");
  assertEquals(decides([all, groups, admin], null), "239.0.0.0/8 table 254");
  assertEquals(decides([admin, groups, all], null, "238.0.0.1"), "224.0.0.0/4 table 254");
  assertEquals(decides([v4("225.0.0.0/8")], null), "nothing");
  const [cheap, dear] = [v4("224.0.0.0/4", { metric: 1 }), v4("224.0.0.0/4", { metric: 2 })];
  for (const routes of [[cheap, dear], [dear, cheap]]) {
    const verdict = lookUp(routes, null, "239.1.2.3", null);
    assertEquals(verdict.by === "route" && verdict.route.metric, 1);
  }
});

test("prefixes of every length are compared bit by bit", () => {
  for (let length = 0; length <= 128; length += 1) {
    const full = "ff12:3456:789a:bcde:f012:3456:789a:bcde";
    const inside = route({ destination: { address: full, length } });
    assertEquals(decides([inside], null, full), `${full}/${length} table 255`);
    // The last bit that counts, the other way round.
    const words = full.split(":").map((word) => parseInt(word, 16));
    if (length > 0) words[(length - 1) >> 4] ^= 1 << (15 - ((length - 1) & 15));
    const other = words.map((word) => word.toString(16)).join(":");
    const expected = length === 0 ? `${full}/0 table 255` : "nothing";
    assertEquals(decides([inside], null, other), expected);
  }
});

test("a family has its own routes and rules", () => {
  assertEquals(decides([route()], null), "nothing");
  const forbids = rule({ family: "IPv6", action: "prohibit", priority: 1 });
  assertEquals(decides([v4("0.0.0.0/0")], [forbids, rule({ priority: 2 })]), "0.0.0.0/0 table 254");
});

test("an interface that is named must be the route's; refusals are IPv4's for all", () => {
  const [on2, on3] = [route(), route({ interfaces: [3] })];
  assertEquals(decides([on2], null, "ff02::1", 3), "nothing");
  assertEquals(decides([on2, on3], null, "ff02::1", 3), "ff00::/8 table 255");
  assertEquals(decides([route({ interfaces: [2, 3] })], null, "ff02::1", 3), "ff00::/8 table 255");
  // A shorter prefix takes over where the longer one leads elsewhere.
  const routes = [v4("239.0.0.0/8"), v4("0.0.0.0/0", { interfaces: [3] })];
  assertEquals(decides(routes, null, "239.1.2.3", 3), "0.0.0.0/0 table 254");
  const no = { type: "unreachable", interfaces: [] } as const;
  assertEquals(decides([v4("224.0.0.0/4", no)], null, "239.1.2.3", 3), "224.0.0.0/4 table 254");
  const no6 = route({ type: "unreachable", interfaces: [1], metric: 1 });
  assertEquals(decides([no6, on3], null, "ff02::1", 3), "ff00::/8 table 255");
  assertEquals(isRefusal(lookUp([no6, on3], null, "ff02::1", 3)), false);
  assertEquals(isRefusal(lookUp([no6, on3], null, "ff02::1", null)), true);
});

test("rules apply in the order of their priorities, to the destinations they name", () => {
  const routes = [v4("0.0.0.0/0"), v4("224.0.0.0/4", { table: 7 })];
  const main = rule({ priority: 30 });
  const groups = { destination: prefix("224.0.0.0/4") };
  const seven = rule({ priority: 20, table: 7, ...groups });
  assertEquals(decides(routes, [main, seven]), "224.0.0.0/4 table 7");
  assertEquals(decides(routes, [main, { ...seven, priority: 40 }]), "0.0.0.0/0 table 254");
  assertEquals(decides(routes, [main, { ...seven, inverted: true }]), "0.0.0.0/0 table 254");
  const elsewhere = { ...seven, destination: prefix("10.0.0.0/8") };
  assertEquals(decides(routes, [main, elsewhere]), "0.0.0.0/0 table 254");
  assertEquals(decides(routes, [main, { ...elsewhere, inverted: true }]), "224.0.0.0/4 table 7");
  for (const action of ["unreachable", "prohibit", "blackhole"] as const) {
    assertEquals(decides(routes, [main, rule({ priority: 5, action, ...groups })]), "rule 5");
  }
  assertEquals(decides(routes, []), "nothing");
});

test("an empty table, a throw and a suppressed route lead on to the next rule", () => {
  const main = rule({ priority: 30 });
  const routes = [v4("0.0.0.0/0"), v4("224.0.0.0/4", { table: 7, type: "throw" })];
  assertEquals(
    decides(routes, [rule({ priority: 1, table: 9 }), rule({ priority: 2, table: 7 }), main]),
    "0.0.0.0/0 table 254",
  );
  const other = v4("0.0.0.0/0", { table: 8 });
  // As WireGuard's wg-quick does it.
  const suppressing = rule({ priority: 1, suppressed: 0 });
  assertEquals(
    decides([...routes, other], [suppressing, rule({ priority: 2, table: 8 })]),
    "0.0.0.0/0 table 8",
  );
  assertEquals(decides([v4("224.0.0.0/4")], [suppressing]), "224.0.0.0/4 table 254");
});

test("a goto skips rules; one that leads backwards or nowhere ends the walk", () => {
  const no = rule({ priority: 2, action: "prohibit" });
  const main = rule({ priority: 3 });
  const jump = (target: number | null) => rule({ priority: 1, action: "goto", target });
  assertEquals(decides([v4("0.0.0.0/0")], [jump(3), no, main]), "0.0.0.0/0 table 254");
  assertEquals(decides([v4("0.0.0.0/0")], [jump(2), no, main]), "rule 2");
  for (const target of [null, 1, 99]) {
    assertEquals(decides([v4("0.0.0.0/0")], [jump(target), no, main]), "nothing");
  }
});

test("what depends on a packet that does not exist makes the answer unsure", () => {
  const routes = [v4("0.0.0.0/0")];
  const main = rule({ priority: 30 });
  const no = rule({ priority: 1, action: "prohibit" });
  const sure = "0.0.0.0/0 table 254";
  assertEquals(decides(routes, [{ ...no, conditions: ["mark"] }, main]), `${sure}?`);
  assertEquals(decides(routes, [{ ...no, source: prefix("10.0.0.0/8") }, main]), `${sure}?`);
  assertEquals(decides(routes, [{ ...no, inverted: true }, main]), `${sure}?`);
  // One that is not for groups at all, or does nothing, changes nothing.
  const elsewhere = { destination: prefix("10.0.0.0/8"), conditions: ["mark"] };
  assertEquals(decides(routes, [{ ...no, ...elsewhere }, main]), sure);
  assertEquals(decides(routes, [{ ...no, action: "none", conditions: ["mark"] }, main]), sure);
  // Routes for certain senders only are left out.
  const limited = v4("224.0.0.0/4", { limited: true });
  assertEquals(decides([...routes, limited], [main]), `${sure}?`);
});
