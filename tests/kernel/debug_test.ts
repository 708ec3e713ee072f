// Debug mode (PKTINFO_DEBUG=1): each check fires, and packets are right while all memory that was used is poisoned.
// The modes are put together here by hand, so that this runs in every run; the stage unit-debug has all of it on.
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { fileURLToPath } from "node:url";
import { runtime } from "#runtime";
import { debugged } from "../../ffi/debug.ts";
import { GUARD, POISON, ReceiveBatch, type ReceivedMessage, SendBatch } from "../../ffi/message.ts";
import { ControlRecord } from "../../ffi/cmsg.ts";
import { emptyWords } from "../../ffi/sockaddr.ts";
import { System } from "../../ffi/syscalls.ts";
import { system } from "../../ffi/system.ts";
import type { Packet } from "../../mod.ts";
import { openWith } from "../../socket/open.ts";
import { checkOptions } from "../../socket/options.ts";
import { randomWords } from "../address/random.ts";
import { commandOf, has, notUnder, test } from "../harness.ts";
import { run } from "../lab/process.ts";
import { uncaughtDuring } from "../uncaught.ts";
import { at, needsSource, next, turn } from "./support.ts";

const { platform } = system();
const ours = debugged(runtime, platform);
const library = ours.openLibraries(platform.libraries, platform.errno);
const checked = new System(platform, ours, library);
const { symbols } = library;
const SLOTS = 4;
const SLOT = 2048;

/** The call breaks this rule, and says so before C is called. */
function breaks(call: () => unknown, rule: RegExp): void {
  const error = assertThrows(call, Error);
  assert(error.message.startsWith("PKTINFO_DEBUG: "), error.message);
  assert(rule.test(error.message), `${error.message} is not ${rule}`);
}

/** A socket for a test's calls. */
function withSocket(use: (fd: number) => void): void {
  const fd = checked.openSocket("IPv4");
  try {
    use(fd);
  } finally {
    checked.close(fd);
  }
}

const loopback = { ...emptyWords(), w0: 0x7f000003 };

/** `socklen_t`. */
function lengthOf(value: number): Uint8Array {
  return new Uint8Array(new Uint32Array([value]).buffer);
}

function detached(): Uint8Array {
  const bytes = new Uint8Array(8);
  structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
  return bytes;
}

test("debug mode refuses lengths that do not fit their buffers", () => {
  withSocket((fd) => {
    const sixteen = new Uint8Array(16);
    breaks(() => symbols.bind(fd, sixteen, 17), /^\S+ bind: argument 1 has 16 bytes, 17 are/);
    breaks(() => symbols.connect(fd, sixteen, 28), /connect: argument 1 has 16 bytes, 28 are/);
    breaks(() => symbols.getsockname(fd, sixteen, lengthOf(28)), /getsockname: .*16 bytes, 28/);
    breaks(() => symbols.getsockname(fd, sixteen, new Uint8Array(2)), /getsockname: argument 2/);
    breaks(() => symbols.setsockopt(fd, 1, 6, new Uint8Array(1), 4), /setsockopt: .*1 bytes, 4/);
    breaks(() => symbols.getsockopt(fd, 1, 6, sixteen, lengthOf(20)), /getsockopt: .*16 bytes, 20/);
    breaks(() => symbols.recv(fd, sixteen, 17n, 0), /recv: argument 1 has 16 bytes, 17/);
    breaks(() => symbols.sendto(fd, sixteen, 64n, 0, null, 0), /sendto: argument 1 .*64/);
    breaks(() => symbols.sendto(fd, sixteen, 4n, 0, sixteen, 28), /sendto: argument 4 .*28/);
    breaks(() => symbols.sendto(fd, sixteen, 4n, 0, null, 16), /sendto: argument 4 is no buffer/);
    breaks(() => symbols.recv(fd, sixteen, -1n, 0), /recv: argument 1 .*-1/);
    breaks(() => symbols.memmove(new Uint8Array(4), 0n, 5), /memmove: argument 0 has 4 bytes, 5/);
    breaks(() => symbols.memcpy(0n, new Uint8Array(4), 5), /memcpy: argument 1 has 4 bytes, 5/);
  });
});

test("debug mode refuses buffers that are detached, whatever the length", () => {
  withSocket((fd) => {
    breaks(() => symbols.sendto(fd, detached(), 0n, 0, null, 0), /sendto: argument 1 is detached/);
    breaks(() => symbols.recv(fd, detached(), 8n, 0), /recv: argument 1 is detached/);
    breaks(() => symbols.bind(fd, detached(), 16), /bind: argument 1 is detached/);
  });
});

test("debug mode refuses descriptors that are not ours, or were closed", () => {
  const fd = checked.openSocket("IPv4");
  checked.close(fd);
  const name = new Uint8Array(16);
  breaks(() => symbols.bind(fd, name, 16), new RegExp(`bind: descriptor ${fd} is none of ours`));
  breaks(() => checked.close(fd), /close\w*: descriptor \d+ is none of ours, or was closed/);
  breaks(() => checked.close(0), /close\w*: descriptor 0/);
  breaks(() => checked.send(fd, name, null, 0), /sendto: descriptor/);
  if (ours.watch) breaks(() => ours.watch!(fd, () => {}), /watch: descriptor/);
});

test("debug mode refuses names of interfaces without an end or without room", () => {
  if (has("windows")) {
    const luid = new Uint8Array(8);
    const name = new Uint8Array([108, 0, 111, 0]);
    breaks(() => symbols.ConvertInterfaceAliasToLuid(name, luid), /AliasToLuid: .* without an end/);
    breaks(() => symbols.ConvertInterfaceLuidToAlias(luid, name, 4), /LuidToAlias: .*4 bytes, 8/);
  } else {
    breaks(() => symbols.if_nametoindex(new Uint8Array([108, 111])), /nametoindex: .* an end/);
    breaks(() => symbols.if_indextoname(1, new Uint8Array(8)), /indextoname: .*8 bytes, \d/);
    breaks(() => symbols.getifaddrs(new Uint8Array(4)), /getifaddrs: .*4 bytes, 8/);
  }
});

/** A batch, and its first header. */
function batchOf(kind: typeof ReceiveBatch | typeof SendBatch) {
  const batch = new kind(platform, ours.addressOf, SLOTS, SLOT);
  if (batch instanceof ReceiveBatch) batch.setDataSize(SLOT);
  else batch.put(0, "IPv4", new Uint8Array(8), loopback, { ...NOTHING, hops: 3 });
  const { buffer, byteOffset } = batch.headers;
  return { batch, header: new DataView(buffer, byteOffset), at: platform.layouts.msghdr.at };
}

const NOTHING = {
  hasSource: false,
  w0: 0,
  w1: 0,
  w2: 0,
  w3: 0,
  interfaceIndex: 0,
  trafficClass: -1,
};

test("debug mode refuses headers that lead beyond the batch's memory", () => {
  const receive = (tamper: (header: DataView) => void) => {
    const { batch, header } = batchOf(ReceiveBatch);
    tamper(header);
    withSocket((fd) => checked.receiveOne(fd, batch as ReceiveBatch));
  };
  const { at } = platform.layouts.msghdr;
  const { iovec } = platform.layouts;
  breaks(() => receive((h) => h.setUint32(at.msg_namelen, 1000, true)), /msg_name of .*, 1000 are/);
  breaks(
    () => receive((h) => h.setUint32(at.msg_controllen, 100_000, true)),
    /msg_control of message 0 has \d+ bytes, 100000 are/,
  );
  breaks(() => receive((h) => h.setUint32(at.msg_iovlen, 9, true)), /msg_iov of message 0/);
  breaks(() => receive((h) => h.setBigUint64(at.msg_name, 64n, true)), /msg_name .* nobody has/);
  breaks(() => receive((h) => h.setBigUint64(at.msg_iov, 0n, true)), /msg_iov of .* is null, \d+/);
  breaks(() => receive((h) => h.setBigUint64(at.msg_control, 8n, true)), /msg_control .* nobody/);
  // A vector of ours in the place of the batch's, first too long, then at a wrong address.
  const vector = new Uint8Array(64);
  const view = new DataView(vector.buffer);
  const address = ours.addressOf(vector);
  const point = (h: DataView) => h.setBigUint64(at.msg_iov, address, true);
  const data = new Uint8Array(100);
  view.setBigUint64(iovec.at.iov_base, ours.addressOf(data), true);
  view.setUint32(iovec.at.iov_len, 101, true);
  breaks(() => receive(point), /iov_base of message 0 has 100 bytes, 101 are/);
  view.setUint32(iovec.at.iov_len, 100, true);
  receive(point);
  view.setBigUint64(iovec.at.iov_base, 4096n, true);
  breaks(() => receive(point), /iov_base of message 0 points to memory that nobody has/);
  structuredClone(data.buffer, { transfer: [data.buffer] });
});

test("debug mode refuses more messages than the batch has", {
  skip: !platform.batchedCalls && "needs calls for many messages",
}, () => {
  withSocket((fd) => {
    const receiving = batchOf(ReceiveBatch).batch as ReceiveBatch;
    breaks(
      () => checked.receiveMany(fd, receiving, SLOTS + 1),
      /recvmmsg: the array of headers has/,
    );
    const sending = batchOf(SendBatch).batch as SendBatch;
    breaks(() => checked.sendMany(fd, sending, SLOTS + 1), /sendmmsg: the array of headers has/);
  });
});

test("debug mode refuses a batch whose memory was taken away", () => {
  for (const kind of [ReceiveBatch, SendBatch]) {
    const { batch } = batchOf(kind);
    const { buffer } = batch.headers;
    structuredClone(buffer, { transfer: [buffer] });
    withSocket((fd) => {
      const call = () =>
        batch instanceof ReceiveBatch ? checked.receiveOne(fd, batch) : checked.sendOne(fd, batch);
      breaks(call, /the array of headers is detached/);
    });
  }
});

test("debug mode notices writing beside a batch's memory", () => {
  for (const where of [-1, -GUARD, 0, GUARD - 1]) {
    const { batch } = batchOf(ReceiveBatch);
    const { buffer, byteOffset, byteLength } = batch.headers;
    const whole = new Uint8Array(buffer);
    whole[where < 0 ? byteOffset + where : byteOffset + byteLength + where] = 0;
    withSocket((fd) => {
      const rule = where < 0 ? /guard zone in front of/ : /guard zone behind/;
      breaks(() => checked.receiveOne(fd, batch as ReceiveBatch), rule);
    });
  }
});

test("debug mode notices writing beside the data of a batch", () => {
  const { batch } = batchOf(ReceiveBatch);
  const data = (batch as ReceiveBatch).data(0, 1);
  const whole = new Uint8Array(data.buffer);
  whole[data.byteOffset - 1] = 1;
  withSocket((fd) => {
    breaks(() => checked.receiveOne(fd, batch as ReceiveBatch), /guard zone in front of/);
  });
  // Every call looks at all of the memory: that of this batch is to be whole again.
  whole[data.byteOffset - 1] = POISON;
});

test("debug mode guards memory of C's", () => {
  const memory = ours.allocate(100);
  const into = new Uint8Array(200);
  breaks(() => memory.read(into, 101), /memmove: C's memory has 100 bytes, not 101/);
  breaks(() => memory.read(new Uint8Array(9), 10), /memmove: the buffer .* 9 bytes, 10 are/);
  breaks(() => memory.write(into), /memcpy: C's memory has 100 bytes, not 200/);
  memory.write(into.subarray(0, 50).fill(7));
  memory.read(into, 51);
  assertEquals([...into.subarray(48, 52)], [7, 7, POISON, 0]);
  for (const where of [-1, 100]) {
    symbols.memcpy(memory.address + BigInt(where), new Uint8Array([1]), 1);
    breaks(() => memory.read(into, 1), /guard zone (?:in front of|behind)/);
    symbols.memcpy(memory.address + BigInt(where), new Uint8Array([POISON]), 1);
  }
  memory.free();
  breaks(() => memory.free(), /free: C's memory was freed before/);
  breaks(() => memory.read(into, 1), /memmove: C's memory was freed before/);
  breaks(() => memory.write(into.subarray(0, 1)), /memcpy: C's memory was freed before/);
  breaks(() => ours.readMemory(0n, 4), /memmove: a null pointer is read/);
  breaks(() => ours.readCString(0n), /strlen: a null pointer is read/);
});

/** `pollfd`, with one descriptor that is waited for in vain. */
function pollfdOf(fd: number): Uint8Array {
  const { size, at } = platform.layouts.pollfd;
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  view.setInt32(at.fd, fd, true);
  view.setInt16(at.events, platform.constants.POLLIN, true);
  return bytes;
}

test("debug mode lets nobody touch what a call on another thread uses", async () => {
  const fd = checked.openSocket("IPv4");
  checked.bind(fd, loopback, {});
  const pollfd = pollfdOf(fd);
  const memory = ours.allocate(pollfd.length);
  memory.write(pollfd);
  const wait = library.callBlocking("poll", [memory.address, 1, 20], true);
  breaks(() => memory.free(), /free: a call on another thread uses this memory/);
  breaks(() => memory.write(pollfd), /memcpy: a call on another thread uses this memory/);
  assertEquals(await wait, 0);
  memory.write(pollfd);
  memory.free();
  checked.close(fd);
});

test("debug mode lets no thread write to memory that is short, freed or JavaScript's", {
  skip: notUnder("bun", "bun test takes every uncaught error for its own"),
}, async () => {
  const fd = checked.openSocket("IPv4");
  const pollfd = pollfdOf(fd);
  const memory = ours.allocate(pollfd.length);
  memory.write(pollfd);
  const calls: [string, (number | bigint)[], RegExp][] = [
    ["poll", [memory.address, 2, 0], /poll: its memory has \d+ bytes, \d+ are announced/],
    ["poll", [ours.addressOf(pollfd), 1, 0], /poll: it would write to memory that is not C's/],
    ["poll", [memory.address, 1, 0], /poll: descriptor \d+ is none of ours/],
  ];
  let epoll = -1;
  if (platform.epoll) {
    epoll = checked.call("epoll_create1", 0);
    const { size } = platform.epoll.layouts.epoll_event;
    const event = new Uint8Array(size);
    breaks(() => symbols.epoll_ctl(epoll, 1, fd, event.subarray(1)), /epoll_ctl: argument 3 has/);
    breaks(() => symbols.epoll_ctl(epoll, 1, 12345, event), /epoll_ctl: descriptor 12345/);
    calls.push(
      ["epoll_wait", [epoll, memory.address, 64, 0], /epoll_wait: its memory has/],
      ["epoll_wait", [12345, memory.address, 1, 0], /epoll_wait: descriptor 12345/],
    );
  }
  checked.close(fd);
  // Whoever waits takes it for a wait that failed, so the error has to be seen elsewhere, too.
  for (const [call, args, rule] of calls) {
    const uncaught = await uncaughtDuring(async () => {
      const error = await assertRejects(() => library.callBlocking(call, args, true), Error);
      assert(rule.test(error.message), error.message);
    });
    assertEquals(uncaught.length, 1);
  }
  memory.free();
  if (epoll >= 0) checked.close(epoll);
});

test("debug mode poisons what was received once it was taken, and what was sent at once", async () => {
  const { sockaddr } = checked;
  const receiver = checked.openSocket("IPv4");
  const sender = checked.openSocket("IPv4");
  const { batch: receiving } = batchOf(ReceiveBatch) as { batch: ReceiveBatch };
  const { batch: sending } = batchOf(SendBatch) as { batch: SendBatch };
  const poisoned = (bytes: Uint8Array) => bytes.every((byte) => byte === POISON);
  try {
    checked.bind(receiver, loopback, {});
    const to = { ...loopback, port: checked.localAddress(receiver).port };
    const mine = new TextEncoder().encode("mine");
    const name = new Uint8Array(sockaddr.size);
    const length = sockaddr.write(new DataView(name.buffer), 0, to);
    assertEquals(checked.send(sender, mine, name, length), 4);
    assertEquals(new TextDecoder().decode(mine), "mine");
    assert(poisoned(name));
    assert(checked.receiveOne(receiver, receiving) === 4);
    const message: ReceivedMessage = {
      ...{ source: emptyWords(), control: new ControlRecord(), length: 0 },
      ...{ truncated: false, controlTruncated: false, broadcast: false },
    };
    assert(receiving.take(0, 4, message));
    assertEquals([message.source.w0 >>> 24, message.length], [127, 4]);
    const data = receiving.data(0, 4);
    assertEquals(new TextDecoder().decode(data), "mine");
    // The rest of the slot was poisoned before the call.
    assert(poisoned(receiving.data(0, SLOT).subarray(4)));
    await turn();
    assert(poisoned(receiving.data(0, SLOT)));
    sending.put(0, "IPv4", mine, to, null);
    assertEquals(checked.sendOne(sender, sending), 4);
    assertEquals(checked.receiveOne(receiver, receiving), 4);
    sending.finish(0, "IPv4", 4, to, null);
    assertEquals(checked.sendOne(sender, sending), 4);
    await turn();
    assertEquals(checked.receiveOne(receiver, receiving), 4);
    assert(poisoned(receiving.data(0, 4)), "what was sent first was still there");
  } finally {
    checked.close(receiver);
    checked.close(sender);
  }
});

test("packets are right and stay right while all used memory is poisoned", {
  skip: needsSource,
}, async () => {
  await using receiver = openWith(checked, checkOptions({ segmentation: true }));
  await using sender = openWith(checked, checkOptions({ segmentation: true }));
  const next32 = randomWords(20261125);
  const random = (length: number) => Uint8Array.from({ length }, () => next32() & 255);
  const sizes = [0, 1, 63, 64, 65, 1200, 2048, 2049, 9000, 60_000];
  const sent: Uint8Array[] = [];
  const packets: Packet[] = [];
  const to = at(receiver, "127.0.0.3");
  const take = async () => void packets.push(await next(receiver));
  for (const size of sizes) {
    sent.push(random(size), random(size));
    await sender.send(sent.at(-2)!, to);
    await sender.send(sent.at(-1)!, to, { source: "127.0.0.9", hops: 7 });
    await take();
    await take();
  }
  const many = Array.from({ length: 40 }, (_, i) => random(i * 7));
  const train = Array.from({ length: 10 }, () => random(400));
  for (const group of [many, train]) {
    await sender.sendMany(group.map((data) => ({ data, to })));
    for (const _ of group) await take();
    sent.push(...group);
  }
  await receiver.reply(packets[0], packets[5].data);
  const answer = await next(sender);
  assertEquals(answer.data, sent[5]);
  assertEquals(answer.source.toString(), to);
  assertEquals(packets.length, sent.length);
  packets.forEach((packet, i) => {
    assertEquals(packet.data, sent[i]);
    assertEquals(packet.destination?.toString(), to);
    assertEquals(packet.source.port, sender.port);
  });
  assertEquals(packets[1].source.address, "127.0.0.9");
  assertEquals(packets[1].hops, 7);
});

test("debug mode is on where PKTINFO_DEBUG=1 may be read, and off otherwise", async () => {
  const file = fileURLToPath(new URL("../programs/debug_mode.ts", import.meta.url));
  const ask = async (value: string, ...permissions: string[]) => {
    const env = { PKTINFO_DEBUG: value };
    return (await run(...commandOf(file, ["--allow-ffi", ...permissions]), { env })).trim();
  };
  assertEquals(await ask("1", "--allow-env"), "refused");
  assertEquals(await ask("0", "--allow-env"), "called");
  if (has("deno")) {
    assertEquals(await ask("1", "--allow-env=PKTINFO_DEBUG"), "refused");
    assertEquals(await ask("1"), "called");
  }
});
