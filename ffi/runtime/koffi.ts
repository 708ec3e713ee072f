/**
 * Node and Bun: koffi.
 *
 * @module
 */

import process from "node:process";
import { clearTimeout, setImmediate, setTimeout } from "node:timers";
import { isMainThread } from "node:worker_threads";
import type { LibraryTable, NativeType, Platform, Signature } from "../platform/platform.ts";
import type { BlockingWorker } from "./blocking_worker.ts";
import { type BlockingFunction, blockingWorker } from "./koffi_blocking.ts";
import { koffi, type KoffiFunction } from "./koffi_load.ts";
import { watch } from "./koffi_watch.ts";
import { allocate, copyCString, copyMemory, type MemoryFunctions } from "./memory.ts";
import type { CFunction, Library, Runtime } from "./runtime.ts";

/** Node's names of systems and processors, where ours are others. */
const SYSTEMS: Readonly<Record<string, string>> = { win32: "windows" };
const PROCESSORS: Readonly<Record<string, string>> = { x64: "x86_64", arm64: "aarch64" };

/**
 * Bun lacks libuv's functions; calling one ends the process. A worker of Node's may be terminated without being
 * asked, and then a descriptor that gets ready while its loop is taken down would do the same.
 */
const loopWatches = !("bun" in process.versions) && isMainThread;

/** Node or Bun as the rest of the library sees it. */
export const runtime: Runtime = {
  os: SYSTEMS[process.platform] ?? process.platform,
  arch: PROCESSORS[process.arch] ?? process.arch,
  openLibraries,
  watch: loopWatches ? watch : null,
  functionAt(address, signature) {
    const { parameters, result } = typesOf(signature);
    return resultOf(signature, koffi().decode(address, koffi().proto(result, parameters)));
  },
  callback(parameters, call) {
    const type = koffi().proto("void", parameters.map((name) => TYPES[name]));
    const address = koffi().register(call, koffi().pointer(type));
    return { address, close: () => koffi().unregister(address) };
  },
  addressOf(buffer) {
    // Small typed arrays live on V8's own heap, which moves; asking for the
    // ArrayBuffer gives them memory that stays.
    void buffer.buffer;
    return koffi().address(buffer);
  },
  allocate: (size) => allocate(memory(), size),
  readMemory: (address, length) => copyMemory(memory(), address, length),
  readCString: (address) => copyCString(memory(), address),
  yieldToEventLoop: () => new Promise((resolve) => void setImmediate(resolve)),
  later(delayMs, callback) {
    const timer = setTimeout(callback, delayMs).unref();
    return () => clearTimeout(timer);
  },
  permits(what, subject) {
    // Bun has no permission model, and Node has one only where it was asked for.
    const { permission } = process as unknown as { permission?: Permission };
    if (!permission) return true;
    if (what === "env") return true;
    return what === "read" ? permission.has("fs.read", subject) : permission.has("child");
  },
  colours: !process.env.NO_COLOR,
  environment: (name) => process.env[name] ?? null,
};

/** `process.permission`: https://nodejs.org/api/process.html#processpermission */
interface Permission {
  has(scope: string, reference?: string): boolean;
}

/** koffi's names. A buffer's memory is passed, an address is a number. */
const TYPES: Readonly<Record<NativeType | "void", string>> = {
  buffer: "void *",
  i32: "int32_t",
  pointer: "uintptr_t",
  u32: "uint32_t",
  usize: "size_t",
  void: "void",
};

function typesOf({ parameters, result }: Signature): { parameters: string[]; result: string } {
  return { parameters: parameters.map((name) => TYPES[name]), result: TYPES[result] };
}

/** koffi returns small addresses as numbers. */
function resultOf({ result }: Signature, call: CFunction): CFunction {
  return result === "pointer" || result === "usize" ? (...args) => BigInt(call(...args)) : call;
}

let memoryFunctions: MemoryFunctions | undefined;

function memory(): MemoryFunctions {
  if (!memoryFunctions) throw new Error("no C library is open yet");
  return memoryFunctions;
}

function openLibraries(tables: readonly LibraryTable[], errno: Platform["errno"]): Library {
  const functions: Record<string, CFunction> = {};
  const blocking: Record<string, BlockingFunction> = {};
  for (const { candidates, symbols } of tables) {
    const { path, library } = open(candidates);
    for (const [key, signature] of Object.entries(symbols)) {
      const { parameters, result } = typesOf(signature);
      const name = signature.symbol ?? key;
      functions[key] = resultOf(signature, library.func(name, result, parameters));
      if (signature.blocking) blocking[key] = { library: path, name, result, parameters };
    }
    // The error's function is in the first library.
    if (errno.returns === "value" && candidates === tables[0].candidates) {
      functions[errno.symbol] = library.func(errno.symbol, "int32_t", []);
    }
  }
  memoryFunctions = functions as unknown as MemoryFunctions;
  let worker: BlockingWorker | undefined;
  return {
    symbols: functions,
    // koffi's function reads errno itself, on the thread that called.
    errno: errno.returns === "value" ? functions[errno.symbol] as () => number : koffi().errno,
    callBlocking: (name, args, hold) =>
      (worker ??= blockingWorker(blocking)).call(name, args, hold),
    // A worker that is terminated meanwhile takes the process with it.
    callBriefly: !isMainThread
      ? null
      : (name, args) =>
        new Promise((resolve) => (functions[name] as KoffiFunction).async(...args, resolve)),
  };
}

function open(candidates: readonly string[]) {
  let failure: unknown;
  for (const path of candidates) {
    try {
      return { path, library: koffi().load(path) };
    } catch (error) {
      if ((error as { code?: string }).code === "ERR_PKTINFO_KOFFI") throw error;
      failure = error;
    }
  }
  const places = candidates.join(", ");
  throw new Error(`pktinfo cannot open the C library; looked for ${places}`, { cause: failure });
}
