/** The npm package: built, installed in an empty folder, and checked there. */
import path from "node:path";
import { buildPackage } from "./build_npm.ts";
import { checkPackage } from "./check_npm.ts";
import { Unavailable } from "./machines/cache.ts";
import { scratch } from "./run.ts";
import { nothing, type Result, type Stage } from "./stage.ts";

async function runNpm(): Promise<Result> {
  try {
    const folder = path.join(scratch(), "npm-package");
    await buildPackage(folder);
    const outcomes = await checkPackage(folder);
    const failed = outcomes.filter((one) => one.failed !== undefined);
    const skipped = outcomes.filter((one) => one.skipped !== undefined);
    const passed = outcomes.filter((one) => !failed.includes(one) && !skipped.includes(one));
    return {
      passed: passed.length,
      names: passed.map(({ name }) => name),
      failed: failed.map(({ name }) => name),
      skipped: skipped.map(({ name, skipped }) => `${name} (skipped: ${skipped})`),
      output: failed.map(({ name, failed }) => `${name}:\n${failed}`).join("\n\n"),
    };
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error;
    const why = error.message;
    return { ...nothing, skipped: [`the npm package (skipped: ${why})`], note: why };
  }
}

/** Builds it with TypeScript's compiler, which can be had wherever npm's registry can. */
export const npmStage: Stage = { name: "npm", quick: false, run: runNpm };
