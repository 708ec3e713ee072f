/**
 * A kernel of our own, for the poller: descriptors, epoll woken by an eventfd, poll woken by a socket.
 *
 * Nothing happens by itself. A pending wait *completes* (its result is written
 * to memory, one-shot interests are spent) and is *delivered* (its promise is
 * resolved) in two steps that the test chooses, because between them everything
 * else can happen in a real process.
 */
import { assert } from "@std/assert";
import { linux } from "../../ffi/platform/linux.ts";
import type { EpollTables, Platform } from "../../ffi/platform/platform.ts";
import type {
  DescriptorWatch,
  Library,
  NativeMemory,
  Ready,
  Runtime,
} from "../../ffi/runtime/runtime.ts";
import { System } from "../../ffi/syscalls.ts";

const POLLHUP = 0x10;
const POLLNVAL = 0x20;
const EBADF = 9;
const EAGAIN = 11;
const EEXIST = 17;
const ENOENT = 2;

/** What epoll knows of a descriptor. */
interface Interest {
  events: number;
  token: number;
  oneShot: boolean;
  spent: boolean;
}

/** How the poller waits. */
export type Kind = "epoll" | "poll" | "watch";

/** A call that blocks on another thread; or a descriptor that the runtime's own event loop looks at. */
export interface PendingWait {
  readonly call: string;
  readonly hold: boolean;
  /** What poll was asked: descriptor and events. */
  readonly asked: readonly (readonly [fd: number, events: number])[];
  /** What it will return, once it has completed. */
  result: number | null;
  readonly epoll: number;
  readonly memory: Uint8Array;
  readonly max: number;
  readonly deliver: (result: number) => void;
}

/** The simulated kernel, with a `System` on top of it. */
export class Kernel {
  readonly platform: Platform;
  readonly system: System;
  /** Open descriptors: what they are ready for now. */
  readonly files = new Map<number, number>();
  readonly #events = new Map<number, number>();
  readonly #epolls = new Map<number, Map<number, Interest>>();
  /** What was taken from C's heap. */
  readonly #memory = new Map<bigint, Uint8Array<ArrayBuffer>>();
  readonly waits: PendingWait[] = [];
  /** What keeps the process alive, among what the event loop looks at. */
  readonly #holding = new Set<PendingWait>();
  /** Calls that are to fail, with their errno. */
  readonly failing = new Map<string, number>();
  /** What is to be called later, and not yet. */
  readonly timers = new Set<() => void>();
  /** The runtime, not the kernel, has no way to wait (no thread is left, say). */
  refusal: "throws" | "rejects" | null = null;
  /** How many waits were started, ever. */
  started = 0;
  /** How often the wait was woken by hand, ever. */
  signals = 0;
  readonly #epollTables: EpollTables;
  #errno = 0;
  #nextAddress = 0x10000n;

  constructor(readonly kind: Kind, readonly next: () => number = () => 0) {
    const tables = linux("x86_64");
    this.#epollTables = tables.epoll!;
    // Without epoll, as on systems that have neither it nor eventfd.
    this.platform = kind === "poll" ? { ...tables, epoll: null, wake: "socket" } : tables;
    const symbols = Object.fromEntries(
      tables.libraries.flatMap((library) => Object.keys(library.symbols)).map((
        name,
      ) => [name, () => {
        throw new Error(`${name} is not for pollers`);
      }]),
    );
    const ofSocket = {
      socket: () => this.#open(this.#events, 0),
      bind: () => 0,
      connect: () => 0,
      getsockname: () => 0,
      sendto: (fd: number, bytes: Uint8Array) => this.#write(fd, bytes, bytes.length),
      recv: (fd: number, bytes: Uint8Array) => this.#read(fd, bytes.length),
    };
    const ofEventfd = {
      eventfd: () => this.#open(this.#events, 0),
      epoll_create1: () => this.#open(this.#epolls, new Map<number, Interest>()),
      epoll_ctl: (epoll: number, operation: number, fd: number, event: Uint8Array) =>
        this.#control(epoll, operation, fd, event),
      write: (fd: number, bytes: Uint8Array, length: number) => this.#write(fd, bytes, length),
      read: (fd: number, _bytes: Uint8Array, length: number) => this.#read(fd, length),
    };
    const calls = {
      ...(kind === "poll" ? ofSocket : ofEventfd),
      close: (fd: number) => this.close(fd),
    };
    const library: Library = {
      symbols: {
        ...symbols,
        ...Object.fromEntries(
          Object.entries(calls).map(([name, call]) => [name, (...args: never[]) => {
            const errno = this.failing.get(name);
            return errno === undefined
              ? (call as (...args: never[]) => number)(...args)
              : this.#fail(errno);
          }]),
        ),
      },
      errno: () => this.#errno,
      callBlocking: (name, args, hold) => this.#wait(name, args.map(Number), hold),
      callBriefly: () => Promise.reject(new Error("nobody rests here")),
    };
    const runtime: Runtime = {
      os: "linux",
      arch: "x86_64",
      openLibraries: () => library,
      functionAt: () => {
        throw new Error("no function has an address here");
      },
      callback: () => {
        throw new Error("nothing calls back here");
      },
      addressOf: () => {
        throw new Error("another thread must not be given memory of JavaScript's");
      },
      allocate: (size) => this.#allocate(size),
      readMemory: () => new Uint8Array(),
      readCString: () => "",
      yieldToEventLoop: () => Promise.resolve(),
      later: (_, callback) => {
        this.timers.add(callback);
        return () => void this.timers.delete(callback);
      },
      permits: () => false,
      colours: false,
      environment: () => null,
      watch: kind === "watch" ? (fd, onReady) => this.#watch(fd, onReady) : null,
    };
    this.system = new System(this.platform, runtime, library);
  }

  /** No wait may still be using what is given back. */
  #allocate(size: number): NativeMemory {
    const memory = new Uint8Array(size);
    const address = this.#nextAddress;
    this.#nextAddress += 0x10000n;
    this.#memory.set(address, memory);
    const own = () => {
      assert(this.#memory.get(address) === memory, "memory is used that was given back");
      return memory;
    };
    return {
      address,
      read: (into, length) => into.set(own().subarray(0, length)),
      write: (bytes) => own().set(bytes),
      free: () => {
        own();
        const inUse = this.waits.some((wait) => wait.memory === memory && wait.result === null);
        assert(!inUse, "memory is given back that a wait writes to");
        this.#memory.delete(address);
      },
    };
  }

  /** How much of C's memory was not given back. */
  get allocated(): number {
    return this.#memory.size;
  }

  #fail(errno: number): number {
    this.#errno = errno;
    return -1;
  }

  /** The lowest free number, as POSIX has it: numbers are reused at once. */
  #open<T>(table: Map<number, T>, value: T): number {
    let fd = 3;
    while (this.files.has(fd)) fd++;
    this.files.set(fd, 0);
    table.set(fd, value);
    return fd;
  }

  /** Opens a socket. */
  socket(): number {
    return this.#open(new Map(), 0);
  }

  /** Closes any descriptor. No wait by poll may look at it any more. */
  close(fd: number): number {
    assert(this.files.delete(fd), `close(${fd}) of what is not open`);
    for (const wait of this.waits) {
      if (wait.result !== null) continue;
      assert(!wait.asked.some(([asked]) => asked === fd), `close(${fd}) while poll looks at it`);
      assert(wait.epoll !== fd, `close(${fd}) while epoll_wait waits on it`);
    }
    this.#events.delete(fd);
    this.#epolls.delete(fd);
    for (const interests of this.#epolls.values()) interests.delete(fd);
    return 0;
  }

  /** Whether epoll looks at a descriptor. */
  looksAt(fd: number): boolean {
    return [...this.#epolls.values()].some((interests) => interests.has(fd));
  }

  #control(epoll: number, operation: number, fd: number, event: Uint8Array): number {
    const { EPOLL_CTL_ADD, EPOLL_CTL_DEL, EPOLLONESHOT } = this.#epollTables.constants;
    const interests = this.#epolls.get(epoll);
    if (!interests || !this.files.has(fd)) return this.#fail(EBADF);
    const known = interests.has(fd);
    if (operation === EPOLL_CTL_ADD ? known : !known) return this.#fail(known ? EEXIST : ENOENT);
    if (operation === EPOLL_CTL_DEL) {
      interests.delete(fd);
      return 0;
    }
    const { at } = this.#epollTables.layouts.epoll_event;
    const view = new DataView(event.buffer, event.byteOffset, event.byteLength);
    const events = view.getUint32(at.events, true);
    interests.set(fd, {
      events: events & ~EPOLLONESHOT,
      token: Number(view.getBigUint64(at.data, true)),
      oneShot: (events & EPOLLONESHOT) !== 0,
      spent: false,
    });
    return 0;
  }

  #write(fd: number, bytes: Uint8Array, length: number): number {
    assert(this.#events.has(fd), `write(${fd}) to what wakes nobody`);
    assert(length === bytes.length && length === this.#signalSize);
    this.signals++;
    this.#events.set(fd, this.#events.get(fd)! + (length === 1 ? 1 : bytes[0]));
    this.files.set(fd, this.platform.constants.POLLIN);
    return length;
  }

  /** An eventfd's number, or a datagram that says nothing. */
  get #signalSize(): number {
    return this.platform.wake === "socket" ? 1 : 8;
  }

  #read(fd: number, length: number): number {
    assert(this.#events.has(fd) && length === this.#signalSize);
    const count = this.#events.get(fd)!;
    if (count === 0) return this.#fail(EAGAIN);
    // An eventfd gives its number back whole, a socket one datagram after the other.
    const left = this.platform.wake === "socket" ? count - 1 : 0;
    this.#events.set(fd, left);
    if (left === 0) this.files.set(fd, 0);
    return length;
  }

  #wait(call: string, args: readonly number[], hold: boolean): Promise<number> {
    this.started++;
    if (this.refusal === "throws") throw new Error(`${call} cannot be started`);
    if (this.refusal === "rejects") return Promise.reject(new Error(`${call} cannot be started`));
    const address = BigInt(call === "poll" ? args[0] : args[1]);
    const memory = this.#memory.get(address);
    assert(memory, `${call} with an address that nobody gave`);
    const asked: [number, number][] = [];
    if (call === "poll") {
      const { size, at } = this.platform.layouts.pollfd;
      const view = new DataView(memory.buffer);
      for (let i = 0; i < args[1]; i++) {
        asked.push([
          view.getInt32(i * size + at.fd, true),
          view.getInt16(i * size + at.events, true),
        ]);
      }
    }
    return new Promise((resolve) => {
      this.waits.push({
        call,
        hold,
        asked,
        result: null,
        epoll: call === "poll" ? -1 : args[0],
        memory,
        max: args[2],
        deliver: resolve,
      });
    });
  }

  /** The event loop tells again and again, for as long as it looks. */
  #watch(fd: number, onReady: Ready): DescriptorWatch {
    const { POLLIN, POLLOUT } = this.platform.constants;
    let look: PendingWait | null = null;
    let held = false;
    let closed = false;
    const forget = () => {
      if (!look) return;
      // What has completed is told all the same.
      if (look.result === null) this.waits.splice(this.waits.indexOf(look), 1);
      this.#holding.delete(look);
      look = null;
    };
    const wait = (readable: boolean, writable: boolean) => {
      assert(!closed && this.files.has(fd), `look at ${fd}, which is not open`);
      forget();
      if (!readable && !writable) return;
      const deliver = (events: number) => {
        this.started++;
        const failed = (events & ~(POLLIN | POLLOUT)) !== 0;
        if (look === mine) this.waits.push(Object.assign(mine, { result: null }));
        if (closed) return;
        onReady(failed || (events & POLLIN) !== 0, failed || (events & POLLOUT) !== 0);
      };
      const events = (readable ? POLLIN : 0) | (writable ? POLLOUT : 0);
      const mine: PendingWait = {
        call: "watch",
        hold: held,
        asked: [[fd, events]],
        result: null,
        epoll: -1,
        memory: new Uint8Array(),
        max: 1,
        deliver,
      };
      look = mine;
      if (held) this.#holding.add(look);
      this.waits.push(look);
    };
    return {
      wait,
      hold: (hold) => {
        held = hold;
        if (!look) return;
        if (hold) this.#holding.add(look);
        else this.#holding.delete(look);
      },
      close: () => {
        assert(!closed, "closed twice");
        closed = true;
        forget();
      },
    };
  }

  /** Lets a wait come to its end, if there is anything to tell. */
  complete(wait: PendingWait): boolean {
    if (wait.result !== null) return false;
    if (wait.call === "watch") {
      wait.result = this.#ready(...wait.asked[0]) || null;
      return wait.result !== null;
    }
    if (this.failing.has(wait.call)) wait.result = -1;
    else wait.result = (wait.call === "poll" ? this.#poll(wait) : this.#epollWait(wait)) || null;
    return wait.result !== null;
  }

  #ready(fd: number, events: number): number {
    return (this.files.get(fd) ?? POLLNVAL) &
      (events | this.platform.constants.POLLERR | POLLHUP | POLLNVAL);
  }

  #poll({ memory, asked }: PendingWait): number {
    const { size, at } = this.platform.layouts.pollfd;
    const view = new DataView(memory.buffer);
    let count = 0;
    asked.forEach(([fd, events], i) => {
      const ready = this.#ready(fd, events);
      view.setInt16(i * size + at.revents, ready, true);
      if (ready !== 0) count++;
    });
    return count;
  }

  #epollWait({ memory, epoll, max }: PendingWait): number {
    const { size, at } = this.#epollTables.layouts.epoll_event;
    const interests = this.#epolls.get(epoll);
    assert(interests, "epoll_wait on what is not open");
    const ready = [...interests].filter(([fd, { events, spent }]) =>
      !spent && this.#ready(fd, events) !== 0
    );
    // The kernel's list has an order of its own.
    for (let i = ready.length - 1; i > 0; i--) {
      const j = this.next() % (i + 1);
      [ready[i], ready[j]] = [ready[j], ready[i]];
    }
    const view = new DataView(memory.buffer);
    ready.slice(0, max).forEach(([fd, interest], i) => {
      view.setUint32(i * size + at.events, this.#ready(fd, interest.events), true);
      view.setBigUint64(i * size + at.data, BigInt(interest.token), true);
      interest.spent = interest.oneShot;
    });
    return Math.min(ready.length, max);
  }

  /** Gives a completed wait's result to whoever awaits it. */
  deliver(wait: PendingWait): void {
    assert(wait.result !== null);
    this.waits.splice(this.waits.indexOf(wait), 1);
    wait.deliver(wait.result);
  }

  /** Completes and delivers until nothing happens any more; more than `limit` rounds are a busy loop. */
  async settle(limit = 100): Promise<void> {
    for (let round = 0;; round++) {
      await turn();
      const done = this.waits.filter((wait) => this.complete(wait) || wait.result !== null);
      if (done.length === 0) return;
      assert(round < limit, "the poller does not come to rest");
      for (const wait of done) {
        this.deliver(wait);
        await turn();
      }
    }
  }

  /** Pending waits that hold the process, and those that do not. */
  get pending(): { held: number; free: number } {
    // Whether somebody waits for what is looked at is nothing that the event loop knows.
    if (this.kind === "watch") return { held: Math.min(this.#holding.size, 1), free: 0 };
    const held = this.waits.filter(({ hold }) => hold).length;
    return { held, free: this.waits.length - held };
  }
}

/** Lets everything that was promised happen. */
export async function turn(): Promise<void> {
  for (let i = 0; i < 12; i++) await null;
}
