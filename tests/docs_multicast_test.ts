// The field guide (docs/multicast.md) names tests and files: they exist, under exactly these names.
import { assert, assertEquals } from "@std/assert";
import fs from "node:fs";
import { fileURLToPath } from "node:url";
import { anchorOf, GUIDE, isPrinted, parseGuide, readGuide, type Section } from "./field_guide.ts";
import { test } from "./harness.ts";
import { namesIn } from "./test_names.ts";

const guide = readGuide();
const questions = guide.filter(({ level }) => level === 3);

const pathOf = (target: string) => fileURLToPath(new URL(`../docs/${target}`, import.meta.url));
const isTestFile = (target: string) => target.endsWith("_test.ts");
const proofsOf = ({ links }: Section) => links.filter(({ target }) => isTestFile(target));

test("every test that the field guide names exists, in the file it links to", () => {
  let count = 0;
  for (const { text, target, line } of guide.flatMap(proofsOf)) {
    const names = namesIn(fs.readFileSync(pathOf(target), "utf8"));
    const found = names.some((name) => name.test(text));
    assert(found, `${GUIDE}:${line}: there is no test "${text}" in ${target}`);
    count++;
  }
  assert(count > 30, `only ${count} tests are named`);
});

test("every question of the field guide is answered with a test", () => {
  for (const section of questions) {
    assert(proofsOf(section).length > 0, `${GUIDE}:${section.line}: "${section.heading}" has none`);
  }
});

test("every link of the field guide leads somewhere", () => {
  for (const { target, line } of guide.flatMap(({ links }) => links)) {
    if (/^https?:/.test(target)) continue;
    const [file, anchor] = target.split("#");
    const path = pathOf(file === "" ? "multicast.md" : file);
    assert(fs.existsSync(path), `${GUIDE}:${line}: there is no ${target}`);
    if (anchor === undefined) continue;
    const anchors = parseGuide(fs.readFileSync(path, "utf8")).map(({ heading }) =>
      anchorOf(heading)
    );
    assert(anchors.includes(anchor), `${GUIDE}:${line}: there is no heading for ${target}`);
  }
});

test("the field guide begins with an index of all its questions, in order", () => {
  const index = guide[0].links.filter(({ target }) => target.startsWith("#"));
  assertEquals(
    index.map(({ text, target }) => [text, target]),
    questions.map(({ heading }) => [heading, `#${anchorOf(heading)}`]),
  );
});

test("the reader of the field guide tells commands, what they print, and links apart", () => {
  const [title, question] = parseGuide([
    "# Title",
    "See [a _test_ of\nsomething](../tests/x_test.ts) and",
    "[`code`](#here).",
    "",
    "### What?",
    "```sh",
    "echo one \\",
    "  two",
    "# one …",
    "true # nothing",
    "```",
    "```ts",
    "# no heading, [no](link)",
    "```",
  ].join("\n"));
  assertEquals(title.links, [
    { text: "a _test_ of something", target: "../tests/x_test.ts", line: 2 },
    { text: "`code`", target: "#here", line: 4 },
  ]);
  assertEquals([question.heading, question.level, question.links], ["What?", 3, []]);
  assertEquals(question.commands, [
    { text: "echo one \\\n  two", prints: ["one …"], line: 8 },
    { text: "true # nothing", prints: [], line: 11 },
  ]);
  assert(isPrinted("tap0 … <UP>", "tap0   DOWN   00:00 <UP> "));
  assert(isPrinted("fe80::…/64", "fe80::1/64"));
  assert(!isPrinted("tap0 … <UP>", "tap0 DOWN <UP,LOWER_UP>"));
  assert(!isPrinted("tap0", "tap01"));
  assertEquals(anchorOf("And `lo`: what's “it”?"), "and-lo-whats-it");
});

test("the names of tests are found, with what a template leaves open", () => {
  const names = namesIn(
    'test("a (b)", needs); test(\n  `${x}: y ${z.map((a) => a)} w`, () => {}); nottest("no")',
  );
  const has = (text: string) => names.some((name) => name.test(text));
  assert(has("a (b)") && has("1: y 2 w"));
  assert(!has("a b") && !has("a (b) c") && !has("no"));
});
