/**
 * What a platform file says: one operating system's numbers, as pure data.
 *
 * Portable code asks for a *row* ("multicastHops of IPv6") and never sees a
 * constant. A row that is missing means that the OS has no such thing.
 *
 * @module
 */

import type { Family } from "../../address/ip.ts";
import type {
  EpollTables,
  NetlinkTables,
  RouteSocketTables,
  WinsockTables,
  With,
} from "./kernel_tables.ts";

export type { EpollTables, NetlinkTables, RouteSocketTables, WinsockTables };

/** A C type as the foreign function interface knows it. */
export type NativeType = "i32" | "u32" | "usize" | "pointer" | "buffer";

/** A C function's signature. `ssize_t` results are declared `i32`: see rows.ts. */
export interface Signature {
  readonly parameters: readonly NativeType[];
  readonly result: "i32" | "u32" | "usize" | "pointer" | "void";
  /** The C name, where the table lists the function under another one. */
  readonly symbol?: string;
  /** It may block: to be called on another thread only. */
  readonly blocking?: boolean;
}

/** A C library and what is used of it. */
export interface LibraryTable {
  /** Where it is looked for, the loader's own search first. */
  readonly candidates: readonly string[];
  /** The functions, by name. One library of a platform has `memmove` and `strlen`. */
  readonly symbols: Readonly<Record<string, Signature>>;
}

/**
 * How an option's value is laid out in memory. `index`: an interface index as an
 * `int`; `index_be`: the same in network byte order (as an IPv4 address 0.x.x.x).
 */
export type OptionKind = "int" | "byte" | "name" | "index" | "index_be" | "ip_mreqn";

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
  /** Nobody else may share the port (Windows, where everybody may unless told otherwise). */
  | "exclusive"
  | "reusePort"
  | "broadcast"
  | "receiveBufferSize"
  | "sendBufferSize"
  /** Receive and send on one interface only. */
  | "bindToInterface"
  /** Send unicast by one interface only (Windows). */
  | "unicastInterface"
  | "timestamps"
  | "dropCounter"
  /** Trains of datagrams are received in one piece. */
  | "segmentation"
  /** The destination of each datagram, and where the same message tells it, the interface. */
  | "packetInfo"
  /** The interface, where it is a message of its own (BSD). */
  | "receiveInterface"
  | "receiveHops"
  | "receiveTrafficClass"
  | "receiveErrors"
  | "hops"
  | "trafficClass"
  | "multicastHops"
  | "multicastLoopback"
  | "multicastInterface"
  | "multicastAll"
  /** IPv6 multicast goes out in packets of at most 1,280 bytes unless this is 0 (BSD, macOS; RFC 3542, 11.1). */
  | "useMinimumMtu"
  | "onlyThisFamily";

/** The membership calls. */
export type MembershipName =
  | "join"
  | "leave"
  | "joinSource"
  | "leaveSource"
  | "block"
  | "unblock";

/**
 * The struct that a membership call takes. `ip_mreq` names the interface by an IPv4
 * address of its own, `ip_mreq_index` (the same struct) by its index as 0.x.x.x.
 */
export type MembershipRequest =
  | "group_req"
  | "group_source_req"
  | "ip_mreqn"
  | "ip_mreq"
  | "ip_mreq_index"
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

/** What control messages tell of a received datagram of one family. `null`: there is none. */
export interface FamilyControl {
  /** Destination and interface in one struct, `in_pktinfo` or `in6_pktinfo`. */
  readonly packetInfo: ControlRow | null;
  /** The destination alone, `in_addr` (BSD: `IP_RECVDSTADDR`). */
  readonly destination: ControlRow | null;
  /** The interface alone, `sockaddr_dl` (BSD: `IP_RECVIF`). */
  readonly receivedInterface: ControlRow | null;
  /** An `int` or a byte. Windows has had it under two numbers. */
  readonly hops: readonly ControlRow[];
  /** An `int` or a byte. */
  readonly trafficClass: readonly ControlRow[];
  /** A queued asynchronous (ICMP) error, `sock_extended_err`. */
  readonly error: ControlRow | null;
}

/** What a control message can ask for a single datagram of one family. `null`: it cannot. */
export interface FamilySendControl {
  /** Source and interface in one struct, `in_pktinfo` or `in6_pktinfo`. */
  readonly packetInfo: ControlRow | null;
  /** The source alone, `in_addr` (BSD: `IP_SENDSRCADDR`). */
  readonly source: ControlRow | null;
  /** An `int`; without it the socket's option is changed for the one call. */
  readonly hops: ControlRow | null;
  /** An `int`; without it the socket's option is changed for the one call. */
  readonly trafficClass: ControlRow | null;
}

/** The rows of control messages. */
export interface ControlTable {
  readonly IPv4: FamilyControl;
  readonly IPv6: FamilyControl;
  /** Seconds since 1970 and a fraction: `struct timespec` or `struct timeval`. */
  readonly timestamp: (ControlRow & { readonly struct: "timespec" | "timeval" }) | null;
  /** Datagrams dropped so far, 32 bits. */
  readonly dropCounter: ControlRow | null;
}

/** What control messages tell of a train: datagrams of one size in one piece of memory. */
export interface SegmentationTable {
  /** The size of each but the last, of a received train: an `int`. */
  readonly received: ControlRow;
  /** The same, of a train to be sent: 16 bits. */
  readonly sent: ControlRow;
}

/** Plain constants that are not options. */
export interface Constants {
  readonly AF_INET: number;
  readonly AF_INET6: number;
  /** `SOCK_DGRAM`, with the flags that make it non-blocking and close-on-exec where there are such. */
  readonly SOCK_DGRAM: number;
  /** 0 where a socket is made non-blocking when it is opened. */
  readonly MSG_DONTWAIT: number;
  /** 0 where there is no such thing: a datagram socket raises no SIGPIPE anyway. */
  readonly MSG_NOSIGNAL: number;
  readonly MSG_TRUNC: number;
  readonly MSG_CTRUNC: number;
  /** A received datagram was a broadcast; 0 where no flag tells. */
  readonly MSG_BCAST: number;
  /** 0 where there is no error queue. */
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
  /** The family of an interface's own entry in getifaddrs(3): `AF_PACKET` or `AF_LINK`; -1 without getifaddrs. */
  readonly linkFamily: number;
}

/**
 * The structs, by C name. Optional ones are there where a row of another table needs
 * them. Windows has some under other names (`WSAMSG` is a `msghdr`).
 */
export interface Layouts {
  readonly sockaddr_in: With<"sin_family" | "sin_port" | "sin_addr">;
  readonly sockaddr_in6: With<
    | "sin6_family"
    | "sin6_port"
    | "sin6_flowinfo"
    | "sin6_addr"
    | "sin6_scope_id"
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
  /** For `recvmmsg`. */
  readonly mmsghdr?: With<"msg_hdr" | "msg_len">;
  readonly cmsghdr: With<"cmsg_len" | "cmsg_level" | "cmsg_type">;
  /** Linux and macOS have `ipi_spec_dst`; Windows has the address first and no such field. */
  readonly in_pktinfo?:
    | With<"ipi_ifindex" | "ipi_addr">
    | With<
      "ipi_ifindex" | "ipi_spec_dst" | "ipi_addr"
    >;
  readonly in6_pktinfo: With<"ipi6_addr" | "ipi6_ifindex">;
  readonly timespec?: With<"tv_sec" | "tv_nsec">;
  readonly timeval?: With<"tv_sec" | "tv_usec">;
  readonly sock_extended_err?: With<
    "ee_errno" | "ee_origin" | "ee_type" | "ee_code" | "ee_info"
  >;
  readonly ip_mreqn?: With<"imr_multiaddr" | "imr_address" | "imr_ifindex">;
  readonly ip_mreq?: With<"imr_multiaddr" | "imr_interface">;
  readonly ip_mreq_source?: With<
    "imr_multiaddr" | "imr_interface" | "imr_sourceaddr"
  >;
  readonly ipv6_mreq: With<"ipv6mr_multiaddr" | "ipv6mr_interface">;
  readonly group_req?: With<"gr_interface" | "gr_group">;
  readonly group_source_req?: With<"gsr_interface" | "gsr_group" | "gsr_source">;
  readonly ifaddrs?: With<
    | "ifa_next"
    | "ifa_name"
    | "ifa_flags"
    | "ifa_addr"
    | "ifa_netmask"
    | "ifa_broadaddr"
    | "ifa_data"
  >;
  /** What `ifa_data` of an interface's own entry points to on BSD and macOS. */
  readonly if_data?: With<"ifi_mtu">;
  /** An interface's own entry in getifaddrs(3) on Linux. */
  readonly sockaddr_ll?: With<
    "sll_family" | "sll_ifindex" | "sll_halen" | "sll_addr"
  >;
  /** The same on BSD and macOS; the hardware address follows the name in `sdl_data`. */
  readonly sockaddr_dl?: With<
    "sdl_family" | "sdl_index" | "sdl_type" | "sdl_nlen" | "sdl_alen" | "sdl_data"
  >;
  readonly pollfd: With<"fd" | "events" | "revents">;
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
  | "noRoom"
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
  /**
   * IPv4's source may be named only by a socket that is bound to no address (FreeBSD: EINVAL;
   * macOS: udp_output() unbinds and disconnects the socket).
   */
  readonly sourceOnlyOnWildcard: boolean;
  /** `IP_PKTINFO` with an interface forgets the source that it names (macOS). */
  readonly interfaceForgetsSource: boolean;
  /** `IP_PKTINFO` with an interface and no source sends from 0.0.0.0 (Windows): name one of the interface's. */
  readonly interfaceNeedsSource: boolean;
  /** `ipi_spec_dst` tells a broadcast from a unicast: it differs from the destination. */
  readonly specDstRevealsBroadcast: boolean;
  /** `IP_TTL` as control data refuses 0; only the socket option `IP_MULTICAST_TTL` takes it. */
  readonly zeroHopsOnlyAsOption: boolean;
  /** Without a source `IP_PKTINFO` sends from anywhere, also on a socket bound to an address. */
  readonly packetInfoReplacesBoundSource: boolean;
  /** Packet information is refused with EINVAL for some peers (Windows 11): an answer then goes without. */
  readonly packetInfoMayBeRefused: boolean;
  /**
   * Bytes behind an `ip_mreqn`. qemu's user mode takes its index for a `long`, and without them for
   * absent: it joins by route then, and sets no multicast interface (linux-user/syscall.c). Linux
   * takes any length from the struct's on.
   */
  readonly paddingBehindMreqn: number;
  /** What `connect(AF_UNSPEC)` answers although it did what it should (BSD, macOS). */
  readonly disconnectAnswers: readonly string[];
  /** What bind(2) answers where somebody has the port (Windows: also EACCES, if that somebody does not share it). */
  readonly takenPortAnswers: readonly string[];
  /** `share` after bind(2) has no effect (Windows). */
  readonly shareOnlyBeforeBind: boolean;
  /** The index of a link-local address may be inside the address, as the kernel has it (KAME: fe80:4::1). */
  readonly embeddedScope: boolean;
  /** A send buffer that is smaller refuses large datagrams, or never has room for them; `null`: it is large enough. */
  readonly smallestSendBuffer: number | null;
  /** A datagram that was too long is told as an error (Windows: WSAEMSGSIZE), not by a flag alone. */
  readonly truncationIsError: boolean;
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
  /** How sockets are called: as POSIX has it, or as Winsock does. */
  readonly api: "posix" | "winsock";
  readonly libraries: readonly LibraryTable[];
  /** The C function that returns errno's address, or the value of its kind. */
  readonly errno: { readonly symbol: string; readonly returns: "address" | "value" };
  readonly constants: Constants;
  readonly layouts: Layouts;
  /** Readiness by epoll; otherwise by `poll`. */
  readonly epoll: EpollTables | null;
  /** What wakes a pending wait: an eventfd (with these flags), or a socket that sends to itself. */
  readonly wake: { readonly EFD_FLAGS: number } | "socket";
  /** How interfaces are listed and watched: one of these. */
  readonly netlink: NetlinkTables | null;
  readonly routeSocket: RouteSocketTables | null;
  readonly winsock: WinsockTables | null;
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
  /** What is received. */
  readonly control: ControlTable;
  /** What can be sent. */
  readonly sendControl: Readonly<Record<Family, FamilySendControl>>;
  /** `null`: each datagram travels by itself. */
  readonly segmentation: SegmentationTable | null;
  /** errno → name and meaning. */
  readonly errors: Readonly<
    Record<number, readonly [code: string, reason: string]>
  >;
  readonly hints: Readonly<Partial<Record<HintName, string>>>;
  readonly quirks: Quirks;
  /** `recvmmsg`/`sendmmsg` exist. */
  readonly batchedCalls: boolean;
}

/** The processors whose layouts are known. */
export type Arch = "x86_64" | "aarch64";
