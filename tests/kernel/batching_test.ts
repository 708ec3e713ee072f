// Many at once: several readers, batches in both directions, order, and the turn of everybody else.
import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  openUdpSocket,
  type OutgoingDatagram,
  type Packet,
  SocketError,
  type UdpSocket,
} from "../../mod.ts";
import { test, within } from "../harness.ts";
import { startReceiver } from "../lab/peers.ts";
import { FakeLibrary } from "./fake_library.ts";
import { at, next, nextTexts, text, turn, until } from "./support.ts";

function numbered(count: number, to: string): OutgoingDatagram[] {
  return Array.from({ length: count }, (_, i) => ({ data: `${i}`, to }));
}

test("several readers get each packet once, in the order in which they asked", async () => {
  await using socket = openUdpSocket();
  const waits = Array.from(
    { length: 6 },
    (_, i) =>
      i % 3 === 0
        ? socket.receive()
        : i % 3 === 1
        ? socket.packets().next().then(({ value }) => value!)
        : socket.receiveMany({ max: 1 }).then(([packet]) => packet),
  );
  await socket.sendMany(numbered(7, at(socket, "127.0.0.3")));
  const packets = await within(5_000, Promise.all(waits), "all readers");
  assertEquals(packets.map(text), ["0", "1", "2", "3", "4", "5"]);
  assertEquals(await nextTexts(socket, 1), ["6"]);
});

test("several loops share the packets between them", async () => {
  const socket = openUdpSocket();
  await using sender = openUdpSocket();
  const heard: string[][] = [[], [], []];
  const loops = heard.map(async (own) => {
    for await (const packet of socket) own.push(text(packet));
  });
  await sender.sendMany(numbered(200, at(socket, "127.0.0.3")));
  await until(() => heard.flat().length === 200, "all packets");
  await socket.close();
  await Promise.all(loops);
  assertEquals(heard.flat().sort(), numbered(200, "").map(({ data }) => data).sort());
  for (const own of heard) {
    assert(own.length > 0);
    assertEquals(own, own.toSorted((a, b) => Number(a) - Number(b)));
  }
});

test("breaking off a loop leaves the socket and the packets behind it", async () => {
  await using socket = openUdpSocket();
  await socket.sendMany(numbered(100, at(socket, "127.0.0.3")));
  const heard: string[] = [];
  for (let i = 0; i < 4; i++) {
    for await (const packet of socket) {
      heard.push(text(packet));
      if (heard.length % 20 === 0) break;
    }
  }
  heard.push(...(await socket.receiveMany({ max: 10 })).map(text));
  heard.push(...await nextTexts(socket, 10));
  assertEquals(heard, numbered(100, "").map(({ data }) => data));
});

test("a broken-off iterator is over, others are not", async () => {
  await using socket = openUdpSocket();
  const iterator = socket.packets();
  const other = socket.packets();
  const pending = [iterator.next(), iterator.next()];
  const waiting = other.next();
  assertEquals(await iterator.return!(), { value: undefined, done: true });
  for (const result of pending) assertEquals((await result).done, true);
  assertEquals((await iterator.next()).done, true);
  await socket.send("x", at(socket, "127.0.0.3"));
  assertEquals(text((await waiting).value!), "x");
});

test("receiveMany returns what is there, and no more than was asked for", async () => {
  await using socket = openUdpSocket();
  await socket.sendMany(numbered(100, at(socket, "127.0.0.3")));
  assertEquals((await socket.receiveMany({ max: 1 })).map(text), ["0"]);
  assertEquals((await socket.receiveMany({ max: 40 })).length, 40);
  assertEquals((await socket.receiveMany()).length, 59);
  const waiting = socket.receiveMany();
  await socket.send("later", at(socket, "127.0.0.3"));
  assertEquals((await waiting).map(text), ["later"]);
});

test("receiveMany returns 256 at most unless told otherwise", async () => {
  await using socket = openUdpSocket({ receiveBufferSize: 1 << 20 });
  await socket.sendMany(numbered(400, at(socket, "127.0.0.3")));
  assertEquals((await socket.receiveMany()).length, 256);
  assertEquals((await socket.receiveMany({ max: 1000 })).length, 144);
});

test("neither family starves the other", { needs: ["ipv6"] }, async () => {
  await using socket = openUdpSocket({ receiveBufferSize: 1 << 20 });
  await using sender = openUdpSocket();
  await sender.sendMany(numbered(200, at(socket, "127.0.0.3")));
  await sender.send("six", at(socket, "::1"));
  const texts = await nextTexts(socket, 201);
  assert(texts.indexOf("six") < 100, `the IPv6 packet was number ${texts.indexOf("six")}`);
});

test("a flood lets timers have their turn", async () => {
  await using socket = openUdpSocket({ receiveBufferSize: 1 << 20 });
  await using sender = openUdpSocket();
  const to = at(socket, "127.0.0.3");
  const flood = numbered(64, to);
  await sender.sendMany(flood);
  let fired = 0;
  let packets = 0;
  // Whoever reads fast enough always finds more: each packet brings the next one.
  setTimeout(() => fired = packets, 0);
  for await (const _ of socket) {
    if (fired > 0 || ++packets > 5_000) break;
    void sender.send("more", to);
  }
  assert(fired > 0 && fired <= 1_000, `the timer fired after ${fired || "more than 5000"} packets`);
});

/** Reads what comes so fast that it is a stream, and waits for more: it rests. */
async function restIn(
  library: FakeLibrary,
  socket: UdpSocket,
): Promise<{ packet: Promise<Packet> }> {
  await using sender = openUdpSocket();
  const to = at(socket, "127.0.0.3");
  await sender.sendMany(numbered(300, to));
  // However long this machine takes for it, on the clock it takes no time.
  const { now } = performance;
  const moment = performance.now();
  performance.now = () => moment;
  try {
    for (let count = 0; count < 300;) count += (await socket.receiveMany()).length;
    const packet = next(socket);
    assertEquals(library.brief, ["usleep"]);
    return { packet };
  } finally {
    performance.now = now;
  }
}

test("a reader that is ahead of a stream rests, and hears what comes then", {
  needs: ["linux"],
}, async () => {
  const library = new FakeLibrary();
  await using socket = library.openSocket({ family: "IPv4", receiveBufferSize: 1 << 20 });
  const waiting = await restIn(library, socket);
  await socket.send("after it", at(socket, "127.0.0.3"));
  assertEquals(text(await waiting.packet), "after it");
  assertEquals(library.brief, ["usleep"]);
});

test("a socket may be closed while it rests", { needs: ["linux"] }, async () => {
  const library = new FakeLibrary();
  const socket = library.openSocket({ family: "IPv4", receiveBufferSize: 1 << 20 });
  const waiting = await restIn(library, socket);
  await socket.close();
  assertEquals((await assertRejects(() => waiting.packet, SocketError)).code, "ECANCELED");
  await library.lastBrief;
  await turn();
  assertEquals(library.stray, []);
});

test("sendMany sends all, in order, whatever their number", { needs: ["ipv6"] }, async () => {
  await using socket = openUdpSocket({ receiveBufferSize: 1 << 20 });
  for (const count of [0, 1, 2, 63, 64, 65, 128, 200]) {
    for (const address of ["127.0.0.3", "::1"]) {
      const items = numbered(count, at(socket, address));
      assertEquals(await socket.sendMany(items), count);
      assertEquals(await nextTexts(socket, count), items.map(({ data }) => data));
    }
  }
});

test("sendMany takes both families, all sizes and all options in one go", {
  needs: ["linux", "python3", "ipv6"],
}, async () => {
  await using socket = openUdpSocket();
  await using four = await startReceiver(null);
  await using six = await startReceiver(null, { family: "IPv6" });
  const sizes = [0, 1, 2047, 2048, 2049, 9000, 65507];
  const items: OutgoingDatagram[] = [];
  for (const [i, size] of sizes.entries()) {
    const data = new Uint8Array(size).fill(i);
    items.push(
      { data, to: at(four, "127.0.0.3"), hops: 10 + i, source: `127.0.0.${10 + i}` },
      { data, to: { address: "::1", port: six.port, interface: "lo" }, trafficClass: 4 * i },
    );
  }
  assertEquals(await socket.sendMany(items), items.length);
  for (const [i, size] of sizes.entries()) {
    const [a, b] = [await four.next(), await six.next()];
    assertEquals([a.length, a.hops, a.source.address], [size, 10 + i, `127.0.0.${10 + i}`]);
    assertEquals([b.length, b.trafficClass, b.source.address], [size, 4 * i, "::1"]);
    for (const { data } of [a, b]) assert(data.every((byte) => byte === i));
  }
});

test("sendMany takes any iterable", async () => {
  await using socket = openUdpSocket();
  const to = at(socket, "127.0.0.3");
  const sent = await socket.sendMany((function* () {
    yield { data: "1", to };
    yield { data: "2", to };
  })());
  assertEquals([sent, await nextTexts(socket, 2)], [2, ["1", "2"]]);
});

test("one that is refused does not keep the others back, and is reported", async () => {
  await using socket = openUdpSocket();
  const to = at(socket, "127.0.0.3");
  for (const place of [0, 5, 63, 64, 99]) {
    const items = numbered(100, to);
    items[place] = { data: "refused", to: at(socket, "127.255.255.255") };
    const error = await assertRejects(() => socket.sendMany(items), SocketError);
    assertEquals([error.code, error.address], ["EACCES", "127.255.255.255"]);
    const expected = items.map(({ data }) => data).filter((data) => data !== "refused");
    assertEquals(await nextTexts(socket, 99), expected);
  }
  assertEquals(socket.stats.sent, 5 * 99);
});

test("a wrong item is noticed before the first is sent", async () => {
  await using socket = openUdpSocket();
  const items = numbered(10, at(socket, "127.0.0.3"));
  items[7] = { data: "x", to: "127.0.0.3:99999" };
  await assertRejects(() => socket.sendMany(items), RangeError);
  assertEquals(socket.stats.sent, 0);
});

test("the data of sendMany may be changed as soon as it has returned", async () => {
  await using socket = openUdpSocket();
  const to = at(socket, "127.0.0.3");
  const large = new Uint8Array(3000).fill(0x61);
  const small = new TextEncoder().encode("small");
  // The large one does not fit a batch.
  const sending = socket.sendMany([
    { data: small, to },
    { data: large, to },
    { data: small, to },
    { data: large, to },
    { data: small, to },
  ]);
  large.fill(0);
  small.fill(0);
  assertEquals(await sending, 5);
  const packets = [];
  for (let i = 0; i < 5; i++) packets.push(await next(socket));
  assertEquals(packets.map(({ data }) => data[0]), [0x73, 0x61, 0x73, 0x61, 0x73]);
});

test("close in the middle of sendMany ends it; no closed descriptor is used", async () => {
  const library = new FakeLibrary();
  await using witness = openUdpSocket();
  const socket = library.openSocket();
  const data = new Uint8Array(3000);
  const items = Array.from({ length: 500 }, (_, i) => ({
    data: i % 2 === 0 ? data : "small",
    to: at(witness, "127.0.0.3"),
  }));
  const sending = socket.sendMany(items).then((count) => count, (error) => error.code);
  await Promise.resolve();
  await socket.close();
  const result = await sending;
  await turn();
  assertEquals(library.stray, []);
  assert(result === 500 || result === "ECANCELED", `${result}`);
});

test("an iterable that fails half way sends nothing", async () => {
  await using socket = openUdpSocket();
  const reason = new Error("no more");
  const error = await assertRejects(() =>
    socket.sendMany((function* () {
      yield { data: "1", to: at(socket, "127.0.0.3") };
      throw reason;
    })())
  );
  assertEquals([error, socket.stats.sent], [reason, 0]);
});
