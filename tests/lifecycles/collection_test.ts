// Garbage is collected, by force, while calls are pending: nothing that is still needed goes, nothing crashes.
import { assertEquals } from "@std/assert";
import { figure } from "../figures.ts";
import { test, type TestOptions } from "../harness.ts";
import { run } from "../lab/process.ts";
import { collectingCommand, full } from "./support.ts";

const ROUNDS = full ? 200 : 30;
const SOCKETS = 60;

const options: TestOptions = { needs: ["linux"], timeout: 120_000 };

async function collecting(mode: string, count: number): Promise<unknown> {
  const command = collectingCommand("collecting.ts", [mode, `${count}`]);
  return JSON.parse(await run(...command, { timeout: 110_000 }));
}

test(
  "while packets flow and sends wait, garbage is collected: all have their content",
  options,
  async () => {
    const packets = await collecting("traffic", ROUNDS) as number;
    assertEquals(packets, ROUNDS * 18 + 1);
    figure("lifecycles", "packets whose content was checked while garbage was collected", packets);
    figure("lifecycles", "collections forced while packets flowed", ROUNDS * 2);
  },
);

test("a read that is pending keeps its socket, also where nobody else does", options, async () => {
  assertEquals(await collecting("dropped", SOCKETS), SOCKETS);
});

test(
  "a socket that nobody refers to stays open until it is closed, as documented",
  options,
  async () => {
    assertEquals(await collecting("forgotten", SOCKETS), SOCKETS);
  },
);

test(
  "callbacks, signals and watchers that nobody else refers to still do their work",
  options,
  async () => {
    const expected = ["ECONNREFUSED", "TimeoutError", "enough", "ECANCELED"];
    assertEquals(await collecting("callbacks", 1), expected);
  },
);
