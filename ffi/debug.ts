/**
 * Debug mode (`PKTINFO_DEBUG=1`): every call is checked before it is made, and memory that C has written to or read is
 * poisoned, so that whoever still looks at it sees 0xA5 and not plausible old data.
 *
 * It is put around the runtime when the library is opened: without it nothing of this is called, and no call has a
 * branch for it. What is checked, and why, is in docs/safety.md.
 *
 * @module
 */

import { bytesOf, checkGuards, checkGuardsOf, KnownMemory, violation } from "./debug_memory.ts";
import { CLOSES, OPENS, type Rule, rulesOf } from "./debug_rules.ts";
import { type Kind, widthOf } from "./layout.ts";
import { GUARD, POISON } from "./message.ts";
import type { Platform } from "./platform/platform.ts";
import type { CFunction, Library, NativeMemory, Runtime } from "./runtime/runtime.ts";

/** A runtime whose calls are checked. */
export function debugged(runtime: Runtime, platform: Platform): Runtime {
  const checks = new Checks(platform);
  const { watch } = runtime;
  return {
    ...runtime,
    openLibraries: (tables, errno) => checks.library(runtime.openLibraries(tables, errno)),
    functionAt(address, signature) {
      const call = runtime.functionAt(address, signature);
      return checks.function(signature.symbol ?? "a function without a name", call);
    },
    addressOf(buffer) {
      const address = runtime.addressOf(buffer);
      if (buffer.byteLength > 0) checks.memory.note(buffer, address);
      return address;
    },
    allocate: (size) => checks.allocate(runtime, size),
    readMemory(address, length) {
      if (address === 0n) violation("memmove", "a null pointer is read");
      return runtime.readMemory(address, length);
    },
    readCString(address) {
      if (address === 0n) violation("strlen", "a null pointer is read");
      return runtime.readCString(address);
    },
    callback(parameters, call) {
      const made = runtime.callback(parameters, call);
      checks.callbacks.add(made.address);
      return {
        address: made.address,
        close: () => {
          checks.callbacks.delete(made.address);
          made.close();
        },
      };
    },
    watch: watch && ((fd, onReady) => {
      checks.descriptor("watch", fd);
      return watch(fd, onReady);
    }),
  };
}

/** Memory of C's, as the checks know it. */
interface Allocated {
  readonly size: number;
  /** Calls on other threads that may write to it. */
  pending: number;
  content(): Uint8Array;
}

/** The memory of a message. */
interface Message {
  readonly name: Uint8Array;
  readonly control: Uint8Array;
  readonly data: readonly Uint8Array[];
}

class Checks {
  readonly memory = new KnownMemory();
  readonly callbacks = new Set<bigint>();
  readonly #rules: Record<string, Rule>;
  readonly #descriptors = new Set<number>();
  readonly #allocated = new Map<bigint, Allocated>();
  /** What C has written to or read, and nobody is to look at any more. */
  readonly #used: Uint8Array[] = [];
  /** By their headers, batches that were received to, and how much of each was poisoned. */
  readonly #received = new WeakMap<Uint8Array, { slots: number; size: number }>();
  #errno = () => 0;
  #lastErrno = 0;

  constructor(readonly platform: Platform) {
    this.#rules = rulesOf(platform);
  }

  library(library: Library): Library {
    this.#errno = () => library.errno();
    const { callBriefly } = library;
    return {
      symbols: Object.fromEntries(
        Object.entries(library.symbols).map(([name, call]) => [name, this.function(name, call)]),
      ),
      // What is done after a call may change errno.
      errno: () => this.#lastErrno,
      callBlocking: (name, args, hold) => this.#callBlocking(library, name, args, hold),
      callBriefly: callBriefly && ((name, args) => callBriefly(name, args)),
    };
  }

  function(name: string, call: CFunction): CFunction {
    const rule = this.#rules[name];
    return (...args) => {
      if (rule) this.#before(name, rule, args);
      const result = call(...args);
      this.#lastErrno = this.#errno();
      // INVALID_SOCKET is ~0.
      if (OPENS.has(name) && result >= 0 && Number.isSafeInteger(Number(result))) {
        this.#descriptors.add(Number(result));
      }
      if (CLOSES.has(name)) this.#descriptors.delete(Number(args[0]));
      if (rule) this.#after(name, rule, args, Number(result));
      return result;
    };
  }

  descriptor(call: string, fd: number): void {
    if (!this.#descriptors.has(fd)) {
      violation(call, `descriptor ${fd} is none of ours, or was closed`);
    }
  }

  // deno-lint-ignore no-explicit-any -- C arguments
  #before(call: string, rule: Rule, args: any[]): void {
    for (const at of rule.descriptors ?? []) this.descriptor(call, Number(args[at]));
    for (const [at, length, unit = 1] of rule.sized ?? []) {
      const bytes = Number(args[length]) * unit;
      // No buffer is a null pointer: to be announced as such.
      if (args[at] !== null || bytes !== 0) bytesOf(call, `argument ${at}`, args[at], bytes);
    }
    for (const [at, length] of rule.told ?? []) {
      const told = bytesOf(call, `argument ${length}`, args[length], 4);
      const view = new DataView(told.buffer, told.byteOffset);
      bytesOf(call, `argument ${at}`, args[at], view.getUint32(0, true));
    }
    for (const [at, bytes] of rule.fixed ?? []) bytesOf(call, `argument ${at}`, args[at], bytes);
    for (const [at, unit] of rule.text ?? []) {
      const text = bytesOf(call, `argument ${at}`, args[at], unit);
      const ends = (_: number, i: number) =>
        i % unit === 0 && text.subarray(i, i + unit).every((byte) => byte === 0);
      if (!text.some(ends)) violation(call, `argument ${at} is a string without an end`);
    }
    if (rule.callback !== undefined && !this.callbacks.has(args[rule.callback])) {
      violation(call, `argument ${rule.callback} is no function of ours, or was released`);
    }
    for (const at of rule.out ?? []) args[at]?.fill(POISON);
    if (!rule.messages) return;
    this.#poison();
    const messages = this.#messages(call, rule.messages, args);
    if (rule.messages.direction === "receive") this.#poisonForReceiving(args[1], messages);
    this.memory.checkGuards(call);
  }

  // deno-lint-ignore no-explicit-any -- C arguments
  #after(call: string, { messages }: Rule, args: any[], result: number): void {
    // A name is ours and written for each call; the data is the caller's.
    if (call === "sendto" && result >= 0) args[4]?.fill(POISON);
    if (!messages) return;
    checkGuardsOf(call, args[messages.headers]);
    this.memory.checkGuards(call);
    const count = messages.count === undefined ? Math.min(result, 0) + 1 : result;
    if (count <= 0) return;
    for (const { name, control, data } of this.#messages(call, messages, args, count)) {
      this.#used.push(name, control, ...data);
    }
    // What was received is taken before anything else runs; what was sent is of no use any more.
    if (messages.direction === "receive") queueMicrotask(() => this.#poison());
    else this.#poison();
  }

  #poison(): void {
    for (const bytes of this.#used.splice(0)) bytes.fill(POISON);
  }

  /** Data is poisoned when it is first seen and after each use: megabytes for each call would be too slow. */
  #poisonForReceiving(headers: Uint8Array, messages: readonly Message[]): void {
    const size = messages[0]?.data[0]?.length ?? 0;
    const seen = this.#received.get(headers) ?? { slots: 0, size: 0 };
    const isNew = seen.slots < messages.length || seen.size < size;
    for (const { name, control, data } of messages) {
      name.fill(POISON);
      control.fill(POISON);
      if (isNew) { for (const bytes of data) bytes.fill(POISON); }
    }
    if (isNew) {
      this.#received.set(headers, {
        slots: Math.max(seen.slots, messages.length),
        size: Math.max(seen.size, size),
      });
    }
  }

  /** The memory that message headers lead to. */
  #messages(
    call: string,
    { headers: at, count: countAt }: NonNullable<Rule["messages"]>,
    // deno-lint-ignore no-explicit-any -- C arguments
    args: any[],
    count = countAt === undefined ? 1 : Number(args[countAt]),
  ): Message[] {
    const { msghdr, mmsghdr, iovec } = this.platform.layouts;
    const size = countAt === undefined ? msghdr.size : mmsghdr!.size;
    const headers = bytesOf(call, "the array of headers", args[at], count * size);
    const view = new DataView(headers.buffer, headers.byteOffset, headers.byteLength);
    const messages: Message[] = [];
    for (let slot = 0; slot < count; slot++) {
      const field = (name: keyof typeof msghdr.at) => slot * size + msghdr.at[name];
      const length = (name: keyof typeof msghdr.at) =>
        lengthAt(view, field(name), msghdr.fields[name][1]);
      const known = (name: string, from: DataView, offset: number, bytes: number) =>
        this.memory.at(call, `${name} of message ${slot}`, from.getBigUint64(offset, true), bytes);
      const name = known("msg_name", view, field("msg_name"), length("msg_namelen"));
      const control = known("msg_control", view, field("msg_control"), length("msg_controllen"));
      const vectors = known("msg_iov", view, field("msg_iov"), length("msg_iovlen") * iovec.size);
      const vector = new DataView(vectors.buffer, vectors.byteOffset, vectors.byteLength);
      const data: Uint8Array[] = [];
      for (let from = 0; from < vectors.byteLength; from += iovec.size) {
        const bytes = lengthAt(vector, from + iovec.at.iov_len, iovec.fields.iov_len[1]);
        data.push(known("iov_base", vector, from + iovec.at.iov_base, bytes));
      }
      messages.push({ name, control, data });
    }
    return messages;
  }

  /** A call on another thread: it may write to C's memory only, and to no more than there is. */
  #callBlocking(
    library: Library,
    call: string,
    args: (number | bigint)[],
    hold: boolean,
  ): Promise<number> {
    try {
      const memory = this.#memoryOf(call, args);
      const result = library.callBlocking(call, args, hold);
      if (!memory) return result;
      memory.pending++;
      return result.finally(() => memory.pending--);
    } catch (error) {
      // The poller takes a wait that cannot be started for one that failed: this one must not go unnoticed.
      queueMicrotask(() => {
        throw error;
      });
      return Promise.reject(error);
    }
  }

  #memoryOf(call: string, args: (number | bigint)[]): Allocated | undefined {
    if (call === "epoll_wait") this.descriptor(call, Number(args[0]));
    const written = this.#writtenBy(call, args);
    if (!written || written.size === 0) return undefined;
    const memory = this.#allocated.get(written.address);
    if (!memory) return violation(call, "it would write to memory that is not C's, or was freed");
    if (written.size > memory.size) {
      violation(call, `its memory has ${memory.size} bytes, ${written.size} are announced`);
    }
    if (call === "poll") this.#checkPolled(memory.content(), Number(args[1]));
    return memory;
  }

  #writtenBy(call: string, args: (number | bigint)[]): { address: bigint; size: number } | null {
    const { epoll, layouts: { pollfd } } = this.platform;
    if (call === "poll") return { address: BigInt(args[0]), size: Number(args[1]) * pollfd.size };
    if (call !== "epoll_wait") return null;
    const { size } = epoll!.layouts.epoll_event;
    return { address: BigInt(args[1]), size: Number(args[2]) * size };
  }

  #checkPolled(fds: Uint8Array, count: number): void {
    const { size, at } = this.platform.layouts.pollfd;
    const view = new DataView(fds.buffer, fds.byteOffset);
    for (let i = 0; i < count; i++) this.descriptor("poll", view.getInt32(i * size + at.fd, true));
  }

  /** Memory of C's with guard zones. */
  allocate(runtime: Runtime, size: number): NativeMemory {
    const real = runtime.allocate(size + 2 * GUARD);
    const whole = new Uint8Array(size + 2 * GUARD).fill(POISON);
    real.write(whole);
    const address = real.address + BigInt(GUARD);
    const own = (what: string): Uint8Array => {
      if (this.#allocated.get(address) !== allocated) {
        violation(what, "C's memory was freed before");
      }
      real.read(whole, whole.length);
      checkGuards(what, whole);
      return whole.subarray(GUARD, GUARD + size);
    };
    const allocated: Allocated = { size, pending: 0, content: () => own("memmove") };
    this.#allocated.set(address, allocated);
    return {
      address,
      read(into, length) {
        bytesOf("memmove", "the buffer that C's memory is copied to", into, length);
        if (length > size) violation("memmove", `C's memory has ${size} bytes, not ${length}`);
        into.set(own("memmove").subarray(0, length));
      },
      write(bytes) {
        if (bytes.length > size) {
          violation("memcpy", `C's memory has ${size} bytes, not ${bytes.length}`);
        }
        if (allocated.pending > 0) violation("memcpy", "a call on another thread uses this memory");
        own("memcpy").set(bytes);
        real.write(whole);
      },
      free: () => {
        own("free");
        if (allocated.pending > 0) violation("free", "a call on another thread uses this memory");
        this.#allocated.delete(address);
        real.write(whole.fill(POISON));
        real.free();
      },
    };
  }
}

function lengthAt(view: DataView, at: number, kind: Kind): number {
  return widthOf(kind) === 8 ? Number(view.getBigUint64(at, true)) : view.getUint32(at, true);
}
