/**
 * From what the runtime says of the machine to that machine's tables.
 *
 * @module
 */

import { UnsupportedError } from "../errors.ts";
import { linux } from "./linux.ts";
import type { Arch, Platform } from "./platform.ts";

/** Made once: two places ask at start-up. */
const tables: Partial<Record<Arch, Platform>> = {};

/**
 * The tables of an operating system and processor, or `null` where there are none.
 *
 * @param os As the runtime names it, e.g. `"linux"`.
 * @param arch As the runtime names it, e.g. `"x86_64"`.
 */
export function findPlatform(os: string, arch: string): Platform | null {
  if (os !== "linux" || (arch !== "x86_64" && arch !== "aarch64")) return null;
  return tables[arch] ??= linux(arch);
}

/**
 * {@linkcode findPlatform}, or an error.
 *
 * @throws {UnsupportedError} If there are no tables for it.
 */
export function platformOf(os: string, arch: string): Platform {
  const platform = findPlatform(os, arch);
  if (!platform) throw new UnsupportedError("pktinfo", `${os} on ${arch}`);
  return platform;
}
