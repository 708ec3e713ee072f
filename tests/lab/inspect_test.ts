// What the kernel tells of routes, rules and interfaces, against what ip(8) makes of it.
import { assert, assertEquals } from "@std/assert";
import { inspect } from "../../ffi/route/inspect.ts";
import type { RouteRecord, RuleRecord } from "../../ffi/route/inspection.ts";
import { system } from "../../ffi/system.ts";
import { test } from "../harness.ts";
import { descriptors } from "../kernel/support.ts";
import { healthyHost } from "./doctor_support.ts";

interface IpRoute {
  type?: string;
  dst: string;
  dev?: string;
  gateway?: string;
  table?: string;
  metric?: number;
  nexthops?: { dev: string }[];
}

interface IpRule {
  priority: number;
  src: string;
  dst?: string;
  dstlen?: number;
  table?: string;
  action?: string;
  goto?: string;
  not?: null;
}

const TABLES: Record<string, number> = { local: 255, main: 254, default: 253 };
const tableOf = (name = "main") => TABLES[name] ?? Number(name);

/** Whether a destination as ip(8) writes it is all groups, one of them, or everything. */
function leadsToGroups(dst: string): boolean {
  return dst === "default" || /^(?:22[4-9]|23\d)\.|^ff/.test(dst);
}

test("routes, rules and settings are those that ip tells", { needs: ["lab"] }, async () => {
  await using net = await healthyHost();
  const { lab } = net;
  const commands = [
    "route add 224.0.0.0/4 dev eth1 metric 9",
    "route add blackhole 239.0.0.0/8 table 1000",
    "route add 232.1.2.3 via 10.2.0.100",
    "route add 233.0.0.0/8 nexthop via 10.1.0.100 nexthop via 10.2.0.100",
    "-6 route add default via fd01::100",
    "-6 route add prohibit ff0e::/16",
    "-6 route add ff12::/16 dev eth1 table 77",
    "-6 route add local ff00::/8 dev lo table local",
    "rule add to 224.0.0.0/4 priority 10 lookup 1000",
    "rule add not to 10.0.0.0/8 priority 11 goto 32766",
    "rule add fwmark 7 priority 12 prohibit",
    "rule add priority 13 lookup main suppress_prefixlength 0",
    "-6 rule add from fd01::/64 to ff00::/8 priority 14 blackhole",
  ];
  const undo = commands.filter((command) => command.includes("rule"));
  const count = descriptors();
  for (const command of commands) await lab.ip(command);
  try {
    const { routes, rules, links, refusals } = inspect(system());
    assertEquals([refusals, descriptors()], [[], count]);
    const names = new Map<number, string>();
    for (const name of ["lo", "eth0", "eth1"]) names.set(await net.here.index(name), name);

    for (const [family, option] of [["IPv4", "-4"], ["IPv6", "-6"]] as const) {
      const listed: IpRoute[] = JSON.parse(await lab.ip(`${option} -j route show table all`));
      const expected = listed.filter(({ dst }) => leadsToGroups(dst)).map((route) => {
        const length = route.dst.includes("/") ? "" : family === "IPv4" ? "/32" : "/128";
        const dst = route.dst === "default"
          ? family === "IPv4" ? "0.0.0.0/0" : "::/0"
          : route.dst + length;
        const out = route.nexthops?.map(({ dev }) => dev) ?? (route.dev ? [route.dev] : []);
        const type = route.type ?? "unicast";
        return [type, dst, tableOf(route.table), out, route.metric ?? 0].join(" ");
      });
      const shown = routes!.filter((route) => route.family === family).map((route: RouteRecord) => {
        const { type, destination, table, interfaces, metric } = route;
        const out = interfaces.map((index) => names.get(index));
        return [type, `${destination.address}/${destination.length}`, table, out, metric].join(" ");
      });
      assertEquals(shown.sort(), expected.sort());
      assert(expected.length >= 4, expected.join("\n"));

      const ruled: IpRule[] = JSON.parse(await lab.ip(`${option} -j rule show`));
      const wanted = ruled.map(({ priority, dst, dstlen, table, action, not }) =>
        [
          priority,
          dst ? `${dst}/${dstlen}` : "all",
          tableOf(table ?? "0"),
          action ?? "",
          not === null,
        ]
          .join(" ")
      );
      const own = rules!.filter((rule) => rule.family === family).map((rule: RuleRecord) => {
        const { priority, destination, table, action, inverted } = rule;
        const to = destination ? `${destination.address}/${destination.length}` : "all";
        // ip(8) does not call these two actions.
        const what = action === "lookup" || action === "goto" ? "" : action;
        return [priority, to, table, what, inverted].join(" ");
      });
      assertEquals(own, wanted);
    }
    const rule = (priority: number) => rules!.find((other) => other.priority === priority)!;
    assertEquals([rule(11).target, rule(13).suppressed], [32766, 0]);
    assertEquals([rule(12).conditions, rule(13).conditions], [["mark"], []]);
    assertEquals(rule(14).source, { address: "fd01::", length: 64 });
    const eth0 = links!.get(await net.here.index("eth0"))!;
    assertEquals([eth0.kind, eth0.peer, eth0.ipv6Disabled], ["veth", null, false]);
  } finally {
    for (const command of undo) await lab.ip(command.replace(" add ", " del "));
    await lab.ip("-6 route del local ff00::/8 dev lo table local");
    await lab.ip("route del blackhole 239.0.0.0/8 table 1000");
    await lab.ip("-6 route del prohibit ff0e::/16");
  }
});
