/** What no test executes of ffi/. */
import type { Reason } from "./reason.ts";

export const ffi: readonly Reason[] = [
  {
    file: "ffi/runtime/koffi.ts",
    code: ["arch: PROCESSORS[process.arch] «?? process.arch»"],
    why:
      "Node on another processor than x64 and arm64. There are no tables for one, so the first socket " +
      "fails with an `UnsupportedError` that names it (tests/ffi/platform_tables_test.ts asks for such tables).",
  },
];
