/** From the JavaScript that ran back to the TypeScript that was written: source maps (ECMA-426). */

/** A place in the JavaScript whose place in the source is known. */
export interface Segment {
  /** Offset in the JavaScript. */
  generated: number;
  /** Offset in the source. */
  original: number;
}

const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** The numbers of one segment: base 64, five bits a digit, the lowest bit of each number is its sign. */
function numbers(text: string): number[] {
  const result: number[] = [];
  let value = 0, shift = 0;
  for (const digit of text) {
    const bits = DIGITS.indexOf(digit);
    value |= (bits & 31) << shift;
    shift += 5;
    if (bits & 32) continue;
    result.push(value & 1 ? -(value >>> 1) : value >>> 1);
    value = shift = 0;
  }
  return result;
}

/** Where each line begins. */
export function lineStarts(text: string): number[] {
  const starts = [0];
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  return starts;
}

/** A program, as it ran and as it was written. */
export interface Program {
  generated: string;
  source: string;
  /** In the order of the JavaScript. */
  segments: Segment[];
}

/**
 * Reads a program whose map is in its last lines.
 *
 * @param source The source, where the map does not contain it.
 */
export function readProgram(generated: string, source?: string): Program {
  const encoded = /\/\/# sourceMappingURL=data:application\/json[^,]*;base64,([\w+/=]+)/
    .exec(generated)?.[1];
  if (encoded === undefined) throw new Error("a program has no source map");
  const bytes = Uint8Array.from(atob(encoded), (character) => character.charCodeAt(0));
  const map = JSON.parse(new TextDecoder().decode(bytes));
  const text: string = map.sourcesContent?.[0] ?? source;
  return { generated, source: text, segments: segmentsOf(map.mappings, generated, text) };
}

function segmentsOf(mappings: string, generated: string, source: string): Segment[] {
  const [to, from] = [lineStarts(generated), lineStarts(source)];
  const segments: Segment[] = [];
  let line = 0, column = 0;
  mappings.split(";").forEach((entries, generatedLine) => {
    let generatedColumn = 0;
    for (const entry of entries.split(",")) {
      const [columns, , lines, originalColumns] = numbers(entry);
      generatedColumn += columns ?? 0;
      if (lines === undefined) continue;
      line += lines;
      column += originalColumns;
      segments.push({
        generated: to[generatedLine] + generatedColumn,
        original: from[line] + column,
      });
    }
  });
  return segments;
}
