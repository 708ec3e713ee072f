// Shared wording of the parsers: how input is quoted in messages and how decimal numbers are read. Internal.

/** Longest piece of foreign text repeated in a message: enough to recognise it, too little to flood a log. */
const QUOTE_LIMIT = 80;

/**
 * Quotes text from outside for an error message: escaped (line breaks and control characters cannot forge log
 * lines) and cut after 80 characters.
 *
 * @param text What was given; anything that is not a string is shown by its type.
 * @returns The quoted text, or the type in angle brackets.
 * @internal
 */
export function quote(text: unknown): string {
  if (typeof text !== "string") {
    return text === null ? "<null>" : `<${typeof text}>`;
  }
  return JSON.stringify(text.length > QUOTE_LIMIT ? text.slice(0, QUOTE_LIMIT) + "…" : text);
}

/**
 * Reads a decimal number as it stands in an address: digits only, no sign, no leading zeros.
 *
 * @param digits The text of the number.
 * @param max The largest value allowed.
 * @param what Names the number in messages ("port").
 * @param whole The text the number stands in, for messages.
 * @returns The value, 0 to `max`.
 * @throws {TypeError} When the text is not a plain decimal number.
 * @throws {RangeError} When the number is larger than `max`.
 * @internal
 */
export function parseDecimal(digits: string, max: number, what: string, whole: string): number {
  if (!/^(?:0|[1-9][0-9]*)$/.test(digits)) {
    const problem = digits === ""
      ? `the ${what} is missing`
      : /^[0-9]+$/.test(digits)
      ? `the ${what} ${quote(digits)} has a leading zero`
      : `the ${what} ${quote(digits)} is not a number`;
    throw new TypeError(
      `${problem} in ${quote(whole)}; write a decimal number from 0 to ${max}`,
    );
  }
  const value = Number(digits);
  if (value > max) {
    throw new RangeError(
      `the ${what} ${quote(digits)} in ${quote(whole)} is too large; it must be 0 to ${max}`,
    );
  }
  return value;
}

/**
 * Checks a number given as a number: an integer from 0 to `max`.
 *
 * @param value What was given.
 * @param max The largest value allowed.
 * @param what Names the number in messages ("port").
 * @returns The same value.
 * @throws {TypeError} When it is not a number at all.
 * @throws {RangeError} When it is not an integer from 0 to `max`.
 * @internal
 */
export function checkInteger(value: unknown, max: number, what: string): number {
  if (typeof value !== "number") {
    throw new TypeError(
      `the ${what} must be a number from 0 to ${max}, not ${quote(value)}`,
    );
  }
  if (!Number.isInteger(value) || value < 0 || value > max) {
    throw new RangeError(
      `the ${what} must be an integer from 0 to ${max}, not ${value}`,
    );
  }
  return value === 0 ? 0 : value; // never -0, which deep equality tells from 0
}
