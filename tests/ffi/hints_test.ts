import { assert, assertEquals } from "@std/assert";
import { type HintContext, hintFor } from "../../ffi/hints.ts";
import type { HintName } from "../../ffi/platform/platform.ts";
import { test } from "../harness.ts";
import { LINUX } from "./tables.ts";

/** Each remedy, by what brings it up. */
const CASES: [HintName, code: string, syscall: string, HintContext][] = [
  ["addressInUse", "EADDRINUSE", "bind", { family: "IPv4", port: 5353 }],
  ["addressNotLocal", "EADDRNOTAVAIL", "bind", { family: "IPv6", address: "2001:db8::1" }],
  ["privilegedPort", "EACCES", "bind", { port: 53 }],
  ["familyMissing", "EAFNOSUPPORT", "socket", { family: "IPv6" }],
  ["descriptorLimit", "EMFILE", "socket", { family: "IPv4" }],
  ["descriptorLimit", "ENFILE", "epoll_create1", {}],
  [
    "loopbackMulticastRoute",
    "ENETUNREACH",
    "sendmsg",
    { family: "IPv6", multicast: true, loopback: true, interfaceName: "lo" },
  ],
  ["multicastRoute", "ENETUNREACH", "sendmsg", { family: "IPv6", multicast: true }],
  ["multicastRoute", "EHOSTUNREACH", "sendto", { family: "IPv4", multicast: true, loopback: true }],
  ["unicastRoute", "ENETUNREACH", "sendmsg", { family: "IPv4", address: "192.0.2.1" }],
  ["unicastRoute", "EHOSTUNREACH", "send (an earlier datagram)", { multicast: false }],
  ["broadcastNotEnabled", "EACCES", "sendmsg", { family: "IPv4", address: "255.255.255.255" }],
  ["packetFilter", "EPERM", "sendmsg", { family: "IPv4" }],
  ["packetFilter", "EACCES", "sendmsg", { family: "IPv6" }],
  ["packetFilter", "EACCES", "sendmsg", { family: "IPv4", multicast: true }],
  ["tooLarge", "EMSGSIZE", "sendmmsg", {}],
  ["noRoom", "ENOBUFS", "sendmsg", { family: "IPv4" }],
  ["addressNotLocal", "EADDRNOTAVAIL", "sendmsg", { family: "IPv6" }],
  ["addressNotLocal", "EINVAL", "sendmsg", { family: "IPv4" }],
  ["noSuchInterface", "ENODEV", "sendmsg", {}],
  ["noSuchInterface", "ENXIO", "sendmsg", {}],
  ["noSuchInterface", "ENODEV", "setsockopt(SO_BINDTODEVICE)", { interfaceName: "eth9" }],
  ["noSuchInterface", "ENODEV", "if_nametoindex", { interfaceName: "eth9" }],
  ["membershipLimitIPv4", "ENOBUFS", "setsockopt(MCAST_JOIN_GROUP)", { family: "IPv4" }],
  ["membershipLimitIPv4", "ENOBUFS", "setsockopt(IP_ADD_MEMBERSHIP)", { family: "IPv4" }],
  ["membershipLimitIPv6", "ENOMEM", "setsockopt(MCAST_JOIN_GROUP)", { family: "IPv6" }],
  ["membershipLimitIPv6", "ENOMEM", "setsockopt(IPV6_ADD_MEMBERSHIP)", { family: "IPv6" }],
  ["noSourceAddress", "EADDRNOTAVAIL", "sendmsg", { family: "IPv6", multicast: true }],
  ["sourceLimit", "ENOBUFS", "setsockopt(MCAST_BLOCK_SOURCE)", { family: "IPv4" }],
  ["sourceLimit", "ENOBUFS", "setsockopt(MCAST_BLOCK_SOURCE)", { family: "IPv6" }],
  ["sourceLimit", "ENOBUFS", "setsockopt(MCAST_JOIN_SOURCE_GROUP)", { family: "IPv6" }],
  ["sourceLimit", "ENOBUFS", "setsockopt(IP_BLOCK_SOURCE)", { family: "IPv4" }],
  ["noSuchInterface", "ENODEV", "setsockopt(MCAST_JOIN_GROUP)", { family: "IPv6" }],
  [
    "interfaceLacksFamily",
    "ENODEV",
    "setsockopt(MCAST_JOIN_GROUP)",
    { family: "IPv4", interfaceName: "eth0" },
  ],
  ["interfaceLacksFamily", "EADDRNOTAVAIL", "setsockopt(MCAST_JOIN_GROUP)", { family: "IPv6" }],
  ["interfaceLacksFamily", "EINVAL", "setsockopt(IPV6_ADD_MEMBERSHIP)", { family: "IPv6" }],
];

/** A remedy's text without what is filled in. */
function shape(text: string): RegExp {
  const literal = text.split(/\{\w+\}/).map((part) =>
    part.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&")
  );
  return new RegExp(`^${literal.join("(.+)")}$`);
}

for (const [name, code, syscall, context] of CASES) {
  test(`${code} of ${syscall} ${JSON.stringify(context)} calls for ${name}`, () => {
    const text = hintFor(LINUX, code, syscall, context);
    assert(text !== null, "no hint");
    assert(shape(LINUX.hints[name]!).test(text), text);
    assert(
      !/[{}]/.test(text.replaceAll("{ share: true }", "").replaceAll("{ broadcast: true }", "")),
      text,
    );
  });
}

test("every remedy has words, and something that brings it up", () => {
  const brought = new Set<string>(CASES.map(([name]) => name));
  assertEquals(Object.keys(LINUX.hints).filter((name) => !brought.has(name)), []);
  for (const name of brought) assert((LINUX.hints[name as HintName] ?? "").length > 10, name);
  for (const text of Object.values(LINUX.hints)) {
    assert(/^[A-Z].*[^.]$/.test(text), `${text}: the error's message goes on around it`);
    for (const [, name] of text.matchAll(/\{(\w+)\}/g)) {
      assert(["family", "address", "interface", "port"].includes(name), text);
    }
  }
});

test("what is known is filled in, and what is not reads well", () => {
  const platform = {
    ...LINUX,
    hints: { addressInUse: "{address} {port} {interface} {family} {port}" },
  };
  const fill = (context: HintContext) => hintFor(platform, "EADDRINUSE", "bind", context);
  assertEquals(
    fill({ address: "192.0.2.1", port: 0, interfaceName: "eth0", family: "IPv4" }),
    "192.0.2.1 0 eth0 IPv4 0",
  );
  const unknown = "that address that port the interface that family that port";
  assertEquals(fill({}), unknown);
  assertEquals(fill({ address: null, port: null, interfaceName: null }), unknown);
});

test("an interface may be called anything", () => {
  // Linux allows all of these in an interface's name.
  for (const interfaceName of ["a$&b", "$1", "$$", "$`x", "{port}", "{family}"]) {
    assertEquals(
      hintFor(LINUX, "ENETUNREACH", "sendmsg", {
        family: "IPv6",
        multicast: true,
        loopback: true,
        interfaceName,
      }),
      LINUX.hints.loopbackMulticastRoute!.replace("{interface}", () => interfaceName),
    );
  }
});

test("where nothing is known nothing is said", () => {
  for (
    const [code, syscall] of [
      ["ECONNREFUSED", "recvmsg"],
      ["EBADF", "sendmsg"],
      ["EADDRINUSE", "setsockopt(MCAST_JOIN_GROUP)"],
      ["EINVAL", "setsockopt(IP_TTL)"],
      ["EINVAL", "setsockopt(IP_ADD_MEMBERSHIP)"],
      ["EAFNOSUPPORT", "bind"],
    ]
  ) {
    assertEquals(hintFor(LINUX, code, syscall, {}), null, `${code} of ${syscall}`);
  }
  assertEquals(hintFor({ ...LINUX, hints: {} }, "EADDRINUSE", "bind", {}), null);
});
