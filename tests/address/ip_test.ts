import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import {
  formatIp,
  formatIpv4,
  formatIpv6,
  type Ip,
  parseIp,
  sameIp,
  tryParseIp,
} from "../../address/ip.ts";
import { inputs, note } from "../faults/mutate.ts";
import { test } from "../harness.ts";
import { mutate, pick, randomWords, refusalOrResult, sparseWord } from "./random.ts";

function ip6(w0: number, w1: number, w2: number, w3: number, zone: string | null = null): Ip {
  return { family: "IPv6", w0, w1, w2, w3, zone };
}

function ip4(w0: number): Ip {
  return { family: "IPv4", w0, w1: 0, w2: 0, w3: 0, zone: null };
}

/** Literal, words, canonical text. */
const golden: [string, Ip, string][] = [
  ["0.0.0.0", ip4(0), "0.0.0.0"],
  ["1.2.3.4", ip4(0x01020304), "1.2.3.4"],
  ["127.0.0.1", ip4(0x7f000001), "127.0.0.1"],
  ["128.0.0.0", ip4(0x80000000), "128.0.0.0"],
  ["224.0.0.251", ip4(0xe00000fb), "224.0.0.251"],
  ["255.255.255.255", ip4(0xffffffff), "255.255.255.255"],
  ["::", ip6(0, 0, 0, 0), "::"],
  ["::1", ip6(0, 0, 0, 1), "::1"],
  ["1::", ip6(0x10000, 0, 0, 0), "1::"],
  ["0:0:0:0:0:0:0:0", ip6(0, 0, 0, 0), "::"],
  ["FF02::FB", ip6(0xff020000, 0, 0, 0xfb), "ff02::fb"],
  ["2001:db8::1", ip6(0x20010db8, 0, 0, 1), "2001:db8::1"],
  ["2001:0DB8:0000:0000:0000:0000:0000:0001", ip6(0x20010db8, 0, 0, 1), "2001:db8::1"],
  // RFC 5952 §4.2.2: a single zero group stays; §4.2.3: the longest run, the first of equals.
  ["2001:db8:0:1:1:1:1:1", ip6(0x20010db8, 1, 0x10001, 0x10001), "2001:db8:0:1:1:1:1:1"],
  ["2001:db8::1:1:1:1:1", ip6(0x20010db8, 1, 0x10001, 0x10001), "2001:db8:0:1:1:1:1:1"],
  ["2001:0:0:1:0:0:0:1", ip6(0x20010000, 1, 0, 1), "2001:0:0:1::1"],
  ["2001:db8:0:0:1:0:0:1", ip6(0x20010db8, 0, 0x10000, 1), "2001:db8::1:0:0:1"],
  ["0:0:1:0:0:1:0:0", ip6(0, 0x10000, 1, 0), "::1:0:0:1:0:0"],
  ["1:0:0:2:0:0:0:0", ip6(0x10000, 2, 0, 0), "1:0:0:2::"],
  ["0:1:2:3:4:5:6:7", ip6(1, 0x20003, 0x40005, 0x60007), "0:1:2:3:4:5:6:7"],
  ["1:2:3:4:5:6:7:0", ip6(0x10002, 0x30004, 0x50006, 0x70000), "1:2:3:4:5:6:7:0"],
  ["1:2:3:4:5:6:7::", ip6(0x10002, 0x30004, 0x50006, 0x70000), "1:2:3:4:5:6:7:0"],
  ["::2:3:4:5:6:7:8", ip6(2, 0x30004, 0x50006, 0x70008), "0:2:3:4:5:6:7:8"],
  [
    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    ip6(0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff),
    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
  ],
  [
    "a0b:c00d:100:ff:fff:f00:10:1",
    ip6(0xa0bc00d, 0x10000ff, 0xfff0f00, 0x100001),
    "a0b:c00d:100:ff:fff:f00:10:1",
  ],
  ["::ffff:192.0.2.1", ip6(0, 0, 0xffff, 0xc0000201), "::ffff:192.0.2.1"],
  ["::FFFF:c000:201", ip6(0, 0, 0xffff, 0xc0000201), "::ffff:192.0.2.1"],
  ["::ffff:0.0.0.0", ip6(0, 0, 0xffff, 0), "::ffff:0.0.0.0"],
  ["0:0:0:0:0:ffff:1.2.3.4", ip6(0, 0, 0xffff, 0x01020304), "::ffff:1.2.3.4"],
  ["64:ff9b::192.0.2.33", ip6(0x64ff9b, 0, 0, 0xc0000221), "64:ff9b::c000:221"],
  ["1:2:3:4:5:6:1.2.3.4", ip6(0x10002, 0x30004, 0x50006, 0x01020304), "1:2:3:4:5:6:102:304"],
  ["::1.2.3.4", ip6(0, 0, 0, 0x01020304), "::102:304"],
  ["1::2:1.2.3.4", ip6(0x10000, 0, 2, 0x01020304), "1::2:102:304"],
  ["fe80::1%eth0", ip6(0xfe800000, 0, 0, 1, "eth0"), "fe80::1%eth0"],
  ["fe80::1%3", ip6(0xfe800000, 0, 0, 1, "3"), "fe80::1%3"],
  ["fe80::1%eth0.100", ip6(0xfe800000, 0, 0, 1, "eth0.100"), "fe80::1%eth0.100"],
  ["fe80::1%br-lan", ip6(0xfe800000, 0, 0, 1, "br-lan"), "fe80::1%br-lan"],
  ["fe80::1%eth0:1", ip6(0xfe800000, 0, 0, 1, "eth0:1"), "fe80::1%eth0:1"],
  ["fe80::1%veth0@if7", ip6(0xfe800000, 0, 0, 1, "veth0@if7"), "fe80::1%veth0@if7"],
  ["fe80::1%25eth0", ip6(0xfe800000, 0, 0, 1, "25eth0"), "fe80::1%25eth0"],
  ["2001:db8::1%eth0", ip6(0x20010db8, 0, 0, 1, "eth0"), "2001:db8::1%eth0"],
  ["ff02::fb%[x", ip6(0xff020000, 0, 0, 0xfb, "[x"), "ff02::fb%[x"],
];

test("parseIp reads literals into words, and formatIp writes the canonical text", () => {
  for (const [text, ip, canonical] of golden) {
    assertEquals(parseIp(text), ip, text);
    assertEquals(formatIp(ip), canonical, text);
    assertEquals(tryParseIp(text), ip, text);
  }
});

/** Literal and what the message has to say. */
const malformed: [string, string][] = [
  ["", "not an IP address"],
  ["1..2.3", "octet 2 is missing at index 2"],
  ["1.2.3", "only 3 of 4 octets"],
  ["1.2.3.", "octet 4 is missing"],
  ["1", "only 1 of 4 octets"],
  [".1.2.3", "octet 1 is missing at index 0"],
  ["1.2.3.4.", "more than four octets"],
  ["1.2.3.4.5", "more than four octets"],
  ["1.2.3.4x", `octet 4 holds "x"`],
  ["1.2.3.4 ", `octet 4 holds " "`],
  [" 1.2.3.4", `octet 1 holds " "`],
  ["1.2.3.4\n", `octet 4 holds "\\n"`],
  ["1.2.3.4\0", `octet 4 holds "\\u0000"`],
  ["1.2.3.4/24", `octet 4 holds "/"`],
  ["1.2.3.4:5", `octet 4 holds ":"`],
  ["1.2.3.256", "octet 4 is more than 255"],
  ["1.2.3.99999999999999999999", "octet 4 is more than 255"],
  ["01.2.3.4", "octet 1 has a leading zero, which some systems read as octal"],
  ["1.2.3.010", "octet 4 has a leading zero"],
  ["1.2.00.4", "octet 3 has a leading zero"],
  ["0x7f.0.0.1", `octet 1 holds "x"`],
  ["+1.2.3.4", `octet 1 holds "+"`],
  ["1.-2.3.4", `octet 2 holds "-"`],
  ["1.2.3.\u0664", `octet 4 holds`],
  ["3232235521", "octet 1 is more than 255"],
  ["localhost", "names are not resolved here"],
  ["pv-host.example.org", "Deno.resolveDns"],
  ["例え.テスト", "names are not resolved here"],
  ["eth0", "not an IP address"],
  ["1.2.3.4%eth0", "zones (%) exist for IPv6 only"],
  ["1.2.3.4%", "zones (%) exist for IPv6 only"],
  ["%eth0", "not an IP address"],
  [":", "a single colon cannot begin it"],
  [":1::2", "a single colon cannot begin it"],
  ["1:", "a single colon cannot end it"],
  ["1::2:", "a single colon cannot end it"],
  [":::", "three colons in a row at index 2"],
  ["1:::2", "three colons in a row"],
  ["1::2::3", `a second "::"`],
  ["::1::", `a second "::"`],
  ["1:2:3", `3 of eight groups and no "::"`],
  ["1:2:3:4:5:6:7", `7 of eight groups and no "::"`],
  ["1:2:3:4:5:6:7:8:9", "more than eight groups"],
  ["1:2:3:4::5:6:7:8", `"::" stands for no group`],
  ["1:2:3:4:5:6:7:8::", `"::" stands for no group`],
  ["::1:2:3:4:5:6:7:8", `"::" stands for no group`],
  ["12345::", "more than four digits"],
  ["00001::", "more than four digits"],
  ["g::", `"g" is not a hexadecimal digit at index 0`],
  ["2001:db8::1 ", `" " is not a hexadecimal digit`],
  [" ::1", `" " is not a hexadecimal digit`],
  ["::1/64", `"/" is not a hexadecimal digit`],
  ["::1]", `"]" is not a hexadecimal digit`],
  ["[::1]", "brackets"],
  ["[::1]:5", "brackets"],
  ["::-1", `"-" is not a hexadecimal digit`],
  ["::\u0661", "is not a hexadecimal digit"],
  ["::1.2.3", "only 3 of 4 octets"],
  ["::1.2.3.4.5", "more than four octets"],
  ["::1.2.3.04", "leading zero"],
  ["::1.2.3.256", "more than 255"],
  ["::ff.2.3.4", `octet 1 holds "f"`],
  ["1.2.3.4::", `octet 4 holds ":"`],
  ["::1.2.3.4:5", `octet 4 holds ":"`],
  ["1:2:3:4:5:6:7:1.2.3.4", "no room for an IPv4 tail"],
  ["1:2:3:4:5:1.2.3.4", `7 of eight groups and no "::"`],
  ["1:2:3:4:5:6::1.2.3.4", `"::" stands for no group`],
  ["fe80::1%", "zone in"],
  ["fe80::1%eth\t0", `holds "\\t" at index 3`],
  ["fe80::1%eth0 ", `holds " " at index 4`],
  ["fe80::1%eth0\n", `holds "\\n"`],
  ["fe80::1%eth0\u00a0", "holds"],
  ["fe80::1%eth0%1", `holds "%"`],
  ["fe80::1%a/64", `holds "/"`],
  ["fe80::1%a]", `holds "]"`],
  ["fe80::1%a\0b", `holds "\\u0000"`],
  ["fe80::1%0", "index 0"],
  [`fe80::1%${"x".repeat(256)}`, "at most 255"],
];

test("parseIp refuses malformed literals with a TypeError that says what is wrong", () => {
  for (const [text, message] of malformed) {
    assertThrows(
      () => parseIp(text),
      TypeError,
      message,
      `${JSON.stringify(text)} should be refused`,
    );
    assertEquals(tryParseIp(text), null, text);
  }
  assertEquals(parseIp(`fe80::1%${"x".repeat(255)}`).zone!.length, 255);
});

test("parseIp refuses what is not a string", () => {
  for (
    const value of [undefined, null, 1, {}, [], ["1.2.3.4"], new String("1.2.3.4"), Symbol("x")]
  ) {
    assertThrows(() => parseIp(value as string), TypeError, "must be a string");
    assertEquals(tryParseIp(value as string), null);
  }
});

test("a message quotes only the beginning of absurdly long text, and escapes control characters", () => {
  const error = assertThrows(() => parseIp("1.2.3.4\n" + "9".repeat(100_000)), TypeError);
  assert(error.message.length < 400);
  assertStringIncludes(error.message, "\\n");
  assert(!error.message.includes("\n"));
});

test("IPv4 text survives the round trip for 20,000 random addresses", () => {
  const next = randomWords(1);
  for (let i = 0; i < 20_000; i++) {
    const word = next();
    const text = formatIpv4(word);
    assertEquals(
      text,
      [word >>> 24, (word >>> 16) & 255, (word >>> 8) & 255, word & 255].join("."),
    );
    assertEquals(parseIp(text), ip4(word));
  }
});

/** RFC 5952 once more, written for clarity instead of speed. */
function canonical(words: number[]): string {
  const groups = words.flatMap((word) => [word >>> 16, word & 0xffff]);
  const hex = groups.map((group) => group.toString(16));
  let best = { start: 0, length: 0 };
  for (let start = 0; start < 8; start++) {
    let length = 0;
    while (start + length < 8 && groups[start + length] === 0) length++;
    if (length >= 2 && length > best.length) best = { start, length };
  }
  if (best.length === 0) return hex.join(":");
  return hex.slice(0, best.start).join(":") + "::" + hex.slice(best.start + best.length).join(":");
}

test("IPv6 text is canonical and survives the round trip for 20,000 random addresses", () => {
  const next = randomWords(2);
  for (let i = 0; i < 20_000; i++) {
    const words = Array.from({ length: 4 }, () => sparseWord(next));
    const [w0, w1, w2, w3] = words;
    const mapped = w0 === 0 && w1 === 0 && w2 === 0xffff;
    const text = formatIpv6(w0, w1, w2, w3);
    assertEquals(text, mapped ? `::ffff:${formatIpv4(w3)}` : canonical(words));
    const zone = i % 3 === 0 ? pick(next, ["eth0", "3", "wlan0.7", "a:b"]) : null;
    assertEquals(parseIp(formatIp(ip6(w0, w1, w2, w3, zone))), ip6(w0, w1, w2, w3, zone));
  }
});

test("every way of writing the same IPv6 address is read as the same words", () => {
  const next = randomWords(3);
  for (let i = 0; i < 5_000; i++) {
    const words = Array.from({ length: 4 }, () => sparseWord(next));
    const expected = ip6(words[0], words[1], words[2], words[3]);
    const groups = words.flatMap((word) => [word >>> 16, word & 0xffff]).map((group) =>
      group.toString(16)
    );
    const padded = groups.map((group) => group.padStart(4, "0").toUpperCase());
    const tail = [...groups.slice(0, 6), formatIpv4(words[3])];
    for (const variant of [groups, padded, tail]) {
      assertEquals(parseIp(variant.join(":")), expected);
    }
    const zero = groups.findIndex((group) => group === "0");
    if (zero >= 0) {
      const text = `${groups.slice(0, zero).join(":")}::${groups.slice(zero + 1).join(":")}`;
      assertEquals(parseIp(text), expected);
    }
  }
});

test("the format caches never mix up addresses that share a slot, and take signed words", () => {
  const next = randomWords(4);
  const seen = Array.from(
    { length: 3_000 },
    () => [sparseWord(next), sparseWord(next), sparseWord(next), next()],
  );
  for (let round = 0; round < 3; round++) {
    for (const [w0, w1, w2, w3] of seen) {
      const text = formatIpv6(w0, w1, w2, w3);
      assert(sameIp(parseIp(text), ip6(w0, w1, w2, w3)));
      assertEquals(formatIpv6(w0 | 0, w1 | 0, w2 | 0, w3 | 0), text);
      assertEquals(parseIp(formatIpv4(w3 | 0)).w0, w3);
    }
  }
  assertEquals(formatIpv4(-1), "255.255.255.255");
});

test("mutated literals give an address or a TypeError, and what is accepted survives the round trip", () => {
  const next = randomWords(5);
  const seeds = golden.map(([text]) => text);
  let accepted = 0;
  const count = inputs(50_000, 50_000);
  for (let i = 0; i < count; i++) {
    const text = mutate(next, pick(next, seeds));
    const outcome = refusalOrResult(() => parseIp(text));
    if ("result" in outcome) {
      accepted++;
      assertEquals(parseIp(formatIp(outcome.result)), outcome.result, text);
      assert(!/[\0\/\]]|[^\S ]|^\s|\s$/.test(text), text);
    } else {
      assert(outcome.refused instanceof TypeError, text);
    }
  }
  assert(accepted > 1_000 && accepted < count, `${accepted} accepted`);
  note("IP literals and zones", count);
});

test("sameIp compares family and bits and ignores the zone", () => {
  assert(sameIp(parseIp("fe80::1%eth0"), parseIp("fe80::1%eth1")));
  assert(sameIp(parseIp("10.0.0.1"), parseIp("10.0.0.1")));
  assert(!sameIp(parseIp("10.0.0.1"), parseIp("10.0.0.2")));
  assert(!sameIp(parseIp("0.0.0.0"), parseIp("::")));
  for (const other of ["::1:0:0", "::1:0:0:0:0", "1::", "::1"]) {
    assert(!sameIp(parseIp("::"), parseIp(other)), other);
  }
});
