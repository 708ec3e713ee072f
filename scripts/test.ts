/**
 * Everything that is checked about this project: `deno task test`.
 *
 *     --quick         formatting, lint, types and the tests on loopback
 *     --only STAGE    this stage only; may be repeated
 *     --filter TEXT   only tests whose name contains it
 *     --update        write docs/platforms.md and docs/coverage.md anew rather than compare them
 *     --coverage      count what the tests execute, for the stage "coverage", which runs only then
 *     --profiles DIR  keep what was counted there; with only that stage, take what is there
 *     FILE …          only these test files, and nothing else: the stages "unit", "lab" and "clients"
 *
 * The last line is `N passed, N failed, N skipped`; the exit code is 1 if anything failed.
 */
import { parseArgs } from "@std/cli/parse-args";
import path from "node:path";
import { collectCoverage, collects } from "./coverage/collect.ts";
import { coverage } from "./coverage_stage.ts";
import { figures } from "./figures.ts";
import { rowsOf } from "./reliability.ts";
import { removeScratch, scratch, stopAll } from "./run.ts";
import { type Result, type Stage, stages } from "./stages.ts";

const encoder = new TextEncoder();

/** Writes at once, also without a newline. */
function write(text: string) {
  const bytes = encoder.encode(text);
  for (let done = 0; done < bytes.length;) done += Deno.stdout.writeSync(bytes.subarray(done));
}

function usage(message: string): never {
  write(`${message}\nStages: ${stages.map(({ name }) => name).join(", ")}\n`);
  Deno.exit(2);
}

function chooseStages(quick: boolean, only: string[], files: string[]): Stage[] {
  const unknown = only.find((name) => !stages.some((stage) => stage.name === name));
  if (unknown !== undefined) usage(`There is no stage "${unknown}".`);
  if (only.length > 0) return stages.filter(({ name }) => only.includes(name));
  if (files.length > 0) return stages.filter(({ name }) => /^(?:unit|lab|clients)$/.test(name));
  if (quick) return stages.filter((stage) => stage.quick);
  return stages.filter((stage) => stage !== coverage || collects());
}

/** `34 passed, 2 skipped` */
function inWords({ passed, failed, skipped, note }: Result): string {
  const parts = [`${passed} passed`];
  if (failed.length > 0) parts.push(`${failed.length} failed`);
  if (skipped.length > 0) parts.push(`${skipped.length} skipped`);
  const counts = passed + failed.length + skipped.length === 1 ? "" : parts.join(", ");
  return [counts, note ?? ""].filter((text) => text !== "").join("; ");
}

function list(title: string, entries: string[]) {
  if (entries.length > 0) write(`\n${title}:\n${entries.map((entry) => `  ${entry}\n`).join("")}`);
}

async function main(): Promise<number> {
  const args = parseArgs(Deno.args, {
    boolean: ["quick", "update", "coverage"],
    string: ["only", "filter", "profiles", "_"],
    collect: ["only"],
    unknown: (arg) => arg.startsWith("-") ? usage(`Unknown option ${arg}.`) : true,
  });
  const selection = {
    files: args._.map((file) => file.replace(/^\.\//, "")),
    filter: args.filter,
    quick: args.quick,
    update: args.update,
  };
  if (args.coverage) collectCoverage(args.profiles ?? path.join(scratch(), "coverage"));
  const results = new Map<string, Result>();
  const chosen = chooseStages(args.quick, args.only, selection.files);
  const total = { passed: 0, failed: [] as string[], skipped: [] as string[] };
  const width = Math.max(...chosen.map(({ name }) => name.length));
  const beside = chosen.filter(({ begin }) => begin);
  for (const stage of chosen) {
    if (!stage.prepares) { for (const other of beside.splice(0)) other.begin!(); }
    write(`${stage.name.padEnd(width)}  `);
    const start = performance.now();
    const result = await stage.run(selection, results).catch((error): Result => (
      { passed: 0, failed: [stage.name], skipped: [], output: String(error.stack ?? error) }
    ));
    results.set(stage.name, result);
    const seconds = ((performance.now() - start) / 1000).toFixed(1).padStart(6);
    const { failed, skipped } = result;
    const status = failed.length > 0
      ? "FAILED"
      : result.passed === 0 && skipped.length > 0
      ? "skipped"
      : "ok";
    write(`${status.padEnd(7)} ${seconds} s  ${inWords(result)}`.trimEnd() + "\n");
    if (failed.length > 0) write(`\n${result.output.trimEnd()}\n\n`);
    total.passed += result.passed;
    total.failed.push(...failed.map((name) => `${stage.name}: ${name}`));
    total.skipped.push(...skipped.map((name) => `${stage.name}: ${name}`));
  }
  if (
    selection.files.length > 0 && total.passed + total.failed.length + total.skipped.length === 0
  ) {
    total.failed.push(`no test file is called ${selection.files.join(", ")}`);
  }
  list("Skipped", total.skipped);
  list(
    "Numbers",
    rowsOf(figures()).map(({ area, what, value }) => `${area}: ${what}: ${value}`),
  );
  list("Failed", total.failed);
  write(
    `\n${total.passed} passed, ${total.failed.length} failed, ${total.skipped.length} skipped\n`,
  );
  return total.failed.length > 0 ? 1 : 0;
}

if (import.meta.main) {
  // What was started must not outlive this process, whichever way it ends.
  const signals: Deno.Signal[] = Deno.build.os === "windows"
    ? ["SIGINT"]
    : ["SIGINT", "SIGTERM", "SIGHUP"];
  for (const signal of signals) {
    Deno.addSignalListener(signal, async () => {
      await stopAll();
      removeScratch();
      write("\nstopped\n");
      Deno.exit(130);
    });
  }
  const code = await main();
  removeScratch();
  Deno.exit(code);
}
