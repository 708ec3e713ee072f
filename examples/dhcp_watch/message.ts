/** DHCP's messages (RFC 2131, section 2; RFC 2132). No I/O. */
import { printable } from "../shared/text.ts";

const TYPES = [
  ...["", "DISCOVER", "OFFER", "REQUEST", "DECLINE", "ACK", "NAK", "RELEASE", "INFORM"],
] as const;

/** What is of interest of a message. */
export interface DhcpMessage {
  /** `"DISCOVER"`, `"OFFER"` … */
  type: string;
  /** Common to a question and its answers: eight hexadecimal digits. */
  transaction: string;
  /** The client's hardware address. */
  mac: string;
  /** The address that the server gives; `null`: none. */
  given: string | null;
  /** The address that the client would like; `null`: none. */
  wanted: string | null;
  /** The server that is meant, or that speaks; `null`: not said. */
  server: string | null;
  /** The relay that has passed it on; `null`: none. */
  relay: string | null;
  /** The client's name and kind, as it says; `""`: not said. */
  hostname: string;
  vendor: string;
}

const HEADER_BYTES = 236;
const MAGIC = 0x63825363;
const PAD = 0, HOST_NAME = 12, REQUESTED = 50, MESSAGE_TYPE = 53, SERVER = 54, VENDOR = 60;
const END = 255;

/** Reads a message; `null` if it is none. */
export function parseMessage(data: Uint8Array): DhcpMessage | null {
  if (data.length < HEADER_BYTES + 4) return null;
  const view = new DataView(data.buffer, data.byteOffset, data.length);
  const hardwareLength = data[2];
  if (hardwareLength > 16 || view.getUint32(HEADER_BYTES) !== MAGIC) return null;
  const options = parseOptions(data.subarray(HEADER_BYTES + 4));
  if (options === null) return null;
  const type = options.get(MESSAGE_TYPE);
  if (type?.length !== 1 || !TYPES[type[0]]) return null;
  const address = (bytes: Uint8Array | undefined) =>
    bytes?.length === 4 && bytes.some((byte) => byte !== 0) ? bytes.join(".") : null;
  const text = (option: number) =>
    printable(new TextDecoder().decode(options.get(option) ?? new Uint8Array()));
  return {
    type: TYPES[type[0]],
    transaction: hex(data.subarray(4, 8), ""),
    mac: hex(data.subarray(28, 28 + hardwareLength), ":"),
    given: address(data.subarray(16, 20)),
    wanted: address(options.get(REQUESTED)),
    server: address(options.get(SERVER)),
    relay: address(data.subarray(24, 28)),
    hostname: text(HOST_NAME),
    vendor: text(VENDOR),
  };
}

/** The first of each option; `null` if one reaches beyond the end. */
function parseOptions(data: Uint8Array): Map<number, Uint8Array> | null {
  const options = new Map<number, Uint8Array>();
  for (let at = 0; at < data.length && data[at] !== END;) {
    const option = data[at++];
    if (option === PAD) continue;
    const length = data[at++];
    if (length === undefined || at + length > data.length) return null;
    if (!options.has(option)) options.set(option, data.subarray(at, at + length));
    at += length;
  }
  return options;
}

function hex(bytes: Uint8Array, between: string): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(between);
}
