/**
 * Text from outside, for a terminal.
 *
 * @module
 */

/** Names and messages come from outside: they must not control the terminal, nor forge lines. */
export function printable(text: string): string {
  return text.replaceAll(
    /[\p{Cc}\p{Cf}\u2028\u2029]/gu,
    (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`,
  );
}
