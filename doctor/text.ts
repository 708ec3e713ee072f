/**
 * The report for people.
 *
 * @module
 */

import { printable } from "./printable.ts";
import type { Diagnosis, Finding, GroupTest, Level } from "./types.ts";
import { wrap } from "./wrap.ts";

/** How the report is to look. */
export interface TextOptions {
  /** With colours, for a terminal. Default `false`. */
  colour?: boolean;
  /** How wide the terminal is; commands stay in one line, to be copied. Default: lines are not broken. */
  columns?: number;
}

const ORDER: readonly Level[] = ["problem", "warning", "note"];
const COLOURS = { problem: 31, warning: 33, note: 36, works: 32, fails: 31, untried: 2 } as const;
/** Columns of the table of tests. */
const STEPS = ["join", "send", "receive", "destination", "interface"] as const;

/**
 * Writes a diagnosis as text.
 *
 * @param diagnosis What was found.
 * @param options How it is to look.
 * @returns Lines that end with a line feed.
 */
export function reportText(diagnosis: Diagnosis, options: TextOptions = {}): string {
  const paint = (text: string, colour: keyof typeof COLOURS) =>
    options.colour ? `\x1b[${COLOURS[colour]}m${text}\x1b[0m` : text;
  const broken = (text: string, indent: string) =>
    wrap(text, (options.columns ?? Infinity) - 3 - indent.length)
      .map((line, at) => (at === 0 || indent !== "" ? indent : "  ") + line);
  const { findings, healthy } = diagnosis;
  const lines = [...table(diagnosis, paint)];
  for (const level of ORDER) {
    for (const finding of findings.filter((other) => other.level === level)) {
      lines.push("", ...describe(finding, paint, broken));
    }
  }
  if (diagnosis.looked.length > 0) {
    lines.push("", "Not looked at:");
    for (const { what, why } of diagnosis.looked) {
      lines.push(...broken(`${printable(what)}: ${printable(why)}`, "  "));
    }
  }
  const count = (level: Level) => findings.filter((finding) => finding.level === level).length;
  lines.push(
    "",
    healthy ? paint("Multicast works on this host.", "works") : paint(
      `${counted(count("problem"), "problem")}, ${counted(count("warning"), "warning")}.`,
      "fails",
    ),
  );
  return lines.map((line) => `${line}\n`).join("");
}

type Paint = (text: string, colour: keyof typeof COLOURS) => string;
/** Breaks a text into lines that fit; one without indentation is followed by lines with some. */
type Broken = (text: string, indent: string) => string[];

function* table({ interfaces, withoutInterface }: Diagnosis, paint: Paint): Generator<string> {
  const rows = [
    ...interfaces.flatMap(({ name, tests }) =>
      tests.map((test) => ({ name: printable(name), test }))
    ),
    ...withoutInterface.map((test) => ({ name: "(not named)", test })),
  ];
  const names = Math.max(9, ...rows.map(({ name }) => name.length));
  const groups = Math.max(5, ...rows.map(({ test }) => groupOf(test).length));
  yield `${"interface".padEnd(names)}  ${"group".padEnd(groups)}  ` +
    STEPS.map((step) => step.padEnd(Math.max(step.length, 5))).join("  ").trimEnd();
  for (const { name, test } of rows) {
    const cells = STEPS.map((step) =>
      paint(SIGNS[test[step]].padEnd(Math.max(step.length, 5)), test[step])
    );
    yield `${name.padEnd(names)}  ${groupOf(test).padEnd(groups)}  ${cells.join("  ").trimEnd()}`;
  }
  for (const { name, tests } of interfaces) {
    if (tests.length === 0) yield `${printable(name).padEnd(names)}  not tried`;
  }
}

const SIGNS = { works: "yes", fails: "NO", untried: "-" } as const;

function groupOf({ group, family, port }: GroupTest): string {
  return port === null ? group : family === "IPv4" ? `${group}:${port}` : `[${group}]:${port}`;
}

function* describe(finding: Finding, paint: Paint, broken: Broken): Generator<string> {
  const { id, level, what, why, remedy } = finding;
  const [first, ...others] = broken(`${level}: ${printable(what)} [${id}]`, "");
  yield paint(level, level) + first.slice(level.length);
  yield* others;
  yield* broken(printable(why), "  ");
  if (!remedy) return;
  yield* broken(`Remedy: ${printable(remedy.text)}`, "  ");
  // Shown, not run: what a terminal would take for a command of its own is made visible.
  for (const command of remedy.commands) yield `    ${printable(command)}`;
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}
