/** CoAP's messages (RFC 7252, section 3) and link format (RFC 6690). No I/O. */
import { printable } from "../shared/text.ts";

/** The port of CoAP. */
export const PORT = 5683;

/** "All CoAP nodes": IPv4; IPv6 on the link and in the site (RFC 7252, section 12.8). */
export const GROUPS = ["224.0.1.187", "ff02::fd", "ff05::fd"] as const;

const NON_CONFIRMABLE = 1;
const GET = 0x01;
const URI_PATH = 11;
/** 2.05 */
export const CONTENT = 0x45;

export interface CoapMessage {
  /** Class and detail as in the packet: 0x45 is 2.05. */
  code: number;
  id: number;
  token: string;
  payload: Uint8Array;
}

const hex = (bytes: Uint8Array) =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

/** A GET of a path, to a group: such requests are never confirmed (section 8.1). */
export function formatGet(path: readonly string[], id: number, token: Uint8Array): Uint8Array {
  const bytes = [0x40 | NON_CONFIRMABLE << 4 | token.length, GET, id >> 8, id & 0xff, ...token];
  let previous = 0;
  for (const segment of path) {
    const text = new TextEncoder().encode(segment);
    if (text.length > 12) throw new RangeError(`a segment of up to 12 bytes, got "${segment}"`);
    bytes.push((URI_PATH - previous) << 4 | text.length, ...text);
    previous = URI_PATH;
  }
  return Uint8Array.from(bytes);
}

/** Reads a message; `null` if it is none. */
export function parseMessage(data: Uint8Array): CoapMessage | null {
  const tokenLength = data[0] & 0x0f;
  if (data.length < 4 + tokenLength || data[0] >> 6 !== 1 || tokenLength > 8) return null;
  const token = hex(data.subarray(4, 4 + tokenLength));
  let at = 4 + tokenLength;
  // The options are passed over, to where the payload begins.
  while (at < data.length && data[at] !== 0xff) {
    const [delta, length] = [data[at] >> 4, data[at] & 0x0f];
    // 13 and 14 stand for one and two bytes more, 15 is reserved.
    if (delta === 15 || length === 15) return null;
    at += 1 + extended(delta);
    if (at + extended(length) > data.length) return null;
    const value = length < 13
      ? length
      : length === 13
      ? 13 + data[at]
      : 269 + (data[at] << 8 | data[at + 1]);
    at += extended(length) + value;
    if (at > data.length) return null;
  }
  // A marker with nothing behind it is an error (section 3).
  if (at === data.length - 1) return null;
  return { code: data[1], id: data[2] << 8 | data[3], token, payload: data.subarray(at + 1) };
}

const extended = (nibble: number) => Math.max(0, nibble - 12);

/** A resource that a server has. */
export interface Link {
  path: string;
  /** `rt="temperature"`, `ct=40` … */
  attributes: Record<string, string>;
}

const MAX_LINKS = 256;
const MAX_ATTRIBUTES = 32;
const LINK = /\s*<([^>]*)>((?:\s*;\s*[^=;,"<>\s]+(?:=(?:"[^"]*"|[^;,"\s]*))?)*)\s*(?:,|$)/y;
const ATTRIBUTE = /;\s*([^=;,"<>\s]+)(?:=(?:"([^"]*)"|([^;,"\s]*)))?/g;

/** Reads what /.well-known/core says, up to where it is none. */
export function parseLinks(payload: Uint8Array): Link[] {
  const text = new TextDecoder().decode(payload);
  const links: Link[] = [];
  LINK.lastIndex = 0;
  while (links.length < MAX_LINKS && LINK.lastIndex < text.length) {
    const match = LINK.exec(text);
    if (match === null) break;
    const attributes: Record<string, string> = Object.create(null);
    let count = 0;
    for (const [, name, quoted, plain] of match[2].matchAll(ATTRIBUTE)) {
      if (count++ < MAX_ATTRIBUTES) attributes[printable(name)] = printable(quoted ?? plain ?? "");
    }
    links.push({ path: printable(match[1]), attributes });
  }
  return links;
}
