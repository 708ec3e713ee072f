/**
 * What a platform file says: one operating system's numbers, as pure data.
 *
 * Portable code asks for a *row* ("multicastHops of IPv6") and never sees a
 * constant. A row that is missing means that the OS has no such thing.
 *
 * @module
 */

import type { Family } from "../../address/ip.ts";
import type { Kind, Struct } from "../layout.ts";

/** A C type as the foreign function interface knows it. */
export type NativeType = "i32" | "u32" | "usize" | "pointer" | "buffer";

/** A C function's signature. `ssize_t` results are declared `i32`: see linux.ts. */
export interface Signature {
  readonly parameters: readonly NativeType[];
  readonly result: "i32" | "u32" | "pointer" | "void";
}

/** How an option's value is laid out in memory. */
export type OptionKind = "int" | "byte" | "name" | "ip_mreqn";

/** One socket option. */
export interface OptionRow {
  readonly level: number;
  readonly name: number;
  readonly kind: OptionKind;
  /** The C name, for error messages. */
  readonly cName: string;
}

/** Every socket option that portable code may ask for, by what it does. */
export type OptionName =
  | "share"
  | "reusePort"
  | "broadcast"
  | "receiveBufferSize"
  | "sendBufferSize"
  | "bindToInterface"
  | "timestamps"
  | "dropCounter"
  | "packetInfo"
  | "receiveHops"
  | "receiveTrafficClass"
  | "receiveErrors"
  | "hops"
  | "trafficClass"
  | "multicastHops"
  | "multicastLoopback"
  | "multicastInterface"
  | "multicastAll"
  | "onlyThisFamily";

/** The membership calls. */
export type MembershipName =
  | "join"
  | "leave"
  | "joinSource"
  | "leaveSource"
  | "block"
  | "unblock";

/** The struct that a membership call takes. */
export type MembershipRequest =
  | "group_req"
  | "group_source_req"
  | "ip_mreqn"
  | "ip_mreq_source"
  | "ipv6_mreq";

/** One way to make a membership call. */
export interface MembershipRow {
  readonly level: number;
  readonly name: number;
  readonly request: MembershipRequest;
  readonly cName: string;
}

/** A control message's level and type. */
export interface ControlRow {
  readonly level: number;
  readonly type: number;
}

/** Control messages of one family. */
export interface FamilyControl {
  /** Destination and interface, in one struct. */
  readonly packetInfo: ControlRow;
  readonly hops: ControlRow;
  readonly trafficClass: ControlRow;
  /** A queued asynchronous (ICMP) error. */
  readonly error: ControlRow;
}

/** The rows of control messages. */
export interface ControlTable {
  readonly IPv4: FamilyControl;
  readonly IPv6: FamilyControl;
  /** `struct timespec`, nanoseconds since the epoch. */
  readonly timestamp: ControlRow;
  /** Datagrams dropped so far, 32 bits. */
  readonly dropCounter: ControlRow;
}

/** Plain constants that are not options. */
export interface Constants {
  readonly AF_INET: number;
  readonly AF_INET6: number;
  readonly AF_PACKET: number;
  /** `SOCK_DGRAM`, with the flags that make it non-blocking and close-on-exec. */
  readonly SOCK_DGRAM: number;
  readonly MSG_DONTWAIT: number;
  readonly MSG_NOSIGNAL: number;
  readonly MSG_TRUNC: number;
  readonly MSG_CTRUNC: number;
  readonly MSG_ERRQUEUE: number;
  readonly POLLIN: number;
  readonly POLLOUT: number;
  readonly POLLERR: number;
  readonly IFF_UP: number;
  readonly IFF_LOOPBACK: number;
  readonly IFF_POINTOPOINT: number;
  readonly IFF_RUNNING: number;
  readonly IFF_MULTICAST: number;
  readonly IFF_BROADCAST: number;
  readonly IF_NAMESIZE: number;
  readonly EPOLL_CLOEXEC: number;
  readonly EPOLL_CTL_ADD: number;
  readonly EPOLL_CTL_DEL: number;
  readonly EPOLL_CTL_MOD: number;
  readonly EPOLLONESHOT: number;
  /** `EFD_CLOEXEC | EFD_NONBLOCK`. */
  readonly EFD_FLAGS: number;
}

/** A struct of which the codecs use these fields. */
type With<N extends string> = Struct<
  Readonly<Record<N, readonly [offset: number, kind: Kind]>>
>;

/** The structs, by C name. */
export interface Layouts {
  readonly sockaddr_in: With<"sin_family" | "sin_port" | "sin_addr">;
  readonly sockaddr_in6: With<
    | "sin6_family"
    | "sin6_port"
    | "sin6_flowinfo"
    | "sin6_addr"
    | "sin6_scope_id"
  >;
  readonly sockaddr_ll: With<
    "sll_family" | "sll_ifindex" | "sll_halen" | "sll_addr"
  >;
  readonly iovec: With<"iov_base" | "iov_len">;
  readonly msghdr: With<
    | "msg_name"
    | "msg_namelen"
    | "msg_iov"
    | "msg_iovlen"
    | "msg_control"
    | "msg_controllen"
    | "msg_flags"
  >;
  readonly mmsghdr: With<"msg_hdr" | "msg_len">;
  readonly cmsghdr: With<"cmsg_len" | "cmsg_level" | "cmsg_type">;
  readonly in_pktinfo: With<"ipi_ifindex" | "ipi_spec_dst" | "ipi_addr">;
  readonly in6_pktinfo: With<"ipi6_addr" | "ipi6_ifindex">;
  readonly timespec: With<"tv_sec" | "tv_nsec">;
  readonly sock_extended_err: With<
    "ee_errno" | "ee_origin" | "ee_type" | "ee_code" | "ee_info"
  >;
  readonly ip_mreqn: With<"imr_multiaddr" | "imr_address" | "imr_ifindex">;
  readonly ip_mreq_source: With<
    "imr_multiaddr" | "imr_interface" | "imr_sourceaddr"
  >;
  readonly ipv6_mreq: With<"ipv6mr_multiaddr" | "ipv6mr_interface">;
  readonly group_req: With<"gr_interface" | "gr_group">;
  readonly group_source_req: With<"gsr_interface" | "gsr_group" | "gsr_source">;
  readonly ifaddrs: With<
    | "ifa_next"
    | "ifa_name"
    | "ifa_flags"
    | "ifa_addr"
    | "ifa_netmask"
    | "ifa_broadaddr"
  >;
  readonly pollfd: With<"fd" | "events" | "revents">;
  readonly epoll_event: With<"events" | "data">;
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

/** What to tell a user, with `{address}`, `{port}` and `{interface}` to fill in. */
export type HintName =
  | "addressInUse"
  | "addressNotLocal"
  | "privilegedPort"
  | "loopbackMulticastRoute"
  | "multicastRoute"
  | "unicastRoute"
  | "noSourceAddress"
  | "broadcastNotEnabled"
  | "packetFilter"
  | "tooLarge"
  | "noSuchInterface"
  | "interfaceLacksFamily"
  | "membershipLimitIPv4"
  | "membershipLimitIPv6"
  | "sourceLimit"
  | "descriptorLimit"
  | "familyMissing";

/** Ways in which an OS differs that no table row expresses. Each names the place it matters. */
export interface Quirks {
  /** A group can be bound to, and then only its datagrams arrive. */
  readonly bindToGroup: boolean;
  /** A socket bound to a group can send (macOS: it cannot). */
  readonly sendFromGroupBoundSocket: boolean;
  /** `ipi_spec_dst` tells a broadcast from a unicast: it differs from the destination. */
  readonly specDstRevealsBroadcast: boolean;
  /** `IP_TTL` as control data refuses 0; only the socket option `IP_MULTICAST_TTL` takes it. */
  readonly zeroHopsOnlyAsOption: boolean;
  /** Without a source `IP_PKTINFO` sends from anywhere, also on a socket bound to an address. */
  readonly packetInfoReplacesBoundSource: boolean;
  /** `connect(AF_UNSPEC)` also gives back a port that was chosen by the OS. */
  readonly disconnectLosesPort: boolean;
  /** `IP_MULTICAST_LOOP` is the receiver's choice (Windows), not the sender's. */
  readonly loopbackOptionOnReceiver: boolean;
  /** IPv6 multicast is handed over by group, whatever the interface it came in on. */
  readonly groupDeliveryIgnoresInterface: boolean;
}

/** One operating system on one processor. */
export interface Platform {
  /** As `platform.os` shows it: `"linux"`. */
  readonly os: string;
  /** For people: `"Linux"`. */
  readonly displayName: string;
  /** Where libc is looked for, the loader's own search first. */
  readonly libraries: readonly string[];
  /** The C functions, by name. */
  readonly symbols: Readonly<Record<string, Signature>>;
  /** The C function that returns errno's address. */
  readonly errnoSymbol: string;
  readonly constants: Constants;
  readonly layouts: Layouts;
  /** How interfaces are listed and watched, where that is by netlink; otherwise `null`. */
  readonly netlink: NetlinkTables | null;
  /** `CMSG_ALIGN`'s unit; a message's data starts at the header's size rounded up to it. */
  readonly controlAlignment: number;
  readonly options: Readonly<
    Record<Family, Readonly<Partial<Record<OptionName, OptionRow>>>>
  >;
  /** For each call, the ways to make it, the best first. */
  readonly memberships: Readonly<
    Record<
      Family,
      Readonly<Partial<Record<MembershipName, readonly MembershipRow[]>>>
    >
  >;
  readonly control: ControlTable;
  /** errno → name and meaning. */
  readonly errors: Readonly<
    Record<number, readonly [code: string, reason: string]>
  >;
  readonly hints: Readonly<Partial<Record<HintName, string>>>;
  readonly quirks: Quirks;
  /** Which readiness call the poller uses. */
  readonly poller: "epoll" | "poll";
  /** `recvmmsg`/`sendmmsg` exist. */
  readonly batchedCalls: boolean;
}

/** The processors whose layouts are known. */
export type Arch = "x86_64" | "aarch64";
