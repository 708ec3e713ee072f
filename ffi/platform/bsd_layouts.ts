/**
 * The structs of BSD and macOS on 64-bit processors: 4.4BSD's, with what each of its
 * heirs has made of them.
 *
 * @module
 */

import { type Kind, struct } from "../layout.ts";
import type { Layouts, RouteSocketTables } from "./platform.ts";

/** Where the structs of two heirs differ. */
interface Differences {
  /** `sizeof(struct sockaddr_dl)`: the room for a name and a hardware address differs. */
  linkAddress: number;
  /** The type of `tv_usec`. */
  microseconds: Kind;
  /** `sizeof(struct ifaddrs)`; NetBSD has a field more. */
  interfaceAddresses: number;
  /** `sizeof(struct if_data)`, and where the MTU is in it. */
  interfaceData: readonly [size: number, mtu: readonly [offset: number, kind: Kind]];
}

/** The structs that all have. */
export function bsdLayouts(differences: Differences) {
  const { linkAddress, microseconds, interfaceAddresses, interfaceData: [dataSize, mtu] } =
    differences;
  return {
    // A length of one byte comes first.
    sockaddr_in: struct("sockaddr_in", 16, {
      sin_family: [1, "u8"],
      sin_port: [2, "u16"],
      sin_addr: [4, 4],
    }),
    sockaddr_in6: struct("sockaddr_in6", 28, {
      sin6_family: [1, "u8"],
      sin6_port: [2, "u16"],
      sin6_flowinfo: [4, "u32"],
      sin6_addr: [8, 16],
      sin6_scope_id: [24, "u32"],
    }),
    sockaddr_dl: struct("sockaddr_dl", linkAddress, {
      sdl_family: [1, "u8"],
      sdl_index: [2, "u16"],
      sdl_type: [4, "u8"],
      sdl_nlen: [5, "u8"],
      sdl_alen: [6, "u8"],
      sdl_data: [8, linkAddress - 8],
    }),
    iovec: struct("iovec", 16, {
      iov_base: [0, "pointer"],
      iov_len: [8, "usize"],
    }),
    msghdr: struct("msghdr", 48, {
      msg_name: [0, "pointer"],
      msg_namelen: [8, "u32"],
      msg_iov: [16, "pointer"],
      msg_iovlen: [24, "i32"],
      msg_control: [32, "pointer"],
      msg_controllen: [40, "u32"],
      msg_flags: [44, "i32"],
    }),
    cmsghdr: struct("cmsghdr", 12, {
      cmsg_len: [0, "u32"],
      cmsg_level: [4, "i32"],
      cmsg_type: [8, "i32"],
    }),
    in6_pktinfo: struct("in6_pktinfo", 20, {
      ipi6_addr: [0, 16],
      ipi6_ifindex: [16, "u32"],
    }),
    timeval: struct("timeval", 16, {
      tv_sec: [0, "i64"],
      tv_usec: [8, microseconds],
    }),
    ipv6_mreq: struct("ipv6_mreq", 20, {
      ipv6mr_multiaddr: [0, 16],
      ipv6mr_interface: [16, "u32"],
    }),
    ifaddrs: struct("ifaddrs", interfaceAddresses, {
      ifa_next: [0, "pointer"],
      ifa_name: [8, "pointer"],
      ifa_flags: [16, "u32"],
      ifa_addr: [24, "pointer"],
      ifa_netmask: [32, "pointer"],
      ifa_broadaddr: [40, "pointer"],
      ifa_data: [48, "pointer"],
    }),
    if_data: struct("if_data", dataSize, { ifi_mtu: mtu }),
    pollfd: struct("pollfd", 8, {
      fd: [0, "i32"],
      events: [4, "i16"],
      revents: [6, "i16"],
    }),
  } satisfies Layouts;
}

/** Not on NetBSD. */
export const IP_MREQN = struct("ip_mreqn", 12, {
  imr_multiaddr: [0, 4],
  imr_address: [4, 4],
  imr_ifindex: [8, "i32"],
});

/** The protocol-independent requests (RFC 3678); macOS packs them to 4 bytes. */
export function groupRequests(group: number) {
  return {
    group_req: struct("group_req", group + 128, {
      gr_interface: [0, "u32"],
      gr_group: [group, 128],
    }),
    group_source_req: struct("group_source_req", group + 256, {
      gsr_interface: [0, "u32"],
      gsr_group: [group, 128],
      gsr_source: [group + 128, 128],
    }),
  };
}

/** How a message of the routing socket begins; what follows is longer on some than on others. */
export function routeLayouts(size: number): RouteSocketTables["layouts"] {
  return {
    rt_msghdr: struct("rt_msghdr", size, {
      rtm_msglen: [0, "u16"],
      rtm_version: [2, "u8"],
      rtm_type: [3, "u8"],
    }),
  };
}
