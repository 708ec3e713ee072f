import {
  assert,
  assertEquals,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import {
  isIpv4Mapped,
  isLimitedBroadcast,
  isLinkLocal,
  isLoopback,
  isMulticast,
  isSourceSpecific,
  isUnspecified,
  needsZone,
  unmap,
} from "../../address/classify.ts";
import { formatIp, type Ip, parseIp } from "../../address/ip.ts";
import { test } from "../harness.ts";

/** Each question with addresses at both edges of its ranges. */
const questions: { ask: (ip: Ip) => boolean; yes: string[]; no: string[] }[] = [
  {
    ask: isMulticast,
    yes: ["224.0.0.0", "224.0.0.251", "239.255.255.255", "ff00::", "ff02::fb", "ffff::1"],
    no: [
      "223.255.255.255",
      "240.0.0.0",
      "255.255.255.255",
      "feff::1",
      "::",
      "::ffff:224.0.1.1",
      "::e000:1",
    ],
  },
  {
    ask: isUnspecified,
    yes: ["0.0.0.0", "::", "::%eth0"],
    no: ["0.0.0.1", "::1", "1::", "::1:0:0", "::1:0:0:0:0", "::ffff:0.0.0.0"],
  },
  {
    ask: isLoopback,
    yes: ["127.0.0.0", "127.0.0.1", "127.255.255.255", "::1"],
    no: ["126.255.255.255", "128.0.0.0", "::", "::2", "1::1", "::1:0:0:1", "::ffff:127.0.0.1"],
  },
  {
    ask: isLinkLocal,
    yes: ["169.254.0.0", "169.254.255.255", "fe80::", "fe80::1%eth0", "febf:ffff::1"],
    no: ["169.253.255.255", "169.255.0.0", "fe7f::1", "fec0::1", "ff02::1", "::ffff:169.254.1.1"],
  },
  {
    ask: isLimitedBroadcast,
    yes: ["255.255.255.255"],
    no: ["255.255.255.254", "10.255.255.255", "::ffff:255.255.255.255", "ffff:ffff::"],
  },
  {
    ask: isIpv4Mapped,
    yes: ["::ffff:0.0.0.0", "::ffff:192.0.2.1", "::ffff:ffff:ffff"],
    no: [
      "192.0.2.1",
      "::192.0.2.1",
      "::fffe:192.0.2.1",
      "::1:ffff:192.0.2.1",
      "64:ff9b::192.0.2.1",
      "1::ffff:1.2.3.4",
    ],
  },
  {
    ask: needsZone,
    yes: ["fe80::1", "febf::1", "ff01::1", "ff02::1", "ff11::1", "ff12::1", "ff32::1", "fff2::"],
    no: [
      "fec0::1",
      "ff00::1",
      "ff03::1",
      "ff05::1",
      "ff0e::1",
      "::1",
      "::",
      "2001:db8::1",
      "169.254.1.1",
      "224.0.0.1",
      "255.255.255.255",
    ],
  },
  {
    ask: isSourceSpecific,
    yes: ["232.0.0.0", "232.255.255.255", "ff30::", "ff3e::8000:1", "ff3f::1", "ff32:0:ffff::1"],
    no: [
      "231.255.255.255",
      "233.0.0.0",
      "ff2e::1",
      "ff4e::1",
      "ffbe::1",
      "ff3e:1::1",
      "ff3e:40:2001:db8::1",
      "fe30::",
    ],
  },
];

for (const { ask, yes, no } of questions) {
  test(`${ask.name} draws the line exactly at the edges of its ranges`, () => {
    for (const text of yes) assertEquals(ask(parseIp(text)), true, text);
    for (const text of no) assertEquals(ask(parseIp(text)), false, text);
  });
}

test("unmap turns a mapped address into IPv4 and returns everything else as it is", () => {
  assertEquals(unmap(parseIp("::ffff:192.0.2.1")), parseIp("192.0.2.1"));
  assertEquals(unmap(parseIp("::ffff:192.0.2.1%eth0")), parseIp("192.0.2.1"));
  assertEquals(unmap(parseIp("::ffff:0.0.0.0")), parseIp("0.0.0.0"));
  assertEquals(unmap(parseIp("::ffff:255.255.255.255")), parseIp("255.255.255.255"));
  for (const text of ["192.0.2.1", "224.0.1.1", "::1", "fe80::1%eth0", "ff02::fb", "::192.0.2.1"]) {
    const ip = parseIp(text);
    assertStrictEquals(unmap(ip), ip);
  }
});

test("unmap refuses a mapped multicast group, says why and what to use instead", () => {
  for (const group of ["224.0.0.0", "224.0.1.1", "239.255.255.255"]) {
    const error = assertThrows(() => unmap(parseIp(`::ffff:${group}`)), TypeError);
    assertStringIncludes(error.message, `::ffff:${group} is an IPv4-mapped multicast address`);
    assertStringIncludes(error.message, "the kernel does not do multicast on it");
    assertStringIncludes(error.message, `use "${group}"`);
  }
  assert(formatIp(unmap(parseIp("::ffff:223.255.255.255"))) === "223.255.255.255");
  assert(formatIp(unmap(parseIp("::ffff:240.0.0.0"))) === "240.0.0.0");
});
