import { assert, assertEquals, assertThrows } from "@std/assert";
import { type Endpoint, formatEndpoint, parseEndpoint } from "../../address/endpoint.ts";
import { formatIpv4, formatIpv6 } from "../../address/ip.ts";
import { inputs, note } from "../faults/mutate.ts";
import { test } from "../harness.ts";
import { mutate, pick, randomWords, refusalOrResult, sparseWord } from "./random.ts";

function endpoint(address: string, rest: Partial<Endpoint> = {}): Endpoint {
  const family = address.includes(":") ? "IPv6" : "IPv4";
  return { address, family, zone: null, port: null, hops: null, interface: null, ...rest };
}

/** Text, parts, and the text written back where it is another one. */
const golden: [string, Endpoint, string?][] = [
  ["1.2.3.4", endpoint("1.2.3.4")],
  ["1.2.3.4:5", endpoint("1.2.3.4", { port: 5 })],
  ["1.2.3.4:0", endpoint("1.2.3.4", { port: 0 })],
  ["1.2.3.4,255", endpoint("1.2.3.4", { hops: 255 })],
  ["1.2.3.4,0", endpoint("1.2.3.4", { hops: 0 })],
  ["1.2.3.4@eth0", endpoint("1.2.3.4", { interface: "eth0" })],
  ["224.0.1.1:5076,4@eth0", endpoint("224.0.1.1", { port: 5076, hops: 4, interface: "eth0" })],
  ["224.0.1.1,1@10.0.0.1", endpoint("224.0.1.1", { hops: 1, interface: "10.0.0.1" })],
  ["224.0.1.1:5@3", endpoint("224.0.1.1", { port: 5, interface: "3" })],
  ["224.0.1.1@eth0:1", endpoint("224.0.1.1", { interface: "eth0:1" })],
  ["224.0.1.1@veth0@if3", endpoint("224.0.1.1", { interface: "veth0@if3" })],
  ["::", endpoint("::")],
  ["ff02::fb", endpoint("ff02::fb")],
  ["FF02:0::FB", endpoint("ff02::fb"), "ff02::fb"],
  ["ff02::42:1,1@eth0", endpoint("ff02::42:1", { hops: 1, interface: "eth0" })],
  ["ff02::fb:5353", endpoint("ff02::fb:5353")],
  ["fe80::1%eth0", endpoint("fe80::1", { zone: "eth0" })],
  ["fe80::1%eth0:1", endpoint("fe80::1", { zone: "eth0:1" })],
  ["fe80::1%eth0,7", endpoint("fe80::1", { zone: "eth0", hops: 7 })],
  ["fe80::1%eth0@eth0", endpoint("fe80::1", { zone: "eth0", interface: "eth0" })],
  ["[ff02::fb]", endpoint("ff02::fb"), "ff02::fb"],
  ["[ff02::fb]:5353", endpoint("ff02::fb", { port: 5353 })],
  ["[ff02::fb],1", endpoint("ff02::fb", { hops: 1 }), "ff02::fb,1"],
  ["[ff02::fb]:5353,1@eth0", endpoint("ff02::fb", { port: 5353, hops: 1, interface: "eth0" })],
  ["[ff02::fb%eth0]:5353,1", endpoint("ff02::fb", { zone: "eth0", port: 5353, hops: 1 })],
  ["[fe80::1%v@if3]", endpoint("fe80::1", { zone: "v@if3" })],
  ["[ff02::fb]:5@fe80::1%eth0", endpoint("ff02::fb", { port: 5, interface: "fe80::1%eth0" })],
  ["::ffff:1.2.3.4", endpoint("::ffff:1.2.3.4")],
  ["[::ffff:1.2.3.4]:5", endpoint("::ffff:1.2.3.4", { port: 5 })],
];

test("parseEndpoint reads PVXS endpoint strings, and formatEndpoint writes them back", () => {
  for (const [text, expected, written] of golden) {
    assertEquals(parseEndpoint(text), expected, text);
    assertEquals(formatEndpoint(expected), written ?? text);
  }
  assertEquals(formatEndpoint(endpoint("fe80::1", { zone: "a,b" })), "[fe80::1%a,b]");
  assertEquals(parseEndpoint("[fe80::1%a,b]").zone, "a,b");
});

test("parseEndpoint refuses everything else and says why", () => {
  const wrong: [string, typeof TypeError | typeof RangeError, string][] = [
    ["", TypeError, "has no address"],
    [":5", TypeError, "has no address"],
    [",1", TypeError, "has no address"],
    ["@eth0", TypeError, "has no address"],
    [" 1.2.3.4", TypeError, "octet 1 holds"],
    ["1.2.3.4 ", TypeError, "octet 4 holds"],
    ["1..2.3:5", TypeError, "octet 2 is missing"],
    ["1.2.3.4:", TypeError, "port is missing"],
    ["1.2.3.4:x", TypeError, "not a number"],
    ["1.2.3.4:05", TypeError, "leading zero"],
    ["1.2.3.4:65536", RangeError, "port"],
    ["1.2.3.4,", TypeError, "TTL is missing"],
    ["1.2.3.4,-1", TypeError, "not a number"],
    ["1.2.3.4,1.5", TypeError, "not a number"],
    ["1.2.3.4,1,2", TypeError, "not a number"],
    ["1.2.3.4,1:5", TypeError, "not a number"],
    ["1.2.3.4,256", RangeError, "TTL"],
    ["1.2.3.4@", TypeError, "interface in"],
    ["1.2.3.4@eth\t0", TypeError, `holds "\\t"`],
    ["1.2.3.4@0", TypeError, "index 0"],
    ["1.2.3.4@eth0,1", TypeError, `the TTL goes before "@"`],
    ["1.2.3.4@eth0%1", TypeError, `holds "%"`],
    ["1.2.3.4%eth0", TypeError, "1.2.3.4@eth0"],
    ["1.2.3.4%eth0:5", TypeError, "IPv6 only"],
    ["1.2.3.4:5%eth0", TypeError, "not a number"],
    ["[1.2.3.4]:5", TypeError, "for IPv6 only"],
    ["[::1", TypeError, "closing bracket"],
    ["[::1]x", TypeError, "out of place"],
    ["[::1]5", TypeError, "out of place"],
    ["[::1]%eth0", TypeError, "out of place"],
    ["[]", TypeError, "not an IP address"],
    ["::1]:5", TypeError, "hexadecimal digit"],
    ["1:2:3", TypeError, "3 of eight groups"],
    ["fe80::1%eth0@eth1", TypeError, "differ"],
    ["[fe80::1%eth0]:5@3", TypeError, "differ"],
    ["fe80::1%eth0@10.0.0.1", TypeError, "differ"],
    ["fe80::1%@eth0", TypeError, "empty"],
    ["localhost", TypeError, "names are not resolved here"],
    ["pv-host.example.org:5076,1@eth0", TypeError, "Deno.resolveDns"],
  ];
  for (const [text, kind, message] of wrong) {
    assertThrows(() => parseEndpoint(text), kind, message, JSON.stringify(text));
  }
  for (const value of [undefined, null, 5, {}]) {
    assertThrows(() => parseEndpoint(value as string), TypeError, "must be a string");
  }
});

test("formatEndpoint refuses parts that could not be read back", () => {
  const wrong: [unknown, typeof TypeError | typeof RangeError, string][] = [
    [null, TypeError, "must be an object"],
    ["1.2.3.4:5", TypeError, "must be an object"],
    [endpoint("localhost"), TypeError, "names are not resolved here"],
    [endpoint("fe80::1%eth0"), TypeError, `the endpoint's "zone"`],
    [endpoint("1.2.3.4", { family: "IPv6" }), TypeError, "is IPv4, not"],
    [endpoint("1.2.3.4", { zone: "eth0" }), TypeError, "has no zone"],
    [endpoint("fe80::1", { zone: "" }), TypeError, "empty"],
    [endpoint("fe80::1", { zone: "a", interface: "b" }), TypeError, "differ"],
    [endpoint("1.2.3.4", { port: 65536 }), RangeError, "port"],
    [endpoint("1.2.3.4", { hops: 256 }), RangeError, "TTL"],
    [endpoint("1.2.3.4", { hops: -1 }), RangeError, "TTL"],
    [endpoint("1.2.3.4", { interface: "a,b" }), TypeError, "comma"],
    [endpoint("1.2.3.4", { interface: 3 as never }), TypeError, "must be a string"],
  ];
  for (const [parts, kind, message] of wrong) {
    assertThrows(() => formatEndpoint(parts as Endpoint), kind, message);
  }
});

test("endpoints survive the round trip for 20,000 random parts", () => {
  const next = randomWords(21);
  const names = ["eth0", "3", "br-lan.7", "eth0:1", "v@if3"];
  for (let i = 0; i < 20_000; i++) {
    const v6 = next() % 2 === 0;
    const zone = v6 && next() % 3 === 0 ? pick(next, [...names, "a,b"]) : null;
    const free = pick(next, [null, ...names, "10.0.0.1", "fe80::1%eth0", "::1"]);
    const parts = endpoint(
      v6
        ? formatIpv6(sparseWord(next), sparseWord(next), sparseWord(next), next())
        : formatIpv4(next()),
      {
        zone,
        port: next() % 2 === 0 ? next() & 0xffff : null,
        hops: next() % 2 === 0 ? next() & 255 : null,
        interface: zone === null ? free : next() % 2 === 0 || zone.includes(",") ? null : zone,
      },
    );
    assertEquals(parseEndpoint(formatEndpoint(parts)), parts);
  }
});

test("mutated endpoints give parts or a TypeError or RangeError, and what is accepted survives the round trip", () => {
  const next = randomWords(22);
  const seeds = golden.map(([text]) => text);
  let accepted = 0;
  const count = inputs(50_000, 50_000);
  for (let i = 0; i < count; i++) {
    const text = mutate(next, pick(next, seeds));
    const outcome = refusalOrResult(() => parseEndpoint(text));
    if (!("result" in outcome)) continue;
    accepted++;
    assertEquals(parseEndpoint(formatEndpoint(outcome.result)), outcome.result, text);
  }
  note("endpoint strings", count);
  assert(accepted > 1_000 && accepted < count, `${accepted} accepted`);
});
