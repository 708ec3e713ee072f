/**
 * Checks of arguments, with Node's errors; and what the many forms of `send` mean.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { BlockList } from "node:net";
import {
  badPort,
  invalidType,
  invalidValue,
  isConnected,
  outOfBounds,
  outOfRange,
} from "./errors.ts";
import type { Data, SendCallback, SendTarget } from "./types.ts";

const DATA = "of type string or an instance of Buffer, TypedArray, or DataView";

/** Checks a port; text is read as a number. */
export function checkPort(port: unknown, name: string, allowZero: boolean): number {
  const text = typeof port === "string";
  const number = Number(port);
  if (
    (typeof port !== "number" && !text) || (text && port.trim() === "") ||
    number !== number >>> 0 || number > 65535 || (number === 0 && !allowZero)
  ) {
    throw badPort(name, port, allowZero);
  }
  return number;
}

export function checkString(value: unknown, name: string): asserts value is string {
  if (typeof value !== "string") throw invalidType(name, "of type string", value);
}

export function checkNumber(value: unknown, name: string): asserts value is number {
  if (typeof value !== "number") throw invalidType(name, "of type number", value);
}

export function checkUint32(value: unknown, name: string): void {
  checkNumber(value, name);
  if (!Number.isInteger(value)) throw outOfRange(name, "an integer", value);
  if (value < 0 || value > 0xffff_ffff) throw outOfRange(name, ">= 0 && <= 4294967295", value);
}

export function checkBlockList(value: unknown, name: string): void {
  const { isBlockList } = BlockList as { isBlockList?: (value: unknown) => boolean };
  if (value instanceof BlockList || isBlockList?.(value)) return;
  throw invalidType(name, "an net.BlockList", value);
}

export function checkSignal(value: unknown, name: string): asserts value is AbortSignal {
  if (value === null || typeof value !== "object" || !("aborted" in value)) {
    throw invalidType(name, "an instance of AbortSignal", value);
  }
}

/** One call of `send`, understood. */
export interface SendCall {
  /** The message in one piece. */
  readonly data: Uint8Array;
  /** `undefined` on a connected socket. */
  readonly port: number | undefined;
  readonly address: string | undefined;
  readonly callback: SendCallback | undefined;
  /** The form with a target that asks for more than where to send. */
  readonly target: SendTarget | null;
}

/**
 * Understands the arguments of `send`.
 *
 * Unconnected: (data, port, address?, callback?) or (data, offset, length, port,
 * address?, callback?). Connected: (data, callback?) or (data, offset, length,
 * callback?). Either: (data, target, callback?); Node has no object in that place.
 */
export function sendCall(args: readonly unknown[], connected: boolean): SendCall {
  const [data, second, third] = args;
  if (typeof second === "object" && second !== null && !ArrayBuffer.isView(second)) {
    return targetCall(data, second, third, connected);
  }
  return connected ? connectedCall(args) : plainCall(args);
}

function targetCall(data: unknown, target: SendTarget, callback: unknown, connected: boolean) {
  const { port, address } = target;
  if (connected && (port || address)) throw isConnected();
  const joined = join(data);
  if (address != null) checkString(address, "target.address");
  return {
    data: joined,
    port: connected ? undefined : checkPort(port, "Port", false),
    address: address ?? undefined,
    callback: asCallback(callback),
    target,
  };
}

function plainCall([data, second, third, fourth, fifth, sixth]: readonly unknown[]): SendCall {
  const sliced = Boolean(fifth) || (Boolean(fourth) && typeof fourth !== "function");
  const bytes = sliced ? slice(data, second, third) : data;
  const [port, address, callback] = sliced ? [fourth, fifth, sixth] : [second, third, fourth];
  const joined = join(bytes);
  const checked = checkPort(port, "Port", false);
  if (typeof address === "function") {
    return {
      data: joined,
      port: checked,
      address: undefined,
      callback: asCallback(address),
      target: null,
    };
  }
  if (address != null) checkString(address, "address");
  return {
    data: joined,
    port: checked,
    address: address ?? undefined,
    callback: asCallback(callback),
    target: null,
  };
}

function connectedCall([data, second, third, fourth, fifth]: readonly unknown[]): SendCall {
  const sliced = typeof third === "number";
  const callback = sliced ? fourth : second;
  const bytes = sliced ? slice(data, second, third) : data;
  // A port or an address has no place here.
  const misplaced = sliced && typeof fourth === "function" ? undefined : fourth;
  if (misplaced || fifth) throw isConnected();
  return {
    data: join(bytes),
    port: undefined,
    address: undefined,
    callback: asCallback(callback),
    target: null,
  };
}

function asCallback(value: unknown): SendCallback | undefined {
  return typeof value === "function" ? value as SendCallback : undefined;
}

function slice(data: unknown, offset: unknown, length: unknown): Uint8Array {
  const bytes = typeof data === "string" ? Buffer.from(data) : viewed(data, "buffer");
  const from = Number(offset) >>> 0;
  const count = Number(length) >>> 0;
  if (from > bytes.byteLength) throw outOfBounds("offset");
  if (from + count > bytes.byteLength) throw outOfBounds("length");
  return bytes.subarray(from, from + count);
}

/** The message in one piece: the kernel takes it at once, so nothing is gained by pieces. */
function join(data: unknown): Uint8Array {
  if (typeof data === "string") return Buffer.from(data);
  if (!Array.isArray(data)) return viewed(data, "buffer");
  if (data.length === 1 && ArrayBuffer.isView(data[0])) return viewed(data[0], "buffer");
  return Buffer.concat(
    (data as Data[]).map((piece) => {
      if (typeof piece === "string") return Buffer.from(piece);
      if (ArrayBuffer.isView(piece)) return viewed(piece, "buffer");
      throw invalidType("buffer list arguments", DATA, data);
    }),
  );
}

function viewed(data: unknown, name: string): Uint8Array {
  if (!ArrayBuffer.isView(data)) throw invalidType(name, DATA, data);
  const { buffer, byteOffset, byteLength } = data;
  const bytes = data instanceof Uint8Array ? data : new Uint8Array(buffer, byteOffset, byteLength);
  // Memory that others may change or shrink is copied: the kernel is given an address and a length.
  const plain = buffer instanceof ArrayBuffer && !buffer.resizable;
  return plain ? bytes : Uint8Array.from(bytes);
}

/** Checks what `bindSync` and `connectSync` can do without asking anybody: an IP literal. */
export function checkLiteral(
  address: unknown,
  name: string,
  method: string,
  isIp: (text: string) => number,
): asserts address is string {
  checkString(address, name);
  if (isIp(address) === 0) {
    throw invalidValue(
      name,
      address,
      `must be a numeric IP address; ${method} does not perform DNS resolution`,
    );
  }
}
