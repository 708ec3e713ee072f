/** Real TAP devices: their carrier is there exactly while a program holds them open. Declare such tests with needs: ["tun"]. */
import { fileURLToPath } from "node:url";
import { python3 } from "../harness.ts";
import type { Host } from "./lab.ts";
import type { Program } from "./process.ts";

/** The program that holds TAP devices of one host open (tests/programs/tap.py). */
export class TapHolder implements AsyncDisposable {
  readonly program: Program;

  /** Use `startTapHolder`. */
  constructor(program: Program) {
    this.program = program;
  }

  /** Opens a device, and makes it where there is none: from now on it has a carrier. */
  async open(name: string): Promise<void> {
    await this.#tell("open", name);
  }

  /** Closes a device. One that was made by `ip tuntap add` stays, without carrier; another one vanishes. */
  async close(name: string): Promise<void> {
    await this.#tell("close", name);
  }

  /** How many frames the host has sent into a device since this was asked last. */
  async frames(name: string): Promise<number> {
    return (await this.#tell("frames", name)).frames ?? 0;
  }

  async #tell(command: string, name: string): Promise<{ frames?: number }> {
    this.program.writeLine(`${command} ${name}`);
    const answer = await this.program.nextJson<{ error?: string; frames?: number }>();
    if (answer.error !== undefined) {
      throw new Error(`the TAP device ${name} refuses to ${command}: ${answer.error}`);
    }
    return answer;
  }

  /** Ends the program, and so closes its devices. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.program.stop("SIGKILL");
  }
}

/** Starts the program on a host. It needs no device yet. */
export async function startTapHolder(host: Host): Promise<TapHolder> {
  const python = python3();
  if (python === null) throw new Error('no python3 here: declare the test with needs: ["python3"]');
  const file = fileURLToPath(new URL("../programs/tap.py", import.meta.url));
  const program = await host.spawn(python, ["-B", "-s", "-E", file], { interactive: true });
  await program.nextJson();
  return new TapHolder(program);
}
