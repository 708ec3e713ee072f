/**
 * Batches of message headers for recvmmsg(2) and sendmmsg(2).
 *
 * All memory is laid out once and its addresses are written once; a call only
 * resets lengths. One batch serves every socket of the process: whatever was
 * received is copied out before anything else runs.
 *
 * @module
 */

import type { Family } from "../address/ip.ts";
import { ControlCodec, type ControlRecord, type SendControl } from "./cmsg.ts";
import type { Platform } from "./platform/platform.ts";
import { SockaddrCodec, type SocketWords } from "./sockaddr.ts";

/** Tells a buffer's address; the batch keeps the buffer alive. */
export type AddressOf = (buffer: Uint8Array) => bigint;

/** Bytes in front of and behind each area that nobody may write to: debug mode looks whether somebody did. */
export const GUARD = 64;
/** What is there, and what debug mode puts where nobody may read any more. */
export const POISON = 0xa5;

/** Zeros between two guard zones. */
function area(size: number): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(size + 2 * GUARD);
  whole.fill(POISON, 0, GUARD);
  whole.fill(POISON, GUARD + size);
  return whole.subarray(GUARD, GUARD + size);
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array<ArrayBuffer>): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}

/** Headers, names, control and data for a number of messages. */
class Batch {
  /** The array of `mmsghdr`, to be handed to the kernel. A single `msghdr` is its start. */
  readonly headers: Uint8Array<ArrayBuffer>;
  /** How many messages it holds. */
  readonly slots: number;
  protected readonly sockaddr: SockaddrCodec;
  protected readonly control: ControlCodec;
  protected readonly headerView: DataView;
  protected readonly iovView: DataView;
  protected readonly nameView: DataView;
  protected readonly controlView: DataView;
  protected readonly dataBytes: Uint8Array<ArrayBuffer>;
  protected readonly controlAddress: bigint;
  protected readonly nameAddress: bigint;
  protected readonly header: Platform["layouts"]["msghdr"]["at"];
  protected readonly iov: Platform["layouts"]["iovec"]["at"];
  protected readonly headerSize: number;
  protected readonly iovSize: number;
  /** `msg_len`, counted by the kernel for each message of a batch. */
  protected readonly msgLen: number;

  constructor(
    platform: Platform,
    addressOf: AddressOf,
    slots: number,
    readonly slotSize: number,
    readonly controlSize: number,
  ) {
    const { msghdr, mmsghdr, iovec } = platform.layouts;
    this.slots = slots;
    this.sockaddr = new SockaddrCodec(platform);
    this.control = new ControlCodec(platform);
    this.header = msghdr.at;
    this.iov = iovec.at;
    // Without batched calls it is one header a call; the slots beyond the first stay unused.
    this.headerSize = mmsghdr?.size ?? msghdr.size;
    this.iovSize = iovec.size;
    this.msgLen = mmsghdr?.at.msg_len ?? 0;
    this.headers = area(slots * this.headerSize);
    const names = area(slots * this.nameSize);
    const iovs = area(slots * iovec.size);
    const control = area(slots * controlSize);
    this.dataBytes = area(slots * slotSize);
    this.headerView = viewOf(this.headers);
    this.nameView = viewOf(names);
    this.iovView = viewOf(iovs);
    this.controlView = viewOf(control);
    this.nameAddress = addressOf(names);
    const iovAddress = addressOf(iovs);
    const dataAddress = addressOf(this.dataBytes);
    this.controlAddress = addressOf(control);
    for (let slot = 0; slot < slots; slot++) {
      const at = slot * this.headerSize;
      const put = (offset: number, value: bigint) =>
        this.headerView.setBigUint64(at + offset, value, true);
      put(msghdr.at.msg_name, this.nameAddress + BigInt(slot * this.nameSize));
      put(msghdr.at.msg_iov, iovAddress + BigInt(slot * iovec.size));
      this.headerView.setUint32(at + msghdr.at.msg_iovlen, 1, true);
      put(msghdr.at.msg_control, this.controlAddress + BigInt(slot * controlSize));
      const iov = slot * iovec.size;
      this.iovView.setBigUint64(
        iov + iovec.at.iov_base,
        dataAddress + BigInt(slot * slotSize),
        true,
      );
    }
  }

  /** Room for either family's address, rounded so that each one is aligned. */
  protected get nameSize(): number {
    return (this.sockaddr.size + 7) & ~7;
  }

  protected setDataLength(slot: number, length: number): void {
    this.iovView.setUint32(slot * this.iovSize + this.iov.iov_len, length, true);
  }

  protected setControlLength(slot: number, length: number): void {
    this.headerView.setUint32(slot * this.headerSize + this.header.msg_controllen, length, true);
  }
}

/** One received datagram, as numbers: reused for the next one. */
export interface ReceivedMessage {
  /** Where it came from. */
  readonly source: SocketWords;
  /** What its control messages said. */
  readonly control: ControlRecord;
  /** Bytes that arrived (at most the slot's size). */
  length: number;
  /** The datagram was longer than what there was room for. */
  truncated: boolean;
  /** The control data was incomplete or malformed. */
  controlTruncated: boolean;
  /** A flag says that it was a broadcast. Without one nothing is said. */
  broadcast: boolean;
}

/** Messages to be received. */
export class ReceiveBatch extends Batch {
  readonly #truncatedFlag: number;
  readonly #controlTruncatedFlag: number;
  readonly #broadcastFlag: number;
  #dataLength = -1;
  /** What {@linkcode data} returned last for each slot: the next datagram mostly has the same length. */
  readonly #views: Uint8Array<ArrayBuffer>[];

  constructor(platform: Platform, addressOf: AddressOf, slots: number, slotSize: number) {
    const { receiveSize } = new ControlCodec(platform);
    super(platform, addressOf, slots, slotSize, (receiveSize + 7) & ~7);
    this.#truncatedFlag = platform.constants.MSG_TRUNC;
    this.#controlTruncatedFlag = platform.constants.MSG_CTRUNC;
    this.#broadcastFlag = platform.constants.MSG_BCAST;
    this.#views = Array(slots).fill(this.dataBytes.subarray(0, 0));
    for (let slot = 0; slot < slots; slot++) this.#reset(slot);
  }

  /** How much of a datagram is taken. */
  get dataSize(): number {
    return this.#dataLength;
  }

  /** Notes that a slot's datagram was longer than its room, where the OS says it otherwise than by the flag. */
  markTruncated(slot: number): void {
    const at = slot * this.headerSize + this.header.msg_flags;
    this.headerView.setInt32(at, this.headerView.getInt32(at, true) | this.#truncatedFlag, true);
  }

  /** Sets how much of a datagram is taken: a socket's `maxDatagramSize`. */
  setDataSize(length: number): void {
    if (length === this.#dataLength) return;
    for (let slot = 0; slot < this.slots; slot++) {
      this.setDataLength(slot, length);
    }
    this.#dataLength = length;
  }

  /** The kernel writes how much it used of the name and control: give both back whole. */
  #reset(slot: number): void {
    const at = slot * this.headerSize;
    this.headerView.setUint32(at + this.header.msg_namelen, this.nameSize, true);
    // Windows reads them, too: what is left there from the last message would be a wish for this one.
    this.headerView.setInt32(at + this.header.msg_flags, 0, true);
    this.setControlLength(slot, this.controlSize);
  }

  /**
   * Reads what arrived in a slot and makes the slot ready for the next call.
   *
   * @param length The length that recvmsg returned; -1 takes the batch's own count.
   * @returns `false` if the kernel gave no sender.
   */
  take(slot: number, length: number, out: ReceivedMessage): boolean {
    const view = this.headerView;
    const at = slot * this.headerSize;
    const flags = view.getInt32(at + this.header.msg_flags, true);
    const nameLength = view.getUint32(at + this.header.msg_namelen, true);
    const controlLength = view.getUint32(at + this.header.msg_controllen, true);
    out.length = Math.min(
      length >= 0 ? length : view.getUint32(at + this.msgLen, true),
      this.slotSize,
    );
    out.truncated = (flags & this.#truncatedFlag) !== 0;
    out.broadcast = (flags & this.#broadcastFlag) !== 0;
    out.control.clear();
    const whole = this.control.read(
      this.controlView,
      slot * this.controlSize,
      Math.min(controlLength, this.controlSize),
      out.control,
    );
    out.controlTruncated = !whole || (flags & this.#controlTruncatedFlag) !== 0;
    this.#reset(slot);
    return this.sockaddr.read(this.nameView, slot * this.nameSize, nameLength, out.source);
  }

  /** A slot's data, until the next call: to be copied at once. */
  data(slot: number, length: number): Uint8Array<ArrayBuffer> {
    const size = Math.min(length, this.slotSize);
    const view = this.#views[slot];
    if (view.length === size && size > 0) return view;
    const start = slot * this.slotSize;
    return this.#views[slot] = this.dataBytes.subarray(start, start + size);
  }
}

/** Messages to be sent. */
export class SendBatch extends Batch {
  /** Whether a slot's header points to its name and to its control data. */
  readonly #named: boolean[];
  readonly #controlled: boolean[];

  constructor(platform: Platform, addressOf: AddressOf, slots: number, slotSize: number) {
    super(platform, addressOf, slots, slotSize, (new ControlCodec(platform).sendSize + 7) & ~7);
    this.#named = Array(slots).fill(true);
    this.#controlled = Array(slots).fill(true);
  }

  /**
   * Fills a slot with a copy of the data.
   *
   * @param to `null` on a connected socket: its peer.
   */
  put(
    slot: number,
    family: Family,
    data: Uint8Array,
    to: Readonly<SocketWords> | null,
    control: Readonly<SendControl> | null,
  ): void {
    this.copy(slot, 0, data);
    this.finish(slot, family, data.length, to, control);
  }

  /** Copies a part of a slot's data to where it belongs. */
  copy(slot: number, at: number, data: Uint8Array): void {
    this.dataBytes.set(data, slot * this.slotSize + at);
  }

  /**
   * Says what is to be done with a slot's data.
   *
   * @param to `null` on a connected socket: its peer.
   * @param segmentSize The kernel makes datagrams of this size of it; 0: it is one.
   */
  finish(
    slot: number,
    family: Family,
    length: number,
    to: Readonly<SocketWords> | null,
    control: Readonly<SendControl> | null,
    segmentSize = 0,
  ): void {
    const at = slot * this.headerSize;
    this.setDataLength(slot, length);
    const nameLength = to ? this.sockaddr.write(this.nameView, slot * this.nameSize, to) : 0;
    this.headerView.setUint32(at + this.header.msg_namelen, nameLength, true);
    // No name and no control are null pointers: macOS and NetBSD refuse (address, 0).
    if (this.#named[slot] !== nameLength > 0) {
      this.#named[slot] = nameLength > 0;
      const address = this.nameAddress + BigInt(slot * this.nameSize);
      this.headerView.setBigUint64(at + this.header.msg_name, nameLength > 0 ? address : 0n, true);
    }
    const controlStart = slot * this.controlSize;
    const controlLength = control || segmentSize > 0
      ? this.control.write(this.controlView, controlStart, family, control, segmentSize)
      : 0;
    this.setControlLength(slot, controlLength);
    if (this.#controlled[slot] !== controlLength > 0) {
      this.#controlled[slot] = controlLength > 0;
      const address = this.controlAddress + BigInt(controlStart);
      const pointer = controlLength > 0 ? address : 0n;
      this.headerView.setBigUint64(at + this.header.msg_control, pointer, true);
    }
  }
}
