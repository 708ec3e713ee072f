// System on a C library that is not there: what happens when errno is wrong, or a call is interrupted.
import { assert, assertEquals, assertThrows } from "@std/assert";
import type { Family } from "../../address/ip.ts";
import { SocketError, UnsupportedError } from "../../ffi/errors.ts";
import type { ReceiveBatch, SendBatch } from "../../ffi/message.ts";
import type { OptionName, Platform } from "../../ffi/platform/platform.ts";
import type { CFunction, Library, Runtime } from "../../ffi/runtime/runtime.ts";
import { emptyWords } from "../../ffi/sockaddr.ts";
import { System } from "../../ffi/syscalls.ts";
import { test } from "../harness.ts";
import { LINUX, PLATFORMS, tablesOf } from "./tables.ts";

const EINTR = 4;
const EAGAIN = 11;
const ENOPROTOOPT = 92;
const EADDRINUSE = 98;

type Answer = number | { errno: number };

/** A system whose calls give the answers in turn, and -1 with the last errno when there are no more. */
function systemWith(
  answers: Answer[],
  platform: Platform = LINUX,
  own: Record<string, CFunction> = {},
) {
  const calls: [name: string, args: unknown[]][] = [];
  let errno = 0;
  const symbols: Record<string, CFunction> = {};
  for (const name of platform.libraries.flatMap(({ symbols }) => Object.keys(symbols))) {
    symbols[name] = (...args) => {
      calls.push([name, args]);
      const answer = answers.shift() ?? { errno };
      if (typeof answer === "number") return answer;
      errno = answer.errno;
      return -1;
    };
  }
  Object.assign(symbols, own);
  const library: Library = {
    symbols,
    errno: () => errno,
    callBlocking: () => Promise.reject(new Error("not here")),
    callBriefly: () => Promise.reject(new Error("not here")),
  };
  const runtime = { os: "linux", arch: "x86_64" } as Runtime;
  return { system: new System(platform, runtime, library), calls };
}

const batch = { headers: new Uint8Array(64) } as unknown as ReceiveBatch & SendBatch;

/** The calls of the hot path. */
const HOT: [name: string, (system: System) => number][] = [
  ["receiveMany", (system) => system.receiveMany(3, batch, 1)],
  ["receiveOne", (system) => system.receiveOne(3, batch)],
  ["receiveQueuedError", (system) => system.receiveQueuedError(3, batch)],
  ["receive", (system) => system.receive(3, new Uint8Array(1))],
  ["send", (system) => system.send(3, new Uint8Array(1), null, 0)],
  ["sendOne", (system) => system.sendOne(3, batch)],
  ["sendMany", (system) => system.sendMany(3, batch, 1)],
];

for (const [name, call] of HOT) {
  test(`${name}: a count, or the negative errno; an interruption is nobody's business`, () => {
    assertEquals(call(systemWith([7]).system), 7);
    assertEquals(call(systemWith([0]).system), 0);
    const { system } = systemWith([{ errno: EAGAIN }]);
    assertEquals(call(system), system.wouldBlock);
    const interrupted = systemWith([{ errno: EINTR }, { errno: EINTR }, 5]);
    assertEquals(call(interrupted.system), 5);
    assertEquals(interrupted.calls.length, 3);
  });

  test(`${name}: a failure whose errno reads as 0 is no success`, () => {
    // errno is read through FFI, and the runtime may have cleared it in between.
    const result = call(systemWith([{ errno: 0 }]).system);
    assert(result < 0, `${Object.is(result, -0) ? "-0" : result}`);
  });
}

test("a set-up call is tried again where errno says what it cannot mean, and not for ever", () => {
  const { system, calls } = systemWith([{ errno: EINTR }, { errno: EAGAIN }, { errno: 0 }, 5]);
  assertEquals(system.openSocket("IPv4"), 5);
  assertEquals(calls.length, 4);
  const never = systemWith([{ errno: EINTR }]);
  const error = assertThrows(() => never.system.openSocket("IPv4"), SocketError);
  assertEquals([error.code, error.errno, error.syscall], ["EINTR", EINTR, "socket"]);
  assert(never.calls.length < 10);
  const once = systemWith([{ errno: EADDRINUSE }, 0]);
  const words = { ...emptyWords(), port: 53 };
  const refused = assertThrows(() => once.system.bind(3, words, { port: 53 }), SocketError);
  assertEquals([refused.code, refused.port], ["EADDRINUSE", 53]);
  assert(refused.hint !== null && refused.message.endsWith(refused.hint));
  assertEquals(once.calls.length, 1);
});

test("an errno that has no name is still told", () => {
  const error = systemWith([]).system.error(4095, "bind");
  assertEquals([error.code, error.errno, error.message], [
    "E4095",
    4095,
    "bind: E4095 (unknown error)",
  ]);
});

test("errors have numbers by name", () => {
  const { system } = systemWith([]);
  assertEquals([system.errnoOf("EAGAIN"), system.errnoOf("EWHATEVER")], [11, -1]);
  assertEquals([system.wouldBlock, system.noBuffers], [-11, -105]);
});

test("an option that the OS lacks is unsupported, unless one only tries", () => {
  const { packetInfo: _, ...options } = LINUX.options.IPv4;
  const { system, calls } = systemWith([], {
    ...LINUX,
    options: { ...LINUX.options, IPv4: options },
  });
  const error = assertThrows(() => system.setOption(3, "IPv4", "packetInfo", 1), UnsupportedError);
  assertEquals([error.feature, error.os], ["packetInfo for IPv4", "Linux"]);
  assertEquals(system.trySetOption(3, "IPv4", "packetInfo", 1), false);
  assertEquals(system.getOption(3, "IPv4", "packetInfo"), null);
  assertEquals(system.hasOption("IPv6", "packetInfo"), true);
  assertEquals(calls.length, 0);
});

test("option values have the size that their kind says", () => {
  const { system, calls } = systemWith([0, 0, 0, 0]);
  system.setOption(3, "IPv4", "hops", 64);
  system.setOption(3, "IPv4", "bindToInterface", "eth0");
  system.setOption(3, "IPv4", "bindToInterface", "");
  system.setOption(3, "IPv4", "multicastInterface", 0x0102);
  assertEquals(
    calls.map(([, args]) => args.slice(1).map((arg) => arg instanceof Uint8Array ? [...arg] : arg)),
    [
      [0, 2, [64, 0, 0, 0], 4],
      [1, 25, [...new TextEncoder().encode("eth0\0")], 5],
      [1, 25, [0], 1],
      // Four bytes behind the ip_mreqn, for qemu's user mode.
      [0, 32, [0, 0, 0, 0, 0, 0, 0, 0, 2, 1, 0, 0, 0, 0, 0, 0], 16],
    ],
  );
});

/** What was set, as level, option and bytes. */
function settings(calls: [name: string, args: unknown[]][]) {
  return calls.filter(([name]) => name === "setsockopt")
    .map(([, [, level, option, bytes]]) => [level, option, ...(bytes as Uint8Array)]);
}

test("option values on other systems: one byte, an index in either order, a struct without padding", () => {
  const set = (os: string, ...options: [Family, OptionName, number][]) => {
    const { system, calls } = systemWith(new Array(9).fill(0), tablesOf(os));
    for (const [family, option, value] of options) system.setOption(3, family, option, value);
    return settings(calls);
  };
  assertEquals(
    set(
      "darwin",
      ["IPv4", "multicastHops", 7],
      ["IPv4", "multicastInterface", 0x0102],
      ["IPv4", "bindToInterface", 4],
      ["IPv6", "bindToInterface", 4],
      ["IPv6", "multicastHops", 7],
      ["IPv6", "useMinimumMtu", 0],
    ),
    [
      [0, 10, 7],
      [0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 2, 1, 0, 0],
      [0, 25, 4, 0, 0, 0],
      [41, 125, 4, 0, 0, 0],
      [41, 10, 7, 0, 0, 0],
      [41, 42, 0, 0, 0, 0],
    ],
  );
  // 0.0.1.2 is the interface of index 258.
  assertEquals(
    set("windows", ["IPv4", "multicastInterface", 0x0102], ["IPv4", "unicastInterface", 0x0102]),
    [[0, 9, 0, 0, 1, 2], [0, 31, 0, 0, 1, 2]],
  );
  assertEquals(
    set("windows", ["IPv6", "multicastInterface", 0x0102], ["IPv4", "exclusive", 1]),
    [[41, 9, 2, 1, 0, 0], [0xffff, -5, 1, 0, 0, 0]],
  );
  assertEquals(set("netbsd", ["IPv4", "multicastInterface", 0x0102]), [[0, 9, 0, 0, 1, 2]]);
});

test("an option that is kept in one byte is read as one", () => {
  for (const [length, value] of [[1, 7], [4, 0x0201_0007]]) {
    const { system } = systemWith([], tablesOf("freebsd"), {
      getsockopt: (_fd, _level, _name, bytes: Uint8Array, size: Uint8Array) => {
        bytes.set([7, 0, 1, 2]);
        size[0] = length;
        return 0;
      },
    });
    assertEquals(system.getOption(3, "IPv4", "multicastHops"), value);
  }
});

test("the interface of multicasts is chosen by an address where an index is not understood", () => {
  const EINVAL = 10022;
  const choose = (index: number, own: number, ...answers: Answer[]) => {
    // The first call is WSAStartup.
    const { system, calls } = systemWith([0, ...answers], tablesOf("windows"));
    const addressOf = (asked: number) => asked === index ? own : 0x0a0a0a0a;
    let code: string | null = null;
    try {
      system.setMulticastInterface(3, "IPv4", index, addressOf);
    } catch (error) {
      code = (error as SocketError).code;
    }
    return { set: settings(calls).map((bytes) => bytes.slice(2)), code };
  };
  const index = [0, 0, 0, 9];
  assertEquals(choose(9, 0x7f000001, 0), { set: [index], code: null });
  assertEquals(choose(9, 0x7f000001, { errno: EINVAL }, 0), {
    set: [index, [127, 0, 0, 1]],
    code: null,
  });
  assertEquals(choose(9, 0, { errno: EINVAL }), { set: [index], code: "EINVAL" });
  assertEquals(choose(9, 0x7f000001, { errno: 10038 }), {
    set: [index],
    code: "ENOTSOCK",
  });
  assertEquals(choose(0, 0x7f000001, { errno: EINVAL }).code, "EINVAL", "as routed has no address");
  // An ip_mreqn is understood everywhere.
  const linux = systemWith([{ errno: 22 }]);
  assertThrows(() => linux.system.setMulticastInterface(3, "IPv4", 9, () => 1), SocketError);
  assertEquals(settings(linux.calls).length, 1);
});

test("what a system answers to the end of a connection although it did it is no failure", () => {
  for (const [os, harmless] of [["freebsd", 47], ["darwin", 49], ["openbsd", 22]] as const) {
    const { system, calls } = systemWith([{ errno: harmless }], tablesOf(os));
    system.disconnect(3, {});
    // AF_UNSPEC, which is 0 everywhere; so is the rest.
    const [[name, [, bytes]]] = calls;
    assertEquals([name, new Set(bytes as Uint8Array)], ["connect", new Set([0])]);
    const refused = systemWith([{ errno: 9 }], tablesOf(os));
    assertThrows(() => refused.system.disconnect(3, {}), SocketError, "EBADF");
  }
  assertThrows(() => systemWith([{ errno: 97 }]).system.disconnect(3, {}), SocketError);
});

test("every system has numbers for the errors that decide what happens next", () => {
  for (const [name, platform] of PLATFORMS) {
    const { system } = systemWith([0], platform);
    for (const code of ["EAGAIN", "ENOBUFS", "EINTR", "EIO", "EMSGSIZE", "ENODEV", "EINVAL"]) {
      assert(system.errnoOf(code) > 0, `${name}: ${code}`);
    }
    assert(system.wouldBlock < 0 && system.noBuffers < 0, name);
    // A number of Winsock's goes before one of Win32's that means the same.
    if (platform.api === "winsock") assertEquals(system.errnoOf("EINVAL"), 10022);
  }
});

test("a membership is tried in each form until one is known", () => {
  const target = {
    group: { ...emptyWords(), w0: 0xe00000fb },
    interfaceIndex: 2,
    source: null,
    interfaceAddress: 0,
  };
  const second = systemWith([{ errno: ENOPROTOOPT }, 0]);
  second.system.membership(3, "IPv4", "join", target, {});
  assertEquals(second.calls.map(([, args]) => args[2]), [42, 35]);
  const neither = systemWith([{ errno: ENOPROTOOPT }]);
  const error = assertThrows(
    () => neither.system.membership(3, "IPv4", "join", target, {}),
    SocketError,
  );
  assertEquals([error.code, error.syscall], ["ENOPROTOOPT", "setsockopt(MCAST_JOIN_GROUP)"]);
  const refused = systemWith([{ errno: EADDRINUSE }]);
  assertThrows(() => refused.system.membership(3, "IPv4", "join", target, {}), SocketError);
  assertEquals(refused.calls.length, 1);
});

test("the list of interfaces is given back, whatever the visitor does", () => {
  const { system, calls } = systemWith([]);
  const failing = (visit: () => void) => {
    calls.length = 0;
    assertThrows(() => system.withInterfaceAddresses(visit));
  };
  failing(() => {});
  assertEquals(calls.some(([name]) => name === "freeifaddrs"), false);
  const made = systemWith([0, 0]);
  made.system.withInterfaceAddresses((first) => assertEquals(first, 0n));
  assertEquals(made.calls.map(([name]) => name), ["getifaddrs"], "an empty list is none to free");
});
