/**
 * What a JavaScript runtime must offer so that the rest can call C.
 *
 * One file a runtime implements this; `#runtime` chooses it. Nothing else in
 * the library names a runtime.
 *
 * @module
 */

import type { LibraryTable, Platform, Signature } from "../platform/platform.ts";

/** An argument of a C call: a number, a buffer (its memory is passed), or a raw address. */
export type Argument = number | bigint | Uint8Array | null;

/** A C function. Pointers are returned as `bigint`, everything else as `number`. */
// deno-lint-ignore no-explicit-any -- each call site knows its C signature
export type CFunction = (...args: any[]) => any;

/** Memory on C's heap. */
export interface NativeMemory {
  readonly address: bigint;
  /** Copies its beginning. */
  read(into: Uint8Array, length: number): void;
  /** Overwrites its beginning. */
  write(bytes: Uint8Array): void;
  /** Gives it back, once nobody writes to it any more. */
  free(): void;
}

/** A function of ours that C calls. */
export interface Callback {
  /** Where C finds it. */
  readonly address: bigint;
  /** Releases it; C must not call it any more. */
  close(): void;
}

/** Tells what a descriptor is ready for; an error is both. */
export type Ready = (readable: boolean, writable: boolean) => void;

/** A descriptor that the runtime's own event loop looks at. */
export interface DescriptorWatch {
  /** What to wait for from now on; with neither the loop does not look at it. */
  wait(readable: boolean, writable: boolean): void;
  /** Whether it keeps the process alive. It starts by not doing so. */
  hold(hold: boolean): void;
  /** Ends it. The descriptor may be closed as soon as this returns. */
  close(): void;
}

/** The opened C libraries. */
export interface Library {
  /** The functions, callable at once. */
  readonly symbols: Readonly<Record<string, CFunction>>;
  /** The calling thread's errno: meaningful only right after a synchronous call that failed. */
  errno(): number;
  /**
   * Calls a function that blocks, on another thread. Its errno is lost.
   *
   * @param name The function, declared as blocking.
   * @param args Numbers and raw addresses only; the caller keeps their memory alive.
   * @param hold Whether the process stays alive while the call is pending.
   */
  callBlocking(name: string, args: (number | bigint)[], hold: boolean): Promise<number>;
  /**
   * Calls a function that blocks only for a moment, on another thread. The process stays alive meanwhile. `null`
   * where a call that is under way does not survive the end of who made it.
   *
   * @param name The function, declared as blocking.
   * @param args Numbers only.
   */
  readonly callBriefly: ((name: string, args: number[]) => Promise<unknown>) | null;
}

/** The runtime, as the rest of the library sees it. */
export interface Runtime {
  /** The operating system, e.g. `"linux"`. */
  readonly os: string;
  /** The processor, e.g. `"x86_64"`. */
  readonly arch: string;
  /**
   * Opens the C libraries.
   *
   * @param libraries Of each the first candidate is taken that is permitted and exists.
   * @param errno Where errno is.
   */
  openLibraries(libraries: readonly LibraryTable[], errno: Platform["errno"]): Library;
  /**
   * Has the event loop itself wait for a descriptor: without a thread or a timer. `null` where the runtime
   * offers no such thing; {@linkcode Library.callBlocking} is used then.
   *
   * @param fd The descriptor; it must stay open until the watch is closed.
   * @param onReady Called in a turn of its own, again and again for as long as it is ready.
   */
  readonly watch: ((fd: number, onReady: Ready) => DescriptorWatch) | null;
  /** A C function that is known by its address only. */
  functionAt(address: bigint, signature: Signature): CFunction;
  /**
   * Lets C call a function, from any thread; that thread waits until it has run here.
   * Being there to be called does not keep the process alive.
   *
   * @param parameters Numbers; addresses arrive as `bigint`.
   */
  callback(parameters: Signature["parameters"], call: () => void): Callback;
  /** The address of a buffer's first byte. The caller keeps the buffer referenced. */
  addressOf(buffer: Uint8Array): bigint;
  /**
   * Takes memory from C's heap.
   *
   * What another thread writes to has to be there: a runtime that ends by an uncaught error frees its own buffers
   * while the calls of other threads go on.
   */
  allocate(size: number): NativeMemory;
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
