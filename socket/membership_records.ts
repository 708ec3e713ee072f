/**
 * The memberships of one socket, each with the interfaces it is joined on.
 *
 * Several memberships may share a (group, interface) pair: the table counts them,
 * the kernel is asked once.
 *
 * @module
 */

import { formatIp, type Ip } from "../address/ip.ts";
import type { InterfaceId } from "../interfaces/names.ts";
import type { FamilySocket } from "./family_socket.ts";
import type { KernelMemberships } from "./kernel_membership.ts";
import type { FailedJoin, Membership, MembershipState } from "./membership.ts";
import { type Entry, has, type MembershipTable, same } from "./membership_table.ts";
import type { CheckedGroup } from "./options.ts";

/** One membership as its socket knows it. */
export interface MembershipRecord extends MembershipState {
  readonly checked: CheckedGroup;
  /** Joined without an interface. */
  readonly follows: boolean;
  /** Where it was left since, by `leave(group, { interface })`. */
  readonly left: Set<number>;
  membership: Membership | null;
}

/** A sender that is not wanted any more, or again: the last one that fits counts. */
interface Block {
  readonly source: Ip;
  /** `null`: on every interface. */
  readonly index: number | null;
  readonly blocked: boolean;
}

/** All memberships of a socket. */
export class MembershipRecords {
  /** By group: leaving one of a thousand groups must not look at the others. */
  readonly #records = new Map<string, Set<MembershipRecord>>();
  /** Who was blocked and where, by group: an interface that comes is to know it. */
  readonly #blocks = new Map<string, Block[]>();

  constructor(
    readonly table: MembershipTable,
    readonly kernel: KernelMemberships,
    /** The half of a family; throws where there is none. */
    readonly half: (group: Ip) => FamilySocket,
  ) {}

  /** The memberships of a group, or of all. */
  *of(group?: Ip): Generator<MembershipRecord> {
    const sets = group ? [this.#records.get(formatIp(group)) ?? []] : [...this.#records.values()];
    for (const set of sets) {
      // One that left meanwhile is none.
      for (const record of [...set]) if (this.has(record)) yield record;
    }
  }

  /** Whether a membership was neither left nor closed. */
  has(record: MembershipRecord): boolean {
    return this.#records.get(formatIp(record.checked.group))?.has(record) ?? false;
  }

  /** Forgets all, as the descriptors are closed. */
  clear(): void {
    this.#records.clear();
  }

  /** Begins to know a membership. */
  remember(record: MembershipRecord): void {
    const group = formatIp(record.checked.group);
    const records = this.#records.get(group);
    if (records) records.add(record);
    else this.#records.set(group, new Set([record]));
  }

  /** Ends to know a membership. */
  forget(record: MembershipRecord): void {
    const group = formatIp(record.checked.group);
    const records = this.#records.get(group);
    records?.delete(record);
    if (records?.size !== 0) return;
    this.#records.delete(group);
    this.#blocks.delete(group);
  }

  // --- one membership on one interface

  /**
   * Joins on an interface.
   *
   * @throws {SocketError} If the OS refuses.
   */
  joinOn({ group, source }: CheckedGroup, id: InterfaceId): void {
    const half = this.half(group);
    const known = this.table.find(group, id.index);
    if (known && (source ? known.any > 0 : known.include.length > 0)) {
      throw new TypeError(
        `${formatIp(group)} on ${id.name} is joined already, ` +
          (source ? "for any sender" : "source-specific") +
          "; one interface cannot do both at once: leave it first",
      );
    }
    const before = this.table.group(group)?.sources ?? [];
    const entry = this.table.add(group, id.index, source);
    try {
      this.kernel.follow(half, group, entry, source ? before : entry.of.sources);
    } catch (error) {
      try {
        this.#drop(half, group, source, entry);
      } catch {
        // The first refusal says more.
      }
      throw error;
    }
  }

  /** Joins on one of all interfaces: one that refuses, or has the group in another way, spoils it for no other. */
  tryJoin(record: MembershipRecord, id: InterfaceId): FailedJoin | null {
    try {
      this.joinOn(record.checked, id);
      record.interfaces.set(id.index, id);
      record.failed.delete(id.index);
      return null;
    } catch (error) {
      const failed = { ...id, error: error as Error };
      record.failed.set(id.index, failed);
      return failed;
    }
  }

  /** Leaves on an interface; does nothing where it is not joined. */
  leaveOn(record: MembershipRecord, index: number): void {
    record.failed.delete(index);
    if (!record.interfaces.delete(index)) return;
    const { group, source } = record.checked;
    // It has been joined there, so the pair is in the table.
    this.#drop(this.half(group), group, source, this.table.find(group, index)!);
  }

  /** {@linkcode leaveOn} where the interface is gone or refuses: the kernel is asked only to forget. */
  loseOn(record: MembershipRecord, index: number): void {
    record.failed.delete(index);
    if (!record.interfaces.delete(index)) return;
    const { group, source } = record.checked;
    const entry = this.table.find(group, index)!;
    const half = this.half(group);
    this.kernel.forget(half, group, entry);
    const before = entry.of.sources;
    this.table.drop(entry, source);
    this.kernel.followOthers(half, group, entry, before);
  }

  /** Takes one membership of an entry back. */
  #drop(half: FamilySocket, group: Ip, source: Ip | null, entry: Entry): void {
    const before = entry.of.sources;
    this.table.drop(entry, source);
    this.kernel.follow(half, group, entry, before);
  }

  // --- blocked senders

  /** Stops or resumes a sender on the entries given, and remembers that for interfaces to come. */
  setBlocked(
    entries: readonly Entry[],
    group: Ip,
    source: Ip,
    index: number | null,
    blocked: boolean,
  ): void {
    for (const entry of entries) {
      if (blocked !== has(entry.blocked, source)) this.#setBlockedOn(entry, group, source, blocked);
    }
    const name = formatIp(group);
    const rest = (this.#blocks.get(name) ?? []).filter((other) =>
      !(same(other.source, source) && (index === null || other.index === index))
    );
    this.#blocks.set(name, [...rest, { source, index, blocked }]);
  }

  #setBlockedOn(entry: Entry, group: Ip, source: Ip, blocked: boolean): void {
    this.kernel.setBlocked(this.half(group), group, source, entry, blocked);
    entry.blocked = blocked
      ? [...entry.blocked, source]
      : entry.blocked.filter((other) => !same(other, source));
  }

  /** Blocks on an interface that came who was blocked there, or everywhere. */
  blockOn({ group }: CheckedGroup, index: number): void {
    const entry = this.table.find(group, index);
    if (!entry || entry.any === 0) return;
    for (const block of this.#blocks.get(formatIp(group)) ?? []) {
      if (block.index !== null && block.index !== index) continue;
      if (block.blocked === has(entry.blocked, block.source)) continue;
      this.#setBlockedOn(entry, group, block.source, block.blocked);
    }
  }

  /**
   * Remembers that nobody is blocked on an interface where a group was asked for anew: when the interface
   * goes and returns it is to be as it was.
   */
  unblockOn(group: Ip, index: number): void {
    const name = formatIp(group);
    const blocks = this.#blocks.get(name)?.filter((block) => block.index !== index);
    if (!blocks) return;
    const elsewhere = blocks.filter((block) => block.index === null && block.blocked);
    const here = elsewhere.map(({ source }) => ({ source, index, blocked: false }));
    this.#blocks.set(name, [...blocks, ...here]);
  }

  /** Forgets who was blocked on an interface that is gone. */
  forgetBlocks(index: number): void {
    for (const [group, blocks] of this.#blocks) {
      this.#blocks.set(group, blocks.filter((block) => block.index !== index));
    }
  }
}
