/**
 * Joining and leaving groups: what one socket has joined, and following the interfaces.
 *
 * @module
 */

import { formatIp, type Ip } from "../address/ip.ts";
import type { System } from "../ffi/syscalls.ts";
import type { InterfaceChange } from "../interfaces/change.ts";
import { interfaceFollowing } from "../interfaces/follow.ts";
import type { NetworkInterface } from "../interfaces/list.ts";
import type { InterfaceId, InterfaceNames } from "../interfaces/names.ts";
import type { FamilySocket } from "./family_socket.ts";
import { KernelMemberships } from "./kernel_membership.ts";
import {
  type FailedJoin,
  Membership,
  type MembershipChange,
  MembershipChangeEvent,
  type MembershipState,
} from "./membership.ts";
import { type Entry, has, type MembershipTable, same } from "./membership_table.ts";
import type { CheckedGroup } from "./options.ts";

/** One membership as its socket knows it. */
interface Record extends MembershipState {
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
  /** By group: leaving one of a thousand groups must not look at the others. */
  readonly #records = new Map<string, Set<Record>>();
  readonly #kernel: KernelMemberships;
  /** Which senders were blocked and where, by group: an interface that comes is to know it. */
  readonly #blocks = new Map<string, Block[]>();
  #closed = false;
  /** Ends following; once begun, it goes on until the socket is closed. */
  #unfollow: (() => Promise<void>) | null = null;

  constructor(
    readonly system: System,
    readonly names: InterfaceNames,
    readonly table: MembershipTable,
    readonly host: MembershipHost,
  ) {
    this.#kernel = new KernelMemberships(system, names);
  }

  /**
   * Joins a group.
   *
   * @throws {SocketError} If the interface was named and the OS refuses.
   */
  join(checked: CheckedGroup): Membership {
    this.host.half(checked.group);
    const named = checked.interface ?? this.host.only?.index ?? null;
    const record: Record = {
      checked,
      follows: named === null,
      left: new Set(),
      interfaces: new Map(),
      failed: new Map(),
      membership: null,
    };
    if (named !== null) {
      const id = this.#named(named, checked);
      this.#joinOn(checked, id);
      record.interfaces.set(id.index, id);
    } else {
      this.#follow();
      for (const item of interfaceFollowing(this.system).now()) {
        if (isCandidate(item)) this.#tryJoin(record, idOf(item));
      }
    }
    this.#remember(record);
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
    for (const record of [...this.#records.get(formatIp(checked.group)) ?? []]) {
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
    for (const entry of entries) {
      if (blocked === has(entry.blocked, source)) continue;
      this.#setBlockedOn(entry, checked.group, source, blocked);
    }
    const group = formatIp(checked.group);
    const rest = (this.#blocks.get(group) ?? []).filter((other) =>
      !(same(other.source, source) && (index === null || other.index === index))
    );
    this.#blocks.set(group, [...rest, { source, index, blocked }]);
    this.host.narrowed();
  }

  #setBlockedOn(entry: Entry, group: Ip, source: Ip, blocked: boolean): void {
    this.#kernel.setBlocked(this.host.half(group), group, source, entry, blocked);
    entry.blocked = blocked
      ? [...entry.blocked, source]
      : entry.blocked.filter((other) => !same(other, source));
  }

  /** Ends following. The kernel leaves the groups as the descriptors are closed. */
  close(): Promise<void> {
    this.#closed = true;
    this.#records.clear();
    return this.#unfollow?.() ?? Promise.resolve();
  }

  // --- one membership on one interface

  #joinOn({ group, source }: CheckedGroup, id: InterfaceId): void {
    const half = this.host.half(group);
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
      this.#kernel.follow(half, group, entry, source ? before : entry.of.sources);
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
  #tryJoin(record: Record, id: InterfaceId): FailedJoin | null {
    try {
      this.#joinOn(record.checked, id);
      record.interfaces.set(id.index, id);
      record.failed.delete(id.index);
      return null;
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      const failed = { ...id, error };
      record.failed.set(id.index, failed);
      return failed;
    }
  }

  /** Takes one membership of an entry back. */
  #drop(half: FamilySocket, group: Ip, source: Ip | null, entry: Entry): void {
    const before = entry.of.sources;
    this.table.drop(entry, source);
    this.#kernel.follow(half, group, entry, before);
  }

  // --- records

  #remember(record: Record): void {
    const group = formatIp(record.checked.group);
    const records = this.#records.get(group);
    if (records) records.add(record);
    else this.#records.set(group, new Set([record]));
  }

  #forget(record: Record): void {
    const group = formatIp(record.checked.group);
    const records = this.#records.get(group);
    records?.delete(record);
    if (records?.size !== 0) return;
    this.#records.delete(group);
    this.#blocks.delete(group);
  }

  #leaveRecord(record: Record, interfaceIndex: number | null): void {
    for (
      const index of interfaceIndex === null ? [...record.interfaces.keys()] : [interfaceIndex]
    ) {
      record.left.add(index);
      this.#leaveOn(record, index);
    }
    // One that follows goes on to do so elsewhere, unless it was left altogether.
    if (interfaceIndex === null || (!record.follows && record.interfaces.size === 0)) {
      record.failed.clear();
      this.#forget(record);
    }
    this.host.narrowed();
  }

  #leaveOn(record: Record, index: number): void {
    record.failed.delete(index);
    if (!record.interfaces.delete(index)) return;
    const { group, source } = record.checked;
    const entry = this.table.find(group, index);
    if (entry) this.#drop(this.host.half(group), group, source, entry);
  }

  /** {@linkcode #leaveOn} where the interface is gone or refuses: the kernel is asked only to forget. */
  #loseOn(record: Record, index: number): void {
    record.failed.delete(index);
    if (!record.interfaces.delete(index)) return;
    const { group, source } = record.checked;
    const entry = this.table.find(group, index);
    if (!entry) return;
    const half = this.host.half(group);
    this.#kernel.forget(half, group, entry);
    const before = entry.of.sources;
    this.table.drop(entry, source);
    this.#kernel.followOthers(half, group, entry, before);
  }

  // --- following

  #follow(): void {
    this.#unfollow ??= interfaceFollowing(this.system).follow({
      changed: (changes, gap) => {
        for (const change of changes) this.#onChange(change);
        if (gap) this.#renewAll();
      },
      failed: (error) => this.host.report(error as Error),
    });
  }

  #onChange(change: InterfaceChange): void {
    const renewed: Renewed = new Map();
    this.#adaptAll((record, news) => this.#adapt(record, change, renewed, news));
    if (change.type === "removed") this.#forgetBlocks(change.interface.index);
  }

  /** After events were lost: each interface may have been away, without a trace in the changes. */
  #renewAll(): void {
    const renewed: Renewed = new Map();
    this.#adaptAll((record, news) => {
      for (const id of [...record.interfaces.values()]) this.#renew(record, id, renewed, news);
      return record.interfaces.size > 0 || news.left.length > 0;
    });
  }

  #adaptAll(adapt: (record: Record, news: MembershipChange) => boolean): void {
    for (const records of [...this.#records.values()]) {
      for (const record of [...records]) {
        // A listener that was told before may have left it, or closed the socket.
        if (this.#closed) return;
        if (!record.follows || !records.has(record)) continue;
        const news: MembershipChange = { joined: [], left: [], failed: [] };
        if (!adapt(record, news)) continue;
        for (const { error } of news.failed) this.host.report(error);
        record.membership?.dispatchEvent(new MembershipChangeEvent(news));
      }
    }
    this.host.narrowed();
  }

  /** Adapts one membership to a change; returns whether that changed it. */
  #adapt(
    record: Record,
    change: InterfaceChange,
    renewed: Renewed,
    news: MembershipChange,
  ): boolean {
    const { type, interface: item } = change;
    const id = idOf(item);
    const { interfaces, failed } = record;
    const joined = interfaces.get(id.index);
    if (type === "removed" || !isCandidate(item)) {
      if (joined) news.left.push(joined);
      const known = joined !== undefined || failed.has(id.index);
      if (type === "removed") {
        this.#loseOn(record, id.index);
        // Its index may come back as another interface.
        record.left.delete(id.index);
      } else this.#leaveOn(record, id.index);
      return known;
    }
    if (record.left.has(id.index)) return false;
    if (!joined) {
      const before = failed.get(id.index);
      const error = this.#tryJoin(record, id);
      // That it cannot be joined there is no news.
      if (error && error.error.message === before?.error.message) return false;
      if (error) news.failed.push(error);
      else {
        news.joined.push(id);
        this.#blockOn(record.checked, id.index);
      }
      return true;
    }
    interfaces.set(id.index, id);
    if (isReturn(change)) {
      this.#renew(record, id, renewed, news);
      return true;
    }
    return type === "renamed";
  }

  /** Leaves and joins again. Memberships that share an entry do it once. */
  #renew(record: Record, id: InterfaceId, renewed: Renewed, news: MembershipChange): void {
    const { group } = record.checked;
    const entry = this.table.find(group, id.index)!;
    let error = renewed.get(entry);
    if (error === undefined) {
      error = null;
      try {
        this.#kernel.renew(this.host.half(group), group, entry);
      } catch (refusal) {
        error = refusal as Error;
      }
      renewed.set(entry, error);
    }
    if (!error) {
      news.joined.push(id);
      return;
    }
    this.#loseOn(record, id.index);
    const failed = { ...id, error };
    record.failed.set(id.index, failed);
    news.left.push(id);
    news.failed.push(failed);
  }

  /** Blocks on an interface that came who was blocked there, or everywhere. */
  #blockOn({ group }: CheckedGroup, index: number): void {
    const entry = this.table.find(group, index);
    if (!entry || entry.any === 0) return;
    for (const block of this.#blocks.get(formatIp(group)) ?? []) {
      if (block.index !== null && block.index !== index) continue;
      if (block.blocked === has(entry.blocked, block.source)) continue;
      this.#setBlockedOn(entry, group, block.source, block.blocked);
    }
  }

  #forgetBlocks(index: number): void {
    for (const [group, blocks] of this.#blocks) {
      this.#blocks.set(group, blocks.filter((block) => block.index !== index));
    }
  }
}

/** What became of entries that were left and joined again. */
type Renewed = Map<Entry, Error | null>;

/**
 * Whether an interface was away: without carrier, off, or with so small an MTU that IPv6 was
 * taken from it (RFC 8200, section 5); another MAC address is another device.
 */
function isReturn(change: InterfaceChange): boolean {
  if (change.type === "running" || change.type === "up") return true;
  const { type, interface: now } = change;
  return type === "changed" && (now.mtu !== change.previous.mtu || now.mac !== change.previous.mac);
}

function isCandidate({ up, multicast }: NetworkInterface): boolean {
  return up && multicast;
}

function idOf({ index, name }: NetworkInterface): InterfaceId {
  return { index, name };
}
