/**
 * What the kernel is asked for, so that everything a socket wants reaches its delivery filter.
 *
 * Mostly that is just what the socket wants. But Linux checks the sender of an
 * IPv6 multicast against *one* membership of the group, the latest, whatever the
 * interface (net/ipv6/mcast.c, inet6_mc_check): with different senders wanted on
 * different interfaces it would drop some of them. There the kernel is asked for
 * every wanted sender on each interface, and the filter tells them apart.
 *
 * @module
 */

import { formatIp, type Ip, parseIp } from "../address/ip.ts";
import { SocketError } from "../ffi/errors.ts";
import type { MembershipTarget } from "../ffi/membership.ts";
import type { MembershipName } from "../ffi/platform/platform.ts";
import type { System } from "../ffi/syscalls.ts";
import { listInterfaces } from "../interfaces/list.ts";
import type { InterfaceNames } from "../interfaces/names.ts";
import type { FamilySocket } from "./family_socket.ts";
import { type Entry, type MembershipTable, same, type Words } from "./membership_table.ts";

/** Keeps the kernel's memberships in step with a socket's table. */
export class KernelMemberships {
  constructor(
    readonly system: System,
    readonly names: InterfaceNames,
    readonly table: MembershipTable,
  ) {}

  /**
   * Asks the kernel for what an entry wants now, after it changed.
   *
   * @throws {SocketError} If the OS refuses.
   */
  follow(half: FamilySocket, group: Ip, entry: Entry): void {
    this.#apply(half, group, entry);
    if (!this.#oneForAll(half)) return;
    for (const other of this.table.ofGroup(group)) {
      if (other !== entry) this.#apply(half, group, other);
    }
  }

  /** Stops or resumes a sender of an entry that is joined for any. */
  setBlocked(half: FamilySocket, group: Ip, source: Ip, entry: Entry, blocked: boolean): void {
    const known = entry.kernel.blocked;
    const at = known.findIndex((other) => same(other, source));
    if (blocked) {
      // With several memberships a block on one would hit all: the filter does it alone.
      if (this.#oneForAll(half) && this.table.ofGroup(group).length > 1) return;
      this.#call(half, "block", group, source, entry.interfaceIndex);
      known.push(source);
    } else if (at >= 0) {
      known.splice(at, 1);
      this.#call(half, "unblock", group, source, entry.interfaceIndex);
    }
  }

  /** Whether one membership's senders decide for all interfaces. */
  #oneForAll(half: FamilySocket): boolean {
    return half.family === "IPv6" && this.system.platform.quirks.groupDeliveryIgnoresInterface;
  }

  #apply(half: FamilySocket, group: Ip, entry: Entry): void {
    const { kernel, interfaceIndex } = entry;
    const gone = entry.any === 0 && entry.include.length === 0;
    const siblings = this.#oneForAll(half) ? this.table.ofGroup(group) : [entry];
    const any = !gone && (entry.any > 0 || kernel.any ||
      (kernel.sources.length === 0 && siblings.some((other) => other.any > 0)));
    if (any && !kernel.any) {
      this.#call(half, "join", group, null, interfaceIndex);
      kernel.any = true;
    } else if (!any && kernel.any) {
      kernel.any = false;
      this.#call(half, "leave", group, null, interfaceIndex);
    }
    const wanted = any || gone ? [] : siblings.flatMap((other) => other.include);
    const has = (list: readonly Words[], words: Words) => list.some((other) => same(other, words));
    for (const { words } of wanted) {
      if (has(kernel.sources, words)) continue;
      this.#call(half, "joinSource", group, words, interfaceIndex);
      kernel.sources.push(words);
    }
    const words = wanted.map((source) => source.words);
    for (const source of kernel.sources.filter((source) => !has(words, source))) {
      kernel.sources.splice(kernel.sources.indexOf(source), 1);
      this.#call(half, "leaveSource", group, source, interfaceIndex);
    }
  }

  #call(
    half: FamilySocket,
    call: MembershipName,
    group: Ip,
    source: Words | null,
    interfaceIndex: number,
  ): void {
    // Closing left every group already; the descriptor may be somebody else's.
    if (half.closed) return;
    const { system } = this;
    const { family } = group;
    const words = (ip: Words) => ({ ...ip, family, port: 0, scopeId: 0 });
    const target: MembershipTarget = {
      group: words(group),
      source: source && words(source),
      interfaceIndex,
      // Only an older form of the call asks for it.
      get interfaceAddress() {
        return firstIpv4(system, interfaceIndex);
      },
    };
    try {
      system.membership(half.fd, family, call, target, {
        address: formatIp(group),
        interfaceIndex,
        interfaceName: this.names.nameOf(interfaceIndex),
        multicast: true,
      });
    } catch (error) {
      if (!(error instanceof SocketError && isHarmless(call, error.code))) throw error;
    }
  }
}

/**
 * Refusals that say that things are as wanted: already a member (or through a
 * second address of the same interface); no longer one; the interface is gone
 * and took its memberships with it.
 */
function isHarmless(call: MembershipName, code: string): boolean {
  if (call === "join" || call === "joinSource") return code === "EADDRINUSE";
  if (call === "leave" || call === "leaveSource" || call === "unblock") {
    return code === "EADDRNOTAVAIL" || code === "ENODEV" || code === "ENXIO";
  }
  return false;
}

function firstIpv4(system: System, index: number): number {
  const own = listInterfaces(system).find((item) => item.index === index)?.addresses
    .find(({ family }) => family === "IPv4");
  return own ? parseIp(own.address).w0 : 0;
}
