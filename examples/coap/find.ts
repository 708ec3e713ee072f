/** Asks all CoAP servers on all interfaces for what they have (RFC 7252, section 8; RFC 6690, section 4). */
import { randomBytes } from "node:crypto";
import { interfaces, openUdpSocket, tryParseIp } from "../../mod.ts";
import { Links } from "../shared/on_link.ts";
import {
  CONTENT,
  formatGet,
  GROUPS,
  type Link,
  parseLinks,
  parseMessage,
  PORT,
} from "./message.ts";

/** A server that has answered. */
export interface Server {
  /** `"192.0.2.1:5683"` */
  address: string;
  /** The interface its answer came in on. */
  interface: string;
  links: Link[];
}

/** Whoever makes up more servers is no longer listened to. */
const MAX_SERVERS = 1024;

/** Yields each server once an interface, until the signal is aborted. Servers take up to five seconds (DEFAULT_LEISURE). */
export async function* findServers(
  options: {
    interfaces?: readonly string[];
    signal: AbortSignal;
    onError?: (error: Error) => void;
  },
): AsyncGenerator<Server> {
  const { interfaces: wanted, signal, onError = () => {} } = options;
  if (signal.aborted) return;
  const links = new Links();
  const token = randomBytes(4);
  await using socket = openUdpSocket({ signal, onError });
  const places = interfaces().filter(({ name, up, multicast, loopback }) =>
    wanted ? wanted.includes(name) : up && multicast && !loopback
  );
  let id = randomBytes(2).readUInt16BE();
  for (const { index, addresses } of places) {
    for (const group of GROUPS) {
      const { family } = tryParseIp(group)!;
      if (!addresses.some((entry) => entry.family === family)) continue;
      // One identifier for each message, one token for all of them: it is what answers repeat.
      const question = formatGet([".well-known", "core"], id = (id + 1) & 0xffff, token);
      await socket.send(question, { address: group, port: PORT, interface: index }).catch(onError);
    }
  }
  const seen = new Set<string>();
  for await (const packet of socket) {
    const { source, interfaceName } = packet;
    const answer = parseMessage(packet.data);
    if (answer?.token !== token.toString("hex") || answer.code !== CONTENT) continue;
    if (interfaceName === null || !links.hasSender(packet)) continue;
    const server = { address: source.toString(), interface: interfaceName };
    const key = `${server.address} ${server.interface}`;
    // Asked by two groups, it answers twice.
    if (seen.has(key) || seen.size === MAX_SERVERS) continue;
    seen.add(key);
    yield { ...server, links: parseLinks(answer.payload) };
  }
}
