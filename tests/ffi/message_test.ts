import { assert, assertEquals } from "@std/assert";
import { ControlCodec, ControlRecord, type SendControl } from "../../ffi/cmsg.ts";
import { widthOf } from "../../ffi/layout.ts";
import { ReceiveBatch, type ReceivedMessage, SendBatch } from "../../ffi/message.ts";
import type { Platform } from "../../ffi/platform/platform.ts";
import { emptyWords, SockaddrCodec } from "../../ffi/sockaddr.ts";
import { pick, randomWords } from "../address/random.ts";
import { test } from "../harness.ts";
import { KernelMemory } from "./memory.ts";
import { controlMessage, hex, PLATFORMS, toHex } from "./tables.ts";

/** A message header, as the kernel reads it. */
function headerOf(platform: Platform, memory: KernelMemory, headers: Uint8Array, slot: number) {
  const { msghdr, mmsghdr, iovec } = platform.layouts;
  const size = (mmsghdr ?? msghdr).size;
  const view = new DataView(headers.buffer, headers.byteOffset + slot * size, size);
  const pointer = (at: number) => view.getBigUint64(at, true);
  const length = (field: "msg_iovlen" | "msg_controllen") =>
    widthOf(msghdr.fields[field][1]) === 8
      ? Number(view.getBigUint64(msghdr.at[field], true))
      : view.getUint32(msghdr.at[field], true);
  const nameLength = view.getUint32(msghdr.at.msg_namelen, true);
  const controlLength = length("msg_controllen");
  const vector = memory.at(pointer(msghdr.at.msg_iov), iovec.size);
  const vectorView = new DataView(vector.buffer, vector.byteOffset, iovec.size);
  const dataLength = widthOf(iovec.fields.iov_len[1]) === 8
    ? Number(vectorView.getBigUint64(iovec.at.iov_len, true))
    : vectorView.getUint32(iovec.at.iov_len, true);
  const control = pointer(msghdr.at.msg_control);
  const name = pointer(msghdr.at.msg_name);
  return {
    view,
    vectors: length("msg_iovlen"),
    name: name === 0n ? null : memory.at(name, nameLength),
    nameLength,
    control: control === 0n ? null : memory.at(control, controlLength),
    controlLength,
    data: memory.at(vectorView.getBigUint64(iovec.at.iov_base, true), dataLength),
    setNameLength: (value: number) => view.setUint32(msghdr.at.msg_namelen, value, true),
    setControlLength: (value: number) => view.setUint32(msghdr.at.msg_controllen, value, true),
    setFlags: (value: number) => view.setInt32(msghdr.at.msg_flags, value, true),
    setLength: (value: number) => mmsghdr && view.setUint32(mmsghdr.at.msg_len, value, true),
  };
}

function emptyMessage(): ReceivedMessage {
  return {
    source: emptyWords(),
    control: new ControlRecord(),
    length: 0,
    truncated: false,
    controlTruncated: false,
    broadcast: false,
  };
}

const from = { ...emptyWords(), w0: 0x7f000002, port: 4000 };
const from6 = { ...from, family: "IPv6" as const, w0: 0xfe800000, w3: 1, scopeId: 3 };
const NONE: SendControl = {
  hasSource: false,
  w0: 0,
  w1: 0,
  w2: 0,
  w3: 0,
  interfaceIndex: 0,
  hops: -1,
  trafficClass: -1,
};

/** The interface and the hops of an IPv6 datagram, as the kernel tells them. */
function told(platform: Platform, interfaceIndex: number, hops: number): Uint8Array {
  const { packetInfo, hops: [hopsRow] } = platform.control.IPv6;
  const { size, at } = platform.layouts.in6_pktinfo;
  const info = new Uint8Array(size);
  new DataView(info.buffer).setUint32(at.ipi6_ifindex, interfaceIndex, true);
  const messages = [controlMessage(platform, packetInfo!, info)];
  if (hops >= 0) messages.push(controlMessage(platform, hopsRow, new Uint8Array([hops, 0, 0, 0])));
  return Uint8Array.from(messages.flatMap((message) => [...message]));
}

for (const [system, platform] of PLATFORMS) {
  const { MSG_TRUNC, MSG_CTRUNC, MSG_BCAST } = platform.constants;
  const headerSize = (platform.layouts.mmsghdr ?? platform.layouts.msghdr).size;
  /** Where no call takes many messages, the call's result is the length. */
  const lengthOf = (length: number) => platform.layouts.mmsghdr ? -1 : length;

  test(`receiving as on ${system}: every slot has memory of its own`, () => {
    const memory = new KernelMemory();
    const batch = new ReceiveBatch(platform, memory.addressOf, 4, 100);
    batch.setDataSize(80);
    assertEquals(batch.headers.length, 4 * headerSize);
    const seen = new Set<number>();
    for (let slot = 0; slot < 4; slot++) {
      const header = headerOf(platform, memory, batch.headers, slot);
      assertEquals([header.vectors, header.data.length], [1, 80]);
      assert(header.nameLength >= 28);
      assertEquals(header.name!.byteOffset % 8, 0);
      assertEquals(header.control!.byteOffset % 8, 0);
      assert(header.control!.length >= new ControlCodec(platform).receiveSize);
      header.name!.fill(slot + 1);
      header.control!.fill(slot + 1);
      header.data.fill(slot + 1);
      seen.add(header.data.byteOffset);
    }
    assertEquals(seen.size, 4);
    for (let slot = 0; slot < 4; slot++) {
      const header = headerOf(platform, memory, batch.headers, slot);
      for (const part of [header.name!, header.control!, header.data]) {
        assert(part.every((byte) => byte === slot + 1), "slots share memory");
      }
    }
  });

  test(`receiving as on ${system}: what the kernel writes is what is taken`, () => {
    const memory = new KernelMemory();
    const batch = new ReceiveBatch(platform, memory.addressOf, 3, 100);
    batch.setDataSize(100);
    const sockaddr = new SockaddrCodec(platform);
    const { receiveSize } = new ControlCodec(platform);
    const out = emptyMessage();
    // Twice, because the slots have to be whole again after the first time.
    for (let round = 0; round < 2; round++) {
      for (let slot = 0; slot < 3; slot++) {
        const header = headerOf(platform, memory, batch.headers, slot);
        const { data } = header;
        const name = header.name!;
        const source = slot === 1 ? from6 : { ...from, port: 4000 + slot };
        header.setNameLength(
          sockaddr.write(new DataView(name.buffer, name.byteOffset, name.length), 0, source),
        );
        const control = told(platform, 5 + slot, slot === 2 ? -1 : 60 + slot);
        header.control!.set(control);
        header.setControlLength(control.length);
        data.fill(slot + 7, 0, 10 * slot);
        header.setLength(10 * slot);
        header.setFlags([0, MSG_BCAST, MSG_TRUNC | MSG_CTRUNC][slot]);
      }
      for (let slot = 0; slot < 3; slot++) {
        assert(batch.take(slot, lengthOf(10 * slot), out));
        assertEquals(out.source, slot === 1 ? from6 : { ...from, port: 4000 + slot });
        assertEquals(out.control.interfaceIndex, 5 + slot);
        assertEquals(out.control.hops, slot === 2 ? -1 : 60 + slot);
        assertEquals(out.length, 10 * slot);
        assertEquals([out.truncated, out.controlTruncated], [slot === 2, slot === 2]);
        assertEquals(out.broadcast, slot === 1 && MSG_BCAST !== 0);
        const data = batch.data(slot, out.length);
        assertEquals(data, new Uint8Array(10 * slot).fill(slot + 7));
        const header = headerOf(platform, memory, batch.headers, slot);
        assert(header.nameLength >= 28 && header.controlLength >= receiveSize);
        assertEquals(header.view.getInt32(platform.layouts.msghdr.at.msg_flags, true), 0);
        header.data.fill(0);
        assert(data.every((byte) => byte === 0), "a view of the slot, to be copied at once");
      }
    }
    // One message by recvmsg: its length is the call's result.
    headerOf(platform, memory, batch.headers, 0).setNameLength(16);
    assert(batch.take(0, 42, out));
    assertEquals(out.length, 42);
    headerOf(platform, memory, batch.headers, 0).setNameLength(0);
    assertEquals(batch.take(0, 42, out), false, "the kernel gave no sender");
  });

  test(`receiving as on ${system}: an error may say that a datagram was too long`, () => {
    const memory = new KernelMemory();
    const batch = new ReceiveBatch(platform, memory.addressOf, 2, 64);
    batch.setDataSize(48);
    const out = emptyMessage();
    const take = (slot: number, length: number) => {
      headerOf(platform, memory, batch.headers, slot).setControlLength(0);
      batch.take(slot, length, out);
      return [out.truncated, out.controlTruncated, out.length];
    };
    batch.markTruncated(0);
    batch.markTruncated(0);
    assertEquals(take(0, batch.dataSize), [true, false, 48]);
    assertEquals(take(0, 3), [false, false, 3], "the next one is not");
    assertEquals(take(1, 3), [false, false, 3], "nor was its neighbour");
  });

  test(`receiving as on ${system}: lengths and flags that lie do no harm`, () => {
    const next = randomWords(3);
    const memory = new KernelMemory();
    const batch = new ReceiveBatch(platform, memory.addressOf, 2, 64);
    batch.setDataSize(64);
    const out = emptyMessage();
    const lies = [
      0,
      1,
      15,
      16,
      27,
      28,
      31,
      32,
      33,
      64,
      65,
      128,
      0x7fffffff,
      0x80000000,
      0xffffffff,
    ];
    for (let i = 0; i < 2_000; i++) {
      const slot = next() % 2;
      const header = headerOf(platform, memory, batch.headers, slot);
      for (const part of [header.name!, header.control!]) {
        for (let at = 0; at < part.length; at++) part[at] = next() % 3 === 0 ? next() : 0;
      }
      const family = platform.layouts.sockaddr_in.at.sin_family;
      header.name![family] = pick(next, [
        0,
        platform.constants.AF_INET,
        platform.constants.AF_INET6,
      ]);
      header.control![0] = pick(next, [0, 1, 16, 20, 28, 36, 255]);
      header.setNameLength(pick(next, lies));
      header.setControlLength(pick(next, lies));
      header.setLength(pick(next, lies));
      header.setFlags(next() | 0);
      batch.take(slot, lengthOf(pick(next, lies)), out);
      assert(out.length >= 0 && out.length <= 64, `${out.length} bytes in a slot of 64`);
      assert(batch.data(slot, out.length).length <= 64);
      const { nameLength, controlLength } = headerOf(platform, memory, batch.headers, slot);
      assert(nameLength >= 28 && controlLength >= 64, "the slot is whole again");
    }
  });

  test(`sending as on ${system}: what is put is what the kernel reads`, () => {
    const memory = new KernelMemory();
    const batch = new SendBatch(platform, memory.addressOf, 3, 50);
    // What every system takes with an IPv6 datagram.
    const full: SendControl = {
      ...NONE,
      hasSource: true,
      w0: 0x20010db8,
      w3: 9,
      interfaceIndex: 0x0102,
    };
    batch.put(0, "IPv6", hex("01 02 03"), from6, full);
    batch.put(1, "IPv4", new Uint8Array(50).fill(9), from, null);
    batch.put(2, "IPv4", new Uint8Array(), null, NONE);
    const [first, second, third] = [0, 1, 2].map((slot) =>
      headerOf(platform, memory, batch.headers, slot)
    );
    assertEquals(toHex(first.data), "010203");
    assertEquals([first.nameLength, second.nameLength], [28, 16]);
    // Nor is there a name on a connected socket: some refuse an address with length 0.
    assertEquals([third.name, third.nameLength], [null, 0]);
    const source = emptyWords();
    const name = first.name!;
    const view = new DataView(name.buffer, name.byteOffset, name.length);
    assert(new SockaddrCodec(platform).read(view, 0, 28, source));
    assertEquals(source, from6);
    const record = new ControlRecord();
    const area = first.control!;
    assert(
      new ControlCodec(platform)
        .read(new DataView(area.buffer, area.byteOffset, area.length), 0, area.length, record),
    );
    assertEquals([record.w0, record.w3, record.interfaceIndex], [0x20010db8, 9, 0x0102]);
    // Empty control is no control: macOS and NetBSD refuse an address with length 0.
    assertEquals([second.control, second.controlLength], [null, 0]);
    assertEquals([third.control, third.controlLength, third.data.length], [null, 0, 0]);
    // A slot that had none has some again, and a name.
    batch.put(2, "IPv6", hex("ff"), from6, full);
    const again = headerOf(platform, memory, batch.headers, 2);
    assertEquals([again.data.length, again.nameLength], [1, 28]);
    assertEquals(toHex(again.control!), toHex(area));
    assert(again.control!.byteOffset !== area.byteOffset);
    assert(again.name!.byteOffset !== name.byteOffset);
  });
}
