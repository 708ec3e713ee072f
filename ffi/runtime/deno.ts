/**
 * Deno: `Deno.dlopen`.
 *
 * @module
 */

import type { Worker } from "node:worker_threads";
import type { LibraryTable, Platform, Signature } from "../platform/platform.ts";
import { BlockingWorker } from "./blocking_worker.ts";
import { allocate, copyCString, copyMemory, type MemoryFunctions } from "./memory.ts";
import type { CFunction, Library, Runtime } from "./runtime.ts";

type Definition = Deno.ForeignFunction;

/**
 * What Deno shares with Node, taken from the globals when it is needed: importing
 * the modules would cost every program 7 ms at its start.
 */
const node = globalThis as unknown as {
  setImmediate(callback: () => void): unknown;
  process: { getBuiltinModule(name: string): { Worker: typeof Worker } };
};

/** Deno as the rest of the library sees it. */
export const runtime: Runtime = {
  os: Deno.build.os,
  arch: Deno.build.arch,
  openLibraries,
  functionAt(address, signature) {
    const pointer = Deno.UnsafePointer.create(address)!;
    const call = new Deno.UnsafeFnPointer(
      pointer as Deno.PointerObject<never>,
      definitionOf(signature),
    );
    return (...args) => (call as unknown as { call: CFunction }).call(...args);
  },
  callback(parameters, call) {
    const types = parameters.map((type) => type === "pointer" ? "usize" as const : type);
    const callback = Deno.UnsafeCallback.threadSafe(
      { parameters: types as Deno.NativeType[], result: "void" },
      call,
    );
    callback.unref();
    const address = Deno.UnsafePointer.value(callback.pointer);
    return { address: BigInt(address), close: () => callback.close() };
  },
  // Tokio's own readiness is out of reach: calls that block wait on other threads.
  watch: null,
  addressOf: (buffer) => {
    // Small typed arrays live on V8's own heap, which moves; asking for the
    // ArrayBuffer gives them memory that stays.
    void buffer.buffer;
    return memory().addressOf(buffer, buffer, 0);
  },
  allocate: (size) => allocate(memory(), size),
  readMemory: (address, length) => copyMemory(memory(), address, length),
  readCString: (address) => copyCString(memory(), address),
  // A timer would wait a millisecond; setImmediate is the next turn (1.3 us).
  yieldToEventLoop: () => new Promise((resolve) => void node.setImmediate(resolve)),
  later(delayMs, callback) {
    const timer = setTimeout(callback, delayMs);
    Deno.unrefTimer(timer);
    return () => clearTimeout(timer);
  },
  permits: (what, subject) =>
    Deno.permissions.querySync(descriptor(what, subject)).state === "granted",
  colours: !Deno.noColor,
  environment: (name) =>
    Deno.permissions.querySync({ name: "env", variable: name }).state ===
        "granted"
      ? Deno.env.get(name) ?? null
      : null,
};

function descriptor(what: "read" | "run" | "env", subject: string): Deno.PermissionDescriptor {
  if (what === "read") return { name: "read", path: subject };
  return what === "run" ? { name: "run", command: subject } : { name: "env", variable: subject };
}

/**
 * Memory by way of C: with only `--allow-ffi=/path/to/libc` granted every method of
 * `Deno.UnsafePointer` and `Deno.UnsafePointerView` is refused, a bound function is not.
 */
interface DenoMemory extends MemoryFunctions {
  readonly addressOf: CFunction;
}

/** memmove returns its first argument. */
const ADDRESS_OF: Definition = {
  name: "memmove",
  parameters: ["buffer", "buffer", "usize"],
  result: "usize",
};

let memoryFunctions: DenoMemory | undefined;

function memory(): DenoMemory {
  if (!memoryFunctions) throw new Error("no C library is open yet");
  return memoryFunctions;
}

/** Addresses are numbers: a `pointer` of Deno's is an object that needs the whole permission to make. */
function definitionOf({ parameters, result }: Signature): Definition {
  const type = <T extends string>(name: T) => name === "pointer" ? "usize" as const : name;
  return { parameters: parameters.map(type), result: type(result) } as Definition;
}

function openLibraries(tables: readonly LibraryTable[], errno: Platform["errno"]): Library {
  const functions: Record<string, CFunction> = {};
  const blocking: BlockingFunctions = {};
  for (const { candidates, symbols } of tables) {
    const definitions: Record<string, Definition> = {};
    for (const [key, signature] of Object.entries(symbols)) {
      const name = signature.symbol ?? key;
      definitions[key] = { ...definitionOf(signature), name } as Definition;
      if (signature.blocking) {
        definitions[`${key} off thread`] = { ...definitions[key], nonblocking: true } as Definition;
      }
    }
    if ("memmove" in symbols) definitions.addressOf = ADDRESS_OF;
    // errno's function is in the first library.
    if (candidates === tables[0].candidates) {
      const result = errno.returns === "address" ? "usize" : "i32";
      definitions[errno.symbol] = { parameters: [], result };
    }
    const { path, library } = open(candidates, definitions);
    Object.assign(functions, library.symbols);
    for (const [key, signature] of Object.entries(symbols)) {
      if (signature.blocking) blocking[key] = { path, definition: definitions[key] };
    }
  }
  memoryFunctions = functions as unknown as DenoMemory;
  const getErrno = functions[errno.symbol];
  let worker: BlockingWorker | undefined;
  return {
    symbols: functions,
    errno: errno.returns === "address" ? errnoReader(getErrno()) : () => getErrno(),
    callBlocking(name, args, hold) {
      if (!hold) {
        const threads = node.process.getBuiltinModule("node:worker_threads");
        worker ??= new BlockingWorker(threads, blockingProgram(blocking));
        return worker.call(name, args, false);
      }
      return functions[`${name} off thread`](...args);
    },
    callBriefly: (name, args) => functions[`${name} off thread`](...args),
  };
}

/** Where the functions that block are to be found. */
type BlockingFunctions = Record<string, { path: string; definition: Definition }>;

/** Reads the calling thread's errno. */
function errnoReader(address: bigint): () => number {
  const value = new Int32Array(1);
  if (Deno.permissions.querySync({ name: "ffi" }).state !== "granted") {
    return () => {
      memory().memmove(value, address, 4);
      return value[0];
    };
  }
  // A view of errno itself: reading it is no call into the runtime, which could
  // use errno in between (see `System` for what is left of that risk).
  const pointer = Deno.UnsafePointer.create(address)!;
  const view = new Int32Array(Deno.UnsafePointerView.getArrayBuffer(pointer, 4));
  return () => view[0];
}

function open(candidates: readonly string[], definitions: Record<string, Definition>) {
  let failure: unknown;
  for (const path of permitted(candidates)) {
    try {
      return { path, library: Deno.dlopen(path, definitions) };
    } catch (error) {
      failure = error;
      if (error instanceof Deno.errors.NotCapable) break;
    }
  }
  if (failure !== undefined && !(failure instanceof Deno.errors.NotCapable)) throw failure;
  // Windows' libraries have no path here: what tells receiving its address needs the whole permission anyway.
  const paths = candidates.filter((candidate) => candidate.startsWith("/"));
  const narrower = paths.length === 0
    ? ""
    : " (or, narrower, the absolute path of this machine's libc, for example " +
      `--allow-ffi=${paths[0]}; looked for: ${paths.join(", ")})`;
  throw new Deno.errors.NotCapable(
    `pktinfo calls the C library and needs --allow-ffi${narrower}`,
    { cause: failure },
  );
}

/**
 * The candidates that may be opened. Where there are none, the user is asked for the whole permission, if Deno asks.
 *
 * A bare name is for the system's own search, which Deno makes only with the whole permission. With less, also with
 * `--allow-ffi=libc.so.6`, it takes the name for a file in the working directory, and would load what somebody put there.
 */
function permitted(candidates: readonly string[]): readonly string[] {
  const allowed = (path?: string) =>
    Deno.permissions.querySync({ name: "ffi", path }).state === "granted";
  if (allowed()) return candidates;
  const named = candidates.filter((path) => path.startsWith("/") && allowed(path));
  if (named.length > 0) return named;
  return Deno.permissions.requestSync({ name: "ffi" }).state === "granted" ? candidates : [];
}

/**
 * The program of a thread for blocking calls that do not keep the process alive: a pending `nonblocking` call
 * cannot be unref'd, a worker of Node's kind can; it dies with the process even while it blocks.
 */
function blockingProgram(blocking: BlockingFunctions): string {
  return `
  const symbols = {};
  for (const [name, { path, definition }] of Object.entries(${JSON.stringify(blocking)})) {
    symbols[name] = Deno.dlopen(path, { [name]: definition }).symbols[name];
  }
  const call = (name, args) => symbols[name](...args);`;
}
