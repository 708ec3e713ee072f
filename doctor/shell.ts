/**
 * Words for a shell: what comes from outside must not become a command.
 *
 * @module
 */

/** Quotes a word for sh(1), where it needs it. */
export function shellQuote(word: string): string {
  // Everything else has no meaning to a shell wherever it stands.
  if (/^[A-Za-z0-9_@%+:,./-]+$/.test(word)) return word;
  return `'${word.replaceAll("'", "'\\''")}'`;
}

/** A command from literal text and words from outside: sh`ip link set ${name} up`. */
export function sh(texts: TemplateStringsArray, ...words: (string | number)[]): string {
  return texts.reduce((command, text, at) => command + shellQuote(String(words[at - 1])) + text);
}

/** A command for PowerShell, from literal text and words from outside, which become strings. */
export function powershell(texts: TemplateStringsArray, ...words: string[]): string {
  const quote = (word: string) => `'${word.replaceAll(/['‘’‚‛]/g, "$&$&")}'`;
  return texts.reduce((command, text, at) => command + quote(words[at - 1]) + text);
}

/** A text as a shell comment, however many lines it has. */
export function shellComment(text: string): string {
  // Also what only some programs take for the end of a line.
  return `# ${text.replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, " ").trim()}`;
}
