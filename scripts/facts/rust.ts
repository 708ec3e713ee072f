/** What Rust's libc crate knows; Debian's librust-libc-dev has its sources. */
import fs from "node:fs";
import path from "node:path";
import type { Arch } from "../../ffi/platform/platform.ts";
import { type Facts, folder, layOut, type Type } from "./facts.ts";

/** Where Debian puts it; `PKTINFO_RUST_LIBC` for another place. */
export function rustFolder(): string | null {
  const registry = "/usr/share/cargo/registry";
  const found = fs.existsSync(registry)
    ? fs.readdirSync(registry).find((name) => /^libc-\d/.test(name))
    : undefined;
  return folder("PKTINFO_RUST_LIBC", path.join(registry, found ?? "libc", "src"));
}

/** From the general to the special: what comes later replaces what was before. */
const RUST_FILES: Readonly<Record<string, readonly string[]>> = {
  darwin: ["bsd/mod.rs", "bsd/apple/mod.rs", "bsd/apple/b64/mod.rs"],
  freebsd: [
    "bsd/mod.rs",
    "bsd/freebsdlike/mod.rs",
    "bsd/freebsdlike/freebsd/mod.rs",
    "bsd/freebsdlike/freebsd/freebsd13/mod.rs",
    "bsd/freebsdlike/freebsd/ARCH.rs",
    "bsd/freebsdlike/freebsd/ARCH/mod.rs",
  ],
  openbsd: [
    "bsd/mod.rs",
    "bsd/netbsdlike/mod.rs",
    "bsd/netbsdlike/openbsd/mod.rs",
    "bsd/netbsdlike/openbsd/ARCH.rs",
  ],
  netbsd: [
    "bsd/mod.rs",
    "bsd/netbsdlike/mod.rs",
    "bsd/netbsdlike/netbsd/mod.rs",
    "bsd/netbsdlike/netbsd/ARCH.rs",
  ],
  android: [
    "linux_like/mod.rs",
    "linux_like/android/mod.rs",
    "linux_like/android/b64/mod.rs",
    "linux_like/android/b64/ARCH/mod.rs",
  ],
};

const RUST_OS: Readonly<Record<string, string>> = { darwin: "macos" };

/** Whether a `cfg` predicate holds. */
function holds(predicate: string, world: Readonly<Record<string, string>>): boolean {
  const call = /^(all|any|not)\s*\((.*)\)$/s.exec(predicate.trim());
  if (!call) {
    const [key, value] = predicate.split("=").map((part) => part.trim().replaceAll('"', ""));
    return world[key] === (value ?? "");
  }
  const parts: string[] = [];
  let depth = 0;
  let part = "";
  for (const char of call[2]) {
    depth += char === "(" ? 1 : char === ")" ? -1 : 0;
    if (char === "," && depth === 0) {
      parts.push(part);
      part = "";
    } else part += char;
  }
  if (part.trim() !== "") parts.push(part);
  const results = parts.map((part) => holds(part, world));
  if (call[1] === "not") return !results[0];
  return call[1] === "all" ? results.every(Boolean) : results.some(Boolean);
}

/** Takes the attributes before an item or a field apart: whether it exists here, and how. */
function attributes(text: string, world: Readonly<Record<string, string>>) {
  let exists = true;
  let packed = false;
  let link: string | null = null;
  for (const [, kind, rest] of text.matchAll(/#\[(cfg|cfg_attr|repr)\(((?:[^[\]])*)\)\]/g)) {
    if (kind === "cfg") exists &&= holds(rest, world);
    else if (kind === "repr") packed ||= rest === "packed";
    else {
      const comma = rest.lastIndexOf(",");
      if (!holds(rest.slice(0, comma), world)) continue;
      const what = rest.slice(comma + 1).trim();
      packed ||= what === "repr(packed)";
      link = /^link_name = "(.*)"$/.exec(what)?.[1] ?? link;
    }
  }
  return { exists, packed, link };
}

const RUST_TYPES: Readonly<Record<string, Type>> = Object.fromEntries(
  ([
    [1, ["u8", "i8", "c_char", "c_uchar", "c_schar", "bool"]],
    [2, ["u16", "i16", "c_short", "c_ushort"]],
    [4, ["u32", "i32", "c_int", "c_uint"]],
    [8, ["u64", "i64", "c_long", "c_ulong", "c_longlong", "c_ulonglong", "usize", "isize"]],
    [8, ["size_t", "ssize_t", "uintptr_t", "intptr_t"]],
  ] as const).flatMap(([size, names]) => names.map((name) => [name, { size, alignment: size }])),
);

/** C's own alignment of those that the crate writes in another way. */
const RUST_STRUCTS: Readonly<Record<string, Type>> = {
  in_addr: { size: 4, alignment: 4 },
  in6_addr: { size: 16, alignment: 4 },
  sockaddr_storage: { size: 128, alignment: 8 },
};

/** What Rust's libc crate says. */
export function rustFacts(root: string, os: string, arch: Arch): Facts {
  const files = ["mod.rs", ...RUST_FILES[os]].map((name) =>
    path.join(root, "unix", name.replace("ARCH", arch))
  ).filter((file) => fs.existsSync(file));
  const world = {
    target_os: RUST_OS[os] ?? os,
    target_arch: arch,
    target_pointer_width: "64",
    unix: "",
  };
  const expressions = new Map<string, string>();
  const functions = new Map<string, string>();
  const aliases = new Map<string, string>();
  const bodies = new Map<string, { body: string; packed: boolean }>();
  for (const file of files) {
    const text = fs.readFileSync(file, "utf8").replaceAll(/\/\/.*$/gm, "");
    readConstants(text, expressions);
    for (const [, name, type] of text.matchAll(/pub type (\w+) = ([^;]+);/g)) {
      aliases.set(name, type);
    }
    const before = (at: number) =>
      text.slice(Math.max(...["}", ";", "{"].map((end) => text.lastIndexOf(end, at - 1))), at);
    for (const { index, 1: name, 2: body } of text.matchAll(/pub struct (\w+) \{([^}]*)\}/g)) {
      const { exists, packed } = attributes(before(index), world);
      if (exists) bodies.set(name, { body, packed });
    }
    for (const { index, 1: name } of text.matchAll(/pub fn (\w+)\(/g)) {
      const { exists, link } = attributes(before(index), world);
      if (exists) functions.set(name, link ?? name);
    }
  }
  const structs = new Map<string, ReturnType<typeof layOut>>();
  const typeOf = (text: string): Type => {
    const name = text.trim().replace(/^::/, "");
    const array = /^\[(.*); *(\d+)\]$/.exec(name);
    if (array) {
      const { size, alignment } = typeOf(array[1]);
      return { size: size * Number(array[2]), alignment };
    }
    if (/^(?:\*|Option<)/.test(name)) return { size: 8, alignment: 8 };
    const known = RUST_TYPES[name] ?? RUST_STRUCTS[name] ?? structOf(name);
    if (known) return known;
    const alias = aliases.get(name);
    if (alias === undefined) throw new RangeError(`no type ${name}`);
    return typeOf(alias);
  };
  const structOf = (name: string): ReturnType<typeof layOut> | undefined => {
    const known = structs.get(name);
    const found = bodies.get(name);
    if (known || !found) return known;
    const fields: [string, Type][] = [];
    const field = /((?:#\[[^\n]*\]\s*)*)(?:pub )?(\w+): ([^\n]+?),?\s*(?:\n|$)/g;
    for (const [, before, name, type] of found.body.matchAll(field)) {
      if (attributes(before, world).exists) fields.push([name, typeOf(type)]);
    }
    const struct = layOut(fields, found.packed);
    structs.set(name, struct);
    return struct;
  };
  for (const name of bodies.keys()) {
    try {
      structOf(name);
    } catch (error) {
      // Of a type that none of these files has: none of ours.
      if (!(error instanceof RangeError)) throw error;
    }
  }
  const constants = new Map<string, number>();
  for (const name of expressions.keys()) {
    const value = valueOf(name, expressions);
    if (value !== null) constants.set(name, value);
  }
  const bytes = constants.get("_ALIGNBYTES");
  // linux_like/mod.rs has a function for it: that of a usize.
  const controlAlignment = os === "android" ? 8 : bytes === undefined ? null : bytes + 1;
  const source = `Rust's libc (${os}, ${arch})`;
  return { source, constants, structs, controlAlignment, functions };
}

/** `pub const NAME: type = …;` */
function readConstants(text: string, expressions: Map<string, string>): void {
  const here = new Map<string, string>();
  const definition = /pub (?:\(crate\) )?const (\w+): [\w:]+ = ([^;]+);/g;
  for (const [, name, expression] of text.matchAll(definition)) {
    // There is another way to write the same.
    if (expression.includes("size_of")) continue;
    const other = here.get(name);
    here.set(name, expression);
    // Two in one file: it depends on something that we do not look at.
    if (other !== undefined && other !== expression) expressions.delete(name);
    else expressions.set(name, expression);
  }
}

/** A constant's value, where it is a number or made of such; `null`: it is not. */
function valueOf(name: string, expressions: ReadonlyMap<string, string>): number | null {
  const expression = expressions.get(name);
  if (expression === undefined) return null;
  const parts = expression.split("|").map((part) => {
    const text = part.trim().replace(/ as [\w:]+$/, "").replace(/^::/, "");
    const difference = /^(\d+) - (\d+)$/.exec(text);
    if (difference) return Number(difference[1]) - Number(difference[2]);
    const digits = text.replaceAll("_", "");
    if (/^-?\d/.test(digits)) return digits[0] === "-" ? -Number(digits.slice(1)) : Number(digits);
    return /^\w+$/.test(text) ? valueOf(text, expressions) : null;
  });
  if (parts.some((part) => part === null || Number.isNaN(part))) return null;
  return parts.length === 1 ? parts[0] : parts.reduce((sum, part) => sum! | part!, 0);
}
