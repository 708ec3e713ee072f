// What must hold in the tables of every system, whichever numbers are in them.
import { assert, assertEquals, assertThrows } from "@std/assert";
import type { Family } from "../../address/ip.ts";
import { UnsupportedError } from "../../ffi/errors.ts";
import type { Struct } from "../../ffi/layout.ts";
import { findPlatform, platformOf } from "../../ffi/platform/detect.ts";
import type { OptionName, Platform } from "../../ffi/platform/platform.ts";
import { test } from "../harness.ts";
import { tablesOf } from "./tables.ts";

const SYSTEMS = ["linux", "android", "darwin", "freebsd", "openbsd", "netbsd", "windows"];
const FAMILIES = ["IPv4", "IPv6"] as const;

/** The error names that the library knows one by one, to act on them. */
const NEEDED_ERRORS = [
  ..."EINTR EAGAIN ENOBUFS ENOMEM ENODEV EIO ETIMEDOUT EBADF EFAULT EINVAL EACCES EMFILE".split(
    " ",
  ),
  ..."ENOTSOCK EMSGSIZE EADDRINUSE EADDRNOTAVAIL EAFNOSUPPORT EPROTONOSUPPORT ECANCELED".split(" "),
  ..."ENOPROTOOPT ENETUNREACH EHOSTUNREACH ECONNREFUSED".split(" "),
];

const NEEDED_FUNCTIONS = {
  posix: [
    ..."socket bind connect close getsockname setsockopt getsockopt recv recvmsg sendto".split(" "),
    ..."sendmsg getifaddrs freeifaddrs if_nametoindex if_indextoname poll".split(" "),
  ],
  winsock: [
    ..."WSAStartup WSASocketW WSAIoctl bind connect closesocket getsockname setsockopt".split(" "),
    ..."getsockopt recv sendto poll GetAdaptersAddresses".split(" "),
  ],
};

function functionsOf(platform: Platform): Set<string> {
  return new Set(platform.libraries.flatMap(({ symbols }) => Object.keys(symbols)));
}

/** The option that makes the kernel tell a thing, and whether the tables say how it is told. */
function told(platform: Platform, family: Family): [OptionName, boolean][] {
  const { packetInfo, destination, receivedInterface, hops, trafficClass, error } =
    platform.control[family];
  return [
    ["packetInfo", packetInfo !== null || destination !== null],
    ["receiveInterface", receivedInterface !== null],
    ["receiveHops", hops.length > 0],
    ["receiveTrafficClass", trafficClass.length > 0],
    ["receiveErrors", error !== null],
    ["timestamps", platform.control.timestamp !== null],
    ["dropCounter", platform.control.dropCounter !== null],
    ["segmentation", platform.segmentation !== null],
  ];
}

for (const os of SYSTEMS) {
  const platform = tablesOf(os);
  const { displayName, options, layouts, constants } = platform;

  test(`${displayName}: the structs are what arrays are made of`, () => {
    for (const [name, layout] of Object.entries<Struct>({ ...layouts })) {
      if (os !== "windows") assertEquals(layout.name, name);
      for (const [field, [offset]] of Object.entries(layout.fields)) {
        assertEquals(layout.at[field], offset, `${name}.${field}`);
      }
    }
    const { mmsghdr, msghdr, iovec } = layouts;
    for (const { name, size } of [msghdr, iovec, ...mmsghdr ? [mmsghdr] : []]) {
      assertEquals(size % 8, 0, `${name} begins with a pointer`);
    }
    if (mmsghdr) {
      assertEquals(mmsghdr.at.msg_hdr, 0, "a batch's first header is also a msghdr");
      assert(mmsghdr.at.msg_len >= msghdr.size);
    }
  });

  test(`${displayName}: no two rows are the same`, () => {
    for (const family of FAMILIES) {
      const numbers = Object.values(options[family]).map(({ level, name }) => `${level}/${name}`);
      assertEquals(new Set(numbers).size, numbers.length);
      for (const rows of Object.values(platform.memberships[family])) {
        assertEquals(new Set(rows.map(({ name }) => name)).size, rows.length);
      }
      const told = Object.values(platform.control[family]).flatMap((rows) => rows ?? [])
        .map(({ level, type }) => `${level}/${type}`);
      assertEquals(new Set(told).size, told.length, "two control messages look the same");
    }
  });

  test(`${displayName}: every option has its level's number`, () => {
    const levels = new Map<string, Set<number>>();
    for (const family of FAMILIES) {
      for (const { cName, level, kind } of Object.values(options[family])) {
        const prefix = /^(SO|IP|IPV6|UDP)_/.exec(cName)?.[1] ?? "";
        assert(["SO", "UDP", family === "IPv4" ? "IP" : "IPV6"].includes(prefix), cName);
        levels.set(prefix, (levels.get(prefix) ?? new Set()).add(level));
        if (kind === "ip_mreqn") assert(layouts.ip_mreqn, `${cName} needs ip_mreqn`);
      }
    }
    const { SO, UDP = new Set([17]), ...others } = Object.fromEntries(levels);
    assertEquals(others, { IP: new Set([0]), IPV6: new Set([41]) });
    assertEquals(UDP, new Set([17]));
    assertEquals(SO, new Set([os === "linux" || os === "android" ? 1 : 0xffff]));
  });

  test(`${displayName}: what a membership call takes is laid out, and can be taken back`, () => {
    for (const family of FAMILIES) {
      const calls = platform.memberships[family];
      for (const rows of Object.values(calls)) {
        assert(rows.length > 0);
        for (const { request, cName, level } of rows) {
          const struct = request === "ip_mreq_index" ? "ip_mreq" : request;
          assert(layouts[struct], `${cName} needs ${struct}`);
          assertEquals(level, family === "IPv4" ? 0 : 41, cName);
        }
      }
      assert(calls.join && calls.leave, `${family} has no groups`);
      assertEquals(calls.joinSource?.length, calls.leaveSource?.length);
      assertEquals(calls.block?.length, calls.unblock?.length);
    }
  });

  test(`${displayName}: what the kernel can be asked to tell is understood, and the reverse`, () => {
    for (const family of FAMILIES) {
      for (const [option, understood] of told(platform, family)) {
        assertEquals(options[family][option] !== undefined, understood, `${family} ${option}`);
      }
    }
    const { IPv4, timestamp } = platform.control;
    assertEquals(IPv4.packetInfo !== null, layouts.in_pktinfo !== undefined);
    assert(IPv4.packetInfo === null || IPv4.destination === null, "told twice");
    if (IPv4.receivedInterface) assert(layouts.sockaddr_dl);
    if (IPv4.error) assert(layouts.sock_extended_err);
    if (timestamp) assert(layouts[timestamp.struct]);
  });

  test(`${displayName}: what cannot be asked for with a datagram is an option of the socket`, () => {
    for (const family of FAMILIES) {
      const { packetInfo, source, hops, trafficClass } = platform.sendControl[family];
      assert(packetInfo !== null || source !== null, `${family} has no way to choose the source`);
      for (
        const needed of ["hops", "trafficClass", "multicastHops", "multicastInterface"] as const
      ) {
        if ((needed === "hops" && hops) || (needed === "trafficClass" && trafficClass)) continue;
        // Windows lets nobody choose it: UnsupportedError.
        if (os === "windows" && family === "IPv6" && needed === "trafficClass") continue;
        assert(options[family][needed], `${family} ${needed}`);
      }
      const rows = [packetInfo, source, hops, trafficClass, ...platform.control[family].hops];
      for (const row of rows) {
        // The codec knows a message by one number made of both.
        if (row) assert(row.level <= 0xffff && row.type <= 0xffff);
      }
    }
  });

  test(`${displayName}: the errors that the library acts on have numbers`, () => {
    const codes = Object.values(platform.errors).map(([code]) => code);
    assertEquals(NEEDED_ERRORS.filter((code) => !codes.includes(code)), []);
    assertEquals(platform.quirks.disconnectAnswers.filter((code) => !codes.includes(code)), []);
    if (os !== "windows") assertEquals(new Set(codes).size, codes.length);
    for (const [code, reason] of Object.values(platform.errors)) {
      assert(/^E[A-Z0-9]+$/.test(code), code);
      assert(/^[A-Z.]\S*( |$)/.test(reason) && !reason.endsWith("."), reason);
    }
  });

  test(`${displayName}: the functions that its tables need are declared`, () => {
    const functions = functionsOf(platform);
    const needed = ["memmove", "strlen", ...NEEDED_FUNCTIONS[platform.api]];
    if (platform.epoll) needed.push("epoll_create1", "epoll_ctl", "epoll_wait");
    if (platform.wake !== "socket") needed.push("eventfd", "read", "write");
    if (platform.batchedCalls) needed.push("recvmmsg", "sendmmsg");
    assertEquals(needed.filter((name) => !functions.has(name)), []);
    assertEquals(platform.batchedCalls, layouts.mmsghdr !== undefined);
    for (const { symbols, candidates } of platform.libraries) {
      assert(candidates.length > 0);
      assertEquals(new Set(candidates).size, candidates.length);
      for (const [name, { blocking = false, parameters }] of Object.entries(symbols)) {
        const waits = /^(?:poll|epoll_wait|usleep|CancelMibChangeNotify2)$/.test(name);
        assertEquals(blocking, waits, name);
        // It is called with addresses only: another thread has no buffers of ours.
        if (blocking) assert(!parameters.includes("buffer"), name);
        // Variadic C functions are called differently, and what works here is wrong on Apple's arm64.
        assert(!["fcntl", "ioctl", "open", "printf"].includes(name), name);
      }
    }
  });

  test(`${displayName}: interfaces are listed and watched in one way`, () => {
    const { netlink, routeSocket, winsock } = platform;
    assertEquals([netlink, routeSocket, winsock].filter((tables) => tables !== null).length, 1);
    const own = [layouts.sockaddr_ll, layouts.sockaddr_dl].filter((struct) => struct);
    assertEquals(own.length, platform.api === "posix" ? 1 : 0);
    assertEquals(constants.linkFamily > 0, platform.api === "posix");
    assertEquals(layouts.ifaddrs !== undefined, platform.api === "posix");
  });

  test(`${displayName}: each flag is a bit of its own`, () => {
    for (const prefix of ["MSG_", "IFF_"]) {
      const flags = Object.entries(constants).filter(([name, value]) =>
        name.startsWith(prefix) && value !== 0
      );
      for (const [name, value] of flags) assert((value & (value - 1)) === 0, `${name} ${value}`);
      assertEquals(new Set(flags.map(([, value]) => value)).size, flags.length);
    }
    assertEquals(constants.MSG_DONTWAIT === 0, platform.api === "winsock");
    const unit = platform.controlAlignment;
    assert([4, 8, 16].includes(unit), `control messages are aligned to ${unit}`);
  });

  test(`${displayName}: hints are sentences about this system`, () => {
    const { hints } = platform;
    const basic = ["addressInUse", "addressNotLocal", "multicastRoute", "noSuchInterface"] as const;
    assertEquals(basic.filter((name) => !hints[name]), []);
    for (const [name, text] of Object.entries(hints)) {
      assert(/^[A-Z][^\n]*[^.\s]$/.test(text), `${name}: ${text}`);
      assertEquals(
        text.replaceAll(/\{ (?:share|broadcast): true \}/g, "").match(
          /\{(?!(?:family|address|interface|port)\})/,
        ),
        null,
        name,
      );
      for (const other of SYSTEMS.map((os) => tablesOf(os).displayName)) {
        if (other !== displayName) assert(!text.includes(other), `${name} is about ${other}`);
      }
    }
    // net.ipv4 is Linux', net.inet is BSD's; ip(8) is Linux', ifconfig(8) BSD's.
    const text = Object.values(hints).join("\n");
    if (platform.netlink === null) assert(!/net\.ipv[46]|`ip |CAP_/.test(text), text);
    else assert(!/net\.inet|ifconfig/.test(text), text);
  });
}

test("the processors' tables differ where it is known that they do", () => {
  const differences = SYSTEMS.flatMap((os) => {
    const [one, other] = [tablesOf(os, "x86_64"), tablesOf(os, "aarch64")];
    return Object.entries(one).filter(([key, value]) =>
      JSON.stringify(value) !== JSON.stringify(other[key as keyof Platform])
    ).map(([key]) => `${os} ${key}`);
  });
  assertEquals(differences, [
    // Where the C library is; and epoll_event is packed on x86-64.
    "linux libraries",
    "linux epoll",
    "android epoll",
    "netbsd controlAlignment",
  ]);
});

test("Linux' C library is looked for by its name first, then where distributions have it", () => {
  for (const arch of ["x86_64", "aarch64"] as const) {
    const [{ candidates: [first, ...others] }] = tablesOf("linux", arch).libraries;
    assert(!first.startsWith("/"));
    assert(others.every((path) => path.startsWith("/")));
    assert(others.some((path) => path.includes(arch)));
  }
});

test("a system without tables is refused by name", () => {
  assertEquals(findPlatform("linux", "x86_64")?.os, "linux");
  assertEquals(findPlatform("linux", "aarch64")?.epoll?.layouts.epoll_event.size, 16);
  assertEquals(findPlatform("linux", "riscv64"), null);
  assertEquals(findPlatform("plan9", "x86_64"), null);
  const error = assertThrows(() => platformOf("plan9", "x86_64"), UnsupportedError);
  assertEquals([error.feature, error.os], ["pktinfo", "plan9 on x86_64"]);
});
