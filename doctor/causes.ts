/**
 * Everything the doctor can find, and what a remedy needs to know of each.
 *
 * @module
 */

import type { Family } from "../address/ip.ts";
import type { RouteRecord, RuleRecord } from "../ffi/route/inspection.ts";
import type { Finding, FindingId } from "./types.ts";

/** A route, with the names of its interfaces. */
export interface NamedRoute extends RouteRecord {
  readonly interfaceName: string | null;
}

/** A program that administers a packet filter of the older kind. */
export type IptablesTool = "iptables" | "ip6tables" | "iptables-legacy" | "ip6tables-legacy";

/** A place in a packet filter where a packet may be dropped. */
export interface FilterPlace {
  /** The program that the filter is administered with. */
  readonly tool: "nft" | IptablesTool;
  /** For nft: `"inet"`, `"ip"` or `"ip6"`. */
  readonly family: string;
  readonly table: string;
  /** The chain that packets enter it by. */
  readonly chain: string;
  readonly hook: "input" | "output";
  /** The rules that drop, or the chain's policy, for people. */
  readonly rules: readonly string[];
}

/** A program that holds a port. */
export interface Holder {
  readonly pid: number;
  readonly name: string;
  /** It is the program that asks. */
  readonly self: boolean;
}

/** For each kind of finding what its remedy is made of. */
export interface Causes {
  "interface-down": { interface: string };
  "not-running": { interface: string; kind: string | null; peer: string | null };
  "no-multicast-flag": { interface: string };
  "no-ipv4-address": { interface: string; address: string };
  "family-missing": { family: Family };
  "ipv6-disabled": { interface: string };
  "ipv6-disabled-everywhere": { interfaces: readonly string[] };
  "mtu-too-small": { interface: string };
  "link-local-missing": { interface: string; address: string };
  "link-local-tentative": { interface: string; address: string; probes: number };
  "duplicate-address": {
    interface: string;
    address: string;
    prefixLength: number;
    replacement: string | null;
  };
  "no-multicast-route": { family: Family; interface: string | null };
  "interface-route-missing": { interface: string };
  "reject-route": { route: NamedRoute; thenVia: string | null };
  "policy-rule": { rule: RuleRecord; thenVia: string | null };
  "route-to-loopback": { route: NamedRoute; thenVia: string | null };
  "route-via-router": { route: NamedRoute; thenVia: string | null };
  "loopback-route-missing": { interface: string; metrics: readonly number[] };
  "loopback-route-wrong": {
    interface: string;
    route: NamedRoute;
    hasLocal: boolean;
    metrics: readonly number[];
  };
  "membership-limit": { limit: number };
  "source-limit": { limit: number };
  "strict-reverse-path": { interface: string };
  "packet-filter": { family: Family; hook: "input" | "output"; places: readonly FilterPlace[] };
  "port-taken": { port: number; holders: readonly Holder[] };
  /** `interface` is `null` where it is set for all of them. */
  "old-igmp": { interface: string | null; version: number };
  "old-mld": { interface: string | null; version: number };
  "bridge-without-querier": { interface: string };
  "part-of-another": { interface: string; master: string; kind: string | null };
  "container": { runtime: string };
  "wsl": Record<never, never>;
  "no-interface": Record<never, never>;
  "join-refused": { interface: string | null; family: Family; message: string };
  "send-refused": { interface: string | null; family: Family; group: string };
  "not-received": { interface: string; family: Family; group: string };
  "wrong-destination": { interface: string };
  "wrong-interface": { interface: string };
}

/** A finding before its remedy is looked up. */
export type Found = {
  [Id in FindingId]: Omit<Finding, "remedy" | "id"> & {
    readonly id: Id;
    readonly cause: Causes[Id];
  };
}[FindingId];

/** Remedies of one operating system. */
export type Remedies = {
  readonly [Id in FindingId]: (cause: Causes[Id]) => Finding["remedy"];
};
