/**
 * Builds the npm package in npm/, from one description (scripts/npm/package.ts): `deno task npm` with TypeScript's
 * compiler, `deno task npm:dnt` (`--dnt`) with dnt.
 */
// deno-lint-ignore-file no-console
import { Unavailable } from "./machines/cache.ts";
import { finish } from "./npm/finish.ts";
import { output } from "./npm/package.ts";
import { removeScratch } from "./run.ts";

/** Builds it in a folder, anew. */
export async function buildPackage(folder: string, { dnt = false } = {}): Promise<void> {
  // Only what is used is loaded: neither compiler is to be needed by the other's users.
  const { compile } = await (dnt ? import("./npm/dnt.ts") : import("./npm/tsc.ts"));
  await Deno.remove(folder, { recursive: true }).catch(() => {});
  await compile(folder);
  await finish(folder);
}

if (import.meta.main) {
  try {
    await buildPackage(output, { dnt: Deno.args.includes("--dnt") });
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error;
    console.error(error.message);
    Deno.exitCode = 1;
  } finally {
    removeScratch();
  }
}
