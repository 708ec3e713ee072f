/**
 * The command line: `deno run --allow-ffi cli/main.ts doctor`.
 *
 * @module
 */

import process from "node:process";
import { UsageError } from "./arguments.ts";
import { doctor } from "./doctor.ts";
import { interfacesCommand } from "./interfaces.ts";
import { type Io, processIo } from "./io.ts";
import { VERSION } from "./version.ts";

export type { Io };

/** A command of its own right. */
type Command = (args: readonly string[], io: Io) => Promise<number>;

const COMMANDS: Readonly<Record<string, Command>> = {
  doctor,
  interfaces: interfacesCommand,
};

const USAGE = `usage: pktinfo COMMAND [options]

  doctor       says why multicast does not work here, and what to do
  interfaces   lists the network interfaces, or watches them

pktinfo COMMAND --help says more. pktinfo --version prints the version.
`;

/**
 * Runs a command.
 *
 * @param args Its name and its options.
 * @param io Where it writes to.
 * @returns The exit status: 0 all is well, 1 something was found, 2 wrong usage or a failure.
 */
export async function main(args: readonly string[], io: Io): Promise<number> {
  const [name, ...rest] = args;
  if (name === "--help" || name === "-h") {
    io.out(USAGE);
    return 0;
  }
  if (name === "--version") {
    io.out(`${VERSION}\n`);
    return 0;
  }
  if (name === undefined || !Object.hasOwn(COMMANDS, name)) {
    if (name !== undefined) io.err(`pktinfo: there is no command ${JSON.stringify(name)}\n\n`);
    io.err(USAGE);
    return 2;
  }
  try {
    return await COMMANDS[name](rest, io);
  } catch (error) {
    // The user left; there is nothing to say about it.
    if (io.signal.aborted && error === io.signal.reason) return 2;
    if (error instanceof UsageError) {
      io.err(`pktinfo ${name}: ${error.message}\nTry: pktinfo ${name} --help\n`);
    } else {
      io.err(`pktinfo ${name}: ${error instanceof Error ? error.message : error}\n`);
    }
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
