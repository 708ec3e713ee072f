// What the name server of the examples answers, and what it does not.
import { assert, assertEquals } from "@std/assert";
import dns from "dns-packet";
import { Buffer } from "node:buffer";
import { answer } from "../../examples/dns_server/answer.ts";
import { pick } from "../address/random.ts";
import { test } from "../harness.ts";
import { feed, SORTS } from "./hostile.ts";

const asked = {
  address: "10.1.0.2",
  interface: "eth0",
  own: [
    { address: "10.1.0.1", family: "IPv4" as const },
    { address: "10.1.0.2", family: "IPv4" as const },
    { address: "fd01::1", family: "IPv6" as const },
  ],
};

function question(type: string, name = "router.lab", more: object = {}): Uint8Array {
  // Not a Buffer, whose slices share its memory.
  return Uint8Array.from(dns.encode({
    type: "query",
    id: 0x1234,
    flags: dns.RECURSION_DESIRED,
    questions: [{ type, name }],
    ...more,
  }));
}

/** What is said to a question, in words. */
function say(data: Uint8Array) {
  const said = answer(data, "router.lab", asked);
  return said && dns.decode(Buffer.from(said));
}

test("addresses are those of the interface that was asked on", () => {
  const found = say(question("A"))!;
  assertEquals([found.id, found.type, found.rcode, found.flag_aa, found.flag_rd], [
    0x1234,
    "response",
    "NOERROR",
    true,
    true,
  ]);
  const dataOf = (type: string) =>
    say(question(type, "Router.LAB"))!.answers.map(({ data }) => data);
  assertEquals(dataOf("A"), ["10.1.0.1", "10.1.0.2"]);
  assertEquals(dataOf("AAAA"), ["fd01::1"]);
  assertEquals(String(dataOf("TXT")[0]), "you asked 10.1.0.2 on eth0");
  assertEquals(dataOf("MX"), []);
});

test("other names are refused, other operations not implemented, several questions an error", () => {
  assertEquals(say(question("A", "example.com"))!.rcode, "REFUSED");
  const flags = 5 << 11; // UPDATE
  assertEquals(say(question("A", "router.lab", { flags }))!.rcode, "NOTIMP");
  const questions = [{ type: "A", name: "router.lab" }, { type: "AAAA", name: "router.lab" }];
  assertEquals(say(question("A", "", { questions }))!.rcode, "FORMERR");
});

test("an answer that has no room is cut, and says so; with EDNS there is more room", () => {
  const many = {
    ...asked,
    own: Array.from(
      { length: 40 },
      (_, n) => ({ address: `10.9.0.${n}`, family: "IPv4" as const }),
    ),
  };
  const short = dns.decode(Buffer.from(answer(question("A"), "router.lab", many)!));
  assertEquals([short.flag_tc, short.answers.length], [true, 0]);
  const additionals = [
    { type: "OPT", name: ".", udpPayloadSize: 4096, flags: 0, options: [] },
  ];
  const edns = question("A", "router.lab", { additionals });
  const whole = dns.decode(Buffer.from(answer(edns, "router.lab", many)!));
  assertEquals([whole.flag_tc, whole.answers.length, whole.additionals.length], [false, 40, 1]);
});

test("answers are not answered, nor what is none of DNS", () => {
  const response = dns.encode({ type: "response", id: 1, questions: [], answers: [] });
  assertEquals(say(response), null);
  assertEquals(say(new Uint8Array()), null);
  assertEquals(say(new Uint8Array(11)), null);
});

const header = (...counts: number[]) =>
  Uint8Array.of(0x12, 0x34, 1, 0, ...counts.flatMap((count) => [count >> 8, count & 0xff]));
const join = (...parts: Uint8Array[]) => Uint8Array.from(parts.flatMap((part) => [...part]));

test("a name that leads back to itself, or to another that does, is no question", () => {
  const end = Uint8Array.of(0, 1, 0, 1);
  for (
    const name of [
      [0xc0, 12], // to itself
      [0xc0, 14, 0xc0, 12], // to each other
      [1, 0x61, 0xc0, 12], // a.a.a.a…
      [0xc0, 0xff], // beyond the end
      [0x80, 0x01], // a kind that does not exist
    ]
  ) {
    assertEquals(say(join(header(1, 0, 0, 0), Uint8Array.from(name), end)), null, String(name));
  }
});

const OPT = { type: "OPT", name: ".", udpPayloadSize: 1232, flags: 0, options: [] };
const samples = [
  question("A"),
  question("TXT", "router.lab", { additionals: [OPT] }),
  question("PTR", "1.0.0.127.in-addr.arpa"),
];
const sorts = {
  ...SORTS,
  "wrong-count": (next: () => number, sample: Uint8Array) => {
    const counts = Array.from({ length: 4 }, () => pick(next, [0, 1, 2, 255, 65_535]));
    return join(header(...counts), sample.subarray(12));
  },
  // Pointers everywhere, mostly into the packet.
  looping: (next: () => number, sample: Uint8Array) => {
    const bytes = join(sample, new Uint8Array(next() % 64));
    for (let n = 1 + next() % 8; n > 0; n--) {
      const at = 12 + next() % (bytes.length - 13);
      bytes[at] = 0xc0;
      bytes[at + 1] = next() % bytes.length;
    }
    return bytes;
  },
};

for (const [sort, make] of Object.entries(sorts)) {
  test(
    `${sort} questions end nothing, and nothing of them is kept (DNS)`,
    { timeout: 300_000 },
    () => {
      const taken = feed("DNS", sort, make, samples, (data) => {
        const said = answer(data, "router.lab", asked);
        assert(said === null || said.length <= 1232, `an answer of ${said?.length} bytes`);
        return said;
      });
      // What is cut anywhere is no question.
      if (sort === "truncated") assertEquals(taken, 0);
      else assert(sort === "random" || taken > 0);
    },
  );
}
