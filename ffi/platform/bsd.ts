/**
 * What BSD and macOS share: 4.4BSD's numbers, KAME's for IPv6, and how they behave.
 *
 * Each system's own file puts its tables together from these rows. None of them has
 * been executed: the numbers are compared with the systems' headers (macOS) or with
 * what other projects have taken from them (see CONTRIBUTING.md), and comments name
 * the kernel function that a behaviour was read in.
 *
 * @module
 */

import type {
  ControlRow,
  FamilySendControl,
  HintName,
  Platform,
  Quirks,
  Signature,
} from "./platform.ts";
import {
  IPPROTO_IP,
  IPPROTO_IPV6,
  type Memberships,
  olderIPv6,
  option,
  type Options,
  POSIX_SYMBOLS,
} from "./rows.ts";

/** The level of `SO_*`. */
export const SOL_SOCKET = 0xffff;
/** The C functions. */
export const BSD_SYMBOLS: Readonly<Record<string, Signature>> = {
  ...POSIX_SYMBOLS,
  // nfds_t is an unsigned int, not a long as on Linux.
  poll: { parameters: ["pointer", "u32", "i32"], result: "i32", blocking: true },
};

/** The constants that are the same everywhere. */
export const BSD_CONSTANTS = {
  AF_INET: 2,
  MSG_TRUNC: 0x10,
  MSG_CTRUNC: 0x20,
  MSG_DONTWAIT: 0x80,
  MSG_ERRQUEUE: 0,
  POLLIN: 1,
  POLLOUT: 4,
  POLLERR: 8,
  IFF_UP: 0x1,
  IFF_BROADCAST: 0x2,
  IFF_LOOPBACK: 0x8,
  IFF_POINTOPOINT: 0x10,
  IFF_RUNNING: 0x40,
  IFF_MULTICAST: 0x8000,
  IF_NAMESIZE: 16,
  linkFamily: 18, // AF_LINK
} as const;

const SHARED: Options = {
  // Unlike Linux they deliver multicast to every socket that has it, and SO_REUSEADDR
  // alone does not let two sockets have the wildcard address with the same port.
  share: option(SOL_SOCKET, 0x200, "SO_REUSEPORT"),
  broadcast: option(SOL_SOCKET, 0x20, "SO_BROADCAST"),
  sendBufferSize: option(SOL_SOCKET, 0x1001, "SO_SNDBUF"),
  receiveBufferSize: option(SOL_SOCKET, 0x1002, "SO_RCVBUF"),
};

/** The options of IPv4 that are the same everywhere. Of two sizes that are allowed somewhere, a byte is allowed everywhere. */
export const BSD_OPTIONS_IPV4: Options = {
  ...SHARED,
  hops: option(IPPROTO_IP, 4, "IP_TTL"),
  trafficClass: option(IPPROTO_IP, 3, "IP_TOS"),
  multicastHops: option(IPPROTO_IP, 10, "IP_MULTICAST_TTL", "byte"),
  multicastLoopback: option(IPPROTO_IP, 11, "IP_MULTICAST_LOOP", "byte"),
  multicastInterface: option(IPPROTO_IP, 9, "IP_MULTICAST_IF", "ip_mreqn"),
};

/** RFC 3542's options, which macOS has under other numbers. */
interface Rfc3542 {
  IPV6_RECVPKTINFO: number;
  IPV6_RECVTCLASS: number;
  IPV6_TCLASS: number;
}

/** KAME's numbers: FreeBSD, OpenBSD, NetBSD. */
export const KAME: Rfc3542 = { IPV6_RECVPKTINFO: 36, IPV6_RECVTCLASS: 57, IPV6_TCLASS: 61 };

/** The options of IPv6. */
export function optionsIPv6(numbers: Rfc3542): Options {
  const { IPV6_RECVPKTINFO, IPV6_RECVTCLASS, IPV6_TCLASS } = numbers;
  return {
    ...SHARED,
    onlyThisFamily: option(IPPROTO_IPV6, 27, "IPV6_V6ONLY"),
    packetInfo: option(IPPROTO_IPV6, IPV6_RECVPKTINFO, "IPV6_RECVPKTINFO"),
    receiveHops: option(IPPROTO_IPV6, 37, "IPV6_RECVHOPLIMIT"),
    receiveTrafficClass: option(IPPROTO_IPV6, IPV6_RECVTCLASS, "IPV6_RECVTCLASS"),
    hops: option(IPPROTO_IPV6, 4, "IPV6_UNICAST_HOPS"),
    trafficClass: option(IPPROTO_IPV6, IPV6_TCLASS, "IPV6_TCLASS"),
    multicastHops: option(IPPROTO_IPV6, 10, "IPV6_MULTICAST_HOPS"),
    multicastLoopback: option(IPPROTO_IPV6, 11, "IPV6_MULTICAST_LOOP"),
    multicastInterface: option(IPPROTO_IPV6, 9, "IPV6_MULTICAST_IF", "index"),
    useMinimumMtu: option(IPPROTO_IPV6, 42, "IPV6_USE_MIN_MTU"),
  };
}

/** What IPv6 can be asked for with a datagram. */
export function sendControlIPv6({ IPV6_TCLASS }: Rfc3542): FamilySendControl {
  return {
    packetInfo: { level: IPPROTO_IPV6, type: 46 }, // IPV6_PKTINFO
    source: null,
    hops: { level: IPPROTO_IPV6, type: 47 }, // IPV6_HOPLIMIT
    trafficClass: { level: IPPROTO_IPV6, type: IPV6_TCLASS },
  };
}

/** A control message of IPv4. */
export function controlIPv4(type: number): ControlRow {
  return { level: IPPROTO_IP, type };
}

/** `IP_RECVDSTADDR` and, with the same number, `IP_SENDSRCADDR`: an `in_addr`. */
export const IP_RECVDSTADDR = 7;

/** The protocol-independent requests of FreeBSD and macOS, the same at both levels. */
export const MCAST = {
  join: 80,
  leave: 81,
  joinSource: 82,
  leaveSource: 83,
  block: 84,
  unblock: 85,
};
/** 4.4BSD's way to join. */
export const OLDER: { join: number; leave: number } = { join: 12, leave: 13 };
/** RFC 3493's way to join. */
export const MEMBERSHIPS_IPV6: Memberships = olderIPv6(12, 13, true);

/** How they behave, but for what a system's own file says. */
export const BSD_QUIRKS: Quirks = {
  bindToGroup: true,
  // The group would be the source (in_pcbladdr and in6_selectsrc take what the socket is bound to).
  sendFromGroupBoundSocket: false,
  sourceOnlyOnWildcard: false,
  interfaceForgetsSource: false,
  interfaceNeedsSource: false,
  specDstRevealsBroadcast: false,
  zeroHopsOnlyAsOption: false,
  packetInfoReplacesBoundSource: false,
  packetInfoMayBeRefused: false,
  paddingBehindMreqn: 0,
  // soconnect() has taken the peer back before the protocol looks at the null address (connect(2)).
  disconnectAnswers: ["EAFNOSUPPORT", "EINVAL", "EADDRNOTAVAIL"],
  takenPortAnswers: ["EADDRINUSE"],
  shareOnlyBeforeBind: false,
  embeddedScope: true,
  // By default 9,216 bytes, beyond which a datagram is refused (sosend: EMSGSIZE).
  smallestSendBuffer: 65535 + 96,
  truncationIsError: false,
  loopbackOptionOnReceiver: false,
  groupDeliveryIgnoresInterface: false,
};

/** What to tell a user, but for what a system's own file says. */
export const BSD_HINTS: Partial<Record<HintName, string>> = {
  addressInUse:
    "Another socket has this port. Programs that all open it with { share: true } can use it together",
  addressNotLocal:
    "No interface of this host has that address, or it is still tentative (see `ifconfig`)",
  privilegedPort: "Ports below 1024 need root",
  unicastRoute: "No route to that address (see `route -n get {address}`)",
  noSourceAddress:
    "No {family} address of {interface} can be sent from: its link-local address is missing or still tentative (see `ifconfig {interface}`; waitForLinkLocal() waits for it)",
  broadcastNotEnabled: "A broadcast must be asked for: open the socket with { broadcast: true }",
  packetFilter: "A packet filter (see `pfctl -s rules`) or a security policy refused it",
  tooLarge:
    "The datagram exceeds what the path or the send buffer takes (see sendBufferSize and the interface's MTU)",
  noSuchInterface: "There is no such interface now (see `ifconfig`)",
  interfaceLacksFamily: "The interface does not do {family} (see `ifconfig {interface}`)",
  membershipLimitIPv4: "Too many groups on one socket: open another one for the rest",
  membershipLimitIPv6: "Too many groups on one socket: open another one for the rest",
  descriptorLimit: "Too many open descriptors: close sockets or raise `ulimit -n`",
  familyMissing: "This host has no {family}",
};

/** The advice for a group without a route, with the system's own command. */
export function multicastRoute(command: string): string {
  return `No route for this group: name an interface (send option, zone or multicastInterface), or as root: ${command}`;
}

/** What all their tables have in common: sockets as POSIX has them, poll(2), and a routing socket. */
export const BSD: Pick<
  Platform,
  "api" | "epoll" | "wake" | "netlink" | "winsock" | "batchedCalls"
> = {
  api: "posix",
  epoll: null,
  wake: "socket",
  netlink: null,
  winsock: null,
  batchedCalls: false,
};
