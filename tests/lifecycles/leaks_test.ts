// What Deno's own test runner finds left behind.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { fileURLToPath } from "node:url";
import { runtimeProgram, test, within } from "../harness.ts";
import { Program } from "../lab/process.ts";

async function traceLeaks(program: string): Promise<{ status: string; output: string }> {
  const file = fileURLToPath(new URL(`../programs/${program}`, import.meta.url));
  const config = fileURLToPath(new URL("../../deno.json", import.meta.url));
  const options = ["--trace-leaks", "--no-check", "--allow-all", `--config=${config}`];
  await using tests = await Program.start(runtimeProgram, ["test", ...options, file], {
    env: { NO_COLOR: "1" },
  });
  const status = await within(30_000, tests.ended, "the end of deno test");
  return { status, output: tests.takeLines().join("\n") + tests.stderr };
}

test("deno test --trace-leaks finds nothing left of sockets that are closed", {
  needs: ["deno", "linux"],
}, async () => {
  const { status, output } = await traceLeaks("leak_free.ts");
  assertEquals(status, "0", output);
  assertStringIncludes(output, "6 passed | 0 failed");
  assert(!/leak(?!_free)/i.test(output), output);
});

test("deno test --trace-leaks finds what is left, so it would have", {
  needs: ["deno", "linux"],
}, async () => {
  const { status, output } = await traceLeaks("leaking.ts");
  assertEquals(status, "1", output);
  assertStringIncludes(output, "0 passed | 2 failed");
  assertStringIncludes(output, "A dynamic library was loaded during the test");
  assertStringIncludes(output, "A timer was started in this test, but never completed");
});
