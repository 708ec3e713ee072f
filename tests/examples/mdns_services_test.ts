// From records to services: RFC 6763.
import { assert, assertEquals, assertThrows } from "@std/assert";
import type { Link } from "../../examples/mdns/cache.ts";
import { endpointOf, toFound } from "../../examples/mdns/discover.ts";
import type { Message, Resource } from "../../examples/mdns/packet.ts";
import { Querier } from "../../examples/mdns/querier.ts";
import { ALL_TYPES, Directory, type Service, txtOf } from "../../examples/mdns/services.ts";
import { test } from "../harness.ts";

const ETH0: Link = { index: 2, name: "eth0" }, ETH1: Link = { index: 3, name: "eth1" };
const INSTANCE = "Dr\\. Ink._ipp._tcp.local";
const text = (value: string) => new TextEncoder().encode(value);

const types: Resource = {
  name: ALL_TYPES,
  type: "PTR",
  ttl: 4500,
  flush: false,
  data: "_ipp._tcp.local",
};
const ptr: Resource = {
  name: "_ipp._tcp.local",
  type: "PTR",
  ttl: 4500,
  flush: false,
  data: INSTANCE,
};
const srv = (port: number, target = "box.local"): Resource => {
  const data = { priority: 0, weight: 0, port, target };
  return { name: INSTANCE, type: "SRV", ttl: 120, flush: true, data };
};
const txt: Resource = {
  name: INSTANCE,
  type: "TXT",
  ttl: 4500,
  flush: true,
  data: [text("rp=ink")],
};
const a = (data: string): Resource => ({
  name: "box.local",
  type: "A",
  ttl: 120,
  flush: true,
  data,
});

/** A directory that asks nobody; what it hears comes from the test. */
function start() {
  const querier = new Querier(() => 0.5);
  const asked = new Set<string>();
  const directory = new Directory({
    querier,
    ask: ({ name, type }) => Boolean(asked.add(`${type} ${name}`)),
    stop: ({ name, type }) => void asked.delete(`${type} ${name}`),
  });
  for (const link of [ETH0, ETH1]) querier.linkUp(link, 0);
  const told = ({ type, service }: { type: string; service: Service }) =>
    `${type} ${service.link.name} ${service.name} ${endpointOf(service)}`;
  const hear = (link: Link, now: number, ...answers: Resource[]) => {
    const rest = { questions: [], authorities: [], additionals: [] };
    const message: Message = { id: 0, response: true, truncated: false, answers, ...rest };
    return querier.heard(link, message, now).flatMap((change) => directory.apply(change)).map(told);
  };
  const wait = (now: number) =>
    querier.tick(now).removed.flatMap((change) => directory.apply(change)).map(told);
  return { directory, asked, hear, wait };
}

test("a service is told once its place and an address are known, whatever comes first", () => {
  const pieces = [types, ptr, srv(631), txt, a("192.0.2.1")];
  for (let first = 0; first < pieces.length; first++) {
    const { directory, hear } = start();
    directory.browseAll();
    const order = [...pieces.slice(first), ...pieces.slice(0, first)];
    const told = order.flatMap((record) => hear(ETH0, 0, record));
    assertEquals(told[0], "found eth0 Dr. Ink 192.0.2.1:631", order.map(({ type }) => type).join());
  }
});

test("the same name on two interfaces is two services, each with that interface's answers", () => {
  const { directory, hear } = start();
  directory.browse("_ipp._tcp");
  hear(ETH0, 0, ptr, srv(631), txt);
  hear(ETH1, 0, ptr, srv(632), txt);
  assertEquals(hear(ETH0, 0, a("192.0.2.1")), ["found eth0 Dr. Ink 192.0.2.1:631"]);
  assertEquals(hear(ETH1, 0, a("198.51.100.1")), ["found eth1 Dr. Ink 198.51.100.1:632"]);
});

test("what is missing is asked for, until nobody has such a service any more", () => {
  const { directory, asked, hear, wait } = start();
  directory.browse("_ipp._tcp");
  for (const link of [ETH0, ETH1]) hear(link, 0, ptr, srv(631));
  const all = [
    "PTR _ipp._tcp.local",
    `SRV ${INSTANCE}`,
    `TXT ${INSTANCE}`,
    "A box.local",
    "AAAA box.local",
  ];
  assertEquals([...asked], all);
  hear(ETH0, 5_000, { ...ptr, ttl: 0 });
  wait(6_000);
  assertEquals([...asked], all);
  hear(ETH1, 7_000, { ...ptr, ttl: 0 });
  wait(8_000);
  assertEquals([...asked], all.slice(0, 1));
});

test("a type is browsed for as long as somebody has it, and its services are lost all the same", () => {
  const { directory, asked, hear, wait } = start();
  directory.browseAll();
  hear(ETH0, 0, types, ptr, srv(631), txt, a("192.0.2.1"));
  hear(ETH1, 0, types);
  hear(ETH0, 5_000, { ...types, ttl: 0 });
  wait(6_000);
  assert(asked.has("PTR _ipp._tcp.local"));
  hear(ETH1, 7_000, { ...types, ttl: 0 });
  wait(8_000);
  assert(!asked.has("PTR _ipp._tcp.local"));
  hear(ETH0, 9_000, { ...ptr, ttl: 0 });
  assertEquals(wait(10_000), ["lost eth0 Dr. Ink 192.0.2.1:631"]);
  assertEquals([...asked], [`PTR ${ALL_TYPES}`]);
});

test("a service changes with its records and is lost with the last address", () => {
  const { directory, hear, wait } = start();
  directory.browse("_ipp._tcp");
  hear(ETH0, 0, ptr, srv(631), txt, a("192.0.2.1"));
  assertEquals(hear(ETH0, 5_000, srv(632)), ["changed eth0 Dr. Ink 192.0.2.1:632"]);
  assertEquals(hear(ETH0, 5_000, srv(632)), []);
  hear(ETH0, 6_000, { ...a("192.0.2.1"), ttl: 0 });
  assertEquals(wait(7_000), ["lost eth0 Dr. Ink 192.0.2.1:632"]);
  assertEquals(hear(ETH0, 8_000, a("192.0.2.2")), ["found eth0 Dr. Ink 192.0.2.2:632"]);
});

test("a service is found by its name alone, with the dots as people write them", () => {
  const { directory, asked, hear, wait } = start();
  directory.resolve("Dr. Ink._ipp._tcp.local");
  assertEquals([...asked], [`SRV ${INSTANCE}`, `TXT ${INSTANCE}`]);
  assertEquals(hear(ETH0, 0, a("192.0.2.1"), srv(631)), ["found eth0 Dr. Ink 192.0.2.1:631"]);
  hear(ETH0, 5_000, ptr, { ...ptr, ttl: 0 });
  assertEquals(wait(7_000), [], "it is there while it says so itself");
  assertEquals(asked.has(`SRV ${INSTANCE}`), true);
  assertThrows(() => directory.resolve("Dr. Ink"), TypeError, "Dr. Ink._ipp._tcp.local");
  assertThrows(() => directory.browse("ipp"), TypeError, "_http._tcp");
});

test("names that are none of the type that is browsed are no services", () => {
  const { directory, asked, hear } = start();
  directory.browseAll();
  hear(ETH0, 0, { ...types, data: "anything.local" }, types, { ...ptr, data: "evil.local" });
  assertEquals([...asked], [`PTR ${ALL_TYPES}`, "PTR _ipp._tcp.local"]);
});

test("of two equal keys in a TXT record the first holds, and none is more than a key", () => {
  const parts = ["a=1", "A=2", "flag", "empty=", "=none", "__proto__=x", "eq=a=b", ""].map(text);
  const values = txtOf(parts);
  assertEquals(Object.entries(values), [
    ["a", "1"],
    ["flag", ""],
    ["empty", ""],
    ["__proto__", "x"],
    ["eq", "a=b"],
  ]);
});

test("a row of the table has the address that is best reached, and the rest as details", () => {
  const service: Service = {
    ...{ link: ETH0, instance: INSTANCE, name: "Dr. Ink", type: "_ipp._tcp", host: "box.local" },
    ...{ port: 631, txt: { rp: "ink" }, addresses: ["fe80::1", "2001:db8::1", "192.0.2.1"] },
  };
  assertEquals(toFound(service), {
    ...{ protocol: "mdns", name: "Dr. Ink", kind: "_ipp._tcp", interface: "eth0" },
    address: "192.0.2.1:631",
    details: { rp: "ink", host: "box.local", addresses: "fe80::1 2001:db8::1 192.0.2.1" },
  });
  assertEquals(
    endpointOf({ ...service, addresses: ["fe80::1", "2001:db8::1"] }),
    "[2001:db8::1]:631",
  );
  assertEquals(endpointOf({ ...service, addresses: ["fe80::1"] }), "[fe80::1%eth0]:631");
});
