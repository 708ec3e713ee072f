/** The numbers that tests have noted in this run (tests/figures.ts). */
import path from "node:path";
import type { Figure } from "../tests/figures.ts";
import { scratch } from "./run.ts";

function file(): string {
  return path.join(scratch(), "figures.jsonl");
}

/** What tells the tests of a stage to note their numbers. Stages that repeat tests in other ways do not collect. */
export function figuresEnv(): Record<string, string> {
  return { PKTINFO_FIGURES: file() };
}

/** All that was noted, in the order in which it came. */
export function figures(): Figure[] {
  try {
    return Deno.readTextFileSync(file()).trimEnd().split("\n").map((line) => JSON.parse(line));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}
