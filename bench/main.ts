// deno task bench: UDP against C, Rust, node:dgram, Deno.listenDatagram, Bun.udpSocket and asyncio, all in one run. See README.md here.

import { join } from "node:path";
import { parseArgs } from "@std/cli/parse-args";
import { drawChart } from "./chart.ts";
import { runRounds } from "./measure.ts";
import { fullSizes, groupNames, plan, programs, quickSizes } from "./plan.ts";
import {
  describeMachine,
  describeVersions,
  type Results,
  rewriteReadme,
  terminalTable,
} from "./report.ts";
import { compilePeers, findRuntimes } from "./runtimes.ts";
import { removeScratch } from "../scripts/run.ts";

const HELP = `deno task bench [options]

  --quick          one short round of everything
  --rounds N       rounds (default 5; with --quick 1)
  --only LIST      of ${groupNames.join(", ")}
  --peers LIST     only peers whose name in results.json begins like one of these: c,node26,pktinfo
  --json           print the results as JSON instead of tables
  --no-fetch       do not get a missing Bun or Node from npm
  --no-write       leave results.json and results.svg as they are
  --readme         only rewrite the results in bench/README.md from results.json
  --help`;

const here = import.meta.dirname ?? ".";
const file = (name: string): string => join(here, name);
const encoder = new TextEncoder();
const print = (text: string): void => void Deno.stdout.writeSync(encoder.encode(`${text}\n`));
const progress = (text: string): void => void Deno.stderr.writeSync(encoder.encode(`${text}\n`));

function usage(problem: string): never {
  progress(`${problem}\n\n${HELP}`);
  Deno.exit(2);
}

function parse() {
  const args = parseArgs(Deno.args, {
    boolean: ["quick", "json", "fetch", "write", "readme", "help"],
    string: ["rounds", "only", "peers"],
    negatable: ["fetch", "write"],
    default: { fetch: true, write: true },
    unknown: (arg) => usage(`unknown: ${arg}`),
  });
  const rounds = Number(args.rounds ?? (args.quick ? 1 : 5));
  if (!Number.isInteger(rounds) || rounds < 1) {
    usage(`--rounds takes a whole number from 1, not ${JSON.stringify(args.rounds)}`);
  }
  const only: string[] = args.only?.split(",") ?? [...groupNames];
  const strange = only.find((name) => !(groupNames as readonly string[]).includes(name));
  if (strange !== undefined) {
    usage(`--only knows ${groupNames.join(", ")}, not ${JSON.stringify(strange)}`);
  }
  const peers: string[] = args.peers?.split(",") ?? [""];
  return { ...args, rounds, only, peers };
}

/** `deno fmt --check` covers the chart and the README too. */
async function format(...names: string[]): Promise<void> {
  const args = ["fmt", "--quiet", ...names.map(file)];
  const { success, stderr } = await new Deno.Command(Deno.execPath(), { args }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
}

async function readme(): Promise<void> {
  const results: Results = JSON.parse(await Deno.readTextFile(file("results.json")));
  await Deno.writeTextFile(
    file("README.md"),
    rewriteReadme(await Deno.readTextFile(file("README.md")), results),
  );
  await format("README.md");
}

async function main(): Promise<void> {
  const args = parse();
  if (args.help) return print(HELP);
  if (args.readme) return await readme();

  const found = await findRuntimes(args.fetch);
  const uncompiled = {
    c: await compilePeers(found.cc, "c", programs.c),
    rust: await compilePeers(found.rustc, "rs", programs.rust),
  };
  const sizes = args.quick ? quickSizes : fullSizes;
  const groups = plan(found, sizes, uncompiled).filter((group) => args.only.includes(group.id));
  for (const group of groups) {
    group.jobs = group.jobs.filter(({ id }) => args.peers.some((name) => id.startsWith(name)));
  }
  const results: Results = {
    date: new Date().toISOString(),
    machine: describeMachine(),
    versions: describeVersions(found),
    settings: { rounds: args.rounds, quick: args.quick, payloadBytes: 64, sizes },
    measures: await runRounds(groups, args.rounds, progress),
  };
  const json = JSON.stringify(results, null, 2);
  if (args.write) {
    await Deno.writeTextFile(file("results.json"), `${json}\n`);
    await Deno.writeTextFile(file("results.svg"), drawChart(results));
    await format("results.svg");
  }
  print(args.json ? json : `\n${terminalTable(results)}`);
  // A peer that could run and did not is a broken benchmark.
  if (results.measures.some(({ rows }) => rows.some((row) => row.failed))) Deno.exitCode = 1;
}

if (import.meta.main) {
  try {
    await main();
  } finally {
    removeScratch();
  }
}
