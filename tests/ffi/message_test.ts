import { assert, assertEquals } from "@std/assert";
import { ControlCodec, ControlRecord, type SendControl } from "../../ffi/cmsg.ts";
import { ReceiveBatch, type ReceivedMessage, SendBatch } from "../../ffi/message.ts";
import type { Platform } from "../../ffi/platform/platform.ts";
import { emptyWords, SockaddrCodec } from "../../ffi/sockaddr.ts";
import { pick, randomWords } from "../address/random.ts";
import { test } from "../harness.ts";
import { hex, LINUX, OTHER, toHex } from "./tables.ts";

/** Memory with addresses, as the kernel sees it. */
class Memory {
  readonly #buffers: { start: bigint; buffer: Uint8Array }[] = [];
  #next = 0x7f00_0000_0000n;

  readonly addressOf = (buffer: Uint8Array): bigint => {
    const start = this.#next;
    this.#next += 0x100_0000n;
    this.#buffers.push({ start, buffer });
    return start;
  };

  /** The memory at an address; there has to be enough of it. */
  at(address: bigint, length: number): Uint8Array {
    const found = this.#buffers.find(({ start, buffer }) =>
      start <= address && address + BigInt(length) <= start + BigInt(buffer.length)
    );
    assert(found, `${length} bytes at ${address.toString(16)} are nobody's`);
    const offset = Number(address - found.start);
    return found.buffer.subarray(offset, offset + length);
  }
}

/** A message header, as the kernel reads it. */
function headerOf(platform: Platform, memory: Memory, headers: Uint8Array, slot: number) {
  const { msghdr, mmsghdr, iovec } = platform.layouts;
  const view = new DataView(headers.buffer, slot * mmsghdr.size, mmsghdr.size);
  const pointer = (at: number) => view.getBigUint64(at, true);
  const length = (field: "msg_iovlen" | "msg_controllen") =>
    Number(
      msghdr.fields[field][1] === "usize"
        ? view.getBigUint64(msghdr.at[field], true)
        : view.getUint32(msghdr.at[field], true),
    );
  const nameLength = view.getUint32(msghdr.at.msg_namelen, true);
  const controlLength = length("msg_controllen");
  const vector = memory.at(pointer(msghdr.at.msg_iov), iovec.size);
  const vectorView = new DataView(vector.buffer, vector.byteOffset, iovec.size);
  const dataLength = Number(vectorView.getBigUint64(iovec.at.iov_len, true));
  const control = pointer(msghdr.at.msg_control);
  return {
    view,
    vectors: length("msg_iovlen"),
    name: memory.at(pointer(msghdr.at.msg_name), nameLength),
    control: control === 0n ? null : memory.at(control, controlLength),
    controlLength,
    data: memory.at(vectorView.getBigUint64(iovec.at.iov_base, true), dataLength),
    setNameLength: (value: number) => view.setUint32(msghdr.at.msg_namelen, value, true),
    setControlLength: (value: number) => view.setUint32(msghdr.at.msg_controllen, value, true),
    setFlags: (value: number) => view.setInt32(msghdr.at.msg_flags, value, true),
    setLength: (value: number) => view.setUint32(mmsghdr.at.msg_len, value, true),
  };
}

function emptyMessage(): ReceivedMessage {
  return {
    source: emptyWords(),
    control: new ControlRecord(),
    length: 0,
    truncated: false,
    controlTruncated: false,
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

for (const [name, platform] of [["Linux", LINUX], ["another system", OTHER]] as const) {
  const { MSG_TRUNC, MSG_CTRUNC } = platform.constants;

  test(`receiving as on ${name}: every slot has memory of its own`, () => {
    const memory = new Memory();
    const batch = new ReceiveBatch(platform, memory.addressOf, 4, 100);
    batch.setDataSize(80);
    assertEquals(batch.headers.length, 4 * platform.layouts.mmsghdr.size);
    const seen = new Set<number>();
    for (let slot = 0; slot < 4; slot++) {
      const header = headerOf(platform, memory, batch.headers, slot);
      assertEquals([header.vectors, header.data.length], [1, 80]);
      assert(header.name.length >= 28);
      assertEquals(header.name.byteOffset % 8, 0);
      assertEquals(header.control!.byteOffset % 8, 0);
      assert(header.control!.length >= new ControlCodec(platform).receiveSize);
      header.name.fill(slot + 1);
      header.control!.fill(slot + 1);
      header.data.fill(slot + 1);
      seen.add(header.data.byteOffset);
    }
    assertEquals(seen.size, 4);
    for (let slot = 0; slot < 4; slot++) {
      const header = headerOf(platform, memory, batch.headers, slot);
      for (const part of [header.name, header.control!, header.data]) {
        assert(part.every((byte) => byte === slot + 1), "slots share memory");
      }
    }
  });

  test(`receiving as on ${name}: what the kernel writes is what is taken`, () => {
    const memory = new Memory();
    const batch = new ReceiveBatch(platform, memory.addressOf, 3, 100);
    batch.setDataSize(100);
    const sockaddr = new SockaddrCodec(platform);
    const control = new ControlCodec(platform);
    const out = emptyMessage();
    // Twice, because the slots have to be whole again after the first time.
    for (let round = 0; round < 2; round++) {
      for (let slot = 0; slot < 3; slot++) {
        const header = headerOf(platform, memory, batch.headers, slot);
        const { name, data } = header;
        const source = slot === 1 ? from6 : { ...from, port: 4000 + slot };
        header.setNameLength(
          sockaddr.write(new DataView(name.buffer, name.byteOffset, name.length), 0, source),
        );
        const area = header.control!;
        header.setControlLength(
          control.write(
            new DataView(area.buffer, area.byteOffset, area.length),
            0,
            source.family,
            { ...NONE, interfaceIndex: 5 + slot, hops: slot === 2 ? -1 : 60 + slot },
          ),
        );
        data.fill(slot + 7, 0, 10 * slot);
        header.setLength(10 * slot);
        header.setFlags(slot === 2 ? MSG_TRUNC | MSG_CTRUNC : 0);
      }
      for (let slot = 0; slot < 3; slot++) {
        assert(batch.take(slot, -1, out));
        assertEquals(out.source, slot === 1 ? from6 : { ...from, port: 4000 + slot });
        assertEquals(out.control.interfaceIndex, 5 + slot);
        assertEquals(out.control.hops, slot === 2 ? -1 : 60 + slot);
        assertEquals(out.length, 10 * slot);
        assertEquals([out.truncated, out.controlTruncated], [slot === 2, slot === 2]);
        const data = batch.data(slot, out.length);
        assertEquals(data, new Uint8Array(10 * slot).fill(slot + 7));
        const header = headerOf(platform, memory, batch.headers, slot);
        assert(header.name.length >= 28 && header.controlLength >= control.receiveSize);
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

  test(`receiving as on ${name}: lengths and flags that lie do no harm`, () => {
    const next = randomWords(3);
    const memory = new Memory();
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
    for (let i = 0; i < 20_000; i++) {
      const slot = next() % 2;
      const header = headerOf(platform, memory, batch.headers, slot);
      for (const part of [header.name, header.control!]) {
        for (let at = 0; at < part.length; at++) part[at] = next() % 3 === 0 ? next() : 0;
      }
      header.name[0] = pick(next, [0, platform.constants.AF_INET, platform.constants.AF_INET6]);
      header.control![0] = pick(next, [0, 1, 16, 20, 28, 36, 255]);
      header.setNameLength(pick(next, lies));
      header.setControlLength(pick(next, lies));
      header.setLength(pick(next, lies));
      header.setFlags(next() | 0);
      batch.take(slot, -1, out);
      assert(out.length >= 0 && out.length <= 64, `${out.length} bytes in a slot of 64`);
      assert(batch.data(slot, out.length).length <= 64);
      const { name, controlLength } = headerOf(platform, memory, batch.headers, slot);
      assert(name.length >= 28 && controlLength >= 64, "the slot is whole again");
    }
  });

  test(`sending as on ${name}: what is put is what the kernel reads`, () => {
    const memory = new Memory();
    const batch = new SendBatch(platform, memory.addressOf, 3, 50);
    const full: SendControl = {
      ...NONE,
      hasSource: true,
      w0: 0x7f000009,
      hops: 1,
      trafficClass: 4,
    };
    batch.put(0, "IPv4", hex("01 02 03"), from, full);
    batch.put(1, "IPv6", new Uint8Array(50).fill(9), from6, null);
    batch.put(2, "IPv4", new Uint8Array(), null, NONE);
    const [first, second, third] = [0, 1, 2].map((slot) =>
      headerOf(platform, memory, batch.headers, slot)
    );
    assertEquals(toHex(first.data), "010203");
    assertEquals([first.name.length, second.name.length, third.name.length], [16, 28, 0]);
    const source = emptyWords();
    const { name } = second;
    const view = new DataView(name.buffer, name.byteOffset, name.length);
    assert(new SockaddrCodec(platform).read(view, 0, 28, source));
    assertEquals(source, from6);
    const record = new ControlRecord();
    const area = first.control!;
    assert(
      new ControlCodec(platform)
        .read(new DataView(area.buffer, area.byteOffset, area.length), 0, area.length, record),
    );
    assertEquals([record.localAddress, record.hops, record.trafficClass], [0x7f000009, 1, 4]);
    // Empty control is no control: macOS and NetBSD refuse an address with length 0.
    assertEquals([second.control, second.controlLength], [null, 0]);
    assertEquals([third.control, third.controlLength, third.data.length], [null, 0, 0]);
    // A slot that had none has some again.
    batch.put(1, "IPv6", hex("ff"), from6, full);
    const again = headerOf(platform, memory, batch.headers, 1);
    assertEquals([again.data.length, again.control?.length], [
      1,
      new ControlCodec(platform).sendSize,
    ]);
    assert(again.control!.byteOffset !== first.control!.byteOffset);
  });
}

test("a Linux header, byte for byte", () => {
  const memory = new Memory();
  const batch = new SendBatch(LINUX, memory.addressOf, 1, 8);
  batch.put(0, "IPv4", hex("aa bb"), from, { ...NONE, hops: 3 });
  const pointer = "([0-9a-f]{16})";
  const pattern = new RegExp(
    `^${pointer}1000000000000000${pointer}0100000000000000${pointer}1800000000000000` +
      "00000000000000000000000000000000$",
  );
  assert(pattern.test(toHex(batch.headers)), toHex(batch.headers));
  const header = headerOf(LINUX, memory, batch.headers, 0);
  assertEquals(toHex(header.name), "02000fa07f0000020000000000000000");
  assertEquals(
    toHex(header.control!),
    "1400000000000000" + "00000000" + "02000000" + "0300000000000000",
  );
});
