/**
 * One HTTP request to a device on the link. By `node:http` rather than fetch: it follows no redirection, and takes a
 * link-local address with its zone, which a URL cannot have (WHATWG URL). Deno's node:http does not take it (2.9.6:
 * EINVAL): there, what is described at a link-local address only has no description.
 */
import { Buffer } from "node:buffer";
import http from "node:http";
import { isLinkLocal, SocketAddress, tryParseIp } from "../../mod.ts";

/** Where something is to be had. */
export interface Location {
  /** An IP literal; if it is link-local, with its zone. */
  host: string;
  port: number;
  path: string;
}

/** No description of a device is that long. */
const MAX_BYTES = 256 * 1024;
const TIMEOUT_MS = 3000;

/**
 * Reads the URL that a device has sent. Names are not looked up, and nothing but http is taken: a stranger has written it.
 *
 * @param interfaceName Where it came in: the zone of a link-local address.
 */
export function parseLocation(text: string, interfaceName: string | null): Location | null {
  let url: URL;
  try {
    // Some devices write their own zone, which means nothing here.
    url = new URL(text.replace(/^(http:\/\/\[[0-9a-f:.]+)%[^\]]*\]/i, "$1]"));
  } catch {
    return null;
  }
  if (url.protocol !== "http:" || url.username !== "") return null;
  const address = url.hostname.replace(/^\[(.*)\]$/, "$1");
  const ip = tryParseIp(address);
  if (ip === null) return null;
  const zoned = ip.family === "IPv6" && isLinkLocal(ip) && interfaceName !== null;
  return {
    host: zoned ? `${address}%${interfaceName}` : address,
    port: Number(url.port || 80),
    path: url.pathname + url.search,
  };
}

/** `192.0.2.1:80`, `[fe80::1%eth0]:80` */
export function hostAndPort({ host, port }: Location): string {
  return new SocketAddress({ address: host, port }).toString();
}

/** Whether a request would be let through without asking the user: Deno's `--allow-net`; others have no permissions. */
export function mayConnect(location: Location): boolean {
  const deno = (globalThis as {
    Deno?: { permissions: { querySync(wanted: object): { state: string } } };
  }).Deno;
  if (deno === undefined) return true;
  const host = hostAndPort({ ...location, host: location.host.replace(/%.*/, "") });
  return deno.permissions.querySync({ name: "net", host }).state === "granted";
}

/** The body of the answer, as text. Rejects if there is none in time, if it is too long, or if its status is not 200. */
export function request(
  { host, port, path }: Location,
  options: { post?: { type: string; body: string }; signal?: AbortSignal } = {},
): Promise<string> {
  const { post, signal } = options;
  return new Promise((resolve, reject) => {
    const request = http.request({
      host,
      port,
      path,
      method: post ? "POST" : "GET",
      headers: post
        ? { "content-type": post.type, "content-length": Buffer.byteLength(post.body) }
        : {},
      agent: false, // a connection of its own, closed with the answer
      signal,
    });
    const timer = setTimeout(() => request.destroy(new Error("no answer in time")), TIMEOUT_MS);
    request.on("close", () => clearTimeout(timer));
    request.on("error", reject);
    request.on("response", (response) => {
      response.on("error", reject);
      if (response.statusCode !== 200) {
        request.destroy(new Error(`HTTP status ${response.statusCode}`));
        return;
      }
      const chunks: Uint8Array[] = [];
      let length = 0;
      response.on("data", (chunk: Uint8Array) => {
        length += chunk.length;
        if (length > MAX_BYTES) request.destroy(new Error("the answer is too long"));
        else chunks.push(chunk);
      });
      response.on("end", () => resolve(Buffer.concat(chunks).toString("utf8")));
      response.on("close", () => reject(new Error("the connection was closed")));
    });
    request.end(post?.body);
  });
}
