/** Descriptors that are none of the library's business, made by C, and a check that they are as they were. */
import { assertEquals, assertThrows } from "@std/assert";
import { SocketError } from "../../ffi/errors.ts";
import type { Signature } from "../../ffi/platform/platform.ts";
import type { CFunction } from "../../ffi/runtime/runtime.ts";
import { emptyWords, type SocketWords } from "../../ffi/sockaddr.ts";
import { system } from "../../ffi/system.ts";
import { lo } from "../kernel/support.ts";

/** Somebody else's. */
export interface Stranger {
  readonly fds: readonly number[];
  /** Whether content, position, options, name and memberships are as they were. */
  check(): void;
  close(): void;
}

const SYMBOLS: Record<string, Signature> = {
  close: { parameters: ["i32"], result: "i32" },
  memfd_create: { parameters: ["buffer", "u32"], result: "i32" },
  socketpair: { parameters: ["i32", "i32", "i32", "buffer"], result: "i32" },
  pipe2: { parameters: ["buffer", "i32"], result: "i32" },
  read: { parameters: ["i32", "buffer", "usize"], result: "i32" },
  write: { parameters: ["i32", "buffer", "usize"], result: "i32" },
  pread: { parameters: ["i32", "buffer", "usize", "usize"], result: "i32" },
  lseek: { parameters: ["i32", "i32", "i32"], result: "i32" },
};

const AF_UNIX = 1;
const O_NONBLOCK = 0o4000;
const SEEK_SET = 0;
const SEEK_CUR = 1;
const SEEK_END = 2;

/** Where those that are sockets are; nothing may come from there. */
export const STRANGE_ADDRESS = "127.0.0.8";
const GROUP: SocketWords = { ...emptyWords(), w0: 0xefff_5001, family: "IPv4" };

let functions: Readonly<Record<string, CFunction>>;

/** Opens the C library once more, for what only tests need. */
export function openLibc(): void {
  const { runtime, platform } = system();
  const [own] = platform.libraries;
  // The runtime takes what it needs itself from the library that was opened last.
  const symbols = { ...own.symbols, ...SYMBOLS };
  functions ??= runtime.openLibraries([{ ...own, symbols }], platform.errno).symbols;
}

let made = 0;

/** Content that no two of them have in common. */
function content(): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`the stranger's own, no. ${made++}`);
}

function checked(result: number): number {
  if (result < 0) throw new Error(`errno ${system().library.errno()}`);
  return result;
}

function assertHolds(fd: number, bytes: Uint8Array): void {
  const buffer = new Uint8Array(100);
  assertEquals(functions.read(fd, buffer, buffer.length), bytes.length, `of descriptor ${fd}`);
  assertEquals(buffer.subarray(0, bytes.length), bytes);
}

/** A UDP socket with options, a group, and two datagrams that wait to be read. */
function socket(): Stranger {
  const real = system();
  const fd = real.openSocket("IPv4");
  const options = { hops: 77, multicastHops: 33, trafficClass: 8, multicastLoopback: 0 } as const;
  const names = Object.keys(options) as (keyof typeof options)[];
  for (const name of names) real.setOption(fd, "IPv4", name, options[name]);
  real.bind(fd, { ...emptyWords(), family: "IPv4", w0: 0x7f00_0008 }, {});
  const target = { group: GROUP, source: null, interfaceIndex: lo.index, interfaceAddress: 0 };
  const join = () => real.membership(fd, "IPv4", "join", target, {});
  join();
  const local = real.localAddress(fd);
  const name = new Uint8Array(real.sockaddr.size);
  const length = real.sockaddr.write(new DataView(name.buffer), 0, local);
  const datagrams = [content(), content()];
  for (const datagram of datagrams) checked(real.send(fd, datagram, name, length));
  return {
    fds: [fd],
    check() {
      assertEquals(real.localAddress(fd), local);
      for (const name of names) assertEquals(real.getOption(fd, "IPv4", name), options[name], name);
      assertEquals(real.getOption(fd, "IPv4", "packetInfo"), 0);
      for (const datagram of datagrams) assertHolds(fd, datagram);
      assertEquals(real.receive(fd, new Uint8Array(1)), real.wouldBlock);
      // Still a member.
      assertEquals(assertThrows(join, SocketError).code, "EADDRINUSE");
    },
    close: () => void checked(functions.close(fd)),
  };
}

/** A file with a position in it. */
function file(): Stranger {
  const bytes = content();
  const fd = checked(functions.memfd_create(new TextEncoder().encode("stranger\0"), 0));
  checked(functions.write(fd, bytes, bytes.length));
  checked(functions.lseek(fd, 5, SEEK_SET));
  return {
    fds: [fd],
    check() {
      assertEquals(functions.lseek(fd, 0, SEEK_CUR), 5, `position of descriptor ${fd}`);
      assertEquals(functions.lseek(fd, 0, SEEK_END), bytes.length);
      const buffer = new Uint8Array(bytes.length);
      assertEquals(functions.pread(fd, buffer, buffer.length, 0), bytes.length);
      assertEquals(buffer, bytes);
    },
    close: () => void checked(functions.close(fd)),
  };
}

/** Two ends, with something to read at one or both. */
function pair(make: (fds: Uint8Array<ArrayBuffer>) => number, bothWays: boolean): Stranger {
  const out = new Uint8Array(8);
  checked(make(out));
  const [one, two] = new Int32Array(out.buffer);
  const ways = bothWays ? [[one, two], [two, one]] : [[two, one]];
  const written = ways.map(([from, to]) => {
    const bytes = content();
    checked(functions.write(from, bytes, bytes.length));
    return { to, bytes };
  });
  return {
    fds: [one, two],
    check() {
      for (const { to, bytes } of written) assertHolds(to, bytes);
    },
    close: () => [one, two].forEach((fd) => checked(functions.close(fd))),
  };
}

/** One of each kind. */
export function strangers(): Stranger[] {
  const { SOCK_DGRAM } = system().platform.constants;
  return [
    socket(),
    file(),
    pair((fds) => functions.socketpair(AF_UNIX, SOCK_DGRAM, 0, fds), true),
    pair((fds) => functions.pipe2(fds, O_NONBLOCK), false),
  ];
}
