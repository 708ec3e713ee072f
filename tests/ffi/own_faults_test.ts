// Faults that are not the kernel's: a bug of ours, or of the runtime, is passed on where a refusal would be passed over.
import { assertEquals, assertThrows } from "@std/assert";
import { listRecords } from "../../ffi/route/route.ts";
import { allocate, type MemoryFunctions } from "../../ffi/runtime/memory.ts";
import type { CFunction, Library, Runtime } from "../../ffi/runtime/runtime.ts";
import { emptyWords } from "../../ffi/sockaddr.ts";
import { System } from "../../ffi/syscalls.ts";
import { openWake } from "../../ffi/wake.ts";
import { InterfaceNames } from "../../interfaces/names.ts";
import { SocketError } from "../../ffi/errors.ts";
import { test } from "../harness.ts";
import { interfaceList, Pieces } from "./memory.ts";
import { LINUX, tablesOf } from "./tables.ts";

const broken = () => {
  throw new TypeError("broken");
};

/** A system with these calls only. */
function systemOf(
  symbols: Record<string, CFunction>,
  platform = LINUX,
  runtime = {},
  errno: number | (() => number) = 22,
): System {
  const library: Library = {
    symbols,
    errno: () => typeof errno === "number" ? errno : errno(),
    callBlocking: () => Promise.reject(new Error("not here")),
    callBriefly: null,
  };
  return new System(platform, { os: "linux", arch: "x86_64", ...runtime } as Runtime, library);
}

test("a fault of our own is no option that the system lacks", () => {
  const system = systemOf({ setsockopt: broken });
  assertThrows(() => system.trySetOption(3, "IPv4", "packetInfo", 1), TypeError, "broken");
});

test("a fault of our own is no form of a membership that is not known", () => {
  const system = systemOf({ setsockopt: broken });
  const target = {
    group: { ...emptyWords(), w0: 0xe00000fb },
    interfaceIndex: 2,
    source: null,
    interfaceAddress: 0,
  };
  assertThrows(() => system.membership(3, "IPv4", "join", target, {}), TypeError, "broken");
});

test("a form of a membership that has no words for it is left out", () => {
  const asked: number[] = [];
  const setsockopt = (_fd: number, _level: number, name: number) => {
    asked.push(name);
    return -1;
  };
  const { memberships } = LINUX;
  const row = (name: number, request: "group_req" | "ip_mreq") => (
    { level: 0, name, cName: `option ${name}`, request }
  );
  const rows = [row(1, "ip_mreq"), row(2, "group_req"), row(3, "ip_mreq")];
  const { ip_mreq } = tablesOf("windows").layouts;
  const system = systemOf({ setsockopt }, {
    ...LINUX,
    layouts: { ...LINUX.layouts, ip_mreq },
    memberships: { ...memberships, IPv4: { ...memberships.IPv4, join: rows } },
  });
  const target = { group: emptyWords(), interfaceIndex: 2, source: null, interfaceAddress: 0 };
  // An interface without an address cannot be named by one.
  assertThrows(() => system.membership(3, "IPv4", "join", target, {}), Error, "option 2");
  assertEquals(asked, [2]);
});

test("a fault of our own is no family that is missing on loopback", () => {
  const closed: number[] = [];
  const system = systemOf({
    socket: () => 7,
    bind: broken,
    close: (fd: number) => (closed.push(fd), 0),
  }, { ...LINUX, wake: "socket" });
  assertThrows(() => openWake(system), TypeError, "broken");
  assertEquals(closed, [7]);
});

test("a fault of our own is no list of interfaces that is refused", () => {
  const system = systemOf({ getifaddrs: broken }, { ...LINUX, netlink: null });
  const ip = { ...emptyWords(), w0: 0x0a000001, zone: null };
  assertThrows(() => new InterfaceNames(system).isOwn(ip), TypeError, "broken");
  const refusing = systemOf({ getifaddrs: () => -1 }, { ...LINUX, netlink: null });
  assertEquals(new InterfaceNames(refusing).isOwn(ip), false);
});

test("an interface that cannot be asked about is neither gone nor named", () => {
  const exhausted = systemOf({ if_indextoname: () => 0n, socket: () => -1 }, LINUX, {}, 24);
  assertEquals(exhausted.platform.errors[24][0], "EMFILE");
  assertEquals(new InterfaceNames(exhausted).isGone(7), false);
  assertEquals(new InterfaceNames(exhausted).nameOf(7), null);
  const gone = systemOf({ if_indextoname: () => 0n }, LINUX, {}, 6);
  assertEquals(gone.platform.errors[6][0], "ENXIO");
  assertEquals(new InterfaceNames(gone).isGone(7), true);
  const faulty = systemOf({ if_indextoname: broken });
  assertThrows(() => new InterfaceNames(faulty).isGone(7), TypeError, "broken");
  assertThrows(() => new InterfaceNames(faulty).nameOf(7), TypeError, "broken");
});

test("glibc's ENOENT for want of a descriptor is told apart by opening one", () => {
  const ENOENT = 2;
  const opened: number[] = [];
  const calls = { if_nametoindex: () => 0, close: (fd: number) => (opened.push(fd), 0) };
  const free = systemOf({ ...calls, socket: () => 9 }, LINUX, {}, ENOENT);
  assertEquals(free.interfaceIndex("gone7"), 0);
  assertEquals(new Set(opened), new Set([9]));
  let last = 0;
  const none = systemOf(
    { if_nametoindex: () => (last = ENOENT, 0), socket: () => (last = 24, -1) },
    LINUX,
    {},
    () => last,
  );
  assertThrows(() => none.interfaceIndex("eth7"), SocketError, "EMFILE");
});

test("memory that C has not is said to be missing", () => {
  const functions = { malloc: () => 0n } as unknown as MemoryFunctions;
  assertThrows(() => allocate(functions, 1 << 20), RangeError, "no 1048576 bytes left");
});

test("an interface whose link is not listed is asked for by its name", () => {
  const memory = new Pieces();
  const address = (last: string) => `02 00 00 00 0a 00 00 ${last}` + "00".repeat(8);
  const [first] = interfaceList(memory, [
    { name: "tun7", flags: 0x1, address: address("01") },
    { name: "gone", flags: 0x1, address: address("02") },
  ]);
  const asked: string[] = [];
  const system = systemOf(
    {
      getifaddrs: (out: Uint8Array) => {
        new DataView(out.buffer).setBigUint64(0, first, true);
        return 0;
      },
      freeifaddrs: () => 0,
      if_nametoindex: (name: Uint8Array) => {
        asked.push(new TextDecoder().decode(name));
        return asked.at(-1) === "tun7\0" ? 12 : 0;
      },
    },
    { ...LINUX, netlink: null },
    {
      readMemory: (address: bigint, length: number) => memory.readMemory(address, length),
      readCString: (address: bigint) => memory.readCString(address),
    },
  );
  const { links, addresses } = listRecords(system);
  // The reason given is none that says "no such interface": that one is asked for again.
  assertEquals([...new Set(asked)], ["tun7\0", "gone\0"]);
  assertEquals(links.map(({ index, name }) => [index, name]), [[12, "tun7"]]);
  assertEquals(addresses.map(({ index, address }) => [index, address.w0]), [[12, 0x0a000001]]);
});
