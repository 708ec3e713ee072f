/**
 * What this operating system can do, as data.
 *
 * @module
 */

import { runtime } from "#runtime";
import type { Family } from "../address/ip.ts";
import { findPlatform } from "../ffi/platform/detect.ts";
import type { OptionName, Platform } from "../ffi/platform/platform.ts";

/** What an operating system can do with datagrams. */
export interface PlatformFeatures {
  /** The operating system, e.g. `"linux"`. */
  readonly os: string;
  /** The destination and interface of each received datagram are told. */
  readonly packetInfo: Readonly<Record<Family, boolean>>;
  /** A socket can be bound to a group; elsewhere `address: group` is filtered here. */
  readonly bindToGroup: boolean;
  /** A socket bound to a group can send. */
  readonly sendFromGroupBoundSocket: boolean;
  /** Whose `multicastLoopback` decides whether local members hear a multicast. */
  readonly loopbackOption: "sender" | "receiver";
  /** `interface` is enforced by the kernel. */
  readonly bindToInterface: boolean;
  /** Joining for one sender only. */
  readonly sourceSpecific: Readonly<Record<Family, boolean>>;
  /** Spreading unicast over several sockets of one port. */
  readonly reusePort: boolean;
  /** `packet.dropped` counts. */
  readonly dropCounter: boolean;
  /** `timestamps: true` works. */
  readonly timestamps: boolean;
  /** ICMP errors are told with the destination they are about. */
  readonly errorQueue: boolean;
  /** `segmentation: true` has an effect: trains of datagrams travel in one piece. */
  readonly segmentation: boolean;
  /** Several datagrams travel in one system call. */
  readonly batchedCalls: boolean;
}

/**
 * What this operating system can do. Reading it calls nothing and needs no permission.
 *
 * @example
 * ```ts
 * import { platform } from "@pktinfo/pktinfo";
 *
 * console.log(platform.os, platform.bindToGroup ? "binds to groups" : "filters groups");
 * ```
 */
export const platform: PlatformFeatures = /* @__PURE__ */ describe(runtime.os, runtime.arch);

/** What a system can do; one that there are no tables for can do nothing. */
export function describe(os: string, arch: string): PlatformFeatures {
  const known = findPlatform(os, arch);
  const options: Platform["options"] = known?.options ?? { IPv4: {}, IPv6: {} };
  const memberships: Platform["memberships"] = known?.memberships ?? { IPv4: {}, IPv6: {} };
  const both = (has: (family: Family) => boolean) => ({ IPv4: has("IPv4"), IPv6: has("IPv6") });
  const has = (option: OptionName) => options.IPv4[option] !== undefined;
  return Object.freeze({
    os,
    packetInfo: both((family) => options[family].packetInfo !== undefined),
    bindToGroup: known?.quirks.bindToGroup ?? false,
    sendFromGroupBoundSocket: known?.quirks.sendFromGroupBoundSocket ?? false,
    loopbackOption: known?.quirks.loopbackOptionOnReceiver ? "receiver" : "sender",
    bindToInterface: has("bindToInterface"),
    sourceSpecific: both((family) => memberships[family].joinSource !== undefined),
    reusePort: has("reusePort"),
    dropCounter: has("dropCounter"),
    timestamps: has("timestamps"),
    errorQueue: has("receiveErrors"),
    segmentation: has("segmentation"),
    batchedCalls: known?.batchedCalls ?? false,
  });
}
