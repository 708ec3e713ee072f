/**
 * A command as data: its help, the reading of its arguments and the completion of shells are made from it.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { wrap } from "../doctor/wrap.ts";
import type { Io } from "./io.ts";

/** The arguments are wrong; the message says how. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** One option. */
export interface Option {
  /** What its value is called in the help; without it the option is a flag. */
  readonly value?: string;
  /** May be given more than once. */
  readonly many?: boolean;
  /** Its letter. */
  readonly short?: string;
  /** One sentence. */
  readonly help: string;
  /** What its value is, for completion. */
  readonly complete?: "interface" | "file";
}

/** The words behind the options. */
export interface Words {
  /** As the help shows them. */
  readonly usage: string;
  /** How many at least and at most. */
  readonly min: number;
  readonly max: number;
  /** What can be completed. */
  readonly choices?: readonly string[];
}

/** What was given: texts, lists of texts, or `true`. */
export type Values = Readonly<Record<string, string | boolean | (string | boolean)[] | undefined>>;

/** A command. */
export interface Command {
  readonly name: string;
  /** One line, for the list of commands. */
  readonly summary: string;
  /** What it does: lines that fit a terminal. */
  readonly about: string;
  readonly words?: Words;
  readonly options: Readonly<Record<string, Option>>;
  /** What else is to be known: examples. */
  readonly notes?: string;
  /** What the exit status says. */
  readonly status: string;
  /** Runs it; returns the exit status. */
  run(values: Values, words: readonly string[], io: Io): Promise<number>;
}

const HELP: Option = { short: "h", help: "print this" };
const COLUMNS = 79;

/** All its options, with `--help`. */
export function optionsOf(command: Command): [name: string, option: Option][] {
  return Object.entries({ ...command.options, help: HELP });
}

/**
 * Reads a command's arguments.
 *
 * By node:util rather than by Deno's std: it is in every runtime, so that the npm package needs no further
 * package for it, and it refuses what it does not know.
 *
 * @throws {UsageError} If an option is unknown or lacks its value, or a word is missing or too much.
 */
export function readArguments(
  command: Command,
  args: readonly string[],
): { values: Values; words: string[] } {
  const options = Object.fromEntries(
    optionsOf(command).map(([name, { value, many, short }]) => [name, {
      type: value === undefined ? "boolean" as const : "string" as const,
      ...(many ? { multiple: true } : {}),
      ...(short === undefined ? {} : { short }),
    }]),
  );
  let read;
  try {
    read = parseArgs({ args: [...args], options, strict: true, allowPositionals: true });
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new UsageError(error.message);
  }
  const { values, positionals: words } = read;
  const { min, max, usage } = command.words ?? { min: 0, max: 0, usage: "" };
  if (values.help) return { values, words };
  if (words.length > max) {
    throw new UsageError(`${JSON.stringify(words[max])} is out of place`);
  }
  if (words.length < min) throw new UsageError(`${usage} is missing`);
  return { values, words };
}

/** The help of a command. */
export function usageOf(command: Command): string {
  const options = optionsOf(command);
  const left = options.map(([name, { short, value }]) =>
    `  ${short === undefined ? "    " : `-${short}, `}--${name}${
      value === undefined ? "" : ` ${value}`
    }`
  );
  const width = Math.max(...left.map((text) => text.length)) + 2;
  const rows = options.map(([, { help, many }], at) => {
    const text = many ? `${help}; may be given more than once` : help;
    const [first, ...others] = wrap(text, COLUMNS - width);
    return [left[at].padEnd(width) + first, ...others.map((line) => " ".repeat(width) + line)]
      .join("\n");
  });
  const words = command.words === undefined ? "" : ` ${command.words.usage}`;
  const parts = [
    `usage: pktinfo ${command.name} [options]${words}`,
    command.about.trim(),
    rows.join("\n"),
    ...(command.notes === undefined ? [] : [command.notes.trim()]),
    `Exit status: ${command.status}`,
  ];
  return parts.join("\n\n") + "\n";
}

/** The texts of an option that may be given more than once. */
export function texts(value: Values[string]): string[] {
  return Array.isArray(value) ? value.map(String) : [];
}

/** The text of an option, or `undefined`. */
export function text(value: Values[string]): string | undefined {
  return typeof value === "string" ? value : undefined;
}

/**
 * A whole number that was given as an option's value.
 *
 * @throws {UsageError} If it is none, or out of range.
 */
export function integer(value: Values[string], name: string, min: number, max: number) {
  if (value === undefined) return undefined;
  const number = Number(value);
  if (/^\d+$/.test(String(value)) && number >= min && number <= max) return number;
  const range = max === Number.MAX_SAFE_INTEGER ? `from ${min}` : `from ${min} to ${max}`;
  throw new UsageError(`--${name} is a whole number ${range}, not ${JSON.stringify(value)}`);
}

/**
 * Seconds that were given as an option's value, as milliseconds.
 *
 * @throws {UsageError} If they are none. Timers reach 24 days.
 */
export function seconds(value: Values[string], name: string): number | undefined {
  if (value === undefined) return undefined;
  const ms = Number(value) * 1000;
  if (/^(?:\d+\.?\d*|\.\d+)$/.test(String(value)) && ms < 2 ** 31) return ms;
  throw new UsageError(
    `--${name} is a number of seconds such as 10 or 0.5, not ${JSON.stringify(value)}`,
  );
}

/**
 * Refuses options that contradict each other.
 *
 * @throws {UsageError} If more than one was given.
 */
export function onlyOne(values: Values, ...names: string[]): void {
  const given = names.filter((name) => values[name] !== undefined);
  if (given.length > 1) throw new UsageError(`--${given[0]} and --${given[1]} exclude each other`);
}
