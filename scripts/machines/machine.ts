/** Another machine that this one imitates, well enough to run Deno. */
import path from "node:path";
import { inNamespace, whyNoNamespace } from "../namespace.ts";
import { cached, temporaryFolder, Unavailable } from "./cache.ts";
import { must } from "./tools.ts";

/** Which Deno runs there. */
export const denoVersion = "2.9.5";

/** A machine that is ready. It works in a network namespace only. */
export interface Machine {
  /** Runs Deno there: the words before its own arguments. */
  deno: string[];
  env: Record<string, string>;
  /** What a file of this machine is called there. */
  pathOf(file: string): string;
}

/**
 * Deno's own folder, with the modules in it that the tests import: where they run there is no network.
 *
 * Each run on each machine has its own: they would find each other's compiled code in it.
 */
export async function denoDir(): Promise<string> {
  const lock = await Deno.readFile(new URL("../../deno.lock", import.meta.url));
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", lock));
  const modules = await cached(`modules-${digest.toHex().slice(0, 16)}`, async (folder) => {
    const fresh = await temporaryFolder("modules");
    await must(
      "cannot download the modules that the tests import",
      [Deno.execPath(), "install", "--quiet", "--frozen"],
      { env: { DENO_DIR: fresh } },
    );
    await Deno.rename(path.join(fresh, "npm"), path.join(folder, "npm"));
  });
  const folder = await temporaryFolder("deno");
  await must("cannot copy the modules", ["cp", "-a", `${modules}/.`, folder]);
  return folder;
}

/** Says by an error why this machine cannot imitate others, before anything is downloaded for it. */
export async function mustBeAble(): Promise<void> {
  if (Deno.build.os !== "linux" || Deno.build.arch !== "x86_64") {
    throw new Unavailable("other machines are imitated on Linux on x86-64 only");
  }
  const why = await whyNoNamespace();
  if (why !== null) throw new Unavailable(why);
}

/** A machine, once Deno has been seen to start on it. */
export async function started(what: string, machine: Machine): Promise<Machine> {
  const command = inNamespace([...machine.deno, "--version"]);
  await must(`${what} does not start`, command, { env: machine.env, limit: 60 });
  return machine;
}
