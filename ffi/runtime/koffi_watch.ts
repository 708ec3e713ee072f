/**
 * Node's event loop looks at our descriptors: libuv's `uv_poll`, by way of koffi.
 *
 * No thread, no timer; on every system, but on the main thread only.
 *
 * @module
 */

import process from "node:process";
import { setImmediate } from "node:timers";
import { koffi, type KoffiEvents } from "./koffi_load.ts";
import type { DescriptorWatch, Ready } from "./runtime.ts";

/** What is open, each with how to close it. */
const open = new Set<() => void>();
let closesAtExit = false;

/** When Node takes its loop down it lets it run once more; whoever calls JavaScript then ends in an abort. */
function closeAtExit(): void {
  if (closesAtExit) return;
  closesAtExit = true;
  process.on("exit", () => {
    for (const close of open) close();
  });
}

/** Starts to look at a descriptor, for nothing yet. */
export function watch(fd: number, onReady: Ready): DescriptorWatch {
  let closed = false;
  let wanted: KoffiEvents = { readable: false, writable: false };
  // libuv calls this from outside of JavaScript: what promises and ticks it leaves behind would wait for
  // somebody else's turn, so it gets one of its own, later in the same round of the loop.
  const onPoll = (...args: unknown[]) => {
    const events = args.at(-1) as KoffiEvents;
    const failed = args.length > 1 && args[0] !== 0;
    setImmediate(() => {
      if (closed) return;
      onReady(failed || events.readable, failed || events.writable);
      // libuv has stopped looking at what has an error (uv__poll_io), be it only news of an earlier datagram.
      if (failed && !closed && (wanted.readable || wanted.writable)) handle.start(wanted, onPoll);
    });
  };
  closeAtExit();
  const handle = koffi().node.poll(fd, wanted, onPoll);
  handle.unref();
  const close = () => {
    if (closed) return;
    closed = true;
    open.delete(close);
    handle.close();
  };
  open.add(close);
  return {
    wait(readable, writable) {
      if (closed) return;
      wanted = { readable, writable };
      if (readable || writable) handle.start(wanted, onPoll);
      else handle.stop();
    },
    hold(hold) {
      if (closed) return;
      if (hold) handle.ref();
      else handle.unref();
    },
    close,
  };
}
