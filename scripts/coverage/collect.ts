/** Counting, while tests run, which lines and branches they execute. */
import type { Machine } from "../machines/machine.ts";

/** What tests ran on: Deno on this machine, Deno for Windows, Node. */
export type Place = "linux" | "windows" | "node";

let folder: string | null = null;

/** From now on the stages whose coverage is wanted count, into this folder. */
export function collectCoverage(into: string): void {
  for (const place of ["linux", "windows", "node"]) {
    Deno.mkdirSync(`${into}/${place}`, { recursive: true });
  }
  folder = into;
}

/** Whether that is done in this run. */
export function collects(): boolean {
  return folder !== null;
}

/** Where the profiles of a place are. */
export function profilesOf(place: Place): string {
  if (folder === null) throw new Error("no coverage was collected");
  return `${folder}/${place}`;
}

/**
 * Arguments of `deno test`. What a test starts does not count: its threads would take four times as long to begin,
 * and some tests are about when that is.
 */
export function coverageArgs(place: Place, machine: Machine): string[] {
  if (folder === null) return [];
  return [`--coverage=${machine.pathOf(profilesOf(place))}`, "--coverage-raw-data-only"];
}

/** The same for Node, as its environment, which programs that tests start inherit. */
export function coverageEnv(pathOf = (file: string) => file): Record<string, string> {
  return folder === null ? {} : { NODE_V8_COVERAGE: pathOf(profilesOf("node")) };
}
