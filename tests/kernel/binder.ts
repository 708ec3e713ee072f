/** Another program, of this user or another one, that wants a port (tests/programs/binder.py). */
import { fileURLToPath } from "node:url";
import { python3 } from "../harness.ts";
import { Program } from "../lab/process.ts";

/** What the other program sets before it binds. `v6only`: its IPv6 socket leaves IPv4 alone. */
export type BinderOption = "reuseaddr" | "reuseport" | "v6only" | "device";

/** Whoever this machine calls "nobody". */
export const NOBODY = 65534;

/** The other program. */
export class Binder implements AsyncDisposable {
  private constructor(readonly program: Program, readonly uid: number) {}

  /** Starts it, as another user if it is to be one (which only root can). */
  static async start(uid?: number): Promise<Binder> {
    const file = fileURLToPath(new URL("../programs/binder.py", import.meta.url));
    const words = ["-B", "-s", "-E", file, ...(uid === undefined ? [] : [`--uid=${uid}`])];
    const program = await Program.start(python3()!, words, { interactive: true });
    const { uid: own } = await program.nextJson<{ uid: number }>();
    return new Binder(program, own);
  }

  #ask<T>(command: object): Promise<T> {
    this.program.writeLine(JSON.stringify(command));
    return this.program.nextJson<T>();
  }

  /** Binds its socket; returns the port, or the name of the error. */
  async bind(address: string, port: number, options: BinderOption[]): Promise<number | string> {
    const answer = await this.#ask<{ port?: number; error?: string }>({
      bind: [address, port],
      options,
    });
    return answer.port ?? answer.error!;
  }

  /** What has come to its socket. On loopback a datagram is there when the call that sent it returns. */
  async read(): Promise<string[]> {
    return (await this.#ask<{ texts: string[] }>({ read: true })).texts;
  }

  /** Closes its socket. */
  async close(): Promise<void> {
    await this.#ask({ close: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.program.stop("SIGKILL");
  }
}
