/**
 * What can only be seen with more permission than calling C: packet filters, the
 * programs that hold ports, containers. Nothing is asked for; what is not granted is left out.
 *
 * @module
 */

import type { System } from "../ffi/syscalls.ts";
import type { FilterPlace, Holder } from "./causes.ts";
import { LinuxSurroundings } from "./surroundings_linux.ts";
import type { Unseen } from "./types.ts";

/** What an operating system's file offers. */
export interface Surroundings {
  /** Where a packet filter may drop groups; `null`: it could not be looked at. */
  filter(): Promise<readonly FilterPlace[] | null>;
  /** The programs that hold a port, as far as can be seen. */
  holders(port: number): readonly Holder[];
  /** The versions of IGMP and MLD that all interfaces are forced to speak; 0: any, `null`: not known. */
  forced(): { igmp: number | null; mld: number | null };
  /** The container that this is; `null`: none, or not known. */
  container(): string | null;
  /** Whether this is the Windows Subsystem for Linux. */
  wsl(): boolean;
  /** What could not be looked at so far. */
  readonly unseen: readonly Unseen[];
}

const KNOWN: Readonly<Record<string, new (system: System) => Surroundings>> = {
  android: LinuxSurroundings,
  linux: LinuxSurroundings,
};

/** This system's surroundings. */
export function surroundings(system: System): Surroundings {
  const Known = KNOWN[system.platform.os];
  return Known ? new Known(system) : {
    filter: () => Promise.resolve(null),
    holders: () => [],
    forced: () => ({ igmp: null, mld: null }),
    container: () => null,
    wsl: () => false,
    unseen: [{
      what: "packet filters and the programs that hold ports",
      why: `not known yet for ${system.platform.displayName}`,
    }],
  };
}
