/** docs/reliability.md against the numbers of this run. */
import { figures } from "./figures.ts";
import { formatted } from "./markdown.ts";
import { complaints, rewrite } from "./reliability.ts";
import { nothing, type Result, type Stage } from "./stage.ts";

const file = new URL("../docs/reliability.md", import.meta.url);

/** Where the tests are that note numbers. */
const STAGES = ["unit", "lab", "soak"];

/** Those of them of which nothing, or not everything, ran. */
function incomplete(earlier: ReadonlyMap<string, Result>): string[] {
  return STAGES.filter((name) => {
    const result = earlier.get(name);
    return !result || result.passed === 0 || result.failed.length > 0;
  });
}

function about(): string {
  const cores = navigator.hardwareConcurrency;
  const { os, arch } = Deno.build;
  const kernel = Deno.osRelease();
  const date = new Date().toISOString().slice(0, 10);
  return `${date}, ${cores} cores, ${os} ${arch}, kernel ${kernel}, deno ${Deno.version.deno}.`;
}

/** Fails where the document lacks a number, has one that nobody notes, or has another than is always the same. */
export const reliability: Stage = {
  name: "reliability",
  quick: false,
  async run(selection, earlier) {
    const noted = figures();
    const missing = incomplete(earlier);
    const document = await Deno.readTextFile(file);
    if (selection.update) {
      if (missing.length > 0) {
        const output = `nothing is written: ${missing.join(", ")} did not run, or failed`;
        return { ...nothing, note: undefined, failed: ["docs/reliability.md"], output };
      }
      await Deno.writeTextFile(file, await formatted(rewrite(document, about(), noted)));
      return { ...nothing, passed: 1, note: "written" };
    }
    // A filter, or a test that could not run, is no reason to miss its number.
    const complete = missing.length === 0 && selection.filter === undefined &&
      selection.files.length === 0 &&
      STAGES.every((name) => earlier.get(name)!.skipped.length === 0);
    const found = complaints(document, noted, complete);
    if (found.length === 0) return { ...nothing, passed: 1, note: `${noted.length} numbers` };
    const output = `${found.join("\n")}\n\n\`deno task reliability\` writes them anew.`;
    return { ...nothing, note: undefined, failed: ["docs/reliability.md"], output };
  },
};
