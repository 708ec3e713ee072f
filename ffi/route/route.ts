/**
 * What the kernel knows of the interfaces: a list of them, and news of them.
 *
 * @module
 */

import { SocketError, UnsupportedError } from "../errors.ts";
import { readInterfaceList, toRecords } from "../ifaddrs.ts";
import type { HostRecords, RouteEvent } from "../interface_records.ts";
import type { Registration } from "../poller.ts";
import type { System } from "../syscalls.ts";
import { AdapterEvents, adapterRecords } from "./ip_helper.ts";
import { NetlinkEvents, netlinkRecords } from "./netlink_source.ts";
import { RouteSocketEvents } from "./route_socket.ts";

/** The kernel's news of the interfaces, from the moment of opening. The kernel keeps them until they are read. */
export interface RouteEvents {
  /**
   * What has come, without waiting.
   *
   * @returns Events in their order, perhaps none of interest; `"changed"` where the OS says
   * no more than that, and `"overrun"` if some were lost: a new list is needed; `null` when
   * there is nothing.
   * @throws {SocketError} If the OS refuses.
   */
  read(): RouteEvent[] | "changed" | "overrun" | null;
  /**
   * Asks to be told when there is something to read.
   *
   * @param onReady Called once for each arming of the registration.
   * @param quiet Whether this is no reason of its own to wait: see {@linkcode Registration}.
   */
  register(onReady: () => void, quiet: boolean): Registration;
  /** Closes it, once it has left the poller. */
  close(): Promise<void>;
}

/** Lists interfaces and addresses. */
export function listRecords(system: System): HostRecords {
  const { netlink, winsock } = system.platform;
  if (winsock) return adapterRecords(system, winsock);
  if (netlink) {
    try {
      return netlinkRecords(system, netlink);
    } catch (error) {
      // Sandboxes may refuse what we ask: getifaddrs(3) tells less, but something.
      if (!(error instanceof SocketError)) throw error;
    }
  }
  const entries = system.withInterfaceAddresses((first) =>
    readInterfaceList(system.platform, system.runtime, first)
  );
  return toRecords(entries, (name) => system.interfaceIndex(name));
}

/**
 * Begins to listen to the kernel's news of the interfaces.
 *
 * @throws {UnsupportedError} Where there is no way to.
 * @throws {SocketError} If the OS refuses.
 */
export function openRouteEvents(system: System): RouteEvents {
  const { netlink, routeSocket, winsock, displayName } = system.platform;
  if (netlink) return new NetlinkEvents(system, netlink);
  if (routeSocket) return new RouteSocketEvents(system, routeSocket);
  if (winsock) return new AdapterEvents(system);
  throw new UnsupportedError("watching interfaces", displayName);
}
