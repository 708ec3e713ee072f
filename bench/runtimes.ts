// Finds what the peers run on: compilers, every Node on PATH, a newer Node and Bun from npm, Python, taskset.

import { delimiter, join } from "node:path";
import { javascriptTree } from "../scripts/js/tree.ts";
import { Unavailable } from "../scripts/machines/cache.ts";
import { bunProgram, nodeProgram } from "../scripts/machines/node.ts";

/** A program that was found, and the version it says it has. */
export interface Runtime {
  command: string;
  version: string;
}

/** What this machine offers; `null` and an empty list mean: not found. */
export interface Runtimes {
  cc: Runtime | null;
  rustc: Runtime | null;
  /** One entry a major version, oldest first. */
  nodes: Runtime[];
  bun: Runtime | null;
  deno: Runtime;
  python: Runtime | null;
  taskset: string | null;
  /** The repository as JavaScript, for Node and Bun; or why there is none. */
  tree: { folder: string } | { missing: string };
}

const here = import.meta.dirname ?? ".";
/** Compiled programs; not in git. */
export const outFolder: string = join(here, "out");
const NEWEST_NODE = 26;

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
  const version = text?.split("\n")[0].replace(/^(?:v|Python |rustc )/, "");
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

/** What comes from npm, if it may be fetched and can be had; `null` otherwise. */
async function fetched<T>(allowed: boolean, get: () => Promise<T>): Promise<T | null> {
  if (!allowed) return null;
  try {
    return await get();
  } catch (error) {
    if (error instanceof Unavailable) return null;
    throw error;
  }
}

/** Looks for all of them. With `fetch`, a missing Bun, a missing newest Node and koffi come from npm. */
export async function findRuntimes(fetch: boolean): Promise<Runtimes> {
  const nodes = new Map<number, Runtime>();
  for (const path of onPath("node")) {
    const node = await probe(path);
    // Where there is no Node, Deno puts a folder on PATH whose "node" is Deno itself ("deno 2.9.6 (stable …").
    if (node && Number.isInteger(major(node)) && !nodes.has(major(node))) {
      nodes.set(major(node), node);
    }
  }
  if (![...nodes.keys()].some((version) => version >= NEWEST_NODE)) {
    const path = await fetched(fetch, () => nodeProgram(NEWEST_NODE));
    const node = path && await probe(path);
    if (node) nodes.set(major(node), node);
  }

  let bun = await firstOf(onPath("bun"));
  const bunPath = bun ? null : await fetched(fetch, bunProgram);
  if (bunPath) bun = await probe(bunPath);

  const tree = await fetched(fetch, javascriptTree);
  return {
    cc: await firstOf(onPath("cc")),
    rustc: await firstOf(onPath("rustc")),
    nodes: [...nodes.values()].sort((a, b) => major(a) - major(b)),
    bun,
    deno: { command: Deno.execPath(), version: Deno.version.deno },
    python: await firstOf(onPath("python3")),
    taskset: onPath("taskset")[0] ?? null,
    tree: tree === null ? { missing: "koffi is not there" } : { folder: tree },
  };
}

/** Compiles programs into out/. Returns why there are none, if so. */
export async function compilePeers(
  compiler: Runtime | null,
  ending: "c" | "rs",
  names: readonly string[],
): Promise<string | null> {
  if (!compiler) return `no compiler on PATH (${ending === "c" ? "cc" : "rustc"})`;
  const options = ending === "c" ? ["-O2", "-Wall"] : ["-O", "--edition=2021"];
  Deno.mkdirSync(outFolder, { recursive: true });
  for (const name of names) {
    const source = join(here, "peers", `${name}.${ending}`);
    const args = [...options, "-o", join(outFolder, name), source];
    // The compiler's own words go to the terminal.
    const command = new Deno.Command(compiler.command, { args, stderr: "inherit" });
    if (!(await command.output()).success) return `${name}.${ending} does not compile here`;
  }
  return null;
}
