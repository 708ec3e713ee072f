/**
 * The system calls, typed: errno becomes a {@linkcode SocketError}.
 *
 * Set-up calls throw. The calls of the hot path return a count, or the negative
 * errno, so that an empty queue costs no exception.
 *
 * @module
 */

import type { Family } from "../address/ip.ts";
import type { SocketCalls } from "./calls/calls.ts";
import { PosixCalls } from "./calls/posix.ts";
import { WinsockCalls } from "./calls/winsock.ts";
import { SocketError, type SocketErrorInit, unlessRefused, UnsupportedError } from "./errors.ts";
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

/** How often a call is tried again when errno says something it cannot mean. */
const ATTEMPTS = 4;
/** What says that there is no such interface, and what that it cannot be told. */
const NO_SUCH: ReadonlySet<string> = new Set(["ENODEV", "ENXIO"]);
const EXHAUSTED: ReadonlySet<string> = new Set(["EMFILE", "ENFILE", "ENOMEM", "ENOBUFS"]);

/** One process's view of its operating system. */
export class System {
  /** What `receive`, `send` return when nothing was ready. */
  readonly wouldBlock: number;
  /** What {@linkcode send} returns when the network device has no room. */
  readonly noBuffers: number;
  /** Sleeps for so many microseconds, on another thread; `null` where the system has no such call. */
  readonly rest: ((us: number) => Promise<unknown>) | null;
  readonly sockaddr: SockaddrCodec;
  readonly #c: Library["symbols"];
  /** What POSIX and Winsock do differently. */
  readonly #calls: SocketCalls;
  /** What a failure counts as whose errno could not be read. */
  readonly #unknown: number;
  readonly #unlikely: ReadonlySet<number>;
  readonly #errnos = new Map<string, number>();

  constructor(readonly platform: Platform, readonly runtime: Runtime, readonly library: Library) {
    this.#c = library.symbols;
    const { callBriefly } = library;
    this.rest = callBriefly && "usleep" in library.symbols
      ? (us) => callBriefly("usleep", [us])
      : null;
    this.sockaddr = new SockaddrCodec(platform);
    for (const [errno, [code]] of Object.entries(platform.errors)) {
      this.#errnos.set(code, Number(errno));
    }
    this.#unknown = this.errnoOf("EIO");
    this.wouldBlock = -this.errnoOf("EAGAIN");
    this.noBuffers = -this.errnoOf("ENOBUFS");
    this.#unlikely = new Set(
      ["EINTR", "EAGAIN", "ETIMEDOUT"].map((code) => this.errnoOf(code)).concat(0),
    );
    const failure = () => this.#failure();
    this.#calls = platform.api === "winsock"
      ? new WinsockCalls(platform, library, runtime, failure, -this.errnoOf("EMSGSIZE"))
      : new PosixCalls(platform, library, failure, -this.errnoOf("EINTR"));
  }

  /** The number of an error name on this system; -1 where it has none. */
  errnoOf(code: string): number {
    return this.#errnos.get(code) ?? -1;
  }

  /** The error that an errno stands for; one that could not be read (0) is EIO. */
  error(errno: number, syscall: string, context: CallContext = {}): SocketError {
    if (errno === 0) errno = this.#unknown;
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
    return this.#call("socket", { family }, () => this.#calls.open(domain, SOCK_DGRAM));
  }

  /** Binds a socket. */
  bind(fd: number, address: SocketWords, context: CallContext): void {
    const [name, length] = this.#sockaddr(address);
    this.#call("bind", context, () => this.#c.bind(fd, name, length));
  }

  /** Fixes a socket's peer. */
  connect(fd: number, address: SocketWords, context: CallContext): void {
    const [name, length] = this.#sockaddr(address);
    this.#call("connect", context, () => this.#c.connect(fd, name, length));
  }

  /** Takes a socket's peer back. */
  disconnect(fd: number, context: CallContext): void {
    // AF_UNSPEC is 0 everywhere.
    const name = new Uint8Array(this.sockaddr.size);
    try {
      this.#call("connect", context, () => this.#c.connect(fd, name, name.length));
    } catch (error) {
      if (!this.#isRefusal(error, ...this.platform.quirks.disconnectAnswers)) throw error;
    }
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

  /** Closes a descriptor. */
  close(fd: number): void {
    this.#calls.close(fd);
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
    return unlessRefused(() => {
      this.setOption(fd, family, option, value);
      return true;
    }, () => false);
  }

  #optionValue(row: OptionRow, value: number | string): Uint8Array<ArrayBuffer> {
    if (row.kind === "name") return new TextEncoder().encode(`${value}\0`);
    const number = Number(value);
    if (row.kind === "byte") return new Uint8Array([number]);
    const mreqn = row.kind === "ip_mreqn" ? this.platform.layouts.ip_mreqn! : null;
    const bytes = new Uint8Array(mreqn ? mreqn.size + this.platform.quirks.paddingBehindMreqn : 4);
    const littleEndian = row.kind !== "index_be";
    new DataView(bytes.buffer).setInt32(mreqn?.at.imr_ifindex ?? 0, number, littleEndian);
    return bytes;
  }

  /** Confines a socket to an interface; returns whether the OS has such an option, and took it. */
  tryBindToInterface(fd: number, family: Family, id: { name: string; index: number }): boolean {
    const kind = this.platform.options[family].bindToInterface?.kind;
    return this.trySetOption(fd, family, "bindToInterface", kind === "name" ? id.name : id.index);
  }

  /**
   * Chooses where multicasts leave that name no interface.
   *
   * @param index The interface; 0: as routed.
   * @param addressOf An IPv4 address of the interface, asked for only where an index is not understood (Wine); 0: none.
   */
  setMulticastInterface(
    fd: number,
    family: Family,
    index: number,
    addressOf: (index: number) => number,
  ): void {
    try {
      this.setOption(fd, family, "multicastInterface", index);
    } catch (error) {
      const byAddress = this.platform.options[family].multicastInterface?.kind === "index_be";
      const address = byAddress && index !== 0 ? addressOf(index) : 0;
      if (address === 0 || !this.#isRefusal(error, "EINVAL", "EADDRNOTAVAIL")) throw error;
      // The same option, of the same size: 0.x.x.x is an index, anything else an address.
      this.setOption(fd, family, "multicastInterface", address);
    }
  }

  #isRefusal(error: unknown, ...codes: string[]): boolean {
    return error instanceof SocketError && codes.includes(error.code);
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
    // One byte comes back where one byte goes in (BSD's IP_MULTICAST_TTL).
    return new DataView(length.buffer).getUint32(0, true) === 1
      ? value[0]
      : new DataView(value.buffer).getInt32(0, true);
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
    let failure: unknown;
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
        if (!this.#isRefusal(error, "ENOPROTOOPT", "ENOSYS")) throw error;
        failure ??= error;
      }
    }
    throw failure;
  }

  // --- the hot path: a count or length, or the negative errno

  /** The negative errno of the call that has just failed: never 0, even if it was cleared before we read it. */
  #failure(): number {
    const errno = this.library.errno();
    return -(errno > 0 ? errno : this.#unknown);
  }

  /** Receives up to `count` messages into a batch. */
  receiveMany(fd: number, batch: ReceiveBatch, count: number): number {
    return this.#calls.receiveMany(fd, batch, count);
  }

  /** Receives one message into a batch's first slot; returns its length. */
  receiveOne(fd: number, batch: ReceiveBatch): number {
    return this.#calls.receiveOne(fd, batch);
  }

  /** {@linkcode receiveOne} from the queue of ICMP errors (ip(7), IP_RECVERR). */
  receiveQueuedError(fd: number, batch: ReceiveBatch): number {
    return this.#calls.receiveQueuedError(fd, batch);
  }

  /** Receives one message; returns its whole length, also where the buffer is shorter. */
  receive(fd: number, buffer: Uint8Array): number {
    return this.#calls.receive(fd, buffer);
  }

  /** Sends bytes to a socket address, or with `null` to the peer. */
  send(fd: number, data: Uint8Array, name: Uint8Array | null, nameLength: number): number {
    return this.#calls.send(fd, data, name, nameLength);
  }

  /** Sends a batch's first message. */
  sendOne(fd: number, batch: SendBatch): number {
    return this.#calls.sendOne(fd, batch);
  }

  /** Sends a batch's first `count` messages; returns how many were taken, or the first one's errno. */
  sendMany(fd: number, batch: SendBatch, count: number): number {
    return this.#calls.sendMany(fd, batch, count);
  }

  // --- interfaces

  /**
   * An interface's index; 0 where there is none of that name.
   *
   * @throws {SocketError} If the OS cannot be asked now.
   */
  interfaceIndex(name: string): number {
    return this.#lookUp("if_nametoindex", () => this.#calls.interfaceIndex(name) || null) ?? 0;
  }

  /**
   * An interface's name; `null` where there is none of that index.
   *
   * @throws {SocketError} If the OS cannot be asked now.
   */
  interfaceName(index: number): string | null {
    return this.#lookUp("if_indextoname", () => this.#calls.interfaceName(index));
  }

  /** Without a descriptor or memory to ask by, nothing was said of the interface (if_nametoindex(3) opens a socket). */
  #lookUp<T>(syscall: string, call: () => T | null): T | null {
    for (let attempt = 1;; attempt++) {
      const found = call();
      if (found !== null || this.platform.api !== "posix") return found;
      const errno = this.library.errno();
      const code = this.platform.errors[errno]?.[0] ?? "";
      if (NO_SUCH.has(code)) return null;
      if (code === "ENOENT") this.#tryToOpen();
      if (attempt < ATTEMPTS) continue;
      if (EXHAUSTED.has(code)) throw this.error(errno, syscall);
      return null;
    }
  }

  /** glibc says ENOENT where it got no socket to ask by, whatever the reason: a socket of ours is refused for it, too. */
  #tryToOpen(): void {
    try {
      this.close(this.openSocket("IPv4"));
    } catch (error) {
      if (error instanceof SocketError && EXHAUSTED.has(error.code)) throw error;
    }
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

  // --- what epoll and netlink need

  /** Makes a call that never means "try again"; throws what errno says. */
  call(name: string, ...args: unknown[]): number {
    return this.#call(name, {}, () => this.#c[name](...args));
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
