/** What each system's headers call what the tables hold. */

/** One system's headers. */
export interface Dialect {
  /** Everything before the first assertion: feature macros and `#include`s. */
  readonly prologue: readonly string[];
  /** A struct's C type, e.g. `struct iovec`. */
  structType(name: string): string;
  /** Members that have another name than in the tables: `"iovec.iov_base"`. */
  readonly members?: Readonly<Record<string, string>>;
  /** Members that are narrower in C, and the padding after them that makes them as wide. */
  readonly padding?: Readonly<Record<string, string>>;
  /** C expressions for constants that are no single name in C; `null`: not to be checked. */
  readonly constants: Readonly<Record<string, string | null>>;
  /** `"IPv4 hops"` → the type of that control message, or of each in a list. */
  readonly control: Readonly<Record<string, string | readonly string[]>>;
  /** `CMSG_LEN` and `CMSG_SPACE`, or what is in their place. */
  readonly controlMacros: { readonly length: string; readonly space: string };
  /** The C name of an error. */
  errorName?(code: string, errno: number): string;
}

const POSIX_MACROS = { length: "CMSG_LEN", space: "CMSG_SPACE" };

function includes(...headers: string[]): string[] {
  return headers.map((header) => `#include <${header}>`);
}

/** Linux, glibc. */
export const LINUX_C: Dialect = {
  prologue: [
    "#define _GNU_SOURCE 1",
    ...includes(
      "errno.h",
      "ifaddrs.h",
      "net/if.h",
      "netinet/in.h",
      "netinet/udp.h",
      "netpacket/packet.h",
      "poll.h",
      "stddef.h",
      "sys/epoll.h",
      "sys/eventfd.h",
      "sys/socket.h",
      "sys/uio.h",
      "time.h",
      "linux/errqueue.h",
      "linux/netlink.h",
      "linux/rtnetlink.h",
      "linux/if_link.h",
      "linux/if_addr.h",
    ),
  ],
  structType: (name) => `struct ${name}`,
  constants: {
    SOCK_DGRAM: "SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC",
    EFD_FLAGS: "EFD_NONBLOCK | EFD_CLOEXEC",
    // Linux has no such flag: the table's 0 says so.
    MSG_BCAST: null,
    linkFamily: "AF_PACKET",
    // A 16-bit type: C's ~ fills the rest of an int.
    NLA_TYPE_MASK: "NLA_TYPE_MASK & 0xffff",
  },
  control: {
    "IPv4 packetInfo": "IP_PKTINFO",
    "IPv4 hops": "IP_TTL",
    "IPv4 trafficClass": "IP_TOS",
    "IPv4 error": "IP_RECVERR",
    "IPv6 packetInfo": "IPV6_PKTINFO",
    "IPv6 hops": "IPV6_HOPLIMIT",
    "IPv6 trafficClass": "IPV6_TCLASS",
    "IPv6 error": "IPV6_RECVERR",
    "timestamp": "SCM_TIMESTAMPNS",
    "dropCounter": "SO_RXQ_OVFL",
    "segmentation received": "UDP_GRO",
    "segmentation sent": "UDP_SEGMENT",
  },
  controlMacros: POSIX_MACROS,
};

/** Linux, musl: lengths are 4 bytes and 4 of padding. */
export const MUSL_C: Dialect = {
  ...LINUX_C,
  padding: {
    "msghdr.msg_iovlen": "__pad1",
    "msghdr.msg_controllen": "__pad2",
    "cmsghdr.cmsg_len": "__pad1",
  },
};

/** macOS. */
export const DARWIN_C: Dialect = {
  prologue: [
    "#define __APPLE_USE_RFC_3542 1",
    ...includes(
      "errno.h",
      "stddef.h",
      "sys/types.h",
      "sys/socket.h",
      "sys/time.h",
      "sys/uio.h",
      "net/if.h",
      "net/if_dl.h",
      "net/route.h",
      "netinet/in.h",
      "ifaddrs.h",
      "poll.h",
    ),
  ],
  structType: (name) => `struct ${name}`,
  members: { "ifaddrs.ifa_broadaddr": "ifa_dstaddr" },
  constants: {
    linkFamily: "AF_LINK",
    // macOS has none of these: the tables' 0 and -1 say so.
    MSG_BCAST: null,
    MSG_ERRQUEUE: null,
    RTM_IFANNOUNCE: null,
    RTM_DESYNC: null,
  },
  control: {
    "IPv4 packetInfo": "IP_PKTINFO",
    "IPv4 hops": "IP_RECVTTL",
    "IPv4 trafficClass": "IP_RECVTOS",
    "IPv6 packetInfo": "IPV6_PKTINFO",
    "IPv6 hops": "IPV6_HOPLIMIT",
    "IPv6 trafficClass": "IPV6_TCLASS",
    "timestamp": "SCM_TIMESTAMP",
  },
  controlMacros: POSIX_MACROS,
};

/** Android: bionic has the kernel's own headers behind its own. */
export const ANDROID_C: Dialect = {
  ...LINUX_C,
  // A union, of which the tables name one member.
  members: { "ifaddrs.ifa_broadaddr": "ifa_ifu" },
};

const BSD_C: Dialect = {
  ...DARWIN_C,
  prologue: DARWIN_C.prologue.filter((line) => !line.includes("__APPLE_")),
  constants: {
    SOCK_DGRAM: "SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC",
    SOCK_RAW: "SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC",
    linkFamily: "AF_LINK",
    // They have no such flag: the tables' 0 says so.
    MSG_ERRQUEUE: null,
  },
};
const ADDRESS_AND_INTERFACE = {
  "IPv4 destination": "IP_RECVDSTADDR",
  "IPv4 receivedInterface": "IP_RECVIF",
  "IPv4 source": "IP_SENDSRCADDR",
};

/** FreeBSD. */
export const FREEBSD_C: Dialect = {
  ...BSD_C,
  constants: { ...BSD_C.constants, MSG_BCAST: null },
  control: { ...BSD_C.control, ...ADDRESS_AND_INTERFACE },
};

/** OpenBSD. */
export const OPENBSD_C: Dialect = {
  ...BSD_C,
  control: { ...BSD_C.control, ...ADDRESS_AND_INTERFACE },
};

/** NetBSD. */
export const NETBSD_C: Dialect = BSD_C;

/** The structs that Windows has under POSIX's names or as types of its own. */
const WINDOWS_STRUCTS: Readonly<Record<string, string>> = {
  in_pktinfo: "IN_PKTINFO",
  in6_pktinfo: "IN6_PKTINFO",
  group_req: "GROUP_REQ",
  group_source_req: "GROUP_SOURCE_REQ",
};

/** The codes that are not Winsock's. */
const WIN32_ERRORS: Readonly<Record<number, string>> = {
  2: "ERROR_FILE_NOT_FOUND",
  5: "ERROR_ACCESS_DENIED",
  6: "ERROR_INVALID_HANDLE",
  8: "ERROR_NOT_ENOUGH_MEMORY",
  31: "ERROR_GEN_FAILURE",
  50: "ERROR_NOT_SUPPORTED",
  87: "ERROR_INVALID_PARAMETER",
  234: "ERROR_MORE_DATA",
  995: "ERROR_OPERATION_ABORTED",
  1168: "ERROR_NOT_FOUND",
  1231: "ERROR_NETWORK_UNREACHABLE",
  1232: "ERROR_HOST_UNREACHABLE",
  1234: "ERROR_PORT_UNREACHABLE",
};

/** Windows, as mingw-w64 has its headers. */
export const WINDOWS_C: Dialect = {
  prologue: [
    "#define _WIN32_WINNT 0x0A00",
    "#define WIN32_LEAN_AND_MEAN 1",
    ...includes(
      "stddef.h",
      "winsock2.h",
      "ws2tcpip.h",
      "mswsock.h",
      "iphlpapi.h",
    ),
  ],
  structType: (name) => WINDOWS_STRUCTS[name] ?? (/^[A-Z]/.test(name) ? name : `struct ${name}`),
  members: {
    "iovec.iov_base": "buf",
    "iovec.iov_len": "len",
    "msghdr.msg_name": "name",
    "msghdr.msg_namelen": "namelen",
    "msghdr.msg_iov": "lpBuffers",
    "msghdr.msg_iovlen": "dwBufferCount",
    "msghdr.msg_control": "Control.buf",
    "msghdr.msg_controllen": "Control.len",
    "msghdr.msg_flags": "dwFlags",
  },
  constants: {
    POLLIN: "POLLRDNORM | POLLRDBAND",
    IFF_POINTOPOINT: "IFF_POINTTOPOINT",
    IF_NAMESIZE: "IF_MAX_STRING_SIZE + 1",
    FIONBIO: "(int)FIONBIO",
    // Not in mingw-w64's mstcpip.h; so it is in Microsoft's.
    SIO_UDP_NETRESET: "_WSAIOW(IOC_VENDOR, 15)",
    // Windows has none of these: the tables' 0 and -1 say so.
    MSG_DONTWAIT: null,
    MSG_NOSIGNAL: null,
    MSG_ERRQUEUE: null,
    IFF_RUNNING: null,
    linkFamily: null,
  },
  control: {
    "IPv4 packetInfo": "IP_PKTINFO",
    "IPv4 hops": ["IP_TTL", "IP_RECVTTL"],
    "IPv4 trafficClass": ["IP_TOS", "IP_RECVTOS"],
    "IPv6 packetInfo": "IPV6_PKTINFO",
    "IPv6 hops": "IPV6_HOPLIMIT",
    "IPv6 trafficClass": "IPV6_TCLASS",
  },
  controlMacros: { length: "WSA_CMSG_LEN", space: "WSA_CMSG_SPACE" },
  errorName: (code, errno) =>
    WIN32_ERRORS[errno] ?? (code === "EAGAIN" ? "WSAEWOULDBLOCK" : `WSA${code}`),
};
