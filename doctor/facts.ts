/**
 * What was looked up and tried: all that the checks know.
 *
 * @module
 */

import type { Family } from "../address/ip.ts";
import type { LinkDetails, RouteRecord, RuleRecord } from "../ffi/route/inspection.ts";
import type { NetworkInterface } from "../interfaces/list.ts";
import type { FilterPlace, Holder } from "./causes.ts";
import type { GroupTest, Unseen } from "./types.ts";

/** An interface with all that is known of it. */
export interface InterfaceFacts extends NetworkInterface {
  /** `null` where the system did not tell. */
  readonly details: LinkDetails | null;
}

/** A test with what the system said, for the checks. */
export interface Probe extends GroupTest {
  /** The interface; `null`: none was named. */
  readonly index: number | null;
  /** The system's name of the error: `"ENETUNREACH"`. */
  readonly code: string | null;
  /** The call that failed. */
  readonly syscall: string | null;
  /** Sending never came to an end. */
  readonly stuck: boolean;
}

/** How far a limit let us go. */
export interface LimitProbe {
  /** How many were wanted: as many as an unchanged system allows. */
  readonly wanted: number;
  /** How many were had; `null`: it was not tried. */
  readonly had: number | null;
}

/** Whether a port can be shared. */
export interface PortProbe {
  readonly port: number;
  readonly family: Family;
  /** Somebody has it and does not share. */
  readonly taken: boolean;
  /** Who; empty where that could not be found out. */
  readonly holders: readonly Holder[];
}

/** Everything that is known. */
export interface Facts {
  readonly os: string;
  /** Those to be looked at; the others only explain. */
  readonly selected: ReadonlySet<number>;
  /** Those that were asked for by name. */
  readonly named: ReadonlySet<number>;
  readonly interfaces: readonly InterfaceFacts[];
  readonly routes: readonly RouteRecord[] | null;
  readonly rules: readonly RuleRecord[] | null;
  /** Families the host does not have, and what it said. */
  readonly missing: Readonly<Partial<Record<Family, string>>>;
  /** One for each interface, family and group. */
  readonly probes: readonly Probe[];
  /** Without an interface named. */
  readonly naive: readonly Probe[];
  readonly memberships: LimitProbe;
  readonly sources: LimitProbe;
  readonly ports: readonly PortProbe[];
  /** Where a packet filter may drop groups; `null`: it could not be looked at. */
  readonly filter: readonly FilterPlace[] | null;
  /** The versions that all interfaces are forced to speak; 0: any, `null`: it could not be looked at. */
  readonly forced: { readonly igmp: number | null; readonly mld: number | null };
  readonly container: string | null;
  readonly wsl: boolean;
  readonly unseen: readonly Unseen[];
  /** Random bits for addresses to propose. */
  readonly random: () => number;
}
