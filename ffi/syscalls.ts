/**
 * The system calls, typed: EINTR is retried, errno becomes a {@linkcode SocketError}.
 *
 * Set-up calls throw. The calls of the hot path return a count, or the negative
 * errno, so that an empty queue costs no exception.
 *
 * @module
 */

import type { Family } from "../address/ip.ts";
import { SocketError, type SocketErrorInit, UnsupportedError } from "./errors.ts";
import { type HintContext, hintFor } from "./hints.ts";
import { encodeMembership, type MembershipTarget } from "./membership.ts";
import type { ReceiveBatch, SendBatch } from "./message.ts";
import type { MembershipName, OptionName, OptionRow, Platform } from "./platform/platform.ts";
import type { Library, Runtime } from "./runtime/runtime.ts";
import { emptyWords, SockaddrCodec, type SocketWords } from "./sockaddr.ts";

/** What a failing call was about, for the error's text and hint. */
export type CallContext =
  & Partial<Omit<SocketErrorInit, "code" | "errno" | "syscall" | "hint">>
  & HintContext;

/**
 * 64-bit arguments as V8's fast calls take them: a number there makes every call
 * a slow one, so the lengths of small datagrams are kept as `bigint`.
 */
const NULL = 0n;
const SMALL_LENGTHS = Array.from({ length: 2049 }, (_, length) => BigInt(length));

/** How often a call is tried again when errno says something it cannot mean. */
const ATTEMPTS = 4;

/** One process's view of its operating system. */
export class System {
  /** What `receive`, `send` return when nothing was ready. */
  readonly wouldBlock: number;
  /** What {@linkcode send} returns when the network device has no room. */
  readonly noBuffers: number;
  readonly sockaddr: SockaddrCodec;
  readonly #c: Library["symbols"];
  readonly #interrupted: number;
  /** What a failure counts as whose errno could not be read. */
  readonly #unknown: number;
  readonly #sendFlags: number;
  readonly #unlikely: ReadonlySet<number>;
  readonly #errnos = new Map<string, number>();

  constructor(readonly platform: Platform, readonly runtime: Runtime, readonly library: Library) {
    this.#c = library.symbols;
    this.sockaddr = new SockaddrCodec(platform);
    for (const [errno, [code]] of Object.entries(platform.errors)) {
      this.#errnos.set(code, Number(errno));
    }
    this.#interrupted = -this.errnoOf("EINTR");
    this.#unknown = this.errnoOf("EIO");
    this.wouldBlock = -this.errnoOf("EAGAIN");
    this.noBuffers = -this.errnoOf("ENOBUFS");
    const { MSG_DONTWAIT, MSG_NOSIGNAL } = platform.constants;
    this.#sendFlags = MSG_DONTWAIT | MSG_NOSIGNAL;
    this.#unlikely = new Set(
      ["EINTR", "EAGAIN", "ETIMEDOUT"].map((code) => this.errnoOf(code)).concat(0),
    );
  }

  /** The number of an error name on this system; -1 where it has none. */
  errnoOf(code: string): number {
    return this.#errnos.get(code) ?? -1;
  }

  /** The error that an errno stands for. */
  error(errno: number, syscall: string, context: CallContext = {}): SocketError {
    const [code, reason] = this.platform.errors[errno] ??
      [`E${errno}`, "unknown error"];
    const hint = hintFor(this.platform, code, syscall, context);
    return new SocketError({ ...context, code, errno, syscall, reason, hint });
  }

  /**
   * Makes a set-up call; throws what errno says.
   *
   * Reading errno through FFI is very good evidence but no proof: the runtime
   * may have used it in between. None of these calls can mean "try again", so
   * such a reading is a reason to do just that.
   */
  #call(syscall: string, context: CallContext, call: () => number): number {
    for (let attempt = 1;; attempt++) {
      const result = call();
      if (result >= 0) return result;
      const errno = this.library.errno();
      if (attempt < ATTEMPTS && this.#unlikely.has(errno)) continue;
      throw this.error(errno, syscall, context);
    }
  }

  // --- sockets

  /** Opens a non-blocking, close-on-exec datagram socket. */
  openSocket(family: Family): number {
    const { AF_INET, AF_INET6, SOCK_DGRAM } = this.platform.constants;
    const domain = family === "IPv4" ? AF_INET : AF_INET6;
    return this.#call("socket", { family }, () => this.#c.socket(domain, SOCK_DGRAM, 0));
  }

  /** Binds a socket. */
  bind(fd: number, address: SocketWords, context: CallContext): void {
    const [name, length] = this.#sockaddr(address);
    this.#call("bind", context, () => this.#c.bind(fd, name, length));
  }

  /** Fixes a socket's peer; `null` takes it back. */
  connect(fd: number, address: SocketWords | null, context: CallContext): void {
    const [name, length] = address
      ? this.#sockaddr(address)
      // AF_UNSPEC is 0 everywhere.
      : [new Uint8Array(this.sockaddr.size), this.sockaddr.size];
    this.#call("connect", context, () => this.#c.connect(fd, name, length));
  }

  /** Where a socket is bound. */
  localAddress(fd: number): SocketWords {
    const name = new Uint8Array(this.sockaddr.size);
    const length = new Uint8Array(new Uint32Array([name.length]).buffer);
    this.#call("getsockname", {}, () => this.#c.getsockname(fd, name, length));
    const words = emptyWords();
    this.sockaddr.read(new DataView(name.buffer), 0, name.length, words);
    return words;
  }

  /** Closes a descriptor. POSIX leaves it open or closed on EINTR; on Linux it is closed. */
  close(fd: number): void {
    this.#c.close(fd);
  }

  #sockaddr(address: SocketWords): [Uint8Array<ArrayBuffer>, number] {
    const name = new Uint8Array(this.sockaddr.size);
    const length = this.sockaddr.write(new DataView(name.buffer), 0, address);
    return [name, length];
  }

  // --- options

  /** Whether the OS has an option at all. */
  hasOption(family: Family, option: OptionName): boolean {
    return this.platform.options[family][option] !== undefined;
  }

  /** Sets a socket option. Throws where the OS has none. */
  setOption(
    fd: number,
    family: Family,
    option: OptionName,
    value: number | string,
    context: CallContext = {},
  ): void {
    const row = this.platform.options[family][option];
    if (!row) throw new UnsupportedError(`${option} for ${family}`, this.platform.displayName);
    const bytes = this.#optionValue(row, value);
    this.#call(
      `setsockopt(${row.cName})`,
      { ...context, family },
      () => this.#c.setsockopt(fd, row.level, row.name, bytes, bytes.length),
    );
  }

  /** Sets an option that systems may lack; returns whether it took. */
  trySetOption(fd: number, family: Family, option: OptionName, value: number | string): boolean {
    if (!this.hasOption(family, option)) return false;
    try {
      this.setOption(fd, family, option, value);
      return true;
    } catch (error) {
      if (error instanceof SocketError) return false;
      throw error;
    }
  }

  #optionValue(row: OptionRow, value: number | string): Uint8Array<ArrayBuffer> {
    if (row.kind === "name") return new TextEncoder().encode(`${value}\0`);
    if (row.kind === "byte") return new Uint8Array([Number(value)]);
    const layout = this.platform.layouts.ip_mreqn;
    const bytes = new Uint8Array(row.kind === "ip_mreqn" ? layout.size : 4);
    const at = row.kind === "ip_mreqn" ? layout.at.imr_ifindex : 0;
    new DataView(bytes.buffer).setInt32(at, Number(value), true);
    return bytes;
  }

  /** Reads an integer option; `null` where the OS has none. */
  getOption(fd: number, family: Family, option: OptionName): number | null {
    const row = this.platform.options[family][option];
    if (!row) return null;
    const value = new Uint8Array(4);
    const length = new Uint8Array(new Uint32Array([value.length]).buffer);
    this.#call(
      `getsockopt(${row.cName})`,
      { family },
      () => this.#c.getsockopt(fd, row.level, row.name, value, length),
    );
    return new DataView(value.buffer).getInt32(0, true);
  }

  // --- membership

  /** Joins, leaves, blocks: tries each form the OS has until one is known to it. */
  membership(
    fd: number,
    family: Family,
    call: MembershipName,
    target: MembershipTarget,
    context: CallContext,
  ): void {
    const rows = this.platform.memberships[family][call];
    if (!rows) {
      throw new UnsupportedError(`${call} for ${family} groups`, this.platform.displayName);
    }
    let failure: SocketError | undefined;
    for (const row of rows) {
      const bytes = encodeMembership(this.platform, row.request, target);
      if (!bytes) continue;
      try {
        this.#call(
          `setsockopt(${row.cName})`,
          context,
          () => this.#c.setsockopt(fd, row.level, row.name, bytes, bytes.length),
        );
        return;
      } catch (error) {
        if (!(error instanceof SocketError)) throw error;
        failure ??= error;
        if (error.code !== "ENOPROTOOPT") throw error;
      }
    }
    throw failure!;
  }

  // --- the hot path: a count or length, or the negative errno

  /** The negative errno of the call that has just failed: never 0, even if it was cleared before we read it. */
  #failure(): number {
    const errno = this.library.errno();
    return -(errno > 0 ? errno : this.#unknown);
  }

  /** Receives up to `count` messages into a batch. */
  receiveMany(fd: number, batch: ReceiveBatch, count: number): number {
    const flags = this.platform.constants.MSG_DONTWAIT;
    let result: number;
    do {
      result = this.#c.recvmmsg(fd, batch.headers, count, flags, NULL);
    } while (result < 0 && (result = this.#failure()) === this.#interrupted);
    return result;
  }

  /** Receives one message into a batch's first slot; returns its length. */
  receiveOne(fd: number, batch: ReceiveBatch): number {
    return this.#receiveMessage(fd, batch, 0);
  }

  /** {@linkcode receiveOne} from the queue of ICMP errors (ip(7), IP_RECVERR). */
  receiveQueuedError(fd: number, batch: ReceiveBatch): number {
    return this.#receiveMessage(fd, batch, this.platform.constants.MSG_ERRQUEUE);
  }

  #receiveMessage(fd: number, batch: ReceiveBatch, extraFlags: number): number {
    const flags = this.platform.constants.MSG_DONTWAIT | extraFlags;
    let result: number;
    do {
      result = this.#c.recvmsg(fd, batch.headers, flags);
    } while (result < 0 && (result = this.#failure()) === this.#interrupted);
    return result;
  }

  /** Sends bytes to a socket address, or with `null` to the peer. */
  send(fd: number, data: Uint8Array, name: Uint8Array | null, nameLength: number): number {
    const length = data.length < SMALL_LENGTHS.length
      ? SMALL_LENGTHS[data.length]
      : BigInt(data.length);
    let result: number;
    do {
      result = this.#c.sendto(fd, data, length, this.#sendFlags, name, nameLength);
    } while (result < 0 && (result = this.#failure()) === this.#interrupted);
    return result;
  }

  /** Sends a batch's first message. */
  sendOne(fd: number, batch: SendBatch): number {
    let result: number;
    do {
      result = this.#c.sendmsg(fd, batch.headers, this.#sendFlags);
    } while (result < 0 && (result = this.#failure()) === this.#interrupted);
    return result;
  }

  /** Sends a batch's first `count` messages; returns how many were taken, or the first one's errno. */
  sendMany(fd: number, batch: SendBatch, count: number): number {
    let result: number;
    do {
      result = this.#c.sendmmsg(fd, batch.headers, count, this.#sendFlags);
    } while (result < 0 && (result = this.#failure()) === this.#interrupted);
    return result;
  }

  // --- interfaces

  /** An interface's index; 0 where there is none of that name. */
  interfaceIndex(name: string): number {
    return this.#c.if_nametoindex(new TextEncoder().encode(`${name}\0`));
  }

  /** An interface's name; `null` where there is none of that index. */
  interfaceName(index: number): string | null {
    const buffer = new Uint8Array(this.platform.constants.IF_NAMESIZE);
    if (this.#c.if_indextoname(index, buffer) === 0n) return null;
    return new TextDecoder().decode(buffer.subarray(0, buffer.indexOf(0)));
  }

  /** Calls `visit` with the list that getifaddrs(3) made, and gives the list back. */
  withInterfaceAddresses<T>(visit: (first: bigint) => T): T {
    const out = new Uint8Array(8);
    this.#call("getifaddrs", {}, () => this.#c.getifaddrs(out));
    const first = new DataView(out.buffer).getBigUint64(0, true);
    try {
      return visit(first);
    } finally {
      if (first !== 0n) this.#c.freeifaddrs(first);
    }
  }

  // --- what the poller and netlink need

  /** Makes a call that never means "try again"; throws what errno says. */
  call(name: string, ...args: unknown[]): number {
    return this.#call(name, {}, () => this.#c[name](...args));
  }

  /** Receives one message; returns its whole length, also where the buffer is shorter. */
  receive(fd: number, buffer: Uint8Array): number {
    const { MSG_DONTWAIT, MSG_TRUNC } = this.platform.constants;
    let result: number;
    do {
      result = this.#c.recv(fd, buffer, BigInt(buffer.length), MSG_DONTWAIT | MSG_TRUNC);
    } while (result < 0 && (result = this.#failure()) === this.#interrupted);
    return result;
  }

  /** Signals or clears an eventfd. Both are harmless when there is nothing to do. */
  signalEvent(fd: number, what: "set" | "clear"): void {
    const one = new Uint8Array([1, 0, 0, 0, 0, 0, 0, 0]);
    this.#c[what === "set" ? "write" : "read"](fd, one, one.length);
  }
}

/** Makes something once for each system; its sockets share it. */
export function perSystem<T>(make: (system: System) => T): (system: System) => T {
  const made = new WeakMap<System, T>();
  return (system) => {
    let one = made.get(system);
    if (one === undefined) made.set(system, one = make(system));
    return one;
  };
}
