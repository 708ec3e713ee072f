/**
 * macOS and BSD: what to do about each finding. The commands are for root.
 *
 * What these systems are not asked for (routes and rules: `diagnosis.looked`) has no
 * entry here, nor has what each does in a way of its own.
 *
 * @module
 */

import type { Remedies } from "./causes.ts";
import { remedy } from "./remedy.ts";
import { sh } from "./shell.ts";

const FILTER =
  "Look for a packet filter (as root: pfctl -s rules; on macOS also the firewall and " +
  "Local Network in System Settings).";

/** The remedies of macOS, FreeBSD, OpenBSD and NetBSD. */
export const BSD_REMEDIES: Partial<Remedies> = {
  "interface-down": ({ interface: name }) =>
    remedy("Switch the interface on.", sh`ifconfig ${name} up`),
  "not-running": () => remedy("Plug the cable in, or join the wireless network."),
  "no-ipv4-address": ({ interface: name, address }) =>
    remedy(
      "Get an address by DHCP, or give it one. The command gives it one for use on the link only " +
        "(RFC 3927).",
      sh`ifconfig ${name} inet ${address} alias`,
    ),
  "family-missing": ({ family }) => remedy(`Use a kernel with ${family}.`),
  "link-local-missing": ({ interface: name, address }) =>
    remedy("Give it one.", sh`ifconfig ${name} inet6 ${`${address}%${name}`} prefixlen 64 alias`),
  "mtu-too-small": ({ interface: name }) =>
    remedy(
      "Allow 1280 bytes at least, 1500 where the link takes them.",
      sh`ifconfig ${name} mtu 1280`,
    ),
  "duplicate-address": ({ interface: name, address }) =>
    remedy(
      "Find the other host, or use another address here. The command takes this one away.",
      sh`ifconfig ${name} inet6 ${address} -alias`,
    ),
  "no-multicast-route": ({ family, interface: name }) =>
    family === "IPv4" && name !== null
      ? remedy(
        "Add a route for groups (a default route does as well), or have programs name the interface.",
        sh`route add -net 224.0.0.0/4 -interface ${name}`,
      )
      : remedy("Have programs name the interface."),
  "packet-filter": () => remedy(FILTER),
  "port-taken": ({ port }) =>
    remedy(
      `Find the program (lsof -nP -iUDP:${port}, on FreeBSD sockstat -p ${port}, on OpenBSD and NetBSD ` +
        "fstat) and stop it, or have it share the port (SO_REUSEPORT).",
    ),
  "no-interface": () => remedy("Attach the host to a network."),
  "send-refused": ({ group }) => remedy(`See which route is taken: route -n get ${group}`),
  "not-received": () => remedy(FILTER),
  "wrong-interface": () => remedy("See which route is taken: route -n get 239.255.0.1"),
};
