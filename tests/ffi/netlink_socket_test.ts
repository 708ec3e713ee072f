// A netlink socket whose kernel is ours: what it may answer beside the list that was asked for.
import { assertEquals, assertThrows } from "@std/assert";
import { SocketError, UnsupportedError } from "../../ffi/errors.ts";
import type { Platform } from "../../ffi/platform/platform.ts";
import { inspect } from "../../ffi/route/inspect.ts";
import { NetlinkSocket } from "../../ffi/route/netlink_socket.ts";
import { listRecords, openRouteEvents } from "../../ffi/route/route.ts";
import type { CFunction, Library, Runtime } from "../../ffi/runtime/runtime.ts";
import { System } from "../../ffi/syscalls.ts";
import { test } from "../harness.ts";
import { LINUX } from "./tables.ts";

const TABLES = LINUX.netlink!;
const { NLMSG_DONE, NLMSG_ERROR, RTM_GETLINK, RTM_NEWLINK } = TABLES.constants;
const ENOBUFS = 105;
const EPERM = 1;

/** A message with a header of its own: what answers the request of that number. */
function message(type: number, sequence: number, body: Uint8Array): number[] {
  const header = new DataView(new ArrayBuffer(16));
  header.setUint32(0, 16 + body.length, true);
  header.setUint16(4, type, true);
  header.setUint32(8, sequence, true);
  const padding = new Uint8Array(-body.length & 3);
  return [...new Uint8Array(header.buffer), ...body, ...padding];
}

const int = (value: number) => new Uint8Array(new Int32Array([value]).buffer);

/** A kernel that answers each read with the next of these, as the request of that number deserves it. */
function kernelWith(
  reads: ((sequence: number) => number[] | { length: number })[],
  platform: Platform = LINUX,
  own: Record<string, CFunction> = {},
) {
  let sequence = 0;
  const closed: number[] = [];
  const names = platform.libraries.flatMap(({ symbols }) => Object.keys(symbols));
  const library: Library = {
    symbols: {
      ...Object.fromEntries(names.map((name) => [name, () => -1])),
      socket: () => 7,
      close: (fd: number) => (closed.push(fd), 0),
      sendto: (_fd: number, bytes: Uint8Array, length: number) => {
        sequence = new DataView(bytes.buffer, bytes.byteOffset).getUint32(8, true);
        return length;
      },
      recv: (_fd: number, buffer: Uint8Array) => {
        const answer = reads.shift()!(sequence);
        if (Array.isArray(answer)) buffer.set(answer);
        return answer.length;
      },
      ...own,
    },
    errno: () => EPERM,
    callBlocking: () => Promise.reject(new Error("not here")),
    callBriefly: () => Promise.reject(new Error("not here")),
  };
  const system = new System(platform, { os: "linux", arch: "x86_64" } as Runtime, library);
  return { system, closed };
}

test("netlink: what is left of an earlier list is passed over", () => {
  const { system } = kernelWith([
    (sequence) => [
      ...message(RTM_NEWLINK, sequence - 1, int(1)),
      ...message(RTM_NEWLINK, sequence, int(2)),
      ...message(NLMSG_DONE, sequence - 1, int(-EPERM)),
    ],
    (sequence) => [
      ...message(RTM_NEWLINK, sequence, int(3)),
      ...message(NLMSG_DONE, sequence, int(0)),
    ],
  ]);
  const socket = new NetlinkSocket(system);
  const list = socket.dump(RTM_GETLINK, new Uint8Array(16));
  assertEquals(list.map(({ body }) => body.getInt32(0, true)), [2, 3]);
});

test("netlink: a list ends where that is said without a number, and fails where one is said", () => {
  const answer = (type: number, body: Uint8Array) => {
    const { system } = kernelWith([(sequence) => message(type, sequence, body)]);
    return () => new NetlinkSocket(system).dump(RTM_GETLINK, new Uint8Array(16));
  };
  assertEquals(answer(NLMSG_DONE, new Uint8Array())(), []);
  assertEquals(answer(NLMSG_DONE, int(0))(), []);
  for (const type of [NLMSG_DONE, NLMSG_ERROR]) {
    const error = assertThrows(answer(type, int(-ENOBUFS)), SocketError);
    assertEquals([error.code, error.syscall], ["ENOBUFS", "netlink dump"]);
  }
});

test("netlink: a message that did not fit is as good as lost", () => {
  const { system } = kernelWith([() => ({ length: 64 * 1024 + 1 })]);
  assertEquals(new NetlinkSocket(system).receive(), system.noBuffers);
  const list = kernelWith([() => ({ length: 64 * 1024 + 1 })]).system;
  const socket = new NetlinkSocket(list);
  const error = assertThrows(() => socket.dump(RTM_GETLINK, new Uint8Array(16)), SocketError);
  assertEquals([error.code, error.syscall], ["ENOBUFS", "netlink answer"]);
});

test("netlink: a system that has none says so", () => {
  const { system } = kernelWith([], { ...LINUX, netlink: null });
  const error = assertThrows(() => new NetlinkSocket(system), UnsupportedError);
  assertEquals([error.feature, error.os], ["netlink", "Linux"]);
  const events = assertThrows(() => openRouteEvents(system), UnsupportedError);
  assertEquals(events.feature, "watching interfaces");
  assertEquals(inspect(system).routes, null);
});

test("netlink: what goes wrong in us, and not in the kernel, is not passed over", () => {
  const broken = () => {
    throw new TypeError("broken");
  };
  const { system, closed } = kernelWith([broken, broken, broken]);
  assertThrows(() => listRecords(system), TypeError, "broken");
  assertThrows(() => inspect(system), TypeError, "broken");
  assertEquals(closed, [7, 7], "the sockets are closed all the same");
  // Before anything is asked, too.
  const unopened = kernelWith([], LINUX, { socket: broken }).system;
  assertThrows(() => inspect(unopened), TypeError, "broken");
});

test("netlink: what the kernel refuses to the doctor is told, part by part", () => {
  const done = (sequence: number) => message(NLMSG_DONE, sequence, int(0));
  const refused = (sequence: number) => message(NLMSG_ERROR, sequence, int(-ENOBUFS));
  // Routes and rules are asked for family by family.
  const { system } = kernelWith([refused, done, refused, done, refused]);
  const { routes, rules, links, refusals } = inspect(system);
  assertEquals([routes, rules, links], [null, null, null]);
  assertEquals(refusals.map(({ what }) => what), ["routes", "policy rules", "interface settings"]);
  assertEquals(refusals[0].why, "netlink dump: ENOBUFS (No buffer space available)");
  const nothing = inspect(kernelWith([], LINUX, { socket: () => -1 }).system);
  assertEquals(nothing.links, null);
  assertEquals(nothing.refusals[0].why, "socket: EPERM (Operation not permitted)");
});
