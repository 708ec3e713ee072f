/**
 * Starts worker threads one after the other, each with sockets open and reads and sends pending, and ends each: by
 * terminate(), or after it was asked to close its sockets. Writes how many sockets were open after each, and
 * how long ending took at most.
 *
 * Arguments: "terminate" or "ask"; how many; "own" for Deno's own workers rather than those of node:worker_threads.
 */
// deno-lint-ignore-file no-console
import { once } from "node:events";
import fs from "node:fs";
import process from "node:process";
import * as threads from "node:worker_threads";
import { system } from "../../ffi/system.ts";
import { openUdpSocket } from "../../mod.ts";
import { openDescriptors } from "./descriptors.ts";

/** How many sockets are open. */
function sockets(): number {
  return openDescriptors().filter((what) => what.startsWith("socket:")).length;
}

/** In the worker: everything pending, until it is told to close. */
async function work(
  unheld: boolean,
  tell: (what: string) => void,
  told: Promise<unknown>,
): Promise<void> {
  // The threads that wait have started when they answer. (Ended before, while it loads koffi, koffi aborts.)
  const { library } = system();
  await library.callBlocking("poll", [0, 0, 0], true);
  // One that holds nothing has a thread of its own on Deno, which takes its time: now and then only.
  if (unheld) await library.callBlocking("poll", [0, 0, 0], false);
  const sockets = [openUdpSocket(), openUdpSocket({ address: "127.0.0.3" })];
  const [both, one] = sockets;
  if (unheld) one.unref();
  const waits: Promise<unknown>[] = sockets.map((socket) => socket.receive());
  waits.push(both.receiveMany(), ...[1, 2].map(() => both.send("x", `127.0.0.3:${one.port}`)));
  waits.push((async () => {
    for await (const packet of both) await both.reply(packet, packet.data);
  })());
  for (const wait of waits) wait.catch(() => {});
  tell("at work");
  await told;
  await Promise.all(sockets.map((socket) => socket.close()));
  await Promise.allSettled(waits);
  tell("closed");
}

interface OwnWorker {
  /** Its next message. */
  next(): Promise<unknown>;
  ask(): void;
  terminate(): Promise<unknown>;
}

function startNodes(what: string): OwnWorker {
  const worker = new threads.Worker(new URL(import.meta.url), { workerData: what });
  return {
    next: () => once(worker, "message"),
    ask: () => worker.postMessage("close"),
    terminate: () => worker.terminate(),
  };
}

/** The web's kind, which Deno has. */
function startOwn(what: string): OwnWorker {
  const worker = new Worker(new URL(import.meta.url), { type: "module", name: what });
  return {
    next: () => new Promise((resolve) => worker.onmessage = resolve),
    ask: () => worker.postMessage("close"),
    terminate: () => {
      worker.terminate();
      return Promise.resolve();
    },
  };
}

// deno-lint-ignore no-explicit-any -- a worker's global scope, of which only Deno's types know
const scope = globalThis as any;

const isWork = (what: unknown) => what === "work" || what === "work unheld";

if (isWork(threads.workerData)) {
  const port = threads.parentPort!;
  await work(
    threads.workerData !== "work",
    (what) => port.postMessage(what),
    once(port, "message"),
  );
  port.close();
} else if (isWork(scope.name)) {
  await work(
    scope.name !== "work",
    (what) => scope.postMessage(what),
    new Promise((resolve) => scope.onmessage = resolve),
  );
} else {
  const [how, count, kind] = process.argv.slice(2);
  const start = kind === "own" ? startOwn : startNodes;
  const points: number[] = [];
  let slowest = 0;
  for (let i = 0; i < Number(count); i++) {
    const worker = start(i % 10 === 0 ? "work unheld" : "work");
    await worker.next();
    if (how === "ask") {
      const closed = worker.next();
      worker.ask();
      await closed;
    }
    const began = performance.now();
    await worker.terminate();
    slowest = Math.max(slowest, performance.now() - began);
    points.push(sockets());
  }
  const threadsNow = fs.readdirSync("/proc/self/task").length;
  console.log(JSON.stringify({ points, slowest: Math.round(slowest), threads: threadsNow }));
}
