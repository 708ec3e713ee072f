// The results as one SVG: horizontal bars, grouped by measure, each group with its own scale.

import type { MeasureResult } from "./measure.ts";
import { machineLine, type Results } from "./report.ts";

const WIDTH = 760;
const MARGIN = 16;
const LABELS = 225;
const VALUES = 125;
const BAR = 16;
const STEP = 23;
const TITLE = 46;
const BARS = WIDTH - 2 * MARGIN - LABELS - VALUES;

// An SVG in an <img> still sees the reader's colour scheme; the first set is for those that do not say.
const STYLE = `
text { font: 13px system-ui, sans-serif; fill: #24292f; }
.title { font-weight: 600; }
.note { font-size: 11px; fill: #57606a; }
.value { font-variant-numeric: tabular-nums; }
.bar { fill: #a8b1bb; }
.ours { fill: #0b7285; }
text.ours { fill: #0b7285; font-weight: 600; }
.page { fill: #ffffff; }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3; }
  .note { fill: #9aa4af; }
  .bar { fill: #57606a; }
  .ours, text.ours { fill: #3bc9db; }
  .page { fill: #0d1117; }
}
`;

const escape = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

function text(x: number, y: number, kind: string, content: string): string {
  return `<text x="${x}" y="${y}" class="${kind}">${escape(content)}</text>`;
}

function group(measure: MeasureResult, top: number): { svg: string[]; height: number } {
  const rows = measure.rows.filter((row) => row.median !== null);
  const longest = Math.max(...rows.map((row) => row.median ?? 0));
  const svg = [
    text(MARGIN, top + 14, "title", `${measure.title}, ${measure.unit}`),
    text(MARGIN, top + 30, "note", `${measure.note}; shorter is better`),
  ];
  rows.forEach((row, index) => {
    const value = row.median ?? 0;
    const y = top + TITLE + index * STEP;
    const length = Math.max(1, Math.round(value / longest * BARS));
    const kind = row.ours ? "ours" : "bar";
    const ratio = row.ratios.c === undefined || row.id === "c"
      ? ""
      : `  (${row.ratios.c.toFixed(2)} × C)`;
    const x = MARGIN + LABELS;
    svg.push(
      text(MARGIN, y + 13, row.ours ? "ours" : "label", row.label),
      `<rect x="${x}" y="${y}" width="${length}" height="${BAR}" rx="2" class="${kind}"/>`,
      text(x + length + 6, y + 13, "value", `${value.toFixed(value < 20 ? 2 : 1)}${ratio}`),
    );
  });
  return { svg, height: TITLE + rows.length * STEP + 14 };
}

/** Draws all measures that have at least one value. */
export function drawChart(results: Results): string {
  const parts: string[] = [];
  let top = MARGIN;
  for (const measure of results.measures) {
    if (measure.rows.every((row) => row.median === null)) continue;
    const { svg, height } = group(measure, top);
    parts.push(...svg);
    top += height;
  }
  // Two lines: the machine's name is long.
  const line = machineLine(results);
  const middle = line.indexOf(", ", line.length / 2) + 2;
  parts.push(text(MARGIN, top + 10, "note", line.slice(0, middle)));
  parts.push(text(MARGIN, top + 25, "note", line.slice(middle)));
  const height = top + 25 + MARGIN;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img">
<title>UDP on loopback: CPU time per packet and latency</title>
<style>${STYLE}</style>
<rect class="page" width="${WIDTH}" height="${height}" rx="6"/>
${parts.join("\n")}
</svg>
`;
}
