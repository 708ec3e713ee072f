/**
 * Linux: the constants of x86-64 and arm64 (asm-generic; glibc and musl). The structs
 * are in linux_layouts.ts.
 *
 * @module
 */

import { LINUX_ERRORS } from "./linux_errors.ts";
import { epollEvent, linuxLayouts } from "./linux_layouts.ts";
import { LINUX_NETLINK } from "./linux_netlink.ts";
import type { Arch, FamilySendControl, Platform, Signature } from "./platform.ts";
import {
  either,
  IPPROTO_IP,
  IPPROTO_IPV6,
  IPPROTO_UDP,
  olderIPv4,
  olderIPv6,
  option,
  type Options,
  POSIX_SYMBOLS,
  protocolIndependent,
  received,
} from "./rows.ts";

const SOL_SOCKET = 1;
const AF_PACKET = 17;
const SOCK_DGRAM = 2;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const EFD_NONBLOCK = 0o4000;
const EFD_CLOEXEC = 0o2000000;
const IP_TOS = 1;
const IP_TTL = 2;
const IP_PKTINFO = 8;
const IP_RECVERR = 11;
const IPV6_RECVERR = 25;
const IPV6_PKTINFO = 50;
const IPV6_HOPLIMIT = 52;
const IPV6_TCLASS = 67;
const SO_TIMESTAMPNS = 35;
const SO_RXQ_OVFL = 40;
const UDP_SEGMENT = 103;
const UDP_GRO = 104;

const SHARED: Options = {
  // SO_REUSEADDR, not SO_REUSEPORT: the latter spreads unicast over the sockets
  // and demands the same user, so two discovery daemons could not share a port.
  share: option(SOL_SOCKET, 2, "SO_REUSEADDR"),
  reusePort: option(SOL_SOCKET, 15, "SO_REUSEPORT"),
  broadcast: option(SOL_SOCKET, 6, "SO_BROADCAST"),
  sendBufferSize: option(SOL_SOCKET, 7, "SO_SNDBUF"),
  receiveBufferSize: option(SOL_SOCKET, 8, "SO_RCVBUF"),
  bindToInterface: option(SOL_SOCKET, 25, "SO_BINDTODEVICE", "name"),
  timestamps: option(SOL_SOCKET, SO_TIMESTAMPNS, "SO_TIMESTAMPNS"),
  dropCounter: option(SOL_SOCKET, SO_RXQ_OVFL, "SO_RXQ_OVFL"),
  // Linux 5.0 and later.
  segmentation: option(IPPROTO_UDP, UDP_GRO, "UDP_GRO"),
};

const IPV4: Options = {
  ...SHARED,
  packetInfo: option(IPPROTO_IP, IP_PKTINFO, "IP_PKTINFO"),
  receiveHops: option(IPPROTO_IP, 12, "IP_RECVTTL"),
  receiveTrafficClass: option(IPPROTO_IP, 13, "IP_RECVTOS"),
  receiveErrors: option(IPPROTO_IP, IP_RECVERR, "IP_RECVERR"),
  hops: option(IPPROTO_IP, IP_TTL, "IP_TTL"),
  trafficClass: option(IPPROTO_IP, IP_TOS, "IP_TOS"),
  multicastHops: option(IPPROTO_IP, 33, "IP_MULTICAST_TTL"),
  multicastLoopback: option(IPPROTO_IP, 34, "IP_MULTICAST_LOOP"),
  multicastInterface: option(IPPROTO_IP, 32, "IP_MULTICAST_IF", "ip_mreqn"),
  multicastAll: option(IPPROTO_IP, 49, "IP_MULTICAST_ALL"),
};

const IPV6: Options = {
  ...SHARED,
  onlyThisFamily: option(IPPROTO_IPV6, 26, "IPV6_V6ONLY"),
  packetInfo: option(IPPROTO_IPV6, 49, "IPV6_RECVPKTINFO"),
  receiveHops: option(IPPROTO_IPV6, 51, "IPV6_RECVHOPLIMIT"),
  receiveTrafficClass: option(IPPROTO_IPV6, 66, "IPV6_RECVTCLASS"),
  receiveErrors: option(IPPROTO_IPV6, IPV6_RECVERR, "IPV6_RECVERR"),
  hops: option(IPPROTO_IPV6, 16, "IPV6_UNICAST_HOPS"),
  trafficClass: option(IPPROTO_IPV6, IPV6_TCLASS, "IPV6_TCLASS"),
  multicastHops: option(IPPROTO_IPV6, 18, "IPV6_MULTICAST_HOPS"),
  multicastLoopback: option(IPPROTO_IPV6, 19, "IPV6_MULTICAST_LOOP"),
  multicastInterface: option(IPPROTO_IPV6, 17, "IPV6_MULTICAST_IF"),
  // Linux 4.20 and later; older kernels answer ENOPROTOOPT and the delivery
  // filter alone does the work.
  multicastAll: option(IPPROTO_IPV6, 29, "IPV6_MULTICAST_ALL"),
};

/** The same numbers at both levels. */
const MCAST = { join: 42, block: 43, unblock: 44, leave: 45, joinSource: 46, leaveSource: 47 };
/** For systems that lack those (qemu's user mode says ENOPROTOOPT). */
const OLDER = { join: 35, leave: 36, unblock: 37, block: 38, joinSource: 39, leaveSource: 40 };

const SEND_IPV4: FamilySendControl = {
  packetInfo: { level: IPPROTO_IP, type: IP_PKTINFO },
  source: null,
  hops: { level: IPPROTO_IP, type: IP_TTL },
  trafficClass: { level: IPPROTO_IP, type: IP_TOS },
};
const SEND_IPV6: FamilySendControl = {
  packetInfo: { level: IPPROTO_IPV6, type: IPV6_PKTINFO },
  source: null,
  hops: { level: IPPROTO_IPV6, type: IPV6_HOPLIMIT },
  trafficClass: { level: IPPROTO_IPV6, type: IPV6_TCLASS },
};

/** The C functions. */
const SYMBOLS: Readonly<Record<string, Signature>> = {
  ...POSIX_SYMBOLS,
  recvmmsg: { parameters: ["i32", "buffer", "u32", "i32", "pointer"], result: "i32" },
  sendmmsg: { parameters: ["i32", "buffer", "u32", "i32"], result: "i32" },
  usleep: { parameters: ["u32"], result: "i32", blocking: true },
  eventfd: { parameters: ["u32", "i32"], result: "i32" },
  read: { parameters: ["i32", "buffer", "usize"], result: "i32" },
  write: { parameters: ["i32", "buffer", "usize"], result: "i32" },
  epoll_create1: { parameters: ["i32"], result: "i32" },
  epoll_ctl: { parameters: ["i32", "i32", "i32", "buffer"], result: "i32" },
  epoll_wait: { parameters: ["i32", "pointer", "i32", "i32"], result: "i32", blocking: true },
  poll: { parameters: ["pointer", "usize", "i32"], result: "i32", blocking: true },
};

/** Where Debian, Fedora, Arch and Alpine keep the C library. */
function candidates(arch: Arch): string[] {
  return [
    "libc.so.6",
    `/lib/${arch}-linux-gnu/libc.so.6`,
    `/usr/lib/${arch}-linux-gnu/libc.so.6`,
    "/lib64/libc.so.6",
    "/usr/lib64/libc.so.6",
    "/lib/libc.so.6",
    "/usr/lib/libc.so.6",
    `/lib/ld-musl-${arch}.so.1`,
    `/lib/libc.musl-${arch}.so.1`,
  ];
}

/**
 * The tables for Linux on one processor.
 *
 * @param arch The processor.
 */
export function linux(arch: Arch): Platform {
  return {
    os: "linux",
    displayName: "Linux",
    api: "posix",
    libraries: [{ candidates: candidates(arch), symbols: SYMBOLS }],
    errno: { symbol: "__errno_location", returns: "address" },
    constants: {
      AF_INET: 2,
      AF_INET6: 10,
      SOCK_DGRAM: SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
      MSG_DONTWAIT: 0x40,
      MSG_NOSIGNAL: 0x4000,
      MSG_TRUNC: 0x20,
      MSG_CTRUNC: 0x8,
      MSG_BCAST: 0,
      MSG_ERRQUEUE: 0x2000,
      POLLIN: 1,
      POLLOUT: 4,
      POLLERR: 8,
      IFF_UP: 0x1,
      IFF_BROADCAST: 0x2,
      IFF_LOOPBACK: 0x8,
      IFF_POINTOPOINT: 0x10,
      IFF_RUNNING: 0x40,
      IFF_MULTICAST: 0x1000,
      IF_NAMESIZE: 16,
      linkFamily: AF_PACKET,
    },
    layouts: linuxLayouts(),
    epoll: {
      constants: {
        EPOLL_CLOEXEC: 0o2000000,
        EPOLL_CTL_ADD: 1,
        EPOLL_CTL_DEL: 2,
        EPOLL_CTL_MOD: 3,
        EPOLLONESHOT: 0x40000000,
      },
      layouts: { epoll_event: epollEvent(arch) },
    },
    wake: { EFD_FLAGS: EFD_NONBLOCK | EFD_CLOEXEC },
    netlink: LINUX_NETLINK,
    routeSocket: null,
    winsock: null,
    controlAlignment: 8,
    options: { IPv4: IPV4, IPv6: IPV6 },
    memberships: {
      IPv4: either(protocolIndependent(IPPROTO_IP, MCAST), olderIPv4(OLDER, "ip_mreqn")),
      IPv6: either(protocolIndependent(IPPROTO_IPV6, MCAST), olderIPv6(20, 21)),
    },
    control: {
      IPv4: received(SEND_IPV4, { level: IPPROTO_IP, type: IP_RECVERR }),
      IPv6: received(SEND_IPV6, { level: IPPROTO_IPV6, type: IPV6_RECVERR }),
      timestamp: { level: SOL_SOCKET, type: SO_TIMESTAMPNS, struct: "timespec" },
      dropCounter: { level: SOL_SOCKET, type: SO_RXQ_OVFL },
    },
    sendControl: { IPv4: SEND_IPV4, IPv6: SEND_IPV6 },
    segmentation: {
      received: { level: IPPROTO_UDP, type: UDP_GRO },
      sent: { level: IPPROTO_UDP, type: UDP_SEGMENT },
    },
    errors: LINUX_ERRORS,
    hints: {
      addressInUse:
        "Another socket has this port. Programs that all open it with { share: true } can use it together",
      addressNotLocal:
        "No interface of this host has that address, or it is still tentative (see `ip addr`)",
      privilegedPort:
        "Ports below net.ipv4.ip_unprivileged_port_start (1024) need root or CAP_NET_BIND_SERVICE",
      loopbackMulticastRoute:
        "Loopback has no route for IPv6 groups; as root: ip -6 route add local ff00::/8 dev {interface} table local",
      multicastRoute:
        "No route for this group: name an interface (send option, zone or multicastInterface), or add a route for 224.0.0.0/4 or ff00::/8",
      unicastRoute: "No route to that address (see `ip route get {address}`)",
      noSourceAddress:
        "No {family} address of {interface} can be sent from: its link-local address is missing or still tentative (see `ip address show`; waitForLinkLocal() waits for it)",
      broadcastNotEnabled:
        "A broadcast must be asked for: open the socket with { broadcast: true }. If {address} is none, a route prohibits it (see `ip route get {address}`)",
      packetFilter: "A packet filter (nftables, iptables) or a security policy refused it",
      tooLarge:
        "The datagram exceeds what the path or the send buffer takes (see sendBufferSize and the interface's MTU)",
      noRoom:
        "The device's queue stays full (see `tc -s qdisc`), or the send buffer cannot hold the fragments of so large a datagram (see sendBufferSize)",
      noSuchInterface: "There is no such interface now (see `ip link`)",
      interfaceLacksFamily: "The interface does not do {family} (see `ip addr show {interface}`)",
      membershipLimitIPv4:
        "Too many groups on one socket (beyond some 2,000 net.core.optmem_max limits them too); as root: sysctl net.ipv4.igmp_max_memberships=1000",
      membershipLimitIPv6:
        "Too many groups on one socket; as root: sysctl net.core.optmem_max=1048576",
      sourceLimit:
        "Too many senders of one group, or groups on one socket; as root: sysctl net.ipv4.igmp_max_msf=100 net.ipv4.igmp_max_memberships=1000 net.ipv6.mld_max_msf=640",
      descriptorLimit: "Too many open descriptors: close sockets or raise `ulimit -n`",
      familyMissing: "This host has no {family}",
    },
    quirks: {
      bindToGroup: true,
      sendFromGroupBoundSocket: true,
      sourceOnlyOnWildcard: false,
      interfaceForgetsSource: false,
      interfaceNeedsSource: false,
      specDstRevealsBroadcast: true,
      zeroHopsOnlyAsOption: true,
      packetInfoReplacesBoundSource: true,
      packetInfoMayBeRefused: false,
      paddingBehindMreqn: 4,
      disconnectAnswers: [],
      takenPortAnswers: ["EADDRINUSE"],
      shareOnlyBeforeBind: false,
      embeddedScope: false,
      smallestSendBuffer: null,
      truncationIsError: false,
      loopbackOptionOnReceiver: false,
      groupDeliveryIgnoresInterface: true,
    },
    batchedCalls: true,
  };
}
