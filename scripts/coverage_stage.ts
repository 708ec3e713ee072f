/** docs/coverage.md against what this run has executed. */
import { collects, profilesOf } from "./coverage/collect.ts";
import { compare, located } from "./coverage/compare.ts";
import { render } from "./coverage/document.ts";
import { findGaps } from "./coverage/find_gaps.ts";
import { inTable, percentages } from "./coverage/percentages.ts";
import { reasons } from "./coverage/reasons.ts";
import { difference, formatted } from "./markdown.ts";
import { nothing, type Result, type Stage } from "./stage.ts";

const file = new URL("../docs/coverage.md", import.meta.url);

/** The stages of whose tests coverage is counted. */
const COUNTED = [
  "unit",
  "unit-poll",
  "unit-single",
  "unit-debug",
  "windows",
  "node",
  "node-windows",
  "lab",
];

/** Why the document says nothing about this run; null: it does. */
function whyNot(
  { files, filter }: { files: string[]; filter?: string },
  earlier: ReadonlyMap<string, Result>,
): string | null {
  if (!collects()) return "counted only by `deno task coverage`, which takes longer";
  if (files.length > 0 || filter !== undefined) return "only some tests ran";
  // None: the profiles are those of an earlier run.
  if (earlier.size === 0) return null;
  const missing = COUNTED.filter((stage) => !earlier.get(stage)?.passed);
  return missing.length > 0 ? `no test ran in ${missing.join(", ")}` : null;
}

/** Fails where a piece has no reason, or a reason no piece. */
export const coverage: Stage = {
  name: "coverage",
  quick: false,
  async run(selection, earlier) {
    const why = whyNot(selection, earlier);
    if (why !== null) {
      return { ...nothing, skipped: [`docs/coverage.md (skipped: ${why})`], note: why };
    }
    const gaps = await findGaps(["linux", "windows", "node"]);
    const { unexplained, stale } = compare(gaps, reasons);
    const now = await formatted(render(reasons));
    if (selection.update) await Deno.writeTextFile(file, now);
    const before = await Deno.readTextFile(file).catch(() => "");
    const failed = [
      ...unexplained.map((gap) => `no test, no reason: ${located(gap)}`),
      ...stale.map(({ file, code }) => `nothing to excuse: ${file}: ${code}`),
      ...(before === now ? [] : ["docs/coverage.md says otherwise; --update writes it anew"]),
    ];
    const table = inTable(await percentages(profilesOf("linux")));
    return {
      passed: failed.length === 0 ? 1 : 0,
      failed,
      skipped: [],
      output: before === now ? "" : difference(before, now),
      note: `${gaps.length} pieces of source are executed by no test\n${table}`,
    };
  },
};
