// Winsock's calls on a library of ours: what Wine never answers.
import { assertEquals, assertThrows } from "@std/assert";
import type { ReceiveBatch, SendBatch } from "../../ffi/message.ts";
import type { CFunction, Library, Runtime } from "../../ffi/runtime/runtime.ts";
import { System } from "../../ffi/syscalls.ts";
import { test } from "../harness.ts";
import { tablesOf } from "./tables.ts";

const ERROR_INVALID_PARAMETER = 87;

/** Windows with these calls; WSASendMsg answers as it is told to. */
function windows(symbols: Record<string, CFunction>, sends: number[] = []): System {
  const library: Library = {
    symbols: {
      WSAStartup: () => 0,
      WSASocketW: () => 44n,
      ioctlsocket: () => 0,
      WSAIoctl: () => 0,
      closesocket: () => 0,
      ...symbols,
    },
    errno: () => 10022,
    callBlocking: () => Promise.reject(new Error("not here")),
    callBriefly: null,
  };
  const runtime = {
    os: "windows",
    arch: "x86_64",
    // WSASendMsg says how much it took; its result is 0.
    functionAt: () => (_fd: number, _headers: Uint8Array, _flags: number, moved: Uint8Array) => {
      const taken = sends.shift() ?? -1;
      if (taken < 0) return -1;
      moved.set([taken]);
      return 0;
    },
  } as unknown as Runtime;
  return new System(tablesOf("windows"), runtime, library);
}

const batch = { headers: new Uint8Array(64) } as unknown as ReceiveBatch & SendBatch;

test("Winsock: what Windows has not is not asked of it", () => {
  const system = windows({});
  assertThrows(() => system.receiveMany(3, batch, 2), RangeError, "one message a call");
  assertThrows(() => system.receiveQueuedError(3, batch), RangeError, "no queue of errors");
});

test("Winsock: many messages are sent one by one, and each counts as one", () => {
  const system = windows({}, [60, 0, -1]);
  const fd = system.openSocket("IPv4");
  assertEquals(
    [system.sendMany(fd, batch, 3), system.sendMany(fd, batch, 2), system.sendMany(fd, batch, 1)],
    [1, 1, -10022],
  );
});

test("Winsock: an interface that goes while its name or index is looked up is none", () => {
  const gone = () => ERROR_INVALID_PARAMETER;
  const found = () => 0;
  assertEquals(windows({ ConvertInterfaceAliasToLuid: gone }).interfaceIndex("Ethernet"), 0);
  const noIndex = { ConvertInterfaceAliasToLuid: found, ConvertInterfaceLuidToIndex: gone };
  assertEquals(windows(noIndex).interfaceIndex("Ethernet"), 0);
  assertEquals(windows({ ConvertInterfaceIndexToLuid: gone }).interfaceName(7), null);
  const noName = { ConvertInterfaceIndexToLuid: found, ConvertInterfaceLuidToAlias: gone };
  assertEquals(windows(noName).interfaceName(7), null);
  const alias = (text: string) =>
    windows({
      ConvertInterfaceIndexToLuid: found,
      ConvertInterfaceLuidToAlias: (_luid: Uint8Array, bytes: Uint8Array) => {
        bytes.set(new Uint8Array(Uint16Array.from(text, (c) => c.charCodeAt(0)).buffer));
        return 0;
      },
    }).interfaceName(7);
  assertEquals([alias(""), alias("Ethernet 2")], [null, "Ethernet 2"]);
});
