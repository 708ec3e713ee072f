/**
 * Checks of arguments that several functions take, before any system call.
 *
 * @module
 */

import { quote } from "../address/text.ts";

/**
 * A wrong value as an error tells it: on one line, and never by what an object says of itself, which may be
 * no text, or an error of its own.
 */
export function shown(value: unknown): string {
  if (typeof value === "string") return quote(value);
  if (typeof value === "symbol" || typeof value === "function") return `a ${typeof value}`;
  if (typeof value !== "object" || value === null) return String(value);
  return Array.isArray(value) ? "an array" : "an object";
}

/**
 * Refuses names that mean nothing: a misspelt option that is silently ignored costs an afternoon.
 *
 * @throws {TypeError} Naming the first one, and what there is.
 */
export function checkNames(object: object, known: ReadonlySet<string>, whose: string): void {
  for (const name in object) {
    if (known.has(name)) continue;
    throw new TypeError(
      `${whose} has no option "${name}"; there are: ${[...known].sort().join(", ")}`,
    );
  }
}

/** Checks an abort signal. */
export function checkSignal(value: unknown): AbortSignal {
  if (!(value instanceof AbortSignal)) throw new TypeError("signal must be an AbortSignal");
  return value;
}
