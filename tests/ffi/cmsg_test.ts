import { assert, assertEquals, assertFalse } from "@std/assert";
import { spawnSync } from "node:child_process";
import type { Family } from "../../address/ip.ts";
import { ControlCodec, ControlRecord, type SendControl } from "../../ffi/cmsg.ts";
import type { Platform } from "../../ffi/platform/platform.ts";
import { randomWords } from "../address/random.ts";
import { python3, test } from "../harness.ts";
import { NOTHING } from "./control.ts";
import { hex, LINUX, OTHER, toHex, viewOf } from "./tables.ts";

/** Reads messages, which have to be well-formed. */
function read(bytes: Uint8Array, platform: Platform = LINUX): ControlRecord {
  const record = new ControlRecord();
  assert(new ControlCodec(platform).read(viewOf(bytes), 0, bytes.length, record));
  return record;
}

function expected(values: Partial<ControlRecord>): ControlRecord {
  return Object.assign(new ControlRecord(), values);
}

function written(
  family: Family,
  control: Partial<SendControl>,
  platform: Platform = LINUX,
  segmentSize = 0,
) {
  const codec = new ControlCodec(platform);
  const view = new DataView(new ArrayBuffer(codec.sendSize));
  const length = codec.write(view, 0, family, { ...NOTHING, ...control }, segmentSize);
  return new Uint8Array(view.buffer, 0, length);
}

const PAD = "00 00 00 00";
/** What Linux hands over, written down from its headers; each padded to 8 bytes. */
const MESSAGES = {
  pktinfo4: `1c 00 00 00 00 00 00 00 (28) 00 00 00 00 (IPPROTO_IP) 08 00 00 00 (IP_PKTINFO)
    03 00 00 00 (ifindex) c0 a8 01 02 (spec_dst) e0 00 00 fb (addr) ${PAD}`,
  ttl: `14 00 00 00 00 00 00 00 (20) 00 00 00 00 02 00 00 00 (IP_TTL) ff 00 00 00 ${PAD}`,
  tos: `11 00 00 00 00 00 00 00 (17) 00 00 00 00 01 00 00 00 (IP_TOS) b8 00 00 00 ${PAD}`,
  pktinfo6: `24 00 00 00 00 00 00 00 (36) 29 00 00 00 (IPPROTO_IPV6) 32 00 00 00 (IPV6_PKTINFO)
    ff 02 00 00 00 00 00 00 00 00 00 01 00 02 00 fb 07 00 00 00 (ifindex) ${PAD}`,
  hoplimit: `14 00 00 00 00 00 00 00 29 00 00 00 34 00 00 00 (IPV6_HOPLIMIT) 40 00 00 00 ${PAD}`,
  tclass: `14 00 00 00 00 00 00 00 29 00 00 00 43 00 00 00 (IPV6_TCLASS) 2e 00 00 00 ${PAD}`,
  overflow: `14 00 00 00 00 00 00 00 01 00 00 00 28 00 00 00 (SO_RXQ_OVFL) ff ff ff ff ${PAD}`,
  timestamp: `20 00 00 00 00 00 00 00 (32) 01 00 00 00 23 00 00 00 (SCM_TIMESTAMPNS)
    00 e4 0b 54 02 00 00 00 (10000000000 s) ff c9 9a 3b 00 00 00 00 (999999999 ns)`,
  error4: `30 00 00 00 00 00 00 00 (48) 00 00 00 00 0b 00 00 00 (IP_RECVERR)
    6f 00 00 00 (ECONNREFUSED) 02 (ICMP) 03 03 00 00 00 00 00 00 00 00 00
    02 00 00 00 7f 00 00 02 00 00 00 00 00 00 00 00 (offender)`,
  error6: `3c 00 00 00 00 00 00 00 (60) 29 00 00 00 19 00 00 00 (IPV6_RECVERR)
    71 00 00 00 (EHOSTUNREACH) 03 (ICMP6) 01 03 00 00 00 00 00 00 00 00 00
    0a 00 00 00 00 00 00 00 20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 01 00 00 00 00
    (offender) ${PAD}`,
  train: `14 00 00 00 00 00 00 00 11 00 00 00 (IPPROTO_UDP) 68 00 00 00 (UDP_GRO)
    b0 04 00 00 (1200) ${PAD}`,
};

const MEANINGS: Record<keyof typeof MESSAGES, Partial<ControlRecord>> = {
  pktinfo4: {
    hasDestination: true,
    interfaceIndex: 3,
    localAddress: 0xc0a80102,
    w0: 0xe00000fb,
  },
  ttl: { hops: 255 },
  tos: { trafficClass: 0xb8 },
  pktinfo6: {
    hasDestination: true,
    interfaceIndex: 7,
    w0: 0xff020000,
    w1: 0,
    w2: 1,
    w3: 0x000200fb,
  },
  hoplimit: { hops: 64 },
  tclass: { trafficClass: 0x2e },
  overflow: { dropped: 0xffffffff },
  timestamp: { seconds: 10_000_000_000, nanoseconds: 999_999_999 },
  error4: { error: 111 },
  error6: { error: 113 },
  train: { segmentSize: 1200 },
};

type Name = keyof typeof MESSAGES;
const IPV4: Name[] = ["pktinfo4", "ttl", "tos", "overflow", "train", "timestamp", "error4"];
const IPV6: Name[] = ["pktinfo6", "hoplimit", "tclass", "overflow", "train", "timestamp", "error6"];

function join(names: readonly Name[]): Uint8Array {
  return hex(names.map((name) => MESSAGES[name]).join(""));
}

function meaning(names: readonly Name[]): ControlRecord {
  return expected(Object.assign({}, ...names.map((name) => MEANINGS[name])));
}

function* permutations<T>(list: readonly T[]): Generator<T[]> {
  if (list.length === 0) yield [];
  for (const [i, first] of list.entries()) {
    for (const rest of permutations(list.toSpliced(i, 1))) yield [first, ...rest];
  }
}

test("Linux's control messages, byte for byte", () => {
  for (const name of Object.keys(MESSAGES) as Name[]) {
    assertEquals(read(hex(MESSAGES[name])), expected(MEANINGS[name]), name);
  }
});

test("control messages in any order and number", () => {
  for (const names of [IPV4, IPV6]) {
    for (const order of permutations(names)) {
      for (const count of [order.length, 3]) {
        assertEquals(read(join(order.slice(0, count))), meaning(order.slice(0, count)));
      }
    }
  }
  assertEquals(read(new Uint8Array()), new ControlRecord());
});

test("the last message may come without its padding", () => {
  for (const name of ["pktinfo4", "ttl", "pktinfo6", "hoplimit", "overflow", "error6"] as const) {
    const bytes = join(["tclass", name]);
    assertEquals(read(bytes.subarray(0, bytes.length - 4)), meaning(["tclass", name]));
  }
  const tos = hex(MESSAGES.tos);
  for (const length of [17, 18, 20, 23]) {
    assertEquals(read(tos.subarray(0, length)).trafficClass, 0xb8);
  }
});

test("numbers of one byte and of four are told apart by their length", () => {
  const message = (length: string, what: string, value: string) =>
    read(hex(`${length} 00 00 00 00 00 00 00 ${what} ${value}`));
  const ttl = "00 00 00 00 02 00 00 00";
  const tclass = "29 00 00 00 43 00 00 00";
  // What follows a single byte is nobody's.
  assertEquals(message("11", ttl, "07 aa aa aa aa aa aa aa").hops, 7);
  assertEquals(message("14", ttl, "07 00 00 00 aa aa aa aa").hops, 7);
  assertEquals(message("11", tclass, "ff aa aa aa aa aa aa aa").trafficClass, 255);
  assertEquals(message("14", tclass, "ff 00 00 00 aa aa aa aa").trafficClass, 255);
  assertEquals(message("10", ttl, "").hops, -1, "no byte at all");
});

test("messages that are too short for what they claim to be say nothing", () => {
  for (
    const name of ["pktinfo4", "pktinfo6", "overflow", "timestamp", "error4", "error6"] as const
  ) {
    const bytes = hex(MESSAGES[name]);
    // All of the message is there; it is its own length that is short.
    const needed = {
      pktinfo4: 28,
      pktinfo6: 36,
      overflow: 20,
      timestamp: 32,
      error4: 32,
      error6: 32,
    };
    for (let length = 16; length < needed[name]; length++) {
      bytes[0] = length;
      const record = new ControlRecord();
      new ControlCodec(LINUX).read(viewOf(bytes), 0, length, record);
      assertEquals(record, new ControlRecord(), `${name} of ${length}`);
    }
  }
});

test("messages of other levels and types are passed over", () => {
  const unknown = [
    "18 00 00 00 00 00 00 00 01 00 00 00 01 00 00 00 (SCM_RIGHTS) 05 00 00 00 06 00 00 00",
    "14 00 00 00 00 00 00 00 06 00 00 00 02 00 00 00 (TCP, 2) 09 00 00 00" + PAD,
    "10 00 00 00 00 00 00 00 11 00 00 00 68 00 00 00 (UDP_GRO, empty)",
    "14 00 00 00 00 00 00 00 29 00 00 00 02 00 00 00 (IP_TTL's number, other level) 09 00 00 00" +
    PAD,
  ];
  for (const text of unknown) {
    const bytes = hex(MESSAGES.pktinfo4 + text + MESSAGES.ttl);
    assertEquals(read(bytes), meaning(["pktinfo4", "ttl"]));
  }
});

test("levels and types are compared whole", () => {
  const header = (level: string, type: string) =>
    hex(`14 00 00 00 00 00 00 00 ${level} ${type} 09 00 00 00 ${PAD}`);
  // 65536 is not 0, and a large type does not reach into the level.
  assertEquals(read(header("00 00 01 00", "02 00 00 00")).hops, -1);
  assertEquals(read(header("00 00 00 00", "34 00 29 00")).hops, -1);
  assertEquals(read(header("01 00 00 00", "34 00 28 00")).hops, -1);
});

test("a record is cleared for the next datagram", () => {
  const record = read(join(["pktinfo4", "ttl", "tos", "overflow", "timestamp", "error4"]));
  record.clear();
  const {
    hasDestination,
    interfaceIndex,
    localAddress,
    hops,
    trafficClass,
    seconds,
    dropped,
    error,
  } = record;
  assertEquals(
    [hasDestination, interfaceIndex, localAddress, hops, trafficClass, seconds, dropped, error],
    [false, 0, 0, -1, -1, -1, -1, 0],
  );
});

test("lengths that lie end the walk and are reported", () => {
  const lies = ["00", "01", "0f", "29", "ff"];
  for (const lie of lies) {
    const bytes = hex(MESSAGES.hoplimit + MESSAGES.tclass);
    bytes[24] = parseInt(lie, 16);
    const record = new ControlRecord();
    assertFalse(new ControlCodec(LINUX).read(viewOf(bytes), 0, bytes.length, record), lie);
    assertEquals(record, expected({ hops: 64 }));
  }
  // Zeroed headers, as macOS before 14 could return them.
  const zeros = new Uint8Array(4096);
  assertFalse(new ControlCodec(LINUX).read(viewOf(zeros), 0, zeros.length, new ControlRecord()));
});

test("what we send, byte for byte", () => {
  assertEquals(written("IPv4", {}).length, 0);
  assertEquals(written("IPv6", {}).length, 0);
  const pktinfo4 = `1c 00 00 00 00 00 00 00 00 00 00 00 08 00 00 00
    09 00 00 00 (ifindex) 7f 00 00 05 (spec_dst) 00 00 00 00 ${PAD}`;
  assertEquals(
    toHex(written("IPv4", { hasSource: true, w0: 0x7f000005, interfaceIndex: 9 })),
    toHex(hex(pktinfo4)),
  );
  assertEquals(
    toHex(written("IPv4", { interfaceIndex: 9, w0: 0x7f000005, hops: 255, trafficClass: 0xb8 })),
    toHex(hex(
      pktinfo4.replace("7f 00 00 05", "00 00 00 00") + MESSAGES.ttl +
        MESSAGES.tos.replace("11 00 00 00 00 00 00 00 (17)", "14 00 00 00 00 00 00 00"),
    )),
  );
  assertEquals(
    toHex(written("IPv6", {
      hasSource: true,
      w0: 0xff020000,
      w2: 1,
      w3: 0x000200fb,
      interfaceIndex: 7,
      hops: 64,
      trafficClass: 0x2e,
    })),
    toHex(join(["pktinfo6", "hoplimit", "tclass"])),
  );
  assertEquals(toHex(written("IPv6", { hops: 0 })).slice(-16), "00".repeat(8));
  const segment = `12 00 00 00 00 00 00 00 (18) 11 00 00 00 (IPPROTO_UDP) 67 00 00 00 (UDP_SEGMENT)
    b0 04 (1200) 00 00 ${PAD}`;
  assertEquals(toHex(written("IPv6", {}, LINUX, 1200)), toHex(hex(segment)));
  const codec = new ControlCodec(LINUX);
  const view = new DataView(new ArrayBuffer(codec.sendSize));
  assertEquals(codec.write(view, 0, "IPv4", null, 1200), 24, "a train that asks for nothing else");
});

test("what we send reads back, on every platform, and fits the room that is set aside", () => {
  const next = randomWords(2);
  // Those that are told everything by messages which they would tell, too.
  for (const platform of [LINUX, OTHER]) {
    for (const family of ["IPv4", "IPv6"] as const) {
      let longest = 0;
      for (let i = 0; i < 1500; i++) {
        const six = family === "IPv6";
        const control: SendControl = {
          hasSource: next() % 2 === 0,
          w0: next(),
          w1: six ? next() : 0,
          w2: six ? next() : 0,
          w3: six ? next() : 0,
          interfaceIndex: next() % 2 === 0 ? 0 : next() >>> 1,
          hops: next() % 2 === 0 ? -1 : next() % 256,
          trafficClass: next() % 2 === 0 ? -1 : next() % 256,
        };
        const segmentSize = next() % 2 === 0 ? 0 : next() & 0xffff;
        const bytes = written(family, control, platform, segmentSize);
        longest = Math.max(longest, bytes.length);
        assertEquals(bytes.length % platform.controlAlignment, 0);
        const record = read(bytes, platform);
        const { hasSource, interfaceIndex, hops, trafficClass } = control;
        assertEquals(record.hasDestination, hasSource || interfaceIndex !== 0);
        assertEquals([record.hops, record.trafficClass], [hops, trafficClass]);
        assertEquals(record.interfaceIndex, interfaceIndex);
        if (six && hasSource) {
          const { w0, w1, w2, w3 } = control;
          assertEquals([record.w0, record.w1, record.w2, record.w3], [w0, w1, w2, w3]);
        }
        // IPv4 says its source where the receiver finds the local address.
        if (!six) assertEquals(record.localAddress, hasSource ? control.w0 : 0);
      }
      const { sendSize } = new ControlCodec(platform);
      if (family === "IPv6") assertEquals(longest, sendSize);
      else assert(longest <= sendSize);
    }
  }
});

test("what is written leaves no trace of what was there before", () => {
  const codec = new ControlCodec(LINUX);
  const view = new DataView(new Uint8Array(codec.sendSize).fill(0xaa).buffer);
  const length = codec.write(view, 0, "IPv4", { ...NOTHING, interfaceIndex: 9, hops: 1 });
  const record = read(new Uint8Array(view.buffer, 0, length));
  assertEquals([record.interfaceIndex, record.localAddress, record.w0, record.hops], [9, 0, 0, 1]);
  // The upper half of cmsg_len is part of the number.
  assertEquals(view.getBigUint64(0, true), 28n);
});

test("header size, alignment, numbers and offsets are the table's", () => {
  // 12-byte headers, data right behind them, 4-byte alignment.
  const pktinfo4 = `18 00 00 00 (24) 00 00 00 00 1a 00 00 00 (26)
    e0 00 00 fb (addr) c0 a8 01 02 (spec_dst) 03 00 00 00 (ifindex)`;
  const ttl = "0d 00 00 00 (13) 00 00 00 00 18 00 00 00 (24) 40 00 00 00";
  const pktinfo6 = `20 00 00 00 (32) 29 00 00 00 2e 00 00 00 (46)
    07 00 00 00 (ifindex) ff 02 00 00 00 00 00 00 00 00 00 01 00 02 00 fb`;
  const timestamp = `1c 00 00 00 (28) ff ff 00 00 04 00 00 00
    ff c9 9a 3b 00 00 00 00 (ns) 00 e4 0b 54 02 00 00 00 (s)`;
  const dropped = "10 00 00 00 ff ff 00 00 05 00 00 00 09 00 00 00";
  assertEquals(read(hex(pktinfo4), OTHER), expected(MEANINGS.pktinfo4));
  assertEquals(read(hex(pktinfo6), OTHER), expected(MEANINGS.pktinfo6));
  assertEquals(read(hex(timestamp), OTHER), expected(MEANINGS.timestamp));
  assertEquals(
    read(hex(ttl + dropped + pktinfo4), OTHER),
    expected({ ...MEANINGS.pktinfo4, hops: 64, dropped: 9 }),
  );
  assertEquals(
    toHex(written("IPv4", { hasSource: true, w0: 0x7f000005, hops: 3 }, OTHER)),
    toHex(hex(`18 00 00 00 00 00 00 00 1a 00 00 00 00 00 00 00 7f 00 00 05 00 00 00 00
      10 00 00 00 00 00 00 00 18 00 00 00 03 00 00 00`)),
  );
  const codec = new ControlCodec(OTHER);
  assertEquals(codec.sendSize, 32 + 16 + 16 + 16);
});

test("the room for control data holds everything at once", () => {
  for (const names of [IPV4, IPV6]) {
    assert(join(names).length <= new ControlCodec(LINUX).receiveSize);
  }
});

test("Linux's control messages as Python's struct and CMSG_LEN make them", {
  needs: ["linux", "python3"],
}, () => {
  const script = `
import socket as s, struct
def m(level, type, data):
  b = struct.pack("@Nii", s.CMSG_LEN(len(data)), level, type) + data
  return b + bytes(s.CMSG_SPACE(len(data)) - len(b))
a4 = m(0, 8, struct.pack("@i4s4s", 9, s.inet_aton("127.0.0.5"), bytes(4)))
print((a4 + m(0, s.IP_TTL, struct.pack("@i", 3)) + m(0, s.IP_TOS, struct.pack("@i", 184))).hex())
a6 = m(41, s.IPV6_PKTINFO, s.inet_pton(s.AF_INET6, "2001:db8::5") + struct.pack("@I", 2))
print((a6 + m(41, s.IPV6_HOPLIMIT, struct.pack("@i", 255)) + m(41, s.IPV6_TCLASS, struct.pack("@i", 1))).hex())`;
  const { stdout, stderr } = spawnSync(python3()!, ["-c", script]);
  assertEquals(stdout.toString().trim().split("\n"), [
    toHex(written("IPv4", {
      hasSource: true,
      w0: 0x7f000005,
      interfaceIndex: 9,
      hops: 3,
      trafficClass: 184,
    })),
    toHex(written("IPv6", {
      hasSource: true,
      w0: 0x20010db8,
      w3: 5,
      interfaceIndex: 2,
      hops: 255,
      trafficClass: 1,
    })),
  ], stderr.toString());
});
