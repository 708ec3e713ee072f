/**
 * Memberships that follow the interfaces.
 *
 * @module
 */

import { SocketError } from "../ffi/errors.ts";
import type { InterfaceChange } from "../interfaces/change.ts";
import type { Follower } from "../interfaces/follow.ts";
import type { NetworkInterface } from "../interfaces/list.ts";
import type { InterfaceId } from "../interfaces/names.ts";
import { type MembershipChange, MembershipChangeEvent } from "./membership.ts";
import type { MembershipRecord, MembershipRecords } from "./membership_records.ts";
import type { Entry } from "./membership_table.ts";

/** Adapts the memberships of a socket to what happens to the interfaces. */
export class MembershipFollower implements Follower {
  constructor(
    readonly records: MembershipRecords,
    /** Less may be to be delivered than before. */
    readonly narrowed: () => void,
    /** Something went wrong that nobody is waiting for. */
    readonly report: (error: Error) => void,
  ) {}

  /** As {@linkcode Follower} has it. */
  changed(changes: readonly InterfaceChange[], gap: boolean): void {
    for (const change of changes) this.#onChange(change);
    if (gap) this.#renewAll();
  }

  /** As {@linkcode Follower} has it. */
  failed(error: unknown): void {
    this.report(error as Error);
  }

  #onChange(change: InterfaceChange): void {
    const renewed: Renewed = new Map();
    this.#adaptAll((record, news) => this.#adapt(record, change, renewed, news));
    if (change.type === "removed") this.records.forgetBlocks(change.interface.index);
  }

  /** After events were lost: each interface may have been away, without a trace in the changes. */
  #renewAll(): void {
    const renewed: Renewed = new Map();
    this.#adaptAll((record, news) => {
      for (const id of [...record.interfaces.values()]) this.#renew(record, id, renewed, news);
      return record.interfaces.size > 0 || news.left.length > 0;
    });
  }

  #adaptAll(adapt: (record: MembershipRecord, news: MembershipChange) => boolean): void {
    for (const record of this.records.of()) {
      if (!record.follows) continue;
      const news: MembershipChange = { joined: [], left: [], failed: [] };
      if (!adapt(record, news)) continue;
      for (const { error } of news.failed) this.report(error);
      // A listener may leave other memberships, or close the socket.
      record.membership?.dispatchEvent(new MembershipChangeEvent(news));
    }
    this.narrowed();
  }

  /** Adapts one membership to a change; returns whether that changed it. */
  #adapt(
    record: MembershipRecord,
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
        this.records.loseOn(record, id.index);
        // Its index may come back as another interface.
        record.left.delete(id.index);
      } else this.records.leaveOn(record, id.index);
      return known;
    }
    if (record.left.has(id.index)) return false;
    if (!joined) {
      const before = failed.get(id.index);
      const error = this.records.tryJoin(record, id);
      if (error && this.#isGone(error.error, id)) {
        failed.delete(id.index);
        return false;
      }
      // That it cannot be joined there is no news.
      if (error && error.error.message === before?.error.message) return false;
      if (error) news.failed.push(error);
      else {
        news.joined.push(id);
        this.records.blockOn(record.checked, id.index);
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
  #renew(
    record: MembershipRecord,
    id: InterfaceId,
    renewed: Renewed,
    news: MembershipChange,
  ): void {
    const { group } = record.checked;
    const entry = this.records.table.find(group, id.index)!;
    let error = renewed.get(entry);
    if (error === undefined) {
      error = null;
      try {
        this.records.kernel.renew(this.records.half(group), group, entry);
      } catch (refusal) {
        error = refusal as Error;
      }
      renewed.set(entry, error);
    }
    if (!error) {
      news.joined.push(id);
      return;
    }
    this.records.loseOn(record, id.index);
    news.left.push(id);
    if (this.#isGone(error, id)) return;
    const failed = { ...id, error };
    record.failed.set(id.index, failed);
    news.failed.push(failed);
  }

  /** The interface is not there any more: what says so is the next of the kernel's news. */
  #isGone(error: Error, { index }: InterfaceId): boolean {
    return error instanceof SocketError && error.code === "ENODEV" &&
      this.records.kernel.names.isGone(index);
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

/** Whether an interface is one to join groups on, where none is named. */
export function isCandidate({ up, multicast }: NetworkInterface): boolean {
  return up && multicast;
}

/** An interface as memberships name it. */
export function idOf({ index, name }: NetworkInterface): InterfaceId {
  return { index, name };
}
