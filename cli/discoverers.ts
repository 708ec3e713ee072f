/**
 * The discovery clients of the examples, each loaded only when it is asked for: what the others need is not then.
 *
 * @module
 */

import type { Found } from "../examples/found.ts";

export type { Found };

/** How to look. */
export interface DiscoverOptions {
  /** Their names; `undefined`: all. */
  interfaces: readonly string[] | undefined;
  signal: AbortSignal;
  onError: (error: Error) => void;
}

/** Loads a client and starts it. */
export type Discoverer = (
  options: DiscoverOptions,
  environment: (name: string) => string | null,
) => Promise<AsyncGenerator<Found>>;

/** A client for each protocol that there is one for. */
export type Discoverers = Readonly<Partial<Record<Found["protocol"], Discoverer>>>;

/** Those of the examples. */
export const discoverers: Discoverers = {
  async mdns(options) {
    return (await import("../examples/mdns/discover.ts")).discover(options);
  },
  async ssdp(options) {
    return (await import("../examples/ssdp/discover.ts")).discover(options);
  },
  async wsd(options) {
    return (await import("../examples/wsd/discover.ts")).discover(options);
  },
  async pva(options, environment) {
    const { discover } = await import("../examples/pva/discover.ts");
    const read = (name: string) => environment(name) ?? undefined;
    return discover({
      ...options,
      environment: {
        EPICS_PVA_ADDR_LIST: read("EPICS_PVA_ADDR_LIST"),
        EPICS_PVA_AUTO_ADDR_LIST: read("EPICS_PVA_AUTO_ADDR_LIST"),
        EPICS_PVA_BROADCAST_PORT: read("EPICS_PVA_BROADCAST_PORT"),
      },
    });
  },
};
