/**
 * A packet as lines of text.
 *
 * @module
 */

import { printable } from "../doctor/printable.ts";
import type { Packet } from "../socket/packet.ts";
import { counted } from "./text.ts";

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

/** The lines of a packet, each with its line feed. */
export function formatPacket(packet: Shown, format: Format): string {
  if (format === "json") return `${JSON.stringify(toJson(packet))}\n`;
  const data = format === "hex" ? hexLines(packet.data) : textLines(packet.data);
  return [headLine(packet), ...data].map((line) => `${line}\n`).join("");
}

/** `12:30:00.123 eth0  10.1.0.100:5353 → 224.0.0.251:5353  47 bytes, 255 hops` */
function headLine(packet: Shown): string {
  const { source, destination, interfaceName, interfaceIndex, data, hops, cast } = packet;
  const on = printable(interfaceName ?? (interfaceIndex === null ? "?" : String(interfaceIndex)));
  const words = [counted(data.length, "byte")];
  if (hops !== null) words.push(counted(hops, "hop"));
  if (cast === "broadcast") words.push(cast);
  if (packet.truncated) words.push("truncated");
  const from = printable(String(source));
  const to = printable(String(destination));
  return `${clock(packet)} ${on}  ${from} → ${to}  ${words.join(", ")}`;
}

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
