/**
 * The structs that membership calls take.
 *
 * @module
 */

import type { MembershipRequest, Platform } from "./platform/platform.ts";
import { SockaddrCodec, type SocketWords } from "./sockaddr.ts";

/** What a membership call is about. */
export interface MembershipTarget {
  group: Readonly<SocketWords>;
  interfaceIndex: number;
  /** The sender to accept or to block; `null` for any. */
  source: Readonly<SocketWords> | null;
  /** An IPv4 address of the interface, for `ip_mreq` and `ip_mreq_source`, which know no index; else 0. */
  interfaceAddress: number;
}

/**
 * Encodes a membership request.
 *
 * @returns The struct, or `null` if this form cannot say it.
 */
export function encodeMembership(
  platform: Platform,
  request: MembershipRequest,
  target: MembershipTarget,
): Uint8Array<ArrayBuffer> | null {
  // A row of the platform's asks for it, so the platform has it.
  const layout = platform.layouts[request === "ip_mreq_index" ? "ip_mreq" : request]!;
  const padding = request === "ip_mreqn" ? platform.quirks.paddingBehindMreqn : 0;
  const bytes = new Uint8Array(layout.size + padding);
  const view = new DataView(bytes.buffer);
  const sockaddr = new SockaddrCodec(platform);
  const { group, source, interfaceIndex } = target;
  const at = layout.at as Record<string, number>;
  switch (request) {
    case "group_req":
      view.setUint32(at.gr_interface, interfaceIndex, true);
      sockaddr.write(view, at.gr_group, group);
      break;
    case "group_source_req":
      if (!source) return null;
      view.setUint32(at.gsr_interface, interfaceIndex, true);
      sockaddr.write(view, at.gsr_group, group);
      sockaddr.write(view, at.gsr_source, source);
      break;
    case "ip_mreqn":
      view.setUint32(at.imr_multiaddr, group.w0);
      view.setInt32(at.imr_ifindex, interfaceIndex, true);
      break;
    case "ip_mreq":
      if (target.interfaceAddress === 0) return null;
      view.setUint32(at.imr_multiaddr, group.w0);
      view.setUint32(at.imr_interface, target.interfaceAddress);
      break;
    case "ip_mreq_index":
      view.setUint32(at.imr_multiaddr, group.w0);
      view.setUint32(at.imr_interface, interfaceIndex);
      break;
    case "ip_mreq_source":
      if (!source || target.interfaceAddress === 0) return null;
      view.setUint32(at.imr_multiaddr, group.w0);
      view.setUint32(at.imr_interface, target.interfaceAddress);
      view.setUint32(at.imr_sourceaddr, source.w0);
      break;
    case "ipv6_mreq":
      view.setUint32(at.ipv6mr_multiaddr, group.w0);
      view.setUint32(at.ipv6mr_multiaddr + 4, group.w1);
      view.setUint32(at.ipv6mr_multiaddr + 8, group.w2);
      view.setUint32(at.ipv6mr_multiaddr + 12, group.w3);
      view.setInt32(at.ipv6mr_interface, interfaceIndex, true);
      break;
  }
  return bytes;
}
