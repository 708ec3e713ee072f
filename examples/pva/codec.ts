/**
 * The UDP messages of PV Access: search, its answer, beacon, and the tag of a forwarded search. Pure.
 *
 * Every message says in its header which byte order the rest of it has, so a client may be asked in one and
 * answer in the other: both are read, and both can be written.
 *
 * See https://docs.epics-controls.org/en/latest/pv-access/Protocol-Messages.html
 */

import { Reader, Writer } from "./wire.ts";

/** Where searches and beacons are sent, unless `EPICS_PVA_BROADCAST_PORT` says otherwise. */
export const PVA_PORT = 5076;
/** On loopback only: what reaches all PV Access programs of this host. */
export const LOCAL_GROUP = "224.0.0.128";
/** The group that PVXS uses in its examples for IPv6, which has no broadcast. */
export const IPV6_GROUP = "ff02::42:1";

/** A name that is searched for, and the number by which an answer refers to it. */
export interface SoughtName {
  id: number;
  name: string;
}

/** "Who has these?" */
export interface Search {
  type: "search";
  sequence: number;
  /** Answer also when none of the names is known; without names it means "who is there?". */
  replyRequired: boolean;
  /** Sent to one host, which has to forward it to all PV Access programs there. */
  unicast: boolean;
  /** Where to answer to; null: to the sender's address. */
  address: string | null;
  port: number;
  /** How the asker can connect: `["tcp"]`. */
  protocols: string[];
  names: SoughtName[];
}

/** "I have these." */
export interface SearchResponse {
  type: "searchResponse";
  /** 12 bytes in hexadecimal: another one after each start of the server. */
  guid: string;
  sequence: number;
  /** Where the server is; null: where the answer comes from. */
  address: string | null;
  port: number;
  protocol: string;
  found: boolean;
  ids: number[];
}

/** "I am here." */
export interface Beacon {
  type: "beacon";
  guid: string;
  sequence: number;
  /** Grows when the server's names change. */
  changes: number;
  /** Where the server is; null: where the beacon comes from. */
  address: string | null;
  port: number;
  protocol: string;
}

/** Precedes a forwarded message: the address it had been sent to. */
export interface OriginTag {
  type: "originTag";
  address: string | null;
}

/** A message of another kind: nothing that UDP carries. */
export interface OtherMessage {
  type: "other";
  command: number;
}

/** What a message says. */
export type Body = Search | SearchResponse | Beacon | OriginTag | OtherMessage;

/** A message and how it was written. */
export type Message = Body & { version: number; byteOrder: ByteOrder; fromServer: boolean };

/** The order of a number's bytes. */
export type ByteOrder = "big" | "little";

const MAGIC = 0xca;
const VERSION = 2;
const HEADER_BYTES = 8;
const GUID_BYTES = 12;
const COMMANDS = { beacon: 0, search: 3, searchResponse: 4, originTag: 22 } as const;
// Of the header:
const CONTROL = 0x01;
const SEGMENTED = 0x30;
const SERVER = 0x40;
const BIG_ENDIAN = 0x80;
// Of a search:
const REPLY_REQUIRED = 0x01;
const UNICAST = 0x80;
/** "No status": a type description that describes nothing. */
const NULL_TYPE = 0xff;

/**
 * Reads a datagram, which may hold several messages.
 *
 * @returns The messages, or null when it is not PV Access or anything in it is cut off or malformed.
 */
export function decode(data: Uint8Array): Message[] | null {
  const messages: Message[] = [];
  for (let rest = data; rest.length > 0;) {
    if (rest.length < HEADER_BYTES || rest[0] !== MAGIC || rest[1] === 0) return null;
    const [, version, flags, command] = rest;
    // Neither belongs into a datagram: control messages and parts of longer ones.
    if ((flags & (CONTROL | SEGMENTED)) !== 0) return null;
    const littleEndian = (flags & BIG_ENDIAN) === 0;
    const length = new Reader(rest.subarray(4, HEADER_BYTES), littleEndian).u32();
    if (length > rest.length - HEADER_BYTES) return null;
    const reader = new Reader(rest.subarray(HEADER_BYTES, HEADER_BYTES + length), littleEndian);
    const body = readBody(command, reader);
    if (reader.failed) return null;
    messages.push({
      ...body,
      version,
      byteOrder: littleEndian ? "little" : "big",
      fromServer: (flags & SERVER) !== 0,
    });
    rest = rest.subarray(HEADER_BYTES + length);
  }
  return messages;
}

function readBody(command: number, reader: Reader): Body {
  switch (command) {
    case COMMANDS.search:
      return readSearch(reader);
    case COMMANDS.searchResponse:
      return readSearchResponse(reader);
    case COMMANDS.beacon:
      return readBeacon(reader);
    case COMMANDS.originTag:
      return { type: "originTag", address: reader.address() };
    default:
      return { type: "other", command };
  }
}

function readSearch(reader: Reader): Search {
  const sequence = reader.u32();
  const flags = reader.u8();
  reader.bytes(3);
  const address = reader.address();
  const port = reader.u16();
  // However many are announced: what is not there fails at once.
  const protocols: string[] = [];
  for (let left = reader.size(); left > 0 && !reader.failed; left--) {
    protocols.push(reader.string());
  }
  const names: SoughtName[] = [];
  for (let left = reader.u16(); left > 0 && !reader.failed; left--) {
    names.push({ id: reader.u32(), name: reader.string() });
  }
  return {
    type: "search",
    sequence,
    replyRequired: (flags & REPLY_REQUIRED) !== 0,
    unicast: (flags & UNICAST) !== 0,
    address,
    port,
    protocols,
    names,
  };
}

function readSearchResponse(reader: Reader): SearchResponse {
  const guid = readGuid(reader);
  const sequence = reader.u32();
  const address = reader.address();
  const port = reader.u16();
  const protocol = reader.string();
  const found = reader.u8() !== 0;
  const ids: number[] = [];
  for (let left = reader.u16(); left > 0 && !reader.failed; left--) ids.push(reader.u32());
  return { type: "searchResponse", guid, sequence, address, port, protocol, found, ids };
}

function readBeacon(reader: Reader): Beacon {
  const guid = readGuid(reader);
  reader.u8(); // flags without a meaning
  const sequence = reader.u8();
  const changes = reader.u16();
  const address = reader.address();
  const port = reader.u16();
  // The server's status may follow, of any type; nobody sends one.
  return {
    type: "beacon",
    guid,
    sequence,
    changes,
    address,
    port,
    protocol: reader.string(),
  };
}

function readGuid(reader: Reader): string {
  const bytes = reader.bytes(GUID_BYTES);
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** A new identity for a server. */
export function newGuid(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(GUID_BYTES));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Writes a message. */
export function encode(body: Exclude<Body, OtherMessage>, byteOrder: ByteOrder): Uint8Array {
  const writer = new Writer(byteOrder === "little");
  let flags = byteOrder === "big" ? BIG_ENDIAN : 0;
  if (body.type === "search") writeSearch(writer, body);
  else if (body.type === "originTag") writer.address(body.address);
  else {
    flags |= SERVER;
    if (body.type === "beacon") writeBeacon(writer, body);
    else writeSearchResponse(writer, body);
  }
  const payload = writer.finish();
  return new Writer(byteOrder === "little")
    .u8(MAGIC).u8(VERSION).u8(flags).u8(COMMANDS[body.type]).u32(payload.length)
    .bytes(payload).finish();
}

function writeSearch(writer: Writer, search: Search): void {
  const flags = (search.replyRequired ? REPLY_REQUIRED : 0) | (search.unicast ? UNICAST : 0);
  writer.u32(search.sequence).u8(flags).u8(0).u16(0)
    .address(search.address).u16(search.port)
    .size(search.protocols.length);
  for (const protocol of search.protocols) writer.string(protocol);
  writer.u16(search.names.length);
  for (const { id, name } of search.names) writer.u32(id).string(name);
}

function writeSearchResponse(writer: Writer, response: SearchResponse): void {
  writer.bytes(guidBytes(response.guid)).u32(response.sequence)
    .address(response.address).u16(response.port)
    .string(response.protocol).u8(response.found ? 1 : 0).u16(response.ids.length);
  for (const id of response.ids) writer.u32(id);
}

function writeBeacon(writer: Writer, beacon: Beacon): void {
  writer.bytes(guidBytes(beacon.guid)).u8(0).u8(beacon.sequence).u16(beacon.changes)
    .address(beacon.address).u16(beacon.port)
    .string(beacon.protocol).u8(NULL_TYPE);
}

function guidBytes(guid: string): Uint8Array {
  return Uint8Array.from(guid.match(/../g) ?? [], (digits) => parseInt(digits, 16));
}
