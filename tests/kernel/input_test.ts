// Wrong arguments: a TypeError or RangeError that says what was given, and no system call.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { test } from "../harness.ts";
import { FakeLibrary } from "./fake_library.ts";
import "./support.ts";

type Kind = "TypeError" | "RangeError";

/** What is wrong, the kind of error, and a part of its text. */
type Case = [input: unknown, kind: Kind, says: string];

// deno-lint-ignore no-explicit-any -- wrong on purpose
type Wrong = any;

/** Nothing that is accepted by mistake may reach the network or join a group there. */
function guarded(): FakeLibrary {
  const library = new FakeLibrary();
  for (const name of ["sendto", "sendmsg", "sendmmsg", "connect"]) {
    library.on(name, () => library.refuse("EPERM"));
  }
  const joins = [20, 35, 39, 42, 46];
  return library.on(
    "setsockopt",
    ([, level, option], call) =>
      level !== 1 && joins.includes(option) ? library.refuse("ENODEV") : call(),
  );
}

/** Makes the call; returns the error. A rejection is as good as a throw. */
async function errorOf(call: () => unknown): Promise<Error> {
  try {
    await call();
  } catch (error) {
    return error as Error;
  }
  throw new Error("it was accepted");
}

async function refuses(
  library: FakeLibrary,
  call: (input: Wrong) => unknown,
  cases: readonly Case[],
) {
  for (const [input, kind, says] of cases) {
    const calls = library.calls.length;
    let shown: string;
    try {
      shown = JSON.stringify(input) ?? String(input);
    } catch {
      shown = String(input);
    }
    const error = await errorOf(() => call(input)).catch((error) => {
      throw new Error(`${shown}: ${error.message}`);
    });
    assertEquals(error.name, kind, `${shown}: ${error.message}`);
    assert(error.message.includes(says), `${shown}: "${error.message}" does not say "${says}"`);
    assertEquals(library.calls.slice(calls), [], `${shown}: calls were made`);
  }
}

const detached = new ArrayBuffer(8);
structuredClone(detached, { transfer: [detached] });
const detachedView = new Uint8Array(8);
structuredClone(detachedView.buffer, { transfer: [detachedView.buffer] });
const resizable = new ArrayBuffer(8, { maxByteLength: 16 });

test("openUdpSocket refuses wrong options", async () => {
  const library = guarded();
  await refuses(library, (options) => library.openSocket(options), [
    [null, "TypeError", "null"],
    ["127.0.0.1:5", "TypeError", "127.0.0.1:5"],
    [5353, "TypeError", "5353"],
    [{ prot: 5353 }, "TypeError", '"prot"'],
    [{ reuseAddr: true }, "TypeError", '"reuseAddr"'],
    [{ port: -1 }, "RangeError", "-1"],
    [{ port: 65536 }, "RangeError", "65536"],
    [{ port: 1.5 }, "RangeError", "1.5"],
    [{ port: NaN }, "RangeError", "NaN"],
    [{ port: Infinity }, "RangeError", "Infinity"],
    [{ port: "5353" }, "TypeError", "port"],
    [{ port: 5353n }, "TypeError", "port"],
    [{ address: "1..2.3" }, "TypeError", "1..2.3"],
    [{ address: "127.0.0.1 " }, "TypeError", "127.0.0.1"],
    [{ address: " 127.0.0.1" }, "TypeError", "127.0.0.1"],
    [{ address: "127.0.0.1junk" }, "TypeError", "junk"],
    [{ address: "127.0.0.1:5" }, "TypeError", "127.0.0.1:5"],
    [{ address: "127.0.0.1%lo" }, "TypeError", "127.0.0.1%lo"],
    [{ address: "127.1" }, "TypeError", "127.1"],
    [{ address: "0177.0.0.1" }, "TypeError", "0177"],
    [{ address: "256.0.0.1" }, "TypeError", "256"],
    [{ address: "localhost" }, "TypeError", "localhost"],
    [{ address: "" }, "TypeError", "address"],
    [{ address: "[::1]" }, "TypeError", "[::1]"],
    [{ address: "::1%" }, "TypeError", "%"],
    [{ address: "fe80::1%0" }, "TypeError", "0"],
    [{ address: ":::1" }, "TypeError", ":::1"],
    [{ address: "::ffff:224.0.1.1" }, "TypeError", 'use "224.0.1.1"'],
    [{ address: 127 }, "TypeError", "address"],
    [{ address: "fe80::1" }, "TypeError", "fe80::1%"],
    [{ address: "127.0.0.1", family: "IPv6" }, "TypeError", "IPv4"],
    [{ address: "::1", family: "IPv4" }, "TypeError", "IPv6"],
    [{ address: "::1", family: "dual" }, "TypeError", "dual"],
    [{ family: "ipv4" }, "TypeError", "ipv4"],
    [{ family: 4 }, "TypeError", "4"],
    [{ share: "yes" }, "TypeError", "yes"],
    [{ reusePort: 1 }, "TypeError", "reusePort"],
    [{ broadcast: 1 }, "TypeError", "broadcast"],
    [{ multicastLoopback: 0 }, "TypeError", "multicastLoopback"],
    [{ timestamps: "ns" }, "TypeError", "timestamps"],
    [{ deliver: "some" }, "TypeError", "joined, multicast, all"],
    [{ hops: -1 }, "RangeError", "-1"],
    [{ hops: 0 }, "RangeError", "hops"],
    [{ hops: 256 }, "RangeError", "256"],
    [{ multicastHops: -1 }, "RangeError", "-1"],
    [{ multicastHops: 256 }, "RangeError", "256"],
    [{ trafficClass: -1 }, "RangeError", "-1"],
    [{ trafficClass: 256 }, "RangeError", "256"],
    [{ trafficClass: "0" }, "TypeError", "trafficClass"],
    [{ receiveBufferSize: 0 }, "RangeError", "receiveBufferSize"],
    [{ sendBufferSize: -5 }, "RangeError", "-5"],
    [{ receiveBufferSize: 2 ** 31 }, "RangeError", "receiveBufferSize"],
    [{ maxDatagramSize: 0 }, "RangeError", "maxDatagramSize"],
    [{ maxDatagramSize: 65536 }, "RangeError", "65536"],
    [{ interface: 0 }, "RangeError", "0"],
    [{ interface: -1 }, "RangeError", "-1"],
    [{ interface: "" }, "TypeError", "interface"],
    [{ interface: "eth 0" }, "TypeError", "eth 0"],
    [{ interface: {} }, "TypeError", "interface"],
    [{ multicastInterface: 1.5 }, "RangeError", "1.5"],
    [{ multicastInterface: "a\0b" }, "TypeError", "multicastInterface"],
    [{ onError: "log" }, "TypeError", "onError"],
    [{ signal: {} }, "TypeError", "AbortSignal"],
    [{ signal: "abort" }, "TypeError", "AbortSignal"],
    [{ groups: "239.1.2.3" }, "TypeError", "groups must be"],
    [{ groups: ["127.0.0.1"] }, "TypeError", "127.0.0.1 is not a multicast group"],
    [{ groups: ["::1"] }, "TypeError", "not a multicast group"],
    [{ groups: ["239.1.2.3:5"] }, "TypeError", "port"],
    [{ groups: ["239.1.2.3,5"] }, "TypeError", "hop limit"],
    [{ groups: ["::ffff:224.0.1.1"] }, "TypeError", 'use "224.0.1.1"'],
    [{ groups: [5] }, "TypeError", "5"],
    [{ groups: [null] }, "TypeError", "null"],
    [{ groups: [{ group: "239.1.2.3", source: "239.1.2.4" }] }, "TypeError", "unicast"],
    [{ groups: [{ group: "239.1.2.3", source: "::1" }] }, "TypeError", "IPv4"],
    [{ groups: [{ group: "239.1.2.3", source: "0.0.0.0" }] }, "TypeError", "0.0.0.0"],
    [{ groups: [{ group: "ff02::1%lo", interface: "eth0" }] }, "TypeError", "contradicts"],
    [{ groups: [{ group: "ff02::1", iface: "lo" }] }, "TypeError", '"iface"'],
    [{ groups: ["ff02::1%lo"], family: "IPv4" }, "TypeError", "IPv6"],
    [{ groups: ["239.1.2.3@lo"], address: "::1" }, "TypeError", "IPv4"],
  ]);
});

test("send refuses wrong destinations", async () => {
  const library = guarded();
  await using socket = library.openSocket();
  await refuses(library, (to) => socket.send("x", to), [
    [undefined, "TypeError", "connect"],
    [null, "TypeError", "null"],
    [5, "TypeError", "5"],
    ["", "TypeError", "address"],
    ["127.0.0.1", "TypeError", "port"],
    ["127.0.0.1:", "TypeError", "port"],
    ["127.0.0.1:0", "RangeError", "0"],
    ["127.0.0.1:65536", "RangeError", "65536"],
    ["127.0.0.1:-1", "TypeError", "-1"],
    ["127.0.0.1:5junk", "TypeError", "5junk"],
    ["127.0.0.1:5 ", "TypeError", "5 "],
    ["127.0.0.1:05", "TypeError", "05"],
    ["1..2.3:5", "TypeError", "1..2.3"],
    ["127.0.0.1%lo:5", "TypeError", "lo"],
    ["localhost:5", "TypeError", "localhost"],
    ["::1:5", "TypeError", "port"],
    ["[::1]", "TypeError", "port"],
    ["[::1]5", "TypeError", "5"],
    ["[127.0.0.1]:5", "TypeError", "brackets"],
    ["127.0.0.1:5,256", "RangeError", "256"],
    ["127.0.0.1:5,-1", "TypeError", "-1"],
    ["127.0.0.1:5,0", "RangeError", "hops"],
    ["127.0.0.1:5@", "TypeError", "interface"],
    ["[::1%lo]:5@eth0", "TypeError", "differ"],
    ["0.0.0.0:5", "TypeError", "127.0.0.1"],
    ["[::]:5", "TypeError", "::1"],
    ["[::ffff:0.0.0.0]:5", "TypeError", "0.0.0.0"],
    ["[fe80::1]:5", "TypeError", "fe80::1%"],
    ["[::ffff:224.0.1.1]:5", "TypeError", 'use "224.0.1.1"'],
    [{}, "TypeError", "port"],
    [{ address: "127.0.0.1" }, "TypeError", "port"],
    [{ address: "127.0.0.1", port: 0 }, "RangeError", "0"],
    [{ address: "127.0.0.1", port: 65536 }, "RangeError", "65536"],
    [{ address: "127.0.0.1", port: "5" }, "TypeError", "port"],
    [{ address: "127.0.0.1:5", port: 5 }, "TypeError", "127.0.0.1:5"],
    [{ port: 5 }, "TypeError", "address"],
    [{ address: "127.0.0.1", port: 5, interface: 0 }, "RangeError", "0"],
    [{ address: "127.0.0.1", port: 5, interface: "" }, "TypeError", "interface"],
    [{ address: "127.0.0.1", port: 5, iface: "lo" }, "TypeError", '"iface"'],
  ]);
  assertEquals(socket.stats.sent, 0);
});

test("send refuses wrong options", async () => {
  const library = guarded();
  await using socket = library.openSocket();
  const cases: Case[] = [
    [{ hops: -1 }, "RangeError", "-1"],
    [{ hops: 0 }, "RangeError", "hops"],
    [{ hops: 256 }, "RangeError", "256"],
    [{ hops: "5" }, "TypeError", "hops"],
    [{ trafficClass: -1 }, "RangeError", "-1"],
    [{ trafficClass: 256 }, "RangeError", "256"],
    [{ source: "::1" }, "TypeError", "families differ"],
    [{ source: "239.1.2.3" }, "TypeError", "unicast"],
    [{ source: "255.255.255.255" }, "TypeError", "unicast"],
    [{ source: "127.0.0.1:5" }, "TypeError", "127.0.0.1:5"],
    [{ source: "127.0.0.1%lo" }, "TypeError", "127.0.0.1%lo"],
    [{ source: 5 }, "TypeError", "source"],
    [{ interface: 0 }, "RangeError", "0"],
    [{ interface: "" }, "TypeError", "interface"],
    [{ interface: true }, "TypeError", "interface"],
    [{ ttl: 5 }, "TypeError", '"ttl"'],
    [{ tos: 5 }, "TypeError", '"tos"'],
  ];
  await refuses(library, (options) => socket.send("x", "127.0.0.1:5", options), cases);
  await refuses(
    library,
    (options) => socket.sendMany([{ data: "x", to: "127.0.0.1:5", ...options }]),
    cases,
  );
});

test("an option that is wrong is noticed before the interface is looked up", async () => {
  const library = guarded();
  await using socket = library.openSocket();
  await refuses(library, (options) => socket.send("x", "127.0.0.1:5@lo", options), [
    [{ hops: -1 }, "RangeError", "-1"],
    [{ trafficClass: 256 }, "RangeError", "256"],
    [{ source: "::1" }, "TypeError", "families differ"],
  ]);
  await refuses(library, (data) => socket.send(data, "127.0.0.1:5@lo"), [
    [null, "TypeError", "null"],
    [detached, "TypeError", "detached"],
    ["x".repeat(65508), "RangeError", "65507"],
  ]);
});

test("send refuses what is no data, or too much of it", async () => {
  const library = guarded();
  await using socket = library.openSocket();
  const cases: Case[] = [
    [null, "TypeError", "null"],
    [undefined, "TypeError", "undefined"],
    [5, "TypeError", "number"],
    [{}, "TypeError", "object"],
    [[1, 2, 3], "TypeError", "object"],
    [new Blob(["x"]), "TypeError", "object"],
    [detached, "TypeError", "detached"],
    [detachedView, "TypeError", "detached"],
    [resizable, "TypeError", "resizable"],
    [new Uint8Array(resizable), "TypeError", "resizable"],
    [new Uint8Array(resizable, 0, 4), "TypeError", "resizable"],
    [new SharedArrayBuffer(4), "TypeError", "shared"],
    [new Uint8Array(new SharedArrayBuffer(4)), "TypeError", "shared"],
    [new Uint8Array(65536), "RangeError", "65536 bytes"],
  ];
  const four: Case[] = [
    ...cases,
    [new Uint8Array(65508), "RangeError", "at most 65507"],
    ["ü".repeat(32754), "RangeError", "65508 bytes"],
  ];
  const six: Case[] = [...cases, [new Uint8Array(65528), "RangeError", "at most 65527"]];
  await refuses(library, (data) => socket.send(data, "127.0.0.1:5"), four);
  await refuses(library, (data) => socket.send(data, "[::1]:5"), six);
  await refuses(library, (data) => socket.send(data, "[::ffff:127.0.0.1]:5"), four);
  await refuses(library, (data) => socket.sendMany([{ data, to: "[::1]:5" }]), six);
});

test("sendMany refuses what is no list of datagrams", async () => {
  const library = guarded();
  await using socket = library.openSocket();
  await refuses(library, (items) => socket.sendMany(items), [
    [undefined, "TypeError", "iterable"],
    [5, "TypeError", "iterable"],
    [[null], "TypeError", "a datagram"],
    [["text"], "TypeError", "data"],
  ]);
});

test("receiving refuses wrong limits and signals", async () => {
  const library = guarded();
  await using socket = library.openSocket();
  await refuses(library, (options) => socket.receiveMany(options), [
    [{ max: 0 }, "RangeError", "0"],
    [{ max: -1 }, "RangeError", "-1"],
    [{ max: 1.5 }, "RangeError", "1.5"],
    [{ max: "5" }, "TypeError", "max"],
    [{ signal: 5 }, "TypeError", "AbortSignal"],
  ]);
  await refuses(library, (options) => socket.receive(options), [
    [{ signal: {} }, "TypeError", "AbortSignal"],
  ]);
});

test("joining refuses wrong groups, interfaces and sources", async () => {
  const library = guarded();
  await using socket = library.openSocket();
  const groups: Case[] = [
    ["127.0.0.1", "TypeError", "not a multicast group"],
    ["239.1.2", "TypeError", "239.1.2"],
    ["239.1.2.3%lo", "TypeError", "239.1.2.3%lo"],
    ["::ffff:224.0.1.1", "TypeError", 'use "224.0.1.1"'],
    [5, "TypeError", "group"],
  ];
  await refuses(library, (group) => socket.join(group, { interface: "lo" }), groups);
  await refuses(library, (group) => socket.leave(group), groups);
  await refuses(library, (group) => socket.blockSource(group, "127.0.0.2"), groups);
  const options: Case[] = [
    [{ interface: 0 }, "RangeError", "0"],
    [{ interface: "a b" }, "TypeError", "a b"],
    [{ interface: "lo", source: "::1" }, "TypeError", "IPv4 unicast"],
    [{ interface: "lo", source: "239.1.2.3" }, "TypeError", "unicast"],
    [{ interface: "lo", source: "127.0.0.2 " }, "TypeError", "127.0.0.2"],
    [{ interface: "lo", sources: [] }, "TypeError", '"sources"'],
  ];
  await refuses(library, (wrong) => socket.join("239.1.2.3", wrong), options);
  await refuses(library, (source) => socket.blockSource("239.1.2.3", source), [
    ["::1", "TypeError", "IPv4"],
    ["239.1.2.3", "TypeError", "unicast"],
    [undefined, "TypeError", "source"],
  ]);
});

test("a family that the socket does not have is said to be missing", async () => {
  const library = guarded();
  await using socket = library.openSocket({ family: "IPv4" });
  await refuses(library, (to) => socket.send("x", to), [["[::1]:5", "TypeError", "IPv4 only"]]);
  await refuses(library, (group) => socket.join(group, { interface: 1 }), [
    ["ff02::1", "TypeError", "IPv4 only"],
  ]);
});

test("messages name the remedy", async () => {
  const library = guarded();
  await using socket = library.openSocket();
  const error = await errorOf(() => socket.send("x", "127.0.0.1"));
  assertStringIncludes(error.message, "192.0.2.1:5000");
  assertStringIncludes((await errorOf(() => socket.send("x", "0.0.0.0:5"))).message, '"127.0.0.1"');
});
