/**
 * A platform's tables as C: one `_Static_assert` for every number in them.
 *
 * A compiler that reads the system's own headers then says which numbers are
 * wrong, without running anything: so a table can also be checked for a system
 * or a processor that is only known to a cross compiler.
 *
 *     deno run -A scripts/probe_layouts.ts                  what each compiler here says
 *     deno run -A scripts/probe_layouts.ts --print TARGET   the C file
 */
import process from "node:process";
import { type FieldTable, type Struct, widthOf } from "../ffi/layout.ts";
import type { ControlRow, Platform } from "../ffi/platform/platform.ts";
import type { Dialect } from "./probe_dialects.ts";
import { compilerOf, guidsIn, guidSource, refuted, type Target, TARGETS } from "./probe_targets.ts";

/** One number of a table, as C has to see it. */
export interface Claim {
  /** Where it is in the tables; the compiler's message repeats it. */
  readonly subject: string;
  /** What C makes of it, without the tables. */
  readonly expression: string;
  readonly value: number;
}

type Layouts = Readonly<Record<string, Struct>>;
type Numbers = Readonly<Record<string, number>>;

function equal(subject: string, expression: string, value: number): Claim {
  return { subject, expression, value };
}

/** The level that goes with an option's name. */
function levelOf(cName: string, family: string): string {
  if (/^(?:SO|SCM)_/.test(cName)) return "SOL_SOCKET";
  if (cName.startsWith("IPV6_")) return "IPPROTO_IPV6";
  if (cName.startsWith("IP_")) return "IPPROTO_IP";
  if (cName.startsWith("UDP_")) return "IPPROTO_UDP";
  // MCAST_*: one name for both families, told apart by the level.
  return family === "IPv4" ? "IPPROTO_IP" : "IPPROTO_IPV6";
}

function* layoutClaims(at: string, layouts: Layouts, dialect: Dialect): Generator<Claim> {
  for (const [key, { name, size, fields }] of Object.entries(layouts)) {
    const type = dialect.structType(name);
    yield equal(`${at}.${key} size`, `sizeof(${type})`, size);
    for (const [field, [offset, kind]] of Object.entries<FieldTable[string]>(fields)) {
      const subject = `${at}.${key}.${field}`;
      const member = dialect.members?.[`${key}.${field}`] ?? field;
      const padding = dialect.padding?.[`${key}.${field}`];
      const bytes = (member: string) => `sizeof(((${type} *)0)->${member})`;
      yield equal(`${subject} offset`, `offsetof(${type}, ${member})`, offset);
      if (padding === undefined) {
        yield equal(`${subject} width`, bytes(member), widthOf(kind));
      } else {
        // A field and what is after it, which takes the zeros of our upper half.
        yield equal(
          `${subject} width`,
          `offsetof(${type}, ${padding}) - offsetof(${type}, ${member}) + ${bytes(padding)}`,
          widthOf(kind),
        );
      }
    }
  }
}

function* constantClaims(at: string, constants: Numbers, dialect: Dialect): Generator<Claim> {
  for (const [name, value] of Object.entries(constants)) {
    const expression = name in dialect.constants ? dialect.constants[name] : name;
    if (expression !== null) yield equal(`${at}.${name}`, expression, value);
  }
}

function* rowClaims(platform: Platform, dialect: Dialect): Generator<Claim> {
  const rows = function* (
    subject: string,
    family: string,
    row: { level: number; name: number; cName: string },
  ) {
    yield equal(`${subject} level`, levelOf(row.cName, family), row.level);
    const expression = row.cName in dialect.constants ? dialect.constants[row.cName] : row.cName;
    if (expression !== null) yield equal(`${subject} name`, expression, row.name);
  };
  for (const [family, options] of Object.entries(platform.options)) {
    for (const [option, row] of Object.entries(options)) {
      yield* rows(`options.${family}.${option}`, family, row);
    }
  }
  for (const [family, calls] of Object.entries(platform.memberships)) {
    for (const [call, list] of Object.entries(calls)) {
      for (const row of list) {
        yield* rows(`memberships.${family}.${call} ${row.cName}`, family, row);
      }
    }
  }
}

/** Every control message of the tables, with the name that the dialects know it by. */
export function controlRows(
  platform: Platform,
): { subject: string; name: string; at: number; row: ControlRow }[] {
  const { IPv4, IPv6, ...shared } = platform.control;
  const groups = [
    ["control.IPv4", "IPv4 ", IPv4],
    ["control.IPv6", "IPv6 ", IPv6],
    ["control", "", shared],
    ["sendControl.IPv4", "IPv4 ", platform.sendControl.IPv4],
    ["sendControl.IPv6", "IPv6 ", platform.sendControl.IPv6],
    ["segmentation", "segmentation ", platform.segmentation],
  ] as const;
  return groups.flatMap(([table, family, rows]) =>
    Object.entries<ControlRow | readonly ControlRow[] | null>({ ...rows }).flatMap(
      ([name, row]) =>
        [row ?? []].flat().map((row, at) => ({
          subject: `${table}.${name}${at === 0 ? "" : ` ${at}`}`,
          name: `${family}${name}`,
          at,
          row,
        })),
    )
  );
}

function* controlClaims(platform: Platform, dialect: Dialect): Generator<Claim> {
  for (const { subject, name, at, row } of controlRows(platform)) {
    const cName = [dialect.control[name] ?? []].flat()[at];
    if (!cName) throw new RangeError(`no C name for ${subject}`);
    yield equal(`${subject} level`, levelOf(cName, name), row.level);
    yield equal(`${subject} type`, cName, row.type);
  }
  const { length, space } = dialect.controlMacros;
  const unit = platform.controlAlignment;
  const data = Math.ceil(platform.layouts.cmsghdr.size / unit) * unit;
  yield equal("control header", `${length}(0)`, data);
  for (const size of [1, 4, 12, 20, 44]) {
    const whole = data + Math.ceil(size / unit) * unit;
    yield equal(`control space of ${size}`, `${space}(${size})`, whole);
  }
}

/** Every number of a platform's tables. */
export function claims(platform: Platform, dialect: Dialect): Claim[] {
  const { epoll, netlink, routeSocket, winsock, wake } = platform;
  const found = [
    ...layoutClaims("layouts", { ...platform.layouts } as Layouts, dialect),
    ...rowClaims(platform, dialect),
    ...controlClaims(platform, dialect),
    ...constantClaims("constants", { ...platform.constants }, dialect),
  ];
  for (const [at, tables] of Object.entries({ epoll, netlink, routeSocket, winsock })) {
    if (tables === null) continue;
    found.push(
      ...layoutClaims(`${at}.layouts`, tables.layouts, dialect),
      ...constantClaims(`${at}.constants`, tables.constants, dialect),
    );
  }
  if (wake !== "socket") found.push(...constantClaims("wake", { ...wake }, dialect));
  for (const [errno, [code]] of Object.entries(platform.errors)) {
    const name = dialect.errorName?.(code, Number(errno)) ?? code;
    found.push(equal(`errors.${errno} ${code}`, name, Number(errno)));
  }
  return found;
}

/** A C file that compiles only if all claims hold. */
export function probeSource(list: readonly Claim[], dialect: Dialect): string {
  return [
    ...dialect.prologue,
    ...list.map(({ subject, expression, value }) =>
      `_Static_assert((long long)(${expression}) == ${value}LL, "${subject}");`
    ),
    "",
  ].join("\n");
}

/** The C file of a target's tables, and of further claims. */
export function sourceOf({ platform, dialect }: Target, further: readonly Claim[] = []): string {
  return [
    probeSource([...claims(platform, dialect), ...further], dialect),
    ...Object.keys(platform.winsock?.guids ?? {}).map(guidSource),
  ].join("\n");
}

/** What is wrong with a target's tables by what a compiler refuted of their C file. */
export function judge({ platform }: Target, refuted: readonly string[]): string[] {
  const { guids, rest } = guidsIn(refuted);
  const ours = Object.entries(platform.winsock?.guids ?? {});
  const wrong = ours.filter(([, bytes], at) => guids[at]?.join() !== bytes.join());
  return [...rest, ...wrong.map(([name]) => `winsock.guids.${name}`)];
}

function main([flag, wanted]: string[]): number {
  if (flag === "--print") {
    const target = TARGETS.find(({ name }) => name.includes(wanted));
    if (!target) throw new RangeError(`one of: ${TARGETS.map(({ name }) => name).join("; ")}`);
    process.stdout.write(sourceOf(target));
    return 0;
  }
  let failed = false;
  for (const target of TARGETS) {
    const count = claims(target.platform, target.dialect).length;
    const compiler = compilerOf(target);
    const wrong = compiler && judge(target, refuted(compiler, sourceOf(target)));
    failed ||= wrong !== null && wrong.length > 0;
    const said = wrong === null
      ? `needs ${target.needs}`
      : wrong.length === 0
      ? `${count} numbers are the headers'`
      : `${wrong.length} of ${count} numbers are not the headers': ${wrong.join(", ")}`;
    process.stdout.write(`${target.name}: ${said}\n`);
  }
  return failed ? 1 : 0;
}

if (import.meta.main) process.exitCode = main(process.argv.slice(2));
