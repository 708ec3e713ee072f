/**
 * Windows 10 and later, x64 and arm64 (their constants and structs are the same).
 *
 * The functions keep their C names; `poll` is the one that the poller asks for
 * by what it does. Sockets are declared `usize`, but their values are small.
 *
 * @module
 */

import type { FamilyControl, FamilySendControl, Platform, Signature } from "./platform.ts";
import {
  either,
  IPPROTO_IP,
  IPPROTO_IPV6,
  olderIPv4,
  olderIPv6,
  option,
  type Options,
  protocolIndependent,
} from "./rows.ts";
import { WINDOWS_ERRORS } from "./windows_errors.ts";
import { WINDOWS_LAYOUTS, WINSOCK } from "./windows_layouts.ts";

const SOL_SOCKET = 0xffff;
const IP_TOS = 3;
const IP_TTL = 4;
const IP_PKTINFO = 19;
const IP_RECVTTL = 21;
const IP_RECVTOS = 40;
const IPV6_PKTINFO = 19;
const IPV6_HOPLIMIT = 21;
const IPV6_TCLASS = 39;

const WS2_32: Record<string, Signature> = {
  WSAStartup: { parameters: ["i32", "buffer"], result: "i32" },
  WSASocketW: {
    parameters: ["i32", "i32", "i32", "pointer", "u32", "u32"],
    result: "usize",
  },
  closesocket: { parameters: ["usize"], result: "i32" },
  bind: { parameters: ["usize", "buffer", "i32"], result: "i32" },
  connect: { parameters: ["usize", "buffer", "i32"], result: "i32" },
  getsockname: { parameters: ["usize", "buffer", "buffer"], result: "i32" },
  setsockopt: { parameters: ["usize", "i32", "i32", "buffer", "i32"], result: "i32" },
  getsockopt: { parameters: ["usize", "i32", "i32", "buffer", "buffer"], result: "i32" },
  ioctlsocket: { parameters: ["usize", "i32", "buffer"], result: "i32" },
  WSAIoctl: {
    parameters: [
      "usize",
      "u32",
      "buffer",
      "u32",
      "buffer",
      "u32",
      "buffer",
      "pointer",
      "pointer",
    ],
    result: "i32",
  },
  WSASetLastError: { parameters: ["i32"], result: "void" },
  recv: { parameters: ["usize", "buffer", "i32", "i32"], result: "i32" },
  sendto: { parameters: ["usize", "buffer", "i32", "i32", "buffer", "i32"], result: "i32" },
  poll: {
    parameters: ["pointer", "u32", "i32"],
    result: "i32",
    symbol: "WSAPoll",
    blocking: true,
  },
};

const IPHLPAPI: Record<string, Signature> = {
  GetAdaptersAddresses: {
    parameters: ["u32", "u32", "pointer", "buffer", "buffer"],
    result: "u32",
  },
  ConvertInterfaceIndexToLuid: { parameters: ["u32", "buffer"], result: "u32" },
  ConvertInterfaceLuidToIndex: { parameters: ["buffer", "buffer"], result: "u32" },
  ConvertInterfaceLuidToAlias: { parameters: ["buffer", "buffer", "usize"], result: "u32" },
  ConvertInterfaceAliasToLuid: { parameters: ["buffer", "buffer"], result: "u32" },
  NotifyIpInterfaceChange: {
    parameters: ["i32", "pointer", "pointer", "i32", "buffer"],
    result: "u32",
  },
  NotifyUnicastIpAddressChange: {
    parameters: ["i32", "pointer", "pointer", "i32", "buffer"],
    result: "u32",
  },
  // It waits for a notification that is on its way, which waits for our thread.
  CancelMibChangeNotify2: { parameters: ["pointer"], result: "i32", blocking: true },
};

/** These are exported by the one library that every process has. */
const NTDLL: Record<string, Signature> = {
  memcpy: { parameters: ["pointer", "buffer", "usize"], result: "void" },
  memmove: { parameters: ["buffer", "pointer", "usize"], result: "void" },
  strlen: { parameters: ["pointer"], result: "usize" },
};

/** The C library that is a part of Windows since 10. */
const UCRT: Record<string, Signature> = {
  malloc: { parameters: ["usize"], result: "pointer" },
  free: { parameters: ["pointer"], result: "void" },
};

const SHARED: Options = {
  // Lets others take the port over at any time, unless they are kept out by the next one.
  share: option(SOL_SOCKET, 4, "SO_REUSEADDR"),
  exclusive: option(SOL_SOCKET, -5, "SO_EXCLUSIVEADDRUSE"),
  broadcast: option(SOL_SOCKET, 0x20, "SO_BROADCAST"),
  sendBufferSize: option(SOL_SOCKET, 0x1001, "SO_SNDBUF"),
  receiveBufferSize: option(SOL_SOCKET, 0x1002, "SO_RCVBUF"),
};

const IPV4: Options = {
  ...SHARED,
  packetInfo: option(IPPROTO_IP, IP_PKTINFO, "IP_PKTINFO"),
  receiveHops: option(IPPROTO_IP, IP_RECVTTL, "IP_RECVTTL"),
  receiveTrafficClass: option(IPPROTO_IP, IP_RECVTOS, "IP_RECVTOS"),
  hops: option(IPPROTO_IP, IP_TTL, "IP_TTL"),
  trafficClass: option(IPPROTO_IP, IP_TOS, "IP_TOS"),
  multicastHops: option(IPPROTO_IP, 10, "IP_MULTICAST_TTL"),
  multicastLoopback: option(IPPROTO_IP, 11, "IP_MULTICAST_LOOP"),
  // IPPROTO_IP socket options: 0.x.x.x is an interface index.
  multicastInterface: option(IPPROTO_IP, 9, "IP_MULTICAST_IF", "index_be"),
  unicastInterface: option(IPPROTO_IP, 31, "IP_UNICAST_IF", "index_be"),
};

const IPV6: Options = {
  ...SHARED,
  onlyThisFamily: option(IPPROTO_IPV6, 27, "IPV6_V6ONLY"),
  packetInfo: option(IPPROTO_IPV6, IPV6_PKTINFO, "IPV6_PKTINFO"),
  receiveHops: option(IPPROTO_IPV6, IPV6_HOPLIMIT, "IPV6_HOPLIMIT"),
  receiveTrafficClass: option(IPPROTO_IPV6, 40, "IPV6_RECVTCLASS"),
  hops: option(IPPROTO_IPV6, 4, "IPV6_UNICAST_HOPS"),
  multicastHops: option(IPPROTO_IPV6, 10, "IPV6_MULTICAST_HOPS"),
  multicastLoopback: option(IPPROTO_IPV6, 11, "IPV6_MULTICAST_LOOP"),
  multicastInterface: option(IPPROTO_IPV6, 9, "IPV6_MULTICAST_IF"),
  unicastInterface: option(IPPROTO_IPV6, 31, "IPV6_UNICAST_IF"),
};

/** The same numbers at both levels. */
const MCAST = { join: 41, leave: 42, block: 43, unblock: 44, joinSource: 45, leaveSource: 46 };
/** What Wine knows. */
const OLDER = { join: 12, leave: 13, joinSource: 15, leaveSource: 16, block: 17, unblock: 18 };

const CONTROL_IPV4: FamilyControl = {
  packetInfo: { level: IPPROTO_IP, type: IP_PKTINFO },
  destination: null,
  receivedInterface: null,
  // The option's own number where the message is older than its name (IP_HOPLIMIT is 21, too).
  hops: [{ level: IPPROTO_IP, type: IP_TTL }, { level: IPPROTO_IP, type: IP_RECVTTL }],
  trafficClass: [{ level: IPPROTO_IP, type: IP_TOS }, { level: IPPROTO_IP, type: IP_RECVTOS }],
  error: null,
};
const CONTROL_IPV6: FamilyControl = {
  packetInfo: { level: IPPROTO_IPV6, type: IPV6_PKTINFO },
  destination: null,
  receivedInterface: null,
  hops: [{ level: IPPROTO_IPV6, type: IPV6_HOPLIMIT }],
  trafficClass: [{ level: IPPROTO_IPV6, type: IPV6_TCLASS }],
  error: null,
};

/** WSASendMsg takes the packet information; hops and traffic class are options of the socket. */
function send(packetInfo: FamilyControl["packetInfo"]): FamilySendControl {
  return { packetInfo, source: null, hops: null, trafficClass: null };
}

/** The tables for Windows. */
export const windows: Platform = {
  os: "windows",
  displayName: "Windows",
  api: "winsock",
  libraries: [
    { candidates: ["ws2_32.dll"], symbols: WS2_32 },
    { candidates: ["iphlpapi.dll"], symbols: IPHLPAPI },
    { candidates: ["ntdll.dll"], symbols: NTDLL },
    { candidates: ["ucrtbase.dll"], symbols: UCRT },
  ],
  errno: { symbol: "WSAGetLastError", returns: "value" },
  constants: {
    AF_INET: 2,
    AF_INET6: 23,
    SOCK_DGRAM: 2,
    MSG_DONTWAIT: 0,
    MSG_NOSIGNAL: 0,
    MSG_TRUNC: 0x100,
    MSG_CTRUNC: 0x200,
    MSG_BCAST: 0x400,
    MSG_ERRQUEUE: 0,
    POLLIN: 0x300,
    POLLOUT: 0x10,
    POLLERR: 1,
    IFF_UP: 1,
    IFF_BROADCAST: 2,
    IFF_LOOPBACK: 4,
    IFF_POINTOPOINT: 8,
    IFF_RUNNING: 0,
    IFF_MULTICAST: 0x10,
    IF_NAMESIZE: 257,
    linkFamily: -1,
  },
  layouts: WINDOWS_LAYOUTS,
  epoll: null,
  wake: "socket",
  netlink: null,
  routeSocket: null,
  winsock: WINSOCK,
  controlAlignment: 8,
  options: { IPv4: IPV4, IPv6: IPV6 },
  memberships: {
    IPv4: either(protocolIndependent(IPPROTO_IP, MCAST), olderIPv4(OLDER, "ip_mreq")),
    IPv6: either(protocolIndependent(IPPROTO_IPV6, MCAST), olderIPv6(12, 13)),
  },
  control: { IPv4: CONTROL_IPV4, IPv6: CONTROL_IPV6, timestamp: null, dropCounter: null },
  segmentation: null,
  sendControl: { IPv4: send(CONTROL_IPV4.packetInfo), IPv6: send(CONTROL_IPV6.packetInfo) },
  errors: WINDOWS_ERRORS,
  hints: {
    addressInUse:
      "Another socket has this port (see `netstat -ano -p udp`). Programs that all open it with { share: true } can use it together",
    addressNotLocal:
      "No interface of this host has that address, or it is still tentative (see `netsh interface ip show addresses`)",
    privilegedPort:
      "The port is taken for exclusive use, or reserved (see `netsh int ipv4 show excludedportrange protocol=udp`)",
    multicastRoute:
      "No route for this group: name an interface (send option, zone or multicastInterface)",
    unicastRoute: "No route to that address (see `route print`)",
    noSourceAddress:
      "No {family} address of {interface} can be sent from (see `netsh interface ip show addresses`)",
    broadcastNotEnabled: "A broadcast must be asked for: open the socket with { broadcast: true }",
    packetFilter: "Windows Defender Firewall or another filter refused it",
    tooLarge:
      "The datagram exceeds what the path or the send buffer takes (see sendBufferSize and the interface's MTU)",
    noSuchInterface: "There is no such interface now (see `netsh interface show interface`)",
    interfaceLacksFamily:
      "The interface does not do {family}, or is disconnected (see `netsh interface show interface`)",
    membershipLimitIPv4: "Too many groups on one socket: open another one for the rest",
    membershipLimitIPv6: "Too many groups on one socket: open another one for the rest",
    sourceLimit: "Too many senders of one group: open another socket for the rest",
    descriptorLimit: "Too many open sockets: close some",
    familyMissing: "This host has no {family}",
  },
  quirks: {
    bindToGroup: false,
    sendFromGroupBoundSocket: false,
    sourceOnlyOnWildcard: false,
    interfaceForgetsSource: false,
    interfaceNeedsSource: true,
    specDstRevealsBroadcast: false,
    zeroHopsOnlyAsOption: false,
    packetInfoReplacesBoundSource: true,
    packetInfoMayBeRefused: true,
    paddingBehindMreqn: 0,
    disconnectAnswers: [],
    takenPortAnswers: ["EADDRINUSE", "EACCES"],
    shareOnlyBeforeBind: true,
    embeddedScope: false,
    smallestSendBuffer: null,
    truncationIsError: true,
    loopbackOptionOnReceiver: true,
    groupDeliveryIgnoresInterface: false,
  },
  batchedCalls: false,
};
