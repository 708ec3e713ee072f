/**
 * Reading a command's arguments.
 *
 * @module
 */

import { parseArgs, type ParseArgsConfig } from "node:util";

/** The arguments are wrong; the message says how. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** A command's options, as `node:util` describes them. */
export type Options = NonNullable<ParseArgsConfig["options"]>;

/** What was given: texts, lists of texts, or `true`. */
export type Values = Readonly<Record<string, string | boolean | (string | boolean)[] | undefined>>;

/**
 * Reads options; other words are refused.
 *
 * @throws {UsageError} If an option is unknown, lacks its value, or a word is out of place.
 */
export function readOptions(args: readonly string[], options: Options): Values {
  try {
    return parseArgs({ args: [...args], options, strict: true, allowPositionals: false }).values;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new UsageError(error.message);
  }
}

/** The texts of an option that may be given more than once. */
export function texts(value: Values[string]): string[] {
  return Array.isArray(value) ? value.map(String) : [];
}
