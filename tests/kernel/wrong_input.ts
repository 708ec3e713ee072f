/** Tables of wrong arguments: what is given, what kind of error that is, and what the error says. */
import { assert, assertEquals } from "@std/assert";
import { FakeLibrary } from "./fake_library.ts";
import "./support.ts";

type Kind = "TypeError" | "RangeError";

/** What is wrong, the kind of error, and a part of its text. */
export type Case = [input: unknown, kind: Kind, says: string];

// deno-lint-ignore no-explicit-any -- wrong on purpose
export type Wrong = any;

/** Nothing that is accepted by mistake may reach the network or join a group there. */
export function guarded(): FakeLibrary {
  const library = new FakeLibrary();
  for (const name of ["sendto", "sendmsg", "sendmmsg", "connect"]) {
    library.on(name, () => library.refuse("EACCES"));
  }
  return library.onMembership(["join", "joinSource"], () => library.refuse("ENODEV"));
}

/** Makes the call; returns the error. A rejection is as good as a throw. */
export async function errorOf(call: () => unknown): Promise<Error> {
  try {
    await call();
  } catch (error) {
    return error as Error;
  }
  throw new Error("it was accepted");
}

export async function refuses(
  library: FakeLibrary,
  call: (input: Wrong) => unknown,
  cases: readonly Case[],
) {
  for (const [input, kind, says] of cases) {
    const calls = library.calls.length;
    let shown: string;
    try {
      shown = JSON.stringify(input) ?? String(input);
    } catch {
      shown = String(input);
    }
    const error = await errorOf(() => call(input)).catch((error) => {
      throw new Error(`${shown}: ${error.message}`);
    });
    assertEquals(error.name, kind, `${shown}: ${error.message}`);
    assert(error.message.includes(says), `${shown}: "${error.message}" does not say "${says}"`);
    assertEquals(library.calls.slice(calls), [], `${shown}: calls were made`);
  }
}
