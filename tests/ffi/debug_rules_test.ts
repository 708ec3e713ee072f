// The rules of debug mode, for each system's functions: with a C library that only notes what reaches it.
import { assert, assertEquals, assertThrows } from "@std/assert";
import { debugged } from "../../ffi/debug.ts";
import { bytesOf, KnownMemory } from "../../ffi/debug_memory.ts";
import { type Rule, rulesOf } from "../../ffi/debug_rules.ts";
import { POISON } from "../../ffi/message.ts";
import type { Platform } from "../../ffi/platform/platform.ts";
import { windows } from "../../ffi/platform/windows.ts";
import type { CFunction, Library, Runtime } from "../../ffi/runtime/runtime.ts";
import { figure } from "../figures.ts";
import { collector } from "../garbage.ts";
import { test } from "../harness.ts";
import { PLATFORMS } from "./tables.ts";

/** What WSAIoctl tells the addresses of. */
const BY_ADDRESS = ["WSARecvMsg", "WSASendMsg"];

/** A runtime whose C functions all return 0, but those that open something. */
function stub(platform: Platform) {
  const calls: string[] = [];
  const answer = (name: string): CFunction => (...args) => {
    calls.push(name);
    if (name === "WSASocketW") return 5n;
    if (name === "socket") return 5;
    // As the real ones write where they may.
    if (name === "GetAdaptersAddresses") args[3][0] = 1;
    return 0;
  };
  const symbols = Object.fromEntries(
    platform.libraries.flatMap((library) => Object.keys(library.symbols)).map((
      name,
    ) => [name, answer(name)]),
  );
  const library: Library = {
    symbols,
    errno: () => 0,
    callBlocking: () => Promise.resolve(0),
    callBriefly: null,
  };
  let address = 0x10000n;
  const none = () => {
    throw new Error("not for this test");
  };
  const runtime: Runtime = {
    os: platform.os,
    arch: "x86_64",
    openLibraries: () => library,
    functionAt: (_, { symbol }) => answer(symbol!),
    callback: () => ({ address: 0x5000n, close() {} }),
    addressOf: () => address += 0x10000n,
    allocate: none,
    readMemory: none,
    readCString: none,
    yieldToEventLoop: () => Promise.resolve(),
    later: none,
    permits: () => false,
    colours: false,
    environment: () => null,
    watch: null,
  };
  const ours = debugged(runtime, platform);
  const opened = ours.openLibraries(platform.libraries, platform.errno);
  return { calls, runtime: ours, symbols: opened.symbols };
}

/** The arguments whose length a rule checks. */
function measured({ sized = [], told = [], fixed = [], text = [], messages }: Rule): number[] {
  const buffers = [...sized, ...fixed, ...text].map(([at]) => at).concat(told.flat());
  return [...new Set(messages ? [...buffers, messages.headers] : buffers)].sort();
}

test("every C function that takes memory or a descriptor has a rule in debug mode", () => {
  const known = new Set<string>();
  for (const [system, platform] of PLATFORMS) {
    const rules = rulesOf(platform);
    for (const { symbols } of platform.libraries) {
      for (const [name, { parameters }] of Object.entries(symbols)) {
        known.add(name);
        if (!parameters.some((type) => type === "buffer" || type === "pointer")) continue;
        assert(rules[name], `${system}: ${name} has no rule in ffi/debug_rules.ts`);
        const buffers = parameters.flatMap((type, at) => type === "buffer" ? [at] : []);
        assertEquals(measured(rules[name]), buffers, `${system}: ${name}`);
      }
    }
  }
  const strangers = Object.keys(rulesOf(windows)).filter((name) =>
    !known.has(name) && !BY_ADDRESS.includes(name)
  );
  assertEquals(strangers, []);
  figure("memory", "C functions with a rule in debug mode", Object.keys(rulesOf(windows)).length, {
    exact: true,
  });
});

test("debug mode checks the calls of Windows", () => {
  const { symbols, runtime, calls } = stub(windows);
  const breaks = (call: () => unknown, rule: RegExp) => {
    const before = calls.length;
    const { message } = assertThrows(call, Error);
    assert(rule.test(message), `${message} is not ${rule}`);
    assertEquals(calls.length, before, "C was called");
  };
  const fd = Number(symbols.WSASocketW(2, 2, 0, 0n, 0, 0));
  const four = new Uint8Array(4);
  const eight = new Uint8Array(8);
  const size = (value: number) => new Uint8Array(new Uint32Array([value]).buffer);
  breaks(() => symbols.WSAStartup(0x202, new Uint8Array(400)), /WSAStartup: .* 400 bytes, 408/);
  breaks(() => symbols.ioctlsocket(fd, 1, new Uint8Array(2)), /ioctlsocket: .*2 bytes, 4/);
  const ioctl = (input: unknown, inputLength: number, output: unknown, outputLength: number) =>
    symbols.WSAIoctl(fd, 1, input, inputLength, output, outputLength, four, 0n, 0n);
  breaks(() => ioctl(four, 5, null, 0), /WSAIoctl: argument 2 has 4 bytes, 5/);
  breaks(() => ioctl(four, 4, eight, 9), /WSAIoctl: argument 4 has 8 bytes, 9/);
  breaks(() => ioctl(four, 4, null, 8), /WSAIoctl: argument 4 is no buffer/);
  assertEquals(ioctl(four, 4, null, 0), 0);
  const list = new Uint8Array(100);
  breaks(
    () => symbols.GetAdaptersAddresses(0, 0, 0n, list, size(101)),
    /GetAdaptersAddresses: argument 3 has 100 bytes, 101/,
  );
  assertEquals(symbols.GetAdaptersAddresses(0, 0, 0n, list, size(100)), 0);
  assertEquals([list[0], list[1]], [1, POISON]);
  const alias = new Uint8Array(64);
  breaks(() => symbols.ConvertInterfaceLuidToAlias(eight, alias, 33), /64 bytes, 66 are/);
  breaks(() => symbols.ConvertInterfaceIndexToLuid(1, four), /IndexToLuid: .*4 bytes, 8/);
  breaks(() => symbols.ConvertInterfaceLuidToIndex(four, four), /LuidToIndex: argument 0/);
  breaks(() => symbols.ConvertInterfaceLuidToIndex(eight, new Uint8Array(2)), /argument 1/);
  // The second byte of one unit and the first of the next are no end.
  const unended = new Uint8Array([1, 0, 0, 1]);
  breaks(() => symbols.ConvertInterfaceAliasToLuid(unended, eight), /string without an end/);
  assertEquals(symbols.ConvertInterfaceAliasToLuid(new Uint8Array([1, 0, 0, 0]), eight), 0);
  for (const name of ["NotifyIpInterfaceChange", "NotifyUnicastIpAddressChange"]) {
    const callback = runtime.callback([], () => {});
    const notify = (handle: Uint8Array) => symbols[name](0, callback.address, 0n, 0, handle);
    breaks(() => notify(four), new RegExp(`${name}: argument 4 has 4 bytes, 8`));
    assertEquals(notify(eight), 0);
    callback.close();
    breaks(() => notify(eight), new RegExp(`${name}: argument 1 is no function of ours`));
  }
  const receive = runtime.functionAt(1n, { parameters: [], result: "i32", symbol: "WSARecvMsg" });
  const send = runtime.functionAt(2n, { parameters: [], result: "i32", symbol: "WSASendMsg" });
  breaks(() => receive(fd, new Uint8Array(55), four, 0n, 0n), /WSARecvMsg: the array of headers/);
  breaks(() => receive(fd, new Uint8Array(56), eight.subarray(6), 0n, 0n), /argument 2 has 2/);
  breaks(() => send(fd, new Uint8Array(55), 0, four, 0n, 0n), /WSASendMsg: the array of headers/);
  breaks(() => send(fd, new Uint8Array(56), 0, new Uint8Array(3), 0n, 0n), /argument 3 has 3/);
  breaks(() => receive(fd + 1, new Uint8Array(56), four, 0n, 0n), /WSARecvMsg: descriptor 6/);
  symbols.closesocket(fd);
  breaks(() => ioctl(four, 4, null, 0), /WSAIoctl: descriptor 5/);
});

test("an errno is still there when debug mode has done its part", () => {
  const [[, platform]] = PLATFORMS;
  let current = 0;
  const library: Library = {
    symbols: {
      bind() {
        current = 98;
        return -1;
      },
      socket: () => 3,
    },
    // Whatever is done in between may change it.
    errno: () => {
      const value = current;
      current = 4;
      return value;
    },
    callBlocking: () => Promise.resolve(0),
    callBriefly: null,
  };
  const ours = debugged({ openLibraries: () => library } as unknown as Runtime, platform);
  const opened = ours.openLibraries(platform.libraries, platform.errno);
  opened.symbols.socket(2, 2, 0);
  assertEquals(opened.symbols.bind(3, new Uint8Array(16), 16), -1);
  assertEquals([opened.errno(), opened.errno()], [98, 98]);
});

test("debug mode keeps no memory alive, and notices what was collected", async () => {
  const collect = collector();
  const memory = new KnownMemory();
  const kept = new Uint8Array(4096);
  memory.note(kept, 0x10000n);
  for (let i = 1; i <= 20; i++) memory.note(new Uint8Array(4096), 0x10000n * BigInt(i + 1));
  // A reference that was just made or looked at lasts until the next turn.
  let noticed = 0;
  for (let attempt = 0; attempt < 20 && noticed < 15; attempt++) {
    await new Promise((resolve) => setTimeout(resolve, 0));
    collect();
    await new Promise((resolve) => setTimeout(resolve, 0));
    noticed = 0;
    for (let i = 1; i <= 20; i++) {
      try {
        memory.at("recvmsg", "msg_name", 0x10000n * BigInt(i + 1), 16);
      } catch (error) {
        assert(/points to memory that was collected/.test(String(error)));
        noticed++;
      }
    }
  }
  // Some may still be found on the stack.
  assert(noticed >= 15, `${noticed} of 20`);
  assertEquals(memory.at("recvmsg", "msg_name", 0x10010n, 16).byteOffset, 16);
  assertThrows(() => memory.at("recvmsg", "msg_name", 0x10ff8n, 16), Error, "has 8 bytes, 16 are");
  assertEquals(kept.length, 4096);
});

test("an address that is given again belongs to the new memory", () => {
  const memory = new KnownMemory();
  const first = new Uint8Array(100);
  const second = new Uint8Array(50).fill(2);
  memory.note(first, 0x10000n);
  assertEquals(memory.at("sendmsg", "iov_base", 0x10000n, 100)[0], 0);
  memory.note(second, 0x10010n);
  assertEquals(memory.at("sendmsg", "iov_base", 0x10010n, 50)[0], 2);
  assertThrows(() => memory.at("sendmsg", "iov_base", 0x10000n, 1), Error, "nobody has");
  assertEquals(bytesOf("bind", "argument 1", second, 50), second);
  assertThrows(() => bytesOf("bind", "argument 1", second, NaN), Error, "NaN are announced");
});
