/** Findings of discovery clients: those a test waits for. */
import type { Found } from "../../examples/found.ts";
import { within } from "../harness.ts";
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
