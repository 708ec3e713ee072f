// A terminal's text as SVG.
import { assertEquals, assertMatch } from "@std/assert";
import { terminalSvg } from "../../scripts/terminal_svg.ts";
import { test } from "../harness.ts";

/** The texts of a picture: where, in which look, and what. */
function textsOf(svg: string): string[] {
  return [
    ...svg.matchAll(
      /<text x="([\d.]+)" y="(\d+)" textLength="([\d.]+)" [^>]*?(?: class="([^"]*)")?>([^<]*)</g,
    ),
  ]
    .map(([, x, y, length, look = "", text]) => [x, y, length, look, text].join(" "));
}

test("columns stay under each other, and looks are classes that a colour scheme can change", () => {
  const svg = terminalSvg(
    "a & b",
    "\x1b[1mname    kind\x1b[0m\n\x1b[31m<x>\x1b[39m  日本 \x1b[2;36my",
    20,
  );
  assertEquals(textsOf(svg), [
    "16 58 33.6 bold name",
    "83.2 58 33.6 bold kind",
    "16 77 25.2 red &lt;x&gt;",
    "58 77 33.6  日本",
    "100 77 8.4 dim cyan y",
  ]);
  assertMatch(svg, /^<svg [^>]*width="200" height="100"[^>]*aria-label="a &amp; b">/);
  assertMatch(svg, /prefers-color-scheme: dark/);
});
