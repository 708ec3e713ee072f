/**
 * Linux: rtnetlink(7)'s constants and structs, the same on every processor.
 *
 * @module
 */

import { struct } from "../layout.ts";
import type { NetlinkTables } from "./platform.ts";

/** What the kernel is asked about interfaces, and what it tells of them. */
export const LINUX_NETLINK: NetlinkTables = {
  constants: {
    AF_NETLINK: 16,
    NETLINK_ROUTE: 0,
    NLM_F_REQUEST: 1,
    NLM_F_DUMP: 0x300,
    NLM_F_DUMP_INTR: 0x10,
    NLMSG_ERROR: 2,
    NLMSG_DONE: 3,
    NLA_TYPE_MASK: 0x3fff,
    RTMGRP_LINK: 1,
    RTMGRP_IPV4_IFADDR: 0x10,
    RTMGRP_IPV6_IFADDR: 0x100,
    RTM_NEWLINK: 16,
    RTM_DELLINK: 17,
    RTM_GETLINK: 18,
    RTM_NEWADDR: 20,
    RTM_DELADDR: 21,
    RTM_GETADDR: 22,
    IFLA_ADDRESS: 1,
    IFLA_IFNAME: 3,
    IFLA_MTU: 4,
    IFLA_EXT_MASK: 29,
    RTEXT_FILTER_SKIP_STATS: 8,
    IFA_ADDRESS: 1,
    IFA_LOCAL: 2,
    IFA_BROADCAST: 4,
    IFA_FLAGS: 8,
    IFA_F_TEMPORARY: 0x01,
    IFA_F_OPTIMISTIC: 0x04,
    IFA_F_DADFAILED: 0x08,
    IFA_F_DEPRECATED: 0x20,
    IFA_F_TENTATIVE: 0x40,
  },
  layouts: {
    nlmsghdr: struct("nlmsghdr", 16, {
      nlmsg_len: [0, "u32"],
      nlmsg_type: [4, "u16"],
      nlmsg_flags: [6, "u16"],
      nlmsg_seq: [8, "u32"],
      nlmsg_pid: [12, "u32"],
    }),
    sockaddr_nl: struct("sockaddr_nl", 12, {
      nl_family: [0, "u16"],
      nl_pid: [4, "u32"],
      nl_groups: [8, "u32"],
    }),
    rtattr: struct("rtattr", 4, { rta_len: [0, "u16"], rta_type: [2, "u16"] }),
    ifinfomsg: struct("ifinfomsg", 16, {
      ifi_family: [0, "u8"],
      ifi_index: [4, "i32"],
      ifi_flags: [8, "u32"],
    }),
    ifaddrmsg: struct("ifaddrmsg", 8, {
      ifa_family: [0, "u8"],
      ifa_prefixlen: [1, "u8"],
      ifa_flags: [2, "u8"],
      ifa_index: [4, "u32"],
    }),
  },
};
