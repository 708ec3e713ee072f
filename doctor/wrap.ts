/**
 * Breaking text into lines.
 *
 * @module
 */

/**
 * Breaks a text between its words.
 *
 * @param text One line.
 * @param columns The most characters of a line; a longer word has a line of its own.
 * @returns At least one line.
 */
export function wrap(text: string, columns: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.length - 1;
    if (last >= 0 && lines[last].length + 1 + word.length <= columns) lines[last] += ` ${word}`;
    else lines.push(word);
  }
  return lines;
}
