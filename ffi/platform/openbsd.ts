/**
 * OpenBSD, on x86-64 and arm64. It has no memberships by source (SSM), no `IP_RECVTOS`,
 * and no sockets of both families.
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
  MEMBERSHIPS_IPV6,
  OLDER,
  optionsIPv6,
  sendControlIPv6,
  SOL_SOCKET,
} from "./bsd.ts";
import { OPENBSD_ERRORS } from "./bsd_errors.ts";
import { bsdLayouts, IP_MREQN, routeLayouts } from "./bsd_layouts.ts";
import type { Arch, OptionRow, Platform } from "./platform.ts";
import { IPPROTO_IP, olderIPv4, option, received } from "./rows.ts";

const SOCK_FLAGS = 0x4000 | 0x8000; // SOCK_NONBLOCK | SOCK_CLOEXEC
const IP_RECVIF = 30;
const IP_RECVTTL = 31;

const TIMESTAMPS: { timestamps: OptionRow } = {
  timestamps: option(SOL_SOCKET, 0x800, "SO_TIMESTAMP"),
};

/**
 * The tables for OpenBSD. Both processors have the same.
 *
 * @param _arch The processor.
 */
export function openbsd(_arch: Arch): Platform {
  return {
    ...BSD,
    os: "openbsd",
    displayName: "OpenBSD",
    // ld.so(1) takes the newest version, which changes with each release.
    libraries: [{ candidates: ["libc.so"], symbols: BSD_SYMBOLS }],
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
        microseconds: "i64",
        interfaceAddresses: 56,
        interfaceData: [144, [4, "u32"]],
      }),
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
        RTM_IFANNOUNCE: 0xf,
        RTM_DESYNC: 0x10,
      },
      layouts: routeLayouts(96),
    },
    controlAlignment: 8,
    options: {
      IPv4: {
        ...BSD_OPTIONS_IPV4,
        ...TIMESTAMPS,
        packetInfo: option(IPPROTO_IP, IP_RECVDSTADDR, "IP_RECVDSTADDR"),
        receiveInterface: option(IPPROTO_IP, IP_RECVIF, "IP_RECVIF"),
        receiveHops: option(IPPROTO_IP, IP_RECVTTL, "IP_RECVTTL"),
      },
      IPv6: { ...optionsIPv6(KAME), ...TIMESTAMPS },
    },
    // ip_setmoptions() takes an ip_mreqn beside the old ip_mreq.
    memberships: { IPv4: olderIPv4(OLDER, "ip_mreqn"), IPv6: MEMBERSHIPS_IPV6 },
    control: {
      IPv4: {
        packetInfo: null,
        destination: controlIPv4(IP_RECVDSTADDR),
        receivedInterface: controlIPv4(IP_RECVIF),
        hops: [controlIPv4(IP_RECVTTL)],
        trafficClass: [],
        error: null,
      },
      IPv6: received(sendControlIPv6(KAME)),
      timestamp: { level: SOL_SOCKET, type: 4, struct: "timeval" }, // SCM_TIMESTAMP
      dropCounter: null,
    },
    segmentation: null,
    sendControl: {
      IPv4: {
        packetInfo: null,
        source: controlIPv4(IP_RECVDSTADDR),
        hops: null,
        trafficClass: null,
      },
      IPv6: sendControlIPv6(KAME),
    },
    errors: OPENBSD_ERRORS,
    hints: {
      ...BSD_HINTS,
      addressInUse:
        "Another socket has this port (see `netstat -an -p udp`). Programs that all open it with { share: true } can use it together",
      multicastRoute:
        "No route for this group: name an interface (send option, zone or multicastInterface). OpenBSD rejects IPv4 groups unless multicast=YES is in rc.conf.local(8); until the next boot, as root: route delete 224.0.0.0/4",
    },
    quirks: {
      ...BSD_QUIRKS,
      // udp_input() looks for no membership of the socket, whatever the family.
      groupDeliveryIgnoresInterface: true,
    },
  };
}
