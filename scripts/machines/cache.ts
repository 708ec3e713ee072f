/**
 * What is downloaded once and kept: in `$PKTINFO_CACHE`, else `$XDG_CACHE_HOME/pktinfo`, else `~/.cache/pktinfo`. That is
 * outside of the repository, so that a fresh clone finds it again.
 */
import os from "node:os";
import path from "node:path";
import { removeAtEnd } from "../run.ts";

/** Something that cannot be had here. The message is the reason for which tests are skipped. */
export class Unavailable extends Error {
  override readonly name = "Unavailable";
}

/** Folders that belong to one run begin like this. */
const temporary = "temporary-";

/** The folder of everything that is kept between runs. */
function cacheFolder(): string {
  const caches = Deno.env.get("XDG_CACHE_HOME") || path.join(os.homedir(), ".cache");
  return path.resolve(Deno.env.get("PKTINFO_CACHE") || path.join(caches, "pktinfo"));
}

function isFolder(file: string): boolean {
  try {
    return Deno.statSync(file).isDirectory;
  } catch {
    return false;
  }
}

/** A folder of the cache if it has been made, else null. */
export function ifCached(name: string): string | null {
  const folder = path.join(cacheFolder(), name);
  return isFolder(folder) ? folder : null;
}

/** A new folder on the file system of the cache, for this run only. */
export async function temporaryFolder(name: string): Promise<string> {
  const cache = cacheFolder();
  await Deno.mkdir(cache, { recursive: true });
  const folder = await Deno.makeTempDir({ dir: cache, prefix: `${temporary}${name}-` });
  removeAtEnd(folder);
  return folder;
}

/**
 * A folder of the cache. If it is not there yet, `make` fills another one that gets the name only when it is complete: a
 * run that is stopped never leaves half of it, and two runs at once do not meet.
 *
 * @param name Has the version in it: a new version is a new folder.
 * @param make Is given the folder to fill, and the path that it will have.
 */
export async function cached(
  name: string,
  make: (folder: string, final: string) => Promise<void>,
): Promise<string> {
  const final = path.join(cacheFolder(), name);
  if (isFolder(final)) return final;
  const folder = await temporaryFolder(name);
  await make(folder, final);
  try {
    await Deno.rename(folder, final);
  } catch (error) {
    // Another run was faster; what it made is as good.
    if (!isFolder(final)) throw error;
  }
  return final;
}

/** Removes what runs left behind that were killed and could not do it themselves. */
export async function tidyCache(): Promise<void> {
  const yesterday = Date.now() - 24 * 3600 * 1000;
  const cache = cacheFolder();
  if (!isFolder(cache)) return;
  for (const { name } of [...Deno.readDirSync(cache)]) {
    if (!name.startsWith(temporary)) continue;
    const folder = path.join(cache, name);
    // Another run may be tidying as well.
    const { mtime } = await Deno.stat(folder).catch(() => ({ mtime: null }));
    if (mtime === null || mtime.getTime() > yesterday) continue;
    await Deno.remove(folder, { recursive: true }).catch(() => {});
  }
}

/** Gives everybody who asks the answer of one and the same piece of work. */
export function once<T>(work: () => Promise<T>): () => Promise<T> {
  let answer: Promise<T> | undefined;
  return () => answer ??= work();
}
