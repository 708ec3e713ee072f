/**
 * Linux: the structs of x86-64 and arm64 (glibc and musl).
 *
 * The two processors differ in one struct only, `epoll_event`, which is packed
 * on x86-64. musl declares `msg_iovlen`, `msg_controllen` and `cmsg_len` as 4
 * bytes followed by 4 of padding: on a little-endian machine writing 8 bytes
 * with a zero upper half is right for both.
 *
 * @module
 */

import { struct } from "../layout.ts";
import type { Arch, EpollTables, Layouts } from "./platform.ts";

/** The structs that are the same on both processors. */
export function linuxLayouts(): Layouts {
  return {
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
    sockaddr_ll: struct("sockaddr_ll", 20, {
      sll_family: [0, "u16"],
      sll_ifindex: [4, "i32"],
      sll_halen: [11, "u8"],
      sll_addr: [12, 8],
    }),
    iovec: struct("iovec", 16, {
      iov_base: [0, "pointer"],
      iov_len: [8, "usize"],
    }),
    msghdr: struct("msghdr", 56, {
      msg_name: [0, "pointer"],
      msg_namelen: [8, "u32"],
      msg_iov: [16, "pointer"],
      msg_iovlen: [24, "usize"],
      msg_control: [32, "pointer"],
      msg_controllen: [40, "usize"],
      msg_flags: [48, "i32"],
    }),
    mmsghdr: struct("mmsghdr", 64, {
      msg_hdr: [0, 56],
      msg_len: [56, "u32"],
    }),
    cmsghdr: struct("cmsghdr", 16, {
      cmsg_len: [0, "usize"],
      cmsg_level: [8, "i32"],
      cmsg_type: [12, "i32"],
    }),
    in_pktinfo: struct("in_pktinfo", 12, {
      ipi_ifindex: [0, "i32"],
      ipi_spec_dst: [4, 4],
      ipi_addr: [8, 4],
    }),
    in6_pktinfo: struct("in6_pktinfo", 20, {
      ipi6_addr: [0, 16],
      ipi6_ifindex: [16, "u32"],
    }),
    timespec: struct("timespec", 16, {
      tv_sec: [0, "i64"],
      tv_nsec: [8, "i64"],
    }),
    sock_extended_err: struct("sock_extended_err", 16, {
      ee_errno: [0, "u32"],
      ee_origin: [4, "u8"],
      ee_type: [5, "u8"],
      ee_code: [6, "u8"],
      ee_info: [8, "u32"],
    }),
    ip_mreqn: struct("ip_mreqn", 12, {
      imr_multiaddr: [0, 4],
      imr_address: [4, 4],
      imr_ifindex: [8, "i32"],
    }),
    ip_mreq_source: struct("ip_mreq_source", 12, {
      imr_multiaddr: [0, 4],
      imr_interface: [4, 4],
      imr_sourceaddr: [8, 4],
    }),
    ipv6_mreq: struct("ipv6_mreq", 20, {
      ipv6mr_multiaddr: [0, 16],
      ipv6mr_interface: [16, "i32"],
    }),
    group_req: struct("group_req", 136, {
      gr_interface: [0, "u32"],
      gr_group: [8, 128],
    }),
    group_source_req: struct("group_source_req", 264, {
      gsr_interface: [0, "u32"],
      gsr_group: [8, 128],
      gsr_source: [136, 128],
    }),
    ifaddrs: struct("ifaddrs", 56, {
      ifa_next: [0, "pointer"],
      ifa_name: [8, "pointer"],
      ifa_flags: [16, "u32"],
      ifa_addr: [24, "pointer"],
      ifa_netmask: [32, "pointer"],
      ifa_broadaddr: [40, "pointer"],
      ifa_data: [48, "pointer"],
    }),
    pollfd: struct("pollfd", 8, {
      fd: [0, "i32"],
      events: [4, "i16"],
      revents: [6, "i16"],
    }),
  };
}

/**
 * `struct epoll_event`, which is packed on x86-64.
 *
 * @param arch The processor.
 */
export function epollEvent(arch: Arch): EpollTables["layouts"]["epoll_event"] {
  return arch === "x86_64"
    ? struct("epoll_event", 12, { events: [0, "u32"], data: [4, "u64"] }, { packed: true })
    : struct("epoll_event", 16, { events: [0, "u32"], data: [8, "u64"] });
}
