/** The description of a device (UPnP Device Architecture 2.0, section 2.3): what people call it. */
import { hostAndPort, type Location, mayConnect, request } from "../shared/http.ts";
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

/** Descriptions that are being fetched at one time: whoever announces a thousand must not have us ask for a thousand. */
const MAX_AT_ONCE = 8;
const MAX_KEPT = 64;

/** Fetches descriptions, each once. */
export class Descriptions {
  readonly #kept = new Map<string, Promise<Description[]>>();
  #atOnce = 0;

  /** Whether they can be fetched at all: see {@linkcode mayConnect}. */
  mayFetch(location: Location): boolean {
    return mayConnect(location) && (this.#kept.has(keyOf(location)) || this.#atOnce < MAX_AT_ONCE);
  }

  /** The description, empty if it cannot be had: then it is asked for again the next time. */
  fetch(location: Location, signal?: AbortSignal): Promise<Description[]> {
    const key = keyOf(location);
    let description = this.#kept.get(key);
    if (description === undefined) {
      this.#atOnce++;
      description = request(location, { signal }).then(parseDescription)
        .catch(() => {
          this.#kept.delete(key);
          return [];
        })
        .finally(() => this.#atOnce--);
      if (this.#kept.size === MAX_KEPT) this.#kept.delete(this.#kept.keys().next().value!);
      this.#kept.set(key, description);
    }
    return description;
  }
}

function keyOf(location: Location): string {
  return hostAndPort(location) + location.path;
}
