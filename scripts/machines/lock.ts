/**
 * What is downloaded from npm has to be what it was when somebody looked: packages.json names all that `npmPackage` is asked
 * for, packages.lock the digest of each. After a change of the first: `deno install --lockfile-only` in a folder with it,
 * called package.json, writes the second as deno.lock.
 */

/** A lock file of Deno's, as far as it matters here. */
export interface Lock {
  version: string;
  specifiers: Record<string, string>;
  npm: Record<string, Locked>;
}

interface Locked {
  integrity: string;
  dependencies?: string[];
  optionalDependencies?: string[];
  optionalPeers?: string[];
}

/** Reads packages.lock. */
export function readLock(): Lock {
  return JSON.parse(Deno.readTextFileSync(new URL("packages.lock", import.meta.url)));
}

/**
 * The part of a lock file that one package needs: Deno fetches all that a lock file names.
 *
 * @throws {Error} If the package is not in it.
 */
export function lockFor(name: string, version: string, lock: Lock = readLock()): Lock {
  const npm: Record<string, Locked> = {};
  const take = (key: string) => {
    if (key in npm) return;
    const entry = lock.npm[key];
    if (!entry) throw new Error(`${key} is not in scripts/machines/packages.lock`);
    npm[key] = entry;
    for (const needed of [...entry.dependencies ?? [], ...entry.optionalDependencies ?? []]) {
      // Without a version where there is only one.
      take(
        needed in lock.npm
          ? needed
          : Object.keys(lock.npm).find((other) => other.startsWith(`${needed}@`)) ?? needed,
      );
    }
  };
  take(`${name}@${version}`);
  return { version: lock.version, specifiers: { [`npm:${name}@${version}`]: version }, npm };
}
