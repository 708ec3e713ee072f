// How one datagram is told its source, its interface, its hops and its traffic class: every system's own way.
import { assert, assertEquals, assertThrows } from "@std/assert";
import { type Departure, type Egress, planEgress } from "../../ffi/egress.ts";
import { SocketError, UnsupportedError } from "../../ffi/errors.ts";
import type { Platform } from "../../ffi/platform/platform.ts";
import { test } from "../harness.ts";
import { NOTHING } from "./control.ts";
import { ASKED, type Case, FIRST, INTERFACE, OWN, PLAIN, plan, wishOf } from "./egress_cases.ts";
import { PLATFORMS, tablesOf } from "./tables.ts";

/** What is told by messages, and what by options; or that it is refused. */
function summary(platform: Platform, c: Partial<Case>): string {
  let egress: Egress;
  try {
    egress = plan(platform, { ...PLAIN, ...c });
  } catch (error) {
    if (error instanceof UnsupportedError) return "unsupported";
    throw error;
  }
  const { control, options } = egress;
  const words: string[] = [];
  const names: Record<number, string> = { [ASKED]: "asked", [OWN]: "own", [FIRST]: "first" };
  if (control?.hasSource) words.push(`source=${names[control.w0] ?? control.w0}`);
  if (control && control.interfaceIndex !== 0) words.push(`interface=${control.interfaceIndex}`);
  if (control && control.hops >= 0) words.push(`hops=${control.hops}`);
  if (control && control.trafficClass >= 0) words.push(`class=${control.trafficClass}`);
  for (const [option, value] of options ?? []) words.push(`[${option}=${value}]`);
  return words.join(" ") || "nothing";
}

type Row = [wish: Partial<Case>, Record<string, string>];

const SYSTEMS = ["linux", "darwin", "freebsd", "openbsd", "netbsd", "windows"];

/** Every system's answer; `*` is the answer of those that are not named. */
const IPV4: Row[] = [
  [{ source: true }, { "*": "source=asked" }],
  [{ interface: true }, {
    "*": "unsupported",
    linux: "interface=7",
    darwin: "interface=7",
    netbsd: "interface=7",
    windows: "source=first interface=7",
  }],
  [{ interface: true, lenient: true }, {
    "*": "nothing",
    linux: "interface=7",
    darwin: "interface=7",
    netbsd: "interface=7",
    windows: "source=first interface=7",
  }],
  [{ interface: true, multicast: true }, {
    "*": "[multicastInterface=7]",
    linux: "interface=7",
    darwin: "interface=7",
    netbsd: "interface=7",
  }],
  [{ source: true, interface: true }, {
    "*": "unsupported",
    linux: "source=asked interface=7",
    netbsd: "source=asked interface=7",
    windows: "source=asked interface=7",
  }],
  [{ source: true, interface: true, lenient: true }, {
    "*": "source=asked",
    linux: "source=asked interface=7",
    netbsd: "source=asked interface=7",
    windows: "source=asked interface=7",
  }],
  [{ source: true, interface: true, multicast: true }, {
    "*": "source=asked [multicastInterface=7]",
    linux: "source=asked interface=7",
    netbsd: "source=asked interface=7",
  }],
  // A socket that is bound to an address keeps it.
  [{ interface: true, own: OWN }, {
    "*": "unsupported",
    linux: "source=own interface=7",
    netbsd: "source=own interface=7",
    windows: "source=own interface=7",
  }],
  [{ interface: true, own: OWN, multicast: true }, {
    "*": "[multicastInterface=7]",
    linux: "source=own interface=7",
    netbsd: "source=own interface=7",
  }],
  [{ interface: true, own: OWN, lenient: true }, {
    "*": "nothing",
    linux: "source=own interface=7",
    netbsd: "source=own interface=7",
    windows: "source=own interface=7",
  }],
  // FreeBSD names a source on sockets only that are bound to none; macOS would unbind them.
  [{ source: true, own: OWN }, {
    "*": "source=asked",
    darwin: "unsupported",
    freebsd: "unsupported",
  }],
  [{ source: true, own: OWN, lenient: true }, {
    "*": "source=asked",
    darwin: "nothing",
    freebsd: "nothing",
  }],
  [{ source: true, own: ASKED }, { "*": "source=asked", darwin: "nothing", freebsd: "nothing" }],
  [{ hops: 5 }, { "*": "[hops=5]", linux: "hops=5" }],
  [{ hops: 5, multicast: true }, { "*": "[multicastHops=5]", linux: "hops=5" }],
  // Linux refuses a TTL of 0 as control data.
  [{ hops: 0, multicast: true }, { "*": "[multicastHops=0]" }],
  [{ trafficClass: 0xb8 }, { "*": "[trafficClass=184]", linux: "class=184" }],
  [{ trafficClass: 0, hops: 1, lenient: true }, {
    "*": "[hops=1] [trafficClass=0]",
    linux: "hops=1 class=0",
  }],
  [{ source: true, interface: true, multicast: true, hops: 9, trafficClass: 1 }, {
    "*": "source=asked [multicastInterface=7] [multicastHops=9] [trafficClass=1]",
    linux: "source=asked interface=7 hops=9 class=1",
    netbsd: "source=asked interface=7 [multicastHops=9] [trafficClass=1]",
  }],
];

const IPV6: Row[] = [
  [{ source: true, interface: true, hops: 0, trafficClass: 2, multicast: true }, {
    "*": "source=asked interface=7 hops=0 class=2",
    windows: "unsupported",
  }],
  [{ source: true, interface: true, hops: 0, multicast: true }, {
    "*": "source=asked interface=7 hops=0",
    windows: "source=asked interface=7 [multicastHops=0]",
  }],
  [{ source: true, interface: true, hops: 3 }, {
    "*": "source=asked interface=7 hops=3",
    windows: "source=asked interface=7 [hops=3]",
  }],
  // Windows lets nobody choose it. To leave out what was asked for by name would be a lie.
  [{ trafficClass: 2 }, { "*": "class=2", windows: "unsupported" }],
  [{ trafficClass: 2, lenient: true }, { "*": "class=2", windows: "unsupported" }],
  [{ interface: true }, { "*": "interface=7" }],
  [{ interface: true, multicast: true }, { "*": "interface=7" }],
  // The packet information of IPv6 leaves a bound socket's source alone.
  [{ interface: true, own: OWN }, { "*": "interface=7" }],
  [{ source: true, own: OWN }, { "*": "source=asked" }],
];

for (const [family, rows] of [["IPv4", IPV4], ["IPv6", IPV6]] as const) {
  for (const os of SYSTEMS) {
    test(`what an ${family} datagram is told on ${os}, and how`, () => {
      const platform = tablesOf(os);
      for (const [wish, answers] of rows) {
        const answer = summary(platform, { ...wish, family });
        assertEquals(answer, answers[os] ?? answers["*"], JSON.stringify(wish));
      }
    });
  }
}

test("who wishes nothing is told nothing", () => {
  for (const [, platform] of PLATFORMS) {
    for (const family of ["IPv4", "IPv6"] as const) {
      const departure = { family, multicast: false, own: null, lenient: false, addressOf: () => 0 };
      assertEquals(planEgress(platform, departure, null), { control: null, options: null });
      assertEquals(plan(platform, { ...PLAIN, family }), { control: null, options: null });
      assertEquals(plan(platform, { ...PLAIN, family, own: OWN }), {
        control: null,
        options: null,
      });
    }
  }
});

test("a refusal says what cannot be had, where, and what to do instead", () => {
  const refusal = (os: string, c: Partial<Case>) => {
    const error = assertThrows(() => plan(tablesOf(os), { ...PLAIN, ...c }), UnsupportedError);
    return [error.feature, error.os, error.message.includes("{ interface }")];
  };
  assertEquals(refusal("freebsd", { interface: true }), [
    "choosing the interface of an IPv4 unicast datagram",
    "FreeBSD",
    true,
  ]);
  assertEquals(refusal("darwin", { interface: true, source: true }), [
    "choosing both source and interface of an IPv4 unicast datagram",
    "macOS",
    true,
  ]);
  assertEquals(
    refusal("freebsd", { source: true, own: OWN })[0],
    [
      "another source than the address that the socket is bound to",
    ][0],
  );
});

test("a system without a way says so, unless it may be left out", () => {
  const bare: Platform = {
    ...tablesOf("freebsd"),
    sendControl: {
      IPv4: { packetInfo: null, source: null, hops: null, trafficClass: null },
      IPv6: { packetInfo: null, source: null, hops: null, trafficClass: null },
    },
    options: { IPv4: {}, IPv6: {} },
  };
  assertEquals(summary(bare, { source: true }), "unsupported");
  assertEquals(summary(bare, { source: true, lenient: true }), "nothing");
  // What it is bound to is its source anyway.
  assertEquals(summary(bare, { source: true, own: ASKED }), "nothing");
  for (const wish of [{ hops: 1 }, { trafficClass: 1 }, { interface: true, multicast: true }]) {
    const error = assertThrows(() => plan(bare, { ...PLAIN, ...wish }), UnsupportedError);
    assert(error.feature.endsWith("for a single IPv4 datagram"), error.feature);
  }
});

test("a wish is not changed by the plan", () => {
  for (const [, platform] of PLATFORMS) {
    const wish = Object.freeze(wishOf({
      ...PLAIN,
      source: true,
      interface: true,
      hops: 3,
      trafficClass: 4,
    }));
    const departure = {
      family: "IPv4" as const,
      multicast: true,
      own: null,
      lenient: true,
      addressOf: () => FIRST,
    };
    planEgress(platform, departure, wish);
  }
});

test("Windows: an interface without an IPv4 address is not sent from as 0.0.0.0", () => {
  const departure: Departure = {
    family: "IPv4",
    multicast: false,
    own: null,
    lenient: true,
    addressOf: () => 0,
  };
  const wish = { ...NOTHING, interfaceIndex: INTERFACE };
  const windows = tablesOf("windows");
  assertEquals(planEgress(windows, departure, wish), { control: null, options: null });
  const strict = { ...departure, lenient: false };
  const error = assertThrows(() => planEgress(windows, strict, wish), SocketError);
  assertEquals([error.code, error.interfaceIndex], ["EADDRNOTAVAIL", INTERFACE]);
  // What has a source of its own needs none of the interface's.
  assertEquals(
    planEgress(windows, strict, { ...wish, hasSource: true, w0: ASKED }).control?.w0,
    ASKED,
  );
});
