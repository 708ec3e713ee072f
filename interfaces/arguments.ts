/**
 * Checks of arguments that several functions take, before any system call.
 *
 * @module
 */

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
