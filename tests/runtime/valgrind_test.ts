// Valgrind knows which memory is allocated, and looks at each address that a system call is given, also within structs.
import { assertEquals } from "@std/assert";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { figure, long } from "../figures.ts";
import { commandOf, findProgram, runtime, test } from "../harness.ts";
import { run } from "../lab/process.ts";

const program = fileURLToPath(new URL("../programs/messages.ts", import.meta.url));

/** One version is enough: what is looked at is the same on all. */
const why = runtime !== "node" || !process.version.startsWith("v20.")
  ? "Valgrind is shown Node 20"
  : !long
  ? "it takes a minute: PKTINFO_LONG=1"
  : findProgram("valgrind") === null && "needs valgrind";

test("no system call is given an address of memory that is not allocated, as Valgrind sees it", {
  needs: ["linux"],
  skip: why,
  timeout: 110_000,
}, async () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "pktinfo-valgrind-"));
  try {
    const log = path.join(folder, "log");
    const [node, args] = commandOf(program, []);
    const words = [`--log-file=${log}`, node, ...args];
    const said = await run("valgrind", words, { timeout: 100_000 });
    assertEquals(said.trim(), "102");
    // V8 looks for pointers on its stack, initialised or not: that is its own affair.
    const found = fs.readFileSync(log, "utf8").split("\n").filter((line) =>
      /\bSyscall param|\bInvalid (?:read|write|free)|\bMismatched free/.test(line)
    );
    assertEquals(found, []);
    figure("memory", "bad addresses that Valgrind found in system calls", found.length, {
      exact: true,
    });
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
});
