// What becomes of a caller's memory while a send waits for room. C must never be left with memory that is freed,
// moved or somebody else's: what waits is a copy, made before the call returns. A full kernel is played here.
import { assert, assertEquals, assertRejects } from "@std/assert";
import { Buffer } from "node:buffer";
import { openUdpSocket, type Packet } from "../../mod.ts";
import { has, test } from "../harness.ts";
import { FakeLibrary } from "./fake_library.ts";
import { at, next, text, turn } from "./support.ts";

const SENDS = ["sendto", "sendmsg", "sendmmsg"];

/** Longer than what V8 keeps on its own heap, and than a slot of a batch would forgive. */
const LENGTH = 1200;
const PAGE = 65536;

/** Bytes of which each says where it belongs. */
function fillIn(bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; at++) bytes[at] = at % 251;
}

function assertWhole(packet: Packet): void {
  const expected = new Uint8Array(LENGTH);
  fillIn(expected);
  assertEquals(packet.data, expected);
}

/** Takes a buffer's memory away; what is left of it is empty. */
function detach(buffer: ArrayBuffer): void {
  structuredClone(buffer, { transfer: [buffer] });
}

/** Memory of each kind that may be sent, and what may befall it. */
interface Kind {
  name: string;
  make(): Uint8Array<ArrayBuffer>;
  spoil(data: Uint8Array<ArrayBuffer>): void;
}

const memories = new WeakMap<ArrayBufferLike, WebAssembly.Memory>();

const KINDS: Kind[] = [
  {
    name: "a typed array that is overwritten",
    make: () => new Uint8Array(LENGTH),
    spoil: (data) => data.fill(0xee),
  },
  {
    name: "a typed array whose buffer is transferred",
    make: () => new Uint8Array(LENGTH),
    spoil: (data) => detach(data.buffer),
  },
  {
    name: "a view in the middle of a buffer that is transferred",
    make: () => new Uint8Array(new ArrayBuffer(4 * LENGTH), 33, LENGTH),
    spoil: (data) => detach(data.buffer),
  },
  {
    name: "a Buffer that is overwritten",
    make: () => Buffer.alloc(LENGTH),
    spoil: (data) => data.fill(0xee),
  },
  {
    name: "a Buffer whose memory is transferred",
    make: () => Buffer.from(new ArrayBuffer(LENGTH)),
    spoil: (data) => detach(data.buffer),
  },
  {
    name: "memory of WebAssembly that grows",
    make: () => {
      const memory = new WebAssembly.Memory({ initial: 1, maximum: 2 });
      memories.set(memory.buffer, memory);
      return new Uint8Array(memory.buffer as ArrayBuffer, PAGE - LENGTH, LENGTH);
    },
    spoil: (data) => {
      memories.get(data.buffer)!.grow(1);
      assertEquals(data.length, 0);
    },
  },
];

for (const { name, make, spoil } of KINDS) {
  test(`a send that waits has its own copy of the data: ${name}`, async () => {
    const library = new FakeLibrary();
    let full = true;
    for (const call of SENDS) {
      library.on(call, (_, real) => full ? library.refuse("EAGAIN") : real());
    }
    await using receiver = openUdpSocket({ family: "IPv4" });
    await using socket = library.openSocket({ family: "IPv4" });
    const to = at(receiver, "127.0.0.3");
    const data = [make(), make(), make(), make()];
    for (const bytes of data) fillIn(bytes);
    const sending = [
      socket.send(data[0], to),
      socket.send(data[1], to, { hops: 3 }),
      socket.sendMany([{ data: data[2], to }, { data: data[3], to }]),
    ];
    for (const bytes of data) spoil(bytes);
    await turn();
    full = false;
    await Promise.all(sending);
    for (let count = 0; count < 4; count++) assertWhole(await next(receiver));
  });

  test(`a send that need not wait is done with the data when it returns: ${name}`, async () => {
    await using receiver = openUdpSocket({ family: "IPv4" });
    await using socket = openUdpSocket({ family: "IPv4" });
    const to = at(receiver, "127.0.0.3");
    const data = [make(), make(), make(), make()];
    for (const bytes of data) fillIn(bytes);
    const sending = [
      socket.send(data[0], to),
      socket.send(data[1], to, { hops: 3 }),
      socket.sendMany([{ data: data[2], to }, { data: data[3], to }]),
    ];
    for (const bytes of data) spoil(bytes);
    await Promise.all(sending);
    for (let count = 0; count < 4; count++) assertWhole(await next(receiver));
  });
}

test("data that an option's getter takes away in the midst of a send is not read", async () => {
  await using receiver = openUdpSocket({ family: "IPv4" });
  await using socket = openUdpSocket({ family: "IPv4" });
  const to = at(receiver, "127.0.0.3");
  const data = new Uint8Array(LENGTH);
  const thief = {
    get interface() {
      if (data.length > 0) detach(data.buffer);
      return undefined;
    },
  };
  await socket.send(data, to, thief).catch((error) => assert(error instanceof TypeError));
  const items = [new Uint8Array(LENGTH), new Uint8Array(LENGTH)];
  const second = {
    to,
    get data() {
      detach(items[0].buffer);
      return items[1];
    },
  };
  await socket.sendMany([{ data: items[0], to }, second]).catch((error) =>
    assert(error instanceof TypeError)
  );
  await socket.send("the end", to);
  let packet = await next(receiver);
  for (; text(packet) !== "the end"; packet = await next(receiver)) {
    // Nothing but a datagram without data, and what was not taken away.
    assert(packet.data.length === 0 || packet.data.every((byte) => byte === 0));
  }
});

test("data that says another length than it has is refused, as C would read beyond its end", async () => {
  await using socket = openUdpSocket({ family: "IPv4" });
  class Longer extends Uint8Array {
    override get length() {
      return 60_000;
    }
  }
  const shorter = Object.defineProperty(new Uint8Array(8), "length", { value: 4 });
  for (const data of [new Longer(8), shorter]) {
    await assertRejects(async () => await socket.send(data, "127.0.0.3:9"), TypeError, "length");
    await assertRejects(
      async () => await socket.sendMany([{ data, to: "127.0.0.3:9" }]),
      TypeError,
      "length",
    );
  }
  assertEquals(socket.stats.sent, 0);
});

test("a datagram without data is sent from memory that is there", async () => {
  const library = new FakeLibrary();
  const { runtime } = library.system;
  let addresses = 0;
  library.on("sendto", ([, data, length], real) => {
    assertEquals([data.length, Number(length)], [0, 0]);
    // An empty buffer's own address is null, or 1.
    if (has("deno")) assert(runtime.addressOf(data) > 4096n, "C is given an address of nothing");
    addresses++;
    return real();
  });
  await using receiver = openUdpSocket({ family: "IPv4" });
  await using socket = library.openSocket({ family: "IPv4" });
  const nothing = [
    "",
    new Uint8Array(0),
    new ArrayBuffer(0),
    Buffer.alloc(0),
    new DataView(
      new ArrayBuffer(4),
      4,
    ),
  ];
  for (const data of nothing) {
    await socket.send(data, at(receiver, "127.0.0.3"));
    assertEquals((await next(receiver)).data.length, 0);
  }
  assertEquals(addresses, nothing.length);
});
