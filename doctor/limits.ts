/**
 * How far the system lets us go, and which ports can be shared.
 *
 * @module
 */

import type { Family } from "../address/ip.ts";
import { SocketError } from "../ffi/errors.ts";
import { openUdpSocket } from "../socket/open.ts";
import type { UdpSocket } from "../socket/udp_socket.ts";
import type { LimitProbe } from "./facts.ts";

/** What an unchanged Linux allows (igmp_max_memberships, igmp_max_msf): few programs ask for more. */
const MEMBERSHIPS = 20;
const SOURCES = 10;

/** What joining says where a limit is reached. */
export const LIMIT: ReadonlySet<string> = new Set(["ENOBUFS", "ENOMEM", "ETOOMANYREFS"]);

/** RFC 2365: for local use. On loopback nobody hears of it. */
const GROUP = (number: number) => `239.255.255.${number}`;
/** RFC 5771: source-specific groups are another range, but any group can be joined for senders. */
const SENDER = (number: number) => `192.0.2.${number}`;

/** How many groups a socket can join, up to what is usual. */
export function tryMemberships(loopback: number | null): Promise<LimitProbe> {
  return count(
    loopback,
    MEMBERSHIPS,
    (socket, number) => socket.join(GROUP(number), { interface: loopback! }),
  );
}

/** How many senders of a group a socket can choose, up to what is usual. */
export function trySources(loopback: number | null): Promise<LimitProbe> {
  return count(
    loopback,
    SOURCES,
    (socket, number) => socket.join(GROUP(1), { interface: loopback!, source: SENDER(number) }),
  );
}

async function count(
  loopback: number | null,
  wanted: number,
  join: (socket: UdpSocket, number: number) => unknown,
): Promise<LimitProbe> {
  if (loopback === null) return { wanted, had: null };
  let had = 0;
  try {
    await using socket = openUdpSocket({ family: "IPv4" });
    for (let number = 1; number <= wanted; number++) {
      join(socket, number);
      had++;
    }
  } catch (error) {
    if (!(error instanceof SocketError)) throw error;
    // Anything but a limit says nothing about limits.
    if (!LIMIT.has(error.code)) return { wanted, had: null };
  }
  return { wanted, had };
}

/** Whether somebody holds a port who does not share it. */
export async function isTaken(port: number, family: Family): Promise<boolean> {
  try {
    await openUdpSocket({ family, port, share: true }).close();
    return false;
  } catch (error) {
    if (!(error instanceof SocketError)) throw error;
    return error.code === "EADDRINUSE";
  }
}
