// The tests that the packages ship, unmodified: the same passes on our module as on Node's. Ours comes in by the alias that
// docs/dgram.md shows.
import { assert, assertEquals, assertMatch } from "@std/assert";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { test } from "../harness.ts";
import { Lab } from "../lab/lab.ts";
import { run } from "../lab/process.ts";
import { clientsFolder, javascriptTree, needs, nodeProgram } from "./clients.ts";

const suites = [
  "multicast-dns/test.js",
  "bonjour/test/bonjour.js",
  "dns2-2/test/index.js",
];

/** The handbook's alias, with our module where the tests have it; and at the end it tells how many sockets were ours. */
function writeAlias(folder: string): string {
  const handbook = fs.readFileSync(new URL("../../docs/dgram.md", import.meta.url), "utf8");
  const [, program] = /```js ignore\n(.*?registerHooks.*?)```/s.exec(handbook)!;
  const ours = JSON.stringify(pathToFileURL(`${javascriptTree}/dgram/mod.js`).href);
  const alias = program.replace('import.meta.resolve("pktinfo/dgram")', ours);
  assert(alias !== program);
  const file = path.join(folder, "alias.mjs");
  fs.writeFileSync(
    file,
    `${alias}
    import { channel } from "node:diagnostics_channel";
    import { Socket } from ${ours};
    let sockets = 0;
    channel("udp.socket").subscribe(({ socket }) => sockets += socket instanceof Socket);
    process.on("exit", () => console.log("# ours: " + sockets));
    `,
  );
  return file;
}

/** Every assertion's outcome, in TAP or in dns2's way. */
function outcomes(output: string): string[] {
  return output.split("\n").filter((line) => /^(?:not )?ok \d|✔|✘/.test(line));
}

for (const suite of suites) {
  test(`a client's own tests pass as on node:dgram: ${suite}`, needs, async () => {
    await using _lab = new Lab();
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "suite-"));
    try {
      const file = `${clientsFolder}/node_modules/${suite}`;
      const patient = { timeout: 30_000 };
      const [reference, output] = await Promise.all([
        run(nodeProgram, [file], patient),
        run(nodeProgram, ["--import", writeAlias(folder), file], patient),
      ]);
      const theirs = outcomes(reference);
      assertMatch(output, /^# ours: [1-9]/m);
      assertEquals(outcomes(output), theirs);
      assert(theirs.length > 0 && !theirs.some((line) => /^not ok|✘/.test(line)));
    } finally {
      fs.rmSync(folder, { recursive: true });
    }
  });
}
