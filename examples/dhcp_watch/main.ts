/**
 * Tells which clients ask for an address, and on which interface: a DISCOVER comes from 0.0.0.0 and goes to everybody, so
 * nothing else tells where the client is. What servers answer to everybody is shown as well.
 *
 *     deno run --allow-ffi examples/dhcp_watch/main.ts [--json]
 *
 * As root: the ports are 67 and 68. Where a server or client of this host does not share them it says so.
 */
// deno-lint-ignore-file no-console

import process from "node:process";
import { parseArgs } from "node:util";
import { openUdpSocket } from "../../mod.ts";
import { type DhcpMessage, parseMessage } from "./message.ts";

const { values } = parseArgs({ options: { json: { type: "boolean" } } });
const leave = new AbortController();
process.once("SIGINT", () => leave.abort());

/** 67: what clients say to servers; 68: what servers answer. */
async function watch(port: number): Promise<void> {
  const socket = openUdpSocket({ port, family: "IPv4", share: true, signal: leave.signal });
  console.error(`listening on ${socket.localAddresses}`);
  for await (const { data, source, interfaceName } of socket) {
    const message = parseMessage(data);
    if (message === null) continue;
    const line = { ...message, interface: interfaceName, source: source.address };
    console.log(values.json ? JSON.stringify(line) : lineOf(line));
  }
}

function lineOf(message: DhcpMessage & { interface: string | null; source: string }): string {
  const { type, mac, hostname, vendor, given, wanted, relay } = message;
  return [
    `${type} on ${message.interface} from ${message.source}: ${mac}`,
    hostname && `is "${hostname}"`,
    vendor && `(${vendor})`,
    wanted && `wants ${wanted}`,
    given && `is given ${given}`,
    relay && `by relay ${relay}`,
  ].filter(Boolean).join(" ");
}

await Promise.all([watch(67), watch(68)]);
