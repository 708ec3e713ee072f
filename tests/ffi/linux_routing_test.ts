// The numbers of ffi/platform/linux_routing.ts against the kernel's own headers, and the messages made of them.
import { assert, assertEquals } from "@std/assert";
import { spawnSync } from "node:child_process";
import process from "node:process";
import { widthOf } from "../../ffi/layout.ts";
import { LINUX_NETLINK } from "../../ffi/platform/linux_netlink.ts";
import {
  LINUX_ROUTING_CONSTANTS as C,
  LINUX_ROUTING_HEADERS,
  LINUX_ROUTING_LAYOUTS as L,
} from "../../ffi/platform/linux_routing.ts";
import { InspectionCodec } from "../../ffi/route/inspect_codec.ts";
import { findProgram, test } from "../harness.ts";
import { LINUX } from "./tables.ts";

/** One assertion for every number. */
function claims(constants: Readonly<Record<string, number>> = C): string[] {
  const list = Object.entries(constants).map(([name, value]) => [name, name, value] as const);
  const fields = Object.values(L).flatMap(({ name, size, fields }) => [
    [`sizeof ${name}`, `sizeof(struct ${name})`, size] as const,
    ...Object.entries(fields).flatMap(([field, [offset, kind]]) => [
      [`${name}.${field}`, `offsetof(struct ${name}, ${field})`, offset] as const,
      [`${name}.${field} width`, `sizeof(((struct ${name} *)0)->${field})`, widthOf(kind)] as const,
    ]),
  ]);
  return [...list, ...fields].map(([subject, expression, value]) =>
    `_Static_assert((long long)(${expression}) == ${value}LL, "${subject}");`
  );
}

function refuted(list: readonly string[]): string[] {
  const headers = ["stddef.h", "sys/socket.h", ...LINUX_ROUTING_HEADERS];
  const source = [...headers.map((name) => `#include <${name}>`), ...list, ""].join("\n");
  const { stderr, error } = spawnSync("gcc", ["-std=gnu11", "-fsyntax-only", "-x", "c", "-"], {
    input: source,
    env: { ...process.env, LC_ALL: "C" },
  });
  if (error) throw error;
  const text = stderr.toString();
  const subjects = [...text.matchAll(/static assertion failed: "([^"]*)"/g)].map(([, s]) => s);
  assert(text === "" || subjects.length > 0, text);
  return subjects;
}

const compiler = { skip: findProgram("gcc") === null && "needs gcc" } as const;

test("routing: every number in the tables is the headers'", compiler, () => {
  assertEquals(refuted(claims()), []);
  assertEquals(refuted(claims({ ...C, FRA_DST: 9 })), ["FRA_DST"]);
});

type Attribute = readonly [type: number, value: Uint8Array];

/** A message's own struct and its attributes. */
function message(header: readonly number[], ...attributes: Attribute[]): DataView<ArrayBuffer> {
  const bytes = [...header];
  for (const [type, value] of attributes) {
    while (bytes.length % 4 !== 0) bytes.push(0);
    bytes.push(...le16(value.length + 4), ...le16(type), ...value);
  }
  return new DataView(new Uint8Array(bytes).buffer);
}

const le16 = (value: number) => [value & 255, value >> 8];
const u32 = (value: number) => new Uint8Array(new Int32Array([value]).buffer);
const bytes = (...values: number[]) => new Uint8Array(values);
const text = (value: string) => new TextEncoder().encode(`${value}\0`);
const nested = (...attributes: Attribute[]) => new Uint8Array(message([], ...attributes).buffer);

const codec = new InspectionCodec(LINUX, LINUX_NETLINK);

const V4 = LINUX.constants.AF_INET;
const V6 = LINUX.constants.AF_INET6;
const GROUPS6 = bytes(0xff, ...Array(15).fill(0));

function rtmsg(
  family: number,
  length: number,
  type: number,
  part: { table?: number; flags?: number } = {},
) {
  return [family, length, 0, 0, part.table ?? 254, 0, 0, type, ...u32(part.flags ?? 0)];
}

test("routing: a route, with its table, interfaces and metric", () => {
  assertEquals(
    codec.route(message(
      rtmsg(V6, 8, C.RTN_MULTICAST, { table: 252 }),
      [C.RTA_DST, GROUPS6],
      [C.RTA_TABLE, u32(1000)],
      [C.RTA_OIF, u32(7)],
      [C.RTA_PRIORITY, u32(256)],
    )),
    {
      family: "IPv6",
      type: "multicast",
      destination: { address: "ff00::", length: 8 },
      table: 1000,
      interfaces: [7],
      gateway: false,
      metric: 256,
      limited: false,
    },
  );
  const several = bytes(
    ...[...le16(8), 0, 0, ...u32(3)],
    ...[...le16(16), 0, 0, ...u32(4), ...le16(8), ...le16(C.RTA_GATEWAY), 10, 0, 0, 1],
  );
  const all = codec.route(message(rtmsg(V4, 0, C.RTN_UNICAST), [C.RTA_MULTIPATH, several]));
  assertEquals([all?.destination, all?.interfaces, all?.table, all?.metric], [
    { address: "0.0.0.0", length: 0 },
    [3, 4],
    254,
    0,
  ]);
  const refusing = codec.route(
    message(rtmsg(V4, 4, C.RTN_PROHIBIT), [C.RTA_DST, bytes(224, 0, 0, 0)]),
  );
  assertEquals([refusing?.type, refusing?.interfaces], ["prohibit", []]);
  assertEquals(codec.route(message(rtmsg(V4, 0, 99)))?.type, "other");
  // A next hop that is shorter than its own struct ends the list.
  const cut = bytes(...le16(8), 0, 0, ...u32(3), ...le16(7), 0, 0, ...u32(4));
  const first = codec.route(message(rtmsg(V4, 0, C.RTN_UNICAST), [C.RTA_MULTIPATH, cut]));
  assertEquals(first?.interfaces, [3]);
});

test("routing: routes that lead to no group, or are remembered ones, are left out", () => {
  const leads = (family: number, length: number, ...address: number[]) => {
    const padded = [...address, ...Array((family === V4 ? 4 : 16) - address.length).fill(0)];
    const body = message(rtmsg(family, length, 1), [C.RTA_DST, bytes(...padded)]);
    return codec.route(body) !== null;
  };
  assertEquals(
    [
      leads(V4, 8, 10),
      leads(V4, 4, 240),
      leads(V4, 3, 192),
      leads(V4, 32, 223, 255, 255, 255),
      leads(V6, 10, 0xfe, 0x80),
      leads(V6, 7, 0xfc),
    ],
    Array(6).fill(false),
  );
  assertEquals(
    [
      leads(V4, 1, 128),
      leads(V4, 3, 224),
      leads(V4, 4, 224),
      leads(V4, 32, 239, 1, 2, 3),
      leads(V6, 3, 0xe0),
      leads(V6, 128, 0xff, 2),
    ],
    Array(6).fill(true),
  );
  const cached = rtmsg(V6, 8, C.RTN_MULTICAST, { flags: C.RTM_F_CLONED });
  assertEquals(codec.route(message(cached, [C.RTA_DST, GROUPS6])), null);
  assertEquals(codec.route(message(rtmsg(7, 0, 1))), null);
  // Too short for what it says.
  assertEquals(codec.route(message(rtmsg(V6, 8, 1), [C.RTA_DST, bytes(0xff)])), null);
  assertEquals(codec.route(message([V4])), null);
});

function fibRule(
  family: number,
  action: number,
  part: Partial<Record<"to" | "from" | "tos" | "flags" | "table", number>> = {},
) {
  const { to = 0, from = 0, tos = 0, flags = 0, table = 0 } = part;
  return [family, to, from, tos, table, 0, 0, action, ...u32(flags)];
}

test("routing: a rule, and what says 'any' is no condition", () => {
  assertEquals(
    codec.rule(message(
      fibRule(V4, C.FR_ACT_TO_TBL, { to: 4, flags: C.FIB_RULE_INVERT, table: 254 }),
      [C.FRA_DST, bytes(224, 0, 0, 0)],
      [C.FRA_PRIORITY, u32(100)],
      [C.FRA_TABLE, u32(254)],
      [C.FRA_SUPPRESS_PREFIXLEN, u32(-1)],
      [C.FRA_SUPPRESS_IFGROUP, u32(-1)],
      [C.FRA_UID_RANGE, bytes(0, 0, 0, 0, 255, 255, 255, 255)],
      [C.FRA_L3MDEV, bytes(0)],
    )),
    {
      family: "IPv4",
      priority: 100,
      action: "lookup",
      table: 254,
      target: null,
      destination: { address: "224.0.0.0", length: 4 },
      source: null,
      inverted: true,
      suppressed: null,
      conditions: [],
    },
  );
  const asking = codec.rule(message(
    fibRule(V6, C.FR_ACT_GOTO, { tos: 4, from: 8 }),
    [C.FRA_SRC, GROUPS6],
    [C.FRA_GOTO, u32(200)],
    [C.FRA_SUPPRESS_PREFIXLEN, u32(0)],
    [C.FRA_IIFNAME, text("eth0")],
    [C.FRA_FWMARK, u32(3)],
    [C.FRA_UID_RANGE, bytes(0, 0, 0, 0, 1, 0, 0, 0)],
    [C.FRA_L3MDEV, bytes(1)],
  ));
  assertEquals([asking?.action, asking?.target, asking?.suppressed, asking?.source], [
    "goto",
    200,
    0,
    { address: "ff00::", length: 8 },
  ]);
  assertEquals(asking?.conditions, [
    "incoming interface",
    "mark",
    "VRF",
    "user",
    "type of service",
  ]);
  assertEquals(codec.rule(message(fibRule(V4, C.FR_ACT_NOP)))?.action, "none");
  assertEquals(codec.rule(message(fibRule(99, 1))), null);
  assertEquals(codec.rule(message([V4, 0])), null);
});

/** An array of 32-bit settings in which one is set. */
function settings(length: number, set: Record<number, number>): Uint8Array {
  const words = new Int32Array(length);
  for (const [at, value] of Object.entries(set)) words[Number(at)] = value;
  return new Uint8Array(words.buffer);
}

function ifinfo(index: number, family = 0) {
  return [family, 0, 0, 0, ...u32(index), ...u32(0), ...u32(0)];
}

test("routing: an interface's settings", () => {
  const ipv4 = settings(33, {
    [C.IPV4_DEVCONF_RP_FILTER - 1]: 1,
    [C.IPV4_DEVCONF_FORCE_IGMP_VERSION - 1]: 2,
  });
  const ipv6 = settings(60, {
    [C.DEVCONF_DISABLE_IPV6]: 1,
    [C.DEVCONF_DAD_TRANSMITS]: 4,
    [C.DEVCONF_FORCE_MLD_VERSION]: 1,
  });
  const body = message(
    ifinfo(5),
    [C.IFLA_LINK, u32(4)],
    [C.IFLA_MASTER, u32(9)],
    [C.IFLA_LINKINFO, nested([C.IFLA_INFO_KIND, text("veth")])],
    [
      C.IFLA_AF_SPEC,
      nested([V4, nested([C.IFLA_INET_CONF, ipv4])], [V6, nested([C.IFLA_INET6_CONF, ipv6])]),
    ],
  );
  const expected = {
    index: 5,
    kind: "veth",
    master: 9,
    peer: 4,
    bridge: null,
    strictReversePath: true,
    forcedIgmp: 2,
    forcedMld: 1,
    ipv6Disabled: true,
    duplicateProbes: 4,
  };
  assertEquals(codec.link(body, 0), expected);
  // The greater of its own and everybody's counts, and 2 is loose.
  assertEquals(codec.link(body, 2), { ...expected, strictReversePath: false });
  // Where everybody's is not known its own does.
  assertEquals(codec.link(body, null), expected);
  // The other end is in another namespace, where its number means something else.
  const far = message(ifinfo(5), [C.IFLA_LINK, u32(4)], [C.IFLA_LINK_NETNSID, u32(0)]);
  const link = codec.link(far, null);
  assertEquals([link?.peer, link?.strictReversePath, link?.ipv6Disabled], [null, null, null]);
  // What a bridge tells of its ports.
  assertEquals(codec.link(message(ifinfo(5, 7)), null), null);
  assertEquals(codec.link(message([0, 0]), null), null);
});

test("routing: a bridge's queriers", () => {
  const bridge = (...data: Attribute[]) =>
    codec.link(
      message(ifinfo(3), [
        C.IFLA_LINKINFO,
        nested([C.IFLA_INFO_KIND, text("bridge")], [C.IFLA_INFO_DATA, nested(...data)]),
      ]),
      null,
    )?.bridge;
  const snooping = [C.IFLA_BR_MCAST_SNOOPING, bytes(1)] as const;
  assertEquals(bridge(snooping), { snooping: true, querier: false, otherQuerier: false });
  assertEquals(bridge(snooping, [C.IFLA_BR_MCAST_QUERIER, bytes(1)])?.querier, true);
  const state = nested([C.BRIDGE_QUERIER_IPV6_ADDRESS, GROUPS6]);
  assertEquals(bridge(snooping, [C.IFLA_BR_MCAST_QUERIER_STATE, state])?.otherQuerier, true);
  assertEquals(bridge(), { snooping: false, querier: false, otherQuerier: null });
});

test("routing: the reverse path filter of all interfaces is found among the others", () => {
  const of = (index: number) =>
    codec.reversePathOfAll(
      message([V4], [C.NETCONFA_IFINDEX, u32(index)], [C.NETCONFA_RP_FILTER, u32(2)]),
    );
  assertEquals([of(C.NETCONFA_IFINDEX_ALL), of(-2), of(1)], [2, null, null]);
  assertEquals(codec.reversePathOfAll(message([V4])), null);
});

test("routing: messages cut off anywhere do no harm", () => {
  const whole = new Uint8Array(
    message(
      ifinfo(5),
      [
        C.IFLA_LINKINFO,
        nested([C.IFLA_INFO_KIND, text("bridge")], [
          C.IFLA_INFO_DATA,
          nested([C.IFLA_BR_MCAST_SNOOPING, bytes()]),
        ]),
      ],
      [C.IFLA_AF_SPEC, nested([V4, nested([C.IFLA_INET_CONF, bytes(1, 2, 3)])])],
      [C.RTA_MULTIPATH, bytes(0, 0, 0, 0, 0, 0, 0, 0)],
    ).buffer,
  );
  for (let length = 0; length <= whole.length; length++) {
    const body = new DataView(whole.slice(0, length).buffer);
    codec.link(body, null);
    codec.route(body);
    codec.rule(body);
    codec.reversePathOfAll(body);
  }
});
