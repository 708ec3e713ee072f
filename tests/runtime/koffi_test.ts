// The files of Node and Bun, once more for themselves: before a library is open, where none can be had, and after the end.
import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import process from "node:process";
import { linux } from "../../ffi/platform/linux.ts";
import type { Runtime } from "../../ffi/runtime/runtime.ts";
import { notUnder, runtime as on, test, type TestOptions } from "../harness.ts";

/** Another instance of the modules where koffi is: what everybody uses has its library already. */
async function load(name: string) {
  if (on !== "node") return {};
  return await import(new URL(`../../ffi/runtime/${name}.js?before`, import.meta.url).href);
}
const { runtime }: { runtime: Runtime } = await load("koffi");
const { koffiError }: { koffiError: (cause: Error) => Error } = await load("koffi_load");

const options: TestOptions = {
  skip: notUnder("deno", "Deno needs no koffi") ||
    notUnder("bun", "Bun crashes at its end where koffi was loaded by two modules"),
};
const { errno } = linux("x86_64");

test("koffi: memory is C's, so it needs an open library", options, () => {
  assertThrows(() => runtime.readMemory(4096n, 1), Error, "no C library is open yet");
});

test("koffi: a library that is nowhere is told with the places", options, () => {
  const candidates = ["/nowhere/first.so", "/nowhere/second.so"];
  const error = assertThrows(
    () => runtime.openLibraries([{ candidates, symbols: {} }], errno),
    Error,
    "looked for /nowhere/first.so, /nowhere/second.so",
  ) as Error;
  assert(error.cause instanceof Error);
});

test("koffi: each way in which it is missing has its remedy", options, () => {
  const said = (message: string, code?: string) =>
    koffiError(Object.assign(new Error(message), { code })).message;
  assertMatch(said("x", "ERR_DLOPEN_DISABLED"), /--allow-addons beside --permission/);
  assertMatch(said("x", "ERR_ACCESS_DENIED"), /--allow-fs-read for the folder node_modules/);
  assertMatch(said("x", "MODULE_NOT_FOUND"), /npm install koffi/);
  assertMatch(said("x", "ERR_MODULE_NOT_FOUND"), /npm install koffi/);
  assertMatch(said("Cannot find the native Koffi module; x"), /@koromix\/koffi-/);
  assertMatch(said("out of luck"), /could not be loaded on .*: out of luck$/);
  const error = koffiError(new Error("x"));
  assertEquals((error as Error & { code: string }).code, "ERR_PKTINFO_KOFFI");
});

test(
  "koffi: all is permitted where there are no permissions, and what they say where there are",
  options,
  () => {
    const permits = () => [
      runtime.permits("read", "/etc"),
      runtime.permits("run", "ip"),
      runtime.permits("env", "HOME"),
    ];
    const before = Object.getOwnPropertyDescriptor(process, "permission");
    const set = (value: unknown) =>
      Object.defineProperty(process, "permission", { value, configurable: true, writable: true });
    const asked: string[] = [];
    try {
      set(undefined);
      assertEquals(permits(), [true, true, true]);
      set({ has: (...args: string[]) => (asked.push(args.join(" ")), args[0] === "child") });
      // Variables are nobody's secret there.
      assertEquals(permits(), [false, true, true]);
      assertEquals(asked, ["fs.read /etc", "child"]);
    } finally {
      if (before) Object.defineProperty(process, "permission", before);
      else delete (process as unknown as { permission?: unknown }).permission;
    }
  },
);
