/** Commands that set a machine up. When one fails, the machine cannot be had, and the reason is the command's. */
import { type Ended, run, type RunOptions } from "../run.ts";
import { Unavailable } from "./cache.ts";

/** The line of a tool's output that says what went wrong. */
export function reasonIn(output: string): string {
  const lines = output.split("\n").map((line) => line.trim()).filter((line) => line !== "");
  const reason = lines.find((line) => /^(?:error|fatal|E|W|Err)\b/i.test(line)) ?? lines.at(-1);
  return (reason ?? "no reason given").replace(/^(?:error|fatal|E|W): /i, "").slice(0, 200);
}

/**
 * Runs a command that must succeed.
 *
 * @param what What cannot be done without it: "cannot download Wine".
 */
export async function must(
  what: string,
  command: readonly string[],
  options?: RunOptions,
): Promise<void> {
  let ended: Ended;
  try {
    ended = await run(command, options);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      throw new Unavailable(`${what}: ${command[0]} is not installed`);
    }
    throw error;
  }
  if (ended.code !== 0) throw new Unavailable(`${what}: ${reasonIn(ended.output)}`);
}
