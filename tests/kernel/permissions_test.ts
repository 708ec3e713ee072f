// What may be done with which permission (Deno).
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import fs from "node:fs";
import process from "node:process";
import { has, notOn, test } from "../harness.ts";
import { runtime } from "#runtime";
import { platformOf } from "../../ffi/platform/detect.ts";
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

test("other permissions do not help", { needs: ["deno"] }, async () => {
  const { opened } = await report("--allow-net", "--allow-read", "--allow-env", "--allow-sys");
  assertStringIncludes(opened, "--allow-ffi");
});
