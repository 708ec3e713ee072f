/**
 * Linux: what to do about each finding. The commands are for root.
 *
 * @module
 */

import type { FilterPlace, NamedRoute, Remedies } from "./causes.ts";
import { remedy } from "./remedy.ts";
import { sh } from "./shell.ts";

const GROUPS = { IPv4: "224.0.0.0/4", IPv6: "ff00::/8" } as const;
const IP = { IPv4: "ip", IPv6: "ip -6" } as const;

/** Linux's remedies. */
export const LINUX_REMEDIES: Remedies = {
  "interface-down": ({ interface: name }) =>
    remedy("Switch the interface on.", sh`ip link set dev ${name} up`),
  "not-running": ({ interface: name, kind, peer }) => {
    if (peer !== null) {
      return remedy(
        `Switch ${peer} on: ${kind === "bridge" ? "a port of the bridge" : "its other end"}.`,
        sh`ip link set dev ${peer} up`,
      );
    }
    if (kind === "bridge") {
      return remedy(`Add a port to the bridge: ip link set dev PORT master ${name}`);
    }
    if (kind === "tun") return remedy("Start the program that opens the interface.");
    if (kind === "veth") return remedy("Switch its other end on, in the namespace where that is.");
    return remedy("Plug the cable in, or join the wireless network.");
  },
  "no-multicast-flag": ({ interface: name }) =>
    remedy("Mark it as capable of multicast.", sh`ip link set dev ${name} multicast on`),
  "no-ipv4-address": ({ interface: name, address }) =>
    remedy(
      "Get an address by DHCP, or give it one. The command gives it one for use on the link only " +
        "(RFC 3927).",
      sh`ip address add ${address} broadcast + dev ${name}`,
    ),
  "family-missing": ({ family }) =>
    remedy(
      family === "IPv6"
        ? "Start the kernel without ipv6.disable=1 (see /proc/cmdline), or load the module ipv6."
        : "Use a kernel with IPv4.",
    ),
  "ipv6-disabled": ({ interface: name }) =>
    remedy("Switch it on.", setting("ipv6", name, "disable_ipv6", 0)),
  "ipv6-disabled-everywhere": () =>
    remedy(
      "Switch it on, for the interfaces that there are and those to come.",
      "sysctl -w net.ipv6.conf.default.disable_ipv6=0",
      "sysctl -w net.ipv6.conf.all.disable_ipv6=0",
    ),
  "mtu-too-small": ({ interface: name }) =>
    remedy(
      "Allow 1280 bytes at least, 1500 where the link takes them.",
      sh`ip link set dev ${name} mtu 1280`,
    ),
  "link-local-missing": ({ interface: name, address }) =>
    remedy(
      "Give it one, or switch the interface off and on so that the system does.",
      sh`ip -6 address add ${`${address}/64`} dev ${name}`,
    ),
  "link-local-tentative": ({ interface: name, address, probes }) =>
    probes > 3
      ? remedy(
        "Ask once, as usual, and begin again.",
        setting("ipv6", name, "dad_transmits", 1),
        sh`ip -6 address del ${`${address}/64`} dev ${name}`,
        sh`ip -6 address add ${`${address}/64`} dev ${name}`,
        "sleep 3",
      )
      : remedy("Wait a moment.", `sleep ${probes + 2}`),
  "duplicate-address": ({ interface: name, address, prefixLength, replacement }) =>
    remedy(
      replacement
        ? "Find the other host (a cloned virtual machine with the same MAC address, for example), " +
          "or use another address here."
        : "Find the other host, or use another address here. The command takes this one away.",
      sh`ip -6 address del ${`${address}/${prefixLength}`} dev ${name}`,
      ...(replacement ? [sh`ip -6 address add ${`${replacement}/64`} dev ${name}`] : []),
    ),
  "no-multicast-route": ({ family, interface: name }) =>
    remedy(
      "Add a route for groups (a default route does as well), or have programs name the interface.",
      ...groupRoute(family, name),
    ),
  "interface-route-missing": ({ interface: name }) =>
    remedy(
      "Add the route that the system makes itself when the interface is switched on.",
      ...groupRoute("IPv6", name),
    ),
  "reject-route": ({ route, thenVia }) =>
    remedy(
      thenVia ? "Remove the route, and add one for groups." : "Remove the route.",
      deleteRoute(route),
      ...(thenVia ? groupRoute(route.family, thenVia) : []),
    ),
  "policy-rule": ({ rule, thenVia }) => {
    const { family, priority, destination, action } = rule;
    const to = destination ? sh` to ${`${destination.address}/${destination.length}`}` : "";
    const not = rule.inverted ? " not" : "";
    return remedy(
      thenVia ? "Remove the rule, and add a route for groups." : "Remove the rule.",
      `${IP[family]} rule del${not} priority ${priority}${to} ${action}`,
      ...(thenVia ? groupRoute(family, thenVia) : []),
    );
  },
  "route-to-loopback": ({ route, thenVia }) =>
    remedy(
      "Lead groups out of an interface that has neighbours.",
      deleteRoute(route),
      ...groupRoute(route.family, thenVia),
    ),
  "route-via-router": ({ route, thenVia }) =>
    remedy(
      "Replace it by a route without a router.",
      deleteRoute(route),
      ...groupRoute(route.family, thenVia),
    ),
  "loopback-route-missing": ({ interface: name, metrics }) =>
    remedy("Add a route of type local.", localRoute(name, metrics)),
  "loopback-route-wrong": ({ interface: name, route, hasLocal, metrics }) =>
    remedy(
      "Replace it by one of type local.",
      deleteRoute(route),
      ...(hasLocal ? [] : [localRoute(name, metrics)]),
    ),
  "membership-limit": ({ limit }) =>
    remedy(
      "Allow more; 1000 cost nothing.",
      `sysctl -w net.ipv4.igmp_max_memberships=${Math.max(1000, limit)}`,
    ),
  "source-limit": ({ limit }) =>
    remedy(
      "Allow more; 100 cost nothing.",
      `sysctl -w net.ipv4.igmp_max_msf=${Math.max(100, limit)}`,
    ),
  "strict-reverse-path": ({ interface: name }) =>
    remedy(
      "Make it loose (RFC 3704): any route back will do.",
      setting("ipv4", name, "rp_filter", 2),
    ),
  "packet-filter": ({ family, hook, places }) =>
    places.length > 0
      ? remedy(
        "Let groups pass before those rules are reached.",
        ...places.map((place) => pass(place, family)),
      )
      : remedy(
        `Look at the rules (as root: nft list ruleset; ${
          family === "IPv4" ? "iptables-save" : "ip6tables-save"
        }) and let ${hook === "input" ? "in" : "out"} what is sent to ${GROUPS[family]}.`,
      ),
  "port-taken": ({ port, holders }) =>
    holders.length > 0
      ? remedy(
        "Stop that program, or have it share the port (SO_REUSEADDR).",
        ...holders.flatMap(({ pid, self }) => self ? [] : [`kill ${pid}`]),
      )
      : remedy(
        `Find the program (as root: ss --udp --listening --processes 'sport = :${port}') and stop ` +
          "it, or have it share the port (SO_REUSEADDR).",
      ),
  "old-igmp": ({ interface: name }) =>
    remedy(
      "Let it speak the version that the network does.",
      setting("ipv4", name ?? "all", "force_igmp_version", 0),
    ),
  "old-mld": ({ interface: name }) =>
    remedy(
      "Let it speak the version that the network does.",
      setting("ipv6", name ?? "all", "force_mld_version", 0),
    ),
  "bridge-without-querier": ({ interface: name }) =>
    remedy(
      "Let the bridge ask itself, or forward groups to all: ip link set dev BRIDGE type bridge " +
        "mcast_snooping 0",
      sh`ip link set dev ${name} type bridge mcast_querier 1`,
    ),
  "part-of-another": ({ master }) => remedy(`Join groups on ${master}.`),
  "container": () =>
    remedy(
      "Give the container the host's network, or one of its own on the same link (macvlan), or " +
        "run a repeater of the protocol on the host.",
    ),
  "wsl": () =>
    remedy("Use mirrored networking: networkingMode=mirrored in .wslconfig, then wsl --shutdown."),
  "no-interface": () => remedy("Attach the host to a network."),
  "join-refused": () => null,
  "send-refused": ({ family, group, interface: name }) =>
    remedy(
      `See which route is taken: ${IP[family]} route get ${group}${
        name ? sh` oif ${name}` : ""
      }; and ${IP[family]} rule`,
    ),
  "not-received": ({ family }) =>
    remedy(
      `Look for a packet filter (as root: nft list ruleset; ${
        family === "IPv4" ? "iptables-save" : "ip6tables-save"
      }; tc filter show), and for security modules.`,
    ),
  "wrong-destination": () => remedy("Look for address translation: nft list ruleset"),
  "wrong-interface": ({ interface: name }) =>
    remedy(`See which route is taken: ${sh`ip route get 239.255.0.1 oif ${name}`}`),
};

/** A kernel setting of an interface. A dot in its name would end the name for sysctl(8). */
function setting(version: "ipv4" | "ipv6", name: string, what: string, value: number): string {
  return /^[A-Za-z0-9_-]+$/.test(name)
    ? `sysctl -w net.${version}.conf.${name}.${what}=${value}`
    : `echo ${value} > ${sh`${`/proc/sys/net/${version}/conf/${name}/${what}`}`}`;
}

/** The commands that lead groups out of an interface; none where there is none. */
function groupRoute(family: "IPv4" | "IPv6", name: string | null): string[] {
  if (name === null) return [];
  return family === "IPv4"
    ? [sh`ip route add 224.0.0.0/4 dev ${name}`]
    // As the kernel's own, one beside the other: "add" refuses a second of the same metric.
    : [sh`ip -6 route append multicast ff00::/8 dev ${name} table local metric 256`];
}

function localRoute(name: string, metrics: readonly number[]): string {
  // Where no metric is given; the kernel's own routes have another.
  const how = metrics.includes(1024) ? "append" : "add";
  return `ip -6 route ${how} ${sh`local ff00::/8 dev ${name} table local`}`;
}

function deleteRoute(route: NamedRoute): string {
  const { family, type, destination, table, metric, interfaces, interfaceName } = route;
  const prefix = destination.length === 0
    ? "default"
    : `${destination.address}/${destination.length}`;
  // A refusing route has no interface that ip(8) would accept.
  const refusing = type === "unreachable" || type === "prohibit" || type === "blackhole";
  const out = refusing || interfaceName === null || interfaces.length > 1
    ? ""
    : sh` dev ${interfaceName}`;
  return `${IP[family]} route del ${type} ${prefix}${out} table ${table}` +
    (metric > 0 ? ` metric ${metric}` : "");
}

/** Lets groups pass at the beginning of a chain. */
function pass({ tool, family: table, table: name, chain }: FilterPlace, family: "IPv4" | "IPv6") {
  if (tool !== "nft") return sh`${tool} -t ${name} -I ${chain} -d ${GROUPS[family]} -j ACCEPT`;
  const protocol = family === "IPv4" ? "ip" : "ip6";
  return sh`nft insert rule ${table} ${name} ${chain} ${protocol} daddr ${GROUPS[family]} accept`;
}
