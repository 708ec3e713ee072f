// Trains: many datagrams that travel in one piece (UDP_SEGMENT, UDP_GRO), and look as if each had come alone.
import { assert, assertEquals } from "@std/assert";
import { openUdpSocket, type OutgoingDatagram, type Packet, platform } from "../../mod.ts";
import { thorough } from "../figures.ts";
import { commandOf, notOn, notUnder, runtime, test, type TestOptions, within } from "../harness.ts";
import { startReceiver } from "../lab/peers.ts";
import { run } from "../lab/process.ts";
import { randomWords } from "../address/random.ts";
import { FakeLibrary } from "./fake_library.ts";
import { at, fileOf, lo, text, until } from "./support.ts";

/** The kernel's own part of it. Elsewhere each datagram travels alone, and all but the number of calls is the same. */
const trains: TestOptions = {
  skip: !platform.segmentation && "needs UDP_SEGMENT and UDP_GRO, which Linux has",
};
const room = { receiveBufferSize: 1 << 20 };

/** A datagram of `size` bytes that says which it is. */
function datagram(number: number, size: number, to: string): OutgoingDatagram {
  const data = new Uint8Array(size).fill(number);
  if (size >= 4) new DataView(data.buffer).setUint32(0, number);
  return { data, to };
}

function train(count: number, size: number, to: string): OutgoingDatagram[] {
  return Array.from({ length: count }, (_, number) => datagram(number, size, to));
}

async function receive(
  socket: { receiveMany(): Promise<Packet[]> },
  count: number,
): Promise<Packet[]> {
  const packets: Packet[] = [];
  while (packets.length < count) {
    packets.push(...await within(5_000, socket.receiveMany(), "packets"));
  }
  assertEquals(packets.length, count);
  return packets;
}

function assertData(packets: readonly Packet[], sent: readonly OutgoingDatagram[]) {
  packets.forEach(({ data }, i) => assertEquals(data, sent[i].data, `datagram ${i}`));
}

for (const address of ["127.0.0.3", "::1"]) {
  const needs: TestOptions["needs"] = address === "::1" ? ["ipv6"] : [];
  test(`a train to ${address} arrives as the datagrams it was made of`, { needs }, async () => {
    await using receiver = openUdpSocket({ ...room, segmentation: true });
    await using sender = openUdpSocket({ segmentation: true, hops: 33 });
    const to = at(receiver, address);
    const sent = [...train(130, 1200, to), datagram(130, 700, to), datagram(131, 1200, to)];
    assertEquals(await sender.sendMany(sent), 132);
    const packets = await receive(receiver, 132);
    assertData(packets, sent);
    for (const packet of packets) {
      assertEquals(packet.destination.toString(), to);
      assertEquals([packet.source.port, packet.hops], [sender.port, 33]);
      assertEquals([packet.interfaceIndex, packet.interfaceName], [lo.index, lo.name]);
      assertEquals([packet.cast, packet.truncated], ["unicast", false]);
    }
    const bytes = 131 * 1200 + 700;
    assertEquals([sender.stats.sent, sender.stats.sentBytes], [132, bytes]);
    assertEquals([receiver.stats.received, receiver.stats.receivedBytes], [132, bytes]);
  });
}

test("a train is one system call, up to 64 datagrams and 64 KiB", trains, async () => {
  const library = new FakeLibrary();
  await using receiver = openUdpSocket(room);
  await using sender = library.openSocket({ segmentation: true });
  const to = at(receiver, "127.0.0.3");
  for (const [count, size, calls] of [[64, 100, 1], [65, 100, 2], [54, 1200, 1], [55, 1200, 2]]) {
    const before = library.calls.length;
    assertEquals(await sender.sendMany(train(count, size, to)), count);
    const made = library.calls.slice(before).filter((name) => /^send/.test(name));
    assertEquals(made.length, calls, `${count} of ${size} bytes: ${made}`);
    assertData(await receive(receiver, count), train(count, size, to));
  }
});

test("a train is received in one piece, up to 64 datagrams and 64 KiB", trains, async () => {
  const library = new FakeLibrary();
  await using receiver = library.openSocket({ ...room, segmentation: true });
  await using sender = openUdpSocket({ segmentation: true });
  let pieces = 0;
  const batched = library.system.platform.batchedCalls;
  library.on(batched ? "recvmmsg" : "recvmsg", (_, call) => {
    const result = call();
    if (result >= 0) pieces += batched ? result : 1;
    return result;
  });
  const sent = train(130, 1200, at(receiver, "127.0.0.3"));
  await sender.sendMany(sent);
  assertData(await receive(receiver, 130), sent);
  assertEquals(pieces, 3);
});

test("one that asks for it or not: receivers cannot tell", trains, async () => {
  const next = randomWords(7);
  await using plain = openUdpSocket(room);
  await using cutting = openUdpSocket({ ...room, segmentation: true });
  await using other = openUdpSocket({ ...room, segmentation: true });
  for (const segmentation of [false, true]) {
    await using sender = openUdpSocket({ segmentation });
    for (let round = 0; round < 20; round++) {
      const sizes = [0, 1, 4, 100, 100, 100, 1200, 1200, 3000, 9000];
      const items: OutgoingDatagram[] = [];
      for (let size = 100; items.length < 40;) {
        if (next() % 3 === 0) size = sizes[next() % sizes.length];
        const item = datagram(items.length, size, "");
        const hops = next() % 8 === 0 ? { hops: 1 + next() % 255 } : {};
        const source = next() % 8 === 0 ? { source: "127.0.0.9" } : {};
        items.push({ ...item, ...hops, ...source });
      }
      for (const receiver of [plain, cutting, other]) {
        const to = at(receiver, "127.0.0.5");
        await sender.sendMany(items.map((item) => ({ ...item, to })));
        const packets = await receive(receiver, items.length);
        assertData(packets, items);
        packets.forEach((packet, i) => {
          assertEquals(packet.hops, items[i].hops ?? 64);
          assertEquals(packet.source.address, items[i].source ?? "127.0.0.1");
          assertEquals(packet.destination.address, "127.0.0.5");
        });
      }
    }
  }
});

test("a train to several destinations is several trains", async () => {
  await using one = openUdpSocket({ ...room, segmentation: true });
  await using two = openUdpSocket({ ...room, segmentation: true });
  await using sender = openUdpSocket({ segmentation: true });
  const [first, second] = [
    train(10, 50, at(one, "127.0.0.3")),
    train(10, 50, at(two, "127.0.0.4")),
  ];
  const mixed = first.flatMap((item, i) => [item, second[i]]);
  await sender.sendMany([...first, ...second, ...mixed]);
  for (const [receiver, sent] of [[one, first], [two, second]] as const) {
    const packets = await receive(receiver, 20);
    assertData(packets, [...sent, ...sent]);
    for (const { destination } of packets) assertEquals(destination.toString(), sent[0].to);
  }
});

test("a connected socket's trains need no destination", async () => {
  await using receiver = openUdpSocket({ ...room, segmentation: true });
  await using sender = openUdpSocket({ address: "127.0.0.2", segmentation: true });
  sender.connect(at(receiver, "127.0.0.3"));
  const sent = train(70, 300, "").map(({ data }) => ({ data }));
  assertEquals(await sender.sendMany(sent), 70);
  const packets = await receive(receiver, 70);
  assertData(packets, sent);
  for (const { source } of packets) assertEquals(source.address, "127.0.0.2");
});

test("a program that knows nothing of trains gets datagrams, and sends them", {
  needs: ["python3"],
}, async () => {
  await using peer = await startReceiver(null, { echo: true });
  await using socket = openUdpSocket({ ...room, segmentation: true });
  const sent = train(20, 200, `127.0.0.3:${peer.port}`);
  await socket.sendMany(sent);
  for (const { data } of sent) {
    const packet = await peer.next();
    assertEquals([packet.data, packet.destination], [data, "127.0.0.3"]);
  }
  assertData(await receive(socket, 20), sent);
});

test("what a reader does with one datagram of a train leaves the others alone", async () => {
  await using receiver = openUdpSocket({ ...room, segmentation: true });
  await using sender = openUdpSocket({ segmentation: true });
  const sent = train(3, 400, at(receiver, "127.0.0.3"));
  await sender.sendMany(sent);
  const [one, two, three] = await receive(receiver, 3);
  two.data.fill(0xff);
  assertData([one], [sent[0]]);
  assertData([three], [sent[2]]);
  await sender.sendMany(train(3, 400, at(receiver, "127.0.0.3")).reverse());
  await receive(receiver, 3);
  assertData([one, three], [sent[0], sent[2]]);
});

test("maxDatagramSize cuts each datagram of a train, and those that come alone", async () => {
  await using receiver = openUdpSocket({ ...room, segmentation: true, maxDatagramSize: 100 });
  await using sender = openUdpSocket({ segmentation: true });
  const to = at(receiver, "127.0.0.3");
  const sent = [...train(3, 150, to), datagram(9, 80, to), datagram(10, 5000, to)];
  await sender.sendMany(sent);
  const packets = await receive(receiver, 5);
  assertEquals(packets.map(({ data }) => data.length), [100, 100, 100, 80, 100]);
  assertEquals(packets.map(({ truncated }) => truncated), [true, true, true, false, true]);
  assertData(packets, sent.map(({ data }) => ({ data: (data as Uint8Array).slice(0, 100) })));
});

test(
  "datagrams of a train that are not for this socket are counted one by one",
  trains,
  async () => {
    await using receiver = openUdpSocket({ ...room, segmentation: true, deliver: "multicast" });
    await using sender = openUdpSocket({ segmentation: true });
    receiver.join("239.255.7.9", { interface: lo.name });
    await sender.sendMany([
      ...train(5, 60, at(receiver, "127.0.0.3")),
      { data: "marker", to: `239.255.7.9:${receiver.port}`, interface: lo.name },
    ]);
    const [packet] = await receive(receiver, 1);
    assertEquals([text(packet), receiver.stats.filtered], ["marker", 5]);
  },
);

const refusals = [
  ["EIO", "a device that cannot fill in checksums", 100],
  ["EINVAL", "a size that would have to be fragmented", 100],
  ["EMSGSIZE", "a size that would have to be fragmented", 100],
] as const;
for (const [code, what, size] of refusals) {
  test(`${code}: ${what} costs one attempt, and no datagram`, trains, async () => {
    const library = new FakeLibrary();
    await using receiver = openUdpSocket(room);
    await using sender = library.openSocket({ segmentation: true });
    let refused = 0;
    library.on("sendmsg", () => {
      refused++;
      return library.refuse(code);
    });
    const to = at(receiver, "127.0.0.3");
    for (let i = 0; i < 3; i++) {
      assertEquals(await sender.sendMany(train(10, size, to)), 10);
      assertData(await receive(receiver, 10), train(10, size, to));
    }
    assertEquals([refused, sender.stats.errors], [1, 0]);
    // Smaller ones may go.
    await sender.sendMany(train(10, size - 1, to));
    assertEquals(refused, code === "EIO" ? 1 : 2);
    await receive(receiver, 10);
  });
}

test("a train that finds no room waits for it like any datagram", trains, async () => {
  const library = new FakeLibrary();
  await using receiver = openUdpSocket(room);
  await using sender = library.openSocket({ segmentation: true });
  let full = true;
  for (const name of ["sendmsg", "sendmmsg", "sendto"]) {
    library.on(name, (_, call) => full ? library.refuse("EAGAIN") : call());
  }
  const to = at(receiver, "127.0.0.3");
  const sending = sender.sendMany(train(5, 100, to));
  full = false;
  assertEquals(await within(5_000, sending, "the train"), 5);
  assertData(await receive(receiver, 5), train(5, 100, to));
});

test("a kernel without trains: each datagram by itself", async () => {
  const library = new FakeLibrary().lacksOptions(["segmentation"]);
  await using receiver = library.openSocket({ ...room, segmentation: true });
  const sent = train(10, 100, at(receiver, "127.0.0.3"));
  await receiver.sendMany(sent);
  assertData(await receive(receiver, 10), sent);
  const sends = library.calls.filter((name) => name === "sendmsg");
  assertEquals(sends.length, 0);
});

test("a loop may end in the middle of a train: the rest is for the next reader", async () => {
  await using receiver = openUdpSocket({ ...room, segmentation: true });
  await using sender = openUdpSocket({ segmentation: true });
  const sent = train(100, 90, at(receiver, "127.0.0.3"));
  await sender.sendMany(sent);
  const heard: Packet[] = [];
  await until(() => sender.stats.sent === 100, "the train");
  for await (const packet of receiver) {
    heard.push(packet);
    if (heard.length === 7) break;
  }
  heard.push(...await receiver.receiveMany({ max: 10 }), ...await receive(receiver, 83));
  assertEquals(heard.length, 100);
  assertData(heard, sent);
  assert(heard.every(({ interfaceName }) => interfaceName === lo.name));
});

test("the memory of trains is used again, not given back to the kernel after each collection", {
  skip: trains.skip || runtime === "deno" && !thorough && "part of the complete run only" ||
    notUnder("bun", "it has an allocator of its own") ||
    notOn("qemu", "its C library's memory is the emulator's"),
}, async () => {
  // How many pages the kernel has to find for each page of data.
  const faults = async (...settings: string[]) => {
    const [program, args] = commandOf(fileOf("trains.ts"), ["--allow-ffi", "--allow-sys"]);
    return Number(await run("env", [...settings, program, ...args]));
  };
  const kept = await faults();
  // Whoever sets a limit has it kept: as without us.
  const returned = await faults("MALLOC_TRIM_THRESHOLD_=131072");
  assert(kept < returned / 3, `${kept} pages found for each, ${returned} without`);
});

test("trains come to a process that may not have the memory to make them cheap", async () => {
  const library = new FakeLibrary();
  const { runtime } = library.system;
  const { allocate } = runtime;
  Object.assign(runtime, {
    allocate(size: number) {
      if (size > 1 << 20) throw new RangeError(`the C library has no ${size} bytes left`);
      return allocate(size);
    },
  });
  await using receiver = library.openSocket({ ...room, segmentation: true });
  const sent = train(10, 100, at(receiver, "127.0.0.3"));
  await receiver.sendMany(sent);
  assertData(await receive(receiver, 10), sent);
});
