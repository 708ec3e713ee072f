/** What the programs that run real clients share. They say what they see as lines of JSON. */
import nodeDgram from "node:dgram";
import { createRequire } from "node:module";
import process from "node:process";
import ours from "../../../dgram/mod.ts";
import { aliasDgram } from "../alias.ts";

const isOurs = process.env.PKTINFO_DGRAM !== "node";
if (isOurs) aliasDgram();

/** The real packages, as they were published. */
export const packages: NodeJS.Require = createRequire(`${process.env.PKTINFO_CLIENTS}/`);

/** Ours, or Node's for comparison. */
export const dgram: typeof ours = isOurs ? ours : nodeDgram as never;

/** What the test asks for. */
export const wish = JSON.parse(process.argv[2] ?? "{}");

/** Tells the test. */
export function say(event: string, facts: object = {}): void {
  process.stdout.write(JSON.stringify({ event, ...facts }) + "\n");
}

/** What is told about a packet; the last two only by ours. */
export function about({ address, destination, interfaceName }: RemoteInfo): object {
  return { from: address, to: destination, on: interfaceName };
}

interface RemoteInfo {
  address: string;
  destination?: string;
  interfaceName?: string;
}
