// What people read, and what a shell is given.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import { linkLocalFromMac, linkLocalIpv4, randomLinkLocal } from "../../doctor/proposals.ts";
import { conclude } from "../../doctor/diagnose.ts";
import type { Causes } from "../../doctor/causes.ts";
import { LINUX_REMEDIES } from "../../doctor/remedies_linux.ts";
import { fixScript } from "../../doctor/script.ts";
import { sh, shellComment, shellQuote } from "../../doctor/shell.ts";
import { reportText } from "../../doctor/text.ts";
import type { Diagnosis, Finding } from "../../doctor/types.ts";
import { findProgram, test } from "../harness.ts";
import { ethernet, facts, fails, LOOPBACK, route, rule } from "./facts.ts";

const HOSTILE = [
  "eth0",
  "a;b$(id)",
  "x'y",
  "''",
  '"`|&<>()',
  "-n",
  "#",
  "~",
  "*?[a]",
  "\\",
  "!!",
  "a b",
  "a\nb",
  "{a,b}",
  "$IFS",
  "é",
];

test("a quoted word is that word to a shell", {
  skip: findProgram("sh") === null && "needs sh",
}, () => {
  for (const word of HOSTILE) {
    const { stdout } = spawnSync("sh", ["-c", `printf %s ${shellQuote(word)}`]);
    assertEquals(stdout.toString(), word);
  }
  assertEquals(sh`ip link set dev ${"eth0.5"} mtu ${1280}`, "ip link set dev eth0.5 mtu 1280");
  assertEquals(sh`${"x'y"}`, `'x'\\''y'`);
});

test("a reason cannot escape from its comment", () => {
  for (const end of ["\n", "\r", "\r\n", "\u2028", "\u2029", "\v", "\f", "\u0085", "\0"]) {
    const comment = shellComment(`one${end}rm -rf two`);
    assertEquals(comment, "# one rm -rf two");
  }
});

function diagnosis(...findings: Partial<Finding>[]): Diagnosis {
  const empty = { interface: null, family: null, group: null, what: "What.", why: "Why." };
  const full = findings.map((part): Finding => ({
    id: "interface-down",
    level: "problem",
    remedy: null,
    ...empty,
    ...part,
  }));
  return {
    healthy: full.every(({ level }) => level === "note"),
    os: "linux",
    findings: full,
    interfaces: [],
    withoutInterface: [],
    looked: [],
  };
}

test("the script has each command once, below its reason, and nothing for notes", () => {
  const remedy = (...commands: string[]) => ({ text: "Do it.", commands });
  const script = fixScript(diagnosis(
    { what: "One\nrm -rf /.", remedy: remedy("true", "false") },
    { level: "warning", what: "Two.", remedy: remedy("false") },
    { level: "note", what: "Three.", remedy: remedy("exit 1") },
    { what: "Four.", remedy: remedy() },
    { what: "Five." },
  ));
  assertEquals(script.split("\n"), [
    "# interface-down: One rm -rf /. Do it.",
    "true",
    "# interface-down: One rm -rf /. Do it.",
    "false",
    "# interface-down: Four. Do it.",
    "# interface-down: Five. No remedy is known.",
    "",
  ]);
  assertEquals(fixScript(diagnosis()), "");
});

test("the report has problems before warnings before notes, and counts them", () => {
  const text = reportText({
    ...diagnosis(
      { level: "note", what: "Three." },
      { level: "warning", what: "Two." },
      { what: "One.", remedy: { text: "Do it.", commands: ["ip link"] } },
    ),
    looked: [{ what: "the moon", why: "clouds" }],
  });
  const at = ["problem: One.", "Do it.", "    ip link\n", "warning: Two.", "note: Three."].map((
    part,
  ) => text.indexOf(part));
  assertEquals(at, at.toSorted((a, b) => a - b));
  assert(at[0] > 0);
  assertStringIncludes(text, "the moon: clouds");
  assert(text.endsWith("\n1 problem, 1 warning.\n"), text);
  assert(!text.includes("\x1b"));
  assertStringIncludes(reportText(diagnosis()), "Multicast works on this host.");
  assertStringIncludes(reportText(diagnosis({}), { colour: true }), "\x1b[31mproblem\x1b[0m");
  // Text is broken into lines that fit, and loses no word; commands stay as they are, to be copied.
  const command = "ip -6 route add multicast ff00::/8 dev eth0 table local";
  const remedy = {
    text: "Tell the kernel that groups are reached there, too.",
    commands: [command],
  };
  const long = diagnosis({ why: "No route leads to IPv6 groups on this interface.", remedy });
  const whole = reportText(long);
  const broken = reportText(long, { columns: 40 });
  assert(broken.split("\n").length > whole.split("\n").length + 1, broken);
  const words = (text: string) => text.split(/\s+/);
  assertEquals(words(broken), words(whole));
  const isCommand = (line: string) => line.startsWith("    ");
  assertEquals(broken.split("\n").filter(isCommand), whole.split("\n").filter(isCommand));
  const prose = broken.split("\n").slice(1).filter((line) => !isCommand(line));
  assert(prose.every((line) => line.length < 40), broken);
});

test("the table shows each test, and which interfaces were not tried", () => {
  const probes = [
    ...facts().probes,
    fails("send", 2, "EPERM", { family: "IPv6", group: "ff02::fb", port: 5353 }),
  ];
  const interfaces = [LOOPBACK, ethernet(2), ethernet(3, { name: "idle", up: false })];
  const lines = reportText(conclude(facts({ interfaces, probes }))).split("\n");
  assert(/^interface +group +join +send +receive +destination +interface$/.test(lines[0]));
  assert(lines.some((line) => /^eth0 +239\.255\.0\.1 +yes +yes +yes +yes +yes$/.test(line)));
  assert(lines.some((line) => /^eth0 +\[ff02::fb\]:5353 +yes +NO +- +- +-$/.test(line)));
  assert(lines.some((line) => /^idle +not tried$/.test(line)));
  assert(lines.some((line) => /^\(not named\) +239\.255\.0\.1/.test(line)));
});

test("names cannot control the terminal", () => {
  const name = "e\x1b[2J\u202e";
  const interfaces = [LOOPBACK, ethernet(2, { name, up: false })];
  const text = reportText(conclude(facts({ interfaces })));
  assert(!text.includes("\x1b") && !text.includes("\u202e"), text);
  assertStringIncludes(text, "e\\u{1b}[2J\\u{202e} is down.");
});

/** Of every finding a cause with a name that wants to become a command. */
function causes(name: string): Causes {
  const named = { ...route(), interfaceName: name };
  const refusing = { ...named, type: "unreachable" } as const;
  return {
    "interface-down": { interface: name },
    "not-running": { interface: name, kind: null, peer: name },
    "no-multicast-flag": { interface: name },
    "no-ipv4-address": { interface: name, address: "169.254.1.1/16" },
    "family-missing": { family: "IPv6" },
    "ipv6-disabled": { interface: name },
    "ipv6-disabled-everywhere": { interfaces: [name] },
    "mtu-too-small": { interface: name },
    "link-local-missing": { interface: name, address: "fe80::1" },
    "link-local-tentative": { interface: name, address: "fe80::1", probes: 9 },
    "duplicate-address": {
      interface: name,
      address: "fe80::1",
      prefixLength: 64,
      replacement: "fe80::2",
    },
    "no-multicast-route": { family: "IPv4", interface: name },
    "interface-route-missing": { interface: name },
    "reject-route": { route: refusing, thenVia: name },
    "policy-rule": {
      rule: rule({ action: "prohibit", priority: 7, inverted: true }),
      thenVia: name,
    },
    "route-to-loopback": { route: named, thenVia: name },
    "route-via-router": { route: named, thenVia: name },
    "loopback-route-missing": { interface: name, metrics: [] },
    "loopback-route-wrong": { interface: name, route: named, hasLocal: false, metrics: [] },
    "membership-limit": { limit: 20 },
    "source-limit": { limit: 10 },
    "strict-reverse-path": { interface: name },
    "packet-filter": {
      family: "IPv4",
      hook: "input",
      places: [{
        tool: "nft",
        family: "inet",
        table: name,
        chain: name,
        hook: "input",
        rules: [name],
      }, {
        tool: "iptables",
        family: "ip",
        table: "filter",
        chain: name,
        hook: "input",
        rules: [name],
      }],
    },
    "port-taken": { port: 5353, holders: [{ pid: 7, name, self: false }] },
    "old-igmp": { interface: name, version: 2 },
    "old-mld": { interface: name, version: 1 },
    "bridge-without-querier": { interface: name },
    "part-of-another": { interface: name, master: name, kind: "bridge" },
    "container": { runtime: "Docker" },
    "wsl": {},
    "no-interface": {},
    "join-refused": { interface: name, family: "IPv4", message: "no" },
    "send-refused": { interface: name, family: "IPv4", group: "239.1.2.3" },
    "not-received": { interface: name, family: "IPv4", group: "239.1.2.3" },
    "wrong-destination": { interface: name },
    "wrong-interface": { interface: name },
  };
}

/** What a shell takes a command for, without running it; of a redirection the file. */
function wordsOf(command: string): string[] {
  const file = /^echo \d+ > (.*)$/s.exec(command)?.[1];
  const print = `set -f; set -- ${file ?? command}; printf '%s\\0' "$@"`;
  const { status, stdout } = spawnSync("sh", ["-c", print]);
  assertEquals(status, 0, command);
  return stdout.toString().split("\0").slice(0, -1);
}

test("every remedy's commands take a hostile name as one word", {
  skip: findProgram("sh") === null && "needs sh",
}, () => {
  const plain = causes("eth0");
  const split = new Map<string, string[]>();
  // Each asks a shell: the usual commands are the same for all names.
  const usualWordsOf = (command: string) => {
    if (!split.has(command)) split.set(command, wordsOf(command));
    return split.get(command)!;
  };
  for (const name of HOSTILE.slice(1)) {
    for (const [id, cause] of Object.entries(causes(name))) {
      const commandsFor = (cause: Causes[keyof Causes]) =>
        LINUX_REMEDIES[id as keyof Causes](cause as never)?.commands ?? [];
      const usual = commandsFor(plain[id as keyof Causes]);
      commandsFor(cause).forEach((command, at) => {
        const words = wordsOf(command);
        const setting = /^sysctl -w net\.(\w+)\.conf\.eth0\.(\w+)=/.exec(usual[at]);
        if (setting && !command.startsWith("sysctl")) {
          assertEquals(words, [`/proc/sys/net/${setting[1]}/conf/${name}/${setting[2]}`]);
        } else {
          const expected = usualWordsOf(usual[at]);
          assertEquals(words, expected.map((word) => word.replaceAll("eth0", () => name)));
        }
      });
    }
  }
});

test("docs/doctor.md explains every finding, and shows its remedy", () => {
  const text = fs.readFileSync(new URL("../../docs/doctor.md", import.meta.url), "utf8");
  const rows = [...text.matchAll(/^\| `([a-z0-9-]+)` +\|(.*)\|$/gm)];
  const names = Object.keys(LINUX_REMEDIES).sort();
  assertEquals(rows.map(([, id]) => id).sort(), names);
  const documented = new Map(rows.map(([, id, rest]) => [id, rest]));
  for (const [id, cause] of Object.entries(causes("eth0"))) {
    const remedy = LINUX_REMEDIES[id as keyof Causes](cause as never);
    const first = remedy?.commands[0]?.split(" ")[0];
    if (first) assertStringIncludes(documented.get(id)!, `\`${first} `, id);
  }
});

test("addresses that are proposed can be used", () => {
  assertEquals(linkLocalFromMac("02:00:5e:10:00:01"), "fe80::5eff:fe10:1");
  assertEquals(linkLocalFromMac("52:54:00:12:34:56"), "fe80::5054:ff:fe12:3456");
  for (const mac of [null, "00:00:00:00:00:00:00:01"]) assertEquals(linkLocalFromMac(mac), null);
  assertEquals(randomLinkLocal(() => 0.5), "fe80::8000:0:8000:0");
  const taken: string[] = [];
  for (let count = 0; count < 300; count++) {
    const address = linkLocalIpv4(`02:00:00:00:${(count >> 8).toString(16)}:00`, taken);
    const [, third, fourth] = /^169\.254\.(\d+)\.(\d+)$/.exec(address)!.map(Number);
    // RFC 3927 section 2.1: the first and the last 256 are reserved.
    assert(third >= 1 && third <= 254 && fourth >= 1 && fourth <= 254, address);
    assert(!taken.includes(address));
    taken.push(address);
  }
});
