// The document of numbers, against a run that says otherwise.
import { assertEquals, assertThrows } from "@std/assert";
import { complaints, readRows, rewrite } from "../../scripts/reliability.ts";
import type { Figure } from "../figures.ts";
import { test } from "../harness.ts";

const EMPTY =
  "# Reliability\n\nBefore.\n\n<!-- figures:begin (deno task reliability) -->\n<!-- figures:end -->\n\nAfter.\n";

const figures: Figure[] = [
  { area: "load", what: "packets sent", value: 1_234_567 },
  { area: "faults", what: "errors injected | all", value: 40, exact: true },
  { area: "faults", what: "errors injected | all", value: 2, exact: true },
  { area: "load", what: "timer lag", value: 12.5, unit: "ms" },
];

test("what a run has noted is written chapter by chapter, and read again", () => {
  const document = rewrite(EMPTY, "On a machine.", figures);
  assertEquals(readRows(document), [
    { area: "Failing system calls", what: "errors injected | all", value: "42" },
    { area: "Load", what: "packets sent", value: "1,234,567" },
    { area: "Load", what: "timer lag", value: "12.5 ms" },
  ]);
  assertEquals(document.startsWith("# Reliability\n\nBefore."), true);
  assertEquals(document.endsWith("After.\n"), true);
});

test("writing takes the place of what was written before", () => {
  const once = rewrite(EMPTY, "On a machine.", figures);
  assertEquals(rewrite(once, "On a machine.", figures), once);
  assertEquals(readRows(rewrite(once, "On another.", figures.slice(0, 1))).length, 1);
});

test("a document without a place for the numbers is not written", () => {
  assertThrows(() => rewrite("# Reliability\n", "", figures), Error, "figures:begin");
});

test("a document that says what the run says has no complaints, whatever was measured", () => {
  const document = rewrite(EMPTY, "", figures);
  const other = figures.map((figure) =>
    figure.exact ? figure : { ...figure, value: figure.value + 1 }
  );
  assertEquals(complaints(document, other, true), []);
});

test("a number that is missing, invented, or always another is complained about", () => {
  const document = rewrite(EMPTY, "", figures.slice(0, 3));
  const run: Figure[] = [
    { area: "faults", what: "errors injected | all", value: 41, exact: true },
    { area: "security", what: "answers", value: 7 },
  ];
  assertEquals(complaints(document, run, true), [
    'Security: "answers" (7) is not there',
    'Failing system calls: "errors injected | all" is 41, not 42',
    'Load: no test has noted "packets sent"',
  ]);
  assertEquals(complaints(document, run, false).length, 2);
});
