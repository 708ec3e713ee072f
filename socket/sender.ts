/**
 * The sending side of a socket.
 *
 * A datagram goes to the kernel in the call itself. Only when the kernel has no
 * room does it wait, with all later ones of that family behind it.
 *
 * @module
 */

import { formatIp } from "../address/ip.ts";
import { type SocketError, unlessRefused } from "../ffi/errors.ts";
import type { OptionForOneCall } from "../ffi/egress.ts";
import { SendBatch } from "../ffi/message.ts";
import { WRITE } from "../ffi/poller.ts";
import { perSystem, type System } from "../ffi/syscalls.ts";
import type { InterfaceNames } from "../interfaces/names.ts";
import type { Counters } from "./counters.ts";
import type { Route } from "./destination.ts";
import type { FamilySocket } from "./family_socket.ts";
import { MAX_PAYLOAD } from "./send_data.ts";

/** Datagrams a sendmmsg call takes at most, and how long each may be to travel in a batch. */
const BATCH = 64;
const BATCH_SLOT = 2048;
const SINGLE_SLOT = 65536;
/** How many datagrams the kernel makes of one train at most (UDP_MAX_SEGMENTS). */
const TRAIN = 64;
/** A full device queue (ENOBUFS) cannot be waited for by readiness: the pause doubles up to a limit. */
const FIRST_PAUSE_MS = 1;
const LONGEST_PAUSE_MS = 64;
const PAUSES = 40;
/** A socket that is writable so often and takes nothing is waited for by timer, too. */
const VAIN_WAKES = 16;

/** What a send that needed no waiting returns: one promise for all, not one each. */
const DONE: Promise<void> = Promise.resolve();

/** One datagram to be sent. */
export interface Outgoing {
  readonly data: Uint8Array;
  readonly half: FamilySocket;
  /** `null` on a connected socket. */
  readonly route: Route | null;
}

interface Batches {
  readonly single: SendBatch;
  readonly many: SendBatch;
  readonly name: Uint8Array<ArrayBuffer>;
  readonly nameView: DataView;
}

/** Filled and handed to the kernel within one call, so all sockets of a process share them. */
const batchesOf = perSystem(({ platform, runtime, sockaddr }): Batches => {
  const name = new Uint8Array(sockaddr.size);
  return {
    single: new SendBatch(platform, runtime.addressOf, 1, SINGLE_SLOT),
    many: new SendBatch(platform, runtime.addressOf, BATCH, BATCH_SLOT),
    name,
    nameView: new DataView(name.buffer),
  };
});

/** Sends for one socket. */
export class Sender {
  readonly #batches: Batches;
  /** What resumes those who wait to write to a half. */
  readonly #waiting = new Map<FamilySocket, Set<() => void>>();
  /** The refusal of packet information, where there is such a thing; otherwise no call's result. */
  readonly #invalid: number;
  #closed: SocketError | null = null;

  constructor(
    readonly system: System,
    readonly names: InterfaceNames,
    readonly halves: readonly FamilySocket[],
    readonly counters: Counters,
  ) {
    this.#batches = batchesOf(system);
    this.#invalid = system.platform.quirks.packetInfoMayBeRefused ? -system.errnoOf("EINVAL") : NaN;
    for (const half of halves) {
      this.#waiting.set(half, new Set());
      half.onWritable = () => this.#release(half);
    }
  }

  /** Sends one datagram; resolves when the kernel has taken it. */
  send(datagram: Outgoing): Promise<void> {
    if (this.#closed) return Promise.reject(this.#closed);
    const { half } = datagram;
    if (half.sending === null) {
      try {
        let result = this.#try(datagram);
        if (result >= 0) return DONE;
        if (!this.#mustWait(result)) result = this.#again(datagram, -result);
        if (result >= 0) return DONE;
        if (!this.#mustWait(result)) return Promise.reject(this.#refusal(datagram, -result));
      } catch (error) {
        // An option that was to be set for it was refused.
        return Promise.reject(error);
      }
    }
    // The caller may change its buffer, or lose it, as soon as this returns. (`slice` of a Buffer copies nothing.)
    const own = { ...datagram, data: new Uint8Array(datagram.data) };
    return this.#inTurn(half, () => this.#patiently(own));
  }

  /**
   * Sends many; resolves when the kernel has taken all that it takes.
   *
   * @returns How many were sent.
   * @throws {SocketError} The first refusal, after the others were sent.
   */
  async sendMany(datagrams: readonly Outgoing[]): Promise<number> {
    let sent = 0;
    const others: Promise<void>[] = [];
    // Nothing is awaited on the way: until the last is handed over nobody can
    // change the data, come in between or close the socket.
    for (let at = 0; at < datagrams.length;) {
      const { sending, owed } = datagrams[at].half;
      const taken = sending === null && owed.length === 0 && !this.#closed
        ? this.#train(datagrams, at) || this.#batch(datagrams, at)
        : 0;
      at += taken;
      sent += taken;
      // One that fits no batch, must wait, or was refused.
      if (taken === 0) others.push(this.send(datagrams[at++]));
    }
    if (others.length === 0) return sent;
    const results = await Promise.allSettled(others);
    const refusal = results.find((result) => result.status === "rejected");
    if (refusal) throw refusal.reason;
    return sent + others.length;
  }

  /** Ends all waits. */
  end(reason: SocketError): void {
    this.#closed = reason;
    for (const half of this.halves) this.#release(half);
  }

  /** One attempt; returns a length or the negative errno. */
  #try(datagram: Outgoing): number {
    const { data, half, route } = datagram;
    const { system } = this;
    // None may leave as another one was to.
    if (half.owed.length > 0) this.#putBack(half);
    let result: number;
    if (route === null) {
      result = system.send(half.sendFd, data, null, 0);
    } else {
      if (route.options) this.#setForOneCall(half, route.options);
      if (route.control === null) {
        const { name, nameView } = this.#batches;
        const length = system.sockaddr.write(nameView, 0, route.to);
        result = system.send(half.sendFd, data, name, length);
      } else {
        const { single } = this.#batches;
        single.put(0, half.family, data, route.to, route.control);
        result = system.sendOne(half.sendFd, single);
      }
      if (route.options) this.#putBackOrTell(half);
    }
    if (result >= 0) {
      this.counters.sent++;
      this.counters.sentBytes += data.length;
    }
    return result;
  }

  /** Sets what no control message can ask for, and notes what was there before. */
  #setForOneCall(half: FamilySocket, options: readonly OptionForOneCall[]): void {
    try {
      for (const [option, value] of options) {
        // What is told as an index may be read as an address: this one is remembered.
        const own = option === "multicastInterface"
          ? half.multicastInterface?.index
          : this.system.getOption(half.sendFd, half.family, option);
        this.#setOption(half, [option, value]);
        half.owed.push([option, own ?? 0]);
      }
    } catch (error) {
      this.#putBackOrTell(half);
      throw error;
    }
  }

  /** Puts back what was set for one datagram; what is refused stays noted. */
  #putBack(half: FamilySocket): void {
    let failure: unknown;
    half.owed = half.owed.filter((one) => {
      try {
        this.#setOption(half, one);
        return false;
      } catch (error) {
        failure ??= error;
        return true;
      }
    });
    if (failure) throw failure;
  }

  /** Likewise, behind a datagram that is gone already: it is the next one that cannot be sent like this. */
  #putBackOrTell(half: FamilySocket): void {
    unlessRefused(() => this.#putBack(half), (error) => this.counters.report(error));
  }

  #setOption({ sendFd, family }: FamilySocket, [option, value]: OptionForOneCall): void {
    const { system, names } = this;
    if (option !== "multicastInterface") system.setOption(sendFd, family, option, value);
    else system.setMulticastInterface(sendFd, family, value, (index) => names.firstIpv4(index));
  }

  #mustWait(result: number): boolean {
    return result === this.system.wouldBlock || result === this.system.noBuffers;
  }

  /**
   * Tries once more after a refusal.
   *
   * The refusal may belong to an earlier datagram (an ICMP error is told to the
   * next call, whoever makes it), and a single reading of errno is no proof. A
   * second refusal is this datagram's own.
   */
  #again(datagram: Outgoing, errno: number): number {
    // Where the kernel queues such errors the details are there.
    const told = datagram.half.readErrorQueue() > 0;
    const result = this.#try(datagram);
    const { route } = datagram;
    if (result === this.#invalid && route?.lenient && route.control !== null) {
      return this.#try({ ...datagram, route: { ...route, control: null } });
    }
    if (result >= 0 && !told) {
      const { family, port } = datagram.half;
      this.counters.report(
        this.system.error(errno, "send (an earlier datagram)", { family, port }),
      );
    }
    return result;
  }

  #refusal({ half, route }: Outgoing, errno: number): SocketError {
    const to = route?.to ?? half.peer;
    const index = to?.scopeId || route?.interfaceIndex || 0;
    const zone = this.names.nameOf(index) ?? String(index);
    const control = route?.control;
    const foreignSource = control?.hasSource &&
      !this.names.isOwn({ family: half.family, ...control, zone: null });
    // For a group Linux says "no route" where there is no interface (any more).
    const gone = index !== 0 && this.names.isGone(index);
    if (gone) this.names.forget();
    return this.system.error(gone ? this.system.errnoOf("ENODEV") : errno, "sendmsg", {
      foreignSource,
      family: half.family,
      address: to && formatIp({ ...to, zone: to.scopeId ? zone : null }),
      port: to?.port,
      interfaceIndex: index || null,
      interfaceName: this.names.nameOf(index),
      multicast: route?.multicast,
      loopback: index !== 0 && this.names.isLoopback(index),
    });
  }

  /** Puts a send behind those of the same half that wait. */
  #inTurn(half: FamilySocket, send: () => Promise<void>): Promise<void> {
    const result = (half.sending ?? DONE).then(send);
    const over = result.then(() => {}, () => {}).then(() => {
      if (half.sending === over) half.sending = null;
    });
    half.sending = over;
    return result;
  }

  /** Tries until the kernel takes it or refuses it. */
  async #patiently(datagram: Outgoing): Promise<void> {
    let pause = FIRST_PAUSE_MS;
    for (let pauses = 0, wakes = 0;;) {
      if (this.#closed) throw this.#closed;
      let result = this.#try(datagram);
      if (result < 0 && !this.#mustWait(result)) result = this.#again(datagram, -result);
      if (result >= 0) return;
      if (result === this.system.wouldBlock && wakes++ < VAIN_WAKES) {
        await this.#untilWritable(datagram.half);
      } else if (this.#mustWait(result) && pauses++ < PAUSES) {
        await this.#pause(datagram.half, pause);
        pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
      } else {
        throw this.#refusal(datagram, -result);
      }
    }
  }

  #untilWritable(half: FamilySocket): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.get(half)!.add(resolve);
      half.sendRegistration.arm(WRITE);
    });
  }

  /** A timer that `end` cuts short. */
  #pause(half: FamilySocket, ms: number): Promise<void> {
    const waiting = this.#waiting.get(half)!;
    return new Promise((resolve) => {
      const resume = () => {
        clearTimeout(timer);
        waiting.delete(resume);
        resolve();
      };
      const timer = setTimeout(resume, ms);
      waiting.add(resume);
    });
  }

  #release(half: FamilySocket): void {
    const waiting = this.#waiting.get(half)!;
    const resumed = [...waiting];
    waiting.clear();
    for (const resume of resumed) resume();
    half.sendRegistration.disarm(WRITE);
  }

  /**
   * Sends those from `start` on that go the same way and are of one size, of which the last may be shorter, in one
   * piece that the kernel cuts up (udp(7), UDP_SEGMENT).
   *
   * @returns How many were taken; 0 if they have to go another way.
   */
  #train(datagrams: readonly Outgoing[], start: number): number {
    const { half, route, data: { length } } = datagrams[start];
    if (length > half.largestSegment || length === 0 || (route && route.options)) return 0;
    const { single } = this.#batches;
    const end = Math.min(start + TRAIN, datagrams.length);
    let bytes = 0;
    let at = start;
    for (let last = false; at < end && !last; at++) {
      const { half: otherHalf, route: otherRoute, data } = datagrams[at];
      if (otherHalf !== half || otherRoute !== route || data.length > length) break;
      if (data.length === 0 || bytes + data.length > MAX_PAYLOAD[half.family]) break;
      single.copy(0, bytes, data);
      bytes += data.length;
      last = data.length < length;
    }
    const count = at - start;
    if (count < 2) return 0;
    single.finish(0, half.family, bytes, route && route.to, route && route.control, length);
    const result = this.system.sendOne(half.sendFd, single);
    if (result >= 0) {
      this.counters.sent += count;
      this.counters.sentBytes += bytes;
      return count;
    }
    // EIO: the device cannot fill in checksums. EINVAL, EMSGSIZE: a datagram would have to be fragmented.
    const { code } = this.system.error(-result, "sendmsg");
    if (code === "EIO") half.largestSegment = 0;
    if (code === "EINVAL" || code === "EMSGSIZE") half.largestSegment = length - 1;
    half.readErrorQueue();
    return 0;
  }

  /**
   * Sends as many as one call takes, from `start` on, all of one half.
   *
   * @returns How many were taken; 0 if the first must go the patient way.
   */
  #batch(datagrams: readonly Outgoing[], start: number): number {
    const { system } = this;
    if (!system.platform.batchedCalls) return 0;
    const { many } = this.#batches;
    const { half } = datagrams[start];
    let count = 0;
    let bytes = 0;
    while (count < BATCH && start + count < datagrams.length) {
      const { data, half: other, route } = datagrams[start + count];
      if (other !== half || data.length > BATCH_SLOT) break;
      if (route !== null && route.options !== null) break;
      many.put(count++, half.family, data, route && route.to, route && route.control);
    }
    if (count === 0) return 0;
    const taken = Math.min(system.sendMany(half.sendFd, many, count), count);
    if (taken < count) half.readErrorQueue();
    if (taken <= 0) return 0;
    for (let i = 0; i < taken; i++) bytes += datagrams[start + i].data.length;
    this.counters.sent += taken;
    this.counters.sentBytes += bytes;
    return taken;
  }
}
