import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { multicastScope } from "../../address/scope.ts";
import { SocketAddress } from "../../address/socket_address.ts";
import { test } from "../harness.ts";

const names = [
  "reserved",
  "interface-local",
  "link-local",
  "realm-local",
  "admin-local",
  "site-local",
  "unassigned",
  "unassigned",
  "organization-local",
  "unassigned",
  "unassigned",
  "unassigned",
  "unassigned",
  "unassigned",
  "global",
  "reserved",
];

test("multicastScope reads the four scope bits of IPv6 groups whatever the flags say", () => {
  for (const [value, name] of names.entries()) {
    const aliases = value === 1 ? ["node-local"] : [];
    for (const flags of ["0", "1", "3", "7", "f"]) {
      assertEquals(multicastScope(`ff${flags}${value.toString(16)}::1`), { value, name, aliases });
    }
  }
});

test("multicastScope maps IPv4 groups after RFC 2365", () => {
  const expected: [string, string][] = [
    ["224.0.0.0", "link-local"],
    ["224.0.0.251", "link-local"],
    ["224.0.0.255", "link-local"],
    ["224.0.1.0", "global"],
    ["238.255.255.255", "global"],
    ["239.1.2.3", "organization-local"],
    ["238.255.255.255", "global"],
    ["239.191.255.255", "organization-local"],
    ["239.192.0.0", "organization-local"],
    ["239.195.255.255", "organization-local"],
    ["239.252.255.255", "organization-local"],
    ["239.253.0.0", "site-local"],
    ["239.254.255.255", "site-local"],
    ["239.255.0.0", "site-local"],
    ["239.255.255.250", "site-local"],
  ];
  for (const [group, name] of expected) assertEquals(multicastScope(group)?.name, name, group);
});

test("multicastScope is null for addresses that are not multicast", () => {
  for (
    const text of [
      "192.0.2.1",
      "240.0.0.0",
      "255.255.255.255",
      "::",
      "::1",
      "fe80::1%eth0",
      "::ffff:224.0.1.1",
    ]
  ) {
    assertEquals(multicastScope(text), null, text);
  }
});

test("multicastScope takes zones and SocketAddress values", () => {
  assertEquals(multicastScope("ff02::fb%eth0")?.value, 2);
  assertEquals(multicastScope(SocketAddress.parse("[ff05::1:3%3]:547"))?.value, 5);
  assertEquals(multicastScope(SocketAddress.parse("224.0.0.251:5353"))?.value, 2);
  assertEquals(multicastScope(SocketAddress.parse("192.0.2.1:5353")), null);
});

test("multicastScope returns shared objects that cannot be changed", () => {
  const scope = multicastScope("ff01::1")!;
  assertStrictEquals(multicastScope("ff11::2"), scope);
  assertThrows(() => (scope as { name: string }).name = "mine", TypeError);
  assertThrows(() => (scope.aliases as string[]).push("mine"), TypeError);
});

test("multicastScope refuses what is not an address", () => {
  assertThrows(() => multicastScope("ff02::fb "), TypeError, "hexadecimal digit");
  assertThrows(() => multicastScope("mdns.local"), TypeError, "names are not resolved here");
  for (const value of [null, undefined, 5, { address: "ff02::fb", port: 5 }]) {
    assertThrows(
      () => multicastScope(value as unknown as string),
      TypeError,
      "IP literal or a SocketAddress",
    );
  }
});
