/**
 * Finding koffi, and what to do where it cannot be had.
 *
 * @module
 */

import { createRequire } from "node:module";
import process from "node:process";
import type { CFunction } from "./runtime.ts";

/**
 * What is used of koffi. In its own words it would have to be there on Deno, which does without: scripts/npm/tsc.ts
 * compares the two.
 *
 * @typeParam Type What koffi describes a C type with.
 */
export interface Koffi<Type = KoffiType> {
  load(path: string): { func(name: string, result: string, parameters: string[]): KoffiFunction };
  proto(result: string, parameters: string[]): Type;
  pointer(type: Type): Type;
  // deno-lint-ignore no-explicit-any -- a C function, or whatever else the type says
  decode(address: bigint, type: Type): any;
  register(callback: () => void, type: Type): bigint;
  unregister(address: bigint): void;
  address(buffer: Uint8Array): bigint;
  errno(): number;
  readonly node: {
    poll(fd: number, events: KoffiEvents, onPoll: (...args: unknown[]) => void): KoffiPoll;
  };
}

/** A C function. */
export type KoffiFunction = CFunction & {
  /** Calls it on another thread; the last argument is called back. */
  // deno-lint-ignore no-explicit-any -- as for the function itself
  async(...args: any[]): void;
};

/** A C type. */
export interface KoffiType {
  readonly name: string;
}

/** What to look for. */
export interface KoffiEvents {
  readonly readable: boolean;
  readonly writable: boolean;
}

/** libuv's `uv_poll_t`. */
export interface KoffiPoll {
  start(events: KoffiEvents, onPoll: (...args: unknown[]) => void): void;
  stop(): void;
  close(): void;
  ref(): void;
  unref(): void;
}

const requireFromHere = createRequire(import.meta.url);

let loaded: Koffi | undefined;

/**
 * koffi, loaded on first use: importing the library neither needs it nor fails without it.
 *
 * @throws {Error} `ERR_PKTINFO_KOFFI`, with what to do, if it cannot be loaded.
 */
export function koffi(): Koffi {
  if (loaded) return loaded;
  try {
    return loaded = requireFromHere("koffi");
  } catch (error) {
    throw koffiError(error as Error & { code?: string });
  }
}

/** Where koffi's code is, for a thread that has to load it by itself. */
export function koffiPath(): string {
  return requireFromHere.resolve("koffi");
}

/** What went wrong in words that say what to do. */
export function koffiError(cause: Error & { code?: string }): Error {
  const error = new Error(`pktinfo calls the C library through koffi, ${reason(cause)}`, { cause });
  return Object.assign(error, { code: "ERR_PKTINFO_KOFFI" });
}

function reason({ code, message }: Error & { code?: string }): string {
  const machine = `${process.platform}-${process.arch}`;
  if (code === "ERR_DLOPEN_DISABLED") {
    return "and native addons are switched off here: run node with --allow-addons beside --permission, " +
      "or without --no-addons";
  }
  if (code === "ERR_ACCESS_DENIED") {
    return "and may not read its files: beside --permission, run node with --allow-addons and with " +
      "--allow-fs-read for the folder node_modules";
  }
  if (code === "MODULE_NOT_FOUND" || code === "ERR_MODULE_NOT_FOUND") {
    return "which is not installed: run `npm install koffi`, and where a bundler packs the program, " +
      "leave koffi out of the bundle (it has a native binary)";
  }
  if (message.startsWith("Cannot find the native Koffi module")) {
    return `whose binary for ${machine} is not installed: it comes as the optional dependency ` +
      `@koromix/koffi-${machine}, so install without --omit=optional and on the kind of machine that runs ` +
      "the program; where there is no such package, `npm rebuild koffi` compiles it";
  }
  return `which could not be loaded on ${machine}: ${message}`;
}
