// The command line without a host: what it says, where to, and how it ends.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import fs from "node:fs";
import { main } from "../../cli/main.ts";
import { VERSION } from "../../cli/version.ts";
import { test } from "../harness.ts";
import { lo } from "../kernel/support.ts";
import { FakeIo, run } from "./support.ts";

const COMMANDS = ["listen", "send", "discover", "doctor", "interfaces", "completions"];

test("the version is the package's", async () => {
  const file = new URL("../../deno.json", import.meta.url);
  assertEquals(JSON.parse(fs.readFileSync(file, "utf8")).version, VERSION);
  assertEquals(await run("--version"), { code: 0, out: `${VERSION}\n`, err: "" });
});

test("help goes to standard output and ends with 0", async () => {
  const own = COMMANDS.flatMap((name) => [[name, "--help"], [name, "-h"], ["help", name]]);
  for (const args of [["--help"], ["-h"], ["help"], ...own]) {
    const { code, out, err } = await run(...args);
    assertEquals([code, err], [0, ""]);
    assertStringIncludes(out, "usage: pktinfo");
    // It fits a terminal of 80 columns.
    for (const line of out.split("\n")) assert(line.length < 80, line);
  }
  const { out } = await run("--help");
  for (const name of COMMANDS) assertStringIncludes(out, name);
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
    ["interfaces", "--names", "--json"],
    ["help", "nosuch"],
    ["listen", "nosuch"],
    ["listen", "70000"],
    ["listen", "239.1.2.3"],
    ["listen", "ff02::fb"],
    ["listen", "239.1.2.3:5000,4"],
    ["listen", "--hex", "--json"],
    ["listen", "--count", "0"],
    ["listen", "--count", "1.5"],
    ["listen", "--for", "soon"],
    ["listen", "--for", "-1"],
    ["listen", "--port"],
    ["send"],
    ["send", "10.0.0.1"],
    ["send", "somehost:5000"],
    ["send", "127.0.0.1:5000", "a", "b"],
    ["send", "127.0.0.1:5000", "a", "--file", "b"],
    ["send", "127.0.0.1:5000", "--hex", "abc"],
    ["send", "127.0.0.1:5000", "--hex"],
    ["send", "127.0.0.1:5000", "a", "--repeat", "many"],
    ["send", "127.0.0.1:5000", "a", "--hops", "256"],
    ["send", "127.0.0.1:5000", "x".repeat(70_000)],
    ["discover", "nosuch"],
    ["discover", "--interface", "nosuch0"],
    ["completions"],
    ["completions", "tcsh"],
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

test("the names of the interfaces are listed for a shell", async () => {
  const { code, out } = await run("interfaces", "--names");
  assertEquals(code, 0);
  assert(out.split("\n").includes(lo.name), out);
});

test("who leaves is told nothing, and the status is that of an interruption", async () => {
  const io = new FakeIo();
  io.leave.abort();
  assertEquals(await main(["doctor", "--interface", lo.name], io), 130);
  assertEquals([io.stdout, io.stderr], ["", ""]);
});
