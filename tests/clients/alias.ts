/**
 * Gives our module to everybody who requires `dgram`: a means of these tests, for clients that take no socket. In a program
 * of one's own Node's `registerHooks` does the same (docs/dgram.md).
 */
import Module from "node:module";
import { fileURLToPath } from "node:url";
import dgram from "../../dgram/mod.ts";

type Loader = (this: unknown, request: string, ...rest: unknown[]) => unknown;

/** What `require` asks; documented nowhere, and there on all three runtimes. */
const loader = Module as unknown as { _load: Loader; _resolveFilename: Loader };

const isDgram = (request: string) => request === "dgram" || request === "node:dgram";

export function aliasDgram(): void {
  const { _load, _resolveFilename } = loader;
  // Node and Deno.
  loader._load = function (request, ...rest) {
    return isDgram(request) ? dgram : _load.call(this, request, ...rest);
  };
  // Bun asks for a file, and loads it itself.
  const extension = import.meta.url.split(".").at(-1);
  const file = fileURLToPath(new URL(`../../dgram/mod.${extension}`, import.meta.url));
  loader._resolveFilename = function (request, ...rest) {
    return isDgram(request) ? file : _resolveFilename.call(this, request, ...rest);
  };
}
