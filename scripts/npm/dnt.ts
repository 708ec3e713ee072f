/**
 * The package's modules by dnt, which comes from JSR and so cannot be had everywhere: nothing but the task `npm:dnt`
 * needs it.
 */
import path from "node:path";
import { Unavailable } from "../machines/cache.ts";
import { rewrite } from "./finish.ts";
import { entryPoints, name, root, version } from "./package.ts";

/** No literal in an `import`: whoever checks types or locks dependencies would want to fetch it. */
const DNT = "jsr:@deno/dnt@0.43.2";

/** What is used of dnt. */
export interface Dnt {
  build(options: BuildOptions): Promise<void>;
}

/** Its options are in the README of denoland/dnt. */
export interface BuildOptions {
  entryPoints: { kind?: "bin" | "export"; name: string; path: string }[];
  outDir: string;
  cwd: string;
  configFile: string;
  shims: Record<never, never>;
  polyfills: boolean;
  scriptModule: false;
  declaration: "inline";
  typeCheck: false;
  test: boolean;
  skipNpmInstall: boolean;
  skipSourceOutput: boolean;
  package: { name: string; version: string };
  compilerOptions: {
    target: "ES2022";
    lib: ("ES2023" | "DOM" | "ESNext.Disposable")[];
  };
}

async function fetchDnt(): Promise<Dnt> {
  try {
    return await import(DNT);
  } catch (error) {
    const [reason] = (error as Error).message.split("\n");
    throw new Unavailable(`npm:dnt needs dnt, which cannot be fetched from JSR here: ${reason}`);
  }
}

/**
 * Compiles to `esm/` in a folder.
 *
 * @param dnt Another one than JSR's.
 */
export async function compile(folder: string, dnt?: Dnt): Promise<void> {
  const { build } = dnt ?? await fetchDnt();
  const { exports, bin, runtimes } = entryPoints;
  await build({
    entryPoints: [
      ...Object.entries(exports).map(([name, path]) => ({ name, path })),
      ...Object.entries(bin).map(([name, path]) => ({ kind: "bin" as const, name, path })),
      ...runtimes.map((path) => ({ name: path, path })),
    ],
    outDir: folder,
    cwd: root,
    // Its imports say where `#runtime` leads to, for the time being.
    configFile: path.join(root, "deno.json"),
    shims: {},
    // What they are for is in every Node since 20; and the one for import.meta would be run by importing.
    polyfills: false,
    // See `description`.
    scriptModule: false,
    declaration: "inline",
    // Deno's and Node's own types are not there; the stages "check" and "npm" look at all types.
    typeCheck: false,
    skipNpmInstall: true,
    test: false,
    skipSourceOutput: true,
    package: { name, version },
    compilerOptions: { target: "ES2022", lib: ["ES2023", "DOM", "ESNext.Disposable"] },
  });
  // It would be the nearest package.json to the modules, and has no `imports`.
  await Deno.remove(path.join(folder, "esm", "package.json"));
  await Deno.remove(path.join(folder, ".npmignore"));
  if (await rewrite(folder, withAlias) === 0) {
    throw new Error("dnt writes imports in a way that scripts/npm/dnt.ts does not know");
  }
}

/** dnt has resolved `#runtime`, to Deno's. It becomes package.json's again, where each runtime finds its own. */
function withAlias(javascript: string): string {
  return javascript.replace(
    /(\bfrom\s*")(?:\.{1,2}\/)+(?:ffi\/)?runtime\/deno\.js"/g,
    '$1#runtime"',
  );
}
