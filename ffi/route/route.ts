/**
 * What the kernel knows of the interfaces: a list of them, and news of them.
 *
 * @module
 */

import { unlessRefused, UnsupportedError } from "../errors.ts";
import { readInterfaceList, toRecords } from "../ifaddrs.ts";
import type { HostRecords } from "../interface_records.ts";
import type { System } from "../syscalls.ts";
import type { RouteEvents } from "./events.ts";
import { AdapterEvents, adapterRecords } from "./ip_helper.ts";
import { NetlinkEvents, netlinkRecords } from "./netlink_source.ts";
import { RouteSocketEvents } from "./route_socket.ts";

export type { RouteEvents };

/** Lists interfaces and addresses. */
export function listRecords(system: System): HostRecords {
  const { netlink, winsock } = system.platform;
  if (winsock) return adapterRecords(system, winsock);
  // Sandboxes may refuse what we ask: getifaddrs(3) tells less, but something.
  const records = netlink && unlessRefused(() => netlinkRecords(system, netlink), () => null);
  if (records) return records;
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
