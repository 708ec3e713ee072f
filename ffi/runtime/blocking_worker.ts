/**
 * A thread of the runtime's kind that makes calls which block.
 *
 * @module
 */

import type { Worker } from "node:worker_threads";

/**
 * The beginning of such a thread's program, which has to define `call(name, args)`.
 * It travels as text: on Deno a module of its own would need --allow-read.
 */
const PROGRAM = `
  const { parentPort } = require("node:worker_threads");
  parentPort.on("message", ({ id, name, args }) => {
    parentPort.postMessage({ id, result: call(name, args) });
  });`;

/** Makes blocking calls. Unlike a runtime's own threads it keeps the process alive only where that is wanted. */
export class BlockingWorker {
  readonly #worker: Worker;
  readonly #pending = new Map<number, (result: number) => void>();
  #next = 0;
  #held = 0;
  #dead = false;

  /**
   * @param program Source text that defines `call(name, args)`, which returns a number.
   */
  constructor(threads: { Worker: typeof Worker }, program: string) {
    this.#worker = new threads.Worker(program + PROGRAM, { eval: true });
    this.#worker.on("message", ({ id, result }: { id: number; result: number }) => {
      this.#pending.get(id)?.(result);
      this.#pending.delete(id);
    });
    // Without a worker every wait fails, and the poller lets the sockets look for themselves.
    this.#worker.on("error", () => {
      this.#dead = true;
      for (const resolve of this.#pending.values()) resolve(-1);
      this.#pending.clear();
    });
    // Bun takes a listener that is added later for a reason to stay.
    this.#worker.unref();
  }

  /** Makes a call. */
  async call(name: string, args: (number | bigint)[], hold: boolean): Promise<number> {
    if (this.#dead) return -1;
    const id = this.#next++;
    if (hold && this.#held++ === 0) this.#worker.ref();
    const result = new Promise<number>((resolve) => this.#pending.set(id, resolve));
    this.#worker.postMessage({ id, name, args });
    try {
      return await result;
    } finally {
      if (hold && --this.#held === 0) this.#worker.unref();
    }
  }
}
