/** A copy of the library beside such modules as a test leaves it, and programs that use it (Node and Bun). */
import { assertEquals } from "@std/assert";
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { runtimeProgram } from "../harness.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

/**
 * Runs a program beside a copy of the library; returns what it wrote.
 *
 * @param options Of the runtime; FOLDER stands for where the copy is.
 * @param arrange What becomes of the modules before.
 */
export function runBesideCopy(
  source: string,
  options: readonly string[],
  arrange: (modules: string) => void = () => {},
  args: readonly string[] = [],
): string {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "koffi-"));
  try {
    for (const part of ["address", "ffi", "interfaces", "socket", "mod.js", "package.json"]) {
      fs.cpSync(path.join(root, part), path.join(folder, part), { recursive: true });
    }
    const modules = path.join(folder, "node_modules");
    for (const name of ["koffi", "@koromix"]) {
      fs.cpSync(path.join(root, "node_modules", name), path.join(modules, name), {
        recursive: true,
      });
    }
    arrange(modules);
    const program = path.join(folder, "program.js");
    fs.writeFileSync(program, source);
    const own = options.map((option) => option.replace("FOLDER", folder));
    const ended = spawnSync(runtimeProgram, [...own, program, ...args], { encoding: "utf8" });
    assertEquals(ended.status, 0, ended.stderr);
    return ended.stdout;
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
}
