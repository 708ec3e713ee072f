/** Findings of discovery clients: those a test waits for. */
import type { Found } from "../../examples/found.ts";
import { openUdpSocket } from "../../mod.ts";
import { pick, randomWords } from "../address/random.ts";
import { SORTS } from "../examples/hostile.ts";
import { staysPending, within } from "../harness.ts";
import { turn } from "../kernel/support.ts";
import type { Program } from "./process.ts";

/** The next finding that is wanted; the others are shown if it does not come. */
export async function find(
  findings: AsyncGenerator<Found>,
  wanted: (found: Found) => boolean,
  ms = 15_000,
): Promise<Found> {
  const seen: Found[] = [];
  const search = async () => {
    for (;;) {
      const { value, done } = await findings.next();
      if (done) throw new Error("the client has ended");
      if (wanted(value)) return value;
      seen.push(value);
    }
  };
  return await within(ms, search(), "a finding").catch((error) => {
    throw new Error(`${error.message}; found ${JSON.stringify(seen)}`);
  });
}

/** The next finding of a program that tells them as JSON. */
export async function nextFound(
  program: Program,
  wanted: (found: Found) => boolean,
): Promise<Found> {
  for (;;) {
    const found = await program.nextJson<Found>(15_000);
    if (wanted(found)) return found;
  }
}

/**
 * Sends broken datagrams to a group, thousands and of each sort, and then a good one, again and again until it has arrived:
 * the kernel may drop any of them.
 */
export async function flood(
  to: { address: string; port: number; interface: string },
  samples: readonly Uint8Array[],
  last: string,
  arrived: Promise<unknown>,
): Promise<void> {
  await using socket = openUdpSocket();
  const random = randomWords(0x5eed);
  for (let round = 0; round < 200; round++) {
    const datagrams = Array.from({ length: 16 }, () => ({
      data: pick(random, Object.values(SORTS))(random, pick(random, samples)),
      to,
    }));
    await socket.sendMany(datagrams);
    // They are received by this process: it must come to it.
    await turn();
  }
  do await socket.send(last, to); while (await staysPending(50, arrived));
}
