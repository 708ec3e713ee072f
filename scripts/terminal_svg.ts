// A terminal's text as SVG: plain rectangles and text, so that it shows wherever an image does, light or dark.

import { widthOf } from "../cli/text.ts";

/** Text of one look. */
interface Span {
  column: number;
  text: string;
  classes: string[];
}

const CHARACTER = 8.4;
const LINE = 19;
const MARGIN = 16;
const BAR = 30;

/** The looks of SGR codes (ECMA-48 8.3.117) that the command line uses. */
const CLASSES: Readonly<Record<string, string>> = {
  "1": "bold",
  "2": "dim",
  "31": "red",
  "32": "green",
  "33": "yellow",
  "36": "cyan",
};

// An SVG in an <img> still sees the reader's colour scheme; the first set is for those that do not say.
const STYLE = `
.page { fill: #f6f8fa; stroke: #d0d7de; }
.bar { fill: #d0d7de; }
text { font: 14px ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; fill: #24292f;
  white-space: pre; }
.title { font-size: 12px; fill: #57606a; }
.bold { font-weight: 600; }
.dim { fill: #57606a; }
.red { fill: #cf222e; }
.green { fill: #116329; }
.yellow { fill: #7d4e00; }
.cyan { fill: #0b7285; }
@media (prefers-color-scheme: dark) {
  .page { fill: #0d1117; stroke: #30363d; }
  .bar { fill: #30363d; }
  text { fill: #e6edf3; }
  .title, .dim { fill: #9aa4af; }
  .red { fill: #ff7b72; }
  .green { fill: #56d364; }
  .yellow { fill: #e3b341; }
  .cyan { fill: #3bc9db; }
}
`;

/** Splits a line at its changes of look. A look goes on in the next line, as it does on a terminal. */
function spansOf(line: string, classes: Set<string>): Span[] {
  const spans: Span[] = [];
  let column = 0;
  // deno-lint-ignore no-control-regex -- it is what terminals are told with
  for (const [, codes, text] of line.matchAll(/\x1b\[([\d;]*)m|([^\x1b]+)/g)) {
    if (text !== undefined) {
      // Apart where there are several spaces: not everything that draws SVG keeps them.
      for (const part of text.split(/(?<= {2,})(?=[^ ])/)) {
        if (part.trim() !== "") spans.push({ column, text: part, classes: [...classes] });
        column += widthOf(part);
      }
      continue;
    }
    for (const code of codes.split(";")) {
      if (code === "" || code === "0") classes.clear();
      else if (code === "22") ["bold", "dim"].forEach((name) => classes.delete(name));
      else if (code === "39") {
        ["red", "green", "yellow", "cyan"].forEach((it) => classes.delete(it));
      } else if (CLASSES[code]) classes.add(CLASSES[code]);
    }
  }
  return spans;
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

function textElement({ column, text, classes }: Span, row: number): string {
  const leading = text.length - text.trimStart().length;
  const shown = text.trim();
  const x = MARGIN + (column + leading) * CHARACTER;
  const y = BAR + MARGIN + row * LINE + 12;
  const kind = classes.length === 0 ? "" : ` class="${classes.join(" ")}"`;
  // Its own width, whatever font there is: columns stay under each other.
  const length = `textLength="${
    fixed(widthOf(shown) * CHARACTER)
  }" lengthAdjust="spacingAndGlyphs"`;
  return `<text x="${fixed(x)}" y="${y}" ${length}${kind}>${escape(shown)}</text>`;
}

function fixed(number: number): string {
  return String(Math.round(number * 10) / 10);
}

/**
 * Draws a terminal.
 *
 * @param title What the bar above it says, and readers that hear: the command.
 * @param painted What the terminal shows, with escape sequences for colours.
 * @param columns How wide it is.
 */
export function terminalSvg(title: string, painted: string, columns: number): string {
  const lines = painted.split("\n");
  const width = Math.ceil(columns * CHARACTER) + 2 * MARGIN;
  const height = BAR + lines.length * LINE + 2 * MARGIN;
  const look = new Set<string>();
  const texts = lines.flatMap((line, row) =>
    spansOf(line, look).map((span) => textElement(span, row))
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" ` +
    `viewBox="0 0 ${width} ${height}" role="img" aria-label="${escape(title)}">`,
    `<style>${STYLE}</style>`,
    `<rect class="page" x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="8"/>`,
    ...[0, 1, 2].map((dot) =>
      `<circle class="bar" cx="${MARGIN + 4 + dot * 18}" cy="${BAR / 2 + 4}" r="5"/>`
    ),
    `<text class="title" x="${MARGIN + 60}" y="${BAR / 2 + 8}">${escape(title)}</text>`,
    ...texts,
    "</svg>",
    "",
  ].join("\n");
}
