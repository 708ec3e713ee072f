/** What no test executes, as pieces of source text: names that outlive edits elsewhere in the file. */
import type { Range } from "./profiles.ts";
import { lineStarts, type Program, type Segment } from "./source_map.ts";

/** A piece of source that was never executed: a branch, a function, or what stands behind a return. */
export interface Gap {
  /** Path from the repository. */
  file: string;
  /** Of its first character, counted from 1. */
  line: number;
  /** Of its last. */
  lastLine: number;
  /** Its first line with the piece in marks, longer pieces shortened: `if (closed) «return;»`. */
  code: string;
}

/** The last segment at or before an offset of the JavaScript; -1: none. */
function before(segments: readonly Segment[], offset: number): number {
  let [low, high] = [0, segments.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (segments[middle].generated <= offset) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** The offset in the source of a character of the JavaScript, which may have lost or gained some around it. */
function originalOf({ generated, source, segments }: Program, offset: number): number | null {
  const segment = segments[before(segments, offset)];
  if (segment === undefined) return null;
  const { generated: from, original } = segment;
  const same =
    generated.slice(from, offset + 1) === source.slice(original, original + offset + 1 - from);
  return same ? original + offset - from : null;
}

/** Where a range of the JavaScript is in the source. */
function sourceRange(program: Program, { start, end }: Range): Range {
  const { source, segments } = program;
  const first = originalOf(program, start) ??
    (segments[before(segments, start) + 1]?.original ?? source.length);
  const last = originalOf(program, end - 1);
  if (last !== null && last >= first) return { start: first, end: last + 1 };
  // What its last characters stand for is not told: it goes on until the next thing begins.
  const next = segments[before(segments, end - 1) + 1]?.original ?? source.length;
  return { start: first, end: Math.max(first, next) };
}

/** The range without white space at its ends; null where nothing else is in it. */
function trimmed(text: string, { start, end }: Range): Range | null {
  const piece = text.slice(start, end);
  // Braces and semicolons alone are nobody's branch.
  if (!/[\w"'`]/.test(piece)) return null;
  const left = piece.length - piece.trimStart().length;
  return { start: start + left, end: start + piece.trimEnd().length };
}

/** Long pieces are named by their beginnings. */
const LONGEST = 90;

function inWords(source: string, { start, end }: Range): string {
  const line = source.lastIndexOf("\n", start - 1) + 1;
  const prefix = source.slice(line, start).trimStart();
  const piece = source.slice(start, end).replaceAll(/\s+/g, " ");
  return `${prefix}«${piece.length > LONGEST ? `${piece.slice(0, LONGEST).trimEnd()}…` : piece}»`;
}

/** The pieces of a file's source that were not executed. */
export function gapsOf(file: string, program: Program, ranges: readonly Range[]): Gap[] {
  const starts = lineStarts(program.source);
  const lineOf = (offset: number) => starts.findLastIndex((start) => start <= offset) + 1;
  return ranges.flatMap((range) => {
    const there = trimmed(program.generated, range);
    const here = there && trimmed(program.source, sourceRange(program, there));
    if (!here) return [];
    const code = inWords(program.source, here);
    return [{ file, line: lineOf(here.start), lastLine: lineOf(here.end - 1), code }];
  });
}
