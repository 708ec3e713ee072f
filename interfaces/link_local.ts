/**
 * Waiting for an interface's link-local address.
 *
 * @module
 */

import { SocketAddress } from "../address/socket_address.ts";
import { SocketError } from "../ffi/errors.ts";
import type { System } from "../ffi/syscalls.ts";
import { system } from "../ffi/system.ts";
import type { InterfaceAddress, NetworkInterface } from "./list.ts";
import { checkInterface, interfaceNames } from "./names.ts";
import { checkWatchOptions, InterfaceWatcher, type WatchOptions } from "./watch.ts";

/**
 * Waits until an interface has a link-local IPv6 address (fe80::/10) that can be used.
 *
 * The address comes late: Linux makes it only when the link is running for the
 * first time (of a TAP device: when a program opens it), and for a second or two it
 * is *tentative*, while duplicates of it are looked for (RFC 4862); it cannot
 * be bound to until then. An interface that is down, has no carrier or no IPv6 is waited
 * for as long as the signal allows; the doctor tells what it lacks.
 *
 * @example Bind to it as soon as it is there
 * ```ts
 * import { interfaces, openUdpSocket, waitForLinkLocal } from "@pktinfo/pktinfo";
 *
 * const link = interfaces().find(({ up, multicast }) => up && multicast);
 * if (link) {
 *   const { address, zone } = await waitForLinkLocal(link.name, {
 *     signal: AbortSignal.timeout(5000),
 *   });
 *   await using socket = openUdpSocket({ address: `${address}%${zone}` });
 *   console.log(`${socket.localAddresses[0]}`);
 * }
 * ```
 *
 * @param name The interface's name or index.
 * @param options `signal` ends the wait.
 * @returns The address, with its zone; the port is 0.
 * @throws {TypeError} If it is no name.
 * @throws {SocketError} `ENODEV` if there is no such interface, or not any more;
 * `EADDRINUSE` if another host on the link has the address, so that it will never be usable.
 * @throws {UnsupportedError} Where the OS does not tell of changes.
 */
export async function waitForLinkLocal(
  name: string | number,
  options: WatchOptions = {},
): Promise<SocketAddress> {
  const wanted = checkInterface(name, "the interface");
  const { signal } = checkWatchOptions(options, "waitForLinkLocal");
  const here = system();
  const names = interfaceNames(here);
  // An error that needs nothing to be opened comes first.
  names.resolve(wanted);
  await using watcher = new InterfaceWatcher(here, signal);
  // Again, now that nothing can happen unheard: the index may be another interface's by now.
  names.forget();
  const { index } = names.resolve(wanted);
  for (;;) {
    const link = watcher.interfaces.find((item) => item.index === index);
    if (!link) throw gone(here, wanted);
    const found = linkLocal(here, link);
    if (found) return found;
    // Of what happens to other interfaces there may be a lot.
    for (;;) {
      const { value: change } = await watcher.next();
      if (change?.interface.index !== index) continue;
      // The index may belong to another interface already.
      if (change.type === "removed") throw gone(here, wanted);
      break;
    }
  }
}

function linkLocal(system: System, { index, name, addresses }: NetworkInterface) {
  const all = addresses.filter(({ family, scopeId }) => family === "IPv6" && scopeId !== null);
  const usable = all.find(({ tentative, duplicate }) => !tentative && !duplicate);
  if (usable) {
    return new SocketAddress({ address: usable.address, port: 0, scopeId: index, zone: name });
  }
  if (all.length > 0 && all.every(({ duplicate }) => duplicate)) throw taken(system, all[0], name);
  return null;
}

function taken(system: System, { address, scopeId }: InterfaceAddress, name: string): SocketError {
  return new SocketError({
    code: "EADDRINUSE",
    errno: system.errnoOf("EADDRINUSE"),
    syscall: "duplicate address detection",
    reason: "another host on the link has this address",
    address,
    interfaceIndex: scopeId,
    interfaceName: name,
    hint: "Give one of the two another link-local address",
  });
}

function gone(system: System, wanted: string | number): SocketError {
  const context = typeof wanted === "number"
    ? { interfaceIndex: wanted }
    : { interfaceName: wanted };
  return system.error(system.errnoOf("ENODEV"), "waitForLinkLocal", context);
}
