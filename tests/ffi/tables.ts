/** Platforms and bytes for the tests of the codecs. */
import { struct } from "../../ffi/layout.ts";
import { findPlatform } from "../../ffi/platform/detect.ts";
import { linux } from "../../ffi/platform/linux.ts";
import type {
  Arch,
  ControlRow,
  FamilyControl,
  FamilySendControl,
  Platform,
} from "../../ffi/platform/platform.ts";

/** Linux, as on this machine. */
export const LINUX = linux("x86_64");

/** The tables of another system. */
export function tablesOf(os: string, arch: Arch = "x86_64"): Platform {
  const platform = findPlatform(os, arch);
  if (!platform) throw new TypeError(`no tables for ${os}`);
  return platform;
}

/** A control row of the made-up system: received as it is sent. */
function both(
  packetInfo: ControlRow,
  hops: ControlRow,
  trafficClass: ControlRow,
  error: ControlRow,
) {
  const received: FamilyControl = {
    packetInfo,
    destination: null,
    receivedInterface: null,
    hops: [hops],
    trafficClass: [trafficClass],
    error,
  };
  const sent: FamilySendControl = { packetInfo, source: null, hops, trafficClass };
  return { received, sent };
}

const row = (level: number, type: number): ControlRow => ({ level, type });
const OTHER_IPV4 = both(row(0, 26), row(0, 24), row(0, 27), row(0, 99));
const OTHER_IPV6 = both(row(41, 46), row(41, 47), row(41, 36), row(41, 99));

/**
 * No real system: a 12-byte control header whose data starts at 12, 4-byte
 * alignment, short lengths, other numbers and other orders. What passes with it
 * has its knowledge from the tables.
 */
export const OTHER: Platform = {
  ...LINUX,
  os: "other",
  constants: {
    ...LINUX.constants,
    AF_INET6: 30,
    MSG_TRUNC: 0x10,
    MSG_CTRUNC: 0x20,
    IFF_MULTICAST: 0x8000,
  },
  controlAlignment: 4,
  layouts: {
    ...LINUX.layouts,
    msghdr: struct("msghdr", 48, {
      msg_name: [0, "pointer"],
      msg_namelen: [8, "u32"],
      msg_iov: [16, "pointer"],
      msg_iovlen: [24, "i32"],
      msg_control: [32, "pointer"],
      msg_controllen: [40, "u32"],
      msg_flags: [44, "i32"],
    }),
    mmsghdr: struct("mmsghdr", 56, { msg_hdr: [0, 48], msg_len: [48, "u32"] }),
    cmsghdr: struct("cmsghdr", 12, {
      cmsg_len: [0, "u32"],
      cmsg_level: [4, "i32"],
      cmsg_type: [8, "i32"],
    }),
    in_pktinfo: struct("in_pktinfo", 12, {
      ipi_addr: [0, 4],
      ipi_spec_dst: [4, 4],
      ipi_ifindex: [8, "u32"],
    }),
    in6_pktinfo: struct("in6_pktinfo", 20, { ipi6_ifindex: [0, "u32"], ipi6_addr: [4, 16] }),
    timespec: struct("timespec", 16, { tv_nsec: [0, "i64"], tv_sec: [8, "i64"] }),
    group_req: struct("group_req", 132, { gr_interface: [0, "u32"], gr_group: [4, 128] }),
    group_source_req: struct("group_source_req", 260, {
      gsr_interface: [0, "u32"],
      gsr_group: [4, 128],
      gsr_source: [132, 128],
    }),
    ip_mreq_source: struct("ip_mreq_source", 12, {
      imr_multiaddr: [0, 4],
      imr_sourceaddr: [4, 4],
      imr_interface: [8, 4],
    }),
  },
  control: {
    IPv4: OTHER_IPV4.received,
    IPv6: OTHER_IPV6.received,
    // Also SOL_SOCKET is another number on other systems.
    timestamp: { level: 0xffff, type: 4, struct: "timespec" },
    dropCounter: { level: 0xffff, type: 5 },
  },
  sendControl: { IPv4: OTHER_IPV4.sent, IPv6: OTHER_IPV6.sent },
  segmentation: { received: row(17, 7), sent: row(17, 8) },
};

/** Every layout of messages and addresses that there is, by a name for people. Android's is Linux's. */
export const PLATFORMS: readonly (readonly [name: string, platform: Platform])[] = [
  ["Linux", LINUX],
  ["macOS", tablesOf("darwin")],
  ["FreeBSD", tablesOf("freebsd")],
  ["OpenBSD", tablesOf("openbsd")],
  ["NetBSD", tablesOf("netbsd")],
  ["NetBSD on arm64", tablesOf("netbsd", "aarch64")],
  ["Windows", tablesOf("windows")],
  ["another system", OTHER],
];

/** A control message as the kernel writes it, padded. */
export function controlMessage(
  { layouts: { cmsghdr }, controlAlignment }: Platform,
  { level, type }: ControlRow,
  data: Uint8Array,
): Uint8Array {
  const align = (n: number) => Math.ceil(n / controlAlignment) * controlAlignment;
  const start = align(cmsghdr.size);
  const bytes = new Uint8Array(start + align(data.length));
  const view = new DataView(bytes.buffer);
  view.setUint32(cmsghdr.at.cmsg_len, start + data.length, true);
  view.setInt32(cmsghdr.at.cmsg_level, level, true);
  view.setInt32(cmsghdr.at.cmsg_type, type, true);
  bytes.set(data, start);
  return bytes;
}

/** `"01 02 0a"` → bytes; what is in brackets is for the reader. */
export function hex(text: string): Uint8Array<ArrayBuffer> {
  const digits = text.replaceAll(/\([^)]*\)/g, "").replaceAll(/\s/g, "");
  if (!/^(?:[0-9a-f]{2})*$/.test(digits)) throw new TypeError(`no hexadecimal: ${text}`);
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

/** Bytes → `"01020a"`. */
export function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** A view of exactly these bytes, in the middle of others that nobody may look at. */
export function viewOf(bytes: Uint8Array): DataView {
  const around = new Uint8Array(bytes.length + 32).fill(0xee);
  around.set(bytes, 16);
  return new DataView(around.buffer, 16, bytes.length);
}
