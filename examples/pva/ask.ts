/**
 * Asking, again and again, and reading the answers: one socket on a port of its own, which tells of each answer
 * the interface it came in on.
 */

import { openUdpSocket, type Packet, type UdpSocket } from "../../mod.ts";
import type { SearchTarget } from "./addresses.ts";
import { type ByteOrder, decode, encode, type Message, type Search } from "./codec.ts";

/** How to ask. */
export interface AskOptions {
  /** Who is asked: see `searchTargets`. A function is called each time, for interfaces that come later. */
  targets: readonly SearchTarget[] | (() => readonly SearchTarget[]);
  /** The byte order to ask in; answers are read in either. Default: big, as the network's. */
  byteOrder?: ByteOrder;
  /** Ends it. */
  signal?: AbortSignal;
  /** Hears what ends nothing: a target that cannot be reached, for example. */
  onError?: (error: Error) => void;
  /** Counts what was dropped, where somebody wants to know. */
  dropped?: Dropped;
}

/** Datagrams that were not taken for answers. */
export interface Dropped {
  /** Not PV Access, or cut off. */
  malformed: number;
  /** Well formed, but nothing that was asked. */
  unasked: number;
}

/** What a server told, and where that came in. */
export interface Heard<M = Message> {
  message: M;
  packet: Packet;
}

/** The first question is repeated after one second, then after two, and so on. */
const STEP_MS = 1_000;
const LONGEST_MS = 30_000;

/**
 * Sends questions until it is ended.
 *
 * @param questions What to ask now; nothing any more: an empty list.
 * @returns Well-formed messages of servers.
 */
export async function* ask(
  questions: () => Search[],
  options: AskOptions,
): AsyncGenerator<Heard> {
  const { signal, onError, dropped } = options;
  if (signal?.aborted) return;
  await using socket = openUdpSocket({ broadcast: true, signal, onError });
  // What cannot be reached now will not be next time either: said once.
  const unreachable = new Set<string>();
  const onFailure = ({ address, interface: name }: SearchTarget, error: Error) => {
    const target = `${address}@${name}`;
    if (signal?.aborted || unreachable.has(target)) return;
    unreachable.add(target);
    onError?.(error);
  };
  let timer: ReturnType<typeof setTimeout> | undefined;
  const again = (delayMs: number) => {
    for (const question of questions()) send(socket, question, options, onFailure);
    timer = setTimeout(() => again(Math.min(delayMs + STEP_MS, LONGEST_MS)), delayMs);
  };
  again(STEP_MS);
  try {
    for await (const packet of socket) {
      const messages = decode(packet.data);
      if (messages === null && dropped) dropped.malformed++;
      for (const message of messages ?? []) yield { message, packet };
    }
  } finally {
    clearTimeout(timer);
  }
}

function send(
  socket: UdpSocket,
  question: Search,
  { targets, byteOrder = "big" }: AskOptions,
  onFailure: (target: SearchTarget, error: Error) => void,
): void {
  for (const target of typeof targets === "function" ? targets() : targets) {
    const { address, port, interface: name, hops, unicast, replyTo = null } = target;
    const search = { ...question, unicast, address: replyTo, port: socket.port };
    const to = name === undefined ? { address, port } : { address, port, interface: name };
    socket.send(encode(search, byteOrder), to, hops === undefined ? {} : { hops })
      .catch((error) => onFailure(target, error));
  }
}
