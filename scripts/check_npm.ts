/**
 * Installs the npm package in an empty folder, as its users do, and checks it there: `deno task npm:check`, after
 * `deno task npm` or `deno task npm:dnt`.
 *
 *     --with PROGRAM   only what a runtime does with it, this one: node, or /path/to/bun
 *
 * The last line is `N passed, N failed, N skipped`; the exit code is 1 if anything failed.
 */
// deno-lint-ignore-file no-console
import { parseArgs } from "@std/cli/parse-args";
import path from "node:path";
import { Unavailable } from "./machines/cache.ts";
import type { Check, Consumer } from "./npm/check.ts";
import { contentChecks } from "./npm/check_contents.ts";
import { denoCheck } from "./npm/check_deno.ts";
import { npxCheck, runtimeChecks, runtimes } from "./npm/check_runtimes.ts";
import { toolChecks } from "./npm/check_tools.ts";
import { install, pack } from "./npm/client.ts";
import { nodeTypes, output } from "./npm/package.ts";
import { removeScratch, scratch } from "./run.ts";

/** How a check went. */
export interface Outcome {
  name: string;
  /** Why it failed. */
  failed?: string;
  /** Why it could not be made. */
  skipped?: string;
}

/** The tarball of what was built, installed beside the programs that use it. */
async function consume(built: string): Promise<Consumer> {
  const packed = await pack(built, scratch());
  const folder = path.join(scratch(), "npm-consumer");
  await install(folder, [packed.tarball, `${nodeTypes.name}@${nodeTypes.version}`]);
  const programs = new URL("npm/consumer/", import.meta.url);
  for (const { name } of Deno.readDirSync(programs)) {
    await Deno.copyFile(new URL(name, programs), path.join(folder, name));
  }
  return { folder, packed };
}

function chosen(consumer: Consumer, program?: string): Check[] {
  if (program !== undefined) {
    const runtime = { name: program, program: () => Promise.resolve(program) };
    return runtimeChecks(consumer, runtime);
  }
  return [
    ...contentChecks(consumer),
    ...runtimes.flatMap((runtime) => runtimeChecks(consumer, runtime)),
    npxCheck(consumer),
    denoCheck(consumer),
    ...toolChecks(consumer),
  ];
}

async function outcome({ name, run }: Check): Promise<Outcome> {
  try {
    await run();
    return { name };
  } catch (error) {
    if (error instanceof Unavailable) return { name, skipped: error.message };
    return { name, failed: String((error as Error).stack ?? error) };
  }
}

/**
 * Checks a package.
 *
 * @param built The folder of it.
 * @param program Only with this runtime.
 * @throws {Unavailable} If there is no registry to install its dependency from.
 */
export async function checkPackage(built: string, program?: string): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const check of chosen(await consume(built), program)) outcomes.push(await outcome(check));
  return outcomes;
}

/** Tells how it went; whether all is well. */
function tell(outcomes: readonly Outcome[]): boolean {
  for (const { name, failed, skipped } of outcomes) {
    if (failed) console.log(`FAILED   ${name}\n${failed}`);
    else console.log(skipped ? `skipped  ${name}: ${skipped}` : `ok       ${name}`);
  }
  const failed = outcomes.filter((one) => one.failed).length;
  const skipped = outcomes.filter((one) => one.skipped).length;
  const passed = outcomes.length - failed - skipped;
  console.log(`\n${passed} passed, ${failed} failed, ${skipped} skipped`);
  return failed === 0;
}

if (import.meta.main) {
  const { with: program } = parseArgs(Deno.args, { string: ["with"] });
  try {
    Deno.exitCode = tell(await checkPackage(output, program)) ? 0 : 1;
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error;
    console.error(error.message);
    Deno.exitCode = 1;
  } finally {
    removeScratch();
  }
}
