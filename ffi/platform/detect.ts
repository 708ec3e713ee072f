/**
 * From what the runtime says of the machine to that machine's tables.
 *
 * @module
 */

import { UnsupportedError } from "../errors.ts";
import { android } from "./android.ts";
import { darwin } from "./darwin.ts";
import { freebsd } from "./freebsd.ts";
import { linux } from "./linux.ts";
import { netbsd } from "./netbsd.ts";
import { openbsd } from "./openbsd.ts";
import type { Arch, Platform } from "./platform.ts";
import { windows } from "./windows.ts";

/** The tables of each operating system, as the runtimes name it. */
const PLATFORMS: Readonly<Record<string, (arch: Arch) => Platform>> = {
  android,
  darwin,
  freebsd,
  linux,
  netbsd,
  openbsd,
  windows: () => windows,
};

/** Made once: two places ask at start-up. */
const made = new Map<string, Platform>();

/**
 * The tables of an operating system and processor, or `null` where there are none.
 *
 * @param os As the runtime names it, e.g. `"linux"`.
 * @param arch As the runtime names it, e.g. `"x86_64"`.
 */
export function findPlatform(os: string, arch: string): Platform | null {
  if (!(os in PLATFORMS) || (arch !== "x86_64" && arch !== "aarch64")) return null;
  const key = `${os} ${arch}`;
  let platform = made.get(key);
  if (!platform) made.set(key, platform = PLATFORMS[os](arch));
  return platform;
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
