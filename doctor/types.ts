/**
 * What the doctor says.
 *
 * @module
 */

import type { Family } from "../address/ip.ts";

/** What came of one step of a test. `"untried"`: it could not be tried, or nothing came of an earlier step. */
export type Outcome = "works" | "fails" | "untried";

/** One test: this host sends to a group that it has joined, so that nothing leaves it, and receives. */
export interface GroupTest {
  /** The family of the group. */
  readonly family: Family;
  /** The group. */
  readonly group: string;
  /** The port; `null` where any would do. */
  readonly port: number | null;
  /** Joining the group on the interface. */
  readonly join: Outcome;
  /** Sending to it. */
  readonly send: Outcome;
  /** Receiving what was sent. */
  readonly receive: Outcome;
  /** Whether the packet told the group as its destination. */
  readonly destination: Outcome;
  /** Whether the packet told the interface that it was sent out of. */
  readonly interface: Outcome;
  /** What the system said about the step that failed. */
  readonly error: string | null;
}

/** An interface and the tests made on it. */
export interface InterfaceTests {
  /** Its index. */
  readonly index: number;
  /** Its name. */
  readonly name: string;
  /** The tests; none on an interface that is down. */
  readonly tests: readonly GroupTest[];
}

/**
 * How bad a finding is.
 *
 * - `"problem"`: something that was tried does not work, or certainly cannot.
 * - `"warning"`: the tests work, but packets are known to get lost in some situations.
 * - `"note"`: worth knowing; breaks nothing now.
 */
export type Level = "problem" | "warning" | "note";

/** What kinds of findings there are; docs/doctor.md explains each. */
export type FindingId =
  | "interface-down"
  | "not-running"
  | "no-multicast-flag"
  | "no-ipv4-address"
  | "family-missing"
  | "ipv6-disabled"
  | "ipv6-disabled-everywhere"
  | "mtu-too-small"
  | "link-local-missing"
  | "link-local-tentative"
  | "duplicate-address"
  | "no-multicast-route"
  | "interface-route-missing"
  | "reject-route"
  | "policy-rule"
  | "route-to-loopback"
  | "route-via-router"
  | "loopback-route-missing"
  | "loopback-route-wrong"
  | "membership-limit"
  | "source-limit"
  | "strict-reverse-path"
  | "packet-filter"
  | "port-taken"
  | "old-igmp"
  | "old-mld"
  | "bridge-without-querier"
  | "part-of-another"
  | "container"
  | "wsl"
  | "no-interface"
  | "join-refused"
  | "send-refused"
  | "not-received"
  | "wrong-destination"
  | "wrong-interface";

/** What to do about a finding. */
export interface Remedy {
  /** In words. */
  readonly text: string;
  /** As commands for an administrator's shell (Windows: PowerShell); empty where none can be given. */
  readonly commands: readonly string[];
}

/** Something worth telling. */
export interface Finding {
  /** What kind of finding it is: the same from release to release. */
  readonly id: FindingId;
  /** How bad it is. */
  readonly level: Level;
  /** The interface that it is about; `null`: the whole host. */
  readonly interface: string | null;
  /** The family that it is about; `null`: both, or none in particular. */
  readonly family: Family | null;
  /** The group that it is about; `null`: all. */
  readonly group: string | null;
  /** What it is, in one sentence. */
  readonly what: string;
  /** Why that matters, and how it is known. */
  readonly why: string;
  /** What to do; `null` where there is nothing to be done. */
  readonly remedy: Remedy | null;
}

/** Something that could not be looked at. */
export interface Unseen {
  /** What. */
  readonly what: string;
  /** Why not. */
  readonly why: string;
}

/** What was found. Plain data: `JSON.stringify` keeps all of it. */
export interface Diagnosis {
  /** Neither a problem nor a warning was found. */
  readonly healthy: boolean;
  /** The operating system, e.g. `"linux"`. */
  readonly os: string;
  /** What was found, in the order in which to mend it. */
  readonly findings: readonly Finding[];
  /** What was tried on each interface. */
  readonly interfaces: readonly InterfaceTests[];
  /** Sending without naming an interface, as many programs do. */
  readonly withoutInterface: readonly GroupTest[];
  /** What could not be looked at, and why. */
  readonly looked: readonly Unseen[];
}

/** What to look at. Everything may be left out. */
export interface DiagnoseOptions {
  /** Only these interfaces, by name or index. What they lack is a problem even where it is normal on others. */
  interfaces?: readonly (string | number)[];
  /** Groups to try beside one of each family: `"ff02::fb"`, `"224.0.0.251:5353"`, `"239.1.2.3@eth0"`. */
  groups?: readonly string[];
  /** Ports that must be open to several programs, beside those of the well-known discovery protocols. */
  ports?: readonly number[];
  /** Ends it. */
  signal?: AbortSignal;
  /** Called with what is being looked at. */
  onProgress?: (step: string) => void;
}
