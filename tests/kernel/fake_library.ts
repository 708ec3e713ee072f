/**
 * The real C library with a hand on every call: calls are counted, watched and, where a test says so, refused.
 *
 * What a kernel does only now and then (a full send buffer, a port that is taken in one family, an option it is too
 * old for) happens here whenever it is wanted; everything else still goes to the real kernel. Calls have the names of
 * POSIX: on Windows "sendmsg" is WSASendMsg.
 */
import type { Family } from "../../address/ip.ts";
import type { MembershipName, OptionName } from "../../ffi/platform/platform.ts";
import { pollerOf } from "../../ffi/poller.ts";
import type { CFunction, DescriptorWatch, Library, Runtime } from "../../ffi/runtime/runtime.ts";
import { System } from "../../ffi/syscalls.ts";
import { system } from "../../ffi/system.ts";
import { openWith } from "../../socket/open.ts";
import { checkOptions, type UdpSocketOptions } from "../../socket/options.ts";
import type { UdpSocket } from "../../socket/udp_socket.ts";

// deno-lint-ignore no-explicit-any -- C arguments: each test knows those of the call it hooks
export type Arguments = any[];

/** Stands in for a C function; `call` makes the real call. */
export type Hook = (args: Arguments, call: () => number) => number;

/** What Windows calls them. */
const POSIX_NAMES: Record<string, string> = {
  WSASocketW: "socket",
  closesocket: "close",
};

/** What WSASocketW returns when it fails. */
const INVALID_SOCKET = 0xffff_ffff_ffff_ffffn;

/** Calls whose first argument is a socket. */
const ON_SOCKETS = new Set([
  "WSAIoctl",
  "bind",
  "connect",
  "getsockname",
  "getsockopt",
  "ioctlsocket",
  "recv",
  "recvmmsg",
  "recvmsg",
  "sendmmsg",
  "sendmsg",
  "sendto",
  "setsockopt",
]);

/** Looks at nothing. */
const NO_WATCH: DescriptorWatch = { wait() {}, hold() {}, close() {} };

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
  /** The names of the calls that may block, which were made on another thread. */
  readonly blocking: string[] = [];
  /** The names of those that block only for a moment. */
  readonly brief: string[] = [];
  /** Resolves when all of these have returned: nothing else waits for those that are under way. */
  lastBrief: Promise<unknown> = Promise.resolve();
  /** Where C finds the functions of ours that it may call. */
  readonly callbacks: bigint[] = [];
  readonly #hooks = new Map<string, Hook>();
  readonly #real: System = system();
  #errno: number | null = null;
  /** Sockets that wake the poller, where it takes sockets for that: no test means them. */
  readonly #wakes = new Set<number>();
  #opensPoller = false;

  constructor() {
    const symbols: Record<string, CFunction> = {};
    for (const [name, call] of Object.entries(this.#real.library.symbols)) {
      const common = POSIX_NAMES[name] ?? name;
      symbols[name] = name === "WSASocketW"
        ? (...args) => {
          const result = this.#call(common, args, () => Number(call(...args)));
          return result < 0 ? INVALID_SOCKET : result;
        }
        : (...args) => this.#call(common, args, () => call(...args));
    }
    this.symbols = symbols;
    const { runtime, platform } = this.#real;
    this.system = new System(platform, { ...runtime, ...this.#extensions(runtime) }, this);
  }

  #extensions(
    { functionAt, callback, watch }: Runtime,
  ): Pick<Runtime, "functionAt" | "callback" | "watch"> {
    return {
      // The event loop refuses what is no descriptor, such as the one that holds the poller.
      watch: watch && ((fd, onReady) => fd < 0 ? NO_WATCH : watch(fd, onReady)),
      // WSARecvMsg and WSASendMsg are known by their address only. The one takes five arguments, the other six.
      functionAt: (address, signature) => {
        const name = signature.parameters.length === 5 ? "recvmsg" : "sendmsg";
        const call = functionAt(address, signature);
        return (...args) => this.#call(name, args, () => call(...args));
      },
      callback: (parameters, call) => {
        const made = callback(parameters, call);
        this.callbacks.push(made.address);
        return made;
      },
    };
  }

  #call(name: string, args: Arguments, call: () => number): number {
    this.#errno = null;
    if (this.#opensPoller || this.#wakes.has(args[0])) return this.#wakeCall(name, args, call());
    this.calls.push(name);
    if (ON_SOCKETS.has(name) && !this.open.has(args[0])) this.stray.push(name);
    const hook = this.#hooks.get(name);
    // What returns nothing, such as freeifaddrs, must not be called again for it.
    const result = hook ? hook(args, call) : call();
    if (name === "socket" && result >= 0) {
      this.sockets.push(result);
      this.open.add(result);
    }
    if (name === "close") this.open.delete(args[0]);
    return result;
  }

  #wakeCall(name: string, args: Arguments, result: number): number {
    if (name === "socket") this.#wakes.add(result);
    if (name === "close") this.#wakes.delete(args[0]);
    return result;
  }

  /** Opens the poller, and returns what lets it go again if no socket of ours has come to need it. */
  #holdPoller(): () => void {
    if (this.system.platform.wake !== "socket") return () => {};
    this.#opensPoller = true;
    try {
      const held = pollerOf(this.system).register(-1, () => {});
      return () => void held.remove(() => {});
    } finally {
      this.#opensPoller = false;
    }
  }

  errno(): number {
    return this.#errno ?? this.#real.library.errno();
  }

  callBlocking(name: string, args: (number | bigint)[], hold: boolean): Promise<number> {
    this.blocking.push(name);
    return this.#real.library.callBlocking(name, args, hold);
  }

  readonly callBriefly = (name: string, args: number[]): Promise<unknown> => {
    this.brief.push(name);
    const call = this.#real.library.callBriefly!(name, args);
    this.lastBrief = Promise.all([this.lastBrief, call]);
    return call;
  };

  /** Puts a function in the place of a C function. */
  on(name: string, hook: Hook): this {
    this.#hooks.set(name, hook);
    return this;
  }

  /** Refuses some options, as an older kernel does: of one family, or of both. */
  lacksOptions(options: readonly OptionName[], family?: Family): this {
    const rows = this.#families(family).flatMap((family) =>
      options.map((option) => this.system.platform.options[family][option])
    );
    return this.#lacks(rows);
  }

  /** Refuses the membership calls of RFC 3678, which take a group of either family. */
  lacksProtocolIndependentGroups(): this {
    const { memberships } = this.system.platform;
    const rows = this.#families().flatMap((family) => Object.values(memberships[family]).flat());
    return this.#lacks(rows.filter((row) => row.cName.startsWith("MCAST_")));
  }

  #families(family?: Family): readonly Family[] {
    return family === undefined ? ["IPv4", "IPv6"] : [family];
  }

  #lacks(rows: readonly ({ level: number; name: number } | undefined)[]): this {
    return this.on(
      "setsockopt",
      ([, level, name], call) =>
        rows.some((row) => row?.level === level && row?.name === name)
          ? this.refuse("ENOPROTOOPT")
          : call(),
    );
  }

  /** Stands in for some membership calls, however the OS has them. */
  onMembership(calls: readonly MembershipName[], hook: Hook): this {
    const { memberships } = this.system.platform;
    const rows = this.#families().flatMap((family) =>
      calls.flatMap((call) => memberships[family][call] ?? [])
    );
    return this.on(
      "setsockopt",
      (args, call) =>
        rows.some(({ level, name }) => level === args[1] && name === args[2])
          ? hook(args, call)
          : call(),
    );
  }

  /** The result of a refused call: -1, with errno. `null`: somebody has cleared errno before it is read. */
  refuse(code: string | null): number {
    const errno = code === null ? 0 : this.system.errnoOf(code);
    if (errno < 0) throw new Error(`this system has no ${code}`);
    this.#errno = errno;
    return -1;
  }

  /** `openUdpSocket` on this library. */
  openSocket(options: UdpSocketOptions = {}): UdpSocket {
    const checked = checkOptions(options);
    const release = this.#holdPoller();
    try {
      return openWith(this.system, checked);
    } finally {
      release();
    }
  }

  /** How often one of these functions was called. */
  count(...names: string[]): number {
    return this.calls.filter((name) => names.includes(name)).length;
  }

  /** The interface that the n-th socket is confined to, by Linux' SO_BINDTODEVICE. */
  boundInterface(nth: number): string {
    const { level, name } = this.system.platform.options.IPv4.bindToInterface!;
    const value = new Uint8Array(16);
    const length = new Uint8Array(new Uint32Array([value.length]).buffer);
    const { getsockopt } = this.#real.library.symbols;
    if (getsockopt(this.sockets[nth], level, name, value, length) < 0) {
      throw new Error(`getsockopt(SO_BINDTODEVICE): errno ${this.#real.library.errno()}`);
    }
    return new TextDecoder().decode(value).replace(/\0.*/, "");
  }

  /** Reads an integer option of the n-th socket; `null` where the OS has none. */
  option(nth: number, family: Family, option: OptionName): number | null {
    return this.#real.getOption(this.sockets[nth], family, option);
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

/** Whether a sockaddr is an IPv6 one. */
export function isIpv6(sockaddr: Uint8Array): boolean {
  const { constants, layouts } = system().platform;
  return sockaddr[layouts.sockaddr_in6.at.sin6_family] === constants.AF_INET6;
}
