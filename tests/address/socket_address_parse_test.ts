import { assert, assertEquals, assertThrows } from "@std/assert";
import { SocketAddress } from "../../address/socket_address.ts";
import { inputs, note } from "../faults/mutate.ts";
import { test } from "../harness.ts";
import { mutate, pick, randomWords, refusalOrResult } from "./random.ts";

function parts(address: SocketAddress): unknown[] {
  return [
    address.address,
    address.port,
    address.family,
    address.scopeId,
    address.zone,
    address.toString(),
  ];
}

test("parse reads address and port, and a zone in digits as an index", () => {
  assertEquals(parts(SocketAddress.parse("1.2.3.4:5")), [
    "1.2.3.4",
    5,
    "IPv4",
    null,
    null,
    "1.2.3.4:5",
  ]);
  assertEquals(parts(SocketAddress.parse("[::1]:65535")), [
    "::1",
    65535,
    "IPv6",
    null,
    null,
    "[::1]:65535",
  ]);
  assertEquals(parts(SocketAddress.parse("[fe80::1%3]:5")), [
    "fe80::1",
    5,
    "IPv6",
    3,
    "3",
    "[fe80::1%3]:5",
  ]);
  assertEquals(parts(SocketAddress.parse("[fe80::1%eth0]:5")), [
    "fe80::1",
    5,
    "IPv6",
    null,
    "eth0",
    "[fe80::1%eth0]:5",
  ]);
  assertEquals(SocketAddress.parse("[fe80::1%eth0:1]:5").zone, "eth0:1");
});

test("parse refuses every other form", () => {
  const wrong: [string, typeof TypeError | typeof RangeError, string][] = [
    ["", TypeError, "not an IP address"],
    [":5", TypeError, "not an IP address"],
    ["1.2.3.4", TypeError, "no port"],
    ["1.2.3.4:", TypeError, "port is missing"],
    ["1.2.3.4: 5", TypeError, "not a number"],
    ["1.2.3.4:5 ", TypeError, "not a number"],
    ["1.2.3.4:+5", TypeError, "not a number"],
    ["1.2.3.4:-1", TypeError, "not a number"],
    ["1.2.3.4:0x5", TypeError, "not a number"],
    ["1.2.3.4:5e3", TypeError, "not a number"],
    ["1.2.3.4:\u0665", TypeError, "not a number"],
    ["1.2.3.4:05", TypeError, "leading zero"],
    ["1.2.3.4:65536", RangeError, "too large"],
    ["[::1]:99999999999999999999", RangeError, "too large"],
    ["1..2.3:5", TypeError, "octet 2 is missing"],
    ["1.2.3.4:5:6", TypeError, "needs brackets"],
    ["::1", TypeError, "needs brackets"],
    ["::1:5", TypeError, "needs brackets"],
    ["fe80::1%eth0:5", TypeError, "needs brackets"],
    ["[::1]", TypeError, "no port"],
    ["[::1]5", TypeError, `"5" after the bracket`],
    ["[::1]x:5", TypeError, `"x" after the bracket`],
    ["[::1", TypeError, "closing bracket"],
    ["[]:5", TypeError, "brackets"],
    ["[1.2.3.4]:5", TypeError, "brackets, which are for IPv6 only"],
    ["[[::1]]:5", TypeError, "brackets"],
    ["[fe80::1%]:5", TypeError, "empty"],
    ["[fe80::1%0]:5", TypeError, "index 0"],
    ["1.2.3.4%eth0:5", TypeError, "IPv6 only"],
    ["localhost:5", TypeError, "names are not resolved here"],
    ["localhost", TypeError, "names are not resolved here"],
    ["1.2.3.4:5,1", TypeError, "not a number"],
  ];
  for (const [text, kind, message] of wrong) {
    assertThrows(() => SocketAddress.parse(text), kind, message, JSON.stringify(text));
  }
  for (const value of [undefined, null, 5, {}]) {
    assertThrows(() => SocketAddress.parse(value as string), TypeError, "must be a string");
  }
});

test("mutated text gives a SocketAddress or a TypeError or RangeError", () => {
  const next = randomWords(12);
  const seeds = [
    "1.2.3.4:5",
    "[::1]:65535",
    "[fe80::1%eth0]:5",
    "[ff02::fb%3]:5353",
    "[::ffff:1.2.3.4]:80",
  ];
  const count = inputs(30_000, 30_000);
  for (let i = 0; i < count; i++) {
    const text = mutate(next, pick(next, seeds));
    const outcome = refusalOrResult(() => SocketAddress.parse(text));
    if ("result" in outcome) {
      assert(SocketAddress.parse(String(outcome.result)).equals(outcome.result), text);
    }
  }
  note("addresses with ports", count);
});
