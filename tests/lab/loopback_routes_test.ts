// IPv6 groups on loopback: what was tried, what each attempt does, and why only the local route helps.
import { assert, assertEquals } from "@std/assert";
import { openUdpSocket } from "../../mod.ts";
import { test, type TestOptions } from "../harness.ts";
import { type Host, Lab } from "./lab.ts";
import { type Plain, plain } from "./plain.ts";
import { next, textOf } from "./sockets.ts";

const needs: TestOptions = { needs: ["lab", "python3"] };

/** The groups that were tried. */
const GROUPS = ["ff01::1:ff00:1", "ff02::1:ff00:1"];

/** A datagram to a group that the sender has joined on lo, and waits for. */
const onLoopback = (group: string): Plain => ({
  join: `${group}@lo`,
  to: group,
  onlyIpv6: true,
  wait: 0.3,
});

/** Every way to say "by lo", and from where. */
const WAYS: Partial<Plain>[] = [
  { scope: "lo" },
  { multicastInterface: "lo" },
  { packetInfo: "lo" },
  { packetInfo: "lo@::1" },
];

/** How often the kernel has found no route for a datagram; `ip6_pkt_discard_out` counts here too. */
async function withoutRoute(host: Host): Promise<number> {
  const counters = await host.run("cat", ["/proc/net/snmp6"]);
  return Number(/^Ip6OutNoRoutes\s+(\d+)$/m.exec(counters)?.[1]);
}

/** The flags of lo in a fresh namespace, then with MULTICAST. */
async function withAndWithoutFlag(host: Host, check: (flag: boolean) => Promise<void>) {
  for (const flag of [false, true]) {
    await host.ip(`link set lo multicast ${flag ? "on" : "off"}`);
    assertEquals((await host.show("lo")).flags.includes("MULTICAST"), flag);
    await check(flag);
  }
}

test(
  "on lo a join by index works with and without MULTICAST, and a send is ENETUNREACH with and without",
  needs,
  async () => {
    await using lab = new Lab();
    const host = await lab.host("fresh");
    await withAndWithoutFlag(host, async () => {
      for (const group of GROUPS) {
        for (const way of WAYS) {
          const result = await plain(host, { ...onLoopback(group), ...way, wait: 0 });
          assertEquals(result, { join: null, send: "ENETUNREACH", received: null });
        }
        // Without an index the kernel asks the routes where to join, and there is none.
        const result = await plain(host, { ...onLoopback(group), join: group, wait: 0 });
        assertEquals([result.join, result.send], ["ENODEV", "ENETUNREACH"]);
      }
    });
  },
);

for (const kind of ["multicast", "unicast"]) {
  test(
    `through a ${kind} route on lo a send succeeds and nothing arrives, whatever the source or MULTICAST`,
    needs,
    async () => {
      await using lab = new Lab();
      const host = await lab.host("fresh");
      const route = `${kind} ff00::/8 dev lo table local`;
      await host.ip(`-6 route add ${route}`);
      // The route looks right …
      const shown = await host.ip("-6 route get ff02::1234 oif lo");
      assert(/^(multicast )?ff02::1234 from :: dev lo table local src ::1/.test(shown), shown);
      await withAndWithoutFlag(host, async () => {
        for (const way of WAYS) {
          const before = await withoutRoute(host);
          const result = await plain(host, { ...onLoopback(GROUPS[1]), ...way });
          assertEquals(result, { join: null, send: null, received: null });
          // … but the kernel has made a reject route of it. This counter is all it says.
          assertEquals(await withoutRoute(host), before + 1);
        }
      });
    },
  );
}

test(
  "through a local route on lo every way of sending arrives, with and without MULTICAST",
  needs,
  async () => {
    await using lab = new Lab();
    const host = await lab.host("fresh");
    await host.ip("-6 route add local ff00::/8 dev lo table local");
    assert((await host.ip("-6 route get ff02::1234 oif lo")).startsWith("local ff02::1234 "));
    await withAndWithoutFlag(host, async () => {
      for (const group of GROUPS) {
        for (const way of WAYS) {
          const result = await plain(host, { ...onLoopback(group), ...way, wait: 5 });
          assertEquals(result, { join: null, send: null, received: "::1" });
        }
      }
    });
  },
);

test("the local route on lo changes nothing for the other interfaces", needs, async () => {
  await using lab = new Lab();
  const { here } = lab;
  await lab.link({ host: here, name: "near" }, { host: here, name: "far" });
  await lab.ip("-6 route add local ff00::/8 dev lo table local");
  try {
    await using socket = openUdpSocket({ groups: ["ff02::1234@far", "ff02::1234@lo"] });
    await using sender = openUdpSocket();
    const to = { address: "ff02::1234", port: socket.port };
    await sender.send("by near", { ...to, interface: "near" });
    const packet = await next(socket);
    assertEquals([textOf(packet), packet.interfaceName], ["by near", "far"]);
    // Without an interface lo is the last choice: its route has the larger metric.
    await sender.send("by no interface", to);
    assertEquals((await next(socket)).interfaceName, "far");
  } finally {
    await lab.ip("-6 route del local ff00::/8 dev lo table local");
  }
});
