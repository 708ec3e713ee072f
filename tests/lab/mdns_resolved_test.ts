// The mDNS example and systemd-resolved find each other.
import { assert, assertEquals } from "@std/assert";
import { browse } from "../../examples/mdns/discover.ts";
import { announce } from "../../examples/mdns/responder.ts";
import { test, within } from "../harness.ts";
import "../kernel/support.ts";
import { noResolved, startResolved } from "./resolved.ts";
import { twoNetworks } from "./topologies.ts";

test("a service of systemd-resolved is found on the interface on which it is", {
  needs: ["lab"],
  skip: noResolved,
}, async () => {
  await using net = await twoNetworks();
  const service = { name: "Web on %H", type: "_http._tcp", port: 8080, txt: "path=/x" };
  await using _resolved = await startResolved(net.b, "box", "eth0", service);
  const leave = new AbortController();
  for await (const { type, service } of browse({}, { signal: leave.signal })) {
    const { link, name, type: kind, host, port, addresses, txt } = service;
    if (!addresses.includes("10.2.0.100") || txt.path === undefined) continue;
    assertEquals([type === "lost", link.name, name, kind, host, port, txt], [
      ...[false, "eth1", "Web on box", "_http._tcp", "box.local", 8080],
      { path: "/x" },
    ]);
    break;
  }
});

test("systemd-resolved learns our address on its network, and from which interface", {
  needs: ["lab"],
  skip: noResolved,
}, async () => {
  await using net = await twoNetworks();
  await using a = await startResolved(net.a, "hosta", "eth0");
  await using b = await startResolved(net.b, "hostb", "eth0");
  const leave = new AbortController();
  const service = { name: "Dr. Ink", type: "_ipp._tcp", port: 631 };
  const names = announce(service, { signal: leave.signal });
  await within(10_000, names.next(), "the names");
  const ended = names.next();
  for (const [resolved, network] of [[a, 1], [b, 2]] as const) {
    const found = await resolved.resolve("dr-ink.local");
    const index = await (network === 1 ? net.a : net.b).index("eth0");
    for (const { ifindex, address } of found) {
      const own = address.startsWith(`10.${network}.0.`) || address.startsWith(`fd0${network}:`) ||
        address.startsWith("fe80:");
      assert(own && ifindex === index, `${address} on ${ifindex}`);
    }
    assert(found.length > 0);
  }
  leave.abort();
  await ended;
});
