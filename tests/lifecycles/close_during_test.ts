// Closed at every step of what is under way: each scenario is run again and again, closed one microtask, or one turn of
// the event loop, later each time. Nothing hangs, nothing is left open, nothing is called on what is closed.
import { assert, assertEquals } from "@std/assert";
import { InterfaceWatcher } from "../../interfaces/watch.ts";
import { openUdpSocket, type UdpSocket, type UdpSocketOptions } from "../../mod.ts";
import { figure, thorough } from "../figures.ts";
import { type Need, test, type TestOptions, within } from "../harness.ts";
import { FakeLibrary } from "../kernel/fake_library.ts";
import { quirks, Simulation } from "../kernel/simulated.ts";
import { at, lo, turn } from "../kernel/support.ts";
import { outcome, watchDescriptors } from "./support.ts";

/** After so many turns of the event loop, and so many microtasks after each. */
const TURNS = thorough ? 4 : 3;
const MICROTASKS = thorough ? 7 : 4;

const SENDS = ["sendto", "sendmsg", "sendmmsg"];

/** What a scenario works with. */
interface Stage {
  library: FakeLibrary;
  socket: UdpSocket;
  /** Another socket, on the real library. */
  other: UdpSocket;
}

interface Scenario {
  what: string;
  options?: UdpSocketOptions;
  library?: () => FakeLibrary;
  /** Before the socket is opened. */
  prepare?: (library: FakeLibrary) => void;
  /** Starts something; what it returns must settle with one of `ends`. */
  start: (stage: Stage) => Promise<unknown>[] | Promise<Promise<unknown>[]>;
  ends: string[];
  /** Time does not go on, so that packets come as fast as they have to for a stream. */
  timeless?: boolean;
  needs?: Need[];
}

/** Has the kernel refuse every send. */
function refuseSends(code: string): (library: FakeLibrary) => void {
  return (library) => {
    for (const name of SENDS) library.on(name, () => library.refuse(code));
  };
}

/** As `refuseSends`, but every other time there is room. */
function refuseNowAndThen(code: string): (library: FakeLibrary) => void {
  return (library) => {
    let calls = 0;
    for (const name of SENDS) {
      library.on(name, (_, call) => ++calls % 2 === 1 ? library.refuse(code) : call());
    }
  };
}

/** Groups are joined without the kernel's doing: nothing leaves on this machine's interfaces. */
function joinNowhere(library: FakeLibrary): void {
  library.onMembership(["join", "leave", "joinSource", "leaveSource", "block", "unblock"], () => 0);
}

async function iterate(packets: AsyncIterable<unknown>): Promise<string> {
  for await (const _ of packets);
  return "ended";
}

/** Does it again and again until it fails; others get a turn now and then. */
async function repeat(action: () => unknown): Promise<never> {
  for (let i = 1;; i++) {
    await action();
    if (i % 3 === 0) await turn();
  }
}

/** Fills the socket's queue, and others' with what comes. */
function fill(other: UdpSocket, socket: UdpSocket, count: number): Promise<number> {
  const item = { data: "x", to: at(socket, "127.0.0.3") };
  return other.sendMany(Array.from({ length: count }, () => item));
}

const group = "239.255.78.1";
const nobody = "127.0.0.3:9";

const scenarios: Scenario[] = [
  {
    what: "waits for packets",
    start: ({ socket }) => [
      socket.receive(),
      socket.receiveMany(),
      socket.receive({ signal: new AbortController().signal }),
    ],
    ends: ["ECANCELED"],
  },
  {
    what: "a wait to which a packet comes",
    start: async ({ socket, other }) => {
      const waits = [socket.receive(), socket.receiveMany()];
      await fill(other, socket, 1);
      return waits;
    },
    ends: ["a packet", "ECANCELED"],
  },
  {
    what: "a reader that closes, and another that is served in the same turn",
    start: async ({ socket, other }) => {
      const waits = [
        socket.receive().then((packet) => socket.close().then(() => packet)),
        socket.receiveMany(),
      ];
      await fill(other, socket, 3);
      return waits;
    },
    ends: ["a packet", "ECANCELED"],
  },
  {
    what: "iterations and streams",
    start: ({ socket, other }) => {
      fill(other, socket, 3);
      return [
        iterate(socket),
        iterate(socket.packets({ signal: new AbortController().signal })),
        iterate(socket.readable as unknown as AsyncIterable<unknown>),
        socket.readable.pipeTo(new WritableStream()).then(() => "ended"),
      ];
    },
    ends: ["ended"],
  },
  {
    what: "a reader in traffic",
    start: ({ socket, other }) => [
      iterate(socket),
      repeat(() => fill(other, socket, 8).then(() => turn()).then(() => closedYet(socket))),
    ],
    ends: ["ended", "closed"],
  },
  {
    what: "a wait that looks by itself",
    options: { busyPoll: 100_000 },
    start: ({ socket }) => [socket.receive(), iterate(socket)],
    ends: ["ECANCELED", "ended"],
  },
  {
    what: "a reader that rests between the packets of a stream",
    options: { receiveBufferSize: 1 << 20 },
    timeless: true,
    start: async ({ socket, other }) => {
      await fill(other, socket, 300);
      return [iterate(socket), socket.receive()];
    },
    ends: ["ended", "a packet", "ECANCELED"],
    needs: ["linux"],
  },
  {
    what: "a socket whose every call fails",
    prepare: (library) => {
      for (const name of ["recvmsg", "recvmmsg"]) {
        library.on(name, () => library.refuse("ECONNREFUSED"));
      }
    },
    start: ({ socket, other }) => {
      fill(other, socket, 1);
      return [socket.receive()];
    },
    ends: ["ECANCELED"],
    needs: ["linux"],
  },
  {
    what: "an error queue that is read",
    options: { onError() {} },
    start: async ({ socket }) => {
      const [heard, all] = [socket.receive(), iterate(socket)];
      for (let i = 0; i < 5; i++) await socket.send("x", nobody).catch(() => {});
      return [heard, all];
    },
    ends: ["ECANCELED", "ended"],
  },
  {
    what: "a wait that does not keep the process",
    start: ({ socket }) => {
      socket.unref();
      const wait = socket.receive();
      socket.ref();
      socket.unref();
      return [wait, socket.receive()];
    },
    ends: ["ECANCELED"],
  },
  ...["EAGAIN", "ENOBUFS"].flatMap((code): Scenario[] => [
    {
      what: `sends that wait for room that never comes: ${code}`,
      prepare: refuseSends(code),
      start: ({ socket }) => [
        socket.send("1", nobody),
        socket.send("2", nobody, { hops: 3 }),
        socket.sendMany([{ data: "3", to: nobody }, { data: "4", to: nobody }]),
        socket.send("5", "[::1]:9"),
      ],
      ends: ["ECANCELED"],
    },
    {
      what: `sends that find room now and then: ${code}`,
      prepare: refuseNowAndThen(code),
      start: ({ socket, other }) => {
        const to = at(other, "127.0.0.4");
        return [
          socket.send("1", to).then(() => "sent"),
          socket.send("2", to, { source: "127.0.0.9" }).then(() => "sent"),
          socket.sendMany([{ data: "3", to }, { data: "4", to }]).then(() => "sent"),
          socket.send("5", at(other, "::1")).then(() => "sent"),
          repeat(() => socket.send("6", to)),
        ];
      },
      ends: ["sent", "ECANCELED", "EBADF"],
    },
    {
      what: `an answer that waits for room: ${code}`,
      start: async ({ library, socket, other }) => {
        await fill(other, socket, 1);
        const packet = await socket.receive();
        refuseNowAndThen(code)(library);
        return [
          socket.reply(packet, "1").then(() => "sent"),
          socket.reply(packet, "2").then(() => "sent"),
          repeat(() => socket.reply(packet, "3")),
        ];
      },
      ends: ["sent", "ECANCELED", "EBADF"],
    },
    {
      what: `trains: ${code}`,
      options: { segmentation: true },
      prepare: refuseNowAndThen(code),
      start: ({ socket }) => {
        const to = at(socket, "127.0.0.3");
        const train = Array.from({ length: 20 }, () => ({ data: new Uint8Array(300), to }));
        return [
          socket.sendMany(train).then(() => "sent"),
          socket.sendMany(train).then(() => "sent"),
          iterate(socket),
        ];
      },
      ends: ["sent", "ended", "ECANCELED"],
      needs: ["linux"],
    },
  ]),
  {
    what: "connecting and disconnecting",
    start: ({ socket, other }) => [
      repeat(async () => {
        socket.connect(at(other, "127.0.0.4"));
        await socket.send("x");
        await null;
        socket.disconnect();
        socket.connect(at(other, "::1"));
        await socket.send("x");
      }),
      socket.receive(),
    ],
    ends: ["EBADF", "ECANCELED"],
    needs: ["linux"],
  },
  {
    what: "groups joined and left on one interface",
    start: ({ socket }) => [
      repeat(async () => {
        const membership = socket.join(group, { interface: lo.name });
        await null;
        socket.blockSource(group, "127.0.0.9");
        await turn();
        socket.unblockSource(group, "127.0.0.9");
        await null;
        // After the end too: leaving is never an error.
        membership.leave();
        await null;
        socket.join(group, { interface: lo.index });
        await null;
        socket.leave(group);
      }),
    ],
    ends: ["EBADF"],
  },
  {
    what: "memberships that follow",
    prepare: joinNowhere,
    start: ({ socket }) => {
      const kept = socket.join("239.255.78.2");
      return [
        repeat(async () => {
          const membership = socket.join(group);
          await null;
          membership.leave();
          await turn();
        }),
        socket.receive(),
        (async () => {
          for (let i = 0; i < TURNS; i++) await turn();
          kept.leave();
          return "left";
        })(),
      ];
    },
    ends: ["EBADF", "ECANCELED", "left"],
    needs: ["linux"],
  },
  {
    what: "options changed while somebody waits",
    start: ({ socket }) => [
      repeat(async () => {
        socket.set({ hops: 9, multicastHops: 3, multicastInterface: lo.name });
        void socket.stats;
        await null;
      }),
      socket.receive(),
    ],
    ends: ["EBADF", "ECANCELED"],
  },
  {
    what: "a socket that is bound to a group and sends by another",
    options: { address: "239.255.78.3", groups: [`239.255.78.3@${lo.name}`] },
    library: () => new Simulation(quirks({ sendFromGroupBoundSocket: false })),
    prepare: refuseNowAndThen("EAGAIN"),
    start: ({ socket }) => [
      socket.receive(),
      socket.send("x", nobody).then(() => "sent"),
      repeat(() => socket.send("x", nobody)),
    ],
    ends: ["ECANCELED", "sent", "EBADF"],
    needs: ["linux"],
  },
];

/** Ends a loop that goes on beside a socket. */
function closedYet(socket: UdpSocket): void {
  if (socket.stats.receiveBufferSize === null) throw Object.assign(new Error(), { code: "closed" });
}

async function steps(turns: number, microtasks: number): Promise<void> {
  for (let i = 0; i < turns; i++) {
    await new Promise<void>((resolve) =>
      i % 2 === 0 ? setImmediate(resolve) : void turn().then(resolve)
    );
  }
  for (let i = 0; i < microtasks; i++) await null;
}

/** Every moment. */
async function everyTime(close: (turns: number, microtasks: number) => Promise<void>) {
  for (let turns = 0; turns < TURNS; turns++) {
    for (let microtasks = 0; microtasks < MICROTASKS; microtasks++) await close(turns, microtasks);
  }
}

/** Checks that nothing is open, and that nothing was or is called on what is closed. */
async function assertOver(library: FakeLibrary, when: string): Promise<void> {
  await library.lastBrief;
  const calls = library.calls.length;
  await turn();
  assertEquals(library.stray, [], when);
  assertEquals([...library.open], [], when);
  assertEquals(library.calls.slice(calls), [], `called later, ${when}`);
}

const inWords = (turns: number, microtasks: number) =>
  `closed after ${turns} turns and ${microtasks} microtasks`;

/** Returns how often the reader rested. */
async function closeAt(scenario: Scenario, turns: number, microtasks: number): Promise<number> {
  const library = watchDescriptors(scenario.library?.() ?? new FakeLibrary());
  scenario.prepare?.(library);
  await using other = openUdpSocket();
  const { now } = performance;
  if (scenario.timeless) performance.now = () => 0;
  try {
    const socket = library.openSocket(scenario.options);
    const pending = await scenario.start({ library, socket, other });
    const ends = pending.map(outcome);
    await steps(turns, microtasks);
    const when = inWords(turns, microtasks);
    await within(5_000, socket.close(), `the end of close(), ${when}`);
    for (const end of await within(5_000, Promise.all(ends), `the end of what was ${when}`)) {
      assert(scenario.ends.includes(end), `${when}: ${end}`);
    }
    await assertOver(library, when);
    return library.brief.length;
  } finally {
    performance.now = now;
  }
}

for (const scenario of scenarios) {
  const options: TestOptions = { needs: ["ipv6", ...scenario.needs ?? []] };
  test(`closed at any time: ${scenario.what}`, options, async () => {
    let rests = 0;
    await everyTime(async (turns, microtasks) => {
      rests += await closeAt(scenario, turns, microtasks);
    });
    assertEquals(rests > 0, scenario.timeless === true, `${rests} rests`);
  });
}

test(
  "closed at any time: watching interfaces",
  { needs: ["linux"] },
  () =>
    everyTime(async (turns, microtasks) => {
      const library = watchDescriptors(new FakeLibrary());
      const watchers = [
        new InterfaceWatcher(library.system, null),
        new InterfaceWatcher(library.system, new AbortController().signal),
      ];
      const ends = [
        iterate(watchers[0]),
        ...watchers.map((watcher) => watcher.next().then(({ done }) => done ? "ended" : "news")),
      ];
      await steps(turns, microtasks);
      const when = inWords(turns, microtasks);
      await within(5_000, Promise.all(watchers.map((watcher) => watcher.close())), when);
      for (const end of await within(5_000, Promise.all(ends), when)) {
        assertEquals(end, "ended", when);
      }
      await assertOver(library, when);
    }),
);

test("these were all the moments", () => {
  figure("lifecycles", "actions that are closed at each of their steps", scenarios.length + 1, {
    exact: true,
  });
  figure("lifecycles", "steps at which each is closed", TURNS * MICROTASKS, { exact: thorough });
});
