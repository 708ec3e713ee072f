/**
 * Opening sockets.
 *
 * @module
 */

import type { Family } from "../address/ip.ts";
import { SocketError } from "../ffi/errors.ts";
import type { System } from "../ffi/syscalls.ts";
import { system } from "../ffi/system.ts";
import { interfaceNames } from "../interfaces/names.ts";
import { FamilySocket } from "./family_socket.ts";
import { type CheckedOptions, checkOptions, type UdpSocketOptions } from "./options.ts";
import type { UnavailableFamily } from "./types.ts";
import { UdpSocket } from "./udp_socket.ts";

/** How often a port that is free in one family but not in the other is given back for another. */
const PORT_ATTEMPTS = 1000;

/**
 * Opens a UDP socket that tells where each packet was sent and which interface it came in on.
 *
 * By default it is dual-stack: one socket a family on the same port, behind one
 * iterator. A host that has only one family gets a socket of that one, and
 * `stats.unavailable` says why; asking for a family that is not there is an error.
 *
 * Needs `--allow-ffi`; nothing is called before this function is.
 *
 * @example Listen for a discovery protocol
 * ```ts
 * import { openUdpSocket } from "@pktinfo/pktinfo";
 *
 * await using socket = openUdpSocket({
 *   port: 5353,
 *   share: true, // other programs listen for it too
 *   groups: ["224.0.0.251", "ff02::fb"],
 *   signal: AbortSignal.timeout(100),
 * });
 * for await (const packet of socket) {
 *   console.log(`${packet.source} → ${packet.destination} on ${packet.interfaceName}`);
 * }
 * ```
 *
 * @example Only one group's datagrams, from one interface
 * ```ts
 * import { openUdpSocket } from "@pktinfo/pktinfo";
 *
 * await using socket = openUdpSocket({ address: "239.1.2.3", groups: ["239.1.2.3@lo"] });
 * await socket.send("hello", `239.1.2.3:${socket.port}@lo`);
 * console.log((await socket.receive()).destination.address); // 239.1.2.3
 * ```
 *
 * @param options Everything may be left out; see {@linkcode UdpSocketOptions}.
 * @returns The open, bound socket.
 * @throws {TypeError} If an option is wrong, or options contradict.
 * @throws {RangeError} If a number is out of range.
 * @throws {SocketError} If the OS refuses: `EADDRINUSE`, `EADDRNOTAVAIL`, `EACCES`, `ENODEV` …
 * @throws {UnsupportedError} If the OS cannot do what an option asks for.
 */
export function openUdpSocket(options: UdpSocketOptions = {}): UdpSocket {
  const checked = checkOptions(options);
  checked.signal?.throwIfAborted();
  return openWith(system(), checked);
}

/** {@linkcode openUdpSocket} on a given system. */
export function openWith(system: System, options: CheckedOptions): UdpSocket {
  const names = interfaceNames(system);
  const only = options.interface === null ? null : names.resolve(options.interface);
  const open = (family: Family, port: number) =>
    FamilySocket.open(system, names, family, options, port, only);

  const { halves, unavailable } = openHalves(
    options,
    open,
    system.platform.quirks.takenPortAnswers,
  );
  try {
    return new UdpSocket(system, names, options, only, halves, unavailable);
  } catch (error) {
    for (const half of halves) half.close();
    throw error;
  }
}

interface Halves {
  halves: FamilySocket[];
  unavailable: UnavailableFamily[];
}

function openHalves(
  options: CheckedOptions,
  open: (family: Family, port: number) => FamilySocket,
  takenPort: readonly string[],
): Halves {
  if (options.familyFixed) {
    return { halves: [open(options.families[0], options.port)], unavailable: [] };
  }
  for (let attempt = 1;; attempt++) {
    const halves: FamilySocket[] = [];
    const unavailable: UnavailableFamily[] = [];
    try {
      for (const family of options.families) {
        try {
          halves.push(open(family, halves[0]?.port ?? options.port));
        } catch (error) {
          if (!saysFamilyMissing(error)) throw error;
          unavailable.push({ family, error });
        }
      }
      if (halves.length === 0) throw unavailable[0].error;
      return { halves, unavailable };
    } catch (error) {
      const again = options.port === 0 && halves.length > 0 && attempt < PORT_ATTEMPTS &&
        error instanceof SocketError && takenPort.includes(error.code);
      for (const half of halves) half.close();
      if (!again) throw error;
    }
  }
}

/** No such family at all, or not even its wildcard address. */
function saysFamilyMissing(error: unknown): error is SocketError {
  return error instanceof SocketError &&
    (error.code === "EAFNOSUPPORT" || error.code === "EPROTONOSUPPORT" ||
      (error.syscall === "bind" && error.code === "EADDRNOTAVAIL"));
}
