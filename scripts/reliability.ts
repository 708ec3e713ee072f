/** The tables of docs/reliability.md: written from the numbers of a run, and read again. */
import type { Area, Figure } from "../tests/figures.ts";

const TITLES: Record<Area, string> = {
  faults: "Failing system calls",
  lifecycles: "Lifecycles",
  load: "Load",
  soak: "Soak",
  model: "Random sequences against a model",
  fuzzing: "Fuzzing",
  memory: "Memory safety",
  security: "Security",
};

/** Between these lines stands what a run has written. */
const BEGIN = "<!-- figures:begin (deno task reliability) -->";
const END = "<!-- figures:end -->";

const number = new Intl.NumberFormat("en-GB", { maximumFractionDigits: 2 });

/** "1,000 ms" */
export function valueOf({ value, unit }: Pick<Figure, "value" | "unit">): string {
  return unit === undefined ? number.format(value) : `${number.format(value)} ${unit}`;
}

/** One figure for each thing that was counted: a thing that was counted in several files is their sum. */
export function sums(figures: readonly Figure[]): Figure[] {
  const all = new Map<string, Figure>();
  for (const figure of figures) {
    const key = `${figure.area}: ${figure.what}`;
    const before = all.get(key);
    all.set(key, before ? { ...before, value: before.value + figure.value } : figure);
  }
  return [...all.values()];
}

/** What one figure is, in a document or in a run. */
export interface Row {
  area: string;
  what: string;
  value: string;
}

/** The figures as rows of the document, chapter by chapter, each in the order in which it was noted. */
export function rowsOf(figures: readonly Figure[]): Row[] {
  return Object.entries(TITLES).flatMap(([area, title]) =>
    sums(figures).filter((figure) => figure.area === area)
      .map((figure) => ({ area: title, what: figure.what, value: valueOf(figure) }))
  );
}

/** Puts the figures of a run in the place of those of the last. */
export function rewrite(document: string, about: string, figures: readonly Figure[]): string {
  const [from, to] = [document.indexOf(BEGIN), document.indexOf(END)];
  if (from < 0 || to < from) throw new Error(`the document has no "${BEGIN}" … "${END}"`);
  const rows = rowsOf(figures);
  const chapters = [...new Set(rows.map(({ area }) => area))].map((area) => {
    const lines = rows.filter((row) => row.area === area)
      .map(({ what, value }) => `| ${what.replaceAll("|", "\\|")} | ${value} |`);
    return [`### ${area}`, "", "| what | how many |", "| --- | ---: |", ...lines, ""].join("\n");
  });
  const text = [BEGIN, "", about, "", ...chapters, ""].join("\n");
  return document.slice(0, from) + text + document.slice(to);
}

/** The rows of a document. */
export function readRows(document: string): Row[] {
  const rows: Row[] = [];
  let area = "";
  const written = document.slice(document.indexOf(BEGIN), document.indexOf(END));
  for (const line of written.split("\n")) {
    area = line.match(/^### (.+)$/)?.[1] ?? area;
    const [, what, value] = line.match(/^\| (.+?)\s+\|\s+(.+?) \|$/) ?? [];
    if (what === undefined || what === "what" || /^[\s:-]+$/.test(what)) continue;
    rows.push({ area, what: what.replaceAll("\\|", "|"), value });
  }
  return rows;
}

/** What a document says otherwise than a run: nothing it lacks, nothing it invents, and no number that is always the same. */
export function complaints(
  document: string,
  figures: readonly Figure[],
  complete: boolean,
): string[] {
  const written = readRows(document);
  const find = (rows: Row[], { area, what }: Row) =>
    rows.find((row) => row.area === area && row.what === what);
  const noted = rowsOf(figures);
  const exact = rowsOf(figures.filter((figure) => figure.exact));
  return [
    ...noted.filter((row) => !find(written, row))
      .map(({ area, what, value }) => `${area}: "${what}" (${value}) is not there`),
    ...exact.filter((row) => (find(written, row)?.value ?? row.value) !== row.value)
      .map((row) => `${row.area}: "${row.what}" is ${row.value}, not ${find(written, row)!.value}`),
    ...(complete ? written.filter((row) => !find(noted, row)) : [])
      .map(({ area, what }) => `${area}: no test has noted "${what}"`),
  ];
}
