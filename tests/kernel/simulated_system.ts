/**
 * Another POSIX system on top of Linux: its numbers and structs come in, Linux' calls go out.
 *
 * What the library hands to "the C library" of macOS or BSD is read here with that system's tables, done by the real
 * kernel, and answered in that system's structs. It is strict where those systems are: options of one byte, packed
 * structs, null pointers for what is empty, sources on wildcard sockets only. What it cannot prove is that the tables
 * are right: that is what the probes and comparisons of tests/ffi are for.
 */
import { assert } from "@std/assert";
import { SocketError } from "../../ffi/errors.ts";
import type { Platform } from "../../ffi/platform/platform.ts";
import type { CFunction, Library } from "../../ffi/runtime/runtime.ts";
import { emptyWords, SockaddrCodec, type SocketWords } from "../../ffi/sockaddr.ts";
import { System } from "../../ffi/syscalls.ts";
import { system } from "../../ffi/system.ts";
import { openWith } from "../../socket/open.ts";
import { checkOptions, type UdpSocketOptions } from "../../socket/options.ts";
import type { UdpSocket } from "../../socket/udp_socket.ts";
import { type Descriptor, refusal, viewOf } from "./simulated_descriptor.ts";
import { SimulatedInterfaces } from "./simulated_interfaces.ts";
import { EmulatedMessages } from "./simulated_messages.ts";
import { EmulatedOptions } from "./simulated_options.ts";

/** The calls of one emulated system. */
export class EmulatedLibrary implements Library {
  readonly system: System;
  readonly symbols: Readonly<Record<string, CFunction>>;
  /** The names of the calls made, in order. */
  readonly calls: string[] = [];
  readonly open = new Map<number, Descriptor>();
  readonly #real: System = system();
  readonly #codec: SockaddrCodec;
  readonly #interfaces: SimulatedInterfaces;
  /** Buffers whose address the library knows. */
  readonly #buffers = new Map<bigint, Uint8Array>();
  readonly #options: EmulatedOptions;
  readonly #messages: EmulatedMessages;
  #errno = 0;

  constructor(readonly platform: Platform) {
    const { runtime } = this.#real;
    this.#codec = new SockaddrCodec(platform);
    this.#interfaces = new SimulatedInterfaces(platform, this.#real);
    this.#options = new EmulatedOptions(platform, this.#real);
    this.#messages = new EmulatedMessages(
      platform,
      this.#real,
      this.#interfaces,
      this.#buffers,
    );
    this.symbols = this.#functions();
    const addressOf = (buffer: Uint8Array) => {
      const address = runtime.addressOf(buffer);
      this.#buffers.set(address, buffer);
      return address;
    };
    this.system = new System(platform, { ...runtime, addressOf }, this);
  }

  /** `openUdpSocket` on this system. */
  openSocket(options: UdpSocketOptions = {}): UdpSocket {
    return openWith(this.system, checkOptions(options));
  }

  errno(): number {
    return this.#errno;
  }

  /** poll(2): the struct and its numbers are Linux'. */
  callBlocking(name: string, args: (number | bigint)[], hold: boolean): Promise<number> {
    assert(name === "poll", `${name} does not block here`);
    return this.#real.library.callBlocking(name, args, hold);
  }

  get callBriefly(): Library["callBriefly"] {
    return this.#real.library.callBriefly;
  }

  #functions(): Record<string, CFunction> {
    const real = this.#real;
    const calls: Record<string, CFunction> = {
      socket: (domain, type) => this.#socket(domain, type),
      close: (fd) => (real.close(fd), this.open.delete(fd), 0),
      bind: (fd, name, length) => {
        const address = this.#address(name, length)!;
        real.bind(fd, address, {});
        this.#of(fd).local = real.localAddress(fd);
        return 0;
      },
      connect: (fd, name, length) => this.#connect(fd, this.#address(name, length)),
      getsockname: (fd, name, length) => {
        const written = this.#codec.write(viewOf(name), 0, real.localAddress(fd));
        viewOf(length).setUint32(0, written, true);
        return 0;
      },
      setsockopt: (fd, level, name, bytes, length) => {
        assert(bytes.length === length);
        this.#options.set(this.#of(fd), level, name, bytes);
        return 0;
      },
      getsockopt: (fd, level, name, bytes, length) => {
        viewOf(length).setUint32(0, this.#options.get(this.#of(fd), level, name, bytes), true);
        return 0;
      },
      recv: (fd, buffer, length, flags) => {
        assert(Number(length) === buffer.length);
        this.#mayNotBlock(fd, flags);
        return real.receive(fd, buffer);
      },
      recvmsg: (fd, headers, flags) => {
        this.#mayNotBlock(fd, flags);
        return this.#messages.receive(this.#of(fd), headers);
      },
      sendto: (fd, data, length, flags, name, nameLength) => {
        this.#maySend(fd, flags);
        assert(Number(length) === data.length);
        const to = name === null ? null : this.#address(name, nameLength);
        return this.#messages.send(this.#of(fd), data, to, null);
      },
      sendmsg: (fd, headers, flags) => {
        this.#maySend(fd, flags);
        return this.#messages.sendMessage(this.#of(fd), headers);
      },
      getifaddrs: (out) => (viewOf(out).setBigUint64(0, this.#interfaces.list(), true), 0),
      freeifaddrs: () => 0,
      if_nametoindex: (name) => real.interfaceIndex(cString(name)),
      if_indextoname: (index, out) => {
        const name = real.interfaceName(index);
        if (name === null) return 0n;
        out.set(new TextEncoder().encode(`${name}\0`));
        return 1n;
      },
    };
    return Object.fromEntries(
      Object.keys(this.platform.libraries[0].symbols).map((name) => [name, (...args) => {
        this.calls.push(name);
        try {
          const result = calls[name](...args);
          // Linux' negative errno.
          return result < 0 ? this.#fail(real.platform.errors[-result][0]) : result;
        } catch (error) {
          if (error instanceof SocketError) return this.#fail(error.code);
          throw error;
        }
      }]),
    );
  }

  /** -1, with this system's number for an error. */
  #fail(code: string): number {
    this.#errno = this.system.errnoOf(code);
    assert(this.#errno > 0, `${this.platform.displayName} has no ${code}`);
    return -1;
  }

  #of(fd: number): Descriptor {
    const found = this.open.get(fd);
    assert(found, `descriptor ${fd} is not open`);
    return found;
  }

  #socket(domain: number, type: number): number {
    const { AF_INET, AF_INET6, SOCK_DGRAM } = this.platform.constants;
    const routes = domain === this.platform.routeSocket!.constants.AF_ROUTE;
    assert(routes || [AF_INET, AF_INET6].includes(domain), `address family ${domain}`);
    assert(routes || type === SOCK_DGRAM, `socket type ${type}`);
    const family = domain === AF_INET6 ? "IPv6" : "IPv4";
    // A socket that hears nothing stands in for the routing socket.
    const fd = this.#real.openSocket(family);
    this.open.set(fd, {
      fd,
      family,
      nonBlocking: type > 0xff,
      local: { ...emptyWords(), family },
      options: new Map(),
    });
    return fd;
  }

  /** Reads an address; `null` for AF_UNSPEC. */
  #address(name: Uint8Array, length: number): SocketWords | null {
    if (this.#codec.family(name) === 0) return null;
    const words = emptyWords();
    assert(this.#codec.read(viewOf(name), 0, length, words), `no address: ${name}`);
    assert(length === this.#codec.sizeOf(words.family) && name[0] === length, "sa_len");
    return words;
  }

  #connect(fd: number, peer: SocketWords | null): number {
    const descriptor = this.#of(fd);
    if (peer) {
      this.#real.connect(fd, peer, {});
      return 0;
    }
    this.#real.disconnect(fd, {});
    const { port } = descriptor.local;
    const now = this.#real.localAddress(fd);
    // BSD keeps the port, and says that it has not understood.
    if (now.port !== port) this.#real.bind(fd, { ...now, port }, {});
    throw refusal(this.platform.quirks.disconnectAnswers[0]);
  }

  #mayNotBlock(fd: number, flags: number): void {
    const { MSG_DONTWAIT } = this.platform.constants;
    assert(this.#of(fd).nonBlocking || (flags & MSG_DONTWAIT) !== 0, "a call that may block");
  }

  #maySend(fd: number, flags: number): void {
    this.#mayNotBlock(fd, flags);
    assert((flags & this.platform.constants.MSG_NOSIGNAL) !== 0, "a call that may end the process");
    if (!this.platform.quirks.sendFromGroupBoundSocket && isGroup(this.#of(fd).local)) {
      throw refusal("EADDRNOTAVAIL");
    }
  }
}

function cString(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes.subarray(0, bytes.indexOf(0)));
}

function isGroup({ family, w0 }: SocketWords): boolean {
  return family === "IPv4" ? w0 >>> 28 === 0xe : w0 >>> 24 === 0xff;
}
