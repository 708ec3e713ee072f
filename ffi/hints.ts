/**
 * Which remedy goes with which refusal. The words are the platform's.
 *
 * @module
 */

import type { Family } from "../address/ip.ts";
import type { HintName, Platform } from "./platform/platform.ts";

/** What is known about the call that was refused. */
export interface HintContext {
  family?: Family;
  address?: string | null;
  port?: number | null;
  interfaceName?: string | null;
  /** The source that was asked for is no address of this host. */
  foreignSource?: boolean;
  /** The address is a multicast group. */
  multicast?: boolean;
  /** The interface that was chosen is a loopback. */
  loopback?: boolean;
}

type Rule = readonly [
  syscall: string,
  codes: readonly string[],
  hint: HintName,
  when?: (context: HintContext) => boolean,
];

const NO_ROUTE = ["ENETUNREACH", "EHOSTUNREACH"];
const SEND = "send";
const MEMBERSHIP = "membership";
const SOURCE = "source";
const ANY = "*";

/** The first that matches applies. */
const RULES: readonly Rule[] = [
  ["bind", ["EADDRINUSE"], "addressInUse"],
  ["bind", ["EADDRNOTAVAIL"], "addressNotLocal"],
  ["bind", ["EACCES"], "privilegedPort"],
  ["socket", ["EAFNOSUPPORT"], "familyMissing", (c) => c.family !== undefined],
  [ANY, ["EMFILE", "ENFILE"], "descriptorLimit"],
  [
    SEND,
    ["EADDRNOTAVAIL", "EINVAL", ...NO_ROUTE],
    "addressNotLocal",
    (c) => c.foreignSource === true,
  ],
  [
    SEND,
    NO_ROUTE,
    "loopbackMulticastRoute",
    (c) => c.multicast === true && c.loopback === true && c.family === "IPv6",
  ],
  [SEND, NO_ROUTE, "multicastRoute", (c) => c.multicast === true],
  [SEND, NO_ROUTE, "unicastRoute"],
  ["connect", NO_ROUTE, "unicastRoute"],
  [
    SEND,
    ["EACCES"],
    "broadcastNotEnabled",
    (c) => c.family === "IPv4" && !c.multicast,
  ],
  [SEND, ["EPERM", "EACCES"], "packetFilter"],
  // There is a route, but no address of the interface that may be the source.
  [SEND, ["EADDRNOTAVAIL"], "noSourceAddress", (c) => c.multicast === true],
  [SEND, ["EMSGSIZE"], "tooLarge"],
  [SEND, ["ENOBUFS"], "noRoom"],
  [
    SEND,
    ["EADDRNOTAVAIL", "EINVAL"],
    "addressNotLocal",
    (c) => c.multicast === undefined,
  ],
  [SEND, ["ENODEV", "ENXIO"], "noSuchInterface"],
  [SOURCE, ["ENOBUFS"], "sourceLimit"],
  [
    MEMBERSHIP,
    ["ENOBUFS", "ENOMEM", "ETOOMANYREFS"],
    "membershipLimitIPv4",
    (c) => c.family === "IPv4",
  ],
  [MEMBERSHIP, ["ENOBUFS", "ENOMEM", "ETOOMANYREFS"], "membershipLimitIPv6"],
  [MEMBERSHIP, ["ENODEV"], "noSuchInterface", (c) => !c.interfaceName],
  [MEMBERSHIP, ["ENODEV", "EADDRNOTAVAIL"], "interfaceLacksFamily"],
  [MEMBERSHIP, ["EINVAL"], "interfaceLacksFamily", (c) => c.family === "IPv6"],
  [ANY, ["ENODEV"], "noSuchInterface"],
];

/** The remedy for a refusal, or `null` where none is known. */
export function hintFor(
  platform: Platform,
  code: string,
  syscall: string,
  context: HintContext,
): string | null {
  const kind = syscall.startsWith("send")
    ? SEND
    : /MEMBERSHIP|MCAST_|IP_(?:UN)?BLOCK_SOURCE/.test(syscall)
    ? MEMBERSHIP
    : syscall;
  const bySource = kind === MEMBERSHIP && syscall.includes("SOURCE");
  const rule = RULES.find(([call, codes, , when]) =>
    (call === kind || call === ANY || (call === SOURCE && bySource)) && codes.includes(code) &&
    (when === undefined || when(context))
  );
  const text = rule && platform.hints[rule[2]];
  if (!text) return null;
  const values: Record<string, string> = {
    family: context.family ?? "that family",
    address: context.address ?? "that address",
    interface: context.interfaceName ?? "the interface",
    port: String(context.port ?? "that port"),
  };
  // By a function: "$&" in an interface's name is not to be understood.
  return text.replaceAll(/\{(family|address|interface|port)\}/g, (_, name) => values[name]);
}
