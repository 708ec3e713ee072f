/**
 * Names to addresses.
 *
 * @module
 */

import dns from "node:dns";
import { isIP } from "node:net";
import process from "node:process";
import { invalidType } from "./errors.ts";
import type { Lookup, LookupCallback, SocketType } from "./types.ts";

/** Looks up a name in the socket's family; nothing stands for this host. */
export type FamilyLookup = (hostname: string | undefined, callback: LookupCallback) => void;

/** Checks the `lookup` option and ties it to the socket's family. */
export function familyLookup(type: SocketType, lookup: Lookup | undefined): FamilyLookup {
  if (lookup !== undefined && typeof lookup !== "function") {
    throw invalidType("lookup", "of type function", lookup);
  }
  const family = type === "udp4" ? 4 : 6;
  const here = type === "udp4" ? "127.0.0.1" : "::1";
  const look = lookup ?? lookUp;
  return (hostname, callback) => look(hostname || here, family, callback);
}

/** A literal is its own address; it too is told later, so that the order of events is always the same. */
function lookUp(hostname: string, family: 4 | 6, callback: LookupCallback): void {
  if (isIP(hostname) === family) process.nextTick(callback, null, hostname, family);
  else dns.lookup(hostname, family, callback);
}
