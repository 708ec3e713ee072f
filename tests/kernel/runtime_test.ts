// What the runtime tells and does: permissions without asking for them, and timers that keep nobody waiting.
import { assertEquals } from "@std/assert";
import { fileURLToPath } from "node:url";
import { has, test } from "../harness.ts";
import { runProgram } from "./support.ts";

const program = fileURLToPath(new URL("../programs/runtime.ts", import.meta.url));

/** Some program that is there: Deno leaves others out of what it permits. */
const command = has("windows") ? "cmd" : "ip";

const grants: [permissions: string[], expected: [string, boolean][]][] = [
  [[], []],
  [[`--allow-read=${program}`], [["read", true]]],
  [["--allow-read"], [["read", true], ["readOther", true]]],
  [[`--allow-run=${command}`], [["run", true]]],
  [["--allow-run"], [["run", true], ["runOther", true]]],
  [["--allow-read", "--deny-read=/proc"], [["read", true]]],
];

for (const [permissions, granted] of grants) {
  test(
    `the runtime knows what is permitted: ${
      permissions.join(" ").replace(program, "FILE") || "nothing"
    }`,
    { needs: ["deno"] },
    async () => {
      const [line, order] = (await runProgram("runtime.ts", permissions, command)).split("\n");
      const none = {
        read: false,
        readOther: false,
        run: false,
        runOther: false,
        environment: null,
      };
      assertEquals(JSON.parse(line), { ...none, ...Object.fromEntries(granted) });
      // And the process has ended, though a timer was left.
      assertEquals(order, "first second");
    },
  );
}
