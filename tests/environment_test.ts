// Which variables of the environment the library reads: each is named here, and none says what to load.
import { assert, assertEquals } from "@std/assert";
import { filesBelow } from "../scripts/run.ts";
import { test } from "./harness.ts";
import { tokenize } from "./source.ts";

/** What each is for; docs/security.md has the same list. */
const KNOWN: Readonly<Record<string, string>> = {
  EPICS_PVA_ADDR_LIST: "pktinfo discover pva: whom to ask",
  EPICS_PVA_AUTO_ADDR_LIST: "pktinfo discover pva: whether to ask the networks",
  EPICS_PVA_BROADCAST_PORT: "pktinfo discover pva: on which port",
  NO_COLOR: "no colours",
  PKTINFO_DEBUG: "what to tell about calls",
  PKTINFO_FORCE: "the plain ways of waiting and receiving, for tests",
  TERM: "no colours on a dumb terminal",
};

/** The library; examples and tests read what they like. */
const LIBRARY = /^(?:address|cli|dgram|doctor|ffi|interfaces|socket)\/.*\.ts$|^mod\.ts$/;

test("the library reads the variables that docs/security.md names, and no others", () => {
  const read = new Set<string>();
  const computed: string[] = [];
  for (const file of filesBelow("", (path) => LIBRARY.test(path))) {
    const tokens = tokenize(Deno.readTextFileSync(new URL(`../${file}`, import.meta.url)));
    for (const [at, { kind, text }] of tokens.entries()) {
      const [second, third, fourth] = tokens.slice(at + 1, at + 4);
      if (kind !== "word") continue;
      // environment("NAME"), read("NAME") where that is it, process.env.NAME, process.env[name], Deno.env.get(name)
      const reads = text === "environment" || text === "read" && file === "cli/discoverers.ts";
      if (reads && second?.text === "(") {
        if (third.kind === "string") read.add(third.text);
      } else if (text === "env" && tokens[at - 1]?.text === "." && second?.text === ".") {
        if (third.text === "get") computed.push(`${file}: ${fourth.text}`);
        else read.add(third.text);
      } else if (text === "env" && tokens[at - 1]?.text === ".") computed.push(`${file}: env`);
    }
  }
  for (const name of read) assert(name in KNOWN, `${name} is not in the list`);
  const told = Deno.readTextFileSync(new URL("../docs/security.md", import.meta.url));
  for (const name in KNOWN) {
    assert(told.includes(`\`${name}\``), `${name} is not in docs/security.md`);
  }
  assert(read.has("PKTINFO_FORCE") && read.has("EPICS_PVA_ADDR_LIST"));
  // The two runtimes' ways to read what they are asked for; nobody else reads any.
  assertEquals(computed.sort(), ["ffi/runtime/deno.ts: (", "ffi/runtime/koffi.ts: env"]);
});
