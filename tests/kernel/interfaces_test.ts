// The list of interfaces: loopback as every Linux has it, and all of them as iproute2 sees them.
import { assert, assertEquals } from "@std/assert";
import { interfaces, type NetworkInterface } from "../../mod.ts";
import { findProgram, test } from "../harness.ts";
import { run } from "../lab/process.ts";
import "./support.ts";

/** What `ip -j addr` says of an interface. */
interface Link {
  ifindex: number;
  ifname: string;
  flags: string[];
  operstate: string;
  link_type: string;
  address?: string;
  addr_info: {
    family: string;
    local: string;
    prefixlen: number;
    broadcast?: string;
    scope: string;
  }[];
}

test("loopback is listed with its addresses", { needs: ["linux", "ipv4", "ipv6"] }, () => {
  const lo = interfaces().find(({ name }) => name === "lo")!;
  assertEquals([lo.index, lo.up, lo.running, lo.loopback], [1, true, true, true]);
  assertEquals([lo.pointToPoint, lo.mac, lo.description, lo.mtu], [false, null, null, null]);
  const own = (address: string) => lo.addresses.find((own) => own.address === address);
  assertEquals(own("127.0.0.1"), {
    address: "127.0.0.1",
    family: "IPv4",
    prefixLength: 8,
    broadcast: null,
    scopeId: null,
    tentative: null,
    temporary: null,
    deprecated: null,
  });
  assertEquals(own("::1"), {
    address: "::1",
    family: "IPv6",
    prefixLength: 128,
    broadcast: null,
    scopeId: null,
    tentative: null,
    temporary: null,
    deprecated: null,
  });
});

test("interfaces come in the order of their indexes, each once", () => {
  const list = interfaces();
  const indexes = list.map(({ index }) => index);
  assertEquals(indexes, indexes.toSorted((a, b) => a - b));
  assertEquals(new Set(indexes).size, list.length);
  assertEquals(new Set(list.map(({ name }) => name)).size, list.length);
  for (const { index, name } of list) assert(index > 0 && name !== "");
});

function fromIp(link: Link): NetworkInterface {
  const has = (flag: string) => link.flags.includes(flag);
  const ethernet = link.link_type === "ether" && !/^00(:00)*$/.test(link.address ?? "00");
  return {
    index: link.ifindex,
    name: link.ifname,
    description: null,
    mac: ethernet ? link.address! : null,
    mtu: null,
    up: has("UP"),
    // IFF_RUNNING: up, and the operational state is "up" or not known (netif_oper_up).
    running: has("UP") && ["UP", "UNKNOWN"].includes(link.operstate),
    loopback: has("LOOPBACK"),
    multicast: has("MULTICAST"),
    pointToPoint: has("POINTOPOINT"),
    addresses: link.addr_info.map(({ family, local, prefixlen, broadcast, scope }) => ({
      address: local,
      family: family === "inet" ? "IPv4" : "IPv6",
      prefixLength: prefixlen,
      broadcast: broadcast ?? null,
      scopeId: family === "inet6" && scope === "link" ? link.ifindex : null,
      tentative: null,
      temporary: null,
      deprecated: null,
    })),
  };
}

const byAddress = (list: readonly NetworkInterface[]) =>
  list.map((item) => ({
    ...item,
    addresses: item.addresses.toSorted((a, b) => a.address < b.address ? -1 : 1),
  }));

test("every interface is as iproute2 lists it", {
  needs: ["linux"],
  skip: findProgram("ip") === null && "needs iproute2",
}, async () => {
  // An interface may come or go between two looks: then look again.
  for (let attempt = 1;; attempt++) {
    const before = JSON.stringify(interfaces());
    const links: Link[] = JSON.parse(await run("ip", ["-j", "addr", "show"]));
    const list = interfaces();
    if (JSON.stringify(list) !== before && attempt < 5) continue;
    assertEquals(byAddress(list), byAddress(links.map(fromIp)));
    return;
  }
});
