/** What a stage is, what it comes to, and how it runs `deno test`. */
import path from "node:path";
import { coverageArgs, type Place } from "./coverage/collect.ts";
import { readJunit, type Tally } from "./junit.ts";
import type { Machine } from "./machines/machine.ts";
import { run, scratch } from "./run.ts";

/** What a stage comes to. A stage that is no set of tests counts as one. */
export interface Result extends Tally {
  /** What the tools wrote; shown when the stage fails. */
  output: string;
  /** One line about a stage that went well. */
  note?: string;
}

/** What the command line may narrow. */
export interface Selection {
  /** Test files; empty: all of the stage's. */
  files: string[];
  /** Passed on as `deno test --filter`. */
  filter?: string;
  /** Only what `--quick` has time for. */
  quick: boolean;
  /** Write anew what is generated from the run, rather than compare it. */
  update: boolean;
}

/** A part of the check. */
export interface Stage {
  name: string;
  /** Part of `--quick`. */
  quick: boolean;
  /** Gets ready what the others need. */
  prepares?: boolean;
  /** Starts what runs beside the stages before this one, as soon as everything is ready. */
  begin?(): void;
  /** @param earlier What the stages before came to, by name. */
  run(selection: Selection, earlier: ReadonlyMap<string, Result>): Promise<Result>;
}

/** This Deno. */
export const deno = Deno.execPath();

/** This machine. */
const here: Machine = { deno: [deno], env: {}, pathOf: (file) => file };

/** Runs `deno test` and reads its JUnit report. */
export async function denoTest(
  args: readonly string[],
  { machine = here, env, wrap = (command) => command, covers, limit }: {
    machine?: Machine;
    env?: Record<string, string>;
    wrap?: (command: string[]) => string[];
    /** Its coverage counts, where that is collected, for this place. */
    covers?: Place;
    /** After so many seconds it is killed. */
    limit?: number;
  } = {},
): Promise<Result> {
  const report = await Deno.makeTempFile({ dir: scratch(), suffix: ".xml" });
  const junit = `--junit-path=${machine.pathOf(report)}`;
  const coverage = covers ? coverageArgs(covers, machine) : [];
  const command = wrap([...machine.deno, "test", "--allow-all", junit, ...coverage, ...args]);
  const { code, output } = await run(command, { env: { ...machine.env, ...env }, limit });
  const tally = readJunit(await Deno.readTextFile(report));
  // A module that cannot be loaded, a leak outside of a test or a crash is in no report.
  const uncaught = [...output.matchAll(/^(\S+ \(uncaught error\))$/gm)].map(([, name]) => name);
  tally.failed.push(...new Set(uncaught));
  if (code !== 0 && tally.failed.length === 0) tally.failed.push(`deno test ended with ${code}`);
  // Examples are named by where they are; the file's path below the repository is enough.
  const short = (name: string) => name.replace(root.href, "");
  return {
    passed: tally.passed,
    names: tally.names,
    failed: tally.failed.map(short),
    skipped: tally.skipped.map(short),
    output,
  };
}

/** The sum of several runs. */
export function add(results: readonly Result[]): Result {
  return {
    passed: results.reduce((sum, result) => sum + result.passed, 0),
    names: results.flatMap((result) => result.names ?? []),
    failed: results.flatMap((result) => result.failed),
    skipped: results.flatMap((result) => result.skipped),
    // The output of files that went well is of no interest beside that of one that did not.
    output: results.filter((result) => result.failed.length > 0).map((result) => result.output)
      .join("\n"),
  };
}

/** What a stage without tests comes to. */
export const nothing: Result = {
  passed: 0,
  failed: [],
  skipped: [],
  output: "",
  note: "no such tests",
};

/** Whether a path is that of a file with tests. */
export function isTest(path: string): boolean {
  return /_test\.ts$/.test(path);
}

/** Whether all that a file's tests do is done by programs that they start: they disturb nobody. */
export function startsPrograms(path: string): boolean {
  return /^tests\/(?:runtime\/|lifecycles\/(?:collection|leaks|leaving|workers)_)/.test(path);
}

/** The wanted ones of a stage's files. */
export function select(files: string[], selection: Selection): string[] {
  if (selection.files.length === 0) return files;
  return files.filter((file) =>
    selection.files.some((wanted) => file === wanted || file.endsWith("/" + wanted))
  );
}

/** The repository. */
const root = new URL("..", import.meta.url);

/** One module that imports all files: each loaded for itself costs 0.1 s, and seconds on another machine. */
export async function together(name: string, files: readonly string[]): Promise<string> {
  const module = path.join(scratch(), `${name}_test.ts`);
  const imports = files.map((file) => `import "${new URL(file, root)}";\n`);
  await Deno.writeTextFile(module, imports.join(""));
  return module;
}

/** The selection of tests by name, as arguments of `deno test`. */
export function filterArgs({ filter }: Selection): string[] {
  return filter === undefined ? [] : [`--filter=${filter}`];
}
