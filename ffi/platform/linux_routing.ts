/**
 * Linux: what rtnetlink(7) tells of routes, rules and interfaces beyond addresses; the
 * same on every processor.
 *
 * @module
 */

import { struct } from "../layout.ts";

/** The numbers, by their C names. */
export const LINUX_ROUTING_CONSTANTS = {
  RTM_GETLINK: 18,
  RTM_GETROUTE: 26,
  RTM_GETRULE: 34,
  RTM_GETNETCONF: 82,
  IFLA_LINK: 5,
  IFLA_MASTER: 10,
  IFLA_LINKINFO: 18,
  IFLA_AF_SPEC: 26,
  IFLA_LINK_NETNSID: 37,
  IFLA_INFO_KIND: 1,
  IFLA_INFO_DATA: 2,
  IFLA_BR_MCAST_SNOOPING: 23,
  IFLA_BR_MCAST_QUERIER: 25,
  IFLA_BR_MCAST_QUERIER_STATE: 47,
  BRIDGE_QUERIER_IP_ADDRESS: 1,
  BRIDGE_QUERIER_IPV6_ADDRESS: 5,
  IFLA_INET_CONF: 1,
  IFLA_INET6_CONF: 2,
  IPV4_DEVCONF_RP_FILTER: 8,
  IPV4_DEVCONF_FORCE_IGMP_VERSION: 17,
  DEVCONF_DAD_TRANSMITS: 6,
  DEVCONF_FORCE_MLD_VERSION: 16,
  DEVCONF_DISABLE_IPV6: 26,
  NETCONFA_IFINDEX: 1,
  NETCONFA_RP_FILTER: 3,
  NETCONFA_IFINDEX_ALL: -1,
  RTM_F_CLONED: 0x200,
  RTA_DST: 1,
  RTA_OIF: 4,
  RTA_GATEWAY: 5,
  RTA_PRIORITY: 6,
  RTA_MULTIPATH: 9,
  RTA_TABLE: 15,
  RTA_VIA: 18,
  RTN_UNICAST: 1,
  RTN_LOCAL: 2,
  RTN_BROADCAST: 3,
  RTN_ANYCAST: 4,
  RTN_MULTICAST: 5,
  RTN_BLACKHOLE: 6,
  RTN_UNREACHABLE: 7,
  RTN_PROHIBIT: 8,
  RTN_THROW: 9,
  FIB_RULE_INVERT: 2,
  FRA_DST: 1,
  FRA_SRC: 2,
  FRA_IIFNAME: 3,
  FRA_GOTO: 4,
  FRA_PRIORITY: 6,
  FRA_FWMARK: 10,
  FRA_TUN_ID: 12,
  FRA_SUPPRESS_IFGROUP: 13,
  FRA_SUPPRESS_PREFIXLEN: 14,
  FRA_TABLE: 15,
  FRA_OIFNAME: 17,
  FRA_L3MDEV: 19,
  FRA_UID_RANGE: 20,
  FRA_IP_PROTO: 22,
  FRA_SPORT_RANGE: 23,
  FRA_DPORT_RANGE: 24,
  FR_ACT_TO_TBL: 1,
  FR_ACT_GOTO: 2,
  FR_ACT_NOP: 3,
  FR_ACT_BLACKHOLE: 6,
  FR_ACT_UNREACHABLE: 7,
  FR_ACT_PROHIBIT: 8,
} as const;

/** The structs. */
export const LINUX_ROUTING_LAYOUTS = {
  rtmsg: struct("rtmsg", 12, {
    rtm_family: [0, "u8"],
    rtm_dst_len: [1, "u8"],
    rtm_src_len: [2, "u8"],
    rtm_tos: [3, "u8"],
    rtm_table: [4, "u8"],
    rtm_type: [7, "u8"],
    rtm_flags: [8, "u32"],
  }),
  rtnexthop: struct("rtnexthop", 8, { rtnh_len: [0, "u16"], rtnh_ifindex: [4, "i32"] }),
  fib_rule_hdr: struct("fib_rule_hdr", 12, {
    family: [0, "u8"],
    dst_len: [1, "u8"],
    src_len: [2, "u8"],
    tos: [3, "u8"],
    table: [4, "u8"],
    action: [7, "u8"],
    flags: [8, "u32"],
  }),
  netconfmsg: struct("netconfmsg", 1, { ncm_family: [0, "u8"] }),
} as const;

/** The headers in which a C compiler finds all of these. */
export const LINUX_ROUTING_HEADERS: readonly string[] = [
  "linux/rtnetlink.h",
  "linux/if_link.h",
  "linux/if_bridge.h",
  "linux/ip.h",
  "linux/ipv6.h",
  "linux/netconf.h",
  "linux/fib_rules.h",
];
