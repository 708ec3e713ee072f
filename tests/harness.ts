/**
 * What every test file uses to declare a test: `test(name, fn)` and `test(name, { needs: [...] }, fn)`.
 *
 * It hides the test runner (Deno.test, node:test, bun:test), so one set of test files serves every runtime, and it
 * turns a missing prerequisite into a skipped test whose *name* says what was missing. Only `node:` modules are used.
 */
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import process from "node:process";

/** Something a test cannot do without. */
export type Need =
  | "linux"
  | "windows"
  | "root"
  | "lab"
  | "apart"
  | "ipv4"
  | "ipv6"
  | "python3"
  | "socat"
  | "tshark"
  | "tmux"
  | "cc"
  | "node"
  | "tun"
  | "deno";

export interface TestOptions {
  /** What must be there; the test is skipped, by name and with the reason, when anything is missing. */
  needs?: Need[];
  /** A further reason to skip, found by the test file itself: `skip: notOn("wine", "Wine ignores the send source")`. */
  skip?: string | false;
  /** After this many milliseconds the test fails instead of holding up the whole run. Default: 60,000. */
  timeout?: number;
}

export type TestBody = () => void | Promise<void>;

/** The runtime these tests run on. */
export const runtime: "deno" | "node" | "bun" = "Deno" in globalThis
  ? "deno"
  : "Bun" in globalThis
  ? "bun"
  : "node";

/** What the tests run on: the machine itself, or one that it imitates (scripts/machines). */
export type Machine = "native" | "wine" | "qemu";

/** The machine of this run. */
export const machine = (process.env.PKTINFO_MACHINE ?? "native") as Machine;

/**
 * A reason to skip on a machine that imitates another one badly.
 *
 * @param why What it cannot do, and what the test would need: "Wine ignores the send source".
 */
export function notOn(imitation: Exclude<Machine, "native">, why: string): string | false {
  return machine === imitation && why;
}

/** A reason to skip on a runtime that cannot do something. */
export function notUnder(other: typeof runtime, why: string): string | false {
  return runtime === other && why;
}

/** The program that runs these tests, for tests that start others. On an imitated machine it may need a launcher. */
export const runtimeProgram: string = process.env.PKTINFO_DENO ?? process.execPath;

/**
 * The words of a command that runs a program of ours on this runtime.
 *
 * @param file Its path, that of the TypeScript.
 * @param permissions For Deno; the others have none.
 */
export function commandOf(
  file: string,
  permissions: readonly string[],
  args: readonly string[] = [],
): [program: string, args: string[]] {
  // Where TypeScript is not run, its JavaScript is beside it (scripts/js/tree.ts).
  if (runtime !== "deno") return [runtimeProgram, [file.replace(/\.ts$/, ".js"), ...args]];
  // Deno's `node:child_process` puts -A into a command that starts Deno without any permission: the last option is
  // there to be one.
  const options = ["--quiet", "--no-prompt", "--no-check", ...permissions, "--deny-run=nothing"];
  return [runtimeProgram, ["run", ...options, file, ...args]];
}

/** Finds a program in PATH; null when there is none. */
export function findProgram(name: string): string | null {
  const suffixes = process.platform === "win32" ? [".exe", ".cmd", ""] : [""];
  for (const directory of (process.env.PATH ?? "").split(path.delimiter)) {
    if (directory === "") continue;
    for (const suffix of suffixes) {
      const file = path.join(directory, name + suffix);
      try {
        fs.accessSync(file, fs.constants.X_OK);
        if (fs.statSync(file).isFile()) return file;
      } catch {
        // Not here; the next directory.
      }
    }
  }
  return null;
}

let pythonPath: string | null | undefined;

/** The real Python 3 binary (a version manager's shim in PATH costs 100 ms a start), or null. */
export function python3(): string | null {
  if (pythonPath === undefined) {
    const found = findProgram("python3");
    const answer = found === null
      ? null
      : spawnSync(found, ["-c", "import sys; print(sys.executable)"]);
    pythonPath = answer?.status === 0 ? answer.stdout.toString().trim() : null;
  }
  return pythonPath;
}

function hasAddressOf(family: "IPv4" | "IPv6"): boolean {
  return Object.values(os.networkInterfaces()).some((list) =>
    list?.some((entry) => entry.family === family)
  );
}

/** Is the TUN/TAP driver there and may we open it? */
function canOpenTun(): boolean {
  try {
    fs.closeSync(fs.openSync("/dev/net/tun", "r+"));
    return true;
  } catch {
    return false;
  }
}

/** Each need: whether it is met, and what to call it in the reason. */
const needs: Record<Need, { met: () => boolean; missing: string }> = {
  linux: { met: () => process.platform === "linux", missing: "Linux" },
  windows: { met: () => process.platform === "win32", missing: "Windows" },
  root: { met: () => process.getuid?.() === 0, missing: "root" },
  lab: {
    met: () => process.env.PKTINFO_LAB === "1",
    missing: "a network namespace of its own (scripts/test.ts)",
  },
  apart: {
    met: () => process.env.PKTINFO_LAB === "1" || machine !== "native",
    missing: "a network namespace of its own, or an imitated machine (scripts/test.ts)",
  },
  ipv4: { met: () => hasAddressOf("IPv4"), missing: "IPv4" },
  ipv6: { met: () => hasAddressOf("IPv6"), missing: "IPv6" },
  python3: { met: () => python3() !== null, missing: "python3" },
  socat: { met: () => findProgram("socat") !== null, missing: "socat" },
  tshark: { met: () => findProgram("tshark") !== null, missing: "tshark" },
  tmux: { met: () => findProgram("tmux") !== null, missing: "tmux" },
  cc: {
    met: () => findProgram("cc") !== null || findProgram("gcc") !== null,
    missing: "a C compiler",
  },
  node: { met: () => findProgram("node") !== null, missing: "node" },
  tun: { met: canOpenTun, missing: "/dev/net/tun" },
  deno: { met: () => runtime === "deno", missing: "Deno" },
};

const known = new Map<Need, boolean>();

/** Tells whether a need is met here; asked once a process. */
export function has(need: Need): boolean {
  let answer = known.get(need);
  if (answer === undefined) known.set(need, answer = needs[need].met());
  return answer;
}

/** Registers a test with whichever runner this runtime has. */
type Register = (name: string, skipped: boolean, body: TestBody) => void;

async function chooseRegister(): Promise<Register> {
  if (runtime === "deno") {
    return (name, skipped, body) =>
      Deno.test({
        name,
        ignore: skipped,
        sanitizeOps: true,
        sanitizeResources: true,
        sanitizeExit: true,
        fn: body,
      });
  }
  const specifier = runtime === "bun" ? "bun:test" : "node:test";
  const { test: declare } = await import(specifier);
  if (runtime === "bun") {
    return (name, skipped, body) => skipped ? declare.skip(name, body) : declare(name, body);
  }
  return (name, skipped, body) => declare(name, { skip: skipped }, body);
}

const register = await chooseRegister();

/** Declares a test. */
export function test(name: string, body: TestBody): void;
export function test(name: string, options: TestOptions, body: TestBody): void;
export function test(
  name: string,
  second: TestOptions | TestBody,
  third?: TestBody,
): void {
  const [options, body] = typeof second === "function" ? [{}, second] : [second, third!];
  const missing = (options.needs ?? []).filter((need) => !has(need)).map((
    need,
  ) => needs[need].missing);
  const reasons = missing.length > 0 ? [`needs ${missing.join(", ")}`] : [];
  if (options.skip) reasons.push(options.skip);
  const limit = options.timeout ?? 60_000;
  if (reasons.length > 0) {
    register(`${name} (skipped: ${reasons.join("; ")})`, true, body);
  } else {register(name, false, () =>
      within(limit, Promise.resolve().then(body), `the end of the test "${name}"`));}
}

/** How much longer things may take: a processor that is imitated is some ten times slower. */
const patience = machine === "qemu" ? 4 : 1;

/**
 * Waits for a promise, but no longer than `ms` milliseconds: then it rejects, naming what was waited for. The timer never
 * outlives the wait.
 */
export function within<T>(
  ms: number,
  promise: PromiseLike<T>,
  what = "what the test waits for",
): Promise<T> {
  const limit = ms * patience;
  let timer: ReturnType<typeof setTimeout>;
  // The error is made here, so that its stack shows who waited.
  const error = new Error(`${what} did not come within ${limit} ms`);
  const late = new Promise<never>((_, reject) => timer = setTimeout(() => reject(error), limit));
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** Says that nothing happens for `ms` milliseconds: the only way to prove an absence. Prefer a later marker packet. */
export async function staysPending(
  ms: number,
  promise: PromiseLike<unknown>,
): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout>;
  const quiet = new Promise<boolean>((resolve) => timer = setTimeout(() => resolve(true), ms));
  const stirred = Promise.resolve(promise).then(() => false, () => false);
  return await Promise.race([quiet, stirred]).finally(() => clearTimeout(timer));
}
