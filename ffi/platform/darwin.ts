/**
 * macOS, on x86-64 and arm64: the numbers of RFC 3542 (`__APPLE_USE_RFC_3542`).
 *
 * Functions with a variable argument list (`fcntl`, `ioctl`) are not called: arm64 has
 * its own way to pass those. A socket is therefore not made non-blocking, but each call
 * (`MSG_DONTWAIT`).
 *
 * @module
 */

import { struct } from "../layout.ts";
import {
  BSD,
  BSD_CONSTANTS,
  BSD_HINTS,
  BSD_OPTIONS_IPV4,
  BSD_QUIRKS,
  BSD_SYMBOLS,
  controlIPv4,
  MCAST,
  MEMBERSHIPS_IPV6,
  multicastRoute,
  OLDER,
  optionsIPv6,
  sendControlIPv6,
  SOL_SOCKET,
} from "./bsd.ts";
import { DARWIN_ERRORS } from "./bsd_errors.ts";
import { bsdLayouts, groupRequests, IP_MREQN, routeLayouts } from "./bsd_layouts.ts";
import type { Arch, OptionRow, Platform } from "./platform.ts";
import {
  either,
  IPPROTO_IP,
  IPPROTO_IPV6,
  olderIPv4,
  option,
  protocolIndependent,
  received,
} from "./rows.ts";

const IP_RECVTTL = 24;
const IP_PKTINFO = 26;
const IP_RECVTOS = 27;
const RFC3542 = { IPV6_RECVPKTINFO: 61, IPV6_RECVTCLASS: 35, IPV6_TCLASS: 36 };

const TIMESTAMPS: { timestamps: OptionRow } = {
  timestamps: option(SOL_SOCKET, 0x400, "SO_TIMESTAMP"),
};

/** Beside those that name the interface by its index; the order of `ip_mreq_source` is not Linux's. */
const OLDER_SOURCES = { joinSource: 70, leaveSource: 71, block: 72, unblock: 73 };

/** macOS 15 and later refuse local destinations with EHOSTUNREACH (Apple's TN3179). */
const LOCAL_NETWORK =
  ". macOS 15 and later say so, too, where the program may not use the local network (System Settings, Privacy & Security, Local Network)";

/**
 * The tables for macOS. Both processors have the same.
 *
 * @param _arch The processor.
 */
export function darwin(_arch: Arch): Platform {
  return {
    ...BSD,
    os: "darwin",
    displayName: "macOS",
    // Neither is a file: the loader has both in its cache.
    libraries: [{
      candidates: ["/usr/lib/libSystem.B.dylib", "libSystem.B.dylib"],
      symbols: BSD_SYMBOLS,
    }],
    errno: { symbol: "__error", returns: "address" },
    constants: {
      ...BSD_CONSTANTS,
      AF_INET6: 30,
      SOCK_DGRAM: 2,
      MSG_NOSIGNAL: 0x80000,
      MSG_BCAST: 0,
    },
    layouts: {
      ...bsdLayouts({
        linkAddress: 20,
        microseconds: "i32",
        interfaceAddresses: 56,
        interfaceData: [96, [8, "u32"]],
      }),
      ...groupRequests(4),
      in_pktinfo: struct("in_pktinfo", 12, {
        ipi_ifindex: [0, "u32"],
        ipi_spec_dst: [4, 4],
        ipi_addr: [8, 4],
      }),
      ip_mreqn: IP_MREQN,
      ip_mreq_source: struct("ip_mreq_source", 12, {
        imr_multiaddr: [0, 4],
        imr_sourceaddr: [4, 4],
        imr_interface: [8, 4],
      }),
    },
    routeSocket: {
      constants: {
        AF_ROUTE: 17,
        SOCK_RAW: 3,
        RTM_VERSION: 5,
        RTM_NEWADDR: 0xc,
        RTM_DELADDR: 0xd,
        RTM_IFINFO: 0xe,
        RTM_IFANNOUNCE: -1,
        RTM_DESYNC: -1,
      },
      layouts: routeLayouts(92),
    },
    controlAlignment: 4,
    options: {
      IPv4: {
        ...BSD_OPTIONS_IPV4,
        ...TIMESTAMPS,
        bindToInterface: option(IPPROTO_IP, 25, "IP_BOUND_IF", "index"),
        packetInfo: option(IPPROTO_IP, IP_PKTINFO, "IP_PKTINFO"),
        receiveHops: option(IPPROTO_IP, IP_RECVTTL, "IP_RECVTTL"),
        receiveTrafficClass: option(IPPROTO_IP, IP_RECVTOS, "IP_RECVTOS"),
      },
      IPv6: {
        ...optionsIPv6(RFC3542),
        ...TIMESTAMPS,
        bindToInterface: option(IPPROTO_IPV6, 125, "IPV6_BOUND_IF", "index"),
      },
    },
    memberships: {
      IPv4: either(
        protocolIndependent(IPPROTO_IP, MCAST),
        olderIPv4({ ...OLDER, ...OLDER_SOURCES }, "ip_mreqn"),
      ),
      IPv6: either(protocolIndependent(IPPROTO_IPV6, MCAST), MEMBERSHIPS_IPV6),
    },
    control: {
      IPv4: {
        packetInfo: controlIPv4(IP_PKTINFO),
        destination: null,
        receivedInterface: null,
        hops: [controlIPv4(IP_RECVTTL)],
        trafficClass: [controlIPv4(IP_RECVTOS)],
        error: null,
      },
      IPv6: received(sendControlIPv6(RFC3542)),
      timestamp: { level: SOL_SOCKET, type: 2, struct: "timeval" }, // SCM_TIMESTAMP
      dropCounter: null,
    },
    segmentation: null,
    sendControl: {
      IPv4: {
        packetInfo: controlIPv4(IP_PKTINFO),
        source: null,
        hops: null,
        trafficClass: null,
      },
      IPv6: sendControlIPv6(RFC3542),
    },
    errors: DARWIN_ERRORS,
    hints: {
      ...BSD_HINTS,
      addressInUse:
        "Another socket has this port (see `lsof -nP -iUDP:{port}`). Programs that all open it with { share: true } can use it together",
      privilegedPort: "Ports below 1024 need root; since macOS 10.14 not on the wildcard address",
      multicastRoute: `${
        multicastRoute("route add -net 224.0.0.0/4 -interface en0")
      }${LOCAL_NETWORK}`,
      unicastRoute: `No route to that address (see \`route -n get {address}\`)${LOCAL_NETWORK}`,
      tooLarge:
        "The datagram exceeds what the path or the send buffer takes (see sendBufferSize, `sysctl net.inet.udp.maxdgram` and the interface's MTU)",
      sourceLimit:
        "Too many senders of one group; as root: sysctl -w net.inet.ip.mcast.maxsocksrc=1024 net.inet6.ip6.mcast.maxsocksrc=1024",
    },
    quirks: {
      ...BSD_QUIRKS,
      // udp_check_pktinfo(): the source is forgotten, also the one that the socket is bound to.
      interfaceForgetsSource: true,
      packetInfoReplacesBoundSource: true,
      // udp_output(): IP_PKTINFO takes the address and the peer from a socket that has one, for good
      // (udp_dodisconnect, origladdr).
      sourceOnlyOnWildcard: true,
    },
  };
}
