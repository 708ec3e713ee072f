/**
 * Windows: the structs of Winsock and of the IP helper, the same on x64 and arm64.
 *
 * Those that POSIX has too are listed under its names, which the codecs use:
 * `msghdr` is `WSAMSG`, `iovec` is `WSABUF`, `cmsghdr` is `WSACMSGHDR`.
 *
 * @module
 */

import { struct } from "../layout.ts";
import type { Layouts, WinsockTables } from "./platform.ts";

/** What the codecs read and write. */
export const WINDOWS_LAYOUTS: Layouts = {
  sockaddr_in: struct("sockaddr_in", 16, {
    sin_family: [0, "u16"],
    sin_port: [2, "u16"],
    sin_addr: [4, 4],
  }),
  sockaddr_in6: struct("sockaddr_in6", 28, {
    sin6_family: [0, "u16"],
    sin6_port: [2, "u16"],
    sin6_flowinfo: [4, "u32"],
    sin6_addr: [8, 16],
    sin6_scope_id: [24, "u32"],
  }),
  iovec: struct("WSABUF", 16, { iov_len: [0, "u32"], iov_base: [8, "pointer"] }),
  msghdr: struct("WSAMSG", 56, {
    msg_name: [0, "pointer"],
    msg_namelen: [8, "i32"],
    msg_iov: [16, "pointer"],
    msg_iovlen: [24, "u32"],
    msg_controllen: [32, "u32"],
    msg_control: [40, "pointer"],
    msg_flags: [48, "u32"],
  }),
  cmsghdr: struct("WSACMSGHDR", 16, {
    cmsg_len: [0, "usize"],
    cmsg_level: [8, "i32"],
    cmsg_type: [12, "i32"],
  }),
  in_pktinfo: struct("in_pktinfo", 8, { ipi_addr: [0, 4], ipi_ifindex: [4, "u32"] }),
  in6_pktinfo: struct("in6_pktinfo", 20, { ipi6_addr: [0, 16], ipi6_ifindex: [16, "u32"] }),
  ip_mreq: struct("ip_mreq", 8, { imr_multiaddr: [0, 4], imr_interface: [4, 4] }),
  // Not in Linux's order.
  ip_mreq_source: struct("ip_mreq_source", 12, {
    imr_multiaddr: [0, 4],
    imr_sourceaddr: [4, 4],
    imr_interface: [8, 4],
  }),
  ipv6_mreq: struct("ipv6_mreq", 20, {
    ipv6mr_multiaddr: [0, 16],
    ipv6mr_interface: [16, "u32"],
  }),
  group_req: struct("group_req", 136, { gr_interface: [0, "u32"], gr_group: [8, 128] }),
  group_source_req: struct("group_source_req", 264, {
    gsr_interface: [0, "u32"],
    gsr_group: [8, 128],
    gsr_source: [136, 128],
  }),
  pollfd: struct("WSAPOLLFD", 16, { fd: [0, "u64"], events: [8, "i16"], revents: [10, "i16"] }),
};

/** Winsock's control codes and the IP helper's lists. */
export const WINSOCK: WinsockTables = {
  constants: {
    WSA_FLAG_OVERLAPPED: 0x01,
    WSA_FLAG_NO_HANDLE_INHERIT: 0x80,
    FIONBIO: 0x8004667e | 0,
    SIO_GET_EXTENSION_FUNCTION_POINTER: 0xc8000006,
    SIO_UDP_CONNRESET: 0x9800000c,
    SIO_UDP_NETRESET: 0x9800000f,
    GAA_FLAG_SKIP_ANYCAST: 0x2,
    GAA_FLAG_SKIP_MULTICAST: 0x4,
    GAA_FLAG_SKIP_DNS_SERVER: 0x8,
    ERROR_BUFFER_OVERFLOW: 111,
    ERROR_NO_DATA: 232,
    IP_ADAPTER_NO_MULTICAST: 0x10,
    IfOperStatusUp: 1,
    IF_TYPE_PPP: 23,
    IF_TYPE_SOFTWARE_LOOPBACK: 24,
    IF_TYPE_TUNNEL: 131,
    IpDadStateInvalid: 0,
    IpDadStateTentative: 1,
    IpDadStateDuplicate: 2,
    IpDadStateDeprecated: 3,
    IpSuffixOriginRandom: 5,
  },
  guids: {
    // {F689D7C8-6F1F-436B-8A53-E54FE351C322} and {A441E712-754F-43CA-84A7-0DEE44CF606D}.
    // deno-fmt-ignore
    WSAID_WSARECVMSG: [
      0xc8, 0xd7, 0x89, 0xf6, 0x1f, 0x6f, 0x6b, 0x43, 0x8a, 0x53, 0xe5, 0x4f, 0xe3, 0x51, 0xc3, 0x22,
    ],
    // deno-fmt-ignore
    WSAID_WSASENDMSG: [
      0x12, 0xe7, 0x41, 0xa4, 0x4f, 0x75, 0xca, 0x43, 0x84, 0xa7, 0x0d, 0xee, 0x44, 0xcf, 0x60, 0x6d,
    ],
  },
  layouts: {
    SOCKET_ADDRESS: struct("SOCKET_ADDRESS", 16, {
      lpSockaddr: [0, "pointer"],
      iSockaddrLength: [8, "i32"],
    }),
    IP_ADAPTER_ADDRESSES: struct("IP_ADAPTER_ADDRESSES_LH", 448, {
      IfIndex: [4, "u32"],
      Next: [8, "pointer"],
      FirstUnicastAddress: [24, "pointer"],
      Description: [64, "pointer"],
      FriendlyName: [72, "pointer"],
      PhysicalAddress: [80, 8],
      PhysicalAddressLength: [88, "u32"],
      Flags: [92, "u32"],
      Mtu: [96, "u32"],
      IfType: [100, "u32"],
      OperStatus: [104, "u32"],
      Ipv6IfIndex: [108, "u32"],
    }),
    IP_ADAPTER_UNICAST_ADDRESS: struct("IP_ADAPTER_UNICAST_ADDRESS_LH", 64, {
      Next: [8, "pointer"],
      Address: [16, 16],
      SuffixOrigin: [36, "u32"],
      DadState: [40, "u32"],
      PreferredLifetime: [48, "u32"],
      OnLinkPrefixLength: [56, "u8"],
    }),
  },
};
