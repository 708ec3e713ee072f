/** Real programs written for `node:dgram` on our module: each file in a namespace of its own, two at a time. */
import { bunProgram, nodeProgram } from "./machines/node.ts";
import { Unavailable } from "./machines/cache.ts";
import { clients } from "./machines/clients.ts";
import { javascriptTree } from "./js/tree.ts";
import { inNamespace, whyNoNamespace } from "./namespace.ts";
import { filesBelow, run } from "./run.ts";
import {
  add,
  deno,
  denoTest,
  filterArgs,
  isTest,
  nothing,
  type Result,
  select,
  type Stage,
} from "./stage.ts";

/** What the tests run clients with. */
async function programs(): Promise<Record<string, string>> {
  const why = await whyNoNamespace();
  if (why !== null) throw new Unavailable(why);
  return {
    PKTINFO_LAB: "1",
    PKTINFO_CLIENTS: await clients(),
    PKTINFO_TREE: await javascriptTree(),
    PKTINFO_NODE: await nodeProgram(26),
    PKTINFO_BUN: await bunProgram(),
  };
}

/** Everything there is about clients. */
export const clientsStage: Stage = {
  name: "clients",
  quick: false,
  async run(selection) {
    const files = select(filesBelow("tests/clients", isTest), selection);
    if (files.length === 0) return nothing;
    let env: Record<string, string>;
    try {
      env = await programs();
    } catch (error) {
      if (!(error instanceof Unavailable)) throw error;
      const why = error.message;
      return { ...nothing, skipped: [`all tests with clients (skipped: ${why})`], note: why };
    }
    // There is no network in there to fetch modules from.
    const programFiles = filesBelow("tests/clients/programs", (file) => file.endsWith(".ts"));
    await run([deno, "cache", "--no-check", ...files, ...programFiles]);
    const results: Result[] = [];
    const queue = [...files];
    const worker = async () => {
      for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
        const args = ["--no-check", ...filterArgs(selection), file];
        results.push(await denoTest(args, { env, wrap: inNamespace }));
      }
    };
    await Promise.all([worker(), worker()]);
    return add(results);
  },
};
