// Wrong arguments of a socket's methods: a TypeError or RangeError that says what was given, and no system call.
import { assertEquals, assertStringIncludes } from "@std/assert";
import { test } from "../harness.ts";
import { type Case, errorOf, guarded, refuses } from "./wrong_input.ts";

const detached = new ArrayBuffer(8);
structuredClone(detached, { transfer: [detached] });
const detachedView = new Uint8Array(8);
structuredClone(detachedView.buffer, { transfer: [detachedView.buffer] });
const resizable = new ArrayBuffer(8, { maxByteLength: 16 });

test("send refuses wrong destinations", async () => {
  const library = guarded();
  await using socket = library.openSocket();
  await refuses(library, (to) => socket.send("x", to), [
    [undefined, "TypeError", "connect"],
    [null, "TypeError", "got null"],
    [5, "TypeError", "5"],
    [Symbol("s"), "TypeError", "a symbol"],
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
    [{ interface: "a b " }, "TypeError", "a b "],
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
