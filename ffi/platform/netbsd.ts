/**
 * NetBSD 8 and later, on x86-64 and arm64. It has no memberships by source (SSM) and no
 * `IP_RECVTOS`.
 *
 * Unlike the other BSDs it has `IP_PKTINFO` (ip(4); sendmsg(2) takes it since 8.0), which
 * tells destination and interface and is asked for both, also on a socket that is bound
 * to an address.
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
  KAME,
  MEMBERSHIPS_IPV6,
  OLDER,
  optionsIPv6,
  sendControlIPv6,
  SOL_SOCKET,
} from "./bsd.ts";
import { NETBSD_ERRORS } from "./bsd_errors.ts";
import { bsdLayouts, routeLayouts } from "./bsd_layouts.ts";
import type { Arch, OptionRow, Platform } from "./platform.ts";
import { IPPROTO_IP, olderIPv4, option, received } from "./rows.ts";

const SOCK_FLAGS = 0x20000000 | 0x10000000; // SOCK_NONBLOCK | SOCK_CLOEXEC
const IP_RECVTTL = 23;
const IP_PKTINFO = 25;

const TIMESTAMPS: { timestamps: OptionRow } = {
  timestamps: option(SOL_SOCKET, 0x2000, "SO_TIMESTAMP"),
};

/**
 * The tables for NetBSD on one processor.
 *
 * @param arch The processor.
 */
export function netbsd(arch: Arch): Platform {
  return {
    ...BSD,
    os: "netbsd",
    displayName: "NetBSD",
    libraries: [{
      candidates: ["libc.so.12", "/usr/lib/libc.so.12", "libc.so"],
      // The plain name is there for programs from before 3.0, and fails in other ways.
      symbols: { ...BSD_SYMBOLS, socket: { ...BSD_SYMBOLS.socket, symbol: "__socket30" } },
    }],
    errno: { symbol: "__errno", returns: "address" },
    constants: {
      ...BSD_CONSTANTS,
      AF_INET6: 24,
      SOCK_DGRAM: 2 | SOCK_FLAGS,
      MSG_NOSIGNAL: 0x400,
      MSG_BCAST: 0x100,
    },
    layouts: {
      ...bsdLayouts({
        linkAddress: 32,
        microseconds: "i32",
        interfaceAddresses: 64,
        interfaceData: [136, [8, "u64"]],
      }),
      in_pktinfo: struct("in_pktinfo", 8, { ipi_addr: [0, 4], ipi_ifindex: [4, "u32"] }),
      ip_mreq: struct("ip_mreq", 8, { imr_multiaddr: [0, 4], imr_interface: [4, 4] }),
    },
    routeSocket: {
      constants: {
        AF_ROUTE: 34,
        SOCK_RAW: 3 | SOCK_FLAGS,
        RTM_VERSION: 4,
        RTM_NEWADDR: 0x16,
        RTM_DELADDR: 0x17,
        RTM_IFINFO: 0x14,
        RTM_IFANNOUNCE: 0x10,
        RTM_DESYNC: -1,
      },
      layouts: routeLayouts(120),
    },
    controlAlignment: arch === "aarch64" ? 16 : 8,
    options: {
      IPv4: {
        ...BSD_OPTIONS_IPV4,
        ...TIMESTAMPS,
        packetInfo: option(IPPROTO_IP, 26, "IP_RECVPKTINFO"),
        receiveHops: option(IPPROTO_IP, IP_RECVTTL, "IP_RECVTTL"),
        // ip_multicast_if(): 0.x.x.x is an interface index.
        multicastInterface: option(IPPROTO_IP, 9, "IP_MULTICAST_IF", "index_be"),
      },
      IPv6: { ...optionsIPv6(KAME), ...TIMESTAMPS },
    },
    memberships: { IPv4: olderIPv4(OLDER, "ip_mreq_index"), IPv6: MEMBERSHIPS_IPV6 },
    control: {
      IPv4: {
        packetInfo: controlIPv4(IP_PKTINFO),
        destination: null,
        receivedInterface: null,
        hops: [controlIPv4(IP_RECVTTL)],
        trafficClass: [],
        error: null,
      },
      IPv6: received(sendControlIPv6(KAME)),
      timestamp: { level: SOL_SOCKET, type: 8, struct: "timeval" }, // SCM_TIMESTAMP
      dropCounter: null,
    },
    segmentation: null,
    sendControl: {
      // Other messages are refused (ip_setpktopts: ENOPROTOOPT).
      IPv4: {
        packetInfo: controlIPv4(IP_PKTINFO),
        source: null,
        hops: null,
        trafficClass: null,
      },
      IPv6: sendControlIPv6(KAME),
    },
    errors: NETBSD_ERRORS,
    hints: {
      ...BSD_HINTS,
      addressInUse:
        "Another socket has this port (see `sockstat -n`). Programs that all open it with { share: true } can use it together",
      packetFilter: "A packet filter (npf, see `npfctl show`) or a security policy refused it",
      multicastRoute:
        "No route for this group: name an interface (send option, zone or multicastInterface), or add a route for 224.0.0.0/4 or ff00::/8",
      membershipLimitIPv4: "NetBSD allows 20 groups on one socket: open another one for the rest",
    },
    quirks: {
      ...BSD_QUIRKS,
      // ip_pktinfo_prepare(): with an interface and no source it takes the interface's own address.
      packetInfoReplacesBoundSource: true,
      // udp4_realinput() looks for no membership of the socket.
      groupDeliveryIgnoresInterface: true,
    },
  };
}
