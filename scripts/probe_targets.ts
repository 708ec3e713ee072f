/** For which systems and processors there are headers to be had, and the compilers that read them. */
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import process from "node:process";
import { darwin } from "../ffi/platform/darwin.ts";
import { linux } from "../ffi/platform/linux.ts";
import type { Arch, Platform } from "../ffi/platform/platform.ts";
import { windows } from "../ffi/platform/windows.ts";
import { DARWIN_C, type Dialect, LINUX_C, MUSL_C, WINDOWS_C } from "./probe_dialects.ts";

/** A system on a processor, with its headers. */
export interface Target {
  readonly name: string;
  readonly platform: Platform;
  readonly dialect: Dialect;
  /** The commands that may compile for it, the best first. */
  readonly compilers: readonly (readonly string[])[];
  /** What a machine without any of them lacks. */
  readonly needs: string;
  /** It takes a second, for numbers that another target has, too. */
  readonly slow?: boolean;
}

/** A file of its own, or what is in PATH. */
const ZIG = process.env.PKTINFO_ZIG ?? "zig";

function zig(target: string): Pick<Target, "compilers" | "needs"> {
  return {
    compilers: [[ZIG, "cc", "-target", target, "-ferror-limit=0"]],
    needs: "zig (PKTINFO_ZIG)",
  };
}

/** Whether this machine is one of those. */
function isThis(os: string, arch: Arch): boolean {
  return process.platform === os && process.arch === (arch === "aarch64" ? "arm64" : "x64");
}

function gcc(arch: Arch): Pick<Target, "compilers" | "needs"> {
  const cross = `${arch.replace("_", "-")}-linux-gnu-gcc`;
  return { compilers: isThis("linux", arch) ? [["cc"], ["gcc"]] : [[cross]], needs: cross };
}

function xcode(arch: Arch): Pick<Target, "compilers" | "needs"> {
  const { compilers, needs } = zig(`${arch}-macos`);
  return { compilers: isThis("darwin", arch) ? [["cc", "-ferror-limit=0"]] : compilers, needs };
}

const ARCHS = ["x86_64", "aarch64"] as const;

/** Everything that can be compiled for. */
export const TARGETS: readonly Target[] = [
  ...ARCHS.map((arch) => ({
    name: `Linux on ${arch}`,
    platform: linux(arch),
    dialect: LINUX_C,
    ...gcc(arch),
  })),
  ...ARCHS.map((arch) => ({
    name: `Linux on ${arch}, musl`,
    platform: linux(arch),
    dialect: MUSL_C,
    ...zig(`${arch}-linux-musl`),
  })),
  ...ARCHS.map((arch) => ({
    name: `macOS on ${arch}`,
    platform: darwin(arch),
    dialect: DARWIN_C,
    ...xcode(arch),
  })),
  {
    name: "Windows on x86_64",
    platform: windows,
    dialect: WINDOWS_C,
    compilers: [["x86_64-w64-mingw32-gcc"]],
    needs: "mingw-w64",
    slow: true,
  },
  {
    name: "Windows on aarch64",
    platform: windows,
    dialect: WINDOWS_C,
    ...zig("aarch64-windows-gnu"),
  },
];

const known = new Map<string, boolean>();

function canRun(program: string): boolean {
  let answer = known.get(program);
  if (answer === undefined) {
    answer = spawnSync(program, [program === ZIG ? "version" : "--version"]).status === 0;
    known.set(program, answer);
  }
  return answer;
}

/** The compiler for a target; `null` where there is none on this machine. */
export function compilerOf({ compilers }: Target): readonly string[] | null {
  return compilers.find(([program]) => canRun(program)) ?? null;
}

function compile(compiler: readonly string[], source: string) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "pktinfo-probe-"));
  try {
    const [program, ...args] = compiler;
    const { status, stderr, error } = spawnSync(
      program,
      [...args, "-std=gnu11", "-c", "-o", path.join(folder, "probe.o"), "-x", "c", "-"],
      {
        input: source,
        env: {
          ...process.env,
          LC_ALL: "C",
          // What zig makes in passing is to be gone afterwards.
          ZIG_GLOBAL_CACHE_DIR: folder,
          ZIG_LOCAL_CACHE_DIR: folder,
        },
      },
    );
    if (error) throw error;
    return { status, complaints: stderr.toString() };
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

/** The subjects of the assertions that did not hold, in the order of the file. */
export function refuted(compiler: readonly string[], source: string): string[] {
  const { status, complaints } = compile(compiler, source);
  const errors = complaints.split("\n").filter((line) => /\berror:/.test(line));
  const subjects = errors.flatMap((line) =>
    line.match(/static assertion failed(?: due to requirement '.*')?: "?([^"]*)"?$/)?.[1] ?? []
  );
  // Anything else, an unknown name or a missing header, says nothing about numbers.
  if (errors.length !== subjects.length || (status === 0) !== (errors.length === 0)) {
    throw new Error(`${compiler.join(" ")}: ${complaints}`);
  }
  return subjects;
}

/**
 * A claim that never holds: a GUID is an initializer in a header, no constant in C, so the
 * compiler is made to say it. Goes behind the prologue and the other claims.
 */
export function guidSource(name: string): string {
  return [
    "#undef TEXT_OF",
    "#undef EXPANDED",
    "#define TEXT_OF(...) #__VA_ARGS__",
    "#define EXPANDED(...) TEXT_OF(__VA_ARGS__)",
    `_Static_assert(0, EXPANDED(GUID ${name}));`,
    "",
  ].join("\n");
}

/** The bytes of the GUIDs that a compiler said; what is left are the subjects of other claims. */
export function guidsIn(refuted: readonly string[]): { guids: number[][]; rest: string[] } {
  const said = refuted.filter((text) => text.startsWith("GUID "));
  const guids = said.map((text) => {
    const [data1, data2, data3, ...rest] = (text.match(/0x[0-9a-f]+/gi) ?? []).map(Number);
    return [
      ...new Uint8Array(new Uint32Array([data1]).buffer),
      ...new Uint8Array(new Uint16Array([data2, data3]).buffer),
      ...rest,
    ];
  });
  return { guids, rest: refuted.filter((text) => !said.includes(text)) };
}
