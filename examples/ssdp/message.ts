/**
 * SSDP's messages (UPnP Device Architecture 2.0, section 1): HTTP's form in a datagram. No I/O.
 */
import { printable } from "../shared/text.ts";

/** The port of SSDP. */
export const PORT = 1900;

/** Its groups: IPv4; IPv6 on the link; IPv6 in the site, where devices listen that have wider addresses (annex A). */
export const GROUPS = ["239.255.255.250", "ff02::c", "ff05::c"] as const;

/** A device or service is there. */
export interface Alive {
  kind: "alive";
  /** An answer to a search; else it was said to everybody. */
  answer: boolean;
  /** What it is: `upnp:rootdevice`, `uuid:…`, `urn:…:device:MediaServer:1` … */
  type: string;
  /** Its name among all in the world (Unique Service Name): `uuid:…::urn:…`. */
  usn: string;
  /** The URL of its description; `""` if there is none. */
  location: string;
  /** System and product. */
  server: string;
  /** For how long it is to be believed. */
  maxAgeSeconds: number;
}

/** A device or service leaves. */
export interface Byebye {
  kind: "byebye";
  type: string;
  usn: string;
}

/** Somebody looks for devices. */
export interface Search {
  kind: "search";
  /** Of which type; `ssdp:all` for all. */
  target: string;
  /** Answers are to be spread over so many seconds. 0 for a search by unicast, which has none. */
  maxWaitSeconds: number;
}

/** A message that is of no interest here: `ssdp:update`. */
export interface Other {
  kind: "other";
}

export type SsdpMessage = Alive | Byebye | Search | Other;

/** Section 1.2.2: at least 1800 s. Many say less; whoever says nothing is believed for this long. */
const DEFAULT_AGE_SECONDS = 1800;
/** Nobody is believed longer. */
const MAX_AGE_SECONDS = 24 * 3600;
const MAX_HEADERS = 64;
/** Messages are to fit into one packet; some are a little longer. */
const MAX_BYTES = 8 * 1024;
/** Section 1.3.3: above that, it is 5. */
const MAX_WAIT_SECONDS = 5;

const decoder = new TextDecoder();

/** Reads a message; `null` if it is none, or lacks what it must have. */
export function parseMessage(data: Uint8Array): SsdpMessage | null {
  if (data.length > MAX_BYTES) return null;
  const [start, ...lines] = decoder.decode(data).split(/\r?\n/, MAX_HEADERS + 1);
  const headers = parseHeaders(lines);
  const get = (name: string) => headers.get(name) ?? "";
  const usn = get("usn");
  if (/^HTTP\/1\.\d 200\b/i.test(start)) {
    return usn && get("st") ? alive(true, get("st"), usn, get) : null;
  }
  if (/^NOTIFY \* HTTP\/1\.\d/i.test(start)) {
    if (!usn || !get("nt")) return null;
    const state = get("nts").toLowerCase();
    if (state === "ssdp:alive") return alive(false, get("nt"), usn, get);
    if (state === "ssdp:byebye") return { kind: "byebye", type: get("nt"), usn };
    return state === "ssdp:update" ? { kind: "other" } : null;
  }
  if (/^M-SEARCH \* HTTP\/1\.\d/i.test(start)) {
    if (get("man").replaceAll('"', "").toLowerCase() !== "ssdp:discover" || !get("st")) return null;
    const wait = /^\d{1,4}$/.test(get("mx")) ? Number(get("mx")) : 0;
    return {
      kind: "search",
      target: get("st"),
      maxWaitSeconds: Math.min(wait, MAX_WAIT_SECONDS),
    };
  }
  return null;
}

function parseHeaders(lines: readonly string[]): Map<string, string> {
  const headers = new Map<string, string>();
  for (const line of lines) {
    if (line === "") break;
    const colon = line.indexOf(":");
    if (colon <= 0) continue;
    const name = line.slice(0, colon).trim().toLowerCase();
    // The first counts.
    if (!headers.has(name)) headers.set(name, printable(line.slice(colon + 1)));
  }
  return headers;
}

function alive(answer: boolean, type: string, usn: string, get: (name: string) => string): Alive {
  const age = /max-age\s*=\s*"?(\d{1,9})/i.exec(get("cache-control"));
  return {
    kind: "alive",
    answer,
    type,
    usn,
    location: get("location"),
    server: get("server"),
    maxAgeSeconds: age ? Math.min(Number(age[1]), MAX_AGE_SECONDS) : DEFAULT_AGE_SECONDS,
  };
}

/** The HOST header for a group; it has no zone. */
function host(group: string): string {
  return group.includes(":") ? `[${group.toUpperCase()}]:${PORT}` : `${group}:${PORT}`;
}

function lines(...text: string[]): string {
  return [...text, "", ""].join("\r\n");
}

/** A search for a type, to a group. */
export function formatSearch(group: string, target: string, maxWaitSeconds: number): string {
  return lines(
    "M-SEARCH * HTTP/1.1",
    `HOST: ${host(group)}`,
    'MAN: "ssdp:discover"',
    `MX: ${maxWaitSeconds}`,
    `ST: ${target}`,
  );
}

/** An answer to a search. */
export function formatAnswer(
  { type, usn, location, server, maxAgeSeconds }: Omit<Alive, "kind" | "answer">,
): string {
  return lines(
    "HTTP/1.1 200 OK",
    `CACHE-CONTROL: max-age=${maxAgeSeconds}`,
    "EXT:",
    `LOCATION: ${location}`,
    `SERVER: ${server}`,
    `ST: ${type}`,
    `USN: ${usn}`,
  );
}

/** What a device says to everybody. */
export function formatNotify(
  group: string,
  { type, usn, location, server, maxAgeSeconds }: Omit<Alive, "kind" | "answer">,
): string {
  return lines(
    "NOTIFY * HTTP/1.1",
    `HOST: ${host(group)}`,
    `CACHE-CONTROL: max-age=${maxAgeSeconds}`,
    `LOCATION: ${location}`,
    `SERVER: ${server}`,
    `NT: ${type}`,
    "NTS: ssdp:alive",
    `USN: ${usn}`,
  );
}

/** What it says when it leaves. */
export function formatByebye(group: string, { type, usn }: Omit<Byebye, "kind">): string {
  return lines(
    "NOTIFY * HTTP/1.1",
    `HOST: ${host(group)}`,
    `NT: ${type}`,
    "NTS: ssdp:byebye",
    `USN: ${usn}`,
  );
}
