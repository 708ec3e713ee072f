// `interfaces()` against what iproute2 says of the same host.
import { assert, assertEquals } from "@std/assert";
import { interfaces } from "../../mod.ts";
import { test } from "../harness.ts";
import { Lab } from "./lab.ts";
import { twoNetworks } from "./topologies.ts";
import "./sockets.ts"; // loads the library before the first test

interface IpAddress {
  family: string;
  local: string;
  prefixlen: number;
  broadcast?: string;
  scope: string;
}

interface IpLink {
  ifindex: number;
  ifname: string;
  flags: string[];
  address?: string;
  addr_info: IpAddress[];
}

/** What `interfaces()` has to say, made of `ip -j addr`. */
async function expected(lab: Lab) {
  const links: IpLink[] = JSON.parse(await lab.ip("-j addr show"));
  return links.sort((a, b) => a.ifindex - b.ifindex).map((link) => ({
    index: link.ifindex,
    name: link.ifname,
    mac: /^[0:]*$/.test(link.address ?? "") ? null : link.address!,
    up: link.flags.includes("UP"),
    // ip(8) shows IFF_RUNNING by its absence.
    running: link.flags.includes("UP") && !link.flags.includes("NO-CARRIER"),
    loopback: link.flags.includes("LOOPBACK"),
    multicast: link.flags.includes("MULTICAST"),
    pointToPoint: link.flags.includes("POINTOPOINT"),
    addresses: link.addr_info.map((entry) => ({
      address: entry.local,
      family: entry.family === "inet" ? "IPv4" as const : "IPv6" as const,
      prefixLength: entry.prefixlen,
      broadcast: entry.broadcast ?? null,
      scopeId: entry.family === "inet6" && entry.scope === "link" ? link.ifindex : null,
    })).sort(byAddress),
  }));
}

function byAddress(a: { address: string }, b: { address: string }): number {
  return a.address < b.address ? -1 : 1;
}

/** What `interfaces()` says, without what it does not know yet. */
function told() {
  return interfaces().map(({ description: _, mtu: __, addresses, ...rest }) => ({
    ...rest,
    addresses: addresses.map(({ tentative: _, temporary: __, deprecated: ___, ...own }) => own)
      .sort(byAddress),
  }));
}

test("interfaces() says what ip(8) says", { needs: ["lab"] }, async () => {
  await using net = await twoNetworks();
  await net.here.batch([
    "addr add 10.7.0.1/25 broadcast + label eth0:1 dev eth0",
    "addr add 10.6.0.1 peer 10.6.0.2/32 dev eth1",
    "addr add 10.6.1.1/31 dev eth1",
    "addr add 127.5.5.5/32 dev lo",
    "addr add fd77::1/128 dev lo nodad",
    "link add quiet0 type veth peer name quiet1",
    "link set quiet0 up",
    "link set quiet1 multicast off",
    "link add br0 type bridge",
  ]);
  await net.here.addAddresses("quiet1", ["10.8.0.1/16", "fd08::1/48"]);
  assertEquals(told(), await expected(net.lab));
  const quiet = interfaces().find(({ name }) => name === "quiet1");
  assertEquals([quiet?.up, quiet?.running, quiet?.multicast], [false, false, false]);
  await net.here.ip("link del quiet0");
  await net.here.ip("addr del 10.7.0.1/25 dev eth0");
  assertEquals(told(), await expected(net.lab));
});

test("two hundred interfaces are listed, fast", { needs: ["lab"] }, async () => {
  await using lab = new Lab();
  const numbers = Array.from({ length: 100 }, (_, number) => number);
  await lab.here.batch(numbers.flatMap((n) => [
    `link add many${n} type veth peer name other${n}`,
    `link set many${n} up`,
    ...(n % 2 === 0 ? [`addr add 10.20.${n}.1/24 dev many${n}`] : []),
    ...(n % 4 === 0
      ? [`link set other${n} up`, `addr add fd20:${n}::1/64 dev other${n} nodad`]
      : []),
  ]));
  // Each has its link-local address before the two lists are compared.
  await Promise.all(
    numbers.filter((n) => n % 4 === 0).flatMap((n) => [
      lab.here.linkLocal(`many${n}`),
      lab.here.linkLocal(`other${n}`),
    ]),
  );
  const ours = told();
  assertEquals(ours, await expected(lab));
  assert(ours.length >= 201);
  const times = Array.from({ length: 5 }, () => {
    const start = performance.now();
    interfaces();
    return performance.now() - start;
  });
  const best = Math.min(...times);
  assert(best < 200, `interfaces() took ${best.toFixed(1)} ms for ${ours.length} interfaces`);
});
