/**
 * systemd-resolved, which speaks mDNS and LLMNR. It is unpacked and not installed: installing the package makes it this
 * machine's own resolver, by putting a link in place of /etc/resolv.conf.
 */
import path from "node:path";
import { run } from "../run.ts";
import { cached, ifCached, once, Unavailable } from "./cache.ts";
import { unpackDebian } from "./debian.ts";

const name = "systemd-resolved-12";
const program = "lib/systemd/systemd-resolved";
const libraries = "usr/lib/x86_64-linux-gnu/systemd";

/** Downloads it if need be. */
export const resolved: () => Promise<string> = once(async () => {
  if (Deno.build.os !== "linux" || Deno.build.arch !== "x86_64") {
    throw new Unavailable("systemd-resolved is used on Linux on x86-64 only");
  }
  const folder = await cached(name, (folder) =>
    unpackDebian({
      what: "systemd-resolved",
      suite: "",
      // The second has a version of its own to go with the first.
      names: ["systemd-resolved", "libsystemd-shared"],
    }, folder));
  const env = { LD_LIBRARY_PATH: path.join(folder, libraries) };
  const { output } = await run(["ldd", path.join(folder, program)], { env });
  const [, missing] = /^\s*(\S+) => not found/m.exec(output) ?? [];
  if (missing !== undefined) throw new Unavailable(`systemd-resolved lacks ${missing}`);
  return folder;
});

/** Tells tests where it is, if an earlier run has downloaded it. */
export function resolvedEnv(): Record<string, string> {
  const folder = ifCached(name);
  if (folder === null) return {};
  return {
    PKTINFO_RESOLVED: path.join(folder, program),
    PKTINFO_RESOLVED_LIBRARIES: path.join(folder, libraries),
  };
}
