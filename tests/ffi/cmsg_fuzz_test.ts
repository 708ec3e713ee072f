// Control data from a kernel that lies: random and damaged, always the same by a fixed seed.
import { assert, assertEquals } from "@std/assert";
import { ControlCodec, ControlRecord } from "../../ffi/cmsg.ts";
import type { ControlRow, Platform } from "../../ffi/platform/platform.ts";
import { pick, randomWords } from "../address/random.ts";
import { thorough } from "../figures.ts";
import { test } from "../harness.ts";
import { countingView, inputs, MUTATIONS, note, systematic } from "../faults/mutate.ts";
import { PLATFORMS } from "./tables.ts";

/** For each system. */
const BUFFERS = inputs(3_000, 12_000);

/** The same in other words: slow, and with a slice for each message, so that nothing outside can be seen. */
function reference(
  platform: Platform,
  bytes: Uint8Array,
): { whole: boolean; record: ControlRecord } {
  const record = new ControlRecord();
  const { cmsghdr, in_pktinfo, in6_pktinfo, timespec, timeval, sock_extended_err, sockaddr_dl } =
    platform.layouts;
  const align = (n: number) => Math.ceil(n / platform.controlAlignment) * platform.controlAlignment;
  const header = align(cmsghdr.size);
  const viewOf = (part: Uint8Array) => new DataView(part.buffer, part.byteOffset, part.byteLength);
  let rest = bytes;
  while (rest.length >= header) {
    const view = viewOf(rest);
    const length = view.getUint32(cmsghdr.at.cmsg_len, true);
    if (length < header || length > rest.length) return { whole: false, record };
    const level = view.getInt32(cmsghdr.at.cmsg_level, true);
    const type = view.getInt32(cmsghdr.at.cmsg_type, true);
    const is = (...rows: (ControlRow | null)[]) =>
      rows.some((row) => row?.level === level && row.type === type);
    const data = viewOf(rest.slice(header, length));
    const size = data.byteLength;
    const number = () => size >= 4 ? data.getInt32(0, true) : size > 0 ? data.getUint8(0) : -1;
    const { IPv4, IPv6, timestamp, dropCounter } = platform.control;
    const train = platform.segmentation?.received ?? null;
    const words = (at: number) => [0, 4, 8, 12].map((i) => data.getUint32(at + i));
    if (is(IPv4.packetInfo)) {
      const { at } = in_pktinfo!;
      if (size >= in_pktinfo!.size) {
        record.hasDestination = true;
        record.interfaceIndex = data.getInt32(at.ipi_ifindex, true);
        record.localAddress = "ipi_spec_dst" in at ? data.getUint32(at.ipi_spec_dst) : 0;
        [record.w0, record.w1, record.w2, record.w3] = [data.getUint32(at.ipi_addr), 0, 0, 0];
      }
    } else if (is(IPv6.packetInfo) && size >= in6_pktinfo.size) {
      record.hasDestination = true;
      record.interfaceIndex = data.getUint32(in6_pktinfo.at.ipi6_ifindex, true);
      [record.w0, record.w1, record.w2, record.w3] = words(in6_pktinfo.at.ipi6_addr);
    } else if (is(IPv4.destination) && size >= 4) {
      record.hasDestination = true;
      [record.w0, record.w1, record.w2, record.w3] = [data.getUint32(0), 0, 0, 0];
    } else if (is(IPv4.receivedInterface)) {
      const at = sockaddr_dl!.at.sdl_index;
      if (size >= at + 2) record.interfaceIndex = data.getUint16(at, true);
    } else if (is(...IPv4.hops, ...IPv6.hops)) record.hops = number();
    else if (is(...IPv4.trafficClass, ...IPv6.trafficClass)) record.trafficClass = number();
    else if (is(dropCounter) && size >= 4) record.dropped = data.getUint32(0, true);
    else if (is(train) && size >= 4) record.segmentSize = data.getInt32(0, true);
    else if (is(timestamp)) {
      const fine = timestamp!.struct === "timespec";
      if (size >= (fine ? timespec! : timeval!).size) {
        const [at, unit] = fine ? [timespec!.at.tv_nsec, 1] : [timeval!.at.tv_usec, 1000];
        const seconds = fine ? timespec!.at.tv_sec : timeval!.at.tv_sec;
        record.seconds = Number(data.getBigInt64(seconds, true));
        record.nanoseconds = data.getUint32(at, true) * unit;
      }
    } else if (is(IPv4.error, IPv6.error) && size >= sock_extended_err!.size) {
      record.error = data.getUint32(sock_extended_err!.at.ee_errno, true);
    }
    rest = rest.subarray(Math.min(align(length), rest.length));
  }
  return { whole: rest.length === 0, record };
}

/** Some messages as the kernel would write them, with any length and mostly a type that means something. */
function compose(next: () => number, platform: Platform, bytes: Uint8Array): number {
  const { cmsghdr } = platform.layouts;
  const align = (n: number) => Math.ceil(n / platform.controlAlignment) * platform.controlAlignment;
  const header = align(cmsghdr.size);
  const { IPv4, IPv6, timestamp, dropCounter } = platform.control;
  const train = platform.segmentation?.received ?? null;
  const rows = [...Object.values(IPv4), ...Object.values(IPv6), timestamp, dropCounter, train]
    .flat().filter((row) => row !== null);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let i = 0; i < bytes.length; i++) bytes[i] = next();
  let at = 0;
  for (let count = next() % 6; count > 0; count--) {
    const size = pick(next, [0, 1, 3, 4, 8, 12, 15, 16, 19, 20, 32, 54]);
    if (at + header + size > bytes.length) break;
    const row = next() % 10 === 0 ? { level: next() % 50, type: next() % 70 } : pick(next, rows);
    view.setUint32(at + cmsghdr.at.cmsg_len, header + size, true);
    view.setInt32(at + cmsghdr.at.cmsg_level, row.level, true);
    view.setInt32(at + cmsghdr.at.cmsg_type, row.type, true);
    at = Math.min(at + align(header + size), bytes.length);
  }
  return at;
}

/** Damages up to three places, with a liking for lengths. */
function damage(next: () => number, platform: Platform, bytes: Uint8Array, length: number): number {
  for (let count = 1 + next() % 3; count > 0; count--) {
    const at = next() % Math.max(length, 1);
    switch (next() % 6) {
      case 0: {
        // What is behind the end is as good as any.
        const kind = pick(next, ["with other bits", "with other numbers", "in another order"]);
        bytes.set(MUTATIONS[kind](next, bytes.subarray(0, length)));
        break;
      }
      case 5: {
        const twice = MUTATIONS["with parts twice"](next, bytes.subarray(0, length));
        length = Math.min(twice.length, bytes.length);
        bytes.set(twice.subarray(0, length));
        break;
      }
      case 1:
        bytes[at - at % platform.controlAlignment] = pick(next, [0, 1, 8, 11, 12, 15, 16, 17, 255]);
        break;
      case 2:
        bytes.fill(pick(next, [0, 0, 255]), at, at + next() % 24);
        break;
      case 3:
        length = next() % (length + 1);
        break;
      default:
        length = Math.min(length + next() % 24, bytes.length);
    }
  }
  return length;
}

for (const [name, platform] of PLATFORMS) {
  test(`${BUFFERS} buffers of random and damaged control data, as on ${name}`, () => {
    const next = randomWords(0xc0de);
    const codec = new ControlCodec(platform);
    const START = 24;
    const bytes = new Uint8Array(START + 160 + 40);
    const { view, count } = countingView(bytes.buffer);
    const record = new ControlRecord();
    const tally = { whole: 0, cut: 0, told: 0 };
    for (let i = 0; i < BUFFERS; i++) {
      const area = bytes.subarray(START, START + 160);
      let length = 160;
      if (i % 8 === 0) {
        for (let at = 0; at < 160; at++) {
          area[at] = next() % 3 === 0 ? next() : 0;
        }
      } else length = compose(next, platform, area);
      if (i % 8 !== 1) length = damage(next, platform, area, length);
      // What is around it must not matter: it is inviting.
      bytes.fill(next() % 2 === 0 ? 0xff : 1, 0, START);
      bytes.fill(next(), START + length);
      const label = `buffer ${i}`;
      Object.assign(record, new ControlRecord());
      count.reads = 0;
      count.limit = 10 * (1 + length / 12);
      const whole = codec.read(view, START, length, record);
      const right = reference(platform, area.slice(0, length));
      // Comparing fields by hand: assertEquals of so many objects takes seconds.
      if (whole !== right.whole || !same(record, right.record)) {
        assertEquals({ whole, record }, right, label);
      }
      if (whole) tally.whole++;
      else tally.cut++;
      if (!same(record, NOTHING)) tally.told++;
    }
    // All kinds of buffers are among them.
    for (const [kind, n] of Object.entries(tally)) assert(n > BUFFERS / 10, `${kind} ${n}`);
    note("control messages", BUFFERS);
  });

  test(`control data cut anywhere, and with each bit flipped, as on ${name}`, () => {
    const next = randomWords(0xb175);
    const codec = new ControlCodec(platform);
    const record = new ControlRecord();
    let count = 0;
    for (let round = 0; round < (thorough ? 4 : 1); round++) {
      const sample = new Uint8Array(160);
      const length = compose(next, platform, sample);
      for (const bytes of systematic(sample.subarray(0, length))) {
        // A view of its own: what is read outside throws.
        Object.assign(record, new ControlRecord());
        const whole = codec.read(new DataView(bytes.slice().buffer), 0, bytes.length, record);
        const right = reference(platform, bytes);
        if (whole !== right.whole || !same(record, right.record)) {
          assertEquals({ whole, record }, right, `round ${round}`);
        }
        count++;
      }
    }
    note("control messages cut anywhere and with each bit flipped", count, true);
  });
}

const NOTHING = new ControlRecord();

function same(a: ControlRecord, b: ControlRecord): boolean {
  return a.hasDestination === b.hasDestination && a.w0 === b.w0 && a.w1 === b.w1 &&
    a.w2 === b.w2 && a.w3 === b.w3 && a.interfaceIndex === b.interfaceIndex &&
    a.localAddress === b.localAddress && a.hops === b.hops && a.trafficClass === b.trafficClass &&
    a.seconds === b.seconds && a.nanoseconds === b.nanoseconds && a.dropped === b.dropped &&
    a.error === b.error && a.segmentSize === b.segmentSize;
}

/** Headers that say nothing, for ever, as macOS before 14 could return them; and one that is as long as nothing. */
test("a walk over zeros, or over messages of no length, ends on every system", () => {
  for (const [name, platform] of PLATFORMS) {
    const codec = new ControlCodec(platform);
    const { cmsghdr } = platform.layouts;
    const row = platform.control.IPv6.hops[0];
    for (const length of [0, 1, cmsghdr.size - 1]) {
      const { view, count } = countingView(new ArrayBuffer(65536));
      count.limit = 20;
      view.setUint32(cmsghdr.at.cmsg_len, length, true);
      view.setInt32(cmsghdr.at.cmsg_level, row.level, true);
      view.setInt32(cmsghdr.at.cmsg_type, row.type, true);
      const record = new ControlRecord();
      assertEquals(codec.read(view, 0, 65536, record), false, name);
      assertEquals(record, NOTHING, name);
    }
  }
});
