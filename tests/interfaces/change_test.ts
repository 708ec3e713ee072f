// diffInterfaces: each kind of change by itself, their order, and who is another one.
import { assertEquals } from "@std/assert";
import type { HostRecords } from "../../ffi/interface_records.ts";
import { diffInterfaces, type InterfaceChange } from "../../interfaces/change.ts";
import { toInterfaces } from "../../interfaces/list.ts";
import { test } from "../harness.ts";
import { address, link } from "./random_host.ts";
import { replay, sorted } from "./replay.ts";

const up = { up: true, running: true, loopback: false, multicast: true, pointToPoint: false };
const down = { ...up, up: false, running: false };

/** What happened, in words; and replayed it leads from one to the other. */
function diff(before: Partial<HostRecords>, after: Partial<HostRecords>): string[] {
  const [from, to] = [before, after].map((part) =>
    toInterfaces({ links: [], addresses: [], ...part })
  );
  const changes = diffInterfaces(from, to);
  assertEquals(replay(from, changes), sorted(to));
  return changes.map(words);
}

function words(change: InterfaceChange): string {
  const address = "address" in change ? ` ${change.address.address}` : "";
  return `${change.type} ${change.interface.name}${address}`;
}

const one = (part: Parameters<typeof link>[1]) => ({ links: [link(1, part)] });

test("an interface comes and goes with all it has", () => {
  const full = { links: [link(1)], addresses: [address(1, "IPv4", 1)] };
  assertEquals(diff({}, full), ["added if1"]);
  assertEquals(diff(full, {}), ["removed if1"]);
  assertEquals(diff({}, {}), []);
  const [change] = diffInterfaces([], toInterfaces(full));
  assertEquals(change.interface.addresses.map((own) => own.address), ["10.0.0.1"]);
});

test("each kind of change by itself", () => {
  const running = one({ flags: up });
  const off = one({ flags: down });
  const noCarrier = one({ flags: { ...up, running: false } });
  assertEquals(diff(off, running), ["up if1", "running if1"]);
  assertEquals(diff(running, off), ["not-running if1", "down if1"]);
  assertEquals(diff(noCarrier, running), ["running if1"]);
  assertEquals(diff(running, noCarrier), ["not-running if1"]);
  assertEquals(diff(running, one({ flags: up, name: "x0" })), ["renamed x0"]);
  for (
    const part of [
      { flags: { ...up, multicast: false } },
      { flags: { ...up, pointToPoint: true } },
      { flags: { ...up, loopback: true } },
      { flags: up, mtu: 9000 },
      { flags: up, mtu: null },
      { flags: up, description: "Ethernet Adapter" },
      { flags: up, hardware: new Uint8Array([2, 0, 0, 0, 0, 9]) },
    ]
  ) assertEquals(diff(running, one(part)), ["changed if1"]);
});

test("all at once: what was lost comes first", () => {
  const before = { links: [link(1, { flags: up })], addresses: [address(1, "IPv4", 1)] };
  const after = {
    links: [link(1, { flags: down, name: "x0", mtu: 9000 })],
    addresses: [address(1, "IPv4", 2)],
  };
  assertEquals(diff(before, after), [
    "renamed x0",
    "not-running x0",
    "down x0",
    "changed x0",
    "address-removed x0 10.0.0.1",
    "address-added x0 10.0.0.2",
  ]);
  assertEquals(diff(after, before), [
    "renamed if1",
    "changed if1",
    "up if1",
    "running if1",
    "address-removed if1 10.0.0.2",
    "address-added if1 10.0.0.1",
  ]);
});

test("what goes is told before what comes, whatever the indexes", () => {
  const links = (...indexes: number[]) => ({ links: indexes.map((index) => link(index)) });
  assertEquals(diff(links(1, 3, 5), links(2, 3, 4)), [
    "removed if1",
    "removed if5",
    "added if2",
    "added if4",
  ]);
});

test("the index of an interface that is gone is another's", () => {
  const hardware = new Uint8Array([2, 0, 0, 0, 0, 9]);
  const before = { links: [link(1)], addresses: [address(1, "IPv4", 1)] };
  assertEquals(diff(before, { ...before, ...one({ name: "x0", hardware }) }), [
    "removed if1",
    "added x0",
  ]);
  // Without a MAC address nothing says that it is the same.
  const bare = one({ hardware: new Uint8Array(0) });
  assertEquals(diff(bare, one({ name: "x0", hardware: new Uint8Array(0) })), [
    "removed if1",
    "added x0",
  ]);
  assertEquals(diff(bare, one({ hardware })), ["changed if1"]);
});

const addresses = (...own: ReturnType<typeof address>[]) => ({ links: [link(1)], addresses: own });
const v6 = (part: Parameters<typeof address>[3] = {}) => addresses(address(1, "IPv6", 1, part));

test("an address: tentative, usable, a duplicate, deprecated, temporary, of another broadcast", () => {
  const what = (before: HostRecords, after: HostRecords) =>
    diff(before, after).map((text) => text.split(" ")[0]).join();
  const tentative = v6({ tentative: true });
  assertEquals(what(tentative, v6()), "address-usable");
  assertEquals(what(tentative, v6({ deprecated: true })), "address-usable");
  assertEquals(what(tentative, v6({ tentative: true, duplicate: true })), "address-changed");
  assertEquals(what(tentative, v6({ duplicate: true })), "address-changed");
  assertEquals(what(tentative, v6({ tentative: null })), "address-changed");
  assertEquals(what(v6(), tentative), "address-changed");
  assertEquals(what(v6(), v6({ deprecated: true })), "address-changed");
  assertEquals(what(v6(), v6({ temporary: true })), "address-changed");
  const v4 = (host: number | null) =>
    addresses(
      address(1, "IPv4", 1, { broadcast: host ? address(1, "IPv4", host).address : null }),
    );
  assertEquals(what(v4(255), v4(77)), "address-changed");
  assertEquals(what(v4(255), v4(null)), "address-changed");
  assertEquals(what(v4(255), v4(255)), "");
});

test("the order of addresses means nothing; how often one is there does", () => {
  const [a, b] = [address(1, "IPv4", 1), address(1, "IPv4", 2)];
  assertEquals(diff(addresses(a, b), addresses(b, a)), []);
  const wide = address(1, "IPv4", 1, { prefixLength: 16 });
  assertEquals(diff(addresses(a), addresses(a, wide)), ["address-added if1 10.0.0.1"]);
  assertEquals(diff(addresses(a, wide), addresses(wide)), ["address-removed if1 10.0.0.1"]);
  const [x, y] = [address(1, "IPv4", 8).address, address(1, "IPv4", 9).address];
  const [toX, toY] = [{ ...a, peer: x }, { ...a, peer: y }];
  assertEquals(diff(addresses(toX), addresses(toX, toY)), ["address-added if1 10.0.0.1"]);
  assertEquals(diff(addresses(toX, toY), addresses(toY)), ["address-removed if1 10.0.0.1"]);
});
