/** What a device says of itself when it is asked (Devices Profile for Web Services, section 4): what people call it. */
import { randomUUID } from "node:crypto";
import { type Location, request } from "../shared/http.ts";
import { children, element, escapeXml, parseXml, textAt } from "../shared/xml.ts";

/** What a device's metadata say. */
export interface Metadata {
  /** Windows shows this one: "NAS". */
  computer: string;
  /** `"Workgroup:WORKGROUP"` or `"Domain:…"` */
  membership: string;
  friendlyName: string;
  manufacturer: string;
  modelName: string;
}

const TRANSFER_GET = "http://schemas.xmlsoap.org/ws/2004/09/transfer/Get";
const ADDRESSING = "http://schemas.xmlsoap.org/ws/2004/08/addressing";

/** The question (WS-Transfer Get). */
export function formatGet(endpoint: string): string {
  return `<?xml version="1.0" encoding="utf-8"?>
<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:a="${ADDRESSING}">
<s:Header><a:To>${
    escapeXml(endpoint)
  }</a:To><a:Action>${TRANSFER_GET}</a:Action><a:MessageID>urn:uuid:${randomUUID()}</a:MessageID>
<a:ReplyTo><a:Address>${ADDRESSING}/role/anonymous</a:Address></a:ReplyTo></s:Header>
<s:Body/>
</s:Envelope>`;
}

/** Reads the answer; what it does not say is `""`. */
export function parseMetadata(xml: string): Metadata {
  const all = element(parseXml(xml), "Envelope", "Body", "Metadata");
  const sections = children(all, "MetadataSection");
  const first = (...path: string[]) =>
    sections.map((section) => textAt(section, ...path)).find((text) => text !== "") ?? "";
  // "NAS/Workgroup:WORKGROUP"
  const [, computer = "", membership = ""] =
    /^([^/\\]*)[/\\]?(.*)$/.exec(first("Relationship", "Host", "Computer")) ?? [];
  return {
    computer,
    membership,
    friendlyName: first("ThisDevice", "FriendlyName"),
    manufacturer: first("ThisModel", "Manufacturer"),
    modelName: first("ThisModel", "ModelName"),
  };
}

/** Asks a device; rejects if there is no answer. */
export async function fetchMetadata(
  location: Location,
  endpoint: string,
  signal?: AbortSignal,
): Promise<Metadata> {
  const post = { type: "application/soap+xml", body: formatGet(endpoint) };
  return parseMetadata(await request(location, { post, signal }));
}
