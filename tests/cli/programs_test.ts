// The programs as they are started on a command line, on whatever system this is.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { Diagnosis } from "../../doctor/mod.ts";
import { interfaces } from "../../mod.ts";
import { test, type TestOptions } from "../harness.ts";
import { defaultHops, lo, startProgram } from "../kernel/support.ts";

const needs: TestOptions = {};

/** Runs a program with no more permission than it needs, to its end: what it wrote, and its exit status. */
async function program(...[file, ...args]: string[]): Promise<{ status: string; lines: string[] }> {
  await using program = await startProgram(`../../${file}`, ["--allow-ffi"], ...args);
  const status = await program.ended;
  assertEquals(program.stderr, "");
  return { status, lines: program.takeLines() };
}

test("the demo hears what it sends, where it was sent", needs, async () => {
  const { status, lines } = await program("examples/demo.ts");
  assertEquals(status, "0");
  assertStringIncludes(lines[0], "listening on 0.0.0.0:");
  const start = lines.findIndex((line) => line.startsWith("source "));
  const rows = lines.slice(start + 1)
    .map((line) => line.split(/ {2,}/))
    .map(([, destination, on, , hops]) => [destination?.replace(/:\d+$/, ""), on, hops]);
  const unicastHops = String(defaultHops);
  for (
    const [destination, hops] of [
      ["127.0.0.1", unicastHops],
      ["127.0.0.7", unicastHops],
      ["127.0.0.8", "9"],
      ["239.255.76.67", "1"],
      ["127.0.0.9", unicastHops],
      ["[::1]", unicastHops],
      ["[::1]", "9"],
    ]
  ) {
    const row = [destination, lo.name, hops];
    assert(rows.some((own) => own.join() === row.join()), `${row}\n${lines.join("\n")}`);
  }
});

test("the list of interfaces is what a program gets", needs, async () => {
  const { status, lines } = await program("cli/main.ts", "interfaces", "--json");
  assertEquals(status, "0");
  assertEquals(lines.map((line) => JSON.parse(line)), interfaces());
});

// It also tries what names no interface: not on the machine's own network.
test("the doctor tries loopback and says how that went", { needs: ["apart"] }, async () => {
  const args = ["doctor", "--json", "--interface", String(lo.index)];
  const { status, lines } = await program("cli/main.ts", ...args);
  assertEquals(lines.length, 1);
  const diagnosis: Diagnosis = JSON.parse(lines[0]);
  // Loopback has no route for IPv6 groups on most Linux hosts: that is a finding.
  assertEquals(status, diagnosis.healthy ? "0" : "1");
  const [tried, ...others] = diagnosis.interfaces;
  assertEquals([tried.index, tried.name, others], [lo.index, lo.name, []]);
  const [ipv4] = tried.tests.filter(({ family }) => family === "IPv4");
  assertEquals(ipv4.error, null);
  assertEquals(
    [ipv4.join, ipv4.send, ipv4.receive, ipv4.destination, ipv4.interface],
    ["works", "works", "works", "works", "works"],
  );
});
