/** A command line without a process: what it wrote, where to, and how it ended. */
import type { Io, Screen } from "../../cli/io.ts";
import { main } from "../../cli/main.ts";

/** An outside that remembers. */
export class FakeIo implements Io {
  /** Standard output, as text. */
  stdout = "";
  /** The same, as bytes. */
  readonly bytes: number[] = [];
  stderr = "";
  readonly steps: (string | null)[] = [];
  readonly asks = false;
  screen: Screen | null = null;
  colour = false;
  readonly leave = new AbortController();
  readonly signal = this.leave.signal;
  variables: Record<string, string> = {};
  stdin = "";
  #heard: (() => void)[] = [];

  out(text: string | Uint8Array): void {
    const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
    this.bytes.push(...bytes);
    this.stdout += new TextDecoder().decode(bytes);
    this.#wake();
  }
  err(text: string): void {
    this.stderr += text;
    this.#wake();
  }
  progress(step: string | null): void {
    this.steps.push(step);
    this.#wake();
  }
  drained(): Promise<void> {
    return Promise.resolve();
  }
  input(): Promise<Uint8Array> {
    return Promise.resolve(new TextEncoder().encode(this.stdin));
  }
  environment(name: string): string | null {
    return this.variables[name] ?? null;
  }
  #wake() {
    for (const wake of this.#heard.splice(0)) wake();
  }
  /** Resolves once something was written that satisfies the condition. */
  async until(condition: (io: FakeIo) => boolean): Promise<void> {
    while (!condition(this)) await new Promise<void>((resolve) => this.#heard.push(resolve));
  }
}

/** Runs a command to its end. */
export async function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const io = new FakeIo();
  const code = await main(args, io);
  return { code, out: io.stdout, err: io.stderr };
}
