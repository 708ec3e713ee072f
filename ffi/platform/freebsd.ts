/**
 * FreeBSD, on x86-64 and arm64.
 *
 * @module
 */

import {
  BSD,
  BSD_CONSTANTS,
  BSD_HINTS,
  BSD_OPTIONS_IPV4,
  BSD_QUIRKS,
  BSD_SYMBOLS,
  controlIPv4,
  IP_RECVDSTADDR,
  KAME,
  MCAST,
  MEMBERSHIPS_IPV6,
  multicastRoute,
  optionsIPv6,
  sendControlIPv6,
  SOL_SOCKET,
} from "./bsd.ts";
import { FREEBSD_ERRORS } from "./bsd_errors.ts";
import { bsdLayouts, groupRequests, IP_MREQN, routeLayouts } from "./bsd_layouts.ts";
import type { Arch, OptionName, OptionRow, Platform } from "./platform.ts";
import { either, IPPROTO_IP, IPPROTO_IPV6, option, protocolIndependent, received } from "./rows.ts";

const SOCK_FLAGS = 0x20000000 | 0x10000000; // SOCK_NONBLOCK | SOCK_CLOEXEC
const IP_RECVIF = 20;
const IP_RECVTTL = 65;
const IP_RECVTOS = 68;

const SHARED: Partial<Record<OptionName, OptionRow>> = {
  reusePort: option(SOL_SOCKET, 0x10000, "SO_REUSEPORT_LB"),
  timestamps: option(SOL_SOCKET, 0x400, "SO_TIMESTAMP"),
};

/**
 * The tables for FreeBSD. Both processors have the same.
 *
 * @param _arch The processor.
 */
export function freebsd(_arch: Arch): Platform {
  return {
    ...BSD,
    os: "freebsd",
    displayName: "FreeBSD",
    libraries: [{ candidates: ["libc.so.7", "/lib/libc.so.7"], symbols: BSD_SYMBOLS }],
    errno: { symbol: "__error", returns: "address" },
    constants: {
      ...BSD_CONSTANTS,
      AF_INET6: 28,
      SOCK_DGRAM: 2 | SOCK_FLAGS,
      MSG_NOSIGNAL: 0x20000,
      MSG_BCAST: 0,
    },
    layouts: {
      ...bsdLayouts({
        linkAddress: 54,
        microseconds: "i64",
        interfaceAddresses: 56,
        interfaceData: [152, [8, "u32"]],
      }),
      ...groupRequests(8),
      ip_mreqn: IP_MREQN,
    },
    routeSocket: {
      constants: {
        AF_ROUTE: 17,
        SOCK_RAW: 3 | SOCK_FLAGS,
        RTM_VERSION: 5,
        RTM_NEWADDR: 0xc,
        RTM_DELADDR: 0xd,
        RTM_IFINFO: 0xe,
        RTM_IFANNOUNCE: 0x11,
        RTM_DESYNC: -1,
      },
      layouts: routeLayouts(152),
    },
    controlAlignment: 8,
    options: {
      IPv4: {
        ...BSD_OPTIONS_IPV4,
        ...SHARED,
        packetInfo: option(IPPROTO_IP, IP_RECVDSTADDR, "IP_RECVDSTADDR"),
        receiveInterface: option(IPPROTO_IP, IP_RECVIF, "IP_RECVIF"),
        receiveHops: option(IPPROTO_IP, IP_RECVTTL, "IP_RECVTTL"),
        receiveTrafficClass: option(IPPROTO_IP, IP_RECVTOS, "IP_RECVTOS"),
      },
      IPv6: { ...optionsIPv6(KAME), ...SHARED },
    },
    memberships: {
      IPv4: protocolIndependent(IPPROTO_IP, MCAST),
      IPv6: either(protocolIndependent(IPPROTO_IPV6, MCAST), MEMBERSHIPS_IPV6),
    },
    control: {
      IPv4: {
        packetInfo: null,
        destination: controlIPv4(IP_RECVDSTADDR),
        receivedInterface: controlIPv4(IP_RECVIF),
        hops: [controlIPv4(IP_RECVTTL)],
        trafficClass: [controlIPv4(IP_RECVTOS)],
        error: null,
      },
      IPv6: received(sendControlIPv6(KAME)),
      timestamp: { level: SOL_SOCKET, type: 2, struct: "timeval" }, // SCM_TIMESTAMP
      dropCounter: null,
    },
    segmentation: null,
    sendControl: {
      // IP_TOS there is a byte, and other messages are refused (udp_output: ENOPROTOOPT).
      IPv4: {
        packetInfo: null,
        source: controlIPv4(IP_RECVDSTADDR),
        hops: null,
        trafficClass: null,
      },
      IPv6: sendControlIPv6(KAME),
    },
    errors: FREEBSD_ERRORS,
    hints: {
      ...BSD_HINTS,
      addressInUse:
        "Another socket has this port (see `sockstat -P udp -p {port}`). Programs that all open it with { share: true } can use it together",
      privilegedPort: "Ports up to net.inet.ip.portrange.reservedhigh (1023) need root",
      multicastRoute: multicastRoute("route add -net 224.0.0.0/4 -interface em0"),
      packetFilter: "A packet filter (pf, ipfw, ipfilter) or the jail that this runs in refused it",
      tooLarge:
        "The datagram exceeds what the path or the send buffer takes (see sendBufferSize, `sysctl net.inet.udp.maxdgram` and the interface's MTU)",
      sourceLimit:
        "Too many senders of one group; as root: sysctl net.inet.ip.mcast.maxsocksrc=1024 net.inet6.ip6.mcast.maxsocksrc=1024",
    },
    quirks: {
      ...BSD_QUIRKS,
      // ip(4), IP_SENDSRCADDR: on a socket that is bound to an address, EINVAL.
      sourceOnlyOnWildcard: true,
    },
  };
}
