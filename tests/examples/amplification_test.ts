// How large an answer can be beside its question: nobody is to have others flooded by way of these examples.
import { assert, assertEquals } from "@std/assert";
import dns from "dns-packet";
import { Buffer } from "node:buffer";
import { answer } from "../../examples/dns_server/answer.ts";
import { decodeQuery, encodeQuery, encodeResponse } from "../../examples/llmnr/packet.ts";
import { decode, encode, type Message } from "../../examples/mdns/packet.ts";
import { Zone } from "../../examples/mdns/zone.ts";
import { decode as decodePva, encode as encodePva, type Search } from "../../examples/pva/codec.ts";
import { responseTo } from "../../examples/pva/responder.ts";
import { pick, randomWords } from "../address/random.ts";
import { test } from "../harness.ts";
import { hostile, sorts } from "./dns_hostile.ts";

/** A thousand of each sort: that they end nothing is seen elsewhere. */
function* some(all: Iterable<Uint8Array>): Generator<Uint8Array> {
  let left = 1000;
  for (const one of all) {
    if (left-- === 0) return;
    yield one;
  }
}

/** What every DNS server may send by UDP (RFC 1035, section 4.2.1), and what ours does with EDNS (RFC 9715). */
const PLAIN = 512, WITH_EDNS = 1232;
const NAME = "router.lab";

/** A host with many addresses on one interface. */
function manyAddresses(count: number) {
  return Array.from({ length: count }, (_, n) => ({
    address: n % 2 ? `fd01::${n.toString(16)}` : `10.1.${n >> 8}.${n & 255}`,
    family: n % 2 ? "IPv6" as const : "IPv4" as const,
  }));
}

function asked(count: number) {
  return { address: "10.1.0.2", interface: "eth0", own: manyAddresses(count) };
}

const MANY = asked(100);

function ask(type: string, edns: number | null, name = NAME): Uint8Array {
  const additionals = edns === null
    ? []
    : [{ type: "OPT", name: ".", udpPayloadSize: edns, flags: 0, options: [] }];
  return Uint8Array.from(
    dns.encode({ type: "query", id: 1, flags: 0, questions: [{ type, name }], additionals }),
  );
}

test("the name server's answers have 512 bytes at most, with EDNS what was said to fit, never more than 1,232", () => {
  for (const type of ["A", "AAAA", "TXT", "ANY", "MX"]) {
    for (const count of [0, 1, 10, 30, 100, 1000]) {
      for (const edns of [null, 1, 511, 512, 900, 1232, 4096, 65_535]) {
        const room = Math.min(WITH_EDNS, Math.max(PLAIN, edns ?? 0));
        const said = answer(ask(type, edns), NAME, asked(count))!;
        assert(said.length <= room, `${type}, ${count} addresses, EDNS ${edns}: ${said.length}`);
      }
    }
  }
});

test("what the name server refuses it says in hardly more bytes than it was asked in", () => {
  const samples = [ask("A", null), ask("A", 4096), ask("ANY", null, "a.".repeat(100) + "b")];
  for (const sort of sorts) {
    for (const data of some(hostile(sort, samples))) {
      const said = answer(data, NAME, MANY);
      // A name that begins in the header, and the answer to EDNS.
      const most = Math.max(WITH_EDNS, data.length + 32);
      assert(said === null || said.length <= most, `${data.length} → ${said?.length}`);
    }
  }
});

const SERVICE = { name: "Dr. Ink", type: "_ipp._tcp", port: 631, txt: { rp: "ink" } };
const zone = new Zone(SERVICE);
const OWN = ["192.0.2.1", "fe80::2"];
/** All that the responder has to say. */
const ALL = encode({ answers: zone.records(OWN) }).length;

/** The answer to a query, in bytes; 0: none. */
function mdnsBytes(query: Message, legacy: boolean): number {
  const said = zone.answer(query, OWN, legacy);
  return said === null ? 0 : encode(said).length;
}

test("multicast DNS says no more than all its records once, and repeats one question", () => {
  const questions = [...new Set(zone.records(OWN).map(({ name }) => name))]
    .map((name) => ({ name, type: "ANY" as const }));
  const everything = decode(encode({ questions }))!;
  assertEquals(mdnsBytes(everything, false), ALL);
  // A name that is asked for a thousand times, as a pointer to the first: in 9,000 bytes that were 20,000 and more.
  const [first] = questions;
  const head = encode({ questions: [first] });
  const again = new Uint8Array(head.length + 1000 * 6);
  again.set(head);
  const view = new DataView(again.buffer);
  view.setUint16(4, 1001);
  for (let at = head.length; at < again.length; at += 6) {
    [0xc00c, 255, 1].forEach((word, n) => view.setUint16(at + n * 2, word));
  }
  const query = decode(again)!;
  assertEquals(query.questions.length, 1001);
  for (const legacy of [false, true]) {
    assert(mdnsBytes(query, legacy) <= ALL, `${mdnsBytes(query, legacy)}`);
  }
});

test("nor does multicast DNS say more to whatever it is asked", () => {
  const samples = zone.records(OWN).map(({ name }) =>
    encode({ questions: [{ name, type: "ANY" }] })
  );
  for (const sort of sorts) {
    for (const data of some(hostile(sort, samples))) {
      const query = decode(data);
      if (query === null || query.response) continue;
      assert(mdnsBytes(query, false) <= ALL);
      assert(mdnsBytes(query, true) <= ALL + data.length, `${data.length}`);
    }
  }
});

test("LLMNR's answers have 512 bytes at most; those that had more are cut, and say so", () => {
  const own = manyAddresses(1000).map(({ address }) => address);
  for (const name of ["box", "a".repeat(63), `${"a".repeat(63)}.${"b".repeat(63)}.c`]) {
    for (const type of ["A", "AAAA", "ANY"]) {
      for (const count of [0, 1, 10, 100, 1000]) {
        const query = { id: 1, name, type };
        const said = encodeResponse(query, own.slice(0, count));
        assert(said.length <= PLAIN, `${type}, ${count} addresses: ${said.length}`);
        const { flag_tc, answers } = dns.decode(Buffer.from(said)) as unknown as {
          flag_tc: boolean;
          answers: unknown[];
        };
        if (flag_tc) assertEquals(answers.length, 0);
        if (count <= 1) assert(!flag_tc);
        if (count === 1000) assert(flag_tc);
      }
    }
  }
  for (const sort of sorts) {
    for (const data of some(hostile(sort, [encodeQuery({ id: 7, name: "box", type: "A" })]))) {
      const query = decodeQuery(data);
      if (query !== null) {
        assert(encodeResponse(query, own.slice(0, 100)).length <= PLAIN + data.length);
      }
    }
  }
});

test("PV Access's answers are 8 bytes longer than the shortest search, and shorter than one with names", () => {
  const next = randomWords(0x70766100);
  for (let n = 0; n < 1000; n++) {
    const count = next() % 200;
    const names = Array.from(
      { length: count },
      (_, id) => ({ id, name: pick(next, ["X", "LAB:Y"]) }),
    );
    const search: Search = {
      type: "search",
      sequence: n,
      replyRequired: true,
      unicast: false,
      address: null,
      port: 5,
      protocols: ["tcp"],
      names,
    };
    const data = encodePva(search, "big");
    const message = decodePva(data)![0];
    assert(message.type === "search");
    const said = encodePva(responseTo(message, "00".repeat(12), { names: ["X", "LAB:Y"] })!, "big");
    assert(said.length <= data.length + 8 - 2 * count, `${data.length} → ${said.length}, ${count}`);
    if (count === 0) assertEquals(said.length, data.length + 8);
  }
});
