/**
 * What the platforms' files are put together from: rows, and what POSIX systems have in common.
 *
 * @module
 */

import type {
  ControlRow,
  FamilyControl,
  FamilySendControl,
  MembershipName,
  MembershipRequest,
  MembershipRow,
  OptionKind,
  OptionName,
  OptionRow,
  Signature,
} from "./platform.ts";

/** The level of `IP_*`. */
export const IPPROTO_IP = 0;
/** The level of `IPV6_*`. */
export const IPPROTO_IPV6 = 41;
/** The level of `UDP_*`. */
export const IPPROTO_UDP = 17;

/** The options of a family. */
export type Options = Partial<Record<OptionName, OptionRow>>;
/** The membership calls of a family, each with the ways to make it. */
export type Memberships = Partial<Record<MembershipName, readonly MembershipRow[]>>;

/** A row of the options. */
export function option(
  level: number,
  name: number,
  cName: string,
  kind: OptionKind = "int",
): OptionRow {
  return { level, name, kind, cName };
}

const PROTOCOL_INDEPENDENT: Readonly<Record<MembershipName, [string, MembershipRequest]>> = {
  join: ["MCAST_JOIN_GROUP", "group_req"],
  leave: ["MCAST_LEAVE_GROUP", "group_req"],
  joinSource: ["MCAST_JOIN_SOURCE_GROUP", "group_source_req"],
  leaveSource: ["MCAST_LEAVE_SOURCE_GROUP", "group_source_req"],
  block: ["MCAST_BLOCK_SOURCE", "group_source_req"],
  unblock: ["MCAST_UNBLOCK_SOURCE", "group_source_req"],
};
const OLDER_IPV4: Readonly<Record<MembershipName, string>> = {
  join: "IP_ADD_MEMBERSHIP",
  leave: "IP_DROP_MEMBERSHIP",
  joinSource: "IP_ADD_SOURCE_MEMBERSHIP",
  leaveSource: "IP_DROP_SOURCE_MEMBERSHIP",
  block: "IP_BLOCK_SOURCE",
  unblock: "IP_UNBLOCK_SOURCE",
};

/** A system's numbers for the membership calls that it has. */
type Numbers = Partial<Readonly<Record<MembershipName, number>>>;

function rows(
  numbers: Numbers,
  row: (call: MembershipName, name: number) => MembershipRow,
): Memberships {
  const calls = Object.entries(numbers) as [MembershipName, number][];
  return Object.fromEntries(calls.map(([call, name]) => [call, [row(call, name)]]));
}

/** The protocol-independent requests (RFC 3678): the same numbers at both levels. */
export function protocolIndependent(level: number, numbers: Numbers): Memberships {
  return rows(numbers, (call, name) => {
    const [cName, request] = PROTOCOL_INDEPENDENT[call];
    return { level, name, cName, request };
  });
}

/** IPv4's own requests, with what there is in place of an `ip_mreq` to join by. */
export function olderIPv4(numbers: Numbers, joinRequest: MembershipRequest): Memberships {
  return rows(numbers, (call, name) => {
    const request = call === "join" || call === "leave" ? joinRequest : "ip_mreq_source";
    return { level: IPPROTO_IP, name, cName: OLDER_IPV4[call], request };
  });
}

/** IPv6's own requests, under one of the names that they have. */
export function olderIPv6(join: number, leave: number, kame = false): Memberships {
  const [joinName, leaveName] = kame
    ? ["IPV6_JOIN_GROUP", "IPV6_LEAVE_GROUP"]
    : ["IPV6_ADD_MEMBERSHIP", "IPV6_DROP_MEMBERSHIP"];
  const request = "ipv6_mreq";
  return {
    join: [{ level: IPPROTO_IPV6, name: join, cName: joinName, request }],
    leave: [{ level: IPPROTO_IPV6, name: leave, cName: leaveName, request }],
  };
}

/** Ways to make the calls: the first table's before the second's. */
export function either(first: Memberships, second: Memberships): Memberships {
  const calls = new Set([...Object.keys(first), ...Object.keys(second)] as MembershipName[]);
  return Object.fromEntries(
    [...calls].map((call) => [call, [...first[call] ?? [], ...second[call] ?? []]]),
  );
}

/** Where the kernel tells by the same messages that it can be asked by. */
export function received(send: FamilySendControl, error: ControlRow | null = null): FamilyControl {
  return {
    packetInfo: send.packetInfo,
    destination: null,
    receivedInterface: null,
    hops: [send.hops!],
    trafficClass: [send.trafficClass!],
    error,
  };
}

/**
 * The C functions that POSIX systems share. `ssize_t` results are declared `i32`: no datagram
 * call returns more than a batch or 64 KiB, the low half of the register holds -1 as -1, and a
 * number costs no BigInt.
 */
export const POSIX_SYMBOLS: Readonly<Record<string, Signature>> = {
  malloc: { parameters: ["usize"], result: "pointer" },
  free: { parameters: ["pointer"], result: "void" },
  memcpy: { parameters: ["pointer", "buffer", "usize"], result: "void" },
  memmove: { parameters: ["buffer", "pointer", "usize"], result: "void" },
  strlen: { parameters: ["pointer"], result: "usize" },
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  connect: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
  getsockopt: { parameters: ["i32", "i32", "i32", "buffer", "buffer"], result: "i32" },
  recv: { parameters: ["i32", "buffer", "usize", "i32"], result: "i32" },
  recvmsg: { parameters: ["i32", "buffer", "i32"], result: "i32" },
  sendto: { parameters: ["i32", "buffer", "usize", "i32", "buffer", "u32"], result: "i32" },
  sendmsg: { parameters: ["i32", "buffer", "i32"], result: "i32" },
  getifaddrs: { parameters: ["buffer"], result: "i32" },
  freeifaddrs: { parameters: ["pointer"], result: "void" },
  if_nametoindex: { parameters: ["buffer"], result: "u32" },
  if_indextoname: { parameters: ["u32", "buffer"], result: "pointer" },
};
