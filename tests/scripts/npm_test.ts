// What is common to both builds of the npm package, and the one whose compiler cannot be had everywhere.
import { assert, assertEquals } from "@std/assert";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { type BuildOptions, compile } from "../../scripts/npm/dnt.ts";
import { description, entryPoints, renamed, root } from "../../scripts/npm/package.ts";
import { test } from "../harness.ts";

const there = (file: string) => fs.existsSync(path.join(root, file));

test("every module that the npm package leads to is there", () => {
  const { exports, bin, runtimes } = entryPoints;
  const sources = [...Object.values(exports), ...Object.values(bin), ...runtimes];
  assertEquals(sources.filter((file) => !there(file)), []);
});

test("Deno finds its own runtime in the npm package, and everybody else koffi's", () => {
  const { imports } = description();
  // The first that fits is taken: the order counts.
  assertEquals(
    JSON.stringify(imports),
    '{"#runtime":{"deno":"./esm/ffi/runtime/deno.js","default":"./esm/ffi/runtime/koffi.js"}}',
  );
});

test("examples import the npm package by its own name", () => {
  assertEquals(
    renamed('import dgram from "@pktinfo/pktinfo/dgram"; // deno add jsr:@pktinfo/pktinfo'),
    'import dgram from "pktinfo/dgram"; // deno add jsr:@pktinfo/pktinfo',
  );
});

test("what dnt resolved to Deno's runtime is left to package.json again", async () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "dnt-"));
  const inFolder = (file: string) => path.join(folder, file);
  const read = (file: string) => fs.readFileSync(inFolder(file), "utf8");
  const asked: BuildOptions[] = [];
  /** Leaves behind what dnt does. */
  const build = (options: BuildOptions) => {
    asked.push(options);
    for (const [file, text] of Object.entries(DNT_OUTPUT)) {
      fs.mkdirSync(path.dirname(inFolder(file)), { recursive: true });
      fs.writeFileSync(inFolder(file), text);
    }
    return Promise.resolve();
  };
  try {
    await compile(folder, { build });
    const [{ entryPoints, configFile, outDir }] = asked;
    assertEquals(outDir, folder);
    assert(fs.existsSync(configFile));
    assertEquals(entryPoints.filter((entry) => !there(entry.path)), []);
    for (const file of ["esm/ffi/system.js", "esm/cli/io.js", "esm/socket/platform.js"]) {
      assertEquals(read(file), 'import { runtime } from "#runtime";\n');
    }
    const runtime = "esm/ffi/runtime/deno.js";
    assertEquals(read(runtime), DNT_OUTPUT[runtime]);
    // With a package.json of their own the modules would look for `#runtime` there.
    assert(!fs.existsSync(inFolder("esm/package.json")));
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
});

const DNT_OUTPUT: Record<string, string> = {
  "esm/ffi/system.js": 'import { runtime } from "./runtime/deno.js";\n',
  "esm/cli/io.js": 'import { runtime } from "../ffi/runtime/deno.js";\n',
  "esm/socket/platform.js": 'import { runtime } from "../ffi/runtime/deno.js";\n',
  "esm/ffi/runtime/deno.js": 'import { allocate } from "./memory.js";\n',
  "esm/package.json": '{ "type": "module" }',
  ".npmignore": "/src/",
};
