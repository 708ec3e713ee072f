// What may be done with which permission (Deno), and what that is worth.
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { commandOf, has, notOn, test, type TestOptions } from "../harness.ts";
import { runtime } from "#runtime";
import { platformOf } from "../../ffi/platform/detect.ts";
import { run } from "../lab/process.ts";
import { lo, runProgram } from "./support.ts";

interface Report {
  platform: string;
  wrongOption: string;
  opened: string;
  received?: string;
  unrefd?: string;
  interfaces?: string;
}

async function report(...permissions: string[]): Promise<Report> {
  return JSON.parse(await runProgram("permissions.ts", permissions));
}

/** Where this machine keeps its libc, of the places that the library looks at. */
function libc(): string {
  const arch = process.arch === "arm64" ? "aarch64" : "x86_64";
  const [{ candidates }] = platformOf("linux", arch).libraries;
  const path = candidates.find((path) => path.startsWith("/") && fs.existsSync(path));
  assert(path, "no libc in any of the usual places");
  return path;
}

test("importing, asking the platform and wrong options need no permission", {
  needs: ["deno"],
}, async () => {
  const { platform, wrongOption, opened } = await report();
  assertEquals(platform, runtime.os);
  // The check comes before the first call of C.
  assertEquals(wrongOption, "RangeError");
  // Opening does need one, and says which; narrower ways included.
  assertStringIncludes(opened, "NotCapable");
  assertStringIncludes(opened, "--allow-ffi");
  assert(!opened.includes("undefined"), opened);
  if (!has("linux")) return;
  assertStringIncludes(opened, "--allow-ffi=/");
  assertStringIncludes(opened, "libc.so.6");
});

test("--allow-ffi alone is enough", { needs: ["deno"] }, async () => {
  const { opened, received, unrefd, interfaces } = await report("--allow-ffi");
  assertEquals([opened, received, unrefd], ["opened", "hello", "hello again"]);
  assertStringIncludes(interfaces ?? "", lo.name);
});

test("the path of libc alone is enough", {
  needs: ["linux", "deno"],
  skip: notOn("qemu", "QEMU has arm64's libc in a place of its own"),
}, async () => {
  const { opened, received, unrefd, interfaces } = await report(`--allow-ffi=${libc()}`);
  assertEquals([opened, received, unrefd], ["opened", "hello", "hello again"]);
  assertStringIncludes(interfaces ?? "", lo.name);
});

test("another path is not enough, and the error names the flag", {
  needs: ["deno"],
}, async () => {
  const { opened } = await report("--allow-ffi=/nonexistent/libother.so");
  assertStringIncludes(opened, "NotCapable");
  assertStringIncludes(opened, "--allow-ffi");
});

/** What tests/programs/ffi_reach.ts may do. */
async function reach(permission: string): Promise<Record<string, string>> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "reach-"));
  try {
    const file = path.join(folder, "file");
    fs.writeFileSync(file, "secret");
    // libm is beside libc.
    const other = path.join(path.dirname(libc()), "libm.so.6");
    return JSON.parse(await runProgram("ffi_reach.ts", [permission], libc(), other, file));
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
}

const glibc: TestOptions = {
  needs: ["linux", "deno"],
  skip: notOn("qemu", "QEMU has arm64's libc in a place of its own"),
};
const SHUT = Object.fromEntries(
  ["read", "write", "env", "sys", "run", "net"].map((name) => [name, "NotCapable"]),
);

test(
  "the path of libc opens neither another library nor raw memory, nor anything else of Deno's",
  glibc,
  async () => {
    const { byC: _, ...said } = await reach(`--allow-ffi=${libc()}`);
    assertEquals(said, {
      libc: "done",
      other: "NotCapable",
      pointer: "NotCapable",
      view: "NotCapable",
      ...SHUT,
    });
  },
);

test(
  "--allow-ffi opens every library and raw memory, but none of Deno's other doors",
  glibc,
  async () => {
    const { byC: _, view, ...said } = await reach("--allow-ffi");
    assertEquals(said, { libc: "done", other: "done", pointer: "done", ...SHUT });
    // Allowed, and then told that there is nothing.
    assertEquals(view, "TypeError");
  },
);

test(
  "whoever may call C can do what the user can: the path of libc alone reads a file that Deno refuses",
  glibc,
  async () => {
    for (const permission of [`--allow-ffi=${libc()}`, "--allow-ffi"]) {
      const { read, byC } = await reach(permission);
      assertEquals([read, byC], ["NotCapable", "secret"]);
    }
  },
);

const confined = fileURLToPath(new URL("../../examples/confined/main.ts", import.meta.url));
const repository = fileURLToPath(new URL("../..", import.meta.url));

test("a worker keeps the permission that the rest of the program has given up", glibc, async () => {
  for (const path of ["", libc()]) {
    const permissions = [
      "--unstable-worker-options",
      `--allow-read=${repository}`,
      path === "" ? "--allow-ffi" : `--allow-ffi=${path}`,
    ];
    const out = await run(...commandOf(confined, permissions, path === "" ? [] : [path]));
    assertMatch(out, /^ffi: given up\n127\.0\.0\.1:\d+ → 127\.0\.0\.3:\d+ on lo: hello\n$/);
  }
});

test(
  "who has given the permission up can neither call C nor start a worker that can",
  glibc,
  async () => {
    const said = await runProgram("ffi_given_up.ts", [
      "--unstable-worker-options",
      `--allow-ffi=${libc()}`,
    ], libc());
    assertEquals(JSON.parse(said), {
      state: "prompt",
      open: "NotCapable",
      worker: "NotCapable",
      socket: "NotCapable",
    });
  },
);

test("a bare name is not enough: Deno takes it for a file in the working directory", {
  needs: ["deno"],
}, async () => {
  const names = platformOf(runtime.os, runtime.arch).libraries.flatMap(({ candidates }) =>
    candidates
  )
    .filter((candidate) => !candidate.includes("/"));
  const { opened } = await report(`--allow-ffi=${names.join(",")}`);
  assertStringIncludes(opened, "NotCapable");
  assertStringIncludes(opened, "--allow-ffi");
});

test("other permissions do not help", { needs: ["deno"] }, async () => {
  const { opened } = await report("--allow-net", "--allow-read", "--allow-env", "--allow-sys");
  assertStringIncludes(opened, "--allow-ffi");
});
