// The mDNS example and Avahi find each other, on each network what is there.
import { assert, assertEquals } from "@std/assert";
import { browse, endpointOf } from "../../examples/mdns/discover.ts";
import { query } from "../../examples/mdns/query.ts";
import { announce, type Names } from "../../examples/mdns/responder.ts";
import type { ServiceChange } from "../../examples/mdns/services.ts";
import { test, within } from "../harness.ts";
import "../kernel/support.ts";
import { noAvahi, startAvahi } from "./avahi.ts";
import { twoNetworks } from "./topologies.ts";

/** The fields of avahi-browse's machine-readable lines that begin with "=". */
function resolved(output: string): string[][] {
  return output.split("\n").filter((line) => line.startsWith("=")).map((line) => line.split(";"));
}

/** The next change that the test waits for. */
async function until(
  changes: AsyncIterator<ServiceChange>,
  isIt: (change: ServiceChange) => boolean,
): Promise<ServiceChange> {
  for (;;) {
    const { value, done } = await within(10_000, changes.next(), "a change of a service");
    assert(!done);
    if (isIt(value)) return value;
  }
}

test("services of one name on two networks are two, each with its own host's answers", {
  needs: ["lab"],
  skip: noAvahi,
}, async () => {
  await using net = await twoNetworks();
  const service = { name: "Dr. Ink", type: "_ipp._tcp" };
  await using a = await startAvahi(net.a, "box", [{ ...service, port: 631, txt: ["on=a", "x"] }]);
  await using _b = await startAvahi(net.b, "box", [{ ...service, port: 632, txt: ["on=b"] }]);
  const leave = new AbortController();
  const changes = browse({}, { signal: leave.signal });
  const found = new Map<string, unknown>();
  while ([...found.values()].filter(Boolean).length < 2) {
    const { service } = await until(changes, () => true);
    const { link, name, type, host, port, addresses, txt } = service;
    // What belongs together may come in several packets.
    if (addresses.length < 2 || txt.on === undefined) continue;
    found.set(link.name, [name, type, host, port, [...addresses].sort(), txt, endpointOf(service)]);
  }
  assertEquals(
    found,
    new Map([["eth0", ["Dr. Ink", "_ipp._tcp", "box.local", 631, ["10.1.0.100", "fd01::100"], {
      on: "a",
      x: "",
    }, "10.1.0.100:631"]], ["eth1", [
      "Dr. Ink",
      "_ipp._tcp",
      "box.local",
      632,
      ["10.2.0.100", "fd02::100"],
      { on: "b" },
      "10.2.0.100:632",
    ]]]),
  );

  // Avahi says goodbye when it ends; the other network's service stays.
  await a.daemon.stop();
  const { service: lost } = await until(changes, ({ type }) => type === "lost");
  assertEquals([lost.name, lost.link.name], ["Dr. Ink", "eth0"]);
  leave.abort();
  assertEquals((await changes.next()).done, true);
});

test("avahi-browse finds what we announce, on each network with our address there", {
  needs: ["lab"],
  skip: noAvahi,
}, async () => {
  await using net = await twoNetworks();
  await using a = await startAvahi(net.a, "hosta");
  await using b = await startAvahi(net.b, "hostb");
  const leave = new AbortController();
  const service = { name: "Dr. Ink", type: "_ipp._tcp", port: 631, txt: { rp: "ink", "a b": "ü" } };
  const names = announce(service, { signal: leave.signal });
  const { value } = await within(10_000, names.next(), "the names");
  assertEquals(value, { instance: "Dr\\. Ink._ipp._tcp.local", host: "dr-ink.local" });
  const ended = names.next(); // it answers while it is iterated

  const networks = [
    { avahi: a, own: ["10.1.0.1", "10.1.0.2", "fd01::1", "fd01::2"] },
    { avahi: b, own: ["10.2.0.1", "fd02::1"] },
  ];
  for (const { avahi, own } of networks) {
    const output = await avahi.run("avahi-browse", "-r", "-t", "-p", "-k", "_ipp._tcp");
    const rows = resolved(output);
    const [, link, , name, type, domain, host, , port, txt] = rows[0];
    assertEquals([link, name, type, domain, host, port, txt], [
      "eth0",
      "Dr\\.\\032Ink",
      "_ipp._tcp",
      "local",
      "dr-ink.local",
      "631",
      '"a b=\\195\\188" "rp=ink"',
    ], output);
    assertEquals(new Set(rows.map((row) => row[2])), new Set(["IPv4", "IPv6"]), output);
    const asked = await Promise.all(
      ["-4", "-6"].map((family) => avahi.run("avahi-resolve", family, "-n", "dr-ink.local")),
    );
    const addresses = [...rows.map((row) => row[7]), ...asked.map((text) => text.split(/\s+/)[1])];
    for (const address of addresses) {
      assert(own.includes(address) || address.startsWith("fe80::"), `${address}: ${output}`);
    }
  }

  // A browser that stays hears our goodbye.
  const browser = await a.start("avahi-browse", "-p", "-k", "_ipp._tcp");
  const lines = [await browser.nextLine(), await browser.nextLine()];
  assertEquals(lines.map((line) => line.slice(0, 6)), ["+;eth0", "+;eth0"]);
  leave.abort();
  assertEquals((await ended).done, true);
  assertEquals((await browser.nextLine()).slice(0, 6), "-;eth0");
  await browser.stop();
});

test("a name that Avahi has is left to it, and another taken", {
  needs: ["lab"],
  skip: noAvahi,
}, async () => {
  await using net = await twoNetworks();
  const service = { name: "Ink", type: "_ipp._tcp", port: 631 };
  await using a = await startAvahi(net.a, "box", [service]);
  const leave = new AbortController();
  const names: AsyncIterator<Names> = announce({ ...service, port: 1 }, {
    signal: leave.signal,
    interfaces: ["eth0"],
  });
  const { value } = await within(15_000, names.next(), "the names");
  assertEquals(value, { instance: "Ink (2)._ipp._tcp.local", host: "ink-2.local" });
  const ended = names.next();
  const output = await a.run("avahi-browse", "-r", "-t", "-p", "-k", "_ipp._tcp");
  const ports = resolved(output).map(([, , , name, , , , , port]) => `${name} ${port}`);
  assertEquals(new Set(ports), new Set(["Ink 631", "Ink\\032\\0402\\041 1"]), output);
  leave.abort();
  await ended;
});

test("one question from a port of its own is answered by Avahi with its addresses there", {
  needs: ["lab"],
  skip: noAvahi,
}, async () => {
  await using net = await twoNetworks();
  await using _a = await startAvahi(net.a, "box");
  await using _b = await startAvahi(net.b, "box");
  const refused = { offLink: 0, wrongPort: 0, malformed: 0 };
  const answers = new Set<string>();
  for await (const { link, record } of query({ name: "box.local", type: "A" }, { refused })) {
    answers.add(`${link.name} ${record.type} ${record.data}`);
    if (answers.size === 2) break;
  }
  assertEquals(answers, new Set(["eth0 A 10.1.0.100", "eth1 A 10.2.0.100"]));
  assertEquals(refused, { offLink: 0, wrongPort: 0, malformed: 0 });
});
