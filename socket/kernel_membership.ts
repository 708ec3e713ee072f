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

import { formatIp, type Ip } from "../address/ip.ts";
import { SocketError } from "../ffi/errors.ts";
import type { MembershipTarget } from "../ffi/membership.ts";
import type { MembershipName } from "../ffi/platform/platform.ts";
import type { System } from "../ffi/syscalls.ts";
import type { InterfaceNames } from "../interfaces/names.ts";
import type { FamilySocket } from "./family_socket.ts";
import { type Entry, type Group, has, same, type Words } from "./membership_table.ts";

/** Keeps the kernel's memberships in step with a socket's table. */
export class KernelMemberships {
  /** Groups on interfaces that could not be left: to join anew on top of what is left there would be something else. */
  readonly #stale = new Set<string>();

  constructor(readonly system: System, readonly names: InterfaceNames) {}

  /**
   * Asks the kernel for what an entry wants now, after it changed.
   *
   * @param before The group's senders before the change.
   * @throws {SocketError} If the OS refuses.
   */
  follow(half: FamilySocket, group: Ip, entry: Entry, before: readonly unknown[]): void {
    this.#apply(half, group, entry);
    this.followOthers(half, group, entry, before);
  }

  /** {@linkcode follow} for the group's other entries only. */
  followOthers(half: FamilySocket, group: Ip, entry: Entry, before: readonly unknown[]): void {
    // Most joins name no sender, and of those that do most name one that is known: nothing else changes then.
    if (!this.#oneForAll(half) || before === entry.of.sources) return;
    for (const other of entry.of.entries) {
      if (other === entry) continue;
      try {
        this.#apply(half, group, other);
      } catch (error) {
        // What was joined on an interface that is gone since must not keep others from being joined elsewhere.
        if (!(error instanceof SocketError && isGone(error.code))) throw error;
      }
    }
  }

  /**
   * Leaves and joins again: an interface that was gone or without carrier may have
   * forgotten, or the switch behind it.
   *
   * @throws {SocketError} If the OS refuses; then the kernel has none of it.
   */
  renew(half: FamilySocket, group: Ip, entry: Entry): void {
    this.forget(half, group, entry);
    this.#apply(half, group, entry);
    for (const source of entry.blocked) this.setBlocked(half, group, source, entry, true);
  }

  /** Leaves whatever the kernel was asked for, as far as it still knows. */
  forget(half: FamilySocket, group: Ip, entry: Entry): void {
    const known = entry.kernelAny || entry.kernelSources.length > 0;
    entry.kernelAny = false;
    entry.kernelSources = entry.kernelBlocked = [];
    // This takes the senders along (RFC 3678, 4.1.3). To leave them one by one is refused where the
    // interface is gone, and what was joined would go on counting against the limits.
    if (!known) return;
    const what = `${formatIp(group)} ${entry.interfaceIndex}`;
    this.#stale.add(what);
    this.#call(half, "leave", group, null, entry.interfaceIndex);
    this.#stale.delete(what);
  }

  /** Leaves what could not be left before. */
  #leaveStale(half: FamilySocket, group: Ip, interfaceIndex: number): void {
    const what = `${formatIp(group)} ${interfaceIndex}`;
    if (!this.#stale.has(what)) return;
    this.#call(half, "leave", group, null, interfaceIndex);
    this.#stale.delete(what);
  }

  /** Stops or resumes a sender of an entry that is joined for any. */
  setBlocked(half: FamilySocket, group: Ip, source: Ip | Words, entry: Entry, on: boolean): void {
    if (on) {
      // With several memberships a block on one would hit all: the filter does it alone.
      if (this.#oneForAll(half) && entry.of.entries.size > 1) return;
      this.#call(half, "block", group, source, entry.interfaceIndex);
      entry.kernelBlocked = [...entry.kernelBlocked, source];
    } else if (has(entry.kernelBlocked, source)) {
      this.#call(half, "unblock", group, source, entry.interfaceIndex);
      entry.kernelBlocked = entry.kernelBlocked.filter((other) => !same(other, source));
    }
  }

  /** Whether one membership's senders decide for all interfaces. */
  #oneForAll(half: FamilySocket): boolean {
    return half.family === "IPv6" && this.system.platform.quirks.groupDeliveryIgnoresInterface;
  }

  #apply(half: FamilySocket, group: Ip, entry: Entry): void {
    const { interfaceIndex } = entry;
    if (entry.any === 0 && entry.include.length === 0) return this.forget(half, group, entry);
    if (this.#stale.size > 0) this.#leaveStale(half, group, interfaceIndex);
    // Whose senders count: those of all interfaces, or this one's.
    const all: Pick<Group, "any" | "sources"> = this.#oneForAll(half)
      ? entry.of
      : { any: entry.any, sources: entry.include };
    // Once joined for any sender it stays so: the filter does the rest.
    const any = entry.any > 0 || entry.kernelAny ||
      (entry.kernelSources.length === 0 && all.any > 0);
    if (any && !entry.kernelAny) {
      this.#call(half, "join", group, null, interfaceIndex);
      entry.kernelAny = true;
    }
    const wanted = any ? [] : all.sources.map(({ words }) => words);
    for (const words of wanted) {
      if (has(entry.kernelSources, words)) continue;
      this.#call(half, "joinSource", group, words, interfaceIndex);
      entry.kernelSources = [...entry.kernelSources, words];
    }
    for (const source of entry.kernelSources) {
      if (has(wanted, source)) continue;
      this.#call(half, "leaveSource", group, source, interfaceIndex);
      entry.kernelSources = entry.kernelSources.filter((other) => other !== source);
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
    const { system, names } = this;
    const { family } = group;
    const words = (ip: Words) => ({ ...ip, family, port: 0, scopeId: 0 });
    const target: MembershipTarget = {
      group: words(group),
      source: source && words(source),
      interfaceIndex,
      // Only an older form of the call asks for it.
      get interfaceAddress() {
        return names.firstIpv4(interfaceIndex);
      },
    };
    try {
      system.membership(half.fd, family, call, target, {
        // Text is made only where there is an error to put it in.
        get address() {
          return formatIp(group);
        },
        get interfaceName() {
          return names.nameOf(interfaceIndex);
        },
        family,
        interfaceIndex,
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
  // Nobody is heard from there, and whoever is blocked for all interfaces is blocked on the others.
  if (call === "block") return isGone(code);
  return code === "EADDRNOTAVAIL" || isGone(code);
}

/** The interface is gone: Linux says the one, others the other. */
function isGone(code: string): boolean {
  return code === "ENODEV" || code === "ENXIO";
}
