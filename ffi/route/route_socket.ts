/**
 * BSD and macOS: news of the interfaces by a routing socket (route(4)).
 *
 * Its messages are taken as "something changed"; getifaddrs(3) tells what.
 *
 * @module
 */

import type { RouteEvent } from "../interface_records.ts";
import type { RouteSocketTables } from "../platform/platform.ts";
import { pollerOf, type Registration } from "../poller.ts";
import type { System } from "../syscalls.ts";
import type { RouteEvents } from "./events.ts";

/** A message with all its addresses is far smaller; of a longer one the beginning is enough. */
const BUFFER_SIZE = 2048;
/** Reads before others get their turn. */
const READS_AT_ONCE = 256;

/**
 * Whether a message says that an interface or an address came, went or changed.
 * One of a version that is not known here counts as such.
 */
export function tellsOfInterfaces({ constants, layouts }: RouteSocketTables, message: DataView) {
  const { rt_msghdr } = layouts;
  // Messages about interfaces have other, shorter structs, which begin alike.
  if (message.byteLength <= rt_msghdr.at.rtm_type) return false;
  if (message.getUint8(rt_msghdr.at.rtm_version) !== constants.RTM_VERSION) return true;
  const { RTM_NEWADDR, RTM_DELADDR, RTM_IFINFO, RTM_IFANNOUNCE } = constants;
  const type = message.getUint8(rt_msghdr.at.rtm_type);
  return [RTM_NEWADDR, RTM_DELADDR, RTM_IFINFO, RTM_IFANNOUNCE].includes(type);
}

/** OpenBSD: "route socket overflow" (route(4)); the others answer ENOBUFS. */
function tellsOfLoss({ constants, layouts }: RouteSocketTables, message: DataView): boolean {
  const { rtm_type } = layouts.rt_msghdr.at;
  return message.byteLength > rtm_type && message.getUint8(rtm_type) === constants.RTM_DESYNC;
}

/** The news, from the moment of opening. */
export class RouteSocketEvents implements RouteEvents {
  readonly #fd: number;
  readonly #buffer = new Uint8Array(BUFFER_SIZE);
  readonly #view = new DataView(this.#buffer.buffer);
  #registration: Registration | null = null;
  #closed: Promise<void> | null = null;

  constructor(readonly system: System, readonly tables: RouteSocketTables) {
    const { AF_ROUTE, SOCK_RAW } = tables.constants;
    this.#fd = system.call("socket", AF_ROUTE, SOCK_RAW, 0);
  }

  /** Reads all there is: however much changed, one new list shows it. */
  read(): RouteEvent[] | "overrun" | "changed" | null {
    let found: RouteEvent[] | "overrun" | "changed" | null = null;
    for (let reads = 0; reads < READS_AT_ONCE; reads++) {
      const length = this.system.receive(this.#fd, this.#buffer);
      if (length === this.system.wouldBlock) return found;
      if (length === this.system.noBuffers) found = "overrun";
      else if (length < 0) throw this.system.error(-length, "routing socket");
      else if (found !== "overrun") {
        const end = Math.min(length, BUFFER_SIZE);
        const message = new DataView(this.#view.buffer, 0, end);
        if (tellsOfLoss(this.tables, message)) found = "overrun";
        else found = tellsOfInterfaces(this.tables, message) ? "changed" : found ?? [];
      }
    }
    return found;
  }

  register(onReady: () => void, quiet: boolean): Registration {
    return this.#registration = pollerOf(this.system).register(this.#fd, onReady, quiet);
  }

  close(): Promise<void> {
    const close = () => this.system.close(this.#fd);
    return this.#closed ??= this.#registration
      ? this.#registration.remove(close)
      : Promise.resolve(close());
  }
}
