// Worker threads with sockets open and calls pending, ended one after the other.
import { assert, assertEquals } from "@std/assert";
import process from "node:process";
import { figure } from "../figures.ts";
import { runtime, test, type TestOptions } from "../harness.ts";
import { run } from "../lab/process.ts";
import { collectingCommand, full } from "./support.ts";

/** What each opens: both families of one, and one of the other. */
const SOCKETS = 3;

interface Report {
  /** Sockets that are open after each. */
  points: number[];
  /** Milliseconds. */
  slowest: number;
  threads: number;
}

async function ended(how: "ask" | "terminate", count: number, kind: string): Promise<Report> {
  const command = collectingCommand("workers_terminated.ts", [how, `${count}`, kind]);
  return JSON.parse(await run(...command, { timeout: 110_000 }));
}

const options: TestOptions = { needs: ["linux", "ipv6"], timeout: 120_000 };
const kinds: [kind: string, count: number][] = [["node:worker_threads", full ? 20 : 2]];
if (runtime === "deno") kinds.push(["own", full ? 20 : 2]);

for (const [kind, count] of kinds) {
  const whose = kind === "own" ? "Deno's own workers" : "workers of node:worker_threads";
  test(
    `${whose} that are asked to close first leave no descriptor`,
    options,
    async () => {
      const { points } = await ended("ask", count, kind);
      assertEquals(points, points.map(() => 0));
      figure("lifecycles", `${whose} that closed their sockets and were terminated`, count, {
        exact: full,
      });
    },
  );

  test(
    `${whose} that are terminated end at once; their descriptors are the process's until it ends`,
    options,
    async () => {
      const { points, slowest } = await ended("terminate", count, kind);
      // As docs/guide.md says: there is nobody left to close them, and what is pending does not keep the process.
      // What wakes the thread that waits is a socket, too, on systems without anything better.
      const each = process.env.PKTINFO_FORCE?.includes("poll") ? SOCKETS + 1 : SOCKETS;
      assertEquals(points, points.map((_, i) => (i + 1) * each));
      assert(slowest < 20_000, `${slowest} ms`);
      figure("lifecycles", `${whose} terminated with sockets open and calls pending`, count, {
        exact: full,
      });
    },
  );
}
