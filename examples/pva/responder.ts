/**
 * The UDP half of a PV Access server: answers searches from the address that was asked, out of the interface
 * the search came in on, and sends beacons. Nobody listens on its TCP port: it is for tests, and to read.
 */

import {
  isLimitedBroadcast,
  isMulticast,
  isUnspecified,
  type NetworkInterface,
  type Packet,
  parseIp,
  type UdpSocket,
} from "../../mod.ts";
import { presentInterfaces } from "../shared/on_link.ts";
import type { SearchTarget } from "./addresses.ts";
import { hear, type ListenOptions, openShared } from "./beacons.ts";
import {
  type Beacon,
  type ByteOrder,
  encode,
  type Message,
  newGuid,
  type SearchResponse,
} from "./codec.ts";

/** What to serve. */
export interface ResponderOptions extends ListenOptions {
  /** The names it claims to have. */
  names: readonly string[];
  /** The TCP port it claims to listen on. Default: 5075. */
  tcpPort?: number;
  /** Default: a new one. */
  guid?: string;
  /** The byte order it writes; it reads either. Default: big. */
  byteOrder?: ByteOrder;
  /** Where beacons go. Default: nowhere. */
  beaconTargets?: readonly SearchTarget[];
}

/** After each start a burst of beacons, then fewer: as pvAccessCPP and PVXS do. */
const BURST = 10;
const BURST_INTERVAL_MS = 15_000;
const INTERVAL_MS = 180_000;

/** A search that has reached this server. */
type SearchMessage = Message & { type: "search" };

/**
 * Serves until the signal is aborted.
 *
 * @param onReady Called with the port once it listens.
 */
export async function serve(
  options: ResponderOptions,
  onReady?: (port: number) => void,
): Promise<void> {
  if (options.signal?.aborted) return;
  const guid = options.guid ?? newGuid();
  const shared = openShared(options);
  await using socket = shared.socket;
  onReady?.(socket.port);
  const present = presentInterfaces();
  const stopBeacons = sendBeacons(socket, guid, options);
  try {
    for await (const { message: messages, packet } of hear(shared, options)) {
      // Only this host's programs are believed where a search had been sent before.
      const local = packet.interfaceName === shared.loopback && packet.cast === "multicast";
      const tag = messages[0].type === "originTag" && local ? messages[0].address : null;
      for (const message of messages) {
        if (message.type === "search") {
          await answer(socket, message, packet, tag, guid, present, options);
        }
      }
    }
  } finally {
    stopBeacons();
  }
}

async function answer(
  socket: UdpSocket,
  search: SearchMessage,
  packet: Packet,
  tag: string | null,
  guid: string,
  present: () => readonly NetworkInterface[],
  options: ResponderOptions,
): Promise<void> {
  const response = responseTo(search, guid, options);
  if (response === null || search.port === 0) return;
  // A search says whom to answer: whoever it is, not everybody.
  if (search.address !== null && !isOneHost(search.address, present())) return;
  // It came by loopback, and leaves as routed.
  const forwarded = tag !== null;
  const source = forwarded
    ? tag
    : packet.cast === "unicast"
    ? packet.destination.address
    : undefined;
  const backward = search.address === null && packet.interfaceIndex !== null;
  try {
    await socket.send(
      encode(response, options.byteOrder ?? "big"),
      {
        address: search.address ?? packet.source.address,
        port: search.port,
        ...(backward ? { interface: packet.interfaceIndex! } : {}),
      },
      source === undefined ? {} : { source },
    );
  } catch (error) {
    options.onError?.(error as Error);
  }
}

/** Whether an address can be that of one host: no group and no broadcast. */
function isOneHost(address: string, all: readonly NetworkInterface[]): boolean {
  const ip = parseIp(address);
  return !isMulticast(ip) && !isLimitedBroadcast(ip) && !isUnspecified(ip) &&
    !all.some(({ addresses }) => addresses.some(({ broadcast }) => broadcast === address));
}

/** The answer to a search; null: none is due. */
export function responseTo(
  search: SearchMessage,
  guid: string,
  { names, tcpPort = 5075 }: Pick<ResponderOptions, "names" | "tcpPort">,
): SearchResponse | null {
  const connectable = search.protocols.includes("tcp");
  const ids = search.names.filter(({ name }) => connectable && names.includes(name))
    .map(({ id }) => id);
  if (ids.length === 0 && !search.replyRequired) return null;
  return {
    type: "searchResponse",
    guid,
    sequence: search.sequence,
    address: null,
    port: tcpPort,
    protocol: "tcp",
    found: ids.length > 0,
    ids,
  };
}

/** Sends beacons by and by; returns what ends that. */
function sendBeacons(socket: UdpSocket, guid: string, options: ResponderOptions): () => void {
  const { beaconTargets = [], byteOrder = "big", onError, signal } = options;
  if (beaconTargets.length === 0) return () => {};
  let sent = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const next = () => {
    const beacon: Beacon = {
      type: "beacon",
      guid,
      sequence: sent & 0xff,
      changes: 0,
      address: null,
      port: options.tcpPort ?? 5075,
      protocol: "tcp",
    };
    for (const { address, port, interface: name, hops } of beaconTargets) {
      const to = name === undefined ? { address, port } : { address, port, interface: name };
      socket.send(encode(beacon, byteOrder), to, hops === undefined ? {} : { hops })
        .catch((error) => {
          if (!signal?.aborted) onError?.(error);
        });
    }
    sent++;
    timer = setTimeout(next, sent < BURST ? BURST_INTERVAL_MS : INTERVAL_MS);
  };
  next();
  return () => clearTimeout(timer);
}
