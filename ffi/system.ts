/**
 * This process's system: its platform's tables, its runtime, its C library.
 *
 * @module
 */

import { runtime } from "#runtime";
import { platformOf } from "./platform/detect.ts";
import type { Platform } from "./platform/platform.ts";
import { System } from "./syscalls.ts";

/** The C functions that block and are only ever called off-thread. */
const BLOCKING = ["epoll_wait", "poll"];

let current: System | undefined;

/** This process's system, opened on first use: importing needs no permission. */
export function system(): System {
  return current ??= openSystem();
}

function openSystem(): System {
  const platform = forced(platformOf(runtime.os, runtime.arch));
  const library = runtime.openLibrary(
    platform.libraries,
    platform.symbols,
    platform.errnoSymbol,
    BLOCKING,
  );
  return new System(platform, runtime, library);
}

/**
 * The plain paths stay tested: `PKTINFO_FORCE=poll` takes the poll(2) poller,
 * `single` one message a call. Read only where the environment may be read.
 */
function forced(platform: Platform): Platform {
  const wanted = (runtime.environment("PKTINFO_FORCE") ?? "").split(",");
  return {
    ...platform,
    poller: wanted.includes("poll") ? "poll" : platform.poller,
    batchedCalls: platform.batchedCalls && !wanted.includes("single"),
  };
}
