// What the doctor proposes on systems that it is not executed on.
import { assert, assertEquals } from "@std/assert";
import { conclude } from "../../doctor/diagnose.ts";
import { fixScript } from "../../doctor/script.ts";
import { powershell } from "../../doctor/shell.ts";
import type { Finding } from "../../doctor/types.ts";
import { test } from "../harness.ts";
import { address, ethernet, facts, LOOPBACK } from "./facts.ts";

/** A host of a system that tells of no routes, with an interface that is down and one without IPv4. */
function findings(os: string, name: string): readonly Finding[] {
  const { findings } = conclude(facts({
    os,
    interfaces: [
      LOOPBACK,
      ethernet(3, { name, details: null, up: false, running: false }),
      ethernet(4, { name, details: null, addresses: [address("fe80::4/64")] }),
    ],
    named: new Set([3, 4]),
    routes: null,
    rules: null,
  }));
  return findings;
}

/** The commands for one finding. */
function commands(os: string, id: Finding["id"], name: string): readonly string[] {
  const found = findings(os, name).find((finding) => finding.id === id);
  assert(found?.remedy, `${os} has no remedy for ${id}`);
  assert(found.remedy.text !== "");
  return found.remedy.commands;
}

test("Windows is told in PowerShell, with names as strings", () => {
  assertEquals(commands("windows", "interface-down", "Ethernet 2"), [
    "Enable-NetAdapter -Name 'Ethernet 2'",
  ]);
  assertEquals(commands("windows", "no-ipv4-address", "O'Brien’s $(id)"), [
    "Set-NetIPInterface -InterfaceAlias 'O''Brien’’s $(id)' -AddressFamily IPv4 -Dhcp Enabled",
  ]);
});

test("PowerShell takes any of its quotation marks for the end of a string, unless it is doubled", () => {
  // about_Quoting_Rules; the typographic ones count as well.
  assertEquals(powershell`x ${"a'b"} ${"‘c‛"}`, "x 'a''b' '‘‘c‛‛'");
});

for (const os of ["darwin", "freebsd", "openbsd", "netbsd"]) {
  test(`${os} is told in ifconfig's words`, () => {
    assertEquals(commands(os, "interface-down", "en0"), ["ifconfig en0 up"]);
    const [command] = commands(os, "no-ipv4-address", "a b");
    assert(/^ifconfig 'a b' inet 169\.254\.\d+\.\d+\/16 alias$/.test(command), command);
  });
}

test("Android is told what Linux is", () => {
  assertEquals(commands("android", "interface-down", "wlan0"), ["ip link set dev wlan0 up"]);
});

test("a system without remedies still gets the findings", () => {
  const found = findings("plan9", "ether0");
  assert(found.length >= 2);
  assertEquals(found.map(({ remedy }) => remedy), found.map(() => null));
  const script = fixScript(conclude(facts({ os: "plan9", interfaces: [LOOPBACK] })));
  assert(script.split("\n").every((line) => line === "" || line.startsWith("# ")), script);
});
