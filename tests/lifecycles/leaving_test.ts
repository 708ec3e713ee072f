// How a process leaves while everything is pending: with the right code, soon, and without a crash.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { figure } from "../figures.ts";
import process from "node:process";
import { notUnder, staysPending, test, type TestOptions, within } from "../harness.ts";
import { Program } from "../lab/process.ts";
import { collectingCommand, full } from "./support.ts";

const REPETITIONS = full ? 5 : 1;

/** A loaded machine takes its time; who hangs takes for ever. */
const SOON_MS = 20_000;

const options: TestOptions = { needs: ["linux"], timeout: 120_000 };

interface Way {
  what: string;
  mode: string;
  signal?: NodeJS.Signals;
  status: string;
  /** What the event "exit" was told, where it is told on every runtime. */
  lines?: string[];
  stderr?: string;
  skip?: string | false;
}

const hangs = "1 of 100 times Bun 1.4.5 hangs after it while a worker thread waits";

const ways: Way[] = [
  { what: "process.exit()", mode: "exit", status: "3", lines: ["exit 3"] },
  { what: "process.exit() from a timer", mode: "exit-later", status: "4", lines: ["exit 4"] },
  {
    what: "process.exit() where a packet arrives",
    mode: "exit-in-a-callback",
    status: "5",
    lines: ["exit 5"],
  },
  {
    what: "an error that nobody catches",
    mode: "throw",
    status: "1",
    stderr: "nobody catches this",
    skip: notUnder("bun", hangs),
  },
  {
    what: "a wait whose rejection nobody handles",
    mode: "reject",
    status: "1",
    stderr: "ECANCELED",
    skip: notUnder("bun", hangs),
  },
  { what: "SIGTERM", mode: "wait", signal: "SIGTERM", status: "SIGTERM", lines: [] },
  { what: "SIGINT", mode: "wait", signal: "SIGINT", status: "SIGINT", lines: [] },
  {
    what: "SIGTERM, on which it closes all",
    mode: "handle",
    signal: "SIGTERM",
    status: "0",
    lines: ["exit 0"],
  },
  {
    what: "SIGINT, on which it closes all",
    mode: "handle",
    signal: "SIGINT",
    status: "0",
    lines: ["exit 0"],
  },
  { what: "the abort of a signal that closes all", mode: "abort", status: "0", lines: ["exit 0"] },
];

async function leave({ mode, signal, status, lines, stderr = "" }: Way): Promise<void> {
  const [command, args] = collectingCommand("leaving.ts", [mode]);
  await using program = await Program.start(command, args);
  assertEquals(await program.nextLine(SOON_MS), "ready");
  if (signal) process.kill(program.pid, signal);
  const end = await within(SOON_MS, program.ended, `the end by ${mode}`);
  assertEquals(end, status, program.stderr);
  if (lines) assertEquals(program.takeLines(), lines);
  if (stderr === "") assertEquals(program.stderr, "");
  else assertStringIncludes(program.stderr, stderr);
}

for (const way of ways) {
  test(`with everything pending a process leaves by ${way.what}`, {
    ...options,
    skip: way.skip,
  }, async () => {
    for (let i = 0; i < REPETITIONS; i++) await leave(way);
    figure(
      "lifecycles",
      `processes that left with everything pending, by ${way.what}`,
      REPETITIONS,
    );
  });
}

test("with everything pending a process stays", options, async () => {
  const [command, args] = collectingCommand("leaving.ts", ["wait"]);
  await using program = await Program.start(command, args);
  assertEquals(await program.nextLine(SOON_MS), "ready");
  assert(await staysPending(300, program.ended), "it ended by itself");
});
