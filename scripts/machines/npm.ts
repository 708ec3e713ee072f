/** Files of npm packages, fetched by the npm client that Deno has in it: a machine without npm needs none. */
import path from "node:path";
import { cached, temporaryFolder, Unavailable } from "./cache.ts";
import { lockFor } from "./lock.ts";
import { run } from "../run.ts";
import { reasonIn } from "./tools.ts";

/** An npm package of which only the files are wanted. */
export interface NpmPackage {
  /** What it brings, in words: "cannot download …". */
  what: string;
  name: string;
  version: string;
}

/** A folder, several names deep, somewhere below another one: the path begins with the registry's name, which may be any. */
function findFolder(below: string, wanted: string): string | null {
  for (const { name, isDirectory } of Deno.readDirSync(below)) {
    if (!isDirectory) continue;
    const folder = path.join(below, name);
    if (folder.endsWith(path.sep + wanted)) return folder;
    const found = findFolder(folder, wanted);
    if (found !== null) return found;
  }
  return null;
}

/** Its name in the cache. */
export function cacheName({ name, version }: NpmPackage): string {
  return `${name.replace("@", "").replace("/", "-")}-${version}`;
}

/** The folder with the package's files, which are those of packages.lock or none. */
export function npmPackage(wanted: NpmPackage): Promise<string> {
  return cached(cacheName(wanted), async (folder) => {
    const { what, name, version } = wanted;
    const denoDir = await temporaryFolder("npm");
    const lock = path.join(denoDir, "packages.lock");
    await Deno.writeTextFile(lock, JSON.stringify(lockFor(name, version)));
    const options = ["--quiet", "--no-config", `--lock=${lock}`, "--frozen"];
    const { code, output } = await run(
      [Deno.execPath(), "cache", ...options, `npm:${name}@${version}`],
      { env: { DENO_DIR: denoDir } },
    );
    // That is no reason to skip anything.
    if (/checksum did not match/i.test(output)) {
      throw new Error(`${name}@${version} is not what packages.lock says:\n${output}`);
    }
    if (code !== 0) throw new Unavailable(`cannot download ${what}: ${reasonIn(output)}`);
    const files = findFolder(path.join(denoDir, "npm"), path.join(name, version));
    if (files === null) throw new Unavailable(`cannot find ${what} in what was downloaded`);
    await Deno.rename(files, folder);
  });
}
