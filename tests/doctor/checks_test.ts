// What follows from facts, on made-up hosts: also what no test network can show.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { conclude } from "../../doctor/diagnose.ts";
import type { Facts } from "../../doctor/facts.ts";
import { test } from "../harness.ts";
import { address, details, ethernet, facts, fails, LOOPBACK, route, rule, works } from "./facts.ts";

/** `"problem interface-down eth0 -"`, of all findings. */
function found(part: Partial<Facts>): string[] {
  return conclude(facts(part)).findings.map(({ level, id, interface: name, family }) =>
    [level, id, name ?? "-", family ?? "-"].join(" ")
  );
}

test("a host on which everything works has no findings", () => {
  const { healthy, findings, interfaces } = conclude(facts());
  assertEquals([healthy, findings], [true, []]);
  assertEquals(interfaces.map(({ tests }) => tests.length), [2, 2]);
});

test("what many hosts do without is a note, and a problem where it was asked for or is the only hope", () => {
  const idle = ethernet(3, { up: false, running: false, addresses: [] });
  const interfaces = [LOOPBACK, ethernet(2), idle];
  assertEquals(found({ interfaces }), ["note interface-down eth1 -"]);
  assertEquals(conclude(facts({ interfaces })).healthy, true);
  assertEquals(found({ interfaces, named: new Set([3]), selected: new Set([3]) }), [
    "problem interface-down eth1 -",
  ]);
  const alone = { ...ethernet(2, { up: false, running: false, addresses: [] }) };
  assertEquals(found({ interfaces: [LOOPBACK, alone] })[0], "problem interface-down eth0 -");

  // With addresses it is meant to work.
  const meant = ethernet(3, { up: false, running: false });
  assertEquals(found({ interfaces: [LOOPBACK, ethernet(2), meant] }), [
    "problem interface-down eth1 -",
  ]);

  const loose = ethernet(3, { running: false, addresses: [] });
  assertEquals(found({ interfaces: [LOOPBACK, ethernet(2), loose] }), ["note not-running eth1 -"]);
  const docker = ethernet(3, { name: "docker0", running: false }, { kind: "bridge" });
  assertEquals(found({ interfaces: [LOOPBACK, ethernet(2), docker] }), [
    "note not-running docker0 -",
  ]);
  const port = ethernet(4, { running: false, addresses: [] }, { kind: "veth", master: 3 });
  assertEquals(found({ interfaces: [LOOPBACK, ethernet(2), docker, port] }), [
    "problem not-running docker0 -",
  ]);

  const tunnel = ethernet(3, {
    name: "wg0",
    mac: null,
    pointToPoint: true,
    multicast: false,
    addresses: [address("10.9.0.1/24")],
  }, { kind: "wireguard" });
  const probes = [
    ...facts().probes,
    works(3),
    fails("send", 3, "ENETUNREACH", { family: "IPv6" }),
  ];
  assertEquals(found({ interfaces: [LOOPBACK, ethernet(2), tunnel], probes }), [
    "note no-multicast-flag wg0 -",
    "note link-local-missing wg0 IPv6",
  ]);
  const without = ethernet(3, { multicast: false });
  assertEquals(found({ interfaces: [LOOPBACK, ethernet(2), without] }), [
    "problem no-multicast-flag eth1 -",
  ]);
});

test("IPv4 without an address: a note beside an interface that has one", () => {
  const bare = ethernet(3, { addresses: [address("fe80::3/64")] });
  assertEquals(found({ interfaces: [LOOPBACK, ethernet(2), bare] }), [
    "note no-ipv4-address eth1 IPv4",
  ]);
  assertEquals(found({ interfaces: [LOOPBACK, bare], naive: [] }), [
    "problem no-ipv4-address eth1 IPv4",
  ]);
  const lo = { ...LOOPBACK, addresses: [address("::1/128")] };
  const [finding] = conclude(facts({ interfaces: [lo, bare], naive: [] })).findings;
  assertEquals(finding.remedy?.commands, ["ip address add 127.0.0.1/8 broadcast + dev lo"]);
});

test("the parts of a bridge or bond are left alone, unless they are asked for", () => {
  const bridge = ethernet(3, { name: "br0" }, { kind: "bridge" });
  const port = ethernet(4, { addresses: [], mtu: 500 }, { kind: "veth", master: 3 });
  const interfaces = [LOOPBACK, bridge, port];
  assertEquals(found({ interfaces }), []);
  assertEquals(found({ interfaces, named: new Set([4]), selected: new Set([4]) }), [
    "problem part-of-another eth2 -",
  ]);
  const inVrf = ethernet(4, {}, { master: 3 });
  const vrf = ethernet(3, { name: "red" }, { kind: "vrf" });
  const lost = fails("receive", 4, null);
  const { findings } = conclude(facts({ interfaces: [LOOPBACK, vrf, inVrf], probes: [lost] }));
  assertEquals(findings.map(({ id }) => id), ["not-received"]);
  assertStringIncludes(findings[0].why, "VRF red");
});

test("each lack of IPv6 is told by its cause, not by its consequences", () => {
  const probes = [
    ...facts().probes.filter(({ index, family }) => index === 1 || family === "IPv4"),
    fails("join", 2, "EADDRNOTAVAIL", { family: "IPv6" }),
  ];
  const naive = [works(null), fails("send", null, "ENETUNREACH", { family: "IPv6" })];
  const routes = facts().routes!.filter((other) =>
    !other.interfaces.includes(2) ||
    other.family === "IPv4"
  );
  const eth0 = (part = {}, settings = {}) => ({
    interfaces: [LOOPBACK, ethernet(2, { addresses: [address("10.2.0.1/24")], ...part }, settings)],
    probes,
    naive,
    routes,
  });
  assertEquals(found(eth0({}, { ipv6Disabled: true })), ["problem ipv6-disabled eth0 IPv6"]);
  assertEquals(found(eth0({ mtu: 1279 }, { ipv6Disabled: null })), [
    "problem mtu-too-small eth0 IPv6",
  ]);
  assertEquals(found(eth0()), ["problem link-local-missing eth0 IPv6"]);
  for (
    const [mark, id] of [["duplicate", "duplicate-address"], ["tentative", "link-local-tentative"]]
  ) {
    const own = [address("10.2.0.1/24"), address("fe80::2/64", { tentative: true, [mark]: true })];
    assertEquals(found(eth0({ addresses: own })), [`problem ${id} eth0 IPv6`]);
  }
  const off = (index: number) => details(index, { ipv6Disabled: true });
  assertEquals(
    found({
      ...eth0(),
      interfaces: [{ ...LOOPBACK, details: off(1) }, ethernet(2, { details: off(2) })],
    }),
    ["problem ipv6-disabled-everywhere - IPv6"],
  );
  assertEquals(found({ ...eth0(), missing: { IPv6: "EAFNOSUPPORT" }, probes: [], naive: [] }), [
    "problem family-missing - IPv6",
  ]);
});

test("a send that takes an ill interface's route is explained by that interface", () => {
  const own = [address("10.3.0.1/24"), address("fe80::3/64", { duplicate: true })];
  const interfaces = [LOOPBACK, ethernet(2), ethernet(3, { addresses: own })];
  const naive = [works(null), fails("send", null, "EADDRNOTAVAIL", { family: "IPv6" })];
  assertEquals(found({ interfaces, naive }), ["problem duplicate-address eth1 IPv6"]);
  assertEquals(found({ naive }), ["problem send-refused - IPv6"]);
});

test("a route that refuses everything is no decision against groups", () => {
  const nowhere = route({
    family: "IPv4",
    type: "unreachable",
    destination: { address: "0.0.0.0", length: 0 },
    table: 254,
    interfaces: [],
    metric: 4294967295,
  });
  const routes = [nowhere, route(), route({ interfaces: [1] })];
  const naive = [fails("send", null, "EHOSTUNREACH")];
  const { findings } = conclude(facts({ routes, naive }));
  assertEquals(findings.map(({ id }) => id), ["no-multicast-route"]);
  assertEquals(findings[0].remedy?.commands, ["ip route add 224.0.0.0/4 dev eth0"]);
});

test("a refusal that no route or rule explains is told as it is", () => {
  const naive = [fails("send", null, "EINVAL")];
  assertEquals(found({ naive }), ["problem send-refused - IPv4"]);
  assertEquals(found({ naive, routes: null }), ["problem send-refused - IPv4"]);
  assertEquals(found({ naive: [fails("send", null, "ENETUNREACH")], routes: null }), [
    "problem no-multicast-route - IPv4",
  ]);
  const probes = [fails("join", 2, "EINVAL"), fails("send", 2, "EHOSTUNREACH", { family: "IPv6" })];
  assertEquals(found({ probes }), [
    "problem join-refused eth0 IPv4",
    "problem send-refused eth0 IPv6",
  ]);
});

test("a rule of which it is not known whether it applies is not blamed", () => {
  const marked = rule({
    priority: 1,
    action: "unreachable",
    destination: { address: "224.0.0.0", length: 4 },
    conditions: ["mark"],
  });
  const rules = [marked, rule({ priority: 2 }), rule({ family: "IPv6", table: 255 })];
  const routes = facts().routes!.map((other) =>
    other.family === "IPv4" ? { ...other, table: 254 } : other
  );
  assertEquals(found({ rules, routes }), []);
  const naive = [fails("send", null, "EHOSTUNREACH")];
  assertEquals(found({ rules, routes, naive }), ["problem send-refused - IPv4"]);
});

test("packets that get lost: the filter is blamed where it drops or could not be seen", () => {
  const probes = [works(1), fails("receive", 2, null)];
  const place = {
    tool: "nft",
    family: "inet",
    table: "filter",
    chain: "input",
    hook: "input",
    rules: ["drop in inet filter input, handle 3"],
  } as const;
  const of = (filter: Facts["filter"]) => conclude(facts({ probes, filter })).findings;
  const [seen] = of([place, { ...place, family: "ip6" }]);
  assertEquals([seen.id, seen.interface, seen.family], ["packet-filter", "eth0", "IPv4"]);
  assertEquals(seen.remedy?.commands, [
    "nft insert rule inet filter input ip daddr 224.0.0.0/4 accept",
  ]);
  const [unseen] = of(null);
  assertEquals([unseen.id, unseen.remedy?.commands], ["packet-filter", []]);
  assertStringIncludes(unseen.why, "could not be looked at");
  assertStringIncludes(unseen.remedy!.text, "nft list ruleset");
  assertEquals(of([]).map(({ id }) => id), ["not-received"]);

  const stuck = fails("send", 2, "ETIMEDOUT", { stuck: true });
  const [never] = conclude(facts({ probes: [stuck], filter: null })).findings;
  assertEquals(never.id, "packet-filter");
  assertStringIncludes(never.why, "never came to an end");
  assertEquals(
    found({ probes: [fails("send", 2, "EPERM")], naive: [fails("send", null, "EPERM")] }),
    ["problem packet-filter eth0 IPv4"],
  );
});

test("a packet that tells a wrong destination or interface is a problem", () => {
  const destination = works(2, {
    destination: "fails",
    error: "it says that it was sent to 10.0.0.1",
  });
  const other = works(2, { interface: "fails", error: "it says that it came in on 7" });
  assertEquals(found({ probes: [destination, other] }), [
    "problem wrong-destination eth0 IPv4",
    "problem wrong-interface eth0 IPv4",
  ]);
});

test("what makes packets get lost now and then is a warning", () => {
  const strict = { strictReversePath: true };
  assertEquals(found({ interfaces: [LOOPBACK, ethernet(2, {}, strict)] }), []);
  assertEquals(found({ interfaces: [LOOPBACK, ethernet(2, {}, strict), ethernet(3)] }), [
    "warning strict-reverse-path eth0 IPv4",
  ]);
  const old = ethernet(2, {}, { forcedIgmp: 2, forcedMld: 1 });
  assertEquals(found({ interfaces: [LOOPBACK, old] }), [
    "warning old-igmp eth0 IPv4",
    "warning old-mld eth0 IPv6",
  ]);
  const newest = ethernet(2, {}, { forcedIgmp: 3, forcedMld: 2 });
  assertEquals(found({ interfaces: [LOOPBACK, newest] }), []);
  assertEquals(found({ forced: { igmp: 1, mld: 1 } }), [
    "warning old-igmp - IPv4",
    "warning old-mld - IPv6",
  ]);
  assertEquals(found({ memberships: { wanted: 20, had: 3 }, sources: { wanted: 10, had: 1 } }), [
    "warning membership-limit - IPv4",
    "warning source-limit - IPv4",
  ]);
  assertEquals(found({ memberships: { wanted: 20, had: null } }), []);
});

test("a snooping bridge needs a querier, its own or another's, once it has ports", () => {
  const bridge = (part: object, ports = 1) => {
    const settings = { snooping: true, querier: false, otherQuerier: false, ...part };
    const own = ethernet(3, { name: "br0" }, { kind: "bridge", bridge: settings });
    const port = ethernet(4, { addresses: [] }, { master: 3 });
    return found({ interfaces: [LOOPBACK, ethernet(2), own, ...ports ? [port] : []] });
  };
  assertEquals(bridge({}), ["note bridge-without-querier br0 -"]);
  for (const part of [{ snooping: false }, { querier: true }, { otherQuerier: true }]) {
    assertEquals(bridge(part), []);
  }
  assertEquals(bridge({}, 0), []);
});

test("a port that somebody holds alone: one finding for both families if it is one program", () => {
  const port = (family: "IPv4" | "IPv6", ...pids: number[]) => ({
    port: 5353,
    family,
    taken: true,
    holders: pids.map((pid) => ({ pid, name: `p${pid}`, self: pid === 9 })),
  });
  const commands = (...ports: Facts["ports"]) =>
    conclude(facts({ ports })).findings.map(({ family, remedy }) =>
      `${family}: ${remedy!.commands.join("; ")}`
    );
  assertEquals(commands(port("IPv4", 7)), ["IPv4: kill 7"]);
  assertEquals(commands(port("IPv4", 7), port("IPv6", 7)), ["null: kill 7"]);
  assertEquals(commands(port("IPv4", 7), port("IPv6", 8)), ["IPv4: kill 7", "IPv6: kill 8"]);
  assertEquals(commands(port("IPv4"), port("IPv6")), ["null: "]);
  // It is not told to stop itself.
  assertEquals(commands(port("IPv4", 9)), ["IPv4: "]);
});

test("containers and WSL are noted, and break nothing", () => {
  const { healthy, findings } = conclude(facts({ container: "Podman", wsl: true }));
  assertEquals([healthy, findings.map(({ id }) => id)], [true, ["container", "wsl"]]);
  assertEquals(found({ interfaces: [LOOPBACK] })[0], "note no-interface - -");
});

test("on a system whose routes and settings are unknown nothing is guessed, and nothing remedied", () => {
  const interfaces = [
    { ...LOOPBACK, details: null },
    ethernet(2, { details: null, mtu: null, multicast: false }),
  ];
  const lost = fails("receive", 2, null);
  const { findings } = conclude(
    facts({ os: "plan9", interfaces, routes: null, rules: null, filter: null, probes: [lost] }),
  );
  assertEquals(findings.map(({ id }) => id), ["no-multicast-flag", "packet-filter"]);
  assertEquals(findings.map(({ remedy }) => remedy), [null, null]);
  assert(findings.every(({ what, why }) => !/\b(?:ip|sysctl|nft) /.test(what + why)));
});

test("only what is selected is told of", () => {
  const interfaces = [LOOPBACK, ethernet(2, { up: false }), ethernet(3)];
  assertEquals(found({ interfaces, selected: new Set([3]), named: new Set([3]) }), []);
  const only = conclude(facts({ interfaces, selected: new Set([3]), named: new Set([3]) }));
  assertEquals(only.interfaces.map(({ name }) => name), ["eth1"]);
});
