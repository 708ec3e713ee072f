// A healthy host is broken in one way after the other; the doctor says what it is, and its remedy mends it.
import { assert, assertEquals } from "@std/assert";
import { system } from "../../ffi/system.ts";
import { diagnose, type DiagnoseOptions } from "../../doctor/mod.ts";
import { openUdpSocket } from "../../mod.ts";
import { test, type TestOptions } from "../harness.ts";
import {
  assertFindsAndHeals,
  assertHealthy,
  type Expected,
  type HealthyHost,
  healthyHost,
} from "./doctor_support.ts";
import { Lab } from "./lab.ts";

const needs: TestOptions = { needs: ["lab"] };

// The C library is opened once a process and stays: before the first test, or that one would be accused of a leak.
system();

/** One way to break a host. */
interface Break {
  name: string;
  /** `ip` commands. */
  ip?: string[];
  sysctl?: Record<string, string>;
  other?: (net: HealthyHost) => Promise<unknown>;
  /** What neither the remedy nor the end of the interfaces takes back; the next test has the same namespace. */
  undo?: string[];
  /** What the doctor is told to look at. */
  options?: DiagnoseOptions;
  expected: Expected[];
}

const problem = (
  id: Expected["id"],
  name: string | null,
  family: Expected["family"] = null,
): Expected => ({ id, level: "problem", interface: name, family });
const warning = (
  id: Expected["id"],
  name: string | null,
  family: Expected["family"] = null,
): Expected => ({ id, level: "warning", interface: name, family });

const breaks: Break[] = [
  {
    name: "an interface that is down",
    ip: ["link set eth1 down"],
    expected: [problem("interface-down", "eth1")],
  },
  {
    name: "an interface that is down and took the default route with it",
    ip: ["link set eth0 down"],
    expected: [problem("interface-down", "eth0"), problem("no-multicast-route", null, "IPv4")],
  },
  {
    name: "loopback that is down",
    ip: ["link set lo down"],
    expected: [problem("interface-down", "lo")],
  },
  {
    name: "an interface whose other end is down",
    ip: [
      "link add eth2 type veth peer name far2",
      "address add 10.9.0.1/24 broadcast + dev eth2",
      "link set eth2 up",
    ],
    expected: [problem("not-running", "eth2")],
  },
  {
    name: "an interface that is marked as not capable of multicast",
    ip: ["link set eth1 multicast off"],
    expected: [problem("no-multicast-flag", "eth1")],
  },
  {
    name: "an interface without an IPv4 address, asked for",
    ip: ["-4 address flush dev eth1"],
    options: { interfaces: ["eth1"] },
    expected: [problem("no-ipv4-address", "eth1", "IPv4")],
  },
  {
    name: "no IPv4 address at all",
    ip: ["-4 address flush dev eth0", "-4 address flush dev eth1"],
    expected: [
      problem("no-ipv4-address", "eth0", "IPv4"),
      problem("no-ipv4-address", "eth1", "IPv4"),
      problem("no-multicast-route", null, "IPv4"),
    ],
  },
  {
    name: "IPv6 that is switched off on one interface",
    sysctl: { "net.ipv6.conf.eth1.disable_ipv6": "1" },
    expected: [problem("ipv6-disabled", "eth1", "IPv6")],
  },
  {
    name: "IPv6 that is switched off on all interfaces",
    sysctl: { "net.ipv6.conf.all.disable_ipv6": "1" },
    expected: [problem("ipv6-disabled-everywhere", null, "IPv6")],
  },
  {
    name: "an interface whose packets are too small for IPv6",
    ip: ["link set eth1 mtu 1000"],
    expected: [problem("mtu-too-small", "eth1", "IPv6")],
  },
  {
    name: "a link-local address that was taken away",
    ip: ["-6 address flush dev eth1 scope link"],
    expected: [problem("link-local-missing", "eth1", "IPv6")],
  },
  {
    name: "no route for IPv4 groups",
    ip: ["route del default"],
    expected: [problem("no-multicast-route", null, "IPv4")],
  },
  ...["unreachable", "prohibit", "blackhole"].map((type) => ({
    name: `a route that makes IPv4 groups "${type}"`,
    ip: [`route add ${type} 224.0.0.0/4`],
    expected: [problem("reject-route", null, "IPv4")],
  })),
  {
    name: "a refusing route, and nothing behind it",
    ip: ["route del default", "route add unreachable 224.0.0.0/4 metric 7"],
    expected: [problem("reject-route", null, "IPv4")],
  },
  {
    name: "two refusing routes, one behind the other",
    ip: ["route add unreachable 239.0.0.0/8", "route add blackhole 224.0.0.0/4"],
    expected: [problem("reject-route", null, "IPv4"), problem("reject-route", null, "IPv4")],
  },
  {
    name: "a route that leads IPv4 groups to loopback",
    ip: ["route add 224.0.0.0/4 dev lo"],
    expected: [warning("route-to-loopback", null, "IPv4")],
  },
  {
    name: "a route that leads IPv4 groups to loopback, and no other",
    ip: ["route del default", "route add 224.0.0.0/4 dev lo metric 5"],
    expected: [warning("route-to-loopback", null, "IPv4")],
  },
  {
    name: "a route that leads IPv4 groups to a router",
    ip: ["route add 224.0.0.0/4 via 10.2.0.100"],
    expected: [warning("route-via-router", null, "IPv4")],
  },
  {
    name: "an interface that lost its route for IPv6 groups",
    ip: ["-6 route del multicast ff00::/8 dev eth1 table local"],
    expected: [problem("interface-route-missing", "eth1", "IPv6")],
  },
  {
    name: "an interface that lost its route for IPv6 groups and has a default route",
    ip: [
      "-6 route add default via fd02::100 dev eth1",
      "-6 route del multicast ff00::/8 dev eth1 table local",
    ],
    expected: [problem("interface-route-missing", "eth1", "IPv6")],
  },
  ...["unreachable", "prohibit", "blackhole"].map((type) => ({
    name: `a route that makes IPv6 groups "${type}"`,
    ip: [`-6 route add ${type} ff00::/8 table local metric 1`],
    expected: [problem("reject-route", null, "IPv6")],
  })),
  {
    name:
      "a route that refuses IPv6 groups behind those of the interfaces, so that only loopback meets it",
    ip: ["-6 route add unreachable ff00::/8"],
    expected: [problem("reject-route", null, "IPv6")],
  },
  {
    name: "a policy rule that refuses IPv4 groups",
    ip: ["rule add to 224.0.0.0/4 priority 100 unreachable"],
    expected: [problem("policy-rule", null, "IPv4")],
  },
  {
    name: "a policy rule that refuses all but some destinations",
    ip: ["rule add not to 10.0.0.0/8 priority 101 prohibit"],
    expected: [problem("policy-rule", null, "IPv4")],
  },
  {
    name: "a policy rule that leads to a table with a refusing route",
    ip: [
      "rule add to 224.0.0.0/4 priority 102 lookup 100",
      "route add prohibit 224.0.0.0/4 table 100",
    ],
    undo: ["rule del priority 102"],
    expected: [problem("reject-route", null, "IPv4")],
  },
  {
    name: "a policy rule that refuses IPv6 groups",
    ip: [
      "-6 rule add priority 200 lookup local",
      "-6 rule del priority 0",
      "-6 rule add to ff00::/8 priority 100 prohibit",
    ],
    undo: ["-6 rule add priority 0 lookup local", "-6 rule del priority 200"],
    expected: [problem("policy-rule", null, "IPv6")],
  },
  {
    name: "loopback without the route for IPv6 groups, asked for",
    options: { interfaces: ["lo"] },
    undo: ["-6 route del local ff00::/8 dev lo table local"],
    expected: [problem("loopback-route-missing", "lo", "IPv6")],
  },
  {
    name: "loopback with a route for IPv6 groups of the wrong type",
    ip: ["-6 route add multicast ff00::/8 dev lo table local"],
    undo: ["-6 route del local ff00::/8 dev lo table local"],
    expected: [problem("loopback-route-wrong", "lo", "IPv6")],
  },
  {
    name: "few groups for a socket",
    sysctl: { "net.ipv4.igmp_max_memberships": "5" },
    expected: [warning("membership-limit", null, "IPv4")],
  },
  {
    name: "no group for a socket",
    sysctl: { "net.ipv4.igmp_max_memberships": "0" },
    expected: [problem("membership-limit", null, "IPv4")],
  },
  {
    name: "few senders for a group",
    sysctl: { "net.ipv4.igmp_max_msf": "3" },
    expected: [warning("source-limit", null, "IPv4")],
  },
  {
    name: "a strict reverse path filter on a host with two networks",
    sysctl: { "net.ipv4.conf.eth1.rp_filter": "1" },
    expected: [warning("strict-reverse-path", "eth1", "IPv4")],
  },
  {
    name: "a strict reverse path filter for all interfaces",
    sysctl: { "net.ipv4.conf.all.rp_filter": "1" },
    expected: [
      warning("strict-reverse-path", "eth0", "IPv4"),
      warning("strict-reverse-path", "eth1", "IPv4"),
    ],
  },
  ...[1, 2].map((version) => ({
    name: `IGMP version ${version}, forced`,
    sysctl: { "net.ipv4.conf.eth1.force_igmp_version": String(version) },
    expected: [warning("old-igmp", "eth1", "IPv4")],
  })),
  {
    name: "MLD version 1, forced",
    sysctl: { "net.ipv6.conf.eth1.force_mld_version": "1" },
    expected: [warning("old-mld", "eth1", "IPv6")],
  },
  {
    name: "old versions of IGMP and MLD, forced on all interfaces",
    sysctl: {
      "net.ipv4.conf.all.force_igmp_version": "2",
      "net.ipv6.conf.all.force_mld_version": "1",
    },
    expected: [warning("old-igmp", null, "IPv4"), warning("old-mld", null, "IPv6")],
  },
  {
    name: "a bridge that snoops and has no querier",
    ip: [
      "link add br0 type bridge mcast_snooping 1 mcast_querier 0",
      "link add eth2 type veth peer name far2",
      "link set eth2 master br0",
      "link set far2 up",
      "link set eth2 up",
      "address add 10.9.0.1/24 broadcast + dev br0",
      "link set br0 up",
    ],
    // The far end is no part of the test.
    other: ({ here }) => here.settled("br0"),
    options: { interfaces: ["br0", "eth0"] },
    expected: [warning("bridge-without-querier", "br0")],
  },
];

for (const { name, ip = [], sysctl = {}, other, undo = [], options, expected } of breaks) {
  test(`found and mended: ${name}`, needs, async () => {
    await using net = await healthyHost();
    await assertHealthy();
    const before = await settings(net, Object.keys(sysctl));
    try {
      for (const command of ip) await net.lab.ip(command);
      await net.here.sysctl(sysctl);
      await other?.(net);
      const found = await assertFindsAndHeals(net.here, expected, options);
      for (const { what, why, remedy } of found) {
        assert(what.endsWith(".") && why !== "" && remedy!.text.length > 10);
      }
    } finally {
      await net.here.sysctl(before);
      for (const command of undo) await net.lab.ip(command);
    }
  });
}

/** What a table says is changed for the whole namespace, which the next test shares. */
async function settings({ here }: HealthyHost, names: string[]): Promise<Record<string, string>> {
  const values: Record<string, string> = {};
  for (const name of names) {
    if (!/\.eth\d\./.test(name)) values[name] = (await here.run("sysctl", ["-n", name])).trim();
  }
  return values;
}

test("found and mended: a host that has nothing but loopback", needs, async () => {
  await using lab = new Lab();
  const { here } = lab;
  try {
    await assertFindsAndHeals(here, [
      problem("loopback-route-missing", "lo", "IPv6"),
      problem("no-multicast-route", null, "IPv4"),
    ]);
  } finally {
    await lab.ip("route flush table main");
    await lab.ip("-6 route del local ff00::/8 dev lo table local").catch(() => {});
  }
});

test(
  "a port that the asking program holds itself is not to be had by stopping it",
  needs,
  async () => {
    await using _net = await healthyHost();
    await using _own = openUdpSocket({ port: 1900, family: "IPv4" });
    const { findings } = await diagnose();
    const taken = findings.find(({ id }) => id === "port-taken")!;
    assert(taken.what.includes("this program itself"), taken.what);
    assertEquals([taken.level, taken.remedy!.commands], ["warning", []]);
  },
);

test("a healthy host is called healthy, with every test made", needs, async () => {
  await using _net = await healthyHost();
  const { interfaces, withoutInterface, os, findings } = await assertHealthy();
  assertEquals(os, "linux");
  assertEquals(interfaces.map(({ name }) => name).sort(), ["eth0", "eth1", "lo"]);
  for (const { name, tests } of interfaces) {
    assertEquals(tests.map(({ family }) => family), ["IPv4", "IPv6"]);
    for (const { family, join, send, receive, destination, interface: own } of tests) {
      // What most hosts do without: it is noted, and counts for nothing.
      if (name === "lo" && family === "IPv6") continue;
      assertEquals([join, send, receive, destination, own], Array(5).fill("works"));
    }
  }
  assertEquals(withoutInterface.map(({ send }) => send), ["works", "works"]);
  assertEquals(findings.map(({ level }) => level), findings.map(() => "note"));
  assert(findings.some(({ id }) => id === "loopback-route-missing"));
});
