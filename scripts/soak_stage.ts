/** A long mixed run (tests/soak/), beside the other stages: it is idle most of the time. */
import { long } from "../tests/figures.ts";
import { figuresEnv } from "./figures.ts";
import { whyNoNamespace } from "./namespace.ts";
import { run } from "./run.ts";
import { deno, nothing, type Result, type Stage } from "./stage.ts";

/** What an hour shows, five minutes show in the ordinary run. */
const MINUTES = long ? 60 : 5;

let soaking: Promise<Result> | undefined;

async function soakNow(): Promise<Result> {
  const why = await whyNoNamespace();
  if (why !== null) return { ...nothing, skipped: [`soak (skipped: ${why})`], note: why };
  const { code, output } = await run(
    [deno, "run", "--allow-all", "--no-check", "tests/soak/main.ts", `--minutes=${MINUTES}`],
    { env: figuresEnv(), limit: MINUTES * 60 + 120 },
  );
  if (code !== 0) return { ...nothing, note: undefined, failed: ["soak"], output };
  return { ...nothing, passed: 1, note: `${MINUTES} minutes, beside the other stages`, output };
}

/** Fails when anything was lost, doubled, wrong or leaked. */
export const soak: Stage = {
  name: "soak",
  quick: false,
  begin() {
    soaking ??= soakNow();
  },
  run() {
    return soaking ??= soakNow();
  },
};
