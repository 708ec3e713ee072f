// Android is Linux with another C library: what Linux' tests prove holds for it, as long as the tables are the same.
import { assertEquals } from "@std/assert";
import { test } from "../harness.ts";
import { tablesOf } from "./tables.ts";

for (const arch of ["x86_64", "aarch64"] as const) {
  test(`Android's messages, options and calls on ${arch} are Linux's`, () => {
    const { os, displayName, libraries, errno, ...android } = tablesOf("android", arch);
    const linux = tablesOf("linux", arch);
    for (const [key, value] of Object.entries(android)) {
      assertEquals(value, linux[key as keyof typeof android], key);
    }
    assertEquals([os, displayName, errno.symbol], ["android", "Android", "__errno"]);
    assertEquals(libraries.map(({ symbols }) => symbols), linux.libraries.map((l) => l.symbols));
    assertEquals(libraries[0].candidates[0], "libc.so");
  });
}
