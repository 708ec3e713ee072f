/**
 * The receiving side of a socket: from recvmmsg to whoever waits.
 *
 * The kernel's buffer is the queue: nothing is read unless somebody waits. What
 * one call brought beyond that is kept here for the next reader.
 *
 * @module
 */

import { ControlRecord } from "../ffi/cmsg.ts";
import type { SocketError } from "../ffi/errors.ts";
import { ReceiveBatch, type ReceivedMessage } from "../ffi/message.ts";
import { READ } from "../ffi/poller.ts";
import { emptyWords } from "../ffi/sockaddr.ts";
import { perSystem, type System } from "../ffi/syscalls.ts";
import type { InterfaceNames } from "../interfaces/names.ts";
import { formatIp } from "../address/ip.ts";
import { abortable, type Settle } from "./abort.ts";
import type { Counters } from "./counters.ts";
import type { DeliveryFilter } from "./delivery.ts";
import type { FamilySocket } from "./family_socket.ts";
import { Pace } from "./pace.ts";
import { type Cast, castOf, type Packet, PacketMaker, sibling } from "./packet.ts";
import { keepFreedMemory, PayloadMemory } from "./payload.ts";

/** Messages a call may bring. */
const BATCH = 32;
/** Room for the largest datagram. */
const SLOT = 65536;
/** Much shorter than a timer's millisecond; the kernel's queue holds what a busy link brings meanwhile. */
const REST_US = 50;
/** Errors in a row on one socket after which it is left alone for a moment. */
const ERRORS_IN_A_ROW = 16;
const ERROR_PAUSE_MS = 50;
/** As many times it was woken for nothing: a bad checksum wakes, too (recvmsg then has nothing), but not for ever. */
const VAIN_WAKES = 32;
/** Queued ICMP errors read in one go. */
const QUEUED_ERRORS = 64;

/** Errors of the call itself. All others are news about the network and end nothing. */
const OUR_FAULT: ReadonlySet<string> = new Set(["EBADF", "ENOTSOCK", "EFAULT", "EINVAL"]);

/** The batch that all sockets of a process share: it is emptied before anything else runs. */
const batchOf = perSystem(({ platform, runtime }) =>
  new ReceiveBatch(platform, runtime.addressOf, BATCH, SLOT)
);

const message: ReceivedMessage = {
  source: emptyWords(),
  control: new ControlRecord(),
  length: 0,
  truncated: false,
  controlTruncated: false,
  broadcast: false,
};

/** A packet that is waited for. */
export interface Wait {
  readonly promise: Promise<Packet>;
  /** Gives up: the next packet goes to somebody else. */
  cancel(reason: unknown): void;
}

/** Reads the halves of one socket. */
export class Receiver {
  readonly #batch: ReceiveBatch;
  readonly #castBySpecDst: boolean;
  readonly #payloads = new PayloadMemory();
  readonly #packets: PacketMaker;
  #queue: Packet[] = [];
  #head = 0;
  readonly #waiters: Settle<Packet>[] = [];
  readonly #pace: Pace;
  /** It will look by itself, without the poller. */
  #looksLater = false;
  /** The half that is read first next time: neither starves the other. */
  #turn = 0;
  #errors = 0;
  /** How often in a row it was woken and there was nothing. */
  #vain = 0;
  #pause: ReturnType<typeof setTimeout> | undefined;
  /** After `end` the descriptors may be somebody else's. */
  #ended = false;

  constructor(
    readonly system: System,
    readonly names: InterfaceNames,
    readonly halves: readonly FamilySocket[],
    readonly filter: DeliveryFilter,
    readonly counters: Counters,
    readonly maxDatagramSize: number,
    /** How long it looks by itself, turn by turn, before it lets itself be woken; 0: not at all. */
    busyPollMs: number,
  ) {
    this.#batch = batchOf(system);
    this.#packets = new PacketMaker(names);
    this.#pace = new Pace(halves.length, system.rest !== null, busyPollMs);
    this.#castBySpecDst = system.platform.quirks.specDstRevealsBroadcast;
    if (halves.some((half) => half.receivesTrains)) keepFreedMemory(system);
    for (const half of halves) {
      half.onReadable = () => this.#ready(half);
      half.readErrorQueue = () => half.queuesErrors ? this.#readErrorQueue(half) : 0;
    }
  }

  /** The next packet, if one is here or can be had at once. */
  take(): Packet | undefined {
    if (this.#waiters.length > 0) return undefined;
    if (this.#isEmpty) this.#pace.mindTime();
    return this.#available() ? this.#shift() : undefined;
  }

  get #isEmpty(): boolean {
    return this.#head === this.#queue.length;
  }

  /** Whether there is a packet, read now if need be. */
  #available(): boolean {
    return !this.#isEmpty || this.#fill();
  }

  #shift(): Packet {
    const packet = this.#queue[this.#head++];
    if (this.#head === this.#queue.length) {
      this.#queue = [];
      this.#head = 0;
    }
    return packet;
  }

  /** Up to `max` packets in all that are here or can be had at once. */
  takeMany(max: number, packets: Packet[]): void {
    if (this.#isEmpty) this.#pace.mindTime();
    while (packets.length < max && this.#waiters.length === 0 && this.#available()) {
      packets.push(this.#shift());
    }
  }

  /** Looks again at what was read but not yet taken, after something changed what is delivered. */
  recheck(): void {
    const waiting = this.#queue.slice(this.#head);
    this.#queue = waiting.filter((packet) => {
      const wanted = this.filter.acceptsPacket(packet);
      if (!wanted) this.counters.takeBack(packet);
      return wanted;
    });
    this.#head = 0;
  }

  /** Waits for a packet, behind those who waited before. */
  wait(signal: AbortSignal | null): Wait {
    const cancel = () => {
      const at = this.#waiters.indexOf(waiter);
      if (at >= 0) this.#waiters.splice(at, 1);
      this.#quiet();
    };
    const { promise, waiter } = abortable<Packet>(signal, cancel);
    this.#waiters.push(waiter);
    this.#pace.waits();
    this.#listen();
    return {
      promise,
      cancel: (reason) => {
        cancel();
        waiter.reject(reason);
      },
    };
  }

  /** Ends all waits. */
  end(reason: SocketError): void {
    this.#ended = true;
    // On Deno merely naming clearTimeout loads Node's timers, for 4 ms.
    if (this.#pause !== undefined) clearTimeout(this.#pause);
    this.#queue = [];
    this.#head = 0;
    for (const waiter of this.#waiters.splice(0)) waiter.reject(reason);
    this.#quiet();
  }

  /** Stops listening when nobody waits: what is armed keeps the process alive. */
  #quiet(): void {
    if (this.#waiters.length > 0) return;
    for (const half of this.halves) half.registration.disarm(READ);
  }

  /** Arranges to look again. */
  #listen(): void {
    if (this.#looksLater) return;
    const next = this.#pace.next();
    if (next === "park") {
      for (const half of this.halves) half.registration.arm(READ);
      return;
    }
    const { system } = this;
    this.#looksLater = true;
    const look = () => {
      this.#looksLater = false;
      this.#pace.turn();
      this.#serve();
    };
    if (next === "rest") system.rest!(REST_US).then(look);
    else system.runtime.yieldToEventLoop().then(look);
  }

  #ready(half: FamilySocket): void {
    this.#pace.turn();
    this.#vain++;
    if (half.readErrorQueue() > 0) this.#vain = 0;
    this.#serve();
  }

  #serve(): void {
    while (this.#waiters.length > 0 && this.#available()) {
      // Reading can end all waits, with an error: the packet is for the next reader then.
      const waiter = this.#waiters.shift();
      if (waiter) waiter.resolve(this.#shift());
    }
    if (this.#waiters.length === 0) this.#quiet();
    else if (this.#errors < ERRORS_IN_A_ROW && this.#vain < VAIN_WAKES) this.#listen();
    else this.#rest();
  }

  /** Leaves sockets that only fail, or wake for nothing, alone for a moment. */
  #rest(): void {
    this.#pause ??= setTimeout(() => {
      this.#pause = undefined;
      this.#errors = this.#vain = 0;
      this.#serve();
    }, ERROR_PAUSE_MS);
  }

  /** Reads what the kernel has, until there is a packet to deliver; returns whether there is. */
  #fill(): boolean {
    if (this.#ended) return false;
    const { halves } = this;
    const pace = this.#pace;
    this.names.refresh();
    for (let quiet = 0; quiet < halves.length && pace.looks;) {
      const half = halves[this.#turn];
      this.#turn = (this.#turn + 1) % halves.length;
      if (this.#read(half) > 0) quiet = 0;
      else quiet++;
      if (this.#queue.length > 0) return true;
    }
    return false;
  }

  /** One call; returns how many messages it brought. */
  #read(half: FamilySocket): number {
    const { system } = this;
    const batch = this.#batch;
    const pace = this.#pace;
    const batched = system.platform.batchedCalls;
    const room = batched ? Math.min(BATCH, pace.left) : 1;
    batch.setDataSize(half.receivesTrains ? SLOT : this.maxDatagramSize);
    const result = batched
      ? system.receiveMany(half.fd, batch, room)
      : system.receiveOne(half.fd, batch);
    if (result < 0) {
      pace.took(0, room);
      if (result !== system.wouldBlock) this.#refused(half, -result);
      return 0;
    }
    const count = batched ? Math.min(result, room) : 1;
    this.#errors = 0;
    if (count > 0) this.#vain = 0;
    let trains = false;
    for (let slot = 0; slot < count; slot++) {
      if (!batch.take(slot, batched ? -1 : result, message)) {
        // Nothing known says so of a datagram; but none is lost without a trace.
        this.counters.report(system.error(system.errnoOf("EAFNOSUPPORT"), "recvmsg"));
        continue;
      }
      if (message.controlTruncated) this.counters.controlTruncated++;
      trains ||= message.control.segmentSize > 0;
      this.#deliver(half, slot);
    }
    // A few trains fill the kernel's queue: that they left slots free says nothing about what has come meanwhile.
    pace.took(count, trains ? count : room);
    return count;
  }

  #deliver(half: FamilySocket, slot: number): void {
    const { control } = message;
    const { counters } = this;
    if (control.dropped >= 0) half.dropped = control.dropped;
    const cast = castOf(message, this.#castBySpecDst, this.names);
    const { length } = message;
    const train = control.segmentSize > 0 && control.segmentSize < length;
    if (!this.filter.accepts(message, cast)) {
      counters.filtered += train ? Math.ceil(length / control.segmentSize) : 1;
      return;
    }
    if (train) return this.#deliverTrain(half, slot, cast);
    const taken = Math.min(length, this.maxDatagramSize);
    const data = this.#payloads.copy(this.#batch.data(slot, taken));
    this.#add(this.#packet(half, data, message.truncated || taken < length, cast));
  }

  #packet(
    half: FamilySocket,
    data: Uint8Array<ArrayBuffer>,
    truncated: boolean,
    cast: Cast | null,
  ): Packet {
    return this.#packets.make(message, data, truncated, cast, half.port, this.dropped);
  }

  #add(packet: Packet): void {
    this.counters.countReceived(packet);
    this.#queue.push(packet);
  }

  /** Cuts what came in one piece (udp(7), UDP_GRO) into the datagrams that it was sent as. */
  #deliverTrain(half: FamilySocket, slot: number, cast: Cast | null): void {
    const { length, control: { segmentSize } } = message;
    this.#pace.took(Math.ceil(length / segmentSize) - 1, 0);
    // They share one copy, as they share everything but their data.
    const { buffer } = this.#batch.data(slot, length).slice();
    let first: Packet | null = null;
    for (let at = 0; at < length; at += segmentSize) {
      const size = Math.min(segmentSize, length - at);
      const taken = Math.min(size, this.maxDatagramSize);
      const data = new Uint8Array(buffer, at, taken);
      if (first) this.#add(sibling(first, data, taken < size));
      else this.#add(first = this.#packet(half, data, taken < size, cast));
    }
  }

  /** Datagrams the kernel has dropped, of all halves; `null` where it does not count. */
  get dropped(): number | null {
    let sum: number | null = null;
    for (const { dropped } of this.halves) if (dropped !== null) sum = (sum ?? 0) + dropped;
    return sum;
  }

  #refused(half: FamilySocket, errno: number): void {
    const error = this.system.error(errno, "recvmsg", { family: half.family, port: half.port });
    this.#errors++;
    if (OUR_FAULT.has(error.code)) {
      // One reading of errno proves nothing (see System): call again before giving up.
      if (this.#errors < 3) return;
      for (const waiter of this.#waiters.splice(0)) waiter.reject(error);
      this.#quiet();
    }
    // With an error queue the details are there; this is only the bell.
    if (half.readErrorQueue() > 0) return;
    this.counters.report(error);
  }

  /** Reads the refusals of earlier datagrams (ip(7), IP_RECVERR); returns how many there were. */
  #readErrorQueue(half: FamilySocket): number {
    const { system } = this;
    const batch = this.#batch;
    for (let count = 0; count < QUEUED_ERRORS; count++) {
      const length = system.receiveQueuedError(half.fd, batch);
      if (length < 0) return count;
      // The "source" of such a message is where the refused datagram was sent.
      const known = batch.take(0, length, message);
      const { source, control } = message;
      this.counters.report(
        system.error(control.error, "recvmsg(MSG_ERRQUEUE)", {
          family: half.family,
          address: known ? formatIp({ ...source, zone: null }) : null,
          port: known ? source.port : null,
        }),
      );
    }
    return QUEUED_ERRORS;
  }
}
