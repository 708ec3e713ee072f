/** Running other programs from a test: to completion with their output, or beside the test line by line. */
import { type ChildProcess, spawn } from "node:child_process";
import process from "node:process";
import { within } from "../harness.ts";

export interface RunOptions {
  /** Text for the program's standard input. */
  input?: string;
  /** Leaves the standard input open for `Program.writeLine`. */
  interactive?: boolean;
  /** Variables added to the environment. */
  env?: Record<string, string>;
  /** Milliseconds after which the program is killed and the call rejects. Default: 10,000. */
  timeout?: number;
}

const shown = (command: string, args: readonly string[]) =>
  [command, ...args].map((word) => /^[\w@%+=:,./-]+$/.test(word) ? word : JSON.stringify(word))
    .join(" ");

function start(
  command: string,
  args: readonly string[],
  options: RunOptions,
): ChildProcess {
  return spawn(command, args, {
    stdio: [
      options.input === undefined && !options.interactive ? "ignore" : "pipe",
      "pipe",
      "pipe",
    ],
    env: { ...process.env, ...options.env },
  });
}

/** Runs a program to its end and returns its standard output; throws with the command and its stderr when it fails. */
export async function run(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<string> {
  const child = start(command, args, options);
  let out = "", err = "";
  child.stdout!.setEncoding("utf8").on("data", (text: string) => out += text);
  child.stderr!.setEncoding("utf8").on("data", (text: string) => err += text);
  const ended = new Promise<string>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => resolve(signal ?? String(code)));
  });
  child.stdin?.end(options.input);
  let status: string;
  try {
    status = await within(
      options.timeout ?? 10_000,
      ended,
      `the end of: ${shown(command, args)}`,
    );
  } catch (error) {
    if (child.pid !== undefined) {
      child.kill("SIGKILL");
      await ended;
    }
    throw new Error(
      `${shown(command, args)}: ${(error as Error).message}\n${err}`.trimEnd(),
    );
  }
  if (status !== "0") {
    const input = options.input === undefined ? "" : `\nwith the input:\n${options.input}`;
    throw new Error(
      `${shown(command, args)} ended with ${status}${input}\n${err || out}`
        .trimEnd(),
    );
  }
  return out;
}

/** A program that runs beside the test. Its output is read line by line; it is killed by its process id. */
export class Program implements AsyncDisposable {
  readonly command: string;
  readonly pid: number;
  /** What the program has written to stderr so far. */
  stderr = "";
  /** Resolves to the exit status ("0", "1", …) or the signal's name once the program is gone and its pipes are closed. */
  readonly ended: Promise<string>;
  #child: ChildProcess;
  #lines: string[] = [];
  #partial = "";
  #status: string | null = null;
  #changed: (() => void)[] = [];

  private constructor(command: string, child: ChildProcess) {
    this.command = command;
    this.#child = child;
    this.pid = child.pid!;
    child.stdout!.setEncoding("utf8").on("data", (text: string) => {
      const parts = (this.#partial + text).split("\n");
      this.#partial = parts.pop()!;
      this.#lines.push(...parts);
      this.#notify();
    });
    child.stderr!.setEncoding("utf8").on("data", (text: string) => {
      this.stderr += text;
      this.#notify();
    });
    this.ended = new Promise((resolve) =>
      child.once("close", (code, signal) => {
        this.#status = signal ?? String(code);
        if (this.#partial !== "") this.#lines.push(this.#partial);
        this.#notify();
        resolve(this.#status);
      })
    );
  }

  /** Starts a program; rejects when it cannot be started. */
  static async start(
    command: string,
    args: readonly string[],
    options: RunOptions = {},
  ): Promise<Program> {
    const child = start(command, args, options);
    await new Promise((resolve, reject) => child.once("spawn", resolve).once("error", reject));
    if (!options.interactive) child.stdin?.end(options.input);
    return new Program(shown(command, args), child);
  }

  #notify() {
    for (const wake of this.#changed.splice(0)) wake();
  }

  /** Waits until `ready()` is not undefined; it is asked again after every output and at the end of the program. */
  async #until<T>(
    ready: () => T | undefined,
    ms: number,
    what: string,
  ): Promise<T> {
    const wait = async () => {
      for (;;) {
        const answer = ready();
        if (answer !== undefined) return answer;
        if (this.#status !== null) {
          throw new Error(`the program ended with ${this.#status}`);
        }
        await new Promise<void>((resolve) => this.#changed.push(resolve));
      }
    };
    try {
      return await within(ms, wait(), what);
    } catch (error) {
      throw new Error(
        `${this.command}: ${(error as Error).message}\n${this.stderr}`
          .trimEnd(),
      );
    }
  }

  /** Writes a line to the standard input of a program that was started as `interactive`. */
  writeLine(line: string): void {
    this.#child.stdin!.write(line + "\n");
  }

  /** The next line of standard output. */
  nextLine(ms = 5_000): Promise<string> {
    return this.#until(() => this.#lines.shift(), ms, "its next line");
  }

  /** The next line of standard output, which must be JSON. */
  async nextJson<T>(ms = 5_000): Promise<T> {
    const line = await this.nextLine(ms);
    try {
      return JSON.parse(line);
    } catch {
      throw new Error(
        `${this.command}: this line is not JSON: ${line}\n${this.stderr}`
          .trimEnd(),
      );
    }
  }

  /** Resolves when stderr has text that matches. */
  async waitForStderr(pattern: RegExp, ms = 10_000): Promise<void> {
    await this.#until(
      () => pattern.test(this.stderr) || undefined,
      ms,
      `${pattern} on stderr`,
    );
  }

  /** Lines that have come and were not asked for yet. */
  takeLines(): string[] {
    return this.#lines.splice(0);
  }

  /** Ends the program and waits until it is gone: politely first, by SIGKILL when that takes too long. */
  async stop(signal: NodeJS.Signals = "SIGTERM", ms = 3_000): Promise<string> {
    if (this.#status === null) {
      this.#child.kill(signal);
      await within(ms, this.ended).catch(() => this.#child.kill("SIGKILL"));
    }
    return await this.ended;
  }

  /** Kills the program. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop("SIGKILL");
  }
}
