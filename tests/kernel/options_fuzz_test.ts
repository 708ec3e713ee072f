// Options of random names and values: a TypeError or RangeError that says what is wrong, and no system call before it.
import { assert, assertEquals } from "@std/assert";
import { inspect } from "node:util";
import { checkChanges, checkOptions } from "../../socket/options.ts";
import { parseDestination } from "../../socket/destination.ts";
import { SocketError, type UdpSocket } from "../../mod.ts";
import { pick, randomWords } from "../address/random.ts";
import { inputs, type Next, note } from "../faults/mutate.ts";
import { test } from "../harness.ts";
import { errorOf, guarded, type Wrong } from "./wrong_input.ts";

const COUNT = inputs(1_500, 12_000);

/** Nothing of this has a text, or one that is of any use. */
const ODD: readonly (() => unknown)[] = [
  () => undefined,
  () => null,
  () => Symbol("s"),
  () => Object.create(null),
  () => ({ toString: null, valueOf: null }),
  () => ({
    toString() {
      throw new Error("asked for its text");
    },
  }),
  () => [],
  () => [[]],
  () => () => {},
  () => new Date(NaN),
  () => new Map(),
  () => new Proxy({}, {}),
  () => new (class Number_ extends Number {})(5),
  () => new String("lo"),
  () => 10n,
  () => JSON.parse('{"__proto__": {"port": 5}}'),
];
const NUMBERS = [
  0,
  -0,
  1,
  -1,
  1.5,
  255,
  256,
  65535,
  65536,
  2 ** 31,
  2 ** 53,
  NaN,
  Infinity,
  -1e300,
];
const TEXTS = [
  "",
  "lo",
  "0",
  "1",
  "127.0.0.1",
  "127.0.0.1:5",
  "::1",
  "[::1]:5",
  "239.1.2.3",
  "239.1.2.3@lo",
  "ff02::fb%lo",
  "::ffff:224.0.1.1",
  "IPv4",
  "IPv6",
  "dual",
  "joined",
  "constructor",
  "__proto__",
  "\0",
  "x".repeat(70_000),
  "\u{1d7d9}27.0.0.1",
];

function value(next: Next): unknown {
  switch (next() % 6) {
    case 0:
      return pick(next, ODD)();
    case 1:
      return pick(next, NUMBERS);
    case 2:
    case 3:
      return pick(next, TEXTS);
    case 4:
      return next() % 2 === 0;
    default:
      return next() % 2 === 0
        ? Array.from({ length: next() % 3 }, () => value(next))
        : object(next, ["group", "interface", "source", "address", "port"]);
  }
}

/** Some of these names, and now and then one that nobody knows, with any values. */
function object(next: Next, names: readonly string[]): Record<string, unknown> {
  const made: Record<string, unknown> = next() % 8 === 0 ? Object.create(null) : {};
  for (let count = 1 + next() % 4; count > 0; count--) {
    const name = next() % 12 === 0
      ? pick(next, ["toString", "constructor", "prt", "", "hasOwnProperty", "0"])
      : pick(next, names);
    made[name] = value(next);
  }
  return made;
}

const SEND = ["source", "interface", "hops", "trafficClass"];
const GROUP = ["group", "interface", "source"];
const CHANGES = [
  "multicastLoopback",
  "multicastHops",
  "multicastInterface",
  "hops",
  "trafficClass",
  "broadcast",
  "receiveBufferSize",
  "sendBufferSize",
];
const OPEN = [
  ...CHANGES,
  "port",
  "address",
  "family",
  "share",
  "reusePort",
  "groups",
  "deliver",
  "interface",
  "maxDatagramSize",
  "segmentation",
  "busyPoll",
  "timestamps",
  "onError",
  "signal",
];

/** How an engine complains of what nobody has checked. */
const NATIVE = /Cannot (?:read|convert|access)|is not (?:a function|iterable|an object)|prototype/;

/** Refuses nothing, or in words of ours, whatever was given: they name what is wrong, and are no flood. */
function refusedBy(check: () => unknown): boolean {
  try {
    check();
    return false;
  } catch (error) {
    assert(error instanceof TypeError || error instanceof RangeError, `${error}`);
    const { message } = error;
    assert(message.length > 20 && message.length < 1_000 && !NATIVE.test(message), message);
    return true;
  }
}

/** What an option that is wrong must not come to, even where an interface had to be looked up. */
const CALLS = ["socket", "bind", "connect", "setsockopt", "sendto", "sendmsg", "sendmmsg"];

/**
 * Random input for a method.
 *
 * @param check What it has to pass first, without any call; `null`: what is wrong shows in the call itself.
 */
function fuzz(
  name: string,
  make: (next: Next) => unknown,
  check: ((input: Wrong) => unknown) | null,
  call: (socket: UdpSocket, input: Wrong) => unknown,
) {
  test(`${COUNT} random inputs: ${name}`, async () => {
    const library = guarded();
    await using socket = library.openSocket();
    const next = randomWords(0x0b7);
    let refused = 0;
    for (let i = 0; i < COUNT; i++) {
      const input = make(next);
      try {
        // What is not wrong by itself the system may refuse; that is another matter.
        if (check && !refusedBy(() => check(input))) continue;
        const before = library.calls.length;
        const error = await errorOf(() => call(socket, input)).catch(() => null);
        if (check) assert(error, "it was accepted");
        if (!error || error instanceof SocketError) continue;
        assert(refusedBy(() => {
          throw error;
        }));
        const calls = library.calls.slice(before);
        assertEquals(check ? calls : calls.filter((one) => CALLS.includes(one)), []);
        refused++;
      } catch (error) {
        const shown = inspect(input, { depth: 3 }).slice(0, 500);
        throw new Error(`number ${i}: ${shown}`, { cause: error });
      }
    }
    assert(refused > COUNT / 2 && refused < COUNT, `${refused} refused`);
    assertEquals(({} as Record<string, unknown>).port, undefined);
    note("objects of options", COUNT);
  });
}

fuzz(
  "openUdpSocket",
  (next) => next() % 20 === 0 ? value(next) ?? null : object(next, OPEN),
  checkOptions,
  (_, options) => guarded().openSocket(options),
);
fuzz(
  "set",
  (next) => next() % 20 === 0 ? value(next) ?? null : object(next, CHANGES),
  checkChanges,
  (socket, options) => socket.set(options),
);
fuzz(
  "send's destination",
  (next) => next() % 2 === 0 ? value(next) : object(next, ["address", "port", "interface"]),
  parseDestination,
  (socket, to) => socket.send("x", to),
);
fuzz(
  "send's options",
  (next) => object(next, SEND),
  null,
  (socket, options) => socket.send("x", "127.0.0.1:5", options),
);
fuzz(
  "join",
  (next) => next() % 2 === 0 ? object(next, GROUP) : { ...object(next, GROUP), group: "239.1.2.3" },
  null,
  (socket, { group, ...options }) => socket.join(group, options).leave(),
);
fuzz(
  "blockSource",
  (next) => next() % 2 === 0 ? object(next, GROUP) : { ...object(next, GROUP), group: "239.1.2.3" },
  null,
  (socket, { group, source, ...options }) => socket.blockSource(group, source, options),
);
