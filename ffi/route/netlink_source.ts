/**
 * Linux: interfaces and news of them by rtnetlink(7).
 *
 * @module
 */

import type { HostRecords, RouteEvent } from "../interface_records.ts";
import type { NetlinkTables } from "../platform/platform.ts";
import { pollerOf, type Registration } from "../poller.ts";
import type { System } from "../syscalls.ts";
import { RouteCodec } from "./netlink.ts";
import { NetlinkSocket } from "./netlink_socket.ts";
import type { RouteEvents } from "./events.ts";

/** Lists interfaces and addresses. */
export function netlinkRecords(system: System, tables: NetlinkTables): HostRecords {
  const { constants: c, layouts } = tables;
  const codec = new RouteCodec(system.platform, tables);
  const socket = new NetlinkSocket(system);
  try {
    const skipStatistics = [c.IFLA_EXT_MASK, c.RTEXT_FILTER_SKIP_STATS] as const;
    const header = new Uint8Array(layouts.ifinfomsg.size);
    const links = socket.dump(c.RTM_GETLINK, header, [skipStatistics]);
    const addresses = socket.dump(c.RTM_GETADDR, new Uint8Array(layouts.ifaddrmsg.size));
    return {
      links: links.flatMap(({ body }) => codec.link(body) ?? []),
      addresses: addresses.flatMap(({ body }) => codec.address(body) ?? []),
    };
  } finally {
    socket.close();
  }
}

/** Reads of what is older than a new list before others get their turn. */
const DRAINED_AT_ONCE = 256;
/** The kernel says once that something was lost; saying so all the time, it has nothing else to say. */
const OVERRUNS_IN_A_ROW = 16;

/** The news, from the moment of opening. */
export class NetlinkEvents implements RouteEvents {
  /** Events were lost, and what is left in the queue is of no use. */
  #lost = false;
  readonly #socket: NetlinkSocket;
  readonly #codec: RouteCodec;
  #registration: Registration | null = null;
  #closed: Promise<void> | null = null;

  constructor(readonly system: System, tables: NetlinkTables) {
    const { RTMGRP_LINK, RTMGRP_IPV4_IFADDR, RTMGRP_IPV6_IFADDR } = tables.constants;
    this.#codec = new RouteCodec(system.platform, tables);
    this.#socket = new NetlinkSocket(
      system,
      RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR,
    );
  }

  read(): RouteEvent[] | "overrun" | null {
    for (let reads = 0, overruns = 0; reads < DRAINED_AT_ONCE; reads++) {
      const messages = this.#socket.receive();
      if (typeof messages !== "number") {
        overruns = 0;
        if (this.#lost) continue;
        return messages.flatMap((message) => this.#codec.event(message) ?? []);
      }
      if (messages === this.system.wouldBlock) {
        if (!this.#lost) return null;
        // Only now: what was lost may be newer than all that was left.
        this.#lost = false;
        return "overrun";
      }
      if (messages !== this.system.noBuffers || ++overruns > OVERRUNS_IN_A_ROW) {
        throw this.system.error(-messages, "netlink events");
      }
      this.#lost = true;
    }
    return [];
  }

  register(onReady: () => void, quiet: boolean): Registration {
    return this.#registration = pollerOf(this.system).register(this.#socket.fd, onReady, quiet);
  }

  close(): Promise<void> {
    return this.#closed ??= this.#registration
      ? this.#registration.remove(() => this.#socket.close())
      : Promise.resolve(this.#socket.close());
  }
}
