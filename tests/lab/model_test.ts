// Random histories of sockets, memberships and interfaces, compared with a model of what each socket has to receive.
import { assert } from "@std/assert";
import { figure, long } from "../figures.ts";
import { test, type TestOptions } from "../harness.ts";
import { KINDS, shrink, type Step, stepsOf } from "../model/steps.ts";
import { ModelStage } from "./model_stage.ts";
import { take } from "./model_steps.ts";
import { World } from "./model_world.ts";

const needs: TestOptions = { needs: ["lab", "python3"], timeout: long ? 1_800_000 : 300_000 };

const SEEDS = long ? 600 : 60;
const STEPS = 80;

/** Takes the steps of a history, to the end or to the first that comes to something else than the model. */
async function run(stage: ModelStage, steps: readonly Step[], counts: Map<string, number>) {
  await using world = await World.make(stage, counts);
  for (const [number, step] of steps.entries()) {
    try {
      if (!await take(world, step)) continue;
      world.compareMemberships();
    } catch (error) {
      throw new Error(`step ${number}, ${step.kind}: ${(error as Error).message}\n${world.shown}`, {
        cause: error,
      });
    }
  }
  await world.compareRest();
}

test(
  `${SEEDS} random histories of ${STEPS} steps: each socket receives what it has to, once, in order, and nothing else`,
  needs,
  async () => {
    await using stage = await ModelStage.build();
    const counts = new Map<string, number>();
    for (let seed = 1; seed <= SEEDS; seed++) {
      const steps = stepsOf(seed, STEPS);
      try {
        await run(stage, steps, counts);
      } catch (error) {
        // Each try may wait seconds for a packet that does not come.
        const end = Date.now() + 60_000;
        const fails = async (shorter: readonly Step[]) =>
          Date.now() < end && await run(stage, shorter, new Map()).then(() => false, () => true);
        const least = await shrink(steps, fails);
        const last = await run(stage, least, new Map()).then(() => error, (other) => other);
        const shown = least.map((step) => JSON.stringify(step)).join(",\n");
        throw new Error(`seed ${seed}: ${last.message}\nafter these steps:\n${shown}`, {
          cause: last,
        });
      }
    }
    const of = (what: string) => counts.get(what) ?? 0;
    const seen = [
      ...KINDS,
      "unblocked who was blocked",
      "reply",
      "sent to a peer",
      "send: peer",
      "send: heard",
      "send: looped",
      "received by unicast, IPv4",
      "received by unicast, IPv6",
      "received by multicast, IPv4",
      "received by multicast, IPv6",
      "received by broadcast, IPv4",
      "not for a socket",
    ];
    for (const what of seen) assert(of(what) > 0, `no history has "${what}"`);
    const steps = KINDS.reduce((sum, kind) => sum + of(kind), 0);
    figure("model", "random histories", SEEDS);
    figure("model", "steps that did something", steps);
    figure("model", "datagrams compared with what each socket received", of("compared"));
    figure(
      "model",
      "comparisons of memberships with the kernel's list",
      of("memberships compared"),
    );
  },
);
