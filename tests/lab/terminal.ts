/** A real terminal, made by tmux: a program runs in it as a person would see it. Declare such tests with needs: ["tmux"]. */
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import process from "node:process";
import { within } from "../harness.ts";
import { Program, run } from "./process.ts";

/** How big it is; and what is in the environment of what runs in it. */
export interface TerminalOptions {
  columns?: number;
  rows?: number;
  env?: Record<string, string>;
}

const LOOK_AGAIN_MS = 20;

/** One terminal. */
export class Terminal implements AsyncDisposable {
  #server: Program;
  #socket: string;
  #folder: string;

  get #status(): string {
    return path.join(this.#folder, "status");
  }

  private constructor(server: Program, socket: string, folder: string) {
    this.#server = server;
    this.#socket = socket;
    this.#folder = folder;
  }

  /** Runs a program in a new terminal; what it left on the screen and its exit status stay to be seen. */
  static async start(
    command: readonly string[],
    { columns = 80, rows = 24, env = {} }: TerminalOptions = {},
  ): Promise<Terminal> {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "pktinfo-tmux-"));
    const socket = path.join(folder, "socket");
    const config = path.join(folder, "config");
    fs.writeFileSync(
      config,
      'set -g remain-on-exit on\nset -g remain-on-exit-format ""\nset -g status off\n' +
        "set -g history-limit 5000\n",
    );
    // The server in the foreground: it ends with this test, whatever becomes of it.
    const server = await Program.start("tmux", ["-D", "-f", config, "-S", socket], {
      env: { LC_ALL: "C.UTF-8" },
    });
    const terminal = new Terminal(server, socket, folder);
    await terminal.#poll(() => fs.existsSync(socket) || undefined, "tmux' socket");
    const size = ["-x", String(columns), "-y", String(rows)];
    const variables = Object.entries({ PATH: process.env.PATH ?? "", ...env })
      .map(([name, value]) => `${name}=${value}`);
    // The shell outlives Ctrl-C. The tests' own environment may have NO_COLOR.
    const script = 'trap : INT; file=$1; shift; "$@"; echo $? > "$file"';
    const program = ["env", "-u", "NO_COLOR", ...variables, ...command];
    const words = ["sh", "-c", script, "sh", terminal.#status, ...program];
    await terminal.#tmux("new-session", "-d", ...size, ...words);
    return terminal;
  }

  #tmux(...args: string[]): Promise<string> {
    return run("tmux", ["-S", this.#socket, ...args], { env: { LC_ALL: "C.UTF-8" } });
  }

  async #poll<T>(
    look: () => T | undefined | Promise<T | undefined>,
    what: string,
    ms = 10_000,
  ): Promise<T> {
    const search = async () => {
      for (;;) {
        const seen = await look();
        if (seen !== undefined) return seen;
        await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
      }
    };
    return await within(ms, search(), what);
  }

  /** What is to be seen, line by line, without what is empty at the end. */
  async screen(): Promise<string[]> {
    return (await this.#tmux("capture-pane", "-p")).trimEnd().split("\n");
  }

  /** All that was written, also what was moved off the screen. */
  async everything(): Promise<string[]> {
    return (await this.#tmux("capture-pane", "-p", "-S", "-")).trimEnd().split("\n");
  }

  /** What is to be seen, with colours as escape sequences. */
  async painted(): Promise<string> {
    return (await this.#tmux("capture-pane", "-p", "-e")).trimEnd();
  }

  /** Waits until the screen has text that matches. */
  async until(pattern: RegExp): Promise<string[]> {
    let last: string[] = [];
    const look = async () => {
      last = await this.screen();
      return pattern.test(last.join("\n")) ? last : undefined;
    };
    return await this.#poll(look, `${pattern} on the terminal`).catch((error) => {
      throw new Error(`${(error as Error).message}; it shows\n${last.join("\n")}`);
    });
  }

  /** Types keys, by tmux' names: "C-c", "Enter". */
  async type(...keys: string[]): Promise<void> {
    await this.#tmux("send-keys", ...keys);
  }

  /** Waits for the end of the program; its exit status. */
  async ended(): Promise<string> {
    // Dead: all that the program wrote is on the screen. How it ended tmux does not always know.
    const look = async () => {
      const dead = await this.#tmux("list-panes", "-F", "#{pane_dead}");
      return dead.trim() === "1" ? fs.readFileSync(this.#status, "utf8").trim() : undefined;
    };
    return await this.#poll(look, "the end of the program in the terminal");
  }

  /** Ends it, and what runs in it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#tmux("kill-server").catch(() => {});
    await this.#server.stop();
    fs.rmSync(this.#folder, { recursive: true, force: true });
  }
}
