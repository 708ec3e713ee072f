// Sockets of every kind opened and closed, again and again: descriptors and memory stay as they are.
import { assert, assertEquals } from "@std/assert";
import { figure } from "../figures.ts";
import { runtime, test } from "../harness.ts";
import { run } from "../lab/process.ts";
import { collectingCommand, full } from "./support.ts";

const SOCKETS = full && runtime === "deno" ? 100_000 : 2_000;

/** In KiB; what one kibibyte lost with each socket would exceed. */
const MOST_HEAP = 1024 + SOCKETS / 4;
/** The allocators of runtimes keep some of what was used, more and more rarely more. */
const MOST_RESIDENT = 40 * 1024 + SOCKETS / 4;

interface Point {
  descriptors: number;
  rss: number;
  resident: number;
  heap: number;
}

const name = "opening and closing sockets of every kind leaves no descriptor and no memory behind";

test(name, { needs: ["linux", "ipv6"], timeout: 240_000 }, async () => {
  const command = collectingCommand("open_close.ts", [`${SOCKETS}`]);
  const points: Point[] = JSON.parse(await run(...command, { timeout: 230_000 }));
  // The first two still see the runtime warm up.
  const [, , half, end] = points;
  assertEquals(end.descriptors, half.descriptors);
  const grown = (what: keyof Point) => end[what] - half[what];
  const shown = JSON.stringify(points);
  // Bun tells of its heap what it has, not what is in use.
  if (runtime !== "bun") assert(grown("heap") < MOST_HEAP, shown);
  assert(grown("rss") < MOST_RESIDENT, shown);
  assert(grown("resident") < MOST_RESIDENT, shown);
  if (runtime !== "deno") return;
  figure("lifecycles", "sockets opened and closed in one process", SOCKETS);
  figure("lifecycles", "descriptors more after them", grown("descriptors"), { exact: true });
  figure("lifecycles", "resident memory more after the second half of them", grown("resident"), {
    unit: "KiB",
  });
  figure("lifecycles", "JavaScript's memory more after the second half of them", grown("heap"), {
    unit: "KiB",
  });
});
