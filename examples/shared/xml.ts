/** XML from strangers, as a tree of which nothing is believed. By fast-xml-parser, which stops at 100 levels. */
import { XMLParser } from "fast-xml-parser";
import { printable } from "./text.ts";

/** An element: its text, or its children by name without prefix. */
export type XmlNode = unknown;

/** What these protocols send is far shorter. */
const MAX_LENGTH = 256 * 1024;

const parser = new XMLParser({
  ignoreAttributes: true,
  removeNSPrefix: true,
  ignoreDeclaration: true,
  ignorePiTags: true,
  // "1.0" is a text.
  parseTagValue: false,
});

/** The document's root as the only child of the result; `null` if it is no XML, or has a DTD. */
export function parseXml(text: string): XmlNode | null {
  // SOAP 1.2 part 1, section 5: no document type declaration. It is where XML's bombs are.
  if (text.length > MAX_LENGTH || /<!DOCTYPE/i.test(text)) return null;
  try {
    return parser.parse(text);
  } catch {
    return null;
  }
}

/** All children of that name. */
export function children(node: XmlNode, name: string): XmlNode[] {
  if (typeof node !== "object" || node === null || !Object.hasOwn(node, name)) return [];
  const value = (node as Record<string, unknown>)[name];
  return Array.isArray(value) ? value : [value];
}

/** The first element on a path of names. */
export function element(node: XmlNode, ...path: readonly string[]): XmlNode | undefined {
  return path.reduce<XmlNode | undefined>((at, name) => children(at, name)[0], node);
}

/** The text of the first element on a path, made harmless; `""` if there is none. */
export function textAt(node: XmlNode, ...path: readonly string[]): string {
  const found = element(node, ...path);
  return typeof found === "string" ? printable(found) : "";
}

/** Text as XML wants it. */
export function escapeXml(text: string): string {
  const entities: Record<string, string> = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    '"': "&quot;",
  };
  return text.replace(/[&<>"]/g, (character) => entities[character]);
}
