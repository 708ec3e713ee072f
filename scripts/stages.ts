/** What a complete check of the project consists of. scripts/test.ts runs these and adds up the results. */
import { auditStage } from "./audit_stage.ts";
import { clientsStage } from "./clients_stage.ts";
import { long } from "../tests/figures.ts";
import { coverage } from "./coverage_stage.ts";
import { figuresEnv } from "./figures.ts";
import { install } from "./install.ts";
import { jsStages } from "./js_stages.ts";
import { arm64, machines, windows, zigEnv } from "./machines/stages.ts";
import { resolvedEnv } from "./machines/resolved.ts";
import { inNamespace, whyNoNamespace } from "./namespace.ts";
import { npmStage } from "./npm_stage.ts";
import { platforms } from "./platforms_stage.ts";
import { reliability } from "./reliability_stage.ts";
import { filesBelow, run } from "./run.ts";
import { soak } from "./soak_stage.ts";
import {
  add,
  deno,
  denoTest,
  filterArgs,
  isTest,
  nothing,
  type Result,
  select,
  type Selection,
  type Stage,
  startsPrograms,
  together,
} from "./stage.ts";

export type { Result, Stage } from "./stage.ts";

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

/** Seconds: a flood of ten minutes is one of a file's tests. */
const LIMIT = long ? 3600 : undefined;

function isLabTest(path: string): boolean {
  return isTest(path) && path.startsWith("tests/lab/");
}

/** Whether a file's tests take other ways through the library when they are forced to. */
function callsKernel(path: string): boolean {
  return /^tests\/(?:kernel|faults|lifecycles|socket|doctor|cli)\/|^tests\/ffi\/(?:poller|system|wake)/
    .test(path);
}

/**
 * Whether this stage is the place for a file's tests: those of Windows have a stage of their own, and on Linux the
 * lab runs those that can show more there.
 */
function isForHere(path: string): boolean {
  const elsewhere = Deno.build.os === "windows"
    ? /^tests\/(?:lab|clients)\//
    : Deno.build.os === "linux"
    ? /^tests\/(?:lab\/|clients\/|kernel\/(?:windows_|platform_features)|cli\/programs)/
    : /^tests\/(?:lab\/|clients\/|kernel\/windows_)/;
  return isTest(path) && !elsewhere.test(path);
}

/**
 * Tests that need no more than loopback; once more for every way of waiting and receiving.
 *
 * @param again What makes it another way: those that call the kernel run again with it.
 */
function loopback(name: string, quick: boolean, again?: Record<string, string>): Stage {
  return {
    name,
    quick,
    async run(selection) {
      const files = select(
        filesBelow(
          "tests",
          (path) => isForHere(path) && (again === undefined || callsKernel(path)),
        ),
        selection,
      );
      const env = {
        ...zigEnv(),
        // Once is enough for what takes long.
        ...(selection.quick || again ? {} : { PKTINFO_FULL: "1" }),
        ...again ?? figuresEnv(),
      };
      // Two at a time; those that call the kernel by themselves, as they look at ports and descriptors.
      const alone = (file: string) => callsKernel(file) && !startsPrograms(file);
      const groups = [files.filter(alone), files.filter((file) => !alone(file))];
      const runs = groups.filter((group) => group.length > 0).map(async (group, at) => {
        const module = await together(`${name}_${at}`, group);
        // Types are checked by a stage of their own.
        const args = ["--no-check", "--config=deno.json", ...filterArgs(selection), module];
        return await denoTest(args, { env, covers: "linux", limit: LIMIT });
      });
      return runs.length === 0 ? nothing : add(await Promise.all(runs));
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
        await denoTest([...args, file], {
          env: { ...resolvedEnv(), ...figuresEnv(), PKTINFO_LAB: "1" },
          wrap: inNamespace,
          limit: LIMIT,
          covers: "linux",
        }),
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
  { name: "install", quick: false, prepares: true, run: runInstall },
  machines,
  tool("fmt", true, "fmt", "--check"),
  tool("lint", true, "lint"),
  // Named one by one: a folder would bring in what the npm build has made.
  tool("check", true, "check", ...filesBelow("", (path) => path.endsWith(".ts"))),
  tool("doc-lint", false, "doc", "--lint", ...entryPoints()),
  auditStage,
  tool("publish", false, "publish", "--dry-run", "--allow-dirty"),
  loopback("unit", true),
  loopback("unit-poll", false, { PKTINFO_FORCE: "poll" }),
  loopback("unit-single", false, { PKTINFO_FORCE: "single" }),
  loopback("unit-debug", false, { PKTINFO_DEBUG: "1" }),
  windows,
  arm64,
  ...jsStages,
  npmStage,
  { name: "lab", quick: false, run: runLab },
  clientsStage,
  { name: "docs", quick: false, run: runDocs },
  platforms,
  coverage,
  soak,
  reliability,
];
