import { assert, assertEquals } from "@std/assert";
import { encodeMembership, type MembershipTarget } from "../../ffi/membership.ts";
import type { MembershipRequest, Platform } from "../../ffi/platform/platform.ts";
import { emptyWords, type SocketWords } from "../../ffi/sockaddr.ts";
import { test } from "../harness.ts";
import { hex, LINUX, OTHER, tablesOf, toHex } from "./tables.ts";

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
  // Four bytes behind the struct, for qemu's user mode.
  assertEquals(encoded("ip_mreqn", join4), padded(`ef ff 00 01 00 00 00 00 ${index}`, 16));
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

/** Each system's requests: what a sockaddr begins with, and where the group is in `group_req`. */
const SOCKADDRS: Record<string, { four: string; six: string }> = {
  linux: { four: "02 00", six: "0a 00" },
  android: { four: "02 00", six: "0a 00" },
  darwin: { four: "10 02", six: "1c 1e" },
  freebsd: { four: "10 02", six: "1c 1c" },
  openbsd: { four: "10 02", six: "1c 18" },
  netbsd: { four: "10 02", six: "1c 18" },
  windows: { four: "02 00", six: "17 00" },
};

const four4 = (os: string, address: string) =>
  `${SOCKADDRS[os].four} 00 00 ${address}` + "00".repeat(8);
const six6 = (os: string, address: string) =>
  `${SOCKADDRS[os].six} 00 00 00 00 00 00 ${address} 00 00 00 00`;
const groupAddress = "ef ff 00 01";
const sourceAddress = "0a 00 00 07";
const ownAddress = "7f 00 00 01";
const room = "00".repeat(112);

/** `pad`: what is between the index and the group; macOS packs to 4 bytes. */
const GROUP_REQUESTS: [os: string, pad: string][] = [
  ["linux", "00 00 00 00"],
  ["android", "00 00 00 00"],
  ["windows", "00 00 00 00"],
  ["freebsd", "00 00 00 00"],
  ["darwin", ""],
];

for (const [os, pad] of GROUP_REQUESTS) {
  test(`requests by interface index on ${os}, byte for byte`, () => {
    const platform = tablesOf(os);
    const size = pad === "" ? 132 : 136;
    assertEquals(
      encoded("group_req", join4, platform),
      padded(`${index} ${pad} ${four4(os, groupAddress)}`, size),
    );
    assertEquals(
      encoded("group_req", join6, platform),
      padded(`${index} ${pad} ${six6(os, mdns6)}`, size),
    );
    assertEquals(
      encoded("group_source_req", { ...join4, source: source4 }, platform),
      padded(
        `${index} ${pad} ${four4(os, groupAddress)} ${room} ${four4(os, sourceAddress)}`,
        size + 128,
      ),
    );
    assertEquals(
      encoded("group_source_req", { ...join6, source: source6 }, platform),
      padded(
        `${index} ${pad} ${six6(os, mdns6)} ${"00".repeat(100)} ${six6(os, peer6)}`,
        size + 128,
      ),
    );
  });
}

test("an IPv6 group and its interface, the same everywhere", () => {
  for (const os of Object.keys(SOCKADDRS)) {
    assertEquals(encoded("ipv6_mreq", join6, tablesOf(os)), padded(`${mdns6} ${index}`, 20), os);
  }
});

test("an IPv4 group and its interface, by index or by address", () => {
  const own = { ...join4, interfaceAddress: 0x7f000001 };
  const sizes = { linux: 16, android: 16, darwin: 12, freebsd: 12, openbsd: 12 };
  for (const [os, size] of Object.entries(sizes)) {
    assertEquals(
      encoded("ip_mreqn", own, tablesOf(os)),
      padded(`${groupAddress} 00 00 00 00 ${index}`, size),
      os,
    );
  }
  // 0.0.1.2 is the interface of index 258.
  assertEquals(
    encoded("ip_mreq_index", own, tablesOf("netbsd")),
    padded(`${groupAddress} 00 00 01 02`, 8),
  );
  assertEquals(
    encoded("ip_mreq", own, tablesOf("windows")),
    padded(`${groupAddress} ${ownAddress}`, 8),
  );
  assertEquals(encoded("ip_mreq", join4, tablesOf("windows")), null, "no address to name it by");
});

test("an IPv4 group and its source: not everywhere in Linux' order", () => {
  const target = { ...join4, source: source4, interfaceAddress: 0x7f000001 };
  const orders: [string, string][] = [
    ["linux", `${groupAddress} ${ownAddress} ${sourceAddress}`],
    ["android", `${groupAddress} ${ownAddress} ${sourceAddress}`],
    ["darwin", `${groupAddress} ${sourceAddress} ${ownAddress}`],
    ["windows", `${groupAddress} ${sourceAddress} ${ownAddress}`],
  ];
  for (const [os, text] of orders) {
    assertEquals(encoded("ip_mreq_source", target, tablesOf(os)), padded(text, 12), os);
  }
});

test("every form that a system's table names can be made with its structs", () => {
  for (const os of Object.keys(SOCKADDRS)) {
    const { memberships } = tablesOf(os);
    for (
      const [family, target, source] of [
        ["IPv4", { ...join4, interfaceAddress: 1 }, source4],
        ["IPv6", join6, source6],
      ] as const
    ) {
      for (const [call, rows] of Object.entries(memberships[family])) {
        const bySource = call !== "join" && call !== "leave";
        for (const { request, cName } of rows) {
          const bytes = encoded(
            request,
            { ...target, source: bySource ? source : null },
            tablesOf(os),
          );
          assert(bytes !== null && !/^0*$/.test(bytes), `${os} ${cName}`);
        }
      }
    }
  }
});
