/**
 * docs/platforms.md: which feature each operating system has, and how we know.
 *
 * A cell is *executed* where the feature's tests passed on that system, *layout-verified*
 * where the tables that it stands on were compared with the system's own headers or with
 * what others took from them, and *unsupported* where a table has no row for it. Nothing
 * is typed by hand: the rows are read from the tables, the passes from the test runs.
 */
import type { Family } from "../address/ip.ts";
import { findPlatform } from "../ffi/platform/detect.ts";
import type { OptionName, Platform } from "../ffi/platform/platform.ts";

/** Where tests run, as scripts/stages.ts calls them. */
export type Machine = "linux-x64" | "linux-arm64" | "windows";

/** The tests that passed on each machine, by name; a machine that did not run is missing. */
export type Passes = Partial<Record<Machine, ReadonlySet<string>>>;

interface Column {
  readonly title: string;
  readonly os: string;
  readonly arch: "x86_64" | "aarch64";
  readonly machine?: Machine;
}

/** The systems, from left to right. */
const COLUMNS: readonly Column[] = [
  { title: "Linux x64", os: "linux", arch: "x86_64", machine: "linux-x64" },
  { title: "Linux arm64", os: "linux", arch: "aarch64", machine: "linux-arm64" },
  { title: "musl", os: "linux", arch: "x86_64" },
  { title: "Android", os: "android", arch: "aarch64" },
  { title: "Windows", os: "windows", arch: "x86_64", machine: "windows" },
  { title: "macOS", os: "darwin", arch: "aarch64" },
  { title: "FreeBSD", os: "freebsd", arch: "x86_64" },
  { title: "OpenBSD", os: "openbsd", arch: "x86_64" },
  { title: "NetBSD", os: "netbsd", arch: "x86_64" },
];

/** Something a user may count on. */
export interface Feature {
  /** In the table, and in the name of the test that shows it. */
  readonly name: string;
  /** Whether the tables have what it needs. */
  readonly has: (platform: Platform) => boolean;
}

function feature(name: string, has: Feature["has"] = () => true): Feature {
  return { name, has };
}

function option(name: OptionName, family: Family = "IPv4"): Feature["has"] {
  return ({ options }) => options[family][name] !== undefined;
}

/** From top to bottom. tests/kernel/platform_features_test.ts has a test for each. */
export const FEATURES: readonly Feature[] = [
  feature(
    "destination and interface of an IPv4 packet",
    ({ control: { IPv4 } }) => (IPv4.packetInfo ?? IPv4.receivedInterface) !== null,
  ),
  feature(
    "destination and interface of an IPv6 packet",
    ({ control: { IPv6 } }) => IPv6.packetInfo !== null,
  ),
  feature("unicast and IPv4 broadcast are told apart"),
  feature(
    "hops of a packet",
    ({ control: { IPv4, IPv6 } }) => IPv4.hops.length > 0 && IPv6.hops.length > 0,
  ),
  feature("traffic class of an IPv4 packet", ({ control }) => control.IPv4.trafficClass.length > 0),
  feature("traffic class of an IPv6 packet", ({ control }) => control.IPv6.trafficClass.length > 0),
  feature("a datagram that was cut is marked"),
  feature("time of arrival by the kernel", option("timestamps")),
  feature("datagrams that the kernel dropped are counted", option("dropCounter")),
  feature("ICMP errors name their destination", option("receiveErrors")),
  feature(
    "an IPv4 datagram's source is chosen",
    ({ sendControl: { IPv4 } }) => (IPv4.packetInfo ?? IPv4.source) !== null,
  ),
  feature(
    "an IPv6 datagram's source is chosen",
    ({ sendControl: { IPv6 } }) => IPv6.packetInfo !== null,
  ),
  feature("an answer comes from the address that was asked"),
  feature(
    "an IPv4 unicast's interface is chosen",
    ({ sendControl: { IPv4 } }) => IPv4.packetInfo !== null,
  ),
  feature(
    "both of an IPv4 unicast in one",
    ({ sendControl: { IPv4 }, quirks }) =>
      IPv4.packetInfo !== null && !quirks.interfaceForgetsSource,
  ),
  feature("a multicast's interface is chosen"),
  feature("a datagram's hops are chosen"),
  feature("IPv4 groups are joined by interface"),
  feature("IPv6 groups are joined by interface"),
  feature(
    "IPv4 groups of one sender only",
    ({ memberships: { IPv4 } }) => IPv4.joinSource !== undefined,
  ),
  feature(
    "IPv6 groups of one sender only",
    ({ memberships: { IPv6 } }) => IPv6.joinSource !== undefined,
  ),
  feature("a socket hears the groups that it joined only"),
  feature("a socket on a group hears that group only, and can answer"),
  feature("the kernel binds to a group", ({ quirks }) => quirks.bindToGroup),
  feature("a socket on one interface hears and sends there only"),
  feature("the kernel confines a socket to an interface", option("bindToInterface")),
  feature("a port is shared when all ask for it", option("share")),
  feature("the kernel spreads unicast over sockets (reusePort)", option("reusePort")),
  feature("several datagrams a system call", ({ batchedCalls }) => batchedCalls),
  feature("interfaces are listed"),
  feature(
    "changes of interfaces are heard",
    ({ netlink, routeSocket, winsock }) => (netlink ?? routeSocket ?? winsock) !== null,
  ),
  feature(
    "tentative, temporary and deprecated addresses are told",
    ({ netlink, winsock }) => (netlink ?? winsock) !== null,
  ),
  feature("the doctor tries every interface"),
  feature("the doctor sees routes and rules", ({ netlink }) => netlink !== null),
];

/** The name of the test that shows a feature. */
export function testName({ name }: Feature): string {
  return `platform: ${name}`;
}

/** Finds a column's tables. */
function platformOf({ os, arch }: Column): Platform {
  const platform = findPlatform(os, arch);
  if (!platform) throw new RangeError(`there are no tables for ${os} on ${arch}`);
  return platform;
}

function cell(column: Column, feature: Feature, passes: Passes): string {
  if (!feature.has(platformOf(column))) return "unsupported";
  const passed = column.machine && passes[column.machine];
  return passed?.has(testName(feature)) ? "**executed**" : "layout-verified";
}

/** The document. */
export function render(passes: Passes): string {
  const row = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const lines = FEATURES.map((feature) =>
    row([feature.name, ...COLUMNS.map((column) => cell(column, feature, passes))])
  );
  return [
    HEAD,
    row(["", ...COLUMNS.map(({ title }) => title)]),
    row(Array(COLUMNS.length + 1).fill("---")),
    ...lines,
    TAIL,
  ].join("\n");
}

const HEAD = `# Operating systems

<!-- Generated by scripts/platforms.ts; do not edit. -->

One public face and one packet record everywhere; what differs is data in
[ffi/platform/](../ffi/platform/). Each cell is

- **executed**: a test of that name passes there, each time \`deno task test\` runs: Linux x64 as it is,
  Linux arm64 in qemu's user mode, Windows x64 under Wine;
- **layout-verified**: every number that it needs agrees with the system's own headers (compiled by
  \`scripts/probe_layouts.ts\`: Linux with glibc and musl, Windows, macOS, each x64 and arm64), or with the
  tables of golang.org/x/sys and Rust's libc (BSD, Android); the bytes are tested, but no test ran there;
- **unsupported**: the system has nothing for it; asking raises \`UnsupportedError\`, or the field is \`null\`.
`;

const TAIL = `
musl and Android are Linux below, with other C libraries; Windows on arm64 has the tables of x64.

## What differs in behaviour

- **Source and interface of one IPv4 unicast** go together on Linux, Windows and NetBSD. macOS takes either,
  FreeBSD and OpenBSD the source only, and on macOS and FreeBSD a socket that is bound to an address
  sends from no other: \`send\` refuses what cannot be had, \`reply\` then leaves the interface to the
  system. Multicasts and IPv6 have both everywhere.
- **A socket bound to a group** is the kernel's everywhere but on Windows, where the delivery filter
  selects. Only Linux also sends from one; on macOS and BSD a second socket of the same port sends
  (the port is shared between the two).
- **\`multicastLoopback\`** is the sender's choice, on Windows the receiver's.
- **\`interface\`** is enforced by the kernel on Linux and macOS. Elsewhere the delivery filter does it; on
  FreeBSD and OpenBSD IPv4 unicast then leaves as routed.
- **\`disconnect\`** of a socket that is bound to an address leaves it bound to none on macOS and BSD
  (\`localAddresses\` tells).
- **Ports** are exclusive unless \`share\` is set, on Windows by SO_EXCLUSIVEADDRUSE.
- **Watching** tells each change on Linux. Elsewhere the system says that something changed and the list is
  compared: what is undone in between is not seen.
- **macOS**: child processes inherit the descriptors, as its way to forbid that is a function with a variable
  argument list, which arm64 calls differently.

## What Wine does not show

What follows is skipped there by name, and not on Windows. Wine ignores the source in \`IP_PKTINFO\` and
\`IPV6_PKTINFO\`, does not set \`MSG_TRUNC\`, \`MSG_CTRUNC\` and \`MSG_BCAST\`, knows no \`MCAST_*\` requests
(the older ones are taken) and mixes up the fields of \`ip_mreq_source\`, notifies of no change to the
interfaces and tells no ICMP errors. What the network itself does there is Linux's doing.
`;
