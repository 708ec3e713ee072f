/**
 * What a system tells of its routing and of its interfaces beyond flags and addresses,
 * as far as multicast is concerned; in one form for all systems.
 *
 * @module
 */

import type { Family } from "../../address/ip.ts";

/** What becomes of packets on a route. `"other"`: something that has no part in sending to groups. */
export type RouteType =
  | "unicast"
  | "local"
  | "multicast"
  | "unreachable"
  | "prohibit"
  | "blackhole"
  | "throw"
  | "other";

/** An address prefix: `224.0.0.0` and 4. */
export interface Prefix {
  readonly address: string;
  readonly length: number;
}

/** One route. */
export interface RouteRecord {
  readonly family: Family;
  readonly type: RouteType;
  readonly destination: Prefix;
  readonly table: number;
  /** The interfaces it leads out of: several where traffic is spread, none where it is refused. */
  readonly interfaces: readonly number[];
  /** Whether packets are handed to a router. */
  readonly gateway: boolean;
  /** The smaller one is preferred. */
  readonly metric: number;
  /** It is for certain senders or a type of service only. */
  readonly limited: boolean;
}

/** What a policy rule does with the packets it is for. */
export type RuleAction = "lookup" | "goto" | "none" | "unreachable" | "prohibit" | "blackhole";

/** One policy rule. */
export interface RuleRecord {
  readonly family: Family;
  /** The smaller one comes first. */
  readonly priority: number;
  readonly action: RuleAction;
  /** Where `lookup` looks. */
  readonly table: number;
  /** Where `goto` leads. */
  readonly target: number | null;
  /** `null`: all destinations. */
  readonly destination: Prefix | null;
  /** `null`: all senders. */
  readonly source: Prefix | null;
  /** It is for what does *not* match. */
  readonly inverted: boolean;
  /** Routes of this prefix length and shorter do not count. */
  readonly suppressed: number | null;
  /** What else it asks for, e.g. a mark or a user: whether it applies is not known. */
  readonly conditions: readonly string[];
}

/** A switch made of interfaces. */
export interface BridgeRecord {
  /** It forwards groups only to ports where somebody has asked for them. */
  readonly snooping: boolean;
  /** It asks itself. */
  readonly querier: boolean;
  /** It has heard another one ask. `null`: not said. */
  readonly otherQuerier: boolean | null;
}

/** An interface, beyond what its listing says. */
export interface LinkDetails {
  readonly index: number;
  /** `"veth"`, `"bridge"`, `"tun"` …; `null` for hardware, and where it was not said. */
  readonly kind: string | null;
  /** The bridge, bond or VRF that it is a part of. */
  readonly master: number | null;
  /** Its other end or the interface below it, where that is an interface of the same host. */
  readonly peer: number | null;
  readonly bridge: BridgeRecord | null;
  /** Packets are dropped that come in on another interface than the answer would leave by. */
  readonly strictReversePath: boolean | null;
  /** The version of IGMP that it is forced to speak; 0: any. */
  readonly forcedIgmp: number | null;
  /** The version of MLD that it is forced to speak; 0: any. */
  readonly forcedMld: number | null;
  /** Whether IPv6 is switched off on it. `null`: the interface does not do IPv6, or it was not said. */
  readonly ipv6Disabled: boolean | null;
  /** How many times duplicate address detection asks, once a second. */
  readonly duplicateProbes: number | null;
}

/** What the system tells. `null`: it was asked and did not. */
export interface Inspection {
  /** Those that lead to groups. */
  readonly routes: readonly RouteRecord[] | null;
  readonly rules: readonly RuleRecord[] | null;
  readonly links: ReadonlyMap<number, LinkDetails> | null;
  /** Why something is missing. */
  readonly refusals: readonly { readonly what: string; readonly why: string }[];
}
