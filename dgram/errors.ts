/**
 * Errors that look like Node's: the same codes, messages and properties.
 *
 * @module
 */

import { inspect, type InspectOptions } from "node:util";
import * as util from "node:util";
import { SocketError, UnsupportedError } from "../ffi/errors.ts";
import { Refusal } from "./refusal.ts";

/** What the errors of Node's own modules have beside the message. */
export interface CodedError extends Error {
  /** What to branch on. */
  code: string;
}

type ErrorClass = new (message: string) => Error;

function coded(Class: ErrorClass, code: string, message: string): CodedError {
  const error = Object.assign(new Class(message), { code });
  addCode(error);
  Object.defineProperty(error, "toString", {
    value: () => `${error.name} [${code}]: ${error.message}`,
    configurable: true,
    writable: true,
  });
  return error;
}

/** Node's stacks begin with the code, too. */
function addCode(error: CodedError): void {
  error.stack = error.stack?.replace(/^\w*Error:/, `${error.name} [${error.code}]:`);
}

export const alreadyBound = () =>
  coded(Error, "ERR_SOCKET_ALREADY_BOUND", "Socket is already bound");
export const isConnected = () => coded(Error, "ERR_SOCKET_DGRAM_IS_CONNECTED", "Already connected");
export const notConnected = () => coded(Error, "ERR_SOCKET_DGRAM_NOT_CONNECTED", "Not connected");
export const notRunning = () => coded(Error, "ERR_SOCKET_DGRAM_NOT_RUNNING", "Not running");
export const badType = () =>
  coded(
    TypeError,
    "ERR_SOCKET_BAD_TYPE",
    "Bad socket type specified. Valid types are: udp4, udp6",
  );
export const badBufferSize = () =>
  coded(TypeError, "ERR_SOCKET_BAD_BUFFER_SIZE", "Buffer size must be a positive integer");
export const outOfBounds = (name: string) =>
  coded(RangeError, "ERR_BUFFER_OUT_OF_BOUNDS", `"${name}" is outside of buffer bounds`);
export const missingArgument = (name: string) =>
  coded(TypeError, "ERR_MISSING_ARGS", `The "${name}" argument must be specified`);
export const ipBlocked = (ip: string) =>
  coded(Error, "ERR_IP_BLOCKED", `IP(${ip}) is blocked by net.BlockList`);
export const unsupported = (what: string) => coded(Error, "ERR_METHOD_NOT_IMPLEMENTED", what);

/** A port that is none. */
export function badPort(name: string, port: unknown, allowZero: boolean): CodedError {
  const least = allowZero ? ">= 0" : "> 0";
  return coded(
    RangeError,
    "ERR_SOCKET_BAD_PORT",
    `${name} should be ${least} and < 65536. Received ${describe(port)}.`,
  );
}

/** A number out of its range. */
export function outOfRange(name: string, range: string, value: unknown): CodedError {
  const message = `The value of "${name}" is out of range. It must be ${range}. Received ${
    inspect(value)
  }`;
  return coded(RangeError, "ERR_OUT_OF_RANGE", message);
}

/**
 * Something of the wrong type.
 *
 * @param expected In Node's words: `"of type string"`, `"an instance of AbortSignal"`.
 */
export function invalidType(name: string, expected: string, value: unknown): CodedError {
  const kind = name.includes(".") ? "property" : "argument";
  return coded(
    TypeError,
    "ERR_INVALID_ARG_TYPE",
    `The "${name}" ${kind} must be ${expected}. Received ${describe(value)}`,
  );
}

/** Something of the right type that means nothing. */
export function invalidValue(name: string, value: unknown, reason: string): CodedError {
  const kind = name.includes(".") ? "property" : "argument";
  return coded(
    TypeError,
    "ERR_INVALID_ARG_VALUE",
    `The ${kind} '${name}' ${reason}. Received ${inspect(value)}`,
  );
}

/** A value in the words of Node's messages. */
function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (typeof value === "function") return `function ${value.name}`;
  if (typeof value === "object") {
    const { name } = value.constructor ?? {};
    return name ? `an instance of ${name}` : inspect(value, { depth: -1 });
  }
  const text = inspect(value, { colors: false });
  return `type ${typeof value} (${text.length > 28 ? `${text.slice(0, 25)}...` : text})`;
}

// --- what the operating system refuses

let numbers: ReadonlyMap<string, number> | undefined;

/** The negative number of an error's name, as libuv has it on this system. */
function errnoOf(code: string, otherwise: number): number {
  if (!numbers) {
    const names: Map<number, [string, string]> = util.getSystemErrorMap?.() ?? new Map();
    numbers = new Map([...names].map(([errno, [name]]) => [name, errno]));
  }
  return numbers.get(code) ?? otherwise;
}

/** What a refusal was about. */
export interface Subject {
  readonly address?: string | null;
  readonly port?: number | null;
}

/** The code that Node would give for what the socket library threw. */
export function codeOf(error: unknown): string {
  if (error instanceof SocketError || error instanceof Refusal) return error.code;
  if (error instanceof UnsupportedError) return "ENOTSUP";
  // What the library finds wrong by itself a system call would find invalid.
  if (error instanceof TypeError || error instanceof RangeError) return "EINVAL";
  throw error;
}

/**
 * An error like those of Node's system calls.
 *
 * @param cause What the socket library said about it, with the remedy: becomes `cause`.
 */
export function systemError(
  code: string,
  syscall: string,
  { address, port }: Subject = {},
  cause?: unknown,
): NodeJS.ErrnoException {
  let subject = "";
  if (port) subject = ` ${address}:${port}`;
  else if (address) subject = ` ${address}`;
  const message = `${syscall} ${code}${subject}`;
  const error = cause === undefined ? new Error(message) : new Error(message, { cause });
  const errno = errnoOf(code, cause instanceof SocketError ? -cause.errno : 0);
  Object.assign(error, { errno, code, syscall });
  if (address) Object.assign(error, { address });
  if (port) Object.assign(error, { port });
  return error;
}

/** {@linkcode systemError} for something that was thrown. */
export function refusal(
  error: unknown,
  syscall: string,
  subject: Subject = {},
): NodeJS.ErrnoException {
  const cause = error instanceof Refusal ? error.cause : error;
  return systemError(codeOf(error), syscall, subject, cause);
}

/** The error of the buffer size methods. */
export function bufferSizeError(code: string, syscall: string, cause?: unknown): CodedError {
  const errno = errnoOf(code, 0);
  const reason = util.getSystemErrorMap?.().get(errno)?.[1] ?? code;
  const message = `Could not get or set buffer size: ${syscall} returned ${code} (${reason})`;
  const error = Object.assign(new Error(message), { code: "ERR_SOCKET_BUFFER_SIZE" });
  const hidden = { configurable: true, writable: true };
  Object.defineProperty(error, "name", { ...hidden, value: "SystemError" });
  if (cause instanceof SocketError) {
    Object.defineProperty(error, "cause", { ...hidden, value: cause });
  }
  addCode(error);
  const info = { errno, code, message: reason, syscall };
  Object.assign(error, { info });
  for (const name of ["errno", "syscall"] as const) {
    const get = () => info[name];
    const set = (value: never) => info[name] = value;
    Object.defineProperty(error, name, { get, set, enumerable: true, configurable: true });
  }
  Object.defineProperty(error, inspect.custom, {
    ...hidden,
    value: (_: number, options: InspectOptions) =>
      inspect(error, { ...options, getters: true, customInspect: false }),
  });
  return error;
}
