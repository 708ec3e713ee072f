// Packet filters, ports and duplicate addresses: what only shows when it is tried, found and mended.
import fs from "node:fs";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { system } from "../../ffi/system.ts";
import { diagnose } from "../../doctor/mod.ts";
import { findProgram, test, type TestOptions } from "../harness.ts";
import {
  assertFindsAndHeals,
  assertHealthy,
  type Expected,
  healthyHost,
} from "./doctor_support.ts";
import type { Host } from "./lab.ts";

const needs: TestOptions = { needs: ["lab"] };
const nft: TestOptions = { ...needs, skip: findProgram("nft") === null && "needs nftables" };

system();

function filter(family: Expected["family"], level: Expected["level"] = "problem"): Expected {
  return { id: "packet-filter", level, interface: null, family };
}

const rulesets: { name: string; rules: string; expected: Expected[] }[] = [
  {
    name: "nftables drop what comes in for IPv4 groups",
    rules: `table inet lab { chain in { type filter hook input priority 0;
      ip daddr 224.0.0.0/4 drop comment "no groups"; }; }`,
    expected: [filter("IPv4")],
  },
  {
    name: "nftables drop what comes in for any group, in a chain behind the first",
    rules: `table inet lab {
      chain deeper { meta pkttype multicast drop; ip6 daddr ff00::/8 drop; };
      chain in { type filter hook input priority 0; jump deeper; }; }`,
    expected: [filter("IPv4"), filter("IPv6")],
  },
  {
    name: "nftables let nothing in unless it is asked for, by policy",
    rules: `table inet lab { chain in { type filter hook input priority 0; policy drop;
      ct state established accept; }; }`,
    expected: [filter("IPv4"), filter("IPv6")],
  },
  {
    name: "nftables drop before routing, in a table of IPv6",
    rules: `table ip6 lab { chain pre { type filter hook prerouting priority -300;
      ip6 daddr vmap { ff00::/8 : drop }; }; }`,
    expected: [filter("IPv6")],
  },
  {
    name: "nftables drop what is sent to IPv4 groups",
    rules: `table ip lab { chain out { type filter hook output priority 0;
      ip daddr 224.0.0.0/4 drop; }; }`,
    expected: [filter("IPv4")],
  },
  {
    name: "nftables drop what is sent to IPv4 groups at the very end of its way out",
    rules: `table ip lab { chain out { type filter hook postrouting priority 0;
      ip daddr 224.0.0.0/4 drop; }; }`,
    expected: [filter("IPv4")],
  },
  {
    name: "nftables refuse what is sent to groups, and drop it on its way in",
    rules: `table inet lab {
      chain out { type filter hook output priority 0; ip6 daddr ff00::/8 drop; };
      chain in { type filter hook input priority 0; ip daddr 239.0.0.0/8 drop; }; }`,
    expected: [filter("IPv4"), filter("IPv6")],
  },
];

for (const { name, rules, expected } of rulesets) {
  test(`found and mended: ${name}`, nft, async () => {
    await using net = await healthyHost();
    await net.here.run("nft", ["-f", "-"], { input: rules });
    try {
      const found = await assertFindsAndHeals(net.here, expected);
      // The rules are named.
      for (const { why } of found) assertStringIncludes(why, "lab");
    } finally {
      await net.here.run("nft", ["flush", "ruleset"]);
    }
  });
}

test("a filter on one interface is found there", nft, async () => {
  await using net = await healthyHost();
  await net.here.run("nft", ["-f", "-"], {
    input: `table inet lab { chain in { type filter hook input priority 0;
      iifname "eth1" ip daddr 239.0.0.0/8 drop; }; }`,
  });
  try {
    await assertFindsAndHeals(net.here, [{ ...filter("IPv4"), interface: "eth1" }]);
  } finally {
    await net.here.run("nft", ["flush", "ruleset"]);
  }
});

test("a filter for one group is found when that group is asked for", nft, async () => {
  await using net = await healthyHost();
  await net.here.run("nft", ["-f", "-"], {
    input: `table inet lab { chain in { type filter hook input priority 0;
      udp dport 5353 drop; }; }`,
  });
  try {
    await assertHealthy();
    const groups = ["224.0.0.251:5353", "[ff02::fb]:5353@eth0"];
    const [first, second] = await assertFindsAndHeals(net.here, [
      { ...filter("IPv4"), group: "224.0.0.251" },
      { ...filter("IPv6"), interface: "eth0", group: "ff02::fb" },
    ], { groups });
    assertEquals([first.group, second.group], ["224.0.0.251", "ff02::fb"]);
  } finally {
    await net.here.run("nft", ["flush", "ruleset"]);
  }
});

/** iptables-legacy locks a file of the machine's root; the root of a user namespace may not. */
function isMachinesRoot(): boolean {
  return /^\s*0\s+0\s/.test(fs.readFileSync("/proc/self/uid_map", "utf8"));
}

for (const variant of ["nft", "legacy"]) {
  const program = (family: string) => `${family}tables-${variant}`;
  const missing = findProgram(program("ip")) === null;
  const forbidden = variant === "legacy" && !isMachinesRoot();
  const options: TestOptions = {
    ...needs,
    skip: (missing && "needs iptables") || (forbidden && "needs root, not a user namespace's"),
  };

  test(`found and mended: rules of iptables-${variant}`, options, async () => {
    await using net = await healthyHost();
    const tables = async (family: string, words: string) =>
      await net.here.run(program(family), words.split(" "));
    try {
      await tables("ip", "-P INPUT DROP");
      await tables("ip6", "-N deeper");
      await tables("ip6", "-A deeper -d ff00::/8 -j DROP");
      await tables("ip6", "-A OUTPUT -j deeper");
      await assertFindsAndHeals(net.here, [filter("IPv4"), filter("IPv6")]);
    } finally {
      for (const family of ["ip", "ip6"]) {
        for (const chain of ["INPUT", "OUTPUT"]) {
          await tables(family, `-P ${chain} ACCEPT`);
          await tables(family, `-F ${chain}`);
        }
      }
      await tables("ip6", "-F deeper");
      await tables("ip6", "-X deeper");
      if (variant === "nft") await net.here.run("nft", ["flush", "ruleset"]);
    }
  });
}

const HOLDER = `
import socket, sys
family = socket.AF_INET6 if sys.argv[1] == "6" else socket.AF_INET
s = socket.socket(family, socket.SOCK_DGRAM)
if family == socket.AF_INET6: s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(sys.argv[3]))
s.bind(("", int(sys.argv[2])))
print("bound", flush=True)
sys.stdin.read()
`;

async function holder(host: Host, family: "4" | "6", port: number, only = 1) {
  const args = ["-c", HOLDER, family, String(port), String(only)];
  const program = await host.spawn("python3", args, { interactive: true });
  assertEquals(await program.nextLine(), "bound");
  return program;
}

test("found and mended: a port of a discovery protocol that is not shared", {
  needs: ["lab", "python3"],
}, async () => {
  await using net = await healthyHost();
  await using program = await holder(net.here, "4", 5353);
  const taken = { id: "port-taken", level: "warning", interface: null } as const;
  const [finding] = await assertFindsAndHeals(net.here, [{ ...taken, family: "IPv4" }]);
  assertStringIncludes(finding.what, `python3 (process ${program.pid})`);
  assertEquals(finding.remedy!.commands, [`kill ${program.pid}`]);

  // Both families by one socket, on a port that was asked for.
  await using both = await holder(net.here, "6", 7777, 0);
  await assertHealthy();
  const [other] = await assertFindsAndHeals(net.here, [{ ...taken, family: null }], {
    ports: [7777],
  });
  assertEquals(other.remedy!.commands, [`kill ${both.pid}`]);
  // A group's own port counts, too, and the group is tried all the same.
  await using third = await holder(net.here, "6", 7778);
  const options = { groups: ["ff02::1234@eth0", "[ff02::1235]:7778@eth1"] };
  const [last] = await assertFindsAndHeals(net.here, [{ ...taken, family: "IPv6" }], options);
  assertEquals(last.remedy!.commands, [`kill ${third.pid}`]);
});

test("found and mended: an address that another host has", needs, async () => {
  await using net = await healthyHost(true);
  await net.a.ip("-6 address add fe80::77/64 dev eth0 nodad");
  await net.lab.ip("-6 address flush dev eth0 scope link");
  await net.lab.ip("-6 address add fe80::77/64 dev eth0");
  const expected: Expected = {
    id: "duplicate-address",
    level: "problem",
    interface: "eth0",
    family: "IPv6",
  };
  const [finding] = await assertFindsAndHeals(net.here, [expected]);
  assertStringIncludes(finding.what, "fe80::77");

  await net.a.ip("-6 address add fd01::77/64 dev eth0 nodad");
  await net.lab.ip("-6 address add fd01::77/64 dev eth0");
  // Detection takes a second, and nothing waits for an address that is not link-local.
  for (const end = Date.now() + 5_000; Date.now() < end;) {
    if (!(await diagnose()).healthy) break;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  await assertFindsAndHeals(net.here, [{ ...expected, level: "warning" }]);
});

test("found and mended: a link-local address that stays tentative", needs, async () => {
  await using net = await healthyHost(true);
  await net.here.sysctl({ "net.ipv6.conf.eth1.dad_transmits": "1000" });
  await net.lab.ip("-6 address flush dev eth1 scope link");
  await net.lab.ip("-6 address add fe80::1234/64 dev eth1");
  const [finding] = await assertFindsAndHeals(net.here, [
    { id: "link-local-tentative", level: "problem", interface: "eth1", family: "IPv6" },
  ]);
  assertStringIncludes(finding.why, "1000 times");
});

test("an address that was given a moment ago is waited for", needs, async () => {
  await using net = await healthyHost(true);
  await net.lab.ip("-6 address flush dev eth1 scope link");
  await net.lab.ip("-6 address add fe80::1234/64 dev eth1");
  const steps: string[] = [];
  const { healthy } = await diagnose({ onProgress: (step) => void steps.push(step) });
  assertEquals(healthy, true);
  assert(steps.includes("duplicate address detection"), steps.join());
});
