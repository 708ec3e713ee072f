/**
 * The command line: `deno run --allow-ffi cli/main.ts doctor`.
 *
 * @module
 */

import process from "node:process";
import { type Command, readArguments, UsageError, usageOf } from "./command.ts";
import { completionsCommand } from "./completions.ts";
import { discover } from "./discover.ts";
import { doctor } from "./doctor.ts";
import { interfacesCommand } from "./interfaces.ts";
import { type Io, processIo, type Screen } from "./io.ts";
import { listen } from "./listen.ts";
import { send } from "./send.ts";
import { VERSION } from "./version.ts";

export type { Io, Screen };

const COMMANDS: readonly Command[] = [
  listen,
  send,
  discover,
  doctor,
  interfacesCommand,
  completionsCommand(() => COMMANDS),
];

const WIDTH = Math.max(...COMMANDS.map(({ name }) => name.length));
const USAGE = `usage: pktinfo COMMAND [options]

${COMMANDS.map(({ name, summary }) => `  ${name.padEnd(WIDTH)}  ${summary}`).join("\n")}

pktinfo COMMAND --help says more. pktinfo --version prints the version.
`;

/** What a shell says for a program that Ctrl-C ended: 128 + SIGINT. */
const INTERRUPTED = 130;

/**
 * Runs a command.
 *
 * @param args Its name and its options.
 * @param io Where it writes to.
 * @returns The exit status: 0 all is well, 1 something was found (or not), 2 wrong usage or a failure, 130 interrupted.
 */
export async function main(args: readonly string[], io: Io): Promise<number> {
  const [name, ...rest] = args;
  if (name === "--version" || name === "-V") {
    io.out(`${VERSION}\n`);
    return 0;
  }
  if (name === "help" && rest.length > 0) return await main([rest[0], "--help"], io);
  if (name === "--help" || name === "-h" || name === "help") {
    io.out(USAGE);
    return 0;
  }
  const command = COMMANDS.find((other) => other.name === name);
  if (command === undefined) {
    if (name !== undefined) io.err(`pktinfo: there is no command ${JSON.stringify(name)}\n\n`);
    io.err(USAGE);
    return 2;
  }
  try {
    const { values, words } = readArguments(command, rest);
    if (values.help) {
      io.out(usageOf(command));
      return 0;
    }
    return await command.run(values, words, io);
  } catch (error) {
    // The user left; there is nothing to say about it.
    if (io.signal.aborted && error === io.signal.reason) return INTERRUPTED;
    io.err(`pktinfo ${name}: ${error instanceof Error ? error.message : error}\n`);
    if (error instanceof UsageError) io.err(`Try: pktinfo ${name} --help\n`);
    return 2;
  }
}

/** Runs the command that this process was started with, and sets the process's exit status. */
export function start(): void {
  const io = processIo();
  main(process.argv.slice(2), io).then((code) => {
    io[Symbol.dispose]();
    // Not process.exit(): what was written may not be out yet.
    process.exitCode = code;
  });
}

if (import.meta.main) start();
