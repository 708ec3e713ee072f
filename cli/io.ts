/**
 * Where a command writes to and hears from: the process, or a test.
 *
 * @module
 */

import { runtime } from "#runtime";
import process from "node:process";
import { concat } from "./bytes.ts";

/** The size of a terminal, in characters. */
export interface Screen {
  /** How many characters a line holds. */
  readonly columns: number;
  /** How many lines there are. */
  readonly rows: number;
}

/** The outside of a command. */
export interface Io {
  /** Writes to standard output. */
  out(text: string | Uint8Array): void;
  /** Resolves when standard output has room again, or the user leaves: whoever writes much waits for it. */
  drained(): Promise<void>;
  /** Writes to standard error. */
  err(text: string): void;
  /** Shows what is being done, on one line that the next one replaces; `null` takes it away. */
  progress(step: string | null): void;
  /** Standard input, to its end; rejects with the signal's reason when that is aborted. */
  input(): Promise<Uint8Array>;
  /** An environment variable, or `null` where it is unset or may not be read. Never prompts. */
  environment(name: string): string | null;
  /** Whether standard input is a terminal, where somebody may be waiting to be told what to do. */
  readonly asks: boolean;
  /** The terminal that standard output is; `null` where it is none. */
  readonly screen: Screen | null;
  /** Whether standard output takes colours. */
  readonly colour: boolean;
  /** Aborted when the user wants to leave (Ctrl-C), or nobody reads any more (`| head`). */
  readonly signal: AbortSignal;
}

/** This process. */
export function processIo(): Io & Disposable {
  const leave = new AbortController();
  const onSignal = () => leave.abort();
  // Once: a second one ends it at once, whatever it is doing.
  process.once("SIGINT", onSignal);
  const { stdin, stdout, stderr } = process;
  const onError = (error: NodeJS.ErrnoException) => {
    // Who reads has left: what they have seen is enough.
    if (error.code !== "EPIPE") throw error;
    leave.abort();
  };
  stdout.on("error", onError);
  // Emacs' shell, for one, is a terminal that knows no escape sequences.
  const dumb = runtime.environment("TERM") === "dumb";
  let shown = "";
  const erase = () => {
    // To the beginning of the line, and clear it.
    if (shown !== "") stderr.write("\r\x1b[K");
  };
  const show = () => {
    if (shown !== "") stderr.write(shown);
  };
  return {
    out(text) {
      if (leave.signal.aborted && stdout.destroyed) return;
      erase();
      stdout.write(text);
      show();
    },
    drained: () => {
      const { signal } = leave;
      if (!stdout.writableNeedDrain || stdout.destroyed || signal.aborted) return Promise.resolve();
      return new Promise((resolve) => {
        const done = () => {
          stdout.off("drain", done).off("close", done);
          signal.removeEventListener("abort", done);
          resolve();
        };
        stdout.on("drain", done).on("close", done);
        signal.addEventListener("abort", done);
      });
    },
    err(text) {
      erase();
      stderr.write(text);
      show();
    },
    progress(step) {
      if (!stderr.isTTY || dumb) return;
      const columns = stderr.columns ?? 80;
      stderr.write("\r\x1b[K");
      shown = step === null ? "" : step.slice(0, columns - 1);
      show();
    },
    async input() {
      const parts: Uint8Array[] = [];
      const read = async () => {
        for await (const part of stdin) parts.push(part);
      };
      // A terminal that nobody types at would keep who wants to leave.
      await Promise.race([read(), aborted(leave.signal)]);
      return concat(parts);
    },
    environment: (name) => runtime.environment(name),
    asks: Boolean(stdin.isTTY),
    get screen() {
      return stdout.isTTY && !dumb
        ? { columns: stdout.columns ?? 80, rows: stdout.rows ?? 24 }
        : null;
    },
    colour: Boolean(stdout.isTTY) && !dumb && runtime.colours,
    signal: leave.signal,
    [Symbol.dispose]: () => {
      process.off("SIGINT", onSignal);
      stdout.off("error", onError);
    },
  };
}

/** Rejects when the signal is aborted, with its reason. */
function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const leave = () => {
      process.stdin.destroy();
      reject(signal.reason);
    };
    if (signal.aborted) leave();
    else signal.addEventListener("abort", leave, { once: true });
  });
}
