/**
 * Deno: `Deno.dlopen`.
 *
 * @module
 */

import { setImmediate } from "node:timers";
import { Worker } from "node:worker_threads";
import type { Signature } from "../platform/platform.ts";
import type { CFunction, Library, Runtime } from "./runtime.ts";

type Definition = Deno.ForeignFunction;

/** Deno as the rest of the library sees it. */
export const runtime: Runtime = {
  os: Deno.build.os,
  arch: Deno.build.arch,
  openLibrary,
  addressOf: (buffer) =>
    Deno.UnsafePointer.value(
      Deno.UnsafePointer.of(buffer as Uint8Array<ArrayBuffer>),
    ),
  readMemory: (address, length) =>
    new Uint8Array(
      Deno.UnsafePointerView.getArrayBuffer(pointer(address)!, length),
    ).slice(),
  readCString: (address) => Deno.UnsafePointerView.getCString(pointer(address)!),
  // A timer would wait a millisecond; setImmediate is the next turn (1.3 us).
  yieldToEventLoop: () => new Promise((resolve) => void setImmediate(resolve)),
  environment: (name) =>
    Deno.permissions.querySync({ name: "env", variable: name }).state ===
        "granted"
      ? Deno.env.get(name) ?? null
      : null,
};

function pointer(address: bigint): Deno.PointerValue {
  return Deno.UnsafePointer.create(address);
}

function openLibrary(
  candidates: readonly string[],
  symbols: Readonly<Record<string, Signature>>,
  errnoSymbol: string,
  blocking: readonly string[],
): Library {
  const definitions: Record<string, Definition> = {
    [errnoSymbol]: { parameters: [], result: "pointer" },
  };
  for (const [name, signature] of Object.entries(symbols)) {
    definitions[name] = signature as Definition;
    if (blocking.includes(name)) {
      definitions[`${name} off thread`] = {
        ...signature,
        name,
        nonblocking: true,
      } as Definition;
    }
  }
  const { path, library } = open(candidates, definitions);
  const functions = library.symbols as Record<string, CFunction>;

  // A view of errno itself: reading it is no call into the runtime, which could
  // use errno in between (see `System.call` for what is left of that risk).
  const errnoAddress = functions[errnoSymbol]() as Deno.PointerValue;
  const errno = new Int32Array(
    Deno.UnsafePointerView.getArrayBuffer(errnoAddress!, 4),
  );

  const bound: Record<string, CFunction> = {};
  for (const [name, signature] of Object.entries(symbols)) {
    bound[name] = withRawPointers(functions[name], signature);
  }
  let worker: BlockingWorker | undefined;
  return {
    symbols: bound,
    errno: () => errno[0],
    callBlocking(name, args, hold) {
      if (!hold) {
        worker ??= new BlockingWorker(path, symbols, blocking);
        return worker.call(name, args);
      }
      const { parameters } = symbols[name];
      return functions[`${name} off thread`](
        ...args.map((arg, i) => parameters[i] === "pointer" ? pointer(BigInt(arg)) : arg),
      );
    },
  };
}

/** Raw addresses are `bigint` outside this file; Deno wants pointer objects. */
function withRawPointers(
  call: CFunction,
  { parameters, result }: Signature,
): CFunction {
  const takes = parameters.map((type, i) => type === "pointer" ? i : -1).filter(
    (i) => i >= 0,
  );
  if (result === "pointer") {
    return (...args) => Deno.UnsafePointer.value(call(...args));
  }
  // The hot calls pass no pointer, or always the null one: they stay as they are.
  if (takes.length === 0 || parameters.includes("buffer")) return call;
  return (...args) => {
    for (const i of takes) {
      if (args[i] !== null) args[i] = pointer(BigInt(args[i]));
    }
    return call(...args);
  };
}

function open(
  candidates: readonly string[],
  definitions: Record<string, Definition>,
) {
  let failure: unknown;
  for (const path of permitted(candidates)) {
    try {
      return { path, library: Deno.dlopen(path, definitions) };
    } catch (error) {
      failure = error;
      if (error instanceof Deno.errors.NotCapable) break;
    }
  }
  if (!(failure instanceof Deno.errors.NotCapable)) throw failure;
  const paths = candidates.filter((candidate) => candidate.startsWith("/"));
  throw new Deno.errors.NotCapable(
    "pktinfo calls the C library and needs --allow-ffi (or, narrower, the absolute path of " +
      `this machine's libc, for example --allow-ffi=${paths[0]}; looked for: ${paths.join(", ")})`,
    { cause: failure },
  );
}

/** The candidates that may be opened without asking; where there are none, the first, which asks. */
function permitted(candidates: readonly string[]): readonly string[] {
  const allowed = (path?: string) =>
    Deno.permissions.querySync({ name: "ffi", path }).state === "granted";
  if (allowed()) return candidates;
  // --allow-ffi=/abs/libc covers exactly that path; a bare name would be
  // resolved against the working directory.
  const named = candidates.filter((path) => path.startsWith("/") && allowed(path));
  return named.length > 0 ? named : candidates.slice(0, 1);
}

/**
 * Blocking calls that do not keep the process alive.
 *
 * A pending `nonblocking` call cannot be unref'd, a worker of node's kind can;
 * it dies with the process even while it blocks. Started on first use only.
 */
class BlockingWorker {
  readonly #worker: Worker;
  readonly #pending = new Map<number, (result: number) => void>();
  #next = 0;

  constructor(
    path: string,
    symbols: Readonly<Record<string, Signature>>,
    blocking: readonly string[],
  ) {
    const definitions = Object.fromEntries(
      blocking.map((name) => [name, symbols[name]]),
    );
    // The code travels as text: a module of its own would need --allow-read.
    const code = `
      const { parentPort } = require("node:worker_threads");
      const definitions = ${JSON.stringify(definitions)};
      const { symbols } = Deno.dlopen(${JSON.stringify(path)}, definitions);
      parentPort.on("message", ({ id, name, args }) => {
        const types = definitions[name].parameters;
        const result = symbols[name](...args.map((arg, i) =>
          types[i] === "pointer" ? Deno.UnsafePointer.create(BigInt(arg)) : arg));
        parentPort.postMessage({ id, result });
      });`;
    this.#worker = new Worker(code, { eval: true });
    this.#worker.unref();
    this.#worker.on(
      "message",
      ({ id, result }: { id: number; result: number }) => {
        this.#pending.get(id)?.(result);
        this.#pending.delete(id);
      },
    );
  }

  call(name: string, args: (number | bigint)[]): Promise<number> {
    const id = this.#next++;
    this.#worker.postMessage({ id, name, args });
    return new Promise((resolve) => this.#pending.set(id, resolve));
  }
}
