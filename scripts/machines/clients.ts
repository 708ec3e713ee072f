/**
 * What others have written for `node:dgram`, as npm has it: clients.json names it, clients.lock all that it needs. After a
 * change of the first: `deno install --lock` in a folder with both, called package.json and deno.lock, writes the second.
 */
import path from "node:path";
import { cached, temporaryFolder, Unavailable } from "./cache.ts";
import { must } from "./tools.ts";

function text(name: string): Promise<string> {
  return Deno.readTextFile(new URL(name, import.meta.url));
}

async function digest(text: string): Promise<string> {
  const bytes = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return new Uint8Array(bytes).toHex().slice(0, 16);
}

/** A download of so many packages at once can fail at one; what has come stays, and the next attempt fetches the rest. */
const ATTEMPTS = 4;

async function install(cwd: string): Promise<void> {
  const command = ["install", "--quiet", "--frozen", "--node-modules-dir=auto"];
  const env = { DENO_DIR: await temporaryFolder("npm") };
  for (let attempt = 1;; attempt++) {
    try {
      const what = "cannot download the clients of node:dgram";
      return await must(what, [Deno.execPath(), ...command], { cwd, env });
    } catch (error) {
      if (!(error instanceof Unavailable) || attempt === ATTEMPTS) throw error;
    }
  }
}

/** A folder from which they can be required. */
export async function clients(): Promise<string> {
  const [description, lock] = await Promise.all(["clients.json", "clients.lock"].map(text));
  return await cached(`clients-${await digest(description + lock)}`, async (folder) => {
    await Deno.writeTextFile(path.join(folder, "package.json"), description);
    await Deno.writeTextFile(path.join(folder, "deno.lock"), lock);
    await install(folder);
  });
}
