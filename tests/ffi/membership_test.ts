import { assertEquals } from "@std/assert";
import { encodeMembership, type MembershipTarget } from "../../ffi/membership.ts";
import type { MembershipRequest, Platform } from "../../ffi/platform/platform.ts";
import { emptyWords, type SocketWords } from "../../ffi/sockaddr.ts";
import { test } from "../harness.ts";
import { hex, LINUX, OTHER, toHex } from "./tables.ts";

const group4: SocketWords = { ...emptyWords(), w0: 0xefff0001 };
const source4: SocketWords = { ...emptyWords(), w0: 0x0a000007 };
const group6: SocketWords = {
  ...emptyWords(),
  family: "IPv6",
  w0: 0xff020000,
  w3: 0xfb,
};
const source6: SocketWords = { ...group6, w0: 0x20010db8, w3: 7 };

const join4: MembershipTarget = {
  group: group4,
  interfaceIndex: 0x0102,
  source: null,
  interfaceAddress: 0,
};
const join6: MembershipTarget = { ...join4, group: group6 };

function encoded(
  request: MembershipRequest,
  target: MembershipTarget,
  platform: Platform = LINUX,
): string | null {
  const bytes = encodeMembership(platform, request, target);
  return bytes && toHex(bytes);
}

/** Bytes, with zeros up to the struct's size. */
function padded(text: string, size: number): string {
  return toHex(hex(text)).padEnd(2 * size, "0");
}

const index = "02 01 00 00";
const sockaddr4 = (address: string) => `02 00 00 00 ${address}` + "00".repeat(8);
const sockaddr6 = (address: string) => `0a 00 00 00 00 00 00 00 ${address} 00 00 00 00`;
const mdns6 = "ff 02 00 00 00 00 00 00 00 00 00 00 00 00 00 fb";
const peer6 = "20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 07";

test("group_req, byte for byte", () => {
  assertEquals(
    encoded("group_req", join4),
    padded(`${index} 00 00 00 00 ${sockaddr4("ef ff 00 01")}`, 136),
  );
  assertEquals(
    encoded("group_req", join6),
    padded(`${index} 00 00 00 00 ${sockaddr6(mdns6)}`, 136),
  );
});

test("group_source_req, byte for byte", () => {
  assertEquals(
    encoded("group_source_req", { ...join4, source: source4 }),
    padded(
      `${index} 00 00 00 00 ${sockaddr4("ef ff 00 01")} ${"00".repeat(112)} ${
        sockaddr4("0a 00 00 07")
      }`,
      264,
    ),
  );
  assertEquals(
    encoded("group_source_req", { ...join6, source: source6 }),
    padded(
      `${index} 00 00 00 00 ${sockaddr6(mdns6)} ${"00".repeat(100)} ${sockaddr6(peer6)}`,
      264,
    ),
  );
});

test("the older requests, byte for byte", () => {
  assertEquals(encoded("ip_mreqn", join4), padded(`ef ff 00 01 00 00 00 00 ${index}`, 12));
  assertEquals(encoded("ipv6_mreq", join6), padded(`${mdns6} ${index}`, 20));
  // Linux has the interface before the source; others the other way round.
  const target = { ...join4, source: source4, interfaceAddress: 0x7f000001 };
  assertEquals(
    encoded("ip_mreq_source", target),
    padded("ef ff 00 01 7f 00 00 01 0a 00 00 07", 12),
  );
  assertEquals(
    encoded("ip_mreq_source", target, OTHER),
    padded("ef ff 00 01 0a 00 00 07 7f 00 00 01", 12),
  );
});

test("requests of another system are its table's", () => {
  assertEquals(
    encoded("group_req", join6, OTHER),
    padded(`${index} 1e 00 00 00 00 00 00 00 ${mdns6}`, 132),
  );
  assertEquals(
    encoded("group_source_req", { ...join4, source: source4 }, OTHER),
    padded(
      `${index} ${sockaddr4("ef ff 00 01")} ${"00".repeat(112)} ${sockaddr4("0a 00 00 07")}`,
      260,
    ),
  );
});

test("a form that cannot say it is no form", () => {
  assertEquals(encoded("group_source_req", join4), null, "no source");
  assertEquals(encoded("ip_mreq_source", { ...join4, interfaceAddress: 1 }), null, "no source");
  assertEquals(encoded("ip_mreq_source", { ...join4, source: source4 }), null, "no address");
});

test("a group's own zone and port are kept out of the way of the interface", () => {
  const zoned = { ...group6, scopeId: 9 };
  const bytes = encoded("ipv6_mreq", { ...join6, group: zoned });
  assertEquals(bytes, padded(`${mdns6} ${index}`, 20));
});
