// The routing socket of macOS and BSD: which messages tell of interfaces, and what a burst of them comes to.
import { assert, assertEquals, assertThrows } from "@std/assert";
import { SocketError } from "../../ffi/errors.ts";
import type { CFunction, Library, Runtime } from "../../ffi/runtime/runtime.ts";
import { RouteSocketEvents, tellsOfInterfaces } from "../../ffi/route/route_socket.ts";
import { System } from "../../ffi/syscalls.ts";
import { randomWords } from "../address/random.ts";
import { inputs, mutated, note, systematic } from "../faults/mutate.ts";
import { test } from "../harness.ts";
import { hex, tablesOf, viewOf } from "./tables.ts";

/** A message: how it begins, and how long it is; all that follows is 0xee. */
type Message = readonly [begin: string, length: number];

function bytesOf([begin, length]: Message): Uint8Array {
  const bytes = new Uint8Array(length).fill(0xee);
  bytes.set(hex(begin));
  return bytes;
}

/** Length, version, type; then what the kernel's own header says. */
interface System4 {
  interesting: Record<string, Message>;
  /** Routes, multicast memberships, neighbours. */
  others: Record<string, Message>;
}

const MACOS: System4 = {
  interesting: {
    // ifa_msghdr (20) with mask (8), sockaddr_dl (20), address (16) and broadcast address (16).
    "an IPv4 address came": ["50 00 05 0c b4 00 00 00 00 00 00 00 04 00 00 00", 80],
    "an IPv4 address went": ["50 00 05 0d b4 00 00 00 00 00 00 00 04 00 00 00", 80],
    "an IPv6 address came": ["60 00 05 0c b4 00 00 00 00 00 00 00 04 00 00 00", 96],
    // if_msghdr: 112 bytes, and a sockaddr_dl.
    "an interface changed": ["84 00 05 0e 10 00 00 00 63 88 00 00 04 00 00 00", 132],
  },
  others: {
    "a route came": ["b8 00 05 01 04 00 00 00 05 08 00 00 07 00 00 00", 184],
    "a route went": ["b8 00 05 02 04 00 00 00 05 08 00 00 07 00 00 00", 184],
    "no route": ["7c 00 05 07 00 00 00 00 00 00 00 00 01 00 00 00", 124],
    "a group was joined": ["3c 00 05 0f b0 00 00 00 00 00 00 00 04 00 00 00", 60],
  },
};

const FREEBSD: System4 = {
  interesting: {
    "an IPv4 address came": ["74 00 05 0c b4 00 00 00 00 00 00 00 02 00 00 00", 116],
    "an IPv4 address went": ["74 00 05 0d b4 00 00 00 00 00 00 00 02 00 00 00", 116],
    "an interface changed": ["a8 00 05 0e 00 00 00 00 43 88 00 00 02 00 00 00", 168],
    // if_announcemsghdr: index, name, IFAN_ARRIVAL.
    "an interface came": ["18 00 05 11 03 00 74 61 70 30 00", 24],
  },
  others: {
    "a route came": ["e0 00 05 01 02 00 00 00 05 08 00 00 07 00 00 00", 224],
    "a group was joined": ["5c 00 05 0f b0 00 00 00 00 00 00 00 02 00 00 00", 92],
    "a neighbour": ["c8 00 05 0b 02 00", 200],
  },
};

const OPENBSD: System4 = {
  interesting: {
    // The kernel's own header length comes behind the type.
    "an IPv4 address came": ["60 00 05 0c 18 00 02 00 00 00 00 00 b4 00 00 00", 96],
    "an IPv4 address went": ["60 00 05 0d 18 00 02 00 00 00 00 00 b4 00 00 00", 96],
    "an interface changed": ["a8 00 05 0e a8 00 02 00 00 00 00 00 00 00 00 00", 168],
    "an interface came": ["20 00 05 0f 1a 00 03 00 00 00 74 61 70 30 00", 32],
  },
  others: {
    "a route came": ["c8 00 05 01 60 00 02 00 00 00 38 00 07 00 00 00", 200],
    "a neighbour": ["c8 00 05 0b 60 00 02 00", 200],
    "a proposal for resolvers": ["80 00 05 13 60 00 02 00", 128],
  },
};

/** Since 8.0, with numbers of its own. */
const NETBSD: System4 = {
  interesting: {
    "an IPv4 address came": ["58 00 04 16 02 00 00 00 b4 00 00 00", 88],
    "an IPv4 address went": ["58 00 04 17 02 00 00 00 b4 00 00 00", 88],
    "an interface changed": ["98 00 04 14 00 00 00 00 43 88 00 00 02 00 00 00", 152],
    "an interface came": ["18 00 04 10 03 00 74 61 70 30 00", 24],
  },
  others: {
    "a route came": ["c8 00 04 01 02 00 00 00", 200],
    // Told once more for programs that were built before 8.0.
    "an address in the old form": ["58 00 04 0c b4 00 00 00", 88],
    "a neighbour": ["90 00 04 13 02 00", 144],
  },
};

const SYSTEMS: Record<string, System4> = {
  darwin: MACOS,
  freebsd: FREEBSD,
  openbsd: OPENBSD,
  netbsd: NETBSD,
};

for (const [os, { interesting, others }] of Object.entries(SYSTEMS)) {
  const tables = tablesOf(os).routeSocket!;
  const tells = (bytes: Uint8Array) => tellsOfInterfaces(tables, viewOf(bytes));

  test(`routing messages of ${os} that tell of interfaces, and others`, () => {
    for (const [name, message] of Object.entries(interesting)) {
      assertEquals(tells(bytesOf(message)), true, name);
    }
    for (const [name, message] of Object.entries(others)) {
      assertEquals(tells(bytesOf(message)), false, name);
    }
  });

  test(`routing messages of ${os}: of a version that nobody knows, and too short for any`, () => {
    const [begin, length] = interesting["an interface changed"];
    for (const version of ["00", "03", "06", "ff"]) {
      const bytes = bytesOf([`${begin.slice(0, 6)}${version}${begin.slice(8)}`, length]);
      assertEquals(tells(bytes), true, `version ${version}`);
      bytes[3] = 1;
      assertEquals(tells(bytes), true, "its numbers may mean something else");
    }
    for (let short = 0; short < 4; short++) {
      assertEquals(tells(bytesOf([begin, length]).subarray(0, short)), false, `${short} bytes`);
    }
  });
}

/** An answer to recv: a message, or an errno by name. */
type Answer = Message | string;

/** Events on a library that answers recv in turn, and then that nothing is there. */
function eventsWith(os: string, answers: Answer[]) {
  const platform = tablesOf(os);
  const calls: [name: string, args: unknown[]][] = [];
  let errno = 0;
  const answer = (code: string) => {
    errno = system.errnoOf(code);
    return -1;
  };
  const functions: Record<string, CFunction> = {
    socket: () => 5,
    close: () => 0,
    recv: (_fd: number, buffer: Uint8Array) => {
      const next = answers.shift() ?? "EAGAIN";
      if (typeof next === "string") return answer(next);
      const bytes = bytesOf(next).subarray(0, buffer.length);
      buffer.set(bytes);
      return bytes.length;
    },
  };
  const symbols = Object.fromEntries(
    Object.entries(functions).map(([name, call]) => [name, (...args: unknown[]) => {
      calls.push([name, args]);
      return call(...args);
    }]),
  );
  const library: Library = {
    symbols,
    errno: () => errno,
    callBlocking: () => Promise.reject(new Error("nothing waits here")),
    callBriefly: () => Promise.reject(new Error("nobody rests here")),
  };
  const system = new System(platform, { os, arch: "x86_64" } as Runtime, library);
  const events = new RouteSocketEvents(system, platform.routeSocket!);
  return { events, calls, left: () => answers.length };
}

const CHANGED = FREEBSD.interesting["an interface changed"];
const ROUTE = FREEBSD.others["a route came"];

test("a routing socket is opened as the system has it, and closed once", async () => {
  for (
    const [os, domain, type] of [
      ["darwin", 17, 3],
      ["freebsd", 17, 0x30000003],
      ["openbsd", 17, 0xc003],
      ["netbsd", 34, 0x30000003],
    ] as const
  ) {
    const { events, calls } = eventsWith(os, []);
    assertEquals(calls, [["socket", [domain, type, 0]]], os);
    await events.close();
    await events.close();
    assertEquals(calls.slice(1), [["close", [5]]]);
  }
});

test("reading a routing socket: nothing, nothing of interest, something", () => {
  const read = (...answers: Answer[]) => eventsWith("freebsd", answers).events.read();
  assertEquals(read(), null);
  assertEquals(read(ROUTE), []);
  assertEquals(read(CHANGED), "changed");
  assertEquals(read(ROUTE, CHANGED, ROUTE), "changed", "others do not hide it");
  assertEquals(read(CHANGED, ROUTE), "changed");
  assertEquals(read(["ff ff 06 01", 600]), "changed", "a version that nobody knows");
  assertEquals(read(["01", 1]), []);
  // An interrupted call is made again.
  assertEquals(read("EINTR", CHANGED), "changed");
});

test("a burst of routing messages is one change", () => {
  const { events, calls } = eventsWith("freebsd", Array.from({ length: 100 }, () => CHANGED));
  assertEquals(events.read(), "changed");
  assertEquals(events.read(), null);
  assertEquals(calls.filter(([name]) => name === "recv").length, 102);
});

test("a flood of routing messages leaves others their turn, and is read to its end", () => {
  const floods: [Message, "changed" | []][] = [[CHANGED, "changed"], [ROUTE, []]];
  for (const [message, told] of floods) {
    const { events, left } = eventsWith("freebsd", Array.from({ length: 1500 }, () => message));
    let reads = 0;
    for (let before = left(); before > 0; before = left()) {
      assertEquals(events.read(), told);
      assert(left() < before && before - left() <= 1000, `${before - left()} at once`);
      reads++;
    }
    assert(reads >= 2);
    assertEquals(events.read(), null);
  }
});

test("a queue that ran over is told so, whatever is left in it", () => {
  const read = (...answers: Answer[]) => {
    const { events, left } = eventsWith("freebsd", answers);
    return [events.read(), left(), events.read()];
  };
  assertEquals(read("ENOBUFS"), ["overrun", 0, null]);
  assertEquals(read(CHANGED, "ENOBUFS", CHANGED, ROUTE), ["overrun", 0, null]);
  assertEquals(read("ENOBUFS", "ENOBUFS", ROUTE), ["overrun", 0, null]);
});

test("OpenBSD tells by a message that its queue ran over", () => {
  // RTM_DESYNC (route(4)): nothing else says that messages were lost.
  const desync: Message = ["60 00 05 10 60 00 00 00", 96];
  const read = (...answers: Answer[]) => eventsWith("openbsd", answers).events.read();
  const { "an interface changed": changed } = OPENBSD.interesting;
  assertEquals(read(desync), "overrun");
  assertEquals(read(changed, desync, changed), "overrun");
  // On others that number is another message's, or nobody's.
  assertEquals(eventsWith("freebsd", [["98 00 05 10", 152]]).events.read(), []);
});

test("what the system refuses is an error", () => {
  const { events } = eventsWith("freebsd", ["EBADF"]);
  const error = assertThrows(() => events.read(), SocketError);
  assertEquals([error.code, error.syscall], ["EBADF", "routing socket"]);
});

test("messages of any bytes and length, and damaged ones, are told by version and type alone", () => {
  const next = randomWords(9);
  const count = inputs(1_000, 20_000);
  let given = 0;
  for (const [os, { interesting, others }] of Object.entries(SYSTEMS)) {
    const tables = tablesOf(os).routeSocket!;
    const { RTM_VERSION, RTM_NEWADDR, RTM_DELADDR, RTM_IFINFO, RTM_IFANNOUNCE } = tables.constants;
    const types: (number | null)[] = [RTM_NEWADDR, RTM_DELADDR, RTM_IFINFO, RTM_IFANNOUNCE];
    const samples = [...Object.values(interesting), ...Object.values(others)].map(bytesOf);
    const all = function* () {
      // The beginning is what counts.
      for (const sample of samples) yield* systematic(sample.subarray(0, 16));
      for (let i = 0; i < count; i++) yield mutated(next, samples);
    };
    for (const bytes of all()) {
      given++;
      const right = bytes.length > 3 && (bytes[2] !== RTM_VERSION || types.includes(bytes[3]));
      const told = tellsOfInterfaces(tables, viewOf(bytes));
      if (told !== right) assertEquals(told, right, `${os}: ${bytes}`);
    }
  }
  note("routing messages of macOS and BSD", given);
});
