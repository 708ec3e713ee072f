/**
 * Finds services by multicast DNS (RFC 6762, RFC 6763), each on the interface on which it is.
 */
import { isLinkLocal, parseIp, SocketAddress } from "../../mod.ts";
import type { Found } from "../found.ts";
import { MdnsClient } from "./client.ts";
import type { MdnsOptions } from "./link.ts";
import { Directory, type Service, type ServiceChange } from "./services.ts";

/** What to look for; without any of it all services of all types. */
export interface Wanted {
  /** "_http._tcp" … */
  types?: readonly string[];
  /** "Dr. Ink._ipp._tcp.local" … */
  names?: readonly string[];
}

/** Finds services, and tells what becomes of them, until the signal is aborted. */
export async function* browse(
  { types = [], names = [] }: Wanted,
  options: MdnsOptions = {},
): AsyncGenerator<ServiceChange, void, undefined> {
  await using client = new MdnsClient(options);
  const directory = new Directory(client);
  for (const type of types) directory.browse(type);
  for (const name of names) directory.resolve(name);
  if (types.length + names.length === 0) directory.browseAll();
  for await (const change of client.changes()) yield* directory.apply(change);
}

/** All services of all types, for a table. */
export async function* discover(options: MdnsOptions = {}): AsyncGenerator<Found, void, undefined> {
  for await (const { type, service } of browse({}, options)) {
    const found = toFound(service);
    yield type === "lost" ? { ...found, gone: true } : found;
  }
}

/** A service as a row of a table. */
export function toFound(service: Service): Found {
  const { name, type, host, link, addresses, txt } = service;
  return {
    protocol: "mdns",
    name,
    kind: type,
    address: endpointOf(service),
    interface: link.name,
    details: { ...txt, host, addresses: addresses.join(" ") },
  };
}

/** Where it is best reached: by IPv4 if it has that, by a link-local address only if it has no other. */
export function endpointOf({ addresses, port, link }: Service): string {
  const rank = (address: string) => {
    const ip = parseIp(address);
    return ip.family === "IPv4" ? 0 : isLinkLocal(ip) ? 2 : 1;
  };
  const [best] = [...addresses].sort((a, b) => rank(a) - rank(b));
  const endpoint = { address: best, port, zone: rank(best) === 2 ? link.name : undefined };
  return new SocketAddress(endpoint).toString();
}
