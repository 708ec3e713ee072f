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
const ANY = "*";

/** The first that matches applies. */
const RULES: readonly Rule[] = [
  ["bind", ["EADDRINUSE"], "addressInUse"],
  ["bind", ["EADDRNOTAVAIL"], "addressNotLocal"],
  ["bind", ["EACCES"], "privilegedPort"],
  ["socket", ["EAFNOSUPPORT"], "familyMissing"],
  [ANY, ["EMFILE", "ENFILE"], "descriptorLimit"],
  [
    SEND,
    NO_ROUTE,
    "loopbackMulticastRoute",
    (c) => c.multicast === true && c.loopback === true && c.family === "IPv6",
  ],
  [SEND, NO_ROUTE, "multicastRoute", (c) => c.multicast === true],
  [SEND, NO_ROUTE, "unicastRoute"],
  [
    SEND,
    ["EACCES"],
    "broadcastNotEnabled",
    (c) => c.family === "IPv4" && !c.multicast,
  ],
  [SEND, ["EPERM", "EACCES"], "packetFilter"],
  [SEND, ["EMSGSIZE"], "tooLarge"],
  [
    SEND,
    ["EADDRNOTAVAIL", "EINVAL"],
    "addressNotLocal",
    (c) => c.multicast === undefined,
  ],
  [SEND, ["ENODEV", "ENXIO"], "noSuchInterface"],
  [
    MEMBERSHIP,
    ["ENOBUFS", "ENOMEM"],
    "membershipLimitIPv4",
    (c) => c.family === "IPv4",
  ],
  [MEMBERSHIP, ["ENOBUFS", "ENOMEM"], "membershipLimitIPv6"],
  [MEMBERSHIP, ["ENODEV"], "noSuchInterface", (c) => !c.interfaceName],
  [MEMBERSHIP, ["ENODEV", "EADDRNOTAVAIL"], "interfaceLacksFamily"],
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
    : /MEMBERSHIP|MCAST_/.test(syscall)
    ? MEMBERSHIP
    : syscall;
  const rule = RULES.find(([call, codes, , when]) =>
    (call === kind || call === ANY) && codes.includes(code) &&
    (when === undefined || when(context))
  );
  const text = rule && platform.hints[rule[2]];
  if (!text) return null;
  return text
    .replaceAll("{family}", context.family ?? "that family")
    .replaceAll("{address}", context.address ?? "that address")
    .replaceAll("{interface}", context.interfaceName ?? "the interface")
    .replaceAll("{port}", String(context.port ?? "that port"));
}
