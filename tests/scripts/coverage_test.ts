// The tool behind `deno task coverage`, on a program that fits here; and its list of reasons, as far as that can be
// checked without running everything.
import { assert, assertEquals, assertThrows } from "@std/assert";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { compare } from "../../scripts/coverage/compare.ts";
import { render } from "../../scripts/coverage/document.ts";
import { gapsOf } from "../../scripts/coverage/gaps.ts";
import { Executed } from "../../scripts/coverage/profiles.ts";
import { reasons } from "../../scripts/coverage/reasons.ts";
import { readProgram } from "../../scripts/coverage/source_map.ts";
import { test } from "../harness.ts";

const root = new URL("../../", import.meta.url);

const SOURCE = `type Size = number;
/** Says how large. */
export function say(size: Size | null): string {
  const known = size ?? 0;
  if (known > 5) {
    // Never here.
    return "large";
  }
  return known === 1 ? "one" : "few";
}
`;
const GENERATED = `/** Says how large. */ export function say(size) {
  const known = size ?? 0;
  if (known > 5) {
    // Never here.
    return "large";
  }
  return known === 1 ? "one" : "few";
}
`;

/** A source map by hand: generated line and column, and the line of the source with the same text there. */
function mapped(): string {
  const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const number = (value: number) => {
    let rest = value < 0 ? -value * 2 + 1 : value * 2;
    let text = "";
    do {
      const bits = rest & 31;
      rest >>= 5;
      text += digits[rest > 0 ? bits | 32 : bits];
    } while (rest > 0);
    return text;
  };
  let [line, column] = [0, 0];
  const sourceLines = SOURCE.split("\n");
  const lines = GENERATED.split("\n").map((text) => {
    let before = 0;
    // Where each word begins, as a compiler has it for each node.
    return [...text.matchAll(/\w+|"/g)].flatMap(({ 0: word, index }) => {
      const to = sourceLines.findIndex((other, at) =>
        other.trim() === text.trim() || (at === 2 && text.startsWith("/**"))
      );
      const at = sourceLines[to]?.indexOf(word, to === 2 ? 0 : index) ?? -1;
      if (at < 0) return [];
      const entry = [index - before, 0, to - line, at - column].map(number).join("");
      [before, line, column] = [index, to, at];
      return [entry];
    }).join(",");
  });
  const map = { version: 3, sourcesContent: [SOURCE], mappings: lines.join(";") };
  const json = JSON.stringify(map);
  return `${GENERATED}//# sourceMappingURL=data:application/json;base64,${btoa(json)}`;
}

/** The place of a piece of the JavaScript, and how often it ran. */
function range(text: string, count: number) {
  const startOffset = GENERATED.indexOf(text);
  assert(startOffset >= 0, text);
  return { startOffset, endOffset: startOffset + text.length, count };
}

const WHOLE = { startOffset: 0, endOffset: GENERATED.length, count: 1 };
const FUNCTION = GENERATED.slice(GENERATED.indexOf("function"), -1);
const LARGE = `{\n    // Never here.\n    return "large";\n  }`;

async function gapsAfter(...runs: object[][]) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "pktinfo-profiles-"));
  try {
    runs.forEach((functions, i) => {
      const profile = { url: "file:///say.ts", functions };
      // As Deno writes it, and as Node does.
      const text = i % 2 === 0 ? profile : { result: [profile] };
      fs.writeFileSync(`${folder}/${i}.json`, JSON.stringify(text));
    });
    fs.writeFileSync(`${folder}/killed.json`, "");
    const executed = new Executed();
    await executed.addFolder(folder, (url) => url.slice("file:///".length));
    assertEquals(executed.gaps("other.ts"), null);
    return gapsOf("say.ts", readProgram(mapped()), executed.gaps("say.ts")!);
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
}

const small = [
  { ranges: [WHOLE] },
  { ranges: [range(FUNCTION, 3), range(LARGE, 0), range(' : "few"', 0)] },
];
const onNull = [
  { ranges: [WHOLE] },
  { ranges: [range(FUNCTION, 1), range("?? 0", 1), range(LARGE, 0), range('? "one"', 0)] },
];

test("coverage: a piece that no run executed is named by its source", async () => {
  assertEquals(await gapsAfter(small), [
    {
      file: "say.ts",
      line: 5,
      lastLine: 8,
      code: 'if (known > 5) «{ // Never here. return "large"; }»',
    },
    { file: "say.ts", line: 9, lastLine: 9, code: 'return known === 1 ? "one" «: "few"»' },
  ]);
});

test("coverage: what one of several runs executed is executed", async () => {
  const codes = (await gapsAfter(small, onNull)).map(({ code }) => code);
  assertEquals(codes, ['if (known > 5) «{ // Never here. return "large"; }»']);
});

test("coverage: a function that never ran is one piece", async () => {
  const [{ line, lastLine, code }, ...others] = await gapsAfter([
    { ranges: [WHOLE] },
    { ranges: [range(FUNCTION, 0)] },
  ]);
  assertEquals([line, lastLine, others], [3, 10, []]);
  assert(code.startsWith("export «function say(size: Size | null): string {"), code);
  assert(code.endsWith("…»"), code);
});

test("coverage: profiles of two versions of a file are not mixed", async () => {
  const longer = [{ ranges: [{ ...WHOLE, endOffset: WHOLE.endOffset + 1 }] }];
  const error = await gapsAfter(small, longer).catch((error: Error) => error.message);
  assertEquals(error, "say.ts was changed between two runs");
});

test("coverage: a program without a source map is refused", () => {
  assertThrows(() => readProgram(GENERATED), Error, "source map");
});

test("coverage: each piece needs a reason of its own, and each reason a piece", () => {
  const gap = (code: string) => ({ file: "a.ts", line: 1, lastLine: 1, code });
  const reason = (...code: string[]) => ({ file: "a.ts", why: "because", code });
  const compared = (gaps: string[], ...reasons: string[][]) => {
    const { unexplained, stale } = compare(gaps.map(gap), reasons.map((code) => reason(...code)));
    return [unexplained.map(({ code }) => code), stale.map(({ code }) => code)];
  };
  assertEquals(compared(["«x»", "«y»"], ["«x»"], ["«y»"]), [[], []]);
  assertEquals(compared(["«x»", "«x»"], ["«x»"]), [["«x»"], []]);
  assertEquals(compared(["«x»"], ["«x»", "«x»"]), [[], ["«x»"]]);
  assertEquals(compared(["«xy»"], ["«x»"]), [["«xy»"], ["«x»"]]);
});

test("what is excused is still in its file", () => {
  const lost = reasons.flatMap(({ file, code }) => {
    const source = fs.readFileSync(new URL(file, root), "utf8").replaceAll(/\s+/g, " ");
    return code.filter((piece) =>
      piece !== "«the whole file»" && !source.includes(piece.replaceAll(/[«»]|…»$/g, ""))
    ).map((piece) => `${file}: ${piece}`);
  });
  assertEquals(lost, []);
});

test("docs/coverage.md has every reason", () => {
  // Formatted by `deno fmt`, which breaks lines.
  const plain = (text: string) => text.replaceAll(/\s+/g, " ");
  const file = plain(fs.readFileSync(new URL("docs/coverage.md", root), "utf8"));
  assertEquals(file, plain(render(reasons)), "deno task coverage --update writes it anew");
});
