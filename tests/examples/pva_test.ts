// PV Access messages and addresses: bytes in both orders, and whatever else may arrive.
import { assert, assertEquals, assertStringIncludes, fail } from "@std/assert";
import process from "node:process";
import { parseTarget, searchTargets } from "../../examples/pva/addresses.ts";
import { type Body, decode, encode, newGuid, type OtherMessage } from "../../examples/pva/codec.ts";
import { merge } from "../../examples/pva/merge.ts";
import { responseTo } from "../../examples/pva/responder.ts";
import { searches } from "../../examples/pva/search.ts";
import type { NetworkInterface } from "../../mod.ts";
import { pick, randomWords } from "../address/random.ts";
import { inputs, mutated, type Mutation, note } from "../faults/mutate.ts";
import { test } from "../harness.ts";

const GUID = "0102030405060708090a0b0c";

const hex = (text: string) =>
  Uint8Array.from(text.match(/[0-9a-f]{2}/g) ?? [], (digits) => parseInt(digits, 16));
const toHex = (bytes: Uint8Array) =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

/** Written by hand from the protocol's description: a message, and its bytes in both orders. */
const golden: { body: Exclude<Body, OtherMessage>; big: string; little: string }[] = [
  {
    body: {
      type: "search",
      sequence: 0x12345678,
      replyRequired: false,
      unicast: true,
      address: null,
      port: 0x1020,
      protocols: ["tcp"],
      names: [{ id: 1, name: "one" }, { id: 2, name: "two" }],
    },
    big: "ca028003 00000031 12345678 80 000000 00000000000000000000000000000000 1020 01 03746370 " +
      "0002 00000001 036f6e65 00000002 0374776f",
    little: "ca020003 31000000 78563412 80 000000 00000000000000000000000000000000 2010 01 " +
      "03746370 0200 01000000 036f6e65 02000000 0374776f",
  },
  {
    body: {
      type: "searchResponse",
      guid: GUID,
      sequence: 0x12345678,
      address: "192.0.2.7",
      port: 5075,
      protocol: "tcp",
      found: true,
      ids: [2],
    },
    big: `ca02c004 0000002d ${GUID} 12345678 00000000000000000000ffffc0000207 13d3 03746370 01 ` +
      "0001 00000002",
    little: `ca024004 2d000000 ${GUID} 78563412 00000000000000000000ffffc0000207 d313 03746370 ` +
      "01 0100 02000000",
  },
  {
    body: {
      type: "beacon",
      guid: GUID,
      sequence: 7,
      changes: 0x0102,
      address: "2001:db8::5",
      port: 5075,
      protocol: "tcp",
    },
    big: `ca02c000 00000027 ${GUID} 00 07 0102 20010db8000000000000000000000005 13d3 03746370 ff`,
    little: `ca024000 27000000 ${GUID} 00 07 0201 20010db8000000000000000000000005 d313 ` +
      "03746370 ff",
  },
  {
    body: { type: "originTag", address: "10.1.0.1" },
    big: "ca028016 00000010 00000000000000000000ffff0a010001",
    little: "ca020016 10000000 00000000000000000000ffff0a010001",
  },
];

for (const order of ["big", "little"] as const) {
  for (const { body, ...bytes } of golden) {
    test(`a ${body.type} is written and read in ${order}-endian byte order`, () => {
      const expected = bytes[order].replaceAll(" ", "");
      assertEquals(toHex(encode(body, order)), expected);
      const [message, ...others] = decode(hex(expected))!;
      assertEquals(others, []);
      const { version, byteOrder, fromServer, ...read } = message;
      assertEquals<unknown>(read, body);
      const server = body.type === "searchResponse" || body.type === "beacon";
      assertEquals([version, byteOrder, fromServer], [2, order, server]);
    });
  }
}

test("a forwarded search is a tag and a search in one datagram", () => {
  const [search, , , tag] = golden;
  const messages = decode(hex(tag.little + search.big))!;
  assertEquals(messages.map(({ type, byteOrder }) => `${type} ${byteOrder}`), [
    "originTag little",
    "search big",
  ]);
});

test("long names, null strings and messages of other kinds are read", () => {
  const name = "x".repeat(300);
  const search = { ...golden[0].body, names: [{ id: 5, name }] } as Exclude<Body, OtherMessage>;
  const [read] = decode(encode(search, "little"))!;
  assert(read.type === "search");
  assertEquals(read.names, [{ id: 5, name }]);
  // 0xff for the protocol, as pvAccessJava writes an empty string.
  const beacon = golden[2].big.replace("03746370 ff", "ff").replace("00000027", "00000023");
  const [withoutProtocol] = decode(hex(beacon))!;
  assert(withoutProtocol.type === "beacon");
  assertEquals(withoutProtocol.protocol, "");
  assertEquals(decode(hex("ca020002 00000000"))!.map(({ type }) => type), ["other"]);
});

test("a message of any length is written, wherever its memory has to grow", () => {
  for (let length = 0; length < 300; length++) {
    const names = [{ id: 1, name: "x".repeat(length) }, { id: 2, name: "y" }];
    const search = { ...golden[0].body, names } as Exclude<Body, OtherMessage>;
    const [read] = decode(encode(search, "big"))!;
    assert(read.type === "search");
    assertEquals(read.names, names);
  }
});

test("what is cut off, not PV Access, a control message or a segment is refused", () => {
  for (const { big, little } of golden) {
    for (const bytes of [hex(big), hex(little)]) {
      for (let length = 1; length < bytes.length; length++) {
        assertEquals(decode(bytes.subarray(0, length)), null, `${length} bytes`);
      }
    }
  }
  for (const bytes of ["cb028003 00000000", "ca008003 00000000", "ca028103 00000000", "ca029003"]) {
    assertEquals(decode(hex(bytes.padEnd(16, "0"))), null, bytes);
  }
  assertEquals(decode(new Uint8Array()), []);
});

/** How many of each sort. */
const DATAGRAMS = inputs(5_000, 100_000);
const FEWER = inputs(1_000, 20_000);

/** Sorts of hostile datagrams. */
const hostile: Record<string, Mutation> = {
  "mutated": (next, valid) => mutated(next, [valid]),
  "random": (next) => Uint8Array.from({ length: next() % 200 }, () => next()),
  "random behind a valid header": (next, valid) => {
    const bytes = Uint8Array.from({ length: 8 + next() % 200 }, () => next());
    bytes.set(valid.subarray(0, 4));
    new DataView(bytes.buffer).setUint32(4, bytes.length - 8, (bytes[2] & 0x80) === 0);
    return bytes;
  },
  "truncated": (next, valid) => valid.slice(0, next() % valid.length),
  "damaged": (next, valid) => {
    const bytes = valid.slice();
    for (let rounds = 1 + next() % 4; rounds > 0; rounds--) bytes[next() % bytes.length] = next();
    return bytes;
  },
  "with huge counts and sizes": (next, valid) => {
    const bytes = valid.slice();
    const at = 8 + next() % (bytes.length - 8);
    bytes.fill(pick(next, [0xff, 0xfe]), at, at + 1 + next() % 6);
    return bytes;
  },
  "oversized": (next, valid) => {
    const bytes = new Uint8Array(valid.length + next() % 2_000);
    bytes.set(valid);
    return bytes;
  },
};

for (const [sort, make] of Object.entries(hostile)) {
  test(`datagrams that are ${sort} neither throw nor hold memory`, () => {
    const next = randomWords(sort.length);
    const valid = golden.flatMap(({ big, little }) => [hex(big), hex(little)]);
    const before = process.memoryUsage().heapUsed;
    let refused = 0;
    const datagrams = sort === "mutated" ? FEWER : DATAGRAMS;
    for (let count = 0; count < datagrams; count++) {
      const bytes = make(next, pick(next, valid));
      const messages = decode(bytes);
      if (messages === null) refused++;
      // What is read is no larger than what came, whatever it announces.
      const parts = (messages ?? []).flatMap((message): unknown[] =>
        message.type === "search"
          ? [...message.names, ...message.protocols]
          : message.type === "searchResponse"
          ? message.ids
          : []
      );
      if (parts.length > bytes.length) fail(`${toHex(bytes)} has ${parts.length} parts`);
      // What was understood is written as something that is understood alike.
      for (const message of count % 8 === 0 ? messages ?? [] : []) {
        if (message.type === "other") continue;
        const [again] = decode(encode(message, message.byteOrder)) ?? [];
        assertEquals({ ...again, version: 0, fromServer: false }, {
          ...message,
          version: 0,
          fromServer: false,
        });
      }
    }
    assert(refused > 0);
    note("datagrams: PV Access", datagrams);
    const grown = process.memoryUsage().heapUsed - before;
    assert(grown < 64 * 2 ** 20, `${grown} bytes more`);
  });
}

test("a server answers what it has, and to who asks for an answer also that it has nothing", () => {
  const [message] = decode(hex(golden[0].little))!;
  assert(message.type === "search");
  const server = { names: ["two", "three"], tcpPort: 4000 };
  assertEquals(responseTo(message, GUID, server), {
    type: "searchResponse",
    guid: GUID,
    sequence: 0x12345678,
    address: null,
    port: 4000,
    protocol: "tcp",
    found: true,
    ids: [2],
  });
  const stranger = { names: ["four"] };
  assertEquals(responseTo(message, GUID, stranger), null);
  const nothing = responseTo({ ...message, replyRequired: true }, GUID, stranger);
  assertEquals([nothing?.found, nothing?.ids, nothing?.port], [false, [], 5075]);
  // Who cannot connect by TCP has no use for it.
  assertEquals(responseTo({ ...message, protocols: ["udp"] }, GUID, server), null);
  assert(newGuid() !== newGuid());
});

test("many names go into several searches, each of which Ethernet carries", () => {
  const names = new Map(Array.from({ length: 500 }, (_, id) => [id, `LAB:DEVICE${id}:VALUE`]));
  const made = searches(1, names);
  assert(made.length > 1);
  assertEquals(
    new Map(made.flatMap(({ names }) => names.map(({ id, name }) => [id, name]))),
    names,
  );
  for (const search of made) assert(encode(search, "big").length <= 1408);
  const long = "y".repeat(5_000);
  assertEquals(searches(1, new Map([[0, long]])).map(({ names }) => names.length), [1]);
  assertEquals(searches(1, new Map()), []);
});

const address = (text: string, broadcast: string | null = null) => (
  { address: text, family: text.includes(":") ? "IPv6" : "IPv4", broadcast }
);
const interfaces = [
  { index: 1, name: "lo", up: true, loopback: true, addresses: [address("127.0.0.1")] },
  {
    index: 2,
    name: "br0",
    up: true,
    multicast: true,
    addresses: [address("192.168.1.1", "192.168.1.255"), address("fe80::1")],
  },
  { index: 3, name: "eth9", up: false, addresses: [address("10.9.0.1", "10.9.0.255")] },
] as unknown as NetworkInterface[];

test("an address list has ports, hop limits and interfaces, in the grammar of PVXS", () => {
  const target = (text: string) => {
    const { address, port, hops, interface: name, unicast } = parseTarget(text, 5076, interfaces);
    return [address, port, hops ?? null, name ?? null, unicast];
  };
  assertEquals(target("10.1.1.1:5077"), ["10.1.1.1", 5077, null, null, true]);
  assertEquals(target("[2600:1234::42]"), ["2600:1234::42", 5076, null, null, true]);
  assertEquals(target("224.0.2.3,255@192.168.1.1"), ["224.0.2.3", 5076, 255, "br0", false]);
  assertEquals(target("[ff02::42:1],1@br0"), ["ff02::42:1", 5076, 1, "br0", false]);
  assertEquals(target("[ff02::42:1%br0]:7"), ["ff02::42:1", 7, null, "br0", false]);
  assertEquals(target("192.168.1.255"), ["192.168.1.255", 5076, null, null, false]);
  assertEquals(target("255.255.255.255"), ["255.255.255.255", 5076, null, null, false]);
});

test("without a list every network is asked, and this host by its loopback", () => {
  const asked = searchTargets({}, interfaces);
  assertEquals(asked, {
    targets: [
      {
        address: "224.0.0.128",
        port: 5076,
        interface: "lo",
        hops: 1,
        unicast: false,
        replyTo: "127.0.0.1",
      },
      { address: "192.168.1.255", port: 5076, interface: "br0", unicast: false },
      { address: "ff02::42:1", port: 5076, interface: "br0", hops: 1, unicast: false },
    ],
    port: 5076,
    errors: [],
  });
  assertEquals(searchTargets({}, interfaces, ["eth9"]).targets, []);
});

test("the list precedes what is automatic, repetitions are asked once with the longest reach", () => {
  const { targets, port, errors } = searchTargets(
    {
      EPICS_PVA_ADDR_LIST: " 10.1.1.1 [ff02::42:1],3@br0\t10.1.1.1 10.1.1.1:5078 ",
      EPICS_PVA_BROADCAST_PORT: "5080",
      EPICS_PVA_AUTO_ADDR_LIST: "yes",
    },
    interfaces,
    ["br0"],
  );
  assertEquals([port, errors], [5080, []]);
  assertEquals(targets.map(({ address, port, hops }) => `${address} ${port} ${hops ?? "-"}`), [
    "10.1.1.1 5080 -",
    "ff02::42:1 5080 3",
    "10.1.1.1 5078 -",
    "192.168.1.255 5080 -",
  ]);
});

test("what is wrong in the configuration is told and left out", () => {
  const { targets, port, errors } = searchTargets({
    EPICS_PVA_ADDR_LIST: "somehost 10.1.1.1@nosuch0 10.1.1.2,1@br0,2 10.1.1.3:99999 10.1.1.4",
    EPICS_PVA_AUTO_ADDR_LIST: "NO",
    EPICS_PVA_BROADCAST_PORT: "port",
  }, interfaces);
  assertEquals([targets.map(({ address }) => address), port], [["10.1.1.4"], 5076]);
  const texts = errors.map(({ message }) => message);
  assertEquals(texts.length, 5);
  for (const [at, part] of ["BROADCAST_PORT", "somehost", "nosuch0", "@", "99999"].entries()) {
    assertStringIncludes(texts[at], part);
  }
  const { errors: [error] } = searchTargets({ EPICS_PVA_AUTO_ADDR_LIST: "maybe" }, interfaces);
  assertStringIncludes(error.message, "YES or NO");
});

test("merged sources are read in turn, and end when one fails or the reader leaves", async () => {
  async function* numbers(from: number, signal: AbortSignal) {
    for (let number = from; !signal.aborted && number < from + 3; number++) {
      await Promise.resolve();
      yield number;
    }
    if (from === 100) throw new Error("no more");
  }
  const collect = async (leaveAt: number, ...starts: number[]) => {
    const end = new AbortController();
    const got: number[] = [];
    const sources = starts.map((from) => numbers(from, end.signal));
    let failed = "";
    try {
      for await (const number of merge(sources, () => end.abort())) {
        got.push(number);
        if (got.length === leaveAt) break;
      }
    } catch (error) {
      failed = (error as Error).message;
    }
    return { got: got.sort((a, b) => a - b), failed, ended: end.signal.aborted };
  };
  assertEquals(await collect(9, 0, 10), {
    got: [0, 1, 2, 10, 11, 12],
    failed: "",
    ended: true,
  });
  assertEquals((await collect(1, 0, 10)).got.length, 1);
  assertEquals((await collect(9, 100)).failed, "no more");
});
