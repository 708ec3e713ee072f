// How other machines are got ready: what is cached, where apt finds Debian, and what is said when that fails.
import { assertEquals, assertRejects } from "@std/assert";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import process from "node:process";
import { cached, ifCached, tidyCache } from "../../scripts/machines/cache.ts";
import { findMirror } from "../../scripts/machines/debian.ts";
import { reasonIn } from "../../scripts/machines/tools.ts";
import { test } from "../harness.ts";

/** Runs something with a cache of its own. */
async function withCache(body: (cache: string) => Promise<void>): Promise<void> {
  const before = process.env.PKTINFO_CACHE;
  const cache = fs.mkdtempSync(path.join(os.tmpdir(), "cache-"));
  process.env.PKTINFO_CACHE = cache;
  try {
    await body(cache);
  } finally {
    if (before === undefined) delete process.env.PKTINFO_CACHE;
    else process.env.PKTINFO_CACHE = before;
    fs.rmSync(cache, { recursive: true });
  }
}

function make(text: string) {
  return (folder: string) => fs.promises.writeFile(path.join(folder, "file"), text);
}

function contents(folder: string): string {
  return fs.readFileSync(path.join(folder, "file"), "utf8");
}

test("what is cached is made once", { needs: ["deno"] }, () =>
  withCache(async () => {
    assertEquals(ifCached("thing-1"), null);
    const folder = await cached("thing-1", make("first"));
    assertEquals(await cached("thing-1", make("second")), folder);
    assertEquals(ifCached("thing-1"), folder);
    assertEquals(contents(folder), "first");
    assertEquals(contents(await cached("thing-2", make("another version"))), "another version");
  }));

test(
  "what could not be made to the end is not in the cache",
  { needs: ["deno"] },
  () =>
    withCache(async () => {
      const half = async (folder: string) => {
        await make("half")(folder);
        throw new Error("the network went away");
      };
      await assertRejects(() => cached("thing", half), Error, "went away");
      assertEquals(ifCached("thing"), null);
      assertEquals(contents(await cached("thing", make("whole"))), "whole");
    }),
);

test(
  "two that make the same at once both get what is complete",
  { needs: ["deno"] },
  () =>
    withCache(async () => {
      const [one, other] = await Promise.all([
        cached("thing", make("one")),
        cached("thing", make("other")),
      ]);
      assertEquals(one, other);
      assertEquals(["one", "other"].includes(contents(one)), true);
    }),
);

test(
  "only what a killed run left behind long ago is tidied away",
  { needs: ["deno"] },
  () =>
    withCache(async (cache) => {
      for (const name of ["temporary-old", "temporary-new", "kept-1.0"]) {
        fs.mkdirSync(path.join(cache, name));
      }
      const lastWeek = Date.now() / 1000 - 7 * 24 * 3600;
      for (const name of ["temporary-old", "kept-1.0"]) {
        fs.utimesSync(path.join(cache, name), lastWeek, lastWeek);
      }
      await tidyCache();
      assertEquals(fs.readdirSync(cache).sort(), ["kept-1.0", "temporary-new"]);
    }),
);

const keys = "/usr/share/keyrings/debian-archive-keyring.gpg";

const sources: [what: string, text: string, expected: ReturnType<typeof findMirror>][] = [
  [
    "the format of today",
    `Types: deb
# https://example.com/comment
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/some.gpg

Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main
`,
    { uri: "http://mirror.example/debian", keys: "/usr/share/keyrings/some.gpg" },
  ],
  [
    "other entries before it, and a key in place of a file with keys",
    `Types: deb
URIs: https://tools.example/apt
Suites: nodistro
Components: main

Types: deb-src
URIs: http://sources.example/debian
Suites: bookworm

Types: deb deb-src
URIs: http://one.example/debian http://two.example/debian
Suites: bookworm
Components: main contrib
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
`,
    { uri: "http://one.example/debian", keys },
  ],
  [
    "one line an entry",
    `# deb http://old.example/debian bookworm main
deb-src http://sources.example/debian bookworm main
deb http://mirror.example/debian-security bookworm-security main
deb http://mirror.example/debian bookworm main contrib
`,
    { uri: "http://mirror.example/debian", keys },
  ],
  [
    "one line an entry, with options",
    "deb [ arch=amd64 signed-by=/etc/apt/keyrings/d.gpg ] https://m.example/debian/ bookworm main\n",
    { uri: "https://m.example/debian/", keys: "/etc/apt/keyrings/d.gpg" },
  ],
  ["another release", "deb http://mirror.example/debian trixie main\n", null],
  ["nothing", "", null],
];

for (const [what, text, expected] of sources) {
  test(`Debian's mirror is found in apt's sources: ${what}`, { needs: ["deno"] }, () => {
    assertEquals(findMirror(text, "bookworm"), expected);
  });
}

test("the reason of a failure is the line that says it", { needs: ["deno"] }, () => {
  assertEquals(
    reasonIn("Get:1 something\nE: Failed to fetch: no address\nW: Some files are missing\n"),
    "Failed to fetch: no address",
  );
  assertEquals(reasonIn("one\nAborted\n\n"), "Aborted");
  assertEquals(reasonIn(""), "no reason given");
  assertEquals(reasonIn(`error: ${"x".repeat(1000)}`).length <= 200, true);
});
