/**
 * Asks the system about routes, rules and interfaces' settings. Changes nothing, needs no privileges.
 *
 * @module
 */

import { unlessRefused } from "../errors.ts";
import {
  LINUX_ROUTING_CONSTANTS as C,
  LINUX_ROUTING_LAYOUTS as L,
} from "../platform/linux_routing.ts";
import type { NetlinkTables } from "../platform/platform.ts";
import type { System } from "../syscalls.ts";
import { InspectionCodec } from "./inspect_codec.ts";
import type { Inspection, LinkDetails } from "./inspection.ts";
import { NetlinkSocket } from "./netlink_socket.ts";

/** What a system tells that has no way to be asked. */
const NOTHING: Inspection = {
  routes: null,
  rules: null,
  links: null,
  refusals: [{
    what: "routes, policy rules and interface settings",
    why: "this system cannot be asked for them yet",
  }],
};

/** Everything that has to do with multicast. What is refused is said, and nothing is thrown for it. */
export function inspect(system: System): Inspection {
  const { netlink } = system.platform;
  if (!netlink) return NOTHING;
  return unlessRefused(() => {
    const socket = new NetlinkSocket(system);
    try {
      return ask(system, netlink, socket);
    } finally {
      socket.close();
    }
  }, ({ message }) => ({
    ...NOTHING,
    refusals: [{ what: NOTHING.refusals[0].what, why: message }],
  }));
}

function ask(system: System, tables: NetlinkTables, socket: NetlinkSocket): Inspection {
  const codec = new InspectionCodec(system.platform, tables);
  const refusals: { what: string; why: string }[] = [];
  /** A list, unless it is refused; a kernel without IPv6 or policy routing does. */
  const list = <T>(what: string, get: () => T): T | null => {
    return unlessRefused<T | null>(get, ({ message }) => {
      refusals.push({ what, why: message });
      return null;
    });
  };
  const { AF_INET, AF_INET6 } = system.platform.constants;
  const { IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS } = tables.constants;
  const header = (size: number, family = 0) => {
    const bytes = new Uint8Array(size);
    bytes[0] = family;
    return bytes;
  };
  const dump = (type: number, size: number, family = 0) =>
    socket.dump(type, header(size, family)).map(({ body }) => body);
  const bothFamilies = (type: number, size: number) =>
    [AF_INET, AF_INET6].flatMap((family) => dump(type, size, family));

  const routes = list("routes", () =>
    bothFamilies(C.RTM_GETROUTE, L.rtmsg.size)
      .flatMap((body) => codec.route(body) ?? []));
  const rules = list("policy rules", () =>
    bothFamilies(C.RTM_GETRULE, L.fib_rule_hdr.size)
      .flatMap((body) => codec.rule(body) ?? []));
  const strict = list("the reverse path filter of all interfaces", () => {
    const values = dump(C.RTM_GETNETCONF, L.netconfmsg.size, AF_INET)
      .flatMap((body) => codec.reversePathOfAll(body) ?? []);
    return values[0] ?? null;
  });
  const links = list("interface settings", () => {
    const details = new Map<number, LinkDetails>();
    const without = [[IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS]] as const;
    const size = tables.layouts.ifinfomsg.size;
    for (const { body } of socket.dump(C.RTM_GETLINK, header(size), without)) {
      const link = codec.link(body, strict);
      if (link) details.set(link.index, link);
    }
    return details;
  });
  return { routes, rules, links, refusals };
}
