/**
 * A platform's tables as C: one `_Static_assert` for every number in them.
 *
 * A compiler that reads the system's own headers then says which numbers are
 * wrong, without running anything: so a table can also be checked for a system
 * or a processor that is only known to a cross compiler. Pure text; whoever
 * uses it calls the compiler.
 */
import { type FieldTable, type Struct, widthOf } from "../ffi/layout.ts";
import type { NetlinkTables, Platform } from "../ffi/platform/platform.ts";

/** What a system's headers call what the tables hold. */
export interface Dialect {
  /** Everything before the first assertion: feature macros and `#include`s. */
  readonly prologue: readonly string[];
  /** A struct's C type, e.g. `struct iovec`. */
  structType(name: string): string;
  /** C expressions for constants that are no single name in C; `null`: not to be checked. */
  readonly constants: Readonly<Record<string, string | null>>;
  /** `"IPv4 hops"` → level and type of that control message. */
  readonly control: Readonly<Record<string, readonly [level: string, type: string]>>;
  /** `CMSG_LEN` and `CMSG_SPACE`, or what is in their place. */
  readonly controlMacros: { readonly length: string; readonly space: string };
}

/** Linux, glibc. */
export const LINUX_C: Dialect = {
  prologue: [
    "#define _GNU_SOURCE 1",
    ...[
      "errno.h",
      "ifaddrs.h",
      "net/if.h",
      "netinet/in.h",
      "netpacket/packet.h",
      "poll.h",
      "stddef.h",
      "sys/epoll.h",
      "sys/eventfd.h",
      "sys/socket.h",
      "sys/uio.h",
      "time.h",
      "linux/errqueue.h",
      "linux/netlink.h",
      "linux/rtnetlink.h",
      "linux/if_link.h",
      "linux/if_addr.h",
    ].map((header) => `#include <${header}>`),
  ],
  structType: (name) => `struct ${name}`,
  constants: {
    SOCK_DGRAM: "SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC",
    EFD_FLAGS: "EFD_NONBLOCK | EFD_CLOEXEC",
    // A 16-bit type: C's ~ fills the rest of an int.
    NLA_TYPE_MASK: "NLA_TYPE_MASK & 0xffff",
  },
  control: {
    "IPv4 packetInfo": ["IPPROTO_IP", "IP_PKTINFO"],
    "IPv4 hops": ["IPPROTO_IP", "IP_TTL"],
    "IPv4 trafficClass": ["IPPROTO_IP", "IP_TOS"],
    "IPv4 error": ["IPPROTO_IP", "IP_RECVERR"],
    "IPv6 packetInfo": ["IPPROTO_IPV6", "IPV6_PKTINFO"],
    "IPv6 hops": ["IPPROTO_IPV6", "IPV6_HOPLIMIT"],
    "IPv6 trafficClass": ["IPPROTO_IPV6", "IPV6_TCLASS"],
    "IPv6 error": ["IPPROTO_IPV6", "IPV6_RECVERR"],
    "timestamp": ["SOL_SOCKET", "SCM_TIMESTAMPNS"],
    "dropCounter": ["SOL_SOCKET", "SO_RXQ_OVFL"],
  },
  controlMacros: { length: "CMSG_LEN", space: "CMSG_SPACE" },
};

/** One number of a table, as C has to see it. */
export interface Claim {
  /** Where it is in the tables; the compiler's message repeats it. */
  readonly subject: string;
  readonly condition: string;
}

function equal(subject: string, expression: string, value: number): Claim {
  return { subject, condition: `(long long)(${expression}) == ${value}LL` };
}

/** The level that goes with an option's name. */
function levelOf(cName: string, family: string): string {
  if (cName.startsWith("SO_")) return "SOL_SOCKET";
  if (cName.startsWith("IPV6_")) return "IPPROTO_IPV6";
  if (cName.startsWith("IP_")) return "IPPROTO_IP";
  // MCAST_*: one name for both families, told apart by the level.
  return family === "IPv4" ? "IPPROTO_IP" : "IPPROTO_IPV6";
}

function* layoutClaims(
  at: string,
  layouts: Platform["layouts"] | NetlinkTables["layouts"],
  dialect: Dialect,
): Generator<Claim> {
  for (const [key, { name, size, fields }] of Object.entries<Struct>({ ...layouts })) {
    const type = dialect.structType(name);
    yield equal(`${at}.${key} size`, `sizeof(${type})`, size);
    for (const [field, [offset, kind]] of Object.entries<FieldTable[string]>(fields)) {
      const member = `((${type} *)0)->${field}`;
      yield equal(`${at}.${key}.${field} offset`, `offsetof(${type}, ${field})`, offset);
      yield equal(`${at}.${key}.${field} width`, `sizeof(${member})`, widthOf(kind));
    }
  }
}

function* rowClaims(platform: Platform): Generator<Claim> {
  for (const [family, options] of Object.entries(platform.options)) {
    for (const [option, { level, name, cName }] of Object.entries(options)) {
      const subject = `options.${family}.${option}`;
      yield equal(`${subject} level`, levelOf(cName, family), level);
      yield equal(`${subject} name`, cName, name);
    }
  }
  for (const [family, calls] of Object.entries(platform.memberships)) {
    for (const [call, rows] of Object.entries(calls)) {
      for (const { level, name, cName } of rows) {
        const subject = `memberships.${family}.${call} ${cName}`;
        yield equal(`${subject} level`, levelOf(cName, family), level);
        yield equal(`${subject} name`, cName, name);
      }
    }
  }
}

function* controlClaims(platform: Platform, dialect: Dialect): Generator<Claim> {
  const { IPv4, IPv6, ...shared } = platform.control;
  const rows = [
    ...Object.entries(IPv4).map(([name, row]) => [`IPv4 ${name}`, row] as const),
    ...Object.entries(IPv6).map(([name, row]) => [`IPv6 ${name}`, row] as const),
    ...Object.entries(shared),
  ];
  for (const [name, row] of rows) {
    const names = dialect.control[name];
    if (!names) throw new RangeError(`no C name for the control message ${name}`);
    yield equal(`control.${name} level`, names[0], row.level);
    yield equal(`control.${name} type`, names[1], row.type);
  }
  const { length, space } = dialect.controlMacros;
  const unit = platform.controlAlignment;
  const data = Math.ceil(platform.layouts.cmsghdr.size / unit) * unit;
  yield equal("control header", `${length}(0)`, data);
  for (const size of [1, 4, 12, 20, 44]) {
    yield equal(
      `control space of ${size}`,
      `${space}(${size})`,
      data + Math.ceil(size / unit) * unit,
    );
  }
}

function* constantClaims(
  at: string,
  constants: Platform["constants"] | NetlinkTables["constants"],
  dialect: Dialect,
): Generator<Claim> {
  for (const [name, value] of Object.entries(constants)) {
    const expression = name in dialect.constants ? dialect.constants[name] : name;
    if (expression !== null) yield equal(`${at}.${name}`, expression, value);
  }
}

/** Every number of a platform's tables. */
export function claims(platform: Platform, dialect: Dialect): Claim[] {
  const { netlink } = platform;
  const found = [
    ...layoutClaims("layouts", platform.layouts, dialect),
    ...rowClaims(platform),
    ...controlClaims(platform, dialect),
    ...constantClaims("constants", platform.constants, dialect),
  ];
  if (netlink) {
    found.push(
      ...layoutClaims("netlink.layouts", netlink.layouts, dialect),
      ...constantClaims("netlink.constants", netlink.constants, dialect),
    );
  }
  for (const [errno, [code]] of Object.entries(platform.errors)) {
    found.push(equal(`errors.${errno} ${code}`, code, Number(errno)));
  }
  return found;
}

/** A C file that compiles only if all claims hold. */
export function probeSource(list: readonly Claim[], dialect: Dialect): string {
  return [
    ...dialect.prologue,
    ...list.map(({ subject, condition }) => `_Static_assert(${condition}, "${subject}");`),
    "",
  ].join("\n");
}
