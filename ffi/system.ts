/**
 * This process's system: its platform's tables, its runtime, its C library.
 *
 * @module
 */

import { runtime } from "#runtime";
import { debugged } from "./debug.ts";
import { platformOf } from "./platform/detect.ts";
import type { Platform } from "./platform/platform.ts";
import { System } from "./syscalls.ts";

let current: System | undefined;

/** This process's system, opened on first use: importing needs no permission. */
export function system(): System {
  return current ??= openSystem();
}

function openSystem(): System {
  const platform = forced(platformOf(runtime.os, runtime.arch));
  // Every call is checked then (debug.ts). Read only where the environment may be read.
  const ours = runtime.environment("PKTINFO_DEBUG") === "1" ? debugged(runtime, platform) : runtime;
  const library = ours.openLibraries(platform.libraries, platform.errno);
  return new System(platform, ours, library);
}

/**
 * The plain paths stay tested: `PKTINFO_FORCE=poll` takes the poll(2) poller woken
 * by a socket, as on systems without epoll; `single` one message a call. Read only where the environment may be read.
 */
function forced(platform: Platform): Platform {
  const wanted = (runtime.environment("PKTINFO_FORCE") ?? "").split(",");
  return {
    ...platform,
    ...(wanted.includes("poll") ? { epoll: null, wake: "socket" as const } : {}),
    batchedCalls: platform.batchedCalls && !wanted.includes("single"),
  };
}
