/**
 * Joining and leaving groups.
 *
 * @module
 */

import { formatIp, type Ip } from "../address/ip.ts";
import type { System } from "../ffi/syscalls.ts";
import { listInterfaces } from "../interfaces/list.ts";
import type { InterfaceId, InterfaceNames } from "../interfaces/names.ts";
import type { FamilySocket } from "./family_socket.ts";
import { KernelMemberships } from "./kernel_membership.ts";
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
  readonly #kernel: KernelMemberships;

  constructor(
    readonly system: System,
    readonly names: InterfaceNames,
    readonly table: MembershipTable,
    /** The only interface of the socket, or `null`. */
    readonly only: InterfaceId | null,
    /** The half of a family; throws where there is none. */
    readonly half: (group: Ip) => FamilySocket,
    /** Called when less is to be delivered than before. */
    readonly narrowed: () => void,
  ) {
    this.#kernel = new KernelMemberships(system, names, table);
  }

  /**
   * Joins a group.
   *
   * @throws {SocketError} If the interface was named and the OS refuses.
   */
  join(checked: CheckedGroup): Membership {
    const half = this.half(checked.group);
    const record: Record = { checked, interfaces: [] };
    const failed: FailedJoin[] = [];
    const named = checked.interface ?? this.only?.index ?? null;
    if (named !== null) {
      const id = this.names.resolve(named);
      if (this.only && id.index !== this.only.index) {
        const group = formatIp(checked.group);
        throw new TypeError(
          `${group} cannot be joined on ${id.name}: the socket is for ${this.only.name} only`,
        );
      }
      this.#joinOn(half, checked, id);
      record.interfaces.push(id);
    } else {
      // One interface that refuses, or has the group in another way, spoils it for no other.
      for (const { index, name } of this.#candidates()) {
        try {
          this.#joinOn(half, checked, { index, name });
          record.interfaces.push({ index, name });
        } catch (error) {
          if (!(error instanceof Error)) throw error;
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
      this.#kernel.setBlocked(half, checked.group, source, entry, blocked);
      if (blocked) entry.blocked.push(source);
      else entry.blocked.splice(at, 1);
    }
    this.narrowed();
  }

  #candidates(): InterfaceId[] {
    return listInterfaces(this.system).filter((item) => item.up && item.multicast);
  }

  #joinOn(half: FamilySocket, { group, source }: CheckedGroup, id: InterfaceId): void {
    const known = this.table.find(group, id.index);
    if (known && (source ? known.any > 0 : known.include.length > 0)) {
      throw new TypeError(
        `${formatIp(group)} on ${id.name} is joined already, ` +
          (source ? "for any sender" : "source-specific") +
          "; one interface cannot do both at once: leave it first",
      );
    }
    const entry = known ?? this.table.add(group, id.index);
    const wanted = source && entry.include.find((other) => same(other.words, source));
    if (wanted) wanted.count++;
    else if (source) entry.include.push({ words: source, count: 1 });
    else entry.any++;
    try {
      this.#kernel.follow(half, group, entry);
    } catch (error) {
      try {
        this.#drop(half, group, source, entry);
      } catch {
        // The first refusal says more.
      }
      throw error;
    }
  }

  #leaveRecord(record: Record, interfaceIndex: number | null): void {
    const { interfaces } = record;
    const { group, source } = record.checked;
    for (const id of [...interfaces]) {
      if (interfaceIndex !== null && id.index !== interfaceIndex) continue;
      interfaces.splice(interfaces.indexOf(id), 1);
      const entry = this.table.find(group, id.index);
      if (entry) this.#drop(this.half(group), group, source, entry);
    }
    if (interfaces.length === 0) this.#records.delete(record);
    this.narrowed();
  }

  /** Takes one membership of an entry back. */
  #drop(half: FamilySocket, group: Ip, source: Ip | null, entry: Entry): void {
    const wanted = source && entry.include.find((other) => same(other.words, source));
    if (!wanted) entry.any--;
    else if (--wanted.count === 0) entry.include.splice(entry.include.indexOf(wanted), 1);
    if (entry.any === 0 && entry.include.length === 0) this.table.remove(entry);
    this.#kernel.follow(half, group, entry);
  }
}
