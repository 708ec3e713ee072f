/** The package as linters of packages and compilers see it. */
import { assertEquals } from "@std/assert";
import path from "node:path";
import { cached, once } from "../machines/cache.ts";
import { nodeProgram } from "../machines/node.ts";
import { run } from "../run.ts";
import type { Check, Consumer } from "./check.ts";
import { install } from "./client.ts";

/** What is used of others. */
export const versions = {
  typescript: "6.0.3",
  publint: "0.3.25",
  "@arethetypeswrong/cli": "0.18.5",
};

/** The folder in which they are installed, once for all runs. */
const tools = once(() => {
  const wanted = Object.entries(versions).map(([name, version]) => `${name}@${version}`);
  const name = wanted.join("-").replace(/[^\w.]+/g, "-");
  return cached(`npm-tools-${name}`, (folder) => install(folder, wanted));
});

/** Runs a tool, given by its file, which says with its exit status whether all is well. */
async function clean(file: string, args: readonly string[], cwd: string): Promise<void> {
  const module = path.join(await tools(), "node_modules", file);
  const { code, output } = await run([await nodeProgram(24), module, ...args], { cwd, limit: 120 });
  assertEquals(code, 0, output);
}

function types(name: string, folder: string, options: string): Check {
  return {
    name: `types hold with ${name}`,
    run: () =>
      clean(
        "typescript/bin/tsc",
        ["--noEmit", "--strict", "--target", "es2022", "--types", "node", ...options.split(" ")],
        folder,
      ),
  };
}

export function toolChecks({ folder, packed: { tarball } }: Consumer): Check[] {
  return [
    {
      name: "publint finds nothing",
      run: () => clean("publint/src/cli.js", ["--strict", tarball], folder),
    },
    {
      name: "are-the-types-wrong finds nothing",
      // Its rule against requiring ES modules is from before Node could; that it can is checked on each. `node10` looks
      // for sub-exports without reading `exports`, as no Node does that the package is for.
      run: () =>
        clean(
          "@arethetypeswrong/cli/dist/index.js",
          [tarball, "--profile", "node16", "--ignore-rules", "cjs-resolves-to-esm"],
          folder,
        ),
    },
    // The first without the DOM's types, like many who compile for Node.
    types("nodenext", folder, "--module nodenext --lib es2022 types.mts require.cts"),
    types("node16", folder, "--module node16 types.mts"),
    types("bundler", folder, "--module esnext --moduleResolution bundler types.mts"),
  ];
}
