/**
 * The real C library with a hand on every call: calls are counted, watched and, where a test says so, refused.
 *
 * What a kernel does only now and then (a full send buffer, a port that is taken in one family, an option it is too
 * old for) happens here whenever it is wanted; everything else still goes to the real kernel.
 */
import type { CFunction, Library } from "../../ffi/runtime/runtime.ts";
import { System } from "../../ffi/syscalls.ts";
import { system } from "../../ffi/system.ts";
import { openWith } from "../../socket/open.ts";
import { checkOptions, type UdpSocketOptions } from "../../socket/options.ts";
import type { UdpSocket } from "../../socket/udp_socket.ts";

// deno-lint-ignore no-explicit-any -- C arguments: each test knows those of the call it hooks
export type Arguments = any[];

/** Stands in for a C function; `call` makes the real call. */
export type Hook = (args: Arguments, call: () => number) => number;

/** Calls whose first argument is a socket. */
const ON_SOCKETS = new Set([
  "bind",
  "connect",
  "getsockname",
  "getsockopt",
  "recvmmsg",
  "recvmsg",
  "sendmmsg",
  "sendmsg",
  "sendto",
  "setsockopt",
]);

/** The C library under a test's control. */
export class FakeLibrary implements Library {
  readonly system: System;
  readonly symbols: Readonly<Record<string, CFunction>>;
  /** The names of the calls made, in order. */
  readonly calls: string[] = [];
  /** The sockets that were opened, in order. */
  readonly sockets: number[] = [];
  /** Those that are open now. */
  readonly open = new Set<number>();
  /** Calls on descriptors that were closed before: by now they may belong to somebody else. */
  readonly stray: string[] = [];
  readonly #hooks = new Map<string, Hook>();
  readonly #real: System = system();
  #errno: number | null = null;

  constructor() {
    const symbols: Record<string, CFunction> = {};
    for (const [name, call] of Object.entries(this.#real.library.symbols)) {
      symbols[name] = (...args) => this.#call(name, args, () => call(...args));
    }
    this.symbols = symbols;
    this.system = new System(this.#real.platform, this.#real.runtime, this);
  }

  #call(name: string, args: Arguments, call: () => number): number {
    this.calls.push(name);
    this.#errno = null;
    if (ON_SOCKETS.has(name) && !this.open.has(args[0])) this.stray.push(name);
    const result = this.#hooks.get(name)?.(args, call) ?? call();
    if (name === "socket" && result >= 0) {
      this.sockets.push(result);
      this.open.add(result);
    }
    if (name === "close") this.open.delete(args[0]);
    return result;
  }

  errno(): number {
    return this.#errno ?? this.#real.library.errno();
  }

  callBlocking(name: string, args: (number | bigint)[], hold: boolean): Promise<number> {
    return this.#real.library.callBlocking(name, args, hold);
  }

  /** Puts a function in the place of a C function. */
  on(name: string, hook: Hook): this {
    this.#hooks.set(name, hook);
    return this;
  }

  /** Refuses setsockopt for some options, as an older kernel does. */
  lacksOptions(...rows: readonly (readonly [level: number, option: number])[]): this {
    return this.on(
      "setsockopt",
      ([, level, option], call) =>
        rows.some(([l, o]) => l === level && o === option) ? this.refuse("ENOPROTOOPT") : call(),
    );
  }

  /** The result of a refused call: -1, with errno. */
  refuse(code: string): number {
    const errno = this.system.errnoOf(code);
    if (errno < 0) throw new Error(`this system has no ${code}`);
    this.#errno = errno;
    return -1;
  }

  /** `openUdpSocket` on this library. */
  openSocket(options: UdpSocketOptions = {}): UdpSocket {
    return openWith(this.system, checkOptions(options));
  }

  /** How often one of these functions was called. */
  count(...names: string[]): number {
    return this.calls.filter((name) => names.includes(name)).length;
  }

  /** Reads an option of the n-th socket as raw bytes, past the library. */
  rawOption(nth: number, level: number, option: number, size = 4): Uint8Array {
    const value = new Uint8Array(size);
    const length = new Uint8Array(new Uint32Array([size]).buffer);
    const { getsockopt } = this.#real.library.symbols;
    if (getsockopt(this.sockets[nth], level, option, value, length) < 0) {
      throw new Error(`getsockopt(${level}, ${option}): errno ${this.#real.library.errno()}`);
    }
    return value.subarray(0, new DataView(length.buffer).getUint32(0, true));
  }

  /** Reads an integer option of the n-th socket. */
  option(nth: number, level: number, option: number): number {
    const bytes = this.rawOption(nth, level, option);
    return bytes.length >= 4 ? new DataView(bytes.buffer).getInt32(0, true) : bytes[0];
  }
}

/** The port in a sockaddr that was given to bind or connect. */
export function portOf(sockaddr: Uint8Array): number {
  return sockaddr[2] << 8 | sockaddr[3];
}

/** Writes the port of a sockaddr. */
export function setPort(sockaddr: Uint8Array, port: number): void {
  sockaddr[2] = port >> 8;
  sockaddr[3] = port & 255;
}

/** Whether a sockaddr is an IPv6 one (Linux: AF_INET6 is 10). */
export function isIpv6(sockaddr: Uint8Array): boolean {
  return sockaddr[0] === 10;
}
