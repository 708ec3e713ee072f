/**
 * Numbers that a run has shown: faults injected, packets, minutes, leaks. A test notes them by {@linkcode figure};
 * scripts/test.ts prints them at the end and keeps those of the last long run in docs/reliability.md.
 *
 * Only `node:` modules are used.
 */
import fs from "node:fs";
import process from "node:process";

/** The chapters of docs/reliability.md. */
export type Area =
  | "faults"
  | "lifecycles"
  | "load"
  | "soak"
  | "model"
  | "fuzzing"
  | "memory"
  | "security";

/** One number. */
export interface Figure {
  area: Area;
  /** What was counted or measured, in words: "errors injected into receiving calls". */
  what: string;
  value: number;
  /** "ms", "KiB", "minutes"; none: a count. */
  unit?: string;
  /** It is the same in every run, so the document must have this very number. */
  exact?: boolean;
}

/** Whether this is a complete run rather than a quick look. */
export const thorough: boolean = process.env.PKTINFO_FULL === "1";
/** Whether this run has the time for long tests: ten minutes of flood instead of seconds. */
export const long: boolean = process.env.PKTINFO_LONG === "1";

/** Notes a number, where the run collects them. */
export function figure(
  area: Area,
  what: string,
  value: number,
  { unit, exact }: Pick<Figure, "unit" | "exact"> = {},
): void {
  const file = process.env.PKTINFO_FIGURES;
  if (file === undefined) return;
  const noted: Figure = { area, what, value, unit, exact };
  // One write a line: test processes append side by side.
  fs.appendFileSync(file, JSON.stringify(noted) + "\n");
}
