/** The description of a device (UPnP Device Architecture 2.0, section 2.3): what people call it. */
import { type Location, request } from "../shared/http.ts";
import { children, element, parseXml, textAt, type XmlNode } from "../shared/xml.ts";

/** What a description says of one device. */
export interface Description {
  /** "Living room". */
  friendlyName: string;
  manufacturer: string;
  modelName: string;
  /** `urn:schemas-upnp-org:device:MediaServer:1` */
  deviceType: string;
  /** `uuid:…` */
  udn: string;
}

/** Devices within devices. */
const MAX_DEVICES = 32;

/** Reads a description: the root device first, then those in it; empty if it is none. */
export function parseDescription(xml: string): Description[] {
  const root = element(parseXml(xml), "root", "device");
  const found: Description[] = [];
  const waiting: XmlNode[] = root === undefined ? [] : [root];
  for (let node = waiting.shift(); node !== undefined; node = waiting.shift()) {
    if (found.length === MAX_DEVICES) break;
    found.push({
      friendlyName: textAt(node, "friendlyName"),
      manufacturer: textAt(node, "manufacturer"),
      modelName: textAt(node, "modelName"),
      deviceType: textAt(node, "deviceType"),
      udn: textAt(node, "UDN"),
    });
    waiting.push(...children(element(node, "deviceList"), "device").slice(0, MAX_DEVICES));
  }
  return found;
}

/** Fetches a description; rejects if it cannot be had. */
export async function fetchDescription(
  location: Location,
  signal?: AbortSignal,
): Promise<Description[]> {
  return parseDescription(await request(location, { signal }));
}
