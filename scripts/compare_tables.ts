/**
 * Compares the tables of systems whose headers are not at hand with what Go's x/sys and Rust's libc
 * know of them (facts/).
 *
 *     deno run -A scripts/compare_tables.ts             how many numbers agree
 *     deno run -A scripts/compare_tables.ts --unknown   and which ones neither of them has
 */
import process from "node:process";
import { android } from "../ffi/platform/android.ts";
import { darwin } from "../ffi/platform/darwin.ts";
import { freebsd } from "../ffi/platform/freebsd.ts";
import { netbsd } from "../ffi/platform/netbsd.ts";
import { openbsd } from "../ffi/platform/openbsd.ts";
import type { Arch, LibraryTable, Platform } from "../ffi/platform/platform.ts";
import {
  ANDROID_C,
  DARWIN_C,
  type Dialect,
  FREEBSD_C,
  NETBSD_C,
  OPENBSD_C,
} from "./probe_dialects.ts";
import { claims } from "./probe_layouts.ts";
import type { Facts } from "./facts/facts.ts";
import { goFacts, goFolder } from "./facts/go.ts";
import { rustFacts, rustFolder } from "./facts/rust.ts";

/** A system on a processor. */
export interface Subject {
  readonly name: string;
  readonly platform: Platform;
  readonly dialect: Dialect;
  readonly arch: Arch;
}

const ARCHS = ["x86_64", "aarch64"] as const;

/** What is compared; macOS, whose headers are at hand, to show that the sources are read as they are meant. */
export const SUBJECTS: readonly Subject[] = [
  [darwin, DARWIN_C] as const,
  [freebsd, FREEBSD_C] as const,
  [openbsd, OPENBSD_C] as const,
  [netbsd, NETBSD_C] as const,
  [android, ANDROID_C] as const,
].flatMap(([make, dialect]) =>
  ARCHS.map((arch) => {
    const platform = make(arch);
    return { name: `${platform.displayName} on ${arch}`, platform, dialect, arch };
  })
);

/** What the sources say that is not so, and how that is known. */
const NOT_SO: readonly { source: RegExp; subject: RegExp; why: string }[] = [
  {
    source: /netbsd/,
    subject: /^layouts\.sockaddr_dl(?: size|\.sdl_data width)$/,
    why: "12 bytes of sdl_data became 24 in NetBSD 5 (net/if_dl.h, struct dl_addr)",
  },
  {
    source: /Rust.*\(darwin, x86_64\)/,
    subject: /^symbols\.close$/,
    why: "it takes the one that is no cancellation point (close$NOCANCEL); the other is there, too",
  },
  {
    source: /Go.*\(netbsd/,
    subject: /^routeSocket\.constants\.RTM_(?:NEW|DEL)ADDR$/,
    why: "since NetBSD 8 these are RTM_ONEWADDR and RTM_ODELADDR (net/route.h)",
  },
  {
    source: /Rust.*\(netbsd, aarch64\)/,
    subject: /^control /,
    why: "Go, whose tests run there, aligns control messages to 16 bytes",
  },
];

/** The entries of that list that do not occur in any of these texts: the sources have been corrected. */
export function notSoUnused(texts: readonly string[]): string[] {
  const used = ({ source, subject }: (typeof NOT_SO)[number]) =>
    texts.some((text) => {
      const [name, place] = text.split(/ is .*, in /);
      return subject.test(name) && source.test(place);
    });
  return NOT_SO.filter((one) => !used(one)).map(({ why }) => why);
}

/** Folders of the two sources; `null`: not there. */
export interface Sources {
  readonly go: string | null;
  readonly rust: string | null;
}

/** Where they are on this machine. */
export function sourcesHere(): Sources {
  return { go: goFolder(), rust: rustFolder() };
}

/** What they say of a system. Go takes Android for Linux. */
export function factsOf({ go, rust }: Sources, { platform: { os }, arch }: Subject): Facts[] {
  const facts = rust === null ? [] : [rustFacts(rust, os, arch)];
  return go === null || os === "android" ? facts : [goFacts(go, os, arch), ...facts];
}

/** What an expression of the probe's comes to; `null`: the source does not say. */
export function evaluate(expression: string, facts: Facts): number | null {
  const member = /^offsetof\(struct (\w+), (\w+)\)$/.exec(expression);
  if (member) return facts.structs.get(member[1])?.fields.get(member[2])?.[0] ?? null;
  const width = /^sizeof\(\(\(struct (\w+) \*\)0\)->(\w+)\)$/.exec(expression);
  if (width) return facts.structs.get(width[1])?.fields.get(width[2])?.[1] ?? null;
  const struct = /^sizeof\(struct (\w+)\)$/.exec(expression);
  if (struct) return facts.structs.get(struct[1])?.size ?? null;
  const macro = /^CMSG_(LEN|SPACE)\((\d+)\)$/.exec(expression);
  if (macro) {
    const header = facts.structs.get("cmsghdr");
    const unit = facts.controlAlignment;
    if (!header || unit === null) return null;
    const aligned = (size: number) => Math.ceil(size / unit) * unit;
    const size = Number(macro[2]);
    return aligned(header.size) + (macro[1] === "LEN" ? size : aligned(size));
  }
  const parts = expression.split(/ ([|&]) /);
  let value: number | null = null;
  for (let at = 0; at < parts.length; at += 2) {
    const part = facts.constants.get(parts[at]) ??
      (/^\d/.test(parts[at]) ? Number(parts[at]) : null);
    if (part === null) return null;
    value = value === null ? part : parts[at - 1] === "|" ? value | part : value & part;
  }
  return value;
}

/** The outcome for one system. */
export interface Comparison {
  /** How many numbers at least one source has. */
  readonly compared: number;
  /** What neither has. */
  readonly unknown: string[];
  /** What a source says otherwise. */
  readonly wrong: string[];
  /** What a source says otherwise and is known not to be so. */
  readonly notSo: string[];
}

function functionsOf({ symbols }: LibraryTable) {
  return Object.entries(symbols);
}

/** Compares a platform's tables with all sources. */
export function compare(
  platform: Platform,
  dialect: Dialect,
  sources: readonly Facts[],
): Comparison {
  const wrong: string[] = [];
  const notSo: string[] = [];
  const unknown: string[] = [];
  const list = claims(platform, dialect);
  const differs = <T>(
    { subject, value }: { subject: string; value: T },
    said: T,
    source: string,
  ) => {
    const excused = NOT_SO.some((one) => one.source.test(source) && one.subject.test(subject));
    (excused ? notSo : wrong).push(`${subject} is ${value}, in ${source} ${said}`);
  };
  for (const claim of list) {
    let known = false;
    for (const facts of sources) {
      const said = evaluate(claim.expression, facts);
      if (said === null) continue;
      known = true;
      if (said !== claim.value) differs(claim, said, facts.source);
    }
    if (!known) unknown.push(claim.subject);
  }
  for (const { functions, source } of sources) {
    for (const [name, { symbol = name }] of platform.libraries.flatMap(functionsOf)) {
      const link = functions.get(name);
      if (link !== undefined && link !== symbol) {
        differs({ subject: `symbols.${name}`, value: symbol }, link, source);
      }
    }
  }
  return { compared: list.length - unknown.length, unknown, wrong, notSo };
}

function main(args: readonly string[]): number {
  const sources = sourcesHere();
  for (const [name, folder] of Object.entries(sources)) {
    if (folder === null) process.stdout.write(`no ${name} sources here\n`);
  }
  let wrong = 0;
  for (const subject of SUBJECTS) {
    const facts = factsOf(sources, subject);
    const result = compare(subject.platform, subject.dialect, facts);
    wrong += result.wrong.length;
    const { compared, unknown } = result;
    process.stdout.write(
      `${subject.name}: ${compared} of ${compared + unknown.length} numbers compared\n`,
    );
    for (const text of result.wrong) process.stdout.write(`  ${text}\n`);
    for (const text of result.notSo) process.stdout.write(`  (known) ${text}\n`);
    if (args.includes("--unknown")) {
      for (const text of unknown) process.stdout.write(`  in neither: ${text}\n`);
    }
  }
  return wrong === 0 ? 0 : 1;
}

if (import.meta.main) process.exitCode = main(process.argv.slice(2));
