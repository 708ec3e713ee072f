/**
 * Text for a terminal: how wide it is, how it is cut, and how it is painted.
 *
 * @module
 */

/** Two columns wide: East Asian wide characters (UAX #11) and pictures. */
const WIDE =
  /\p{Emoji_Presentation}|[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]/u;
/** No column of their own: accents that combine, and what joins or varies pictures. */
const NARROW = /\p{Mn}|\p{Me}|[\u200b-\u200d\ufe00-\ufe0f]/u;

/** How many columns a character takes. */
function widthOfCharacter(character: string): number {
  if (character < "\u0300") return 1;
  return NARROW.test(character) ? 0 : WIDE.test(character) ? 2 : 1;
}

/** How many columns a text takes. */
export function widthOf(text: string): number {
  let width = 0;
  for (const character of text) width += widthOfCharacter(character);
  return width;
}

/** A text in just so many columns: filled with spaces, or cut with "…". */
export function fit(text: string, columns: number): string {
  const width = widthOf(text);
  if (width <= columns) return text + " ".repeat(columns - width);
  if (columns < 1) return "";
  let kept = "";
  let used = 0;
  for (const character of text) {
    const next = widthOfCharacter(character);
    if (used + next > columns - 1) break;
    kept += character;
    used += next;
  }
  return `${kept}…${" ".repeat(columns - 1 - used)}`;
}

/** Ways to stand out. */
const STYLES = { bold: 1, dim: 2, green: 32, cyan: 36 } as const;

/** Paints a text, or leaves it as it is. */
export type Paint = (text: string, style: keyof typeof STYLES) => string;

/** A painter for a terminal, with colours or without. */
export function painter(colour: boolean): Paint {
  return (text, style) => colour ? `\x1b[${STYLES[style]}m${text}\x1b[0m` : text;
}

/** `1 packet`, `2 packets` */
export function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}

/** `950 B`, `1.2 kB`, `3.4 MB` */
export function bytesText(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(value < 99.95 ? 1 : 0)} ${units[unit]}`;
}
