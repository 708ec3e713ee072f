/**
 * What a JavaScript runtime must offer so that the rest can call C.
 *
 * One file a runtime implements this; `#runtime` chooses it. Nothing else in
 * the library names a runtime.
 *
 * @module
 */

import type { Signature } from "../platform/platform.ts";

/** An argument of a C call: a number, a buffer (its memory is passed), or a raw address. */
export type Argument = number | bigint | Uint8Array | null;

/** A C function. Pointers are returned as `bigint`, everything else as `number`. */
// deno-lint-ignore no-explicit-any -- each call site knows its C signature
export type CFunction = (...args: any[]) => any;

/** An opened C library. */
export interface Library {
  /** The functions, callable at once. */
  readonly symbols: Readonly<Record<string, CFunction>>;
  /** The calling thread's errno: meaningful only right after a synchronous call that failed. */
  errno(): number;
  /**
   * Calls a function that blocks, on another thread. Its errno is lost.
   *
   * @param name The function.
   * @param args Numbers and raw addresses only; the caller keeps their memory alive.
   * @param hold Whether the process stays alive while the call is pending.
   */
  callBlocking(name: string, args: (number | bigint)[], hold: boolean): Promise<number>;
}

/** The runtime, as the rest of the library sees it. */
export interface Runtime {
  /** The operating system, e.g. `"linux"`. */
  readonly os: string;
  /** The processor, e.g. `"x86_64"`. */
  readonly arch: string;
  /**
   * Opens a C library.
   *
   * @param candidates Names and absolute paths; the first that is permitted and exists is taken.
   * @param symbols The functions to bind.
   * @param errnoSymbol The function that returns errno's address.
   * @param blocking The functions that {@linkcode Library.callBlocking} may call.
   */
  openLibrary(
    candidates: readonly string[],
    symbols: Readonly<Record<string, Signature>>,
    errnoSymbol: string,
    blocking: readonly string[],
  ): Library;
  /** The address of a buffer's first byte. The caller keeps the buffer referenced. */
  addressOf(buffer: Uint8Array): bigint;
  /** Copies memory that C owns. */
  readMemory(address: bigint, length: number): Uint8Array<ArrayBuffer>;
  /** Reads a NUL-terminated string that C owns. */
  readCString(address: bigint): string;
  /** Lets timers, sockets and everybody else have a turn. */
  yieldToEventLoop(): Promise<void>;
  /**
   * Calls back later, unless cancelled; waiting for it does not keep the process alive.
   *
   * @returns Cancels it.
   */
  later(delayMs: number, callback: () => void): () => void;
  /** Whether a file may be read, a program run (found by its name) or a variable read. Never prompts. */
  permits(what: "read" | "run" | "env", subject: string): boolean;
  /** Whether the user wants colours on a terminal (NO_COLOR is not set). */
  readonly colours: boolean;
  /** An environment variable, or `null` where it is unset or may not be read. Never prompts. */
  environment(name: string): string | null;
}
