/**
 * Reads what rtnetlink(7) tells of routes, rules and interfaces' settings. Pure.
 *
 * @module
 */

import { type Family, formatIp } from "../../address/ip.ts";
import {
  LINUX_ROUTING_CONSTANTS as C,
  LINUX_ROUTING_LAYOUTS as L,
} from "../platform/linux_routing.ts";
import type { NetlinkTables, Platform } from "../platform/platform.ts";
import type {
  BridgeRecord,
  LinkDetails,
  Prefix,
  RouteRecord,
  RouteType,
  RuleAction,
  RuleRecord,
} from "./inspection.ts";
import { type Attributes, readAttributes, text, u32 } from "./netlink.ts";

type Body = DataView<ArrayBuffer>;

const ROUTE_TYPES: Readonly<Record<number, RouteType>> = {
  [C.RTN_UNICAST]: "unicast",
  [C.RTN_LOCAL]: "local",
  [C.RTN_MULTICAST]: "multicast",
  [C.RTN_BLACKHOLE]: "blackhole",
  [C.RTN_UNREACHABLE]: "unreachable",
  [C.RTN_PROHIBIT]: "prohibit",
  [C.RTN_THROW]: "throw",
};

const RULE_ACTIONS: Readonly<Record<number, RuleAction>> = {
  [C.FR_ACT_TO_TBL]: "lookup",
  [C.FR_ACT_GOTO]: "goto",
  [C.FR_ACT_BLACKHOLE]: "blackhole",
  [C.FR_ACT_UNREACHABLE]: "unreachable",
  [C.FR_ACT_PROHIBIT]: "prohibit",
};

/** What a rule may ask for that is not known of a packet yet to be sent. */
const CONDITIONS: readonly (readonly [attribute: number, what: string])[] = [
  [C.FRA_IIFNAME, "incoming interface"],
  [C.FRA_OIFNAME, "outgoing interface"],
  [C.FRA_FWMARK, "mark"],
  [C.FRA_TUN_ID, "tunnel"],
  [C.FRA_L3MDEV, "VRF"],
  [C.FRA_UID_RANGE, "user"],
  [C.FRA_IP_PROTO, "protocol"],
  [C.FRA_SPORT_RANGE, "source port"],
  [C.FRA_DPORT_RANGE, "destination port"],
  [C.FRA_SUPPRESS_IFGROUP, "interface group"],
];

/** "Any": all users, no group of interfaces, no prefix length. */
const ALL_ONES = 0xffff_ffff;

/** Reads messages of RTM_GETROUTE, RTM_GETRULE, RTM_GETLINK and RTM_GETNETCONF. */
export class InspectionCodec {
  readonly #families: ReadonlyMap<number, Family>;

  constructor(readonly platform: Platform, readonly tables: NetlinkTables) {
    const { AF_INET, AF_INET6 } = platform.constants;
    this.#families = new Map([[AF_INET, "IPv4"], [AF_INET6, "IPv6"]]);
  }

  /** A route that leads to groups; `null` where the message is about none. */
  route(body: Body): RouteRecord | null {
    const { at, size } = L.rtmsg;
    if (body.byteLength < size) return null;
    const family = this.#families.get(body.getUint8(at.rtm_family));
    // What the kernel remembers of single destinations is no configuration.
    if (!family || (body.getUint32(at.rtm_flags, true) & C.RTM_F_CLONED) !== 0) return null;
    const attributes = readAttributes(this.tables, body, size);
    const length = body.getUint8(at.rtm_dst_len);
    const destination = prefix(family, attributes.get(C.RTA_DST), length);
    if (!destination || !leadsToGroups(family, attributes.get(C.RTA_DST), length)) return null;
    return {
      family,
      type: ROUTE_TYPES[body.getUint8(at.rtm_type)] ?? "other",
      destination,
      table: u32(attributes.get(C.RTA_TABLE)) ?? body.getUint8(at.rtm_table),
      interfaces: interfacesOf(attributes),
      gateway: attributes.has(C.RTA_GATEWAY) || attributes.has(C.RTA_VIA),
      metric: u32(attributes.get(C.RTA_PRIORITY)) ?? 0,
      limited: body.getUint8(at.rtm_src_len) > 0 || body.getUint8(at.rtm_tos) > 0,
    };
  }

  /** A rule; `null` where the message is about none. */
  rule(body: Body): RuleRecord | null {
    const { at, size } = L.fib_rule_hdr;
    if (body.byteLength < size) return null;
    const family = this.#families.get(body.getUint8(at.family));
    if (!family) return null;
    const attributes = readAttributes(this.tables, body, size);
    const part = (attribute: number, length: number) =>
      length > 0 ? prefix(family, attributes.get(attribute), length) : null;
    // 32 bits; all of them set: none (-1).
    const suppressed = u32(attributes.get(C.FRA_SUPPRESS_PREFIXLEN));
    const conditions = CONDITIONS
      .filter(([attribute]) => asks(attributes, attribute)).map(([, what]) => what);
    if (body.getUint8(at.tos) > 0) conditions.push("type of service");
    return {
      family,
      priority: u32(attributes.get(C.FRA_PRIORITY)) ?? 0,
      action: RULE_ACTIONS[body.getUint8(at.action)] ?? "none",
      table: u32(attributes.get(C.FRA_TABLE)) ?? body.getUint8(at.table),
      target: u32(attributes.get(C.FRA_GOTO)),
      destination: part(C.FRA_DST, body.getUint8(at.dst_len)),
      source: part(C.FRA_SRC, body.getUint8(at.src_len)),
      inverted: (body.getUint32(at.flags, true) & C.FIB_RULE_INVERT) !== 0,
      suppressed: suppressed === ALL_ONES ? null : suppressed,
      conditions,
    };
  }

  /** An interface's settings. `null` where the message is about none. */
  link(body: Body, strictEverywhere: number | null): LinkDetails | null {
    const { ifinfomsg } = this.tables.layouts;
    const { AF_INET, AF_INET6 } = this.platform.constants;
    if (body.byteLength < ifinfomsg.size) return null;
    if (body.getUint8(ifinfomsg.at.ifi_family) !== 0) return null;
    const attributes = readAttributes(this.tables, body, ifinfomsg.size);
    const info = this.#nested(attributes.get(C.IFLA_LINKINFO));
    const kind = info.has(C.IFLA_INFO_KIND) ? text(info.get(C.IFLA_INFO_KIND)) : null;
    const settings = this.#nested(attributes.get(C.IFLA_AF_SPEC));
    const ipv4 = this.#nested(settings.get(AF_INET)).get(C.IFLA_INET_CONF);
    const ipv6 = this.#nested(settings.get(AF_INET6)).get(C.IFLA_INET6_CONF);
    // The kernel counts IPv4's settings from 1 and IPv6's from 0.
    const reversePath = word(ipv4, C.IPV4_DEVCONF_RP_FILTER - 1);
    const disabled = word(ipv6, C.DEVCONF_DISABLE_IPV6);
    const elsewhere = attributes.has(C.IFLA_LINK_NETNSID);
    return {
      index: body.getInt32(ifinfomsg.at.ifi_index, true),
      kind,
      master: u32(attributes.get(C.IFLA_MASTER)),
      peer: elsewhere ? null : u32(attributes.get(C.IFLA_LINK)) || null,
      bridge: kind === "bridge" ? this.#bridge(info.get(C.IFLA_INFO_DATA)) : null,
      // The stricter of the interface's own and everybody's does NOT win: the greater number does, and 2 is loose.
      strictReversePath: reversePath === null
        ? null
        : Math.max(reversePath, strictEverywhere ?? 0) === 1,
      forcedIgmp: word(ipv4, C.IPV4_DEVCONF_FORCE_IGMP_VERSION - 1),
      forcedMld: word(ipv6, C.DEVCONF_FORCE_MLD_VERSION),
      ipv6Disabled: disabled === null ? null : disabled !== 0,
      duplicateProbes: word(ipv6, C.DEVCONF_DAD_TRANSMITS),
    };
  }

  /** Everybody's reverse path filter; `null` where the message is about something else. */
  reversePathOfAll(body: Body): number | null {
    const attributes = readAttributes(this.tables, body, L.netconfmsg.size);
    if (word(attributes.get(C.NETCONFA_IFINDEX), 0) !== C.NETCONFA_IFINDEX_ALL) return null;
    return u32(attributes.get(C.NETCONFA_RP_FILTER));
  }

  #bridge(body: Body | undefined): BridgeRecord | null {
    const data = this.#nested(body);
    const flag = (attribute: number) => {
      const value = data.get(attribute);
      return value !== undefined && value.byteLength > 0 && value.getUint8(0) === 1;
    };
    const state = data.get(C.IFLA_BR_MCAST_QUERIER_STATE);
    const querier = this.#nested(state);
    return {
      snooping: flag(C.IFLA_BR_MCAST_SNOOPING),
      querier: flag(C.IFLA_BR_MCAST_QUERIER),
      // Linux 5.16; it tells of queriers only where there are some.
      otherQuerier: data.size === 0
        ? null
        : querier.has(C.BRIDGE_QUERIER_IP_ADDRESS) || querier.has(C.BRIDGE_QUERIER_IPV6_ADDRESS),
    };
  }

  #nested(body: Body | undefined): Attributes {
    return body ? readAttributes(this.tables, body, 0) : new Map();
  }
}

/** Whether a rule asks for something; what says "any" does not count. */
function asks(attributes: Attributes, attribute: number): boolean {
  const value = attributes.get(attribute);
  if (!value) return false;
  switch (attribute) {
    case C.FRA_UID_RANGE:
      return u32(value) !== 0 || value.byteLength < 8 || value.getUint32(4, true) !== ALL_ONES;
    case C.FRA_L3MDEV:
      return value.byteLength > 0 && value.getUint8(0) !== 0;
    case C.FRA_SUPPRESS_IFGROUP:
      return u32(value) !== ALL_ONES;
    case C.FRA_FWMARK:
      return u32(value) !== 0;
    default:
      return true;
  }
}

/** Whether a prefix has groups in it, or lies among them. */
function leadsToGroups(family: Family, address: Body | undefined, length: number): boolean {
  const [first, width] = family === "IPv4" ? [0xe0, 4] : [0xff, 8];
  const own = address && address.byteLength > 0 ? address.getUint8(0) : 0;
  const shift = 8 - Math.min(length, width);
  return own >> shift === first >> shift;
}

function prefix(family: Family, address: Body | undefined, length: number): Prefix | null {
  const count = family === "IPv4" ? 1 : 4;
  if (address && address.byteLength < 4 * count) return null;
  const [w0, w1, w2, w3] = [0, 1, 2, 3].map((i) =>
    address && i < count ? address.getUint32(4 * i) : 0
  );
  return { address: formatIp({ family, w0, w1, w2, w3, zone: null }), length };
}

function interfacesOf(attributes: Attributes): number[] {
  const one = u32(attributes.get(C.RTA_OIF));
  if (one) return [one];
  const several = attributes.get(C.RTA_MULTIPATH);
  const interfaces: number[] = [];
  const { at, size } = L.rtnexthop;
  for (let from = 0; several && from + size <= several.byteLength;) {
    const length = several.getUint16(from + at.rtnh_len, true);
    if (length < size) break;
    interfaces.push(several.getInt32(from + at.rtnh_ifindex, true));
    from += Math.ceil(length / 4) * 4;
  }
  return interfaces;
}

/** One of the 32-bit numbers that an attribute consists of. */
function word(view: Body | undefined, index: number): number | null {
  return view && view.byteLength >= 4 * (index + 1) ? view.getInt32(4 * index, true) : null;
}
