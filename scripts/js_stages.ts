/** The same tests on Node and Bun: their files as JavaScript, in the order and the groups of the stage "unit". */
import path from "node:path";
import { coverageEnv } from "./coverage/collect.ts";
import { javascriptTree } from "./js/tree.ts";
import { readJunit } from "./junit.ts";
import { Unavailable } from "./machines/cache.ts";
import { bunProgram, type NodeMajor, nodeProgram, windowsNode } from "./machines/node.ts";
import { resolvedEnv } from "./machines/resolved.ts";
import { SECOND_ADDRESS } from "./machines/stages.ts";
import { wine } from "./machines/wine.ts";
import { inNamespace, whyNoNamespace } from "./namespace.ts";
import { filesBelow, run, scratch } from "./run.ts";
import {
  add,
  isTest,
  nothing,
  type Result,
  select,
  type Selection,
  type Stage,
  startsPrograms,
} from "./stage.ts";

/** A runtime, and how it runs a module with tests. */
interface TestRuntime {
  /** What its tests are called by in the summary. */
  name: string;
  command(report: string, module: string, filter?: string): string[];
  env?: Record<string, string>;
  wrap?: (command: string[]) => string[];
  /** What a file of this machine is called there. */
  pathOf?: (file: string) => string;
  /** Where its output goes, if it cannot write to a pipe. */
  log?: string;
}

/** Tests that say something about a runtime: not those about sources, tables and tools, nor those of other systems. */
function isForJavascript(file: string): boolean {
  return isTest(file) &&
    /^tests\/(?:address|cli|dgram|doctor|examples|faults|ffi|interfaces|kernel|lifecycles|runtime|socket)\//
      .test(
        file,
      ) &&
    !/\/(?:windows_|platform_features|probe_|compare_tables)/.test(file);
}

function callsKernel(file: string): boolean {
  return /^tests\/(?:cli|dgram|doctor|faults|kernel|lifecycles|runtime|socket)\/|^tests\/ffi\/(?:poller|system|wake)/
    .test(file);
}

function node(program: string, name: string): TestRuntime {
  return {
    name,
    command: (report, module, filter) => [
      program,
      "--test-reporter=junit",
      `--test-reporter-destination=${report}`,
      ...(filter === undefined ? [] : [`--test-name-pattern=${literally(filter)}`]),
      module,
    ],
  };
}

function bun(program: string): TestRuntime {
  return {
    name: "Bun",
    command: (report, module, filter) => [
      ...[program, "test", "--timeout=120000"],
      ...["--reporter=junit", `--reporter-outfile=${report}`],
      ...(filter === undefined ? [] : ["--test-name-pattern", literally(filter)]),
      module,
    ],
  };
}

/** A pattern that stands for just this text. */
function literally(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\\/]/g, "\\$&");
}

/** One module that imports all of them, beside them. */
async function together(tree: string, name: string, files: readonly string[]): Promise<string> {
  const module = path.join(tree, `${name}_test.js`);
  const imports = files.map((file) => `import "./${file.replace(/\.ts$/, ".js")}";\n`);
  await Deno.writeTextFile(module, imports.join(""));
  return module;
}

let modules = 0;

/** Runs files, as one module. Whoever leaves something behind that keeps the process is found by the time limit. */
async function testWith(
  runtime: TestRuntime,
  files: readonly string[],
  { filter }: Selection,
  env: Record<string, string> = {},
): Promise<Result> {
  const tree = await javascriptTree();
  const pathOf = runtime.pathOf ?? ((file: string) => file);
  const report = await Deno.makeTempFile({ dir: scratch(), suffix: ".xml" });
  const module = await together(tree, `js_${modules++}`, files);
  const wrap = runtime.wrap ?? ((command) => command);
  const command = wrap(runtime.command(pathOf(report), pathOf(module), filter));
  const ended = await run(command, {
    cwd: tree,
    env: { ...runtime.env, ...env },
    limit: 180,
  });
  const log = runtime.log === undefined ? "" : await Deno.readTextFile(runtime.log);
  const xml = await Deno.readTextFile(report);
  const tally = readJunit(xml);
  // The reason of a failure is in the report only.
  const cases = xml.matchAll(/<testcase\b[^>]*?(?:\/>|>[\s\S]*?<\/testcase>)/g);
  const failures = [...cases].map(([text]) => text).filter((text) =>
    /<(?:failure|error)\b/.test(text)
  );
  if (ended.code !== 0 && tally.failed.length === 0) {
    tally.failed.push(`the process with ${files.length} files ended with ${ended.code}`);
  }
  const named = (test: string) => `${runtime.name}: ${test}`;
  return {
    passed: tally.passed,
    names: tally.names,
    failed: tally.failed.map(named),
    skipped: tally.skipped.map(named),
    output: [ended.output, log, ...failures].join("\n"),
  };
}

/** Waits for a runtime; without it, its tests are skipped by name. */
async function onRuntime(
  name: string,
  prepare: () => Promise<TestRuntime>,
  work: (runtime: TestRuntime) => Promise<Result>,
): Promise<Result> {
  try {
    return await work(await prepare());
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error;
    const why = error.message;
    return { ...nothing, skipped: [`all tests on ${name} (skipped: ${why})`], note: why };
  }
}

/** Runs files two groups at a time: those that call the kernel by themselves, as they look at ports and descriptors. */
function inGroups(runtime: TestRuntime, files: string[], selection: Selection): Promise<Result> {
  const alone = (file: string) => callsKernel(file) && !startsPrograms(file);
  const groups = [files.filter(alone), files.filter((file) => !alone(file))];
  return Promise.all(
    groups.filter((group) => group.length > 0).map((group) => testWith(runtime, group, selection)),
  ).then(add);
}

/** In between is what calls the kernel, without what starts hundreds of processes or makes each call fail. */
const inBetween = (file: string) =>
  callsKernel(file) && !/^tests\/(?:faults|lifecycles|runtime)\//.test(file);

/** What each Node runs: the oldest and the newest everything. */
const WANTED: readonly [NodeMajor, wanted: (file: string) => boolean][] = [
  [20, () => true],
  [22, inBetween],
  [24, inBetween],
  [26, () => true],
];

/** Floods and random histories take long, and say of the library what they say on Deno. */
function isForLab(file: string): boolean {
  return isTest(file) && !/\/(?:load_(?:flapping|flood|starved)|model|faults_follow)_/.test(file);
}

/** Tests on each Node. */
export const nodeStage: Stage = {
  name: "node",
  quick: false,
  async run(selection) {
    const files = select(filesBelow("tests", isForJavascript), selection);
    if (files.length === 0) return nothing;
    const results: Result[] = [];
    for (const [major, wanted] of WANTED) {
      const name = `Node ${major}`;
      const some = files.filter(wanted);
      if (some.length === 0) continue;
      const env = major === 26 ? coverageEnv() : {};
      const prepare = async () => ({ ...node(await nodeProgram(major), name), env });
      results.push(
        await onRuntime(name, prepare, (runtime) => inGroups(runtime, some, selection)),
      );
    }
    return add(results);
  },
};

/** Tests on Bun. */
export const bunStage: Stage = {
  name: "bun",
  quick: false,
  run(selection) {
    const files = select(filesBelow("tests", isForJavascript), selection);
    if (files.length === 0) return Promise.resolve(nothing);
    const prepare = async () => bun(await bunProgram());
    return onRuntime("Bun", prepare, (runtime) => inGroups(runtime, files, selection));
  },
};

/** The lab on the newest Node: each file in a namespace of its own, two at a time. */
export const nodeLab: Stage = {
  name: "node-lab",
  quick: false,
  async run(selection) {
    const files = select(filesBelow("tests/lab", isForLab), selection);
    if (files.length === 0) return nothing;
    const prepare = async () => {
      const why = await whyNoNamespace();
      if (why !== null) throw new Unavailable(why);
      return { ...node(await nodeProgram(26), "Node 26"), wrap: inNamespace };
    };
    return await onRuntime("Node 26", prepare, async (runtime) => {
      const results: Result[] = [];
      const queue = [...files];
      const worker = async () => {
        for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
          const env = { ...resolvedEnv(), PKTINFO_LAB: "1" };
          results.push(await testWith(runtime, [file], selection, env));
        }
      };
      await Promise.all([worker(), worker()]);
      return add(results);
    });
  },
};

/** Node for Windows under Wine; it cannot write to a pipe there, but to files. */
async function nodeOnWine(): Promise<TestRuntime> {
  const machine = await wine();
  const command = machine.deno.slice(0, -1);
  const log = await Deno.makeTempFile({ dir: scratch(), suffix: ".log" });
  const script = `${SECOND_ADDRESS.replace('exec "$@"', "")}exec "$@" > ${log} 2>&1`;
  return {
    ...node(machine.pathOf(await windowsNode(26)), "Node 26 for Windows"),
    env: { ...machine.env, ...coverageEnv(machine.pathOf) },
    pathOf: machine.pathOf,
    log,
    wrap: (words) => inNamespace(["sh", "-c", script, "sh", ...command, ...words]),
  };
}

/** What calls Windows, by Node. */
export const nodeWindows: Stage = {
  name: "node-windows",
  quick: false,
  run(selection) {
    const wanted = (file: string) =>
      isTest(file) && /^tests\/(?:kernel|socket|ffi\/(?:poller|system|wake))/.test(file) &&
      !/\/(?:simulated|platform_features|probe_)/.test(file);
    const files = select(filesBelow("tests", wanted), selection);
    if (files.length === 0) return Promise.resolve(nothing);
    return onRuntime(
      "Node for Windows",
      nodeOnWine,
      (runtime) => testWith(runtime, files, selection),
    );
  },
};

/** All of them, in the order in which they run. */
export const jsStages: Stage[] = [nodeStage, bunStage, nodeWindows, nodeLab];
