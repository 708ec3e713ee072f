/** What no test executes of ffi/. */
import type { Reason } from "./reason.ts";

export const ffi: readonly Reason[] = [
  {
    file: "ffi/debug.ts",
    code: ['return checks.function(signature.symbol «?? "a function without a name"»'],
    why:
      "What is known by its address only has a name in the tables of Windows, the one system that has such functions.",
  },
  {
    file: "ffi/debug.ts",
    code: [
      'watch: watch «&& ((fd, onReady) => { checks.descriptor("watch", fd); return watch(fd, onReady); })»',
    ],
    why:
      "Node's event loop watches descriptors, and Node alone executes it: tests/kernel/debug_test.ts in the stage `node`.",
  },
  {
    file: "ffi/debug.ts",
    code: ["#errno = «() => 0»"],
    why: "Until a library is open there is no call that could fail, so nobody asks.",
  },
  {
    file: "ffi/debug.ts",
    code: ["const size = messages[0]?.data[0]?.length «?? 0»"],
    why: "Every batch has a message, and every message of ours has room for data.",
  },
  {
    file: "ffi/debug.ts",
    code: ['if (call !== "epoll_wait") «return null;»'],
    why:
      "`poll` and `epoll_wait` are all that waits on another thread and writes; one that is added is not to be taken for the other.",
  },
  {
    file: "ffi/debug_memory.ts",
    code: [
      "if (isDetached(buffer)) «violation(call, `${what} points to memory that is detached`);»",
    ],
    why:
      "Memory of a batch is in nobody else's hands who could transfer it. That what is handed over itself is detached is " +
      "tested (tests/kernel/debug_test.ts).",
  },
  {
    file: "ffi/runtime/deno.ts",
    code: [
      'return Deno.permissions.requestSync({ name: "ffi" }).state === "granted" «? candidates»',
    ],
    why: "Somebody has to answer Deno's question with yes, at a terminal. It was tried by hand.",
  },
  {
    file: "ffi/runtime/koffi.ts",
    code: ["arch: PROCESSORS[process.arch] «?? process.arch»"],
    why:
      "Node on another processor than x64 and arm64. There are no tables for one, so the first socket " +
      "fails with an `UnsupportedError` that names it (tests/ffi/platform_tables_test.ts asks for such tables).",
  },
];
