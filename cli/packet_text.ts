/**
 * A packet as lines of text.
 *
 * @module
 */

import { printable } from "../doctor/printable.ts";
import type { SocketAddress } from "../address/socket_address.ts";
import type { Packet } from "../socket/packet.ts";
import { counted, widthOf } from "./text.ts";

/** How to show it. */
export type Format = "text" | "hex" | "json";

/** What of a packet is shown. */
export type Shown = Pick<
  Packet,
  | "data"
  | "source"
  | "destination"
  | "interfaceIndex"
  | "interfaceName"
  | "cast"
  | "hops"
  | "trafficClass"
  | "timestamp"
  | "truncated"
>;

/**
 * The lines of a packet, each with its line feed.
 *
 * @param columns How wide the terminal is: what is about the packet, not in it, is broken into lines that fit.
 */
export function formatPacket(packet: Shown, format: Format, columns = Infinity): string {
  if (format === "json") return `${JSON.stringify(toJson(packet))}\n`;
  const data = format === "hex" ? hexLines(packet.data) : textLines(packet.data);
  return [...headLines(packet, columns), ...data].map((line) => `${line}\n`).join("");
}

/** `12:30:00.123 eth0  10.1.0.100:5353 → 224.0.0.251:5353  47 bytes, 255 hops` */
function headLines(packet: Shown, columns: number): string[] {
  const { source, destination, interfaceName, interfaceIndex, data, hops, cast } = packet;
  const on = interfaceName ?? (interfaceIndex === null ? "?" : String(interfaceIndex));
  const words = [counted(data.length, "byte")];
  if (hops !== null) words.push(counted(hops, "hop"));
  if (cast === "broadcast") words.push(cast);
  if (packet.truncated) words.push("truncated");
  // The zone of a link-local address is the interface, which is there already.
  const at = (address: SocketAddress) => printable(String(address).replace(`%${on}]`, "]"));
  const lines = [`${clock(packet)} ${printable(on)}  ${at(source)}`];
  for (const part of [` → ${at(destination)}`, `  ${words.join(", ")}`]) {
    const last = lines.length - 1;
    if (widthOf(lines[last]) + widthOf(part) < columns) lines[last] += part;
    else lines.push(`${" ".repeat(CLOCK_COLUMNS)}${part.trimStart()}`);
  }
  return lines;
}

const CLOCK_COLUMNS = 13;

function dateOf({ timestamp }: Shown): Date {
  return timestamp === null ? new Date() : new Date(Number(timestamp / 1_000_000n));
}

function clock(packet: Shown): string {
  const date = dateOf(packet);
  const two = (number: number) => String(number).padStart(2, "0");
  const time = [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(":");
  return `${time}.${String(date.getMilliseconds()).padStart(3, "0")}`;
}

function textLines(data: Uint8Array): string[] {
  if (data.length === 0) return [];
  const text = new TextDecoder().decode(data).replace(/\r?\n$/, "");
  // A packet must not control the terminal.
  return text.split(/\r?\n/).map((line) => `  ${printable(line)}`);
}

/** `  0000  68 65 6c 6c 6f                                    hello`, 16 bytes a line: 76 columns. */
function hexLines(data: Uint8Array): string[] {
  const lines: string[] = [];
  for (let at = 0; at < data.length; at += 16) {
    const part = data.subarray(at, at + 16);
    const digits = Array.from(part, hexByte);
    const left = digits.slice(0, 8).join(" ").padEnd(23);
    const right = digits.slice(8).join(" ").padEnd(23);
    const characters = Array.from(
      part,
      (byte) => byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : ".",
    ).join("");
    lines.push(`  ${at.toString(16).padStart(4, "0")}  ${left}  ${right}  ${characters}`);
  }
  return lines;
}

function hexByte(byte: number): string {
  return byte.toString(16).padStart(2, "0");
}

/** What `--json` prints: what the system did not say is null. */
function toJson(packet: Shown): Record<string, unknown> {
  const { source, destination, interfaceName, interfaceIndex, data } = packet;
  return {
    time: dateOf(packet).toISOString(),
    source: String(source),
    destination: String(destination),
    interface: interfaceName,
    interfaceIndex,
    cast: packet.cast,
    hops: packet.hops,
    trafficClass: packet.trafficClass,
    truncated: packet.truncated,
    length: data.length,
    data: Array.from(data, hexByte).join(""),
    text: utf8(data),
  };
}

/** The data as text, or null where it is none. */
function utf8(data: Uint8Array): string | null {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(data);
  } catch {
    return null;
  }
}
