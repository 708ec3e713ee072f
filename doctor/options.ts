/**
 * Checks what `diagnose` was given; nothing wrong reaches a system call.
 *
 * @module
 */

import { parseEndpoint } from "../address/endpoint.ts";
import type { Family } from "../address/ip.ts";
import { checkNames, checkSignal, shown } from "../interfaces/arguments.ts";
import { checkInterface } from "../interfaces/names.ts";
import { checkGroupParts, integer } from "../socket/options.ts";
import type { DiagnoseOptions } from "./types.ts";

/** A group to try. */
export interface WantedGroup {
  readonly group: string;
  readonly family: Family;
  readonly port: number | null;
  /** `null`: on all of them. */
  readonly interface: string | number | null;
}

/** {@linkcode DiagnoseOptions}, checked and completed. */
export interface CheckedOptions {
  readonly interfaces: readonly (string | number)[];
  readonly groups: readonly WantedGroup[];
  readonly ports: readonly number[];
  readonly signal: AbortSignal | null;
  readonly onProgress: (step: string) => void;
}

const KNOWN: ReadonlySet<string> = new Set<keyof DiagnoseOptions>([
  "interfaces",
  "groups",
  "ports",
  "signal",
  "onProgress",
]);

/**
 * Checks the options.
 *
 * @throws {TypeError} If something has the wrong type or is no group.
 * @throws {RangeError} If a number is out of range.
 */
export function checkOptions(options: DiagnoseOptions): CheckedOptions {
  if (typeof options !== "object" || options === null) {
    throw new TypeError(`options must be an object, got ${shown(options)}`);
  }
  checkNames(options, KNOWN, "diagnose");
  const { onProgress } = options;
  if (onProgress !== undefined && typeof onProgress !== "function") {
    throw new TypeError(`onProgress must be a function, got ${typeof onProgress}`);
  }
  return {
    interfaces: list(options.interfaces, "interfaces").map((value) =>
      checkInterface(value, "an interface")
    ),
    groups: list(options.groups, "groups").map(checkGroup),
    ports: list(options.ports, "ports").map((value) => integer(value, "a port", 1, 65535)),
    signal: options.signal === undefined ? null : checkSignal(options.signal),
    onProgress: onProgress ?? (() => {}),
  };
}

function list(value: unknown, what: string): readonly unknown[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) throw new TypeError(`${what} must be an array, got ${typeof value}`);
  return value;
}

function checkGroup(value: unknown): WantedGroup {
  if (typeof value !== "string") {
    throw new TypeError(`a group must be a string such as "ff02::fb", got ${typeof value}`);
  }
  const { address, family, zone, port, hops, interface: name } = parseEndpoint(value);
  if (hops !== null) {
    throw new TypeError(
      `a group is tried with a hop limit of 0, so that nothing leaves this host: leave ",${hops}" ` +
        `out of ${JSON.stringify(value)}`,
    );
  }
  if (port === 0) throw new RangeError("a group's port is 1 to 65535, got 0");
  checkGroupParts({ group: address });
  return { group: address, family, port, interface: name ?? zone };
}
