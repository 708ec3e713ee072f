/** Text from the network, made harmless. */

/** The most that is kept of one value. */
const MAX_LENGTH = 1024;

/** Names come from strangers: they must not control the terminal, nor forge lines, nor fill the memory. */
export function printable(text: string): string {
  return text.trim().slice(0, MAX_LENGTH).replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, "");
}
