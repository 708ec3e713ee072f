/** What a complete check of the project consists of. scripts/test.ts runs these and adds up the results. */
import { install } from "./install.ts";
import { readJunit, type Tally } from "./junit.ts";
import { inNamespace, whyNoNamespace } from "./namespace.ts";
import { filesBelow, run, scratch } from "./run.ts";

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
}

export interface Stage {
  name: string;
  /** Part of `--quick`. */
  quick: boolean;
  run(selection: Selection): Promise<Result>;
}

const deno = Deno.execPath();

/** A stage that is one run of a tool: it passes when the tool ends with 0. */
function tool(name: string, quick: boolean, ...args: string[]): Stage {
  return {
    name,
    quick,
    async run() {
      const { code, output } = await run([deno, ...args]);
      return { passed: code === 0 ? 1 : 0, failed: code === 0 ? [] : [name], skipped: [], output };
    },
  };
}

/** Runs `deno test` and reads its JUnit report. */
async function denoTest(
  args: readonly string[],
  { env, wrap = (command) => command }: {
    env?: Record<string, string>;
    wrap?: (command: string[]) => string[];
  } = {},
): Promise<Result> {
  const report = await Deno.makeTempFile({ dir: scratch, suffix: ".xml" });
  const command = wrap([deno, "test", "--allow-all", `--junit-path=${report}`, ...args]);
  const { code, output } = await run(command, { env });
  const tally = readJunit(await Deno.readTextFile(report));
  // A module that cannot be loaded, a leak outside of a test or a crash is in no report.
  const uncaught = [...output.matchAll(/^(\S+ \(uncaught error\))$/gm)].map(([, name]) => name);
  tally.failed.push(...new Set(uncaught));
  if (code !== 0 && tally.failed.length === 0) tally.failed.push(`deno test ended with ${code}`);
  // Examples are named by where they are; the file's path below the repository is enough.
  const root = new URL("..", import.meta.url).href;
  const short = (name: string) => name.replace(root, "");
  return {
    passed: tally.passed,
    failed: tally.failed.map(short),
    skipped: tally.skipped.map(short),
    output,
  };
}

function add(results: readonly Result[]): Result {
  return {
    passed: results.reduce((sum, result) => sum + result.passed, 0),
    failed: results.flatMap((result) => result.failed),
    skipped: results.flatMap((result) => result.skipped),
    // The output of files that went well is of no interest beside that of one that did not.
    output: results.filter((result) => result.failed.length > 0).map((result) => result.output)
      .join("\n"),
  };
}

const nothing: Result = { passed: 0, failed: [], skipped: [], output: "", note: "no such tests" };

function isTest(path: string): boolean {
  return /_test\.ts$/.test(path);
}

function isLabTest(path: string): boolean {
  return isTest(path) && path.startsWith("tests/lab/");
}

/** The wanted ones of a stage's files. */
function select(files: string[], selection: Selection): string[] {
  if (selection.files.length === 0) return files;
  return files.filter((file) =>
    selection.files.some((wanted) => file === wanted || file.endsWith("/" + wanted))
  );
}

function filterArgs({ filter }: Selection): string[] {
  return filter === undefined ? [] : [`--filter=${filter}`];
}

/** Tests that need no more than loopback, once more for every way of waiting and receiving. */
function loopback(name: string, quick: boolean, force?: string): Stage {
  return {
    name,
    quick,
    async run(selection) {
      const files = select(
        filesBelow("tests", (path) => isTest(path) && !isLabTest(path)),
        selection,
      );
      if (files.length === 0) return nothing;
      // Types are checked by a stage of their own.
      return await denoTest(["--no-check", ...filterArgs(selection), ...files], {
        env: force === undefined ? {} : { PKTINFO_FORCE: force },
      });
    },
  };
}

/** Each file in a network namespace of its own, two at a time. */
async function runLab(selection: Selection): Promise<Result> {
  const files = select(filesBelow("tests/lab", isLabTest), selection);
  if (files.length === 0) return nothing;
  const why = await whyNoNamespace();
  const args = ["--no-check", ...filterArgs(selection)];
  // Outside of a namespace every test there is skipped, by name.
  if (why !== null) return { ...await denoTest([...args, ...files]), note: why };
  // There is no network in there to fetch modules from.
  await run([deno, "cache", "--no-check", ...files]);
  const results: Result[] = [];
  const queue = [...files];
  const worker = async () => {
    for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
      results.push(
        await denoTest([...args, file], { env: { PKTINFO_LAB: "1" }, wrap: inNamespace }),
      );
    }
  };
  await Promise.all([worker(), worker()]);
  return add(results);
}

/** The examples in the documentation comments and in the handbook, executed. */
async function runDocs(): Promise<Result> {
  const notLibrary = /^(tests|scripts|bench|examples)\//;
  const files = filesBelow(
    "",
    (path) => /\.(ts|md)$/.test(path) && !notLibrary.test(path) && path !== "CHANGELOG.md",
  )
    .filter((path) =>
      /```(ts|typescript|js)\b/.test(Deno.readTextFileSync(new URL(`../${path}`, import.meta.url)))
    );
  if (files.length === 0) return nothing;
  const why = await whyNoNamespace();
  if (why !== null) {
    return { ...nothing, skipped: [`documentation examples (skipped: ${why})`], note: why };
  }
  await run([deno, "cache", "--no-check", ...filesBelow("", isTest)]);
  return await denoTest(["--doc", ...files], {
    wrap: (command) => inNamespace(command, { docs: true }),
  });
}

async function runInstall(): Promise<Result> {
  const { missing, installed, why, output } = await install();
  if (missing.length === 0) {
    const note = installed.length > 0
      ? `installed ${installed.join(", ")}`
      : why ?? "nothing is missing";
    return { passed: 1, failed: [], skipped: [], output, note };
  }
  const text = `missing: ${missing.join(", ")}`;
  if (why === null) {
    return { passed: 0, failed: ["install"], skipped: [], output: `${output}\n${text}` };
  }
  const note = `${text}; ${why}; tests that need them are skipped`;
  return { passed: 0, failed: [], skipped: [`install (skipped: ${text}; ${why})`], output, note };
}

/** The modules that users import: deno.json's exports. */
function entryPoints(): string[] {
  const { exports } = JSON.parse(Deno.readTextFileSync(new URL("../deno.json", import.meta.url)));
  return typeof exports === "string" ? [exports] : Object.values<string>(exports);
}

/** In the order in which they run. */
export const stages: Stage[] = [
  { name: "install", quick: false, run: runInstall },
  tool("fmt", true, "fmt", "--check"),
  tool("lint", true, "lint"),
  // Named one by one: a folder would bring in what the npm build has made.
  tool("check", true, "check", ...filesBelow("", (path) => path.endsWith(".ts"))),
  tool("doc-lint", false, "doc", "--lint", ...entryPoints()),
  tool("publish", false, "publish", "--dry-run", "--allow-dirty"),
  loopback("unit", true),
  loopback("unit-poll", false, "poll"),
  loopback("unit-single", false, "single"),
  { name: "lab", quick: false, run: runLab },
  { name: "docs", quick: false, run: runDocs },
];
