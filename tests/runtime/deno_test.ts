// Deno's file, once more for itself: before a library is open, and where none can be had.
import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { linux } from "../../ffi/platform/linux.ts";
import type { LibraryTable } from "../../ffi/platform/platform.ts";
import type { Runtime } from "../../ffi/runtime/runtime.ts";
import { runtime as on, test } from "../harness.ts";

/** Another instance of the module: the one that everybody uses has its library already. */
const { runtime }: { runtime: Runtime } = on === "deno"
  ? await import(new URL("../../ffi/runtime/deno.ts?before", import.meta.url).href)
  : { runtime: null };

const needs = { needs: ["deno"] as ["deno"] };
const { errno } = linux("x86_64");

const tableOf = (...candidates: string[]): LibraryTable => ({ candidates, symbols: {} });

test("Deno: memory is C's, so it needs an open library", needs, () => {
  assertThrows(() => runtime.readMemory(4096n, 1), Error, "no C library is open yet");
});

test("Deno: a library that is not there is no lack of permission", needs, () => {
  const error = assertThrows(() =>
    runtime.openLibraries([tableOf("/nowhere/first.so", "/nowhere/second.so")], errno)
  ) as Error;
  assert(!(error instanceof Deno.errors.NotCapable), String(error));
  assertMatch(error.message, /open library/);
});

/** What is said where no library may be opened. */
function refusal(...candidates: string[]): string {
  const { dlopen } = Deno;
  let tried = 0;
  Deno.dlopen = () => {
    tried++;
    throw new Deno.errors.NotCapable("not allowed");
  };
  try {
    const error = assertThrows(
      () => runtime.openLibraries([tableOf(...candidates)], errno),
      Deno.errors.NotCapable,
    );
    assertEquals((error.cause as Error).message, "not allowed");
    assertEquals(tried, 1, "another candidate would be refused, too");
    return error.message;
  } finally {
    Deno.dlopen = dlopen;
  }
}

test("Deno: what is missing is said, and what would do", needs, () => {
  assertEquals(
    refusal("/lib/libc.so.6", "libc.so.6"),
    "pktinfo calls the C library and needs --allow-ffi (or, narrower, the absolute path of this machine's libc, " +
      "for example --allow-ffi=/lib/libc.so.6; looked for: /lib/libc.so.6)",
  );
  assertEquals(refusal("ws2_32.dll"), "pktinfo calls the C library and needs --allow-ffi");
});

test("Deno: permissions are asked about, never for", needs, () => {
  const asked: Deno.PermissionDescriptor[] = [];
  const { querySync } = Deno.permissions;
  Deno.permissions.querySync = (descriptor) => {
    asked.push(descriptor);
    return querySync.call(Deno.permissions, descriptor);
  };
  try {
    for (const [what, subject] of [["read", "/etc"], ["run", "ip"], ["env", "HOME"]] as const) {
      runtime.permits(what, subject);
    }
  } finally {
    Deno.permissions.querySync = querySync;
  }
  assertEquals(asked, [
    { name: "read", path: "/etc" },
    { name: "run", command: "ip" },
    { name: "env", variable: "HOME" },
  ]);
});
