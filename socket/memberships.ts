/**
 * Joining, leaving and blocking, as a socket is asked to.
 *
 * @module
 */

import { formatIp, type Ip } from "../address/ip.ts";
import type { System } from "../ffi/syscalls.ts";
import { interfaceFollowing } from "../interfaces/follow.ts";
import type { InterfaceId, InterfaceNames } from "../interfaces/names.ts";
import type { FamilySocket } from "./family_socket.ts";
import { KernelMemberships } from "./kernel_membership.ts";
import { Membership } from "./membership.ts";
import { idOf, isCandidate, MembershipFollower } from "./membership_follower.ts";
import { type MembershipRecord, MembershipRecords } from "./membership_records.ts";
import { type MembershipTable, same } from "./membership_table.ts";
import type { CheckedGroup } from "./options.ts";

/** What memberships need of their socket. */
export interface MembershipHost {
  /** The only interface of the socket, or `null`. */
  readonly only: InterfaceId | null;
  /** The half of a family; throws where there is none. */
  half(group: Ip): FamilySocket;
  /** Less is to be delivered than before. */
  narrowed(): void;
  /** Something went wrong that nobody is waiting for. */
  report(error: Error): void;
}

/** The memberships of one socket. */
export class Memberships {
  readonly #records: MembershipRecords;
  /** Ends following; once begun, it goes on until the socket is closed. */
  #unfollow: (() => Promise<void>) | null = null;

  constructor(
    readonly system: System,
    readonly names: InterfaceNames,
    readonly table: MembershipTable,
    readonly host: MembershipHost,
  ) {
    const kernel = new KernelMemberships(system, names);
    this.#records = new MembershipRecords(table, kernel, (group) => host.half(group));
  }

  /**
   * Joins a group.
   *
   * @throws {SocketError} If the interface was named and the OS refuses.
   */
  join(checked: CheckedGroup): Membership {
    this.host.half(checked.group);
    const named = checked.interface ?? this.host.only?.index ?? null;
    const record: MembershipRecord = {
      checked,
      follows: named === null,
      left: new Set(),
      interfaces: new Map(),
      failed: new Map(),
      membership: null,
    };
    if (named !== null) {
      const id = this.#named(named, checked);
      const known = this.table.find(checked.group, id.index);
      this.#records.joinOn(checked, id);
      if (!known) this.#records.unblockOn(checked.group, id.index);
      record.interfaces.set(id.index, id);
    } else {
      this.#unfollow ??= interfaceFollowing(this.system).follow(
        new MembershipFollower(
          this.#records,
          () => this.host.narrowed(),
          (error) => this.host.report(error),
        ),
      );
      for (const item of interfaceFollowing(this.system).now()) {
        if (!isCandidate(item)) continue;
        const known = this.table.find(checked.group, item.index);
        const failed = this.#records.tryJoin(record, idOf(item));
        if (!known && !failed) this.#records.unblockOn(checked.group, item.index);
      }
    }
    this.#records.remember(record);
    return record.membership = new Membership(
      formatIp(checked.group),
      checked.source && formatIp(checked.source),
      record,
      () => this.#leaveRecord(record, null),
    );
  }

  #named(named: string | number, { group }: CheckedGroup): InterfaceId {
    const id = this.names.resolve(named);
    const { only } = this.host;
    if (only && id.index !== only.index) {
      throw new TypeError(
        `${formatIp(group)} cannot be joined on ${id.name}: the socket is for ${only.name} only`,
      );
    }
    return id;
  }

  /** Leaves a group: everywhere, or on one interface; for all senders, or for one. */
  leave(checked: CheckedGroup): void {
    const index = checked.interface === null ? null : this.names.resolve(checked.interface).index;
    for (const record of this.#records.of(checked.group)) {
      const { source } = record.checked;
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
    const index = checked.interface === null ? null : this.names.resolve(checked.interface).index;
    const source = checked.source!;
    // Says what is wrong where the socket has no such family.
    this.host.half(checked.group);
    const entries = [...this.table.group(checked.group)?.entries ?? []].filter((entry) =>
      entry.any > 0 && (index === null || entry.interfaceIndex === index)
    );
    if (entries.length === 0) {
      throw new TypeError(
        `${formatIp(checked.group)} is not joined for any sender` +
          (index === null ? "" : ` on interface ${checked.interface}`) +
          `, so there is nothing to block ${formatIp(source)} from: join the group first`,
      );
    }
    this.#records.setBlocked(entries, checked.group, source, index, blocked);
    this.host.narrowed();
  }

  /** Ends following. The kernel leaves the groups as the descriptors are closed. */
  close(): Promise<void> {
    this.#records.clear();
    return this.#unfollow?.() ?? Promise.resolve();
  }

  #leaveRecord(record: MembershipRecord, interfaceIndex: number | null): void {
    for (
      const index of interfaceIndex === null ? [...record.interfaces.keys()] : [interfaceIndex]
    ) {
      record.left.add(index);
      this.#records.leaveOn(record, index);
    }
    // One that follows goes on to do so elsewhere, unless it was left altogether.
    if (interfaceIndex === null || (!record.follows && record.interfaces.size === 0)) {
      record.failed.clear();
      this.#records.forget(record);
    }
    this.host.narrowed();
  }
}
