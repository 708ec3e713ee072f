/**
 * Joining and leaving groups.
 *
 * @module
 */

import { formatIp, type Ip, parseIp } from "../address/ip.ts";
import { SocketError } from "../ffi/errors.ts";
import type { MembershipTarget } from "../ffi/membership.ts";
import type { MembershipName } from "../ffi/platform/platform.ts";
import type { System } from "../ffi/syscalls.ts";
import { listInterfaces } from "../interfaces/list.ts";
import type { InterfaceId, InterfaceNames } from "../interfaces/names.ts";
import type { FamilySocket } from "./family_socket.ts";
import { type Entry, type MembershipTable, same } from "./membership_table.ts";
import type { CheckedGroup } from "./options.ts";

/** An interface on which a group could not be joined, and why. */
export interface FailedJoin extends InterfaceId {
  /** What the OS said. */
  readonly error: Error;
}

/**
 * A group that a socket has joined, on one interface or on several.
 *
 * @example Joined for the length of a block
 * ```ts
 * import { openUdpSocket } from "@pktinfo/pktinfo";
 *
 * await using socket = openUdpSocket();
 * {
 *   using membership = socket.join("239.1.2.3", { interface: "lo" });
 *   console.log(membership.interfaces.map(({ name }) => name));
 * } // left here
 * ```
 */
export class Membership {
  /** The group, without zone. */
  readonly group: string;
  /** The only sender that is accepted, or `null` for any. */
  readonly source: string | null;
  readonly #interfaces: InterfaceId[];
  readonly #failed: FailedJoin[];
  readonly #leave: (interfaceIndex: number | null) => void;

  /**
   * Made by `socket.join`.
   *
   * @internal
   */
  constructor(
    group: string,
    source: string | null,
    interfaces: InterfaceId[],
    failed: FailedJoin[],
    leave: (interfaceIndex: number | null) => void,
  ) {
    this.group = group;
    this.source = source;
    this.#interfaces = interfaces;
    this.#failed = failed;
    this.#leave = leave;
  }

  /** Where the group is joined now; empty once it was left. */
  get interfaces(): readonly InterfaceId[] {
    return [...this.#interfaces];
  }

  /** Where it was to be joined and could not be. */
  get failed(): readonly FailedJoin[] {
    return [...this.#failed];
  }

  /** Leaves the group wherever this membership joined it. A second time does nothing. */
  leave(): void {
    this.#leave(null);
  }

  /** {@linkcode Membership.leave}, for `using`. */
  [Symbol.dispose](): void {
    this.leave();
  }
}

/** One membership as its socket knows it. */
interface Record {
  readonly checked: CheckedGroup;
  readonly interfaces: InterfaceId[];
}

/** The memberships of one socket. */
export class Memberships {
  readonly #records = new Set<Record>();

  constructor(
    readonly system: System,
    readonly names: InterfaceNames,
    readonly table: MembershipTable,
    /** The half of a family; throws where there is none. */
    readonly half: (group: Ip) => FamilySocket,
  ) {}

  /**
   * Joins a group.
   *
   * @throws {SocketError} If the interface was named and the OS refuses.
   */
  join(checked: CheckedGroup): Membership {
    const half = this.half(checked.group);
    const record: Record = { checked, interfaces: [] };
    const failed: FailedJoin[] = [];
    if (checked.interface !== null) {
      const id = this.names.resolve(checked.interface);
      this.#joinOn(half, checked, id);
      record.interfaces.push(id);
    } else {
      for (const { index, name } of this.#candidates()) {
        try {
          this.#joinOn(half, checked, { index, name });
          record.interfaces.push({ index, name });
        } catch (error) {
          if (!(error instanceof SocketError)) throw error;
          failed.push({ index, name, error });
        }
      }
    }
    this.#records.add(record);
    return new Membership(
      formatIp(checked.group),
      checked.source && formatIp(checked.source),
      record.interfaces,
      failed,
      (interfaceIndex) => this.#leaveRecord(record, interfaceIndex),
    );
  }

  /** Leaves a group: everywhere, or on one interface; for all senders, or for one. */
  leave(checked: CheckedGroup): void {
    const index = checked.interface === null ? null : this.names.resolve(checked.interface).index;
    for (const record of [...this.#records]) {
      const { group, source } = record.checked;
      if (group.family !== checked.group.family || !same(group, checked.group)) continue;
      if (checked.source && !(source && same(source, checked.source))) continue;
      this.#leaveRecord(record, index);
    }
  }

  /**
   * Stops or resumes accepting a sender.
   *
   * @throws {TypeError} If the group is not joined for any sender.
   */
  setBlocked(checked: CheckedGroup, blocked: boolean): void {
    const half = this.half(checked.group);
    const index = checked.interface === null ? null : this.names.resolve(checked.interface).index;
    const source = checked.source!;
    const entries = this.table.ofGroup(checked.group).filter((entry) =>
      entry.any > 0 && (index === null || entry.interfaceIndex === index)
    );
    if (entries.length === 0) {
      throw new TypeError(
        `${formatIp(checked.group)} is not joined for any sender` +
          (index === null ? "" : ` on interface ${checked.interface}`) +
          `, so there is nothing to block ${formatIp(source)} from: join the group first`,
      );
    }
    for (const entry of entries) {
      const at = entry.blocked.findIndex((other) => same(other, source));
      if (blocked === at >= 0) continue;
      if (this.#kernelFiltersSources(half, entry)) {
        this.#call(half, blocked ? "block" : "unblock", checked, {
          index: entry.interfaceIndex,
          name: this.names.nameOf(entry.interfaceIndex) ?? "",
        });
      }
      if (blocked) entry.blocked.push(source);
      else entry.blocked.splice(at, 1);
    }
  }

  /**
   * Linux looks at one membership of an IPv6 group, the latest, whatever the
   * interface (inet6_mc_check): with several, a block on one would hit all. The
   * delivery filter then does it alone.
   */
  #kernelFiltersSources(half: FamilySocket, entry: Entry): boolean {
    return half.family === "IPv4" || !this.system.platform.quirks.groupDeliveryIgnoresInterface ||
      this.table.ofGroup(entry.group).length === 1;
  }

  #candidates(): InterfaceId[] {
    return listInterfaces(this.system).filter((item) => item.up && item.multicast);
  }

  #joinOn(half: FamilySocket, checked: CheckedGroup, id: InterfaceId): void {
    const { group, source } = checked;
    const known = this.table.find(group, id.index);
    if (known && (source ? known.any > 0 : known.include.length > 0)) {
      throw new TypeError(
        `${formatIp(group)} on ${id.name} is joined ${
          source ? "for any sender" : "source-specific"
        }` +
          " already; one interface cannot do both at once: leave it first",
      );
    }
    const wanted = source && known?.include.find((other) => same(other.words, source));
    if (wanted) wanted.count++;
    else if (known && !source) known.any++;
    else {
      this.#call(half, source ? "joinSource" : "join", checked, id);
      const entry = this.table.add(group, id.index);
      if (source) entry.include.push({ words: source, count: 1 });
      else entry.any = 1;
    }
  }

  #leaveRecord(record: Record, interfaceIndex: number | null): void {
    const { checked, interfaces } = record;
    const { group, source } = checked;
    for (const id of [...interfaces]) {
      if (interfaceIndex !== null && id.index !== interfaceIndex) continue;
      interfaces.splice(interfaces.indexOf(id), 1);
      const entry = this.table.find(group, id.index);
      if (!entry) continue;
      const wanted = source && entry.include.find((other) => same(other.words, source));
      if (wanted) wanted.count--;
      else if (entry.any > 0) entry.any--;
      if (wanted ? wanted.count > 0 : entry.any > 0) continue;
      if (wanted) entry.include.splice(entry.include.indexOf(wanted), 1);
      if (entry.any === 0 && entry.include.length === 0) this.table.remove(entry);
      this.#call(this.half(group), source ? "leaveSource" : "leave", checked, id);
    }
    if (interfaces.length === 0) this.#records.delete(record);
  }

  #call(half: FamilySocket, call: MembershipName, checked: CheckedGroup, id: InterfaceId): void {
    // Closing left every group already; the descriptor may be somebody else's.
    if (half.closed) return;
    const { group, source } = checked;
    const { system } = this;
    const words = (ip: Ip) => ({ ...ip, port: 0, scopeId: 0 });
    const target: MembershipTarget = {
      group: words(group),
      source: source && words(source),
      interfaceIndex: id.index,
      // Only an older form of the call asks for it.
      get interfaceAddress() {
        return firstIpv4(system, id.index);
      },
    };
    try {
      system.membership(half.fd, group.family, call, target, {
        address: formatIp(group),
        interfaceIndex: id.index,
        interfaceName: id.name,
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
