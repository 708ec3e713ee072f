/** Listening where all PV Access programs of a host listen: for beacons, and for what has to be passed on. */

import { interfaces, openUdpSocket, type Packet, type UdpSocket } from "../../mod.ts";
import type { Dropped, Heard } from "./ask.ts";
import { decode, encode, IPV6_GROUP, LOCAL_GROUP, type Message, PVA_PORT } from "./codec.ts";

/** How to listen. */
export interface ListenOptions {
  /** Default: 5076. */
  port?: number;
  /** Names of the interfaces to listen on. Default: all. */
  interfaces?: readonly string[];
  /** Counts what is not PV Access, where somebody wants to know. */
  dropped?: Dropped;
  signal?: AbortSignal;
  onError?: (error: Error) => void;
}

/** A socket where searches and beacons arrive: by broadcast, by the IPv6 group, and from programs of this host. */
export function openShared(options: ListenOptions): { socket: UdpSocket; loopback: string | null } {
  const { port = PVA_PORT, signal, onError } = options;
  const all = interfaces();
  const loopback = all.find((item) => item.loopback && item.up)?.name ?? null;
  const only = options.interfaces ?? [];
  const socket = openUdpSocket({
    port,
    share: true,
    broadcast: true,
    groups: [
      // On loopback only: nobody outside is to be able to say what this host forwards.
      ...(loopback === null ? [] : [{ group: LOCAL_GROUP, interface: loopback }]),
      ...(only.length === 0 ? [IPV6_GROUP] : only.map((name) => `${IPV6_GROUP}@${name}`)),
    ],
    signal,
    onError,
  });
  return { socket, loopback };
}

/**
 * What servers and clients say to all.
 *
 * Of the sockets that share a port, the kernel gives a unicast to one. So whoever gets a search that way has to
 * pass it on to the others on this host, tagged with the address it had been sent to, from which the answer is to
 * come: PV Access's own answer to the question that ordinary sockets cannot ask.
 */
export async function* hear(
  { socket, loopback }: ReturnType<typeof openShared>,
  options: ListenOptions,
): AsyncGenerator<Heard<Message[]>> {
  const only = options.interfaces ?? [];
  for await (const packet of socket) {
    const messages = decode(packet.data);
    if (messages === null && options.dropped) options.dropped.malformed++;
    if (messages === null || messages.length === 0) continue;
    if (packet.cast === "unicast" && packet.destination.family === "IPv4" && loopback !== null) {
      for (const message of messages) {
        if (message.type !== "search") continue;
        const forwarded = forward(message, packet);
        const to = { address: LOCAL_GROUP, port: socket.port, interface: loopback };
        await socket.send(forwarded, to).catch((error) => options.onError?.(error));
      }
      // It comes again, by the group.
      if (messages.some(({ type }) => type === "search")) continue;
    }
    const local = packet.interfaceName === loopback;
    if (only.length > 0 && !local && !only.includes(packet.interfaceName ?? "")) continue;
    yield { message: messages, packet };
  }
}

/** A search that was sent to this host, for all programs on it. */
export function forward(search: Message & { type: "search" }, packet: Packet): Uint8Array {
  const { byteOrder } = search;
  const tag = encode({ type: "originTag", address: packet.destination.address }, byteOrder);
  // Who gets it cannot see any more whom to answer.
  const address = search.address ?? packet.source.address;
  const message = encode({ ...search, unicast: false, address }, byteOrder);
  const both = new Uint8Array(tag.length + message.length);
  both.set(tag);
  both.set(message, tag.length);
  return both;
}
