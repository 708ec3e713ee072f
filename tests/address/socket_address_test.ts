import { inspect } from "node:util";
import {
  assert,
  assertEquals,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { formatIp, parseIp } from "../../address/ip.ts";
import {
  readWords,
  SocketAddress,
  socketAddressFromWords,
  type SocketAddressInit,
} from "../../address/socket_address.ts";
import { test } from "../harness.ts";
import { pick, randomWords, sparseWord } from "./random.ts";

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

test("a SocketAddress made from its parts has canonical text", () => {
  const table: [SocketAddressInit, unknown[]][] = [
    [{ address: "1.2.3.4", port: 5 }, ["1.2.3.4", 5, "IPv4", null, null, "1.2.3.4:5"]],
    [{ address: "255.0.0.1", port: 65535 }, [
      "255.0.0.1",
      65535,
      "IPv4",
      null,
      null,
      "255.0.0.1:65535",
    ]],
    [{ address: "2001:DB8:0::1", port: 0 }, [
      "2001:db8::1",
      0,
      "IPv6",
      null,
      null,
      "[2001:db8::1]:0",
    ]],
    [{ address: "fe80::1", port: 5, zone: "eth0" }, [
      "fe80::1",
      5,
      "IPv6",
      null,
      "eth0",
      "[fe80::1%eth0]:5",
    ]],
    [{ address: "fe80::1%eth0", port: 5 }, [
      "fe80::1",
      5,
      "IPv6",
      null,
      "eth0",
      "[fe80::1%eth0]:5",
    ]],
    [{ address: "fe80::1%eth0", port: 5, zone: "eth0" }, [
      "fe80::1",
      5,
      "IPv6",
      null,
      "eth0",
      "[fe80::1%eth0]:5",
    ]],
    [{ address: "fe80::1", port: 5, zone: "3" }, ["fe80::1", 5, "IPv6", 3, "3", "[fe80::1%3]:5"]],
    [{ address: "fe80::1", port: 5, scopeId: 3 }, ["fe80::1", 5, "IPv6", 3, "3", "[fe80::1%3]:5"]],
    [{ address: "fe80::1", port: 5, scopeId: 3, zone: "eth0" }, [
      "fe80::1",
      5,
      "IPv6",
      3,
      "eth0",
      "[fe80::1%eth0]:5",
    ]],
    [{ address: "fe80::1", port: 5, zone: null, scopeId: null }, [
      "fe80::1",
      5,
      "IPv6",
      null,
      null,
      "[fe80::1]:5",
    ]],
    // RFC 4007 permits a zone on any address.
    [{ address: "2001:db8::1%eth0", port: 5 }, [
      "2001:db8::1",
      5,
      "IPv6",
      null,
      "eth0",
      "[2001:db8::1%eth0]:5",
    ]],
    // As written: an IPv6 address, not the IPv4 address in it.
    [{ address: "::ffff:1.2.3.4", port: 5 }, [
      "::ffff:1.2.3.4",
      5,
      "IPv6",
      null,
      null,
      "[::ffff:1.2.3.4]:5",
    ]],
    [{ address: "fe80::1", port: 5, scopeId: 0xffffffff }, [
      "fe80::1",
      5,
      "IPv6",
      0xffffffff,
      "4294967295",
      "[fe80::1%4294967295]:5",
    ]],
    // Digits no OS would print for an index are a name.
    [{ address: "fe80::1%03", port: 5 }, ["fe80::1", 5, "IPv6", null, "03", "[fe80::1%03]:5"]],
    [{ address: "fe80::1%4294967296", port: 5 }, [
      "fe80::1",
      5,
      "IPv6",
      null,
      "4294967296",
      "[fe80::1%4294967296]:5",
    ]],
  ];
  for (const [init, expected] of table) assertEquals(parts(new SocketAddress(init)), expected);
});

test("an interface whose name is a number is printed by its index, so that it is read back right", () => {
  const address = new SocketAddress({ address: "fe80::1", port: 5, zone: "100", scopeId: 7 });
  assertEquals([address.zone, address.scopeId, String(address)], ["100", 7, "[fe80::1%7]:5"]);
  assert(SocketAddress.parse(String(address)).equals(address));
});

test("a SocketAddress can be made from another one", () => {
  const first = new SocketAddress({ address: "fe80::1", port: 5, zone: "eth0", scopeId: 3 });
  assertEquals(parts(new SocketAddress(first)), parts(first));
});

test("the constructor refuses wrong parts before anything is done with them", () => {
  const wrong: [unknown, typeof TypeError | typeof RangeError, string][] = [
    [undefined, TypeError, "made from { address, port }"],
    [null, TypeError, "made from { address, port }"],
    ["1.2.3.4:5", TypeError, "made from { address, port }"],
    [Symbol("raw"), TypeError, "made from { address, port }"],
    [{}, TypeError, "must be a string"],
    [{ address: 5, port: 5 }, TypeError, "must be a string"],
    [{ address: "1..2.3", port: 5 }, TypeError, "octet 2 is missing"],
    [{ address: "localhost", port: 5 }, TypeError, "names are not resolved here"],
    [{ address: "[::1]", port: 5 }, TypeError, "brackets"],
    [{ address: "1.2.3.4" }, TypeError, "port must be a number"],
    [{ address: "1.2.3.4", port: "5" }, TypeError, "port must be a number"],
    [{ address: "1.2.3.4", port: 5n }, TypeError, "port must be a number"],
    [{ address: "1.2.3.4", port: -1 }, RangeError, "0 to 65535, not -1"],
    [{ address: "1.2.3.4", port: 65536 }, RangeError, "0 to 65535"],
    [{ address: "1.2.3.4", port: 1.5 }, RangeError, "0 to 65535"],
    [{ address: "1.2.3.4", port: NaN }, RangeError, "0 to 65535"],
    [{ address: "1.2.3.4", port: Infinity }, RangeError, "0 to 65535"],
    [{ address: "1.2.3.4", port: 5, zone: "eth0" }, TypeError, "IPv6 only"],
    [{ address: "1.2.3.4%eth0", port: 5 }, TypeError, "IPv6 only"],
    [{ address: "1.2.3.4", port: 5, scopeId: 3 }, TypeError, "IPv6 only"],
    [{ address: "1.2.3.4", port: 5, zone: "" }, TypeError, "IPv6 only"],
    [{ address: "fe80::1", port: 5, zone: "" }, TypeError, "empty"],
    [{ address: "fe80::1", port: 5, zone: "0" }, TypeError, "index 0"],
    [{ address: "fe80::1", port: 5, zone: 3 }, TypeError, "zone must be a string"],
    [{ address: "fe80::1", port: 5, zone: " a" }, TypeError, `holds " "`],
    [{ address: "fe80::1%eth0", port: 5, zone: "eth1" }, TypeError, "different zones"],
    [{ address: "fe80::1", port: 5, scopeId: 0 }, RangeError, "use null"],
    [{ address: "fe80::1", port: 5, scopeId: -1 }, RangeError, "scopeId"],
    [{ address: "fe80::1", port: 5, scopeId: 1.5 }, RangeError, "scopeId"],
    [{ address: "fe80::1", port: 5, scopeId: 2 ** 32 }, RangeError, "scopeId"],
    [{ address: "fe80::1", port: 5, scopeId: "3" }, TypeError, "scopeId must be a number"],
  ];
  for (const [init, kind, message] of wrong) {
    assertThrows(() => new SocketAddress(init as SocketAddressInit), kind, message);
  }
  assert(Object.is(new SocketAddress({ address: "::", port: -0 }).port, 0));
});

test("text survives the round trip for 20,000 random addresses", () => {
  const next = randomWords(11);
  const words = { w0: 0, w1: 0, w2: 0, w3: 0 };
  for (let i = 0; i < 20_000; i++) {
    const v6 = next() % 2 === 0;
    const scopeId = v6 && next() % 3 === 0 ? 1 + next() % 0xffffffff : null;
    const zone = v6 && next() % 3 === 0
      ? pick(next, ["eth0", "br-lan", "a.b", "v@if3", "x,y"])
      : null;
    const given = {
      w0: next(),
      w1: v6 ? sparseWord(next) : 0,
      w2: v6 ? sparseWord(next) : 0,
      w3: v6 ? next() : 0,
    };
    const address = socketAddressFromWords(
      v6 ? "IPv6" : "IPv4",
      given.w0,
      given.w1,
      given.w2,
      given.w3,
      next() & 0xffff,
      scopeId,
      zone,
    );
    readWords(address, words);
    assertEquals(words, given);
    const again = SocketAddress.parse(address.toString());
    assertEquals(again.toString(), address.toString());
    assert(again.equals(address) && address.equals(again));
    assertEquals(formatIp({ ...parseIp(again.address), zone: null }), address.address);
  }
});

test("words with the top bit set, and signed words, are read back unsigned", () => {
  const words = { w0: 0, w1: 0, w2: 0, w3: 0 };
  for (const sign of [0, 1]) {
    const all = sign === 0 ? 0xffffffff : -1;
    readWords(
      socketAddressFromWords("IPv6", all, 0x80000000, 0x7fffffff, all, 1, null, null),
      words,
    );
    assertEquals(words, { w0: 0xffffffff, w1: 0x80000000, w2: 0x7fffffff, w3: 0xffffffff });
  }
  assertThrows(() => readWords({} as SocketAddress, words), TypeError);
});

test("equals compares family, bits, port and scopeId, and the zone's text only without a scopeId", () => {
  const make = (
    address: string,
    port = 5,
    zone: string | null = null,
    scopeId: number | null = null,
  ) => new SocketAddress({ address, port, zone, scopeId });
  const same: [SocketAddress, SocketAddress][] = [
    [make("1.2.3.4"), make("1.2.3.4")],
    [make("fe80::1", 5, "eth0"), make("fe80:0::1%eth0")],
    [make("fe80::1", 5, "eth0", 3), make("fe80::1", 5, "renamed0", 3)],
    [make("fe80::1", 5, "eth0", 3), make("fe80::1%3")],
    [make("fe80::1", 5, "eth0", 3), make("fe80::1%eth0")],
  ];
  const different: [SocketAddress, SocketAddress][] = [
    [make("1.2.3.4"), make("1.2.3.5")],
    [make("1.2.3.4"), make("1.2.3.4", 6)],
    [make("1.2.3.4"), make("::ffff:1.2.3.4")],
    [make("0.0.0.0"), make("::")],
    [make("::"), make("::1:0:0")],
    [make("::"), make("0:0:1::")],
    [make("fe80::1", 5, "eth0", 3), make("fe80::1", 5, "eth0", 4)],
    [make("fe80::1%eth0"), make("fe80::1%eth1")],
    [make("fe80::1%eth0"), make("fe80::1")],
    [make("fe80::1%eth0"), make("fe80::1%3")],
  ];
  for (const [a, b] of same) assert(a.equals(b) && b.equals(a), `${a} = ${b}`);
  for (const [a, b] of different) assert(!a.equals(b) && !b.equals(a), `${a} ≠ ${b}`);
  for (const other of [null, undefined, "1.2.3.4:5", { address: "1.2.3.4", port: 5 }]) {
    assert(!make("1.2.3.4").equals(other));
  }
});

test("a SocketAddress cannot be changed: assigning to its properties throws", () => {
  const address = SocketAddress.parse("[fe80::1%eth0]:5") as unknown as Record<string, unknown>;
  for (const name of ["address", "port", "family", "scopeId", "zone"]) {
    assertThrows(() => address[name] = "x", TypeError);
  }
  assertEquals(String(address), "[fe80::1%eth0]:5");
  assertEquals(Object.keys(address), []);
});

test("the text of the address is made once and kept", () => {
  const address = socketAddressFromWords("IPv6", 0x20010db8, 0, 0, 0x12345678, 5, null, null);
  assertStrictEquals(address.address, address.address);
});

test("isSocketAddress knows the class from a look-alike", () => {
  const address = SocketAddress.parse("1.2.3.4:5");
  assert(SocketAddress.isSocketAddress(address));
  const lookAlike = Object.create(SocketAddress.prototype);
  for (
    const value of [null, undefined, 5, "1.2.3.4:5", {}, { address: "1.2.3.4", port: 5 }, lookAlike]
  ) {
    assert(!SocketAddress.isSocketAddress(value));
  }
});

test("JSON, templates and inspection show the text", () => {
  const address = SocketAddress.parse("[fe80::1%eth0]:5");
  assertEquals(JSON.stringify({ address }), `{"address":"[fe80::1%eth0]:5"}`);
  assertEquals(`${address}`, "[fe80::1%eth0]:5");
  for (const name of ["Deno.customInspect", "nodejs.util.inspect.custom"]) {
    const custom = (address as unknown as Record<symbol, () => string>)[Symbol.for(name)];
    assertEquals(custom.call(address), "[fe80::1%eth0]:5");
  }
  assertStringIncludes(inspect({ address }), "address: [fe80::1%eth0]:5");
});
