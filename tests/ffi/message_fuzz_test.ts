// Message headers from a kernel that lies about lengths, flags and addresses, as each system has them.
import { assert, assertEquals } from "@std/assert";
import { ControlCodec, ControlRecord } from "../../ffi/cmsg.ts";
import { ReceiveBatch, type ReceivedMessage } from "../../ffi/message.ts";
import { emptyWords, SockaddrCodec } from "../../ffi/sockaddr.ts";
import { pick, randomWords } from "../address/random.ts";
import { inputs, note, randomBytes } from "../faults/mutate.ts";
import { test } from "../harness.ts";
import { KernelMemory } from "./memory.ts";
import { PLATFORMS } from "./tables.ts";

const SLOTS = 3;
const SLOT_SIZE = 64;
const MESSAGES = inputs(400, 8_000);

/** Numbers that lengths go wrong with. */
const LIES = [0, 1, 2, 15, 16, 17, 27, 28, 29, 32, 63, 64, 65, 127, 128, 0x7fff_ffff, 0x8000_0000];

for (const [name, platform] of PLATFORMS) {
  test(`${MESSAGES} message headers that lie, as on ${name}`, () => {
    const next = randomWords(0x11e5);
    const memory = new KernelMemory();
    const buffers: Uint8Array[] = [];
    // In the order in which a batch asks for their addresses: names, vectors, data, control.
    const batch = new ReceiveBatch(
      platform,
      (buffer) => memory.addressOf(buffers[buffers.push(buffer) - 1]),
      SLOTS,
      SLOT_SIZE,
    );
    batch.setDataSize(SLOT_SIZE);
    const [names, vectors, data, controls] = buffers;
    const { msghdr, mmsghdr } = platform.layouts;
    const size = (mmsghdr ?? msghdr).size;
    const view = new DataView(batch.headers.buffer, batch.headers.byteOffset);
    const whole = batch.headers.slice();
    const wholeVectors = vectors.slice();
    const control = new ControlCodec(platform);
    const sockaddr = new SockaddrCodec(platform);
    const nameSize = names.length / SLOTS;
    const controlSize = controls.length / SLOTS;
    const out: ReceivedMessage = {
      source: emptyWords(),
      control: new ControlRecord(),
      length: 0,
      truncated: false,
      controlTruncated: false,
      broadcast: false,
    };
    let taken = 0;
    for (let i = 0; i < MESSAGES; i++) {
      const slot = next() % SLOTS;
      names.set(randomBytes(next, names.length));
      const [familyAt, kind] = platform.layouts.sockaddr_in.fields.sin_family;
      const { AF_INET, AF_INET6 } = platform.constants;
      const family = slot * nameSize + familyAt;
      names[family] = pick(next, [AF_INET, AF_INET6, 0, next()]);
      if (kind !== "u8" && next() % 8 > 0) names[family + 1] = 0;
      controls.set(randomBytes(next, controls.length).map((byte) => byte % 3 === 0 ? byte : 0));
      controls[slot * controlSize] = pick(next, [0, 12, 16, 20, 28, 36, 255]);
      const lie = () => next() % 4 === 0 ? next() : pick(next, [...LIES, nameSize, controlSize]);
      const nameLength = lie(), controlLength = lie(), flags = next() | 0;
      const put = (at: number, value: number) => view.setUint32(slot * size + at, value, true);
      put(msghdr.at.msg_namelen, nameLength);
      put(msghdr.at.msg_controllen, controlLength);
      put(msghdr.at.msg_flags, flags);
      const counted = lie();
      if (mmsghdr) put(mmsghdr.at.msg_len, counted);
      const given = mmsghdr && next() % 2 === 0 ? -1 : Math.min(lie(), 0x7fff_ffff);

      const hasSource = batch.take(slot, given, out);

      // What is in other slots, or behind the last, is nobody's business: memory of its own for each part.
      const name = names.slice(slot * nameSize, (slot + 1) * nameSize);
      const source = emptyWords();
      const known = sockaddr.read(new DataView(name.buffer), 0, nameLength, source);
      assertEquals(hasSource, known);
      if (known) assertEquals(out.source, source);
      const record = new ControlRecord();
      const used = controls.slice(slot * controlSize, (slot + 1) * controlSize);
      const least = Math.min(controlLength, controlSize);
      const complete = control.read(new DataView(used.buffer), 0, least, record);
      const { MSG_CTRUNC, MSG_TRUNC } = platform.constants;
      assertEquals(out.controlTruncated, !complete || (flags & MSG_CTRUNC) !== 0);
      assertEquals(out.truncated, (flags & MSG_TRUNC) !== 0);
      assertEquals(out.control.interfaceIndex, record.interfaceIndex);
      assertEquals(out.control.hasDestination, record.hasDestination);
      assertEquals(out.length, Math.min(given >= 0 ? given : counted, SLOT_SIZE));
      assertEquals(batch.data(slot, out.length).byteOffset, data.byteOffset + slot * SLOT_SIZE);
      // The slot is as it was: no lie is left for the next call.
      const counts = mmsghdr ? slot * size + mmsghdr.at.msg_len : -1;
      if (counts >= 0) view.setUint32(counts, 0, true);
      if (!batch.headers.every((byte, at) => byte === whole[at])) {
        assertEquals(batch.headers, whole);
      }
      if (!vectors.every((byte, at) => byte === wholeVectors[at])) {
        assertEquals(vectors, wholeVectors);
      }
      if (hasSource) taken++;
    }
    assert(taken > MESSAGES / 20 && taken < MESSAGES, `${taken} had a sender`);
    note("message headers that lie", MESSAGES);
  });
}
