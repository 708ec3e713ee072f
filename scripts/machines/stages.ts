/** The stages on other machines. */
import path from "node:path";
import { inNamespace } from "../namespace.ts";
import { filesBelow, scratch } from "../run.ts";
import {
  denoTest,
  filterArgs,
  isTest,
  nothing,
  type Result,
  select,
  type Stage,
  together,
} from "../stage.ts";
import { tidyCache, Unavailable } from "./cache.ts";
import type { Machine } from "./machine.ts";
import { qemu } from "./qemu.ts";
import { resolved } from "./resolved.ts";
import { wine } from "./wine.ts";
import { zig, zigIfCached } from "./zig.ts";

async function whyUnavailable(prepare: () => Promise<unknown>): Promise<string | null> {
  try {
    await prepare();
    return null;
  } catch (error) {
    if (error instanceof Unavailable) return error.message;
    throw error;
  }
}

/** Gets ready what later stages need. What cannot be had is skipped by name, here and there. */
async function runMachines(): Promise<Result> {
  await tidyCache();
  const wanted: [string, () => Promise<unknown>][] = [
    ["wine", wine],
    ["qemu", qemu],
    ["zig", zig],
    ["systemd-resolved", resolved],
  ];
  const missing = await Promise.all(wanted.map(async ([name, prepare]) => {
    const why = await whyUnavailable(prepare);
    return why === null ? [] : [`${name} (skipped: ${why})`];
  }));
  const skipped = missing.flat();
  return { passed: wanted.length - skipped.length, failed: [], skipped, output: "" };
}

/** Downloads and sets up, at the first time. */
export const machines: Stage = {
  name: "machines",
  quick: false,
  prepares: true,
  run: runMachines,
};

/** Tells tests where Zig is, if it is there: they have no business downloading it. What it compiles is not kept. */
export function zigEnv(): Record<string, string> {
  const program = zigIfCached();
  if (program === null) return {};
  const caches = path.join(scratch(), "zig");
  return { PKTINFO_ZIG: program, ZIG_GLOBAL_CACHE_DIR: caches, ZIG_LOCAL_CACHE_DIR: caches };
}

/** There is only loopback in there: another IPv6 address tells senders apart, and groups need a route. */
export const SECOND_ADDRESS = `
ip address add fd77::7/128 dev lo nodad
ip -6 route add local ff00::/8 dev lo table local
exec "$@"`;

/** Tests on another machine, in a network namespace. */
function onMachine(
  { name, prepare, wanted, arrange = (files) => files }: {
    name: string;
    prepare: () => Promise<Machine>;
    wanted: (path: string) => boolean;
    /** Makes other files of the tests' files. */
    arrange?: (files: string[]) => string[] | Promise<string[]>;
  },
): Stage {
  return {
    name,
    quick: false,
    async run(selection) {
      const files = select(filesBelow("tests", (path) => isTest(path) && wanted(path)), selection);
      if (files.length === 0) return nothing;
      const why = await whyUnavailable(prepare);
      if (why !== null) {
        return { ...nothing, skipped: [`all tests (skipped: ${why})`], note: why };
      }
      // There is no network in there to fetch modules from. With the lock file, which is not that Deno's to write, it
      // needs no more than the modules; without, it would also ask for the list of their versions.
      const args = ["--no-check", "--cached-only", "--frozen", "--config=deno.json"];
      return await denoTest([...args, ...filterArgs(selection), ...await arrange(files)], {
        machine: await prepare(),
        covers: name === "windows" ? name : undefined,
        wrap: (command) => inNamespace(["sh", "-c", SECOND_ADDRESS, "sh", ...command]),
      });
    },
  };
}

/**
 * Windows: not the lab, and not what plays other systems on Linux; nor what reads sources or asks compilers, and needs no
 * second opinion.
 */
export const windows: Stage = onMachine({
  name: "windows",
  prepare: wine,
  wanted: (path) =>
    /^tests\/(?!lab|clients|scripts)\w+\/(?!simulated)/.test(path) &&
    !/(?:probe|routing|tables)\w*_test\.ts$/.test(path),
});

/**
 * arm64: what goes to the kernel of this system. The rest is JavaScript like everywhere, and takes QEMU minutes; so does
 * loading each file for itself.
 */
export const arm64: Stage = onMachine({
  name: "arm64",
  prepare: qemu,
  wanted: (path) =>
    /^tests\/(?:kernel\/(?!simulated|windows)\w+|ffi\/(?:poller|system))_test\.ts$/.test(path),
  arrange: async (files) => [await together("arm64", files)],
});
