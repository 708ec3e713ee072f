// HostModel against a plain reference, in random histories: nothing is lost, nothing is invented, nothing piles up.
import { assert, assertEquals } from "@std/assert";
import type { RouteEvent } from "../../ffi/interface_records.ts";
import { diffInterfaces, type InterfaceChange } from "../../interfaces/change.ts";
import { toInterfaces } from "../../interfaces/list.ts";
import { HostModel } from "../../interfaces/model.ts";
import { randomWords } from "../address/random.ts";
import { test } from "../harness.ts";
import { address, Host, link } from "./random_host.ts";
import { replay, sorted } from "./replay.ts";

const SEEDS = 150;
const STEPS = 120;

const NOTHING = { links: [], addresses: [] };

test(`${SEEDS} random histories: the model is what the host is, and the changes lead there`, () => {
  let told = 0;
  for (let seed = 1; seed <= SEEDS; seed++) {
    const next = randomWords(seed);
    const host = new Host(next);
    for (let i = next() % 10; i > 0; i--) host.step();
    const model = new HostModel(host.records);
    let list = model.interfaces;
    assertEquals(sorted(list), sorted(toInterfaces(host.records)), `seed ${seed}`);
    for (let step = 0; step < STEPS; step++) {
      const events = host.step();
      const lost = next() % 20 === 0;
      const changes = lost
        ? model.replace(host.records)
        : events.flatMap((event) => model.apply(event));
      told += changes.length;
      const what = `seed ${seed}, step ${step}: ${lost ? "lost" : ""} ${JSON.stringify(events)}`;
      const real = sorted(toInterfaces(host.records));
      assertEquals(sorted(model.interfaces), real, what);
      try {
        list = replay(list, changes);
      } catch (error) {
        throw new Error(what, { cause: error });
      }
      assertEquals(list, real, what);
    }
    // After any history a list says the same as what is known, unless something was lost.
    assertEquals(model.replace(host.records), [], `seed ${seed}`);
    const emptied = model.replace(NOTHING);
    assertEquals([replay(list, emptied), model.interfaces], [[], []]);
  }
  assert(told > 10 * SEEDS, `only ${told} changes`);
});

test(`${SEEDS} random histories: events that were in the list already change nothing in the end`, () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const host = new Host(randomWords(seed));
    for (let i = 0; i < 10; i++) host.step();
    // The ear is open before the list is made: these are heard, and are in the list as well.
    const heard: RouteEvent[] = [];
    for (let i = 0; i < 20; i++) heard.push(...host.step());
    const model = new HostModel(host.records);
    const before = model.interfaces;
    const changes = heard.flatMap((event) => model.apply(event));
    const real = sorted(toInterfaces(host.records));
    assertEquals(sorted(model.interfaces), real, `seed ${seed}`);
    assertEquals(replay(before, changes), real, `seed ${seed}`);
  }
});

test(`${SEEDS} pairs of hosts: the difference leads from one to the other`, () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const host = new Host(randomWords(seed));
    for (let i = 0; i < 25; i++) host.step();
    const before = toInterfaces(host.records);
    for (let i = seed % 25; i > 0; i--) host.step();
    const after = toInterfaces(host.records);
    assertEquals(replay(before, diffInterfaces(before, after)), sorted(after), `seed ${seed}`);
    assertEquals(replay(after, diffInterfaces(after, before)), sorted(before), `seed ${seed}`);
    assertEquals(diffInterfaces(after, after), []);
  }
});

test("hundreds of thousands of events leave no more behind than the host is", () => {
  const model = new HostModel({ links: [link(1), link(2)], addresses: [] });
  for (let i = 0; i < 60_000; i++) {
    const own = address(1, "IPv6", i % 1000 + 1, { deprecated: i % 2 === 0 });
    model.apply({ type: "address", address: own });
    model.apply({ type: "address-gone", address: own });
    // Of interfaces that nobody knows, and of addresses that nobody has.
    model.apply({ type: "address", address: address(1000 + i, "IPv4", 1) });
    model.apply({ type: "link-gone", index: 1000 + i });
    model.apply({ type: "address-gone", address: address(2, "IPv4", 9) });
  }
  assertEquals(model.interfaces, toInterfaces({ links: [link(1), link(2)], addresses: [] }));
});

test("an event that changes nothing yields nothing", () => {
  const records = { links: [link(1)], addresses: [address(1, "IPv4", 1)] };
  const model = new HostModel(records);
  const events: RouteEvent[] = [
    { type: "link", link: link(1) },
    { type: "address", address: address(1, "IPv4", 1) },
    { type: "address-gone", address: address(1, "IPv4", 2) },
    { type: "address-gone", address: address(1, "IPv6", 1) },
    { type: "address", address: address(2, "IPv4", 1) },
    { type: "link-gone", index: 2 },
  ];
  const none: InterfaceChange[] = [];
  for (const event of events) assertEquals(model.apply(event), none);
  assertEquals(model.interfaces, toInterfaces(records));
});

test("lists that were given out stay as they were", () => {
  const model = new HostModel({ links: [link(1)], addresses: [] });
  const first = model.interfaces;
  const [{ interface: added }] = model.apply({ type: "address", address: address(1, "IPv4", 1) });
  const text = JSON.stringify([first, added]);
  model.apply({ type: "address", address: address(1, "IPv4", 2) });
  model.apply({ type: "link", link: link(1, { mtu: 9000 }) });
  model.apply({ type: "link-gone", index: 1 });
  assertEquals(JSON.stringify([first, added]), text);
});
