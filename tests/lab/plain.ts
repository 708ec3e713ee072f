/** What plain system calls do with a group, made by a program that shares no code with the library (tests/programs/plain.py). */
import { fileURLToPath } from "node:url";
import { python3 } from "../harness.ts";
import type { Host } from "./lab.ts";

export interface Plain {
  /** Joined before the send: `"GROUP"` (by interface index 0) or `"GROUP@INTERFACE"`. */
  join?: string;
  to: string;
  /** Default: the socket's own, so that it hears itself. */
  port?: number;
  data?: string;
  /** IPV6_V6ONLY; off unless asked for. */
  onlyIpv6?: boolean;
  /** IPV6_MULTICAST_IF. */
  multicastInterface?: string;
  /** IPV6_MULTICAST_HOPS. */
  multicastHops?: number;
  /** sin6_scope_id, by the interface's name. */
  scope?: string;
  /** IPV6_PKTINFO with the datagram: `"INTERFACE"` or `"INTERFACE@SOURCE"`. */
  packetInfo?: string;
  /** Seconds to wait for the datagram. Default: not at all. */
  wait?: number;
}

/** `join` and `send` are null or the name of an error; `received` is who sent what came, null when nothing did. */
export interface PlainResult {
  join: string | null;
  send: string | null;
  received: string | null;
}

/** Opens an IPv6 socket, joins, sends, waits. */
export async function plain(host: Host, options: Plain): Promise<PlainResult> {
  const python = python3();
  if (python === null) throw new Error('no python3 here: declare the test with needs: ["python3"]');
  const file = fileURLToPath(new URL("../programs/plain.py", import.meta.url));
  const args = Object.entries(options).flatMap(([name, value]) => {
    const flag = "--" + name.replaceAll(/[A-Z]/g, (letter) => "-" + letter.toLowerCase());
    if (value === undefined || value === false) return [];
    return value === true ? [flag] : [`${flag}=${value}`];
  });
  return JSON.parse(await host.run(python, ["-B", "-s", "-E", file, ...args]));
}
