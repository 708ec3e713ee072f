/**
 * Where a command writes to and hears from: the process, or a test.
 *
 * @module
 */

import { runtime } from "#runtime";
import process from "node:process";

/** The outside of a command. */
export interface Io {
  /** Writes to standard output. */
  out(text: string): void;
  /** Writes to standard error. */
  err(text: string): void;
  /** Shows what is being done, on one line that the next one replaces; `null` takes it away. */
  progress(step: string | null): void;
  /** Whether standard output takes colours. */
  readonly colour: boolean;
  /** Aborted when the user wants to leave (Ctrl-C). */
  readonly signal: AbortSignal;
}

/** This process. */
export function processIo(): Io & Disposable {
  const leave = new AbortController();
  const onSignal = () => leave.abort();
  // Once: a second one ends it at once, whatever it is doing.
  process.once("SIGINT", onSignal);
  const { stdout, stderr } = process;
  return {
    out: (text) => void stdout.write(text),
    err: (text) => void stderr.write(text),
    progress(step) {
      if (!stderr.isTTY) return;
      // To the beginning of the line, and clear it.
      const columns = stderr.columns ?? 80;
      stderr.write(`\r\x1b[K${step === null ? "" : step.slice(0, columns - 1)}`);
    },
    colour: Boolean(stdout.isTTY) && runtime.colours,
    signal: leave.signal,
    [Symbol.dispose]: () => void process.off("SIGINT", onSignal),
  };
}
