// However a process or a worker thread ends, with sockets open and reads pending, it neither crashes nor hangs.
import { assertEquals, assertStringIncludes } from "@std/assert";
import { thorough } from "../figures.ts";
import { machine, notUnder, runtime, test, type TestOptions, within } from "../harness.ts";
import { startProgram } from "../kernel/support.ts";

/** A crash on the way out comes now and then only. Under Wine, Deno's pipes do not stand many programs at once. */
const [REPETITIONS, AT_A_TIME] = machine === "wine"
  ? [3, 1]
  : runtime === "deno" && !thorough
  ? [4, 4]
  : [20, 4];

/** How long one process may take; it takes less than one. */
const LIMIT_MS = 20_000;

interface Ended {
  status: string;
  lines: string[];
  stderr: string;
}

async function ending(mode: string): Promise<Ended> {
  await using program = await startProgram("ending.ts", ["--allow-all"], mode);
  const status = await within(LIMIT_MS, program.ended, `the end by ${mode}`);
  return { status, lines: program.takeLines(), stderr: program.stderr };
}

async function repeatedly(mode: string, check: (ended: Ended) => void): Promise<void> {
  for (let done = 0; done < REPETITIONS; done += AT_A_TIME) {
    const some = Array.from({ length: AT_A_TIME }, () => ending(mode));
    for (const ended of await Promise.all(some)) check(ended);
  }
}

const inWorkers: TestOptions = {
  skip: notUnder("deno", "Deno ends its own workers; those of node:worker_threads need the others"),
  timeout: 120_000,
};
const alone: TestOptions = { timeout: 120_000 };

const quietly: [what: string, mode: string, status: string, options: TestOptions][] = [
  ["a process that closes its sockets ends by itself", "close", "0", alone],
  ["process.exit() with open sockets ends at once", "exit", "3", alone],
  ["worker threads with open sockets can be terminated", "terminate", "0", inWorkers],
  ["worker threads can be terminated while they start to wait", "terminate-at-once", "0", {
    ...inWorkers,
    skip: inWorkers.skip ||
      "now and then koffi aborts the process where a thread ends while it loads koffi",
  }],
  ["process.exit() takes busy worker threads with it", "exit-with-workers", "3", inWorkers],
];

for (const [what, mode, status, options] of quietly) {
  test(what, options, () =>
    repeatedly(mode, (ended) => {
      assertEquals(ended, { status, lines: [], stderr: "" });
    }));
}

const isShown = ({ status, stderr }: Ended) => {
  assertEquals(status, "1", stderr);
  assertStringIncludes(stderr, "nobody catches this");
};

test(
  "an uncaught error with pending reads ends the process, and is shown",
  alone,
  () => repeatedly("throw-waiting", isShown),
);

test("an uncaught error while packets come in ends the process, and is shown", {
  ...alone,
  skip: notUnder(
    "bun",
    "Bun 1.4.5 goes on after it for as long as its loop is kept busy: by its own dgram or setImmediate, too",
  ),
}, () => repeatedly("throw", isShown));

test("a worker thread sends and receives, and ends by itself", inWorkers, async () => {
  assertEquals(await ending("worker"), { status: "0", lines: ["one two three"], stderr: "" });
});

test("so do many at a time", inWorkers, async () => {
  assertEquals(await ending("workers"), { status: "0", lines: ["24"], stderr: "" });
});
