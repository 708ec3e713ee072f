/** PV Access servers for the command line's table of everything on the link. */

import { interfaces as listInterfaces } from "../../mod.ts";
import type { Found } from "../found.ts";
import { type PvaEnvironment, searchTargets } from "./addresses.ts";
import { servers } from "./servers.ts";

/** How to look. */
export interface DiscoverOptions {
  /** Names of the interfaces to look on. Default: all. */
  interfaces?: readonly string[];
  /** Ends it. */
  signal?: AbortSignal;
  /** Hears what ends nothing. */
  onError?: (error: Error) => void;
  /** `EPICS_PVA_ADDR_LIST` and its companions. Default: none of them is set. */
  environment?: PvaEnvironment;
}

/** Tells servers as they come and go, until the signal is aborted. */
export async function* discover(options: DiscoverOptions): AsyncGenerator<Found> {
  const { interfaces, signal, onError, environment = {} } = options;
  const look = () => searchTargets(environment, listInterfaces(), interfaces);
  const { port, errors } = look();
  for (const error of errors) onError?.(error);
  const targets = () => look().targets;
  for await (const { type, server } of servers({ targets, port, interfaces, signal, onError })) {
    const { guid, address, protocol, source, version, byteOrder } = server;
    yield {
      protocol: "pva",
      // Servers have no other name.
      name: guid,
      kind: "PV server",
      address,
      interface: server.interface,
      ...(type === "gone" ? { gone: true } : {}),
      details: { protocol, source, version: String(version), byteOrder },
    };
  }
}
