// Where the libraries come from: the system's places, never the working directory, never a variable of ours.
import { assert, assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { findPlatform, platformOf } from "../../ffi/platform/detect.ts";
import { commandOf, findProgram, has, test } from "../harness.ts";

const program = fileURLToPath(new URL("../programs/permissions.ts", import.meta.url));

/** Runs a program of ours in a folder; returns what it wrote. */
function runIn(
  folder: string,
  file: string,
  env: Record<string, string> = {},
  permission = "--allow-ffi",
): string {
  const [command, words] = commandOf(file, [permission]);
  const { status, stdout, stderr } = spawnSync(command, words, {
    cwd: folder,
    env: { ...process.env, ...env },
    encoding: "utf8",
  });
  assertEquals(status, 0, stderr);
  return stdout;
}

/** A folder for the length of a test. */
function inFolder(work: (folder: string) => void): void {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "planted-"));
  try {
    work(folder);
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
}

/** Compiles a library that leaves a file behind wherever it is loaded. */
function compileTrap(folder: string): { library: string; sprung: () => boolean } {
  const mark = path.join(folder, "sprung");
  const source = path.join(folder, "trap.c");
  const library = path.join(folder, "trap.so");
  fs.writeFileSync(
    source,
    `#include <stdio.h>
__attribute__((constructor)) static void spring(void) { fclose(fopen(${
      JSON.stringify(mark)
    }, "w")); }
`,
  );
  const compiler = findProgram("cc") ?? findProgram("gcc")!;
  const { status, stderr } = spawnSync(compiler, ["-shared", "-fPIC", "-o", library, source], {
    encoding: "utf8",
  });
  assertEquals(status, 0, stderr);
  return {
    library,
    sprung() {
      const is = fs.existsSync(mark);
      fs.rmSync(mark, { force: true });
      return is;
    },
  };
}

test(
  "a library of libc's name in the working directory is not loaded",
  { needs: ["linux", "cc"] },
  () => {
    inFolder((folder) => {
      const { library, sprung } = compileTrap(folder);
      const work = path.join(folder, "work");
      fs.mkdirSync(work);
      const bare = platformOf("linux", "x86_64").libraries[0].candidates
        .filter((candidate) => !candidate.includes("/"));
      assertEquals(bare, ["libc.so.6"]);
      for (const name of [...bare, "libc.so"]) fs.copyFileSync(library, path.join(work, name));
      const said = JSON.parse(runIn(work, program));
      assertEquals([said.opened, said.received], ["opened", "hello"]);
      assert(!sprung(), "the planted library was loaded");
      if (has("deno")) {
        // To Deno these are files of the working directory.
        const { opened } = JSON.parse(runIn(work, program, {}, `--allow-ffi=${bare},libc.so`));
        assertMatch(opened, /^NotCapable: pktinfo calls the C library and needs --allow-ffi/);
        assert(!sprung(), "the planted library was loaded by its bare name");
      }
      // The trap works: who asks for this very file gets it.
      const python = findProgram("python3");
      if (python === null) return;
      spawnSync(python, ["-c", `import ctypes; ctypes.CDLL("./libc.so.6")`], { cwd: work });
      assert(sprung(), "the trap is none");
    });
  },
);

test("Windows' libraries are not taken from the working directory", {
  needs: ["windows", "deno"],
}, () => {
  inFolder((folder) => {
    const names = platformOf("windows", "x86_64").libraries.flatMap(({ candidates }) => candidates);
    // What is no library cannot be loaded: whoever finds it there fails.
    for (const name of [...names, "planted.dll"]) {
      fs.writeFileSync(path.join(folder, name), "no library");
    }
    const said = JSON.parse(runIn(folder, program));
    assertEquals([said.opened, said.received], ["opened", "hello"]);
    // To Deno these names are files of the working directory.
    const { opened } = JSON.parse(runIn(folder, program, {}, `--allow-ffi=${names}`));
    assertMatch(opened, /^NotCapable: pktinfo calls the C library and needs --allow-ffi/);
    // The trap works: a name that the system has not is looked for here, and found to be no library.
    const trap = path.join(folder, "trap.ts");
    fs.writeFileSync(
      trap,
      `for (const name of ["planted.dll", "missing.dll"]) {
        try { Deno.dlopen(name, {}); } catch (error) { console.log(error.message.replace(name, "")); }
      }`,
    );
    const [planted, missing] = runIn(folder, trap).trim().split("\n");
    assertNotEquals(planted, missing);
  });
});

test("every other candidate of every system is an absolute path, or a bare name for the system's own search", () => {
  for (const os of ["linux", "darwin", "freebsd", "openbsd", "netbsd", "windows", "android"]) {
    for (const arch of ["x86_64", "aarch64"]) {
      for (const { candidates } of findPlatform(os, arch)!.libraries) {
        for (const candidate of candidates) {
          // With a slash in it, dlopen(3) would look in the working directory.
          assert(/^\/|^[^/\\]+$/.test(candidate), `${os}: ${candidate}`);
          assert(!candidate.includes(".."), `${os}: ${candidate}`);
        }
      }
    }
  }
});

test("variables choose no library, and what the one of ours chooses is slower, not weaker", {
  skip: has("windows") && "the variables are those of Unix",
}, () => {
  inFolder((folder) => {
    const env = Object.fromEntries(
      ["LIBRARY", "LIBC", "LIBRARY_PATH", "LIB", "FORCE", "PATH"].map((
        name,
      ) => [`PKTINFO_${name}`, `${folder}/libc.so.6,poll,single,nonsense`]),
    );
    const said = JSON.parse(runIn(folder, program, env));
    assertEquals([said.opened, said.received], ["opened", "hello"]);
  });
});
