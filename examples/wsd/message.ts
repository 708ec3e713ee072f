/**
 * WS-Discovery's messages: SOAP in a datagram. Both versions in use, that of 2005 (Windows, printers, cameras) and OASIS'
 * 1.1 of 2009. No I/O.
 */
import { printable } from "../shared/text.ts";
import { children, element, escapeXml, parseXml, textAt, type XmlNode } from "../shared/xml.ts";

/** The port of WS-Discovery. */
export const PORT = 3702;

/** Its groups. */
export const GROUPS = ["239.255.255.250", "ff02::c"] as const;

/** A version of the protocol: the URIs that make it. */
export interface Version {
  discovery: string;
  addressing: string;
  /** To whom a message to everybody is. */
  everybody: string;
  /** The types to probe for; `""`: any. */
  probes: readonly string[];
}

/** The versions in use. */
export const VERSIONS: readonly Version[] = [
  {
    discovery: "http://schemas.xmlsoap.org/ws/2005/04/discovery",
    addressing: "http://schemas.xmlsoap.org/ws/2004/08/addressing",
    everybody: "urn:schemas-xmlsoap-org:ws:2005:04:discovery",
    // wsdd answers who asks for a "wsdp:Device", in just these letters; cameras need not be one.
    probes: ["", "wsdp:Device"],
  },
  {
    discovery: "http://docs.oasis-open.org/ws-dd/ns/discovery/2009/01",
    addressing: "http://www.w3.org/2005/08/addressing",
    everybody: "urn:docs-oasis-open-org:ws-dd:ns:discovery:2009:01",
    probes: [""],
  },
];

/** Something that can be found ("target service"). */
export interface Target {
  /** Its name among all in the world: `urn:uuid:…`. */
  endpoint: string;
  /** What it is, without the prefixes of the namespaces: `Device`, `Computer`, `NetworkVideoTransmitter`. */
  types: string[];
  /** The URLs it is reached by; it need not say them before it is asked (Resolve). */
  addresses: string[];
}

/** What is of interest of a message. */
export interface WsdMessage {
  kind: "hello" | "bye" | "matches" | "other";
  version: Version;
  id: string;
  /** The message it answers; `""` if none. */
  relatesTo: string;
  targets: Target[];
}

/** SOAP over UDP allows 64 KiB. Whoever needs more than this for a few names has other aims. */
const MAX_BYTES = 16 * 1024;
const MAX_TARGETS = 32;
const MAX_WORDS = 16;

const KINDS: Record<string, WsdMessage["kind"]> = {
  Hello: "hello",
  Bye: "bye",
  ProbeMatches: "matches",
  ResolveMatches: "matches",
};

const decoder = new TextDecoder();

/** Reads a message; `null` if it is none. */
export function parseMessage(data: Uint8Array): WsdMessage | null {
  if (data.length > MAX_BYTES) return null;
  const text = decoder.decode(data);
  // Most of what is no message is told without the work of a parser.
  if (!text.includes("Envelope")) return null;
  const envelope = element(parseXml(text), "Envelope");
  const header = element(envelope, "Header");
  const body = element(envelope, "Body");
  const action = textAt(header, "Action");
  const slash = action.lastIndexOf("/");
  const version = VERSIONS.find(({ discovery }) => discovery === action.slice(0, slash));
  const id = textAt(header, "MessageID");
  if (version === undefined || id === "") return null;
  const name = action.slice(slash + 1);
  const kind = Object.hasOwn(KINDS, name) ? KINDS[name] : "other";
  const nodes = kind === "matches"
    ? children(element(body, name), name.replace(/es$/, ""))
    : kind === "other"
    ? []
    : children(body, name);
  return {
    kind,
    version,
    id,
    relatesTo: textAt(header, "RelatesTo"),
    targets: nodes.slice(0, MAX_TARGETS).map(toTarget).filter(({ endpoint }) => endpoint !== ""),
  };
}

function toTarget(node: XmlNode): Target {
  return {
    endpoint: textAt(node, "EndpointReference", "Address"),
    // QNames: the prefix is the sender's own choice.
    types: words(textAt(node, "Types")).map((type) => type.replace(/^.*:/, "")),
    addresses: words(textAt(node, "XAddrs")),
  };
}

function words(text: string): string[] {
  return text.split(/\s+/).filter((word) => word !== "").slice(0, MAX_WORDS).map(printable);
}

function envelope(version: Version, action: string, id: string, body: string): string {
  return `<?xml version="1.0" encoding="utf-8"?>
<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:a="${version.addressing}" xmlns:d="${version.discovery}">
<s:Header><a:To>${version.everybody}</a:To><a:Action>${version.discovery}/${action}</a:Action><a:MessageID>${id}</a:MessageID></s:Header>
<s:Body>${body}</s:Body>
</s:Envelope>`;
}

/** Asks who is there: all, or those of a type. */
export function formatProbe(version: Version, id: string, type: string): string {
  const types = type &&
    `<d:Types xmlns:wsdp="http://schemas.xmlsoap.org/ws/2006/02/devprof">${type}</d:Types>`;
  return envelope(version, "Probe", id, `<d:Probe>${types}</d:Probe>`);
}

/** Asks by which addresses somebody is reached. */
export function formatResolve(version: Version, id: string, endpoint: string): string {
  const address = `<a:Address>${escapeXml(endpoint)}</a:Address>`;
  return envelope(
    version,
    "Resolve",
    id,
    `<d:Resolve><a:EndpointReference>${address}</a:EndpointReference></d:Resolve>`,
  );
}
