// docs/safety.md has a line for each C function that takes or gives an address, in all tables and runtimes, and none for
// another; each line names tests, and these exist.
import { assert, assertEquals } from "@std/assert";
import fs from "node:fs";
import { fileURLToPath } from "node:url";
import type { Platform, Signature } from "../ffi/platform/platform.ts";
import { platformOf } from "../ffi/platform/detect.ts";
import { parseGuide } from "./field_guide.ts";
import { figure } from "./figures.ts";
import { test } from "./harness.ts";
import { namesIn } from "./test_names.ts";

const DOCUMENT = "docs/safety.md";
const read = (path: string) =>
  fs.readFileSync(fileURLToPath(new URL(`../${path}`, import.meta.url)), "utf8");
const markdown = read(DOCUMENT);
const sections = parseGuide(markdown);

const PLATFORMS: readonly Platform[] = [
  ...["x86_64", "aarch64"].map((arch) => platformOf("linux", arch)),
  ...["android", "darwin", "freebsd", "openbsd", "netbsd", "windows"].map((os) =>
    platformOf(os, os === "android" ? "aarch64" : "x86_64")
  ),
];

/** Of koffi's functions, those that take and give descriptions of types, and errno's value. */
const NO_POINTERS = ["errno", "load", "pointer", "proto"];

function takesPointers({ parameters, result }: Signature): boolean {
  return [...parameters, result].some((type) => type === "pointer" || type === "buffer");
}

/** What the code calls with addresses. */
function functionsOfCode(): Set<string> {
  const found = new Set<string>();
  for (const { libraries, errno } of PLATFORMS) {
    if (errno.returns === "address") found.add(errno.symbol);
    for (const { symbols } of libraries) {
      for (const [name, signature] of Object.entries(symbols)) {
        if (takesPointers(signature)) found.add(name);
      }
    }
  }
  // Functions that are known by their address only.
  for (const [, name] of read("ffi/calls/winsock.ts").matchAll(/\bsymbol: "(\w+)"/g)) {
    found.add(name);
  }
  const runtimes = fileURLToPath(new URL("../ffi/runtime", import.meta.url));
  for (const file of fs.readdirSync(runtimes)) {
    const code = read(`ffi/runtime/${file}`).replaceAll(/^\s*(?:\/\/|\*|\/\*).*$/gm, "");
    for (const [name] of code.matchAll(/\bDeno\.Unsafe\w+(?:\.\w+)?/g)) found.add(name);
    for (const [, name] of code.matchAll(/\bkoffi\(\)\.(\w+(?:\.\w+)?)/g)) {
      if (!NO_POINTERS.includes(name)) found.add(`koffi.${name}`);
    }
  }
  // A cast to the type of a pointer is no call.
  found.delete("Deno.UnsafePointerView");
  return found;
}

interface Row {
  functions: string[];
  tests: number[];
  text: string;
}

/** The rows of the tables whose first column is a pointer, or what is checked. */
function rowsUnder(first: string): Row[] {
  const rows: Row[] = [];
  let columns: string[] = [];
  for (const line of markdown.split("\n")) {
    if (!line.startsWith("|")) {
      columns = [];
      continue;
    }
    const cells = line.split("|").slice(1, -1).map((cell) => cell.trim());
    if (columns.length === 0) columns = cells;
    else if (columns[0] === first && !/^-+$/.test(cells[0])) {
      assertEquals(cells.length, columns.length, line);
      rows.push({
        functions: [...cells[1].matchAll(/`([\w.]+)`/g)].map(([, name]) => name),
        tests: cells.at(-1)!.split(", ").map(Number),
        text: line,
      });
    }
  }
  return rows;
}

const pointers = rowsUnder("Pointer");
const checks = rowsUnder("What is checked");
const tests = sections.find(({ heading }) => heading === "The tests")!.links;

test("every C function that takes or gives an address is in docs/safety.md, and no other", () => {
  const documented = new Set(pointers.flatMap(({ functions }) => functions));
  const inCode = functionsOfCode();
  assertEquals([...documented].sort(), [...inCode].sort());
  assert(inCode.size > 40, `only ${inCode.size}`);
  figure("memory", "C functions that take or give an address, each documented", inCode.size, {
    exact: true,
  });
  figure("memory", "pointers documented", pointers.length, { exact: true });
});

test("every pointer and every check of docs/safety.md names tests of the list below", () => {
  const used = new Set<number>();
  for (const { tests: numbers, text } of [...pointers, ...checks]) {
    for (const number of numbers) {
      assert(number >= 1 && number <= tests.length, `${DOCUMENT}: no test ${number}: ${text}`);
      used.add(number);
    }
  }
  // Sentences name some, too.
  for (const [, list] of markdown.matchAll(/\((\d+(?:, \d+)*)\)/g)) {
    for (const number of list.split(", ")) used.add(Number(number));
  }
  assertEquals(tests.flatMap((_, i) => used.has(i + 1) ? [] : [i + 1]), [], "nothing names these");
  figure("memory", "tests that docs/safety.md refers to", tests.length, { exact: true });
});

test("every test that docs/safety.md names exists, in the file it links to", () => {
  for (const { text, target, line } of tests) {
    assert(target.endsWith("_test.ts"), `${DOCUMENT}:${line}: ${target} is no file of tests`);
    const names = namesIn(read(target.replace("../", "")));
    assert(
      names.some((name) => name.test(text)),
      `${DOCUMENT}:${line}: there is no test "${text}" in ${target}`,
    );
  }
});

test("every file that docs/safety.md links to exists", () => {
  for (const { target, line } of sections.flatMap(({ links }) => links)) {
    const path = fileURLToPath(new URL(`../docs/${target}`, import.meta.url));
    assert(fs.existsSync(path), `${DOCUMENT}:${line}: there is no ${target}`);
  }
});
