/** What the tests of lifecycles share. */
import process from "node:process";
import { fileURLToPath } from "node:url";
import { commandOf, runtime, runtimeProgram } from "../harness.ts";

/** Everything is done as often as the issue says, rather than as often as a quick look has time for. */
export const full: boolean = process.env.PKTINFO_FULL === "1" &&
  process.env.PKTINFO_FORCE === undefined;

/** The command of a program of tests/programs that collects garbage on demand and may read /proc. */
export function collectingCommand(
  program: string,
  args: readonly string[] = [],
): [program: string, args: string[]] {
  const file = fileURLToPath(new URL(`../programs/${program}`, import.meta.url));
  if (runtime === "deno") {
    // /proc takes all permissions, without any that is denied.
    const options = ["--quiet", "--no-check", "--allow-all", "--v8-flags=--expose-gc"];
    return [runtimeProgram, ["run", ...options, file, ...args]];
  }
  const [command, words] = commandOf(file, [], args);
  return [command, runtime === "node" ? ["--expose-gc", ...words] : words];
}
