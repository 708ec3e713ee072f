// The command line without a host: what it says, where to, and how it ends.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import fs from "node:fs";
import type { Io } from "../../cli/io.ts";
import { main } from "../../cli/main.ts";
import { VERSION } from "../../cli/version.ts";
import { test } from "../harness.ts";
import { lo } from "../kernel/support.ts";

/** Runs a command; what it wrote, and its exit status. */
async function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const written = { out: "", err: "" };
  const io: Io = {
    out: (text) => void (written.out += text),
    err: (text) => void (written.err += text),
    progress: () => {},
    colour: false,
    signal: new AbortController().signal,
  };
  return { code: await main(args, io), ...written };
}

test("the version is the package's", async () => {
  const file = new URL("../../deno.json", import.meta.url);
  assertEquals(JSON.parse(fs.readFileSync(file, "utf8")).version, VERSION);
  assertEquals(await run("--version"), { code: 0, out: `${VERSION}\n`, err: "" });
});

test("help goes to standard output and ends with 0", async () => {
  for (const args of [["--help"], ["-h"], ["doctor", "--help"], ["interfaces", "-h"]]) {
    const { code, out, err } = await run(...args);
    assertEquals([code, err], [0, ""]);
    assertStringIncludes(out, "usage: pktinfo");
    // It fits a terminal.
    assert(out.split("\n").every((line) => line.length <= 100), out);
  }
  const { out } = await run("--help");
  for (const name of ["doctor", "interfaces"]) assertStringIncludes(out, name);
});

test("wrong usage goes to standard error and ends with 2", async () => {
  const wrong = [
    [],
    ["nosuch"],
    ["__proto__"],
    ["toString"],
    ["--nosuch"],
    ["doctor", "--nosuch"],
    ["doctor", "extra"],
    ["doctor", "--group"],
    ["doctor", "--json=yes"],
    ["interfaces", "--watch", "extra"],
  ];
  for (const args of wrong) {
    const { code, out, err } = await run(...args);
    assertEquals([code, out], [2, ""], args.join(" "));
    assert(err !== "" && !err.includes("    at "), err);
  }
});

test("interfaces are listed", async () => {
  const { code, out } = await run("interfaces", "--json");
  assertEquals(code, 0);
  const loopback = out.trimEnd().split("\n").map((line) => JSON.parse(line))
    .find(({ loopback }) => loopback);
  assertEquals([loopback.index, loopback.name], [lo.index, lo.name]);
});
