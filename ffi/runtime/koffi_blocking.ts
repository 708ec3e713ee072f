/**
 * Blocking calls on Bun and in the worker threads of Node.
 *
 * koffi's own asynchronous calls are of no use for waiting: they take one of the four threads that all of
 * Node's file and name look-ups share, cannot be unref'd, and `process.exit()` and `worker.terminate()` wait
 * for them for ever.
 *
 * @module
 */

import * as threads from "node:worker_threads";
import { BlockingWorker } from "./blocking_worker.ts";
import { koffiPath } from "./koffi_load.ts";

/** How to find a function again on another thread. */
export interface BlockingFunction {
  readonly library: string;
  readonly name: string;
  readonly result: string;
  readonly parameters: readonly string[];
}

/** Behind the functions that wait. */
const FOREVER = -1;
/** Who is in a call cannot be terminated: a worker's worker comes back that often. */
const SLICE_MS = 200;

/** Makes a thread for functions that block. */
export function blockingWorker(functions: Readonly<Record<string, BlockingFunction>>) {
  const slice = threads.isMainThread ? FOREVER : SLICE_MS;
  return new BlockingWorker(
    threads,
    `
  const koffi = require(${JSON.stringify(koffiPath())});
  const functions = {};
  for (const [key, f] of Object.entries(${JSON.stringify(functions)})) {
    functions[key] = koffi.load(f.library).func(f.name, f.result, f.parameters);
  }
  function call(name, args) {
    if (args.at(-1) !== ${FOREVER}) return functions[name](...args);
    for (;;) {
      const result = functions[name](...args.slice(0, -1), ${slice});
      if (result !== 0) return result;
    }
  }`,
  );
}
