/**
 * Something that can be waited for and made ready by hand: what ends a pending wait.
 *
 * @module
 */

import { SocketError } from "./errors.ts";
import type { SocketWords } from "./sockaddr.ts";
import type { System } from "./syscalls.ts";

/** An event. */
export interface Wake {
  /** Readable while it is set. */
  readonly fd: number;
  set(): void;
  /** Returns whether it was set. */
  clear(): boolean;
  close(): void;
}

/**
 * Makes an event that is not set.
 *
 * @throws {SocketError} If the OS refuses.
 */
export function openWake(system: System): Wake {
  const { wake } = system.platform;
  return wake === "socket" ? new SocketWake(system) : new EventWake(system, wake.EFD_FLAGS);
}

/** How often it is tried to set or clear one: a wait that is not ended would hold up whoever closes. */
const ATTEMPTS = 4;

/** eventfd(2). */
class EventWake implements Wake {
  readonly fd: number;
  readonly #value = new Uint8Array([1, 0, 0, 0, 0, 0, 0, 0]);

  constructor(readonly system: System, flags: number) {
    this.fd = system.call("eventfd", 0, flags);
  }

  /** It counts: once more does no harm. */
  set(): void {
    this.#value.set([1, 0, 0, 0, 0, 0, 0, 0]);
    this.#use("write");
  }

  clear(): boolean {
    return this.#use("read") > 0;
  }

  #use(call: "read" | "write"): number {
    let result = -1;
    for (let attempt = 1; attempt <= ATTEMPTS && result < 0; attempt++) {
      result = this.system.library.symbols[call](this.fd, this.#value, this.#value.length);
    }
    return result;
  }

  close(): void {
    this.system.close(this.fd);
  }
}

const LOOPBACKS: readonly SocketWords[] = [
  { family: "IPv4", w0: 0x7f00_0001, w1: 0, w2: 0, w3: 0, port: 0, scopeId: 0 },
  { family: "IPv6", w0: 0, w1: 0, w2: 0, w3: 1, port: 0, scopeId: 0 },
];

/** A datagram socket whose peer is itself: nobody else can send to it. Every system can wait for that. */
class SocketWake implements Wake {
  readonly fd: number;
  readonly #byte = new Uint8Array(1);
  #set = false;

  constructor(readonly system: System) {
    this.fd = openToItself(system);
  }

  set(): void {
    for (let attempt = 1; attempt <= ATTEMPTS && !this.#set; attempt++) {
      this.#set = this.system.send(this.fd, this.#byte, null, 0) >= 0;
    }
  }

  clear(): boolean {
    const was = this.system.receive(this.fd, this.#byte) >= 0;
    if (was) this.#set = false;
    return was;
  }

  close(): void {
    this.system.close(this.fd);
  }
}

function openToItself(system: System): number {
  let failure: unknown;
  for (const address of LOOPBACKS) {
    let fd = -1;
    try {
      fd = system.openSocket(address.family);
      system.bind(fd, address, {});
      system.connect(fd, system.localAddress(fd), {});
      return fd;
    } catch (error) {
      if (fd >= 0) system.close(fd);
      if (!(error instanceof SocketError)) throw error;
      failure ??= error;
    }
  }
  throw failure;
}
