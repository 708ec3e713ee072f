/**
 * What some kernels have beside sockets: ways to wait, and to tell of interfaces.
 *
 * @module
 */

import type { Kind, Struct } from "../layout.ts";

/** A struct of which the codecs use these fields. */
export type With<N extends string> = Struct<
  Readonly<Record<N, readonly [offset: number, kind: Kind]>>
>;

/** epoll(7) and eventfd(2), where the kernel has them. */
export interface EpollTables {
  readonly constants: Readonly<
    Record<
      | "EPOLL_CLOEXEC"
      | "EPOLL_CTL_ADD"
      | "EPOLL_CTL_DEL"
      | "EPOLL_CTL_MOD"
      | "EPOLLONESHOT",
      number
    >
  >;
  readonly layouts: { readonly epoll_event: With<"events" | "data"> };
}

/** route(4): the routing socket of BSD and macOS, which tells that interfaces changed. */
export interface RouteSocketTables {
  readonly constants: Readonly<
    Record<
      | "AF_ROUTE"
      | "SOCK_RAW"
      | "RTM_VERSION"
      | "RTM_NEWADDR"
      | "RTM_DELADDR"
      | "RTM_IFINFO",
      number
    > & {
      /** An interface came or went; -1 on macOS, where RTM_IFINFO tells that, too. */
      readonly RTM_IFANNOUNCE: number;
      /** The queue ran over (OpenBSD, instead of ENOBUFS); elsewhere -1. */
      readonly RTM_DESYNC: number;
    }
  >;
  readonly layouts: {
    /** How every message begins. */
    readonly rt_msghdr: With<"rtm_msglen" | "rtm_version" | "rtm_type">;
  };
}

/** rtnetlink(7), where the kernel speaks it. */
export interface NetlinkTables {
  readonly constants: Readonly<
    Record<
      | "AF_NETLINK"
      | "NETLINK_ROUTE"
      | "NLM_F_REQUEST"
      | "NLM_F_DUMP"
      | "NLM_F_DUMP_INTR"
      | "NLMSG_ERROR"
      | "NLMSG_DONE"
      | "NLA_TYPE_MASK"
      | "RTMGRP_LINK"
      | "RTMGRP_IPV4_IFADDR"
      | "RTMGRP_IPV6_IFADDR"
      | "RTM_NEWLINK"
      | "RTM_DELLINK"
      | "RTM_GETLINK"
      | "RTM_NEWADDR"
      | "RTM_DELADDR"
      | "RTM_GETADDR"
      | "IFLA_ADDRESS"
      | "IFLA_IFNAME"
      | "IFLA_MTU"
      | "IFLA_EXT_MASK"
      | "RTEXT_FILTER_SKIP_STATS"
      | "IFA_ADDRESS"
      | "IFA_LOCAL"
      | "IFA_BROADCAST"
      | "IFA_FLAGS"
      | "IFA_F_TEMPORARY"
      | "IFA_F_OPTIMISTIC"
      | "IFA_F_DADFAILED"
      | "IFA_F_DEPRECATED"
      | "IFA_F_TENTATIVE",
      number
    >
  >;
  readonly layouts: {
    readonly nlmsghdr: With<
      "nlmsg_len" | "nlmsg_type" | "nlmsg_flags" | "nlmsg_seq" | "nlmsg_pid"
    >;
    readonly sockaddr_nl: With<"nl_family" | "nl_pid" | "nl_groups">;
    readonly rtattr: With<"rta_len" | "rta_type">;
    readonly ifinfomsg: With<"ifi_family" | "ifi_index" | "ifi_flags">;
    readonly ifaddrmsg: With<"ifa_family" | "ifa_prefixlen" | "ifa_flags" | "ifa_index">;
  };
}

/** Windows' own: Winsock's control codes, and the IP helper's lists. */
export interface WinsockTables {
  readonly constants: Readonly<
    Record<
      | "WSA_FLAG_OVERLAPPED"
      | "WSA_FLAG_NO_HANDLE_INHERIT"
      | "FIONBIO"
      | "SIO_GET_EXTENSION_FUNCTION_POINTER"
      | "SIO_UDP_CONNRESET"
      | "SIO_UDP_NETRESET"
      | "GAA_FLAG_SKIP_ANYCAST"
      | "GAA_FLAG_SKIP_MULTICAST"
      | "GAA_FLAG_SKIP_DNS_SERVER"
      | "ERROR_BUFFER_OVERFLOW"
      | "ERROR_NO_DATA"
      | "IP_ADAPTER_NO_MULTICAST"
      | "IfOperStatusUp"
      | "IF_TYPE_PPP"
      | "IF_TYPE_SOFTWARE_LOOPBACK"
      | "IF_TYPE_TUNNEL"
      | "IpDadStateInvalid"
      | "IpDadStateTentative"
      | "IpDadStateDuplicate"
      | "IpDadStateDeprecated"
      | "IpSuffixOriginRandom",
      number
    >
  >;
  /** `WSAID_WSARECVMSG`, `WSAID_WSASENDMSG`, as they lie in memory. */
  readonly guids: {
    readonly WSAID_WSARECVMSG: readonly number[];
    readonly WSAID_WSASENDMSG: readonly number[];
  };
  readonly layouts: {
    readonly SOCKET_ADDRESS: With<"lpSockaddr" | "iSockaddrLength">;
    readonly IP_ADAPTER_ADDRESSES: With<
      | "IfIndex"
      | "Next"
      | "FirstUnicastAddress"
      | "Description"
      | "FriendlyName"
      | "PhysicalAddress"
      | "PhysicalAddressLength"
      | "Flags"
      | "Mtu"
      | "IfType"
      | "OperStatus"
      | "Ipv6IfIndex"
    >;
    readonly IP_ADAPTER_UNICAST_ADDRESS: With<
      | "Next"
      | "Address"
      | "SuffixOrigin"
      | "DadState"
      | "PreferredLifetime"
      | "OnLinkPrefixLength"
    >;
  };
}
