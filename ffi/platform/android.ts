/**
 * Android, on x86-64 and arm64: Linux with another C library (bionic).
 *
 * @module
 */

import { linux } from "./linux.ts";
import type { Arch, Platform } from "./platform.ts";

/** The loader's own search first; then where it is since Android 10, and before. */
const CANDIDATES = [
  "libc.so",
  "/apex/com.android.runtime/lib64/bionic/libc.so",
  "/system/lib64/libc.so",
];

/**
 * The tables for Android on one processor.
 *
 * @param arch The processor.
 */
export function android(arch: Arch): Platform {
  const tables = linux(arch);
  return {
    ...tables,
    os: "android",
    displayName: "Android",
    libraries: tables.libraries.map(({ symbols }) => ({ candidates: CANDIDATES, symbols })),
    errno: { symbol: "__errno", returns: "address" },
  };
}
