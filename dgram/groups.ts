/**
 * The groups of a socket, each joined and left the way Node words it.
 *
 * @module
 */

import { isMulticast } from "../address/classify.ts";
import { type Family, parseIp, tryParseIp } from "../address/ip.ts";
import type { Membership } from "../socket/membership.ts";
import { openUdpSocket } from "../socket/open.ts";
import type { UdpSocket } from "../socket/udp_socket.ts";
import { Refusal } from "./refusal.ts";

/** Any port: nothing is sent to it. */
const DISCARD = 9;

/** The memberships of one socket. */
export class Groups {
  readonly #memberships = new Map<string, Membership>();

  constructor(
    /** Of a socket that is both it is IPv6. */
    readonly family: Family,
    readonly both: boolean,
    /** Whether no interface means all of them. */
    readonly everywhere: boolean,
  ) {}

  /**
   * Joins.
   *
   * @param place Node's `multicastInterface`, or an interface's name.
   * @throws {Refusal} As Node's system calls do.
   */
  join(socket: UdpSocket, group: string, place: string | undefined, source?: string): void {
    const family = this.#check(group);
    if (!isMulticast(parseIp(group))) throw new Refusal("EINVAL");
    const named = interfaceOf(place, family);
    const key = keyOf(group, named, source);
    if (this.#memberships.has(key)) throw new Refusal(source ? "EADDRNOTAVAIL" : "EADDRINUSE");
    const id = named ?? (this.everywhere ? undefined : routed(group, family));
    this.#memberships.set(key, socket.join(group, { interface: id, source }));
  }

  /**
   * Leaves.
   *
   * @throws {Refusal} `EADDRNOTAVAIL` if the group was not joined in that way; `EINVAL` if it was for no sender at all,
   * and one is named.
   */
  leave(group: string, place: string | undefined, source?: string): void {
    const family = this.#check(group);
    const named = interfaceOf(place, family);
    const key = keyOf(group, named, source);
    const membership = this.#memberships.get(key);
    if (!membership) {
      const senders = [...this.#memberships.keys()].some((key) =>
        key.startsWith(keyOf(group, named))
      );
      throw new Refusal(source && !senders ? "EINVAL" : "EADDRNOTAVAIL");
    }
    this.#memberships.delete(key);
    membership.leave();
  }

  #check(group: string): Family {
    const ip = tryParseIp(group);
    if (!ip) throw new Refusal("EINVAL");
    if (ip.family !== this.family && !this.both) throw new Refusal("ENOPROTOOPT");
    return ip.family;
  }
}

function keyOf(group: string, place: string | undefined, source = ""): string {
  return `${group} ${place ?? ""} ${source}`;
}

/**
 * The interface that Node's argument means; `undefined`: none was named.
 *
 * IPv4 is a local address, IPv6 an address with a zone (`"::%eth0"`); a name will do for both.
 */
export function interfaceOf(place: unknown, family: Family): string | undefined {
  if (place === undefined || place === null || place === "") return undefined;
  const text = String(place);
  const ip = tryParseIp(text);
  if (ip?.zone) return ip.zone;
  if (ip) {
    if (ip.family !== family) throw new Refusal("EINVAL");
    return (ip.w0 | ip.w1 | ip.w2 | ip.w3) === 0 ? undefined : text;
  }
  // Meant as an address, and none.
  if (text.includes(":") || /^[\d.]+$/.test(text) || text.includes("%")) {
    throw new Refusal("EINVAL");
  }
  return text;
}

/** The interface that the OS would choose for a group: the one that owns the address it would send from. */
function routed(group: string, family: Family): string | number {
  const socket = openUdpSocket({ family });
  try {
    socket.connect({ address: group, port: DISCARD });
    const [{ address, scopeId }] = socket.localAddresses;
    return scopeId ?? address;
  } catch (error) {
    throw new Refusal("ENODEV", error);
  } finally {
    void socket.close();
  }
}
