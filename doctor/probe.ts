/**
 * Tries it: joins a group, sends to it and receives. With a hop limit of 0 nothing of
 * it leaves this host.
 *
 * @module
 */

import { type Family, formatIp } from "../address/ip.ts";
import { SocketError } from "../ffi/errors.ts";
import { openUdpSocket } from "../socket/open.ts";
import type { Packet } from "../socket/packet.ts";
import type { UdpSocket } from "../socket/udp_socket.ts";
import type { Probe } from "./facts.ts";
import type { Outcome } from "./types.ts";

/** How long what goes no further than this host may take. */
const RECEIVE_MS = 300;
/** How long the system may take for sending. */
const SEND_MS = 1000;
/** A lost packet is tried once more before it is called lost. */
const ATTEMPTS = 2;

/** What to try. */
export interface Target {
  /** `null`: no interface is named. */
  readonly index: number | null;
  readonly family: Family;
  readonly group: string;
  readonly port: number | null;
  /** Interfaces on which nothing may leave the host, where none is named. */
  readonly guarded?: readonly number[];
}

/**
 * A group of a family that nobody else is likely to use just now.
 *
 * @param scope Of IPv6, RFC 7346: 1 never leaves the host, 2 the link.
 */
export function probeGroup(
  family: Family,
  scope: 1 | 2,
  random: () => number = Math.random,
): string {
  const word = Math.floor(random() * 2 ** 32) >>> 0;
  return family === "IPv4"
    // RFC 2365: 239.255.0.0/16 is for local use.
    ? formatIp({
      family,
      w0: (0xefff_0000 | (word & 0xffff)) >>> 0,
      w1: 0,
      w2: 0,
      w3: 0,
      zone: null,
    })
    // RFC 4291: a group for a while (1).
    : formatIp({
      family,
      w0: (0xff10_0000 | (scope << 16)) >>> 0,
      w1: 0,
      w2: 0,
      w3: word,
      zone: null,
    });
}

interface Steps {
  join: Outcome;
  send: Outcome;
  receive: Outcome;
  destination: Outcome;
  interface: Outcome;
  error: string | null;
  code: string | null;
  syscall: string | null;
  stuck: boolean;
}

/** Tries one target. What fails is said in the result; only an abort is thrown. */
export async function tryGroup(target: Target, signal: AbortSignal | null): Promise<Probe> {
  const { index, family, group, port } = target;
  const steps: Steps = {
    join: "untried",
    send: "untried",
    receive: "untried",
    destination: "untried",
    interface: "untried",
    error: null,
    code: null,
    syscall: null,
    stuck: false,
  };
  const attempt = async () => {
    await using socket = openForGroup(family, port);
    if (index === null) {
      return await step(steps, "send", () => sendAnywhere(socket, target, steps));
    }
    if (!await step(steps, "join", () => void socket.join(group, { interface: index }))) return;
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      const mark = crypto.randomUUID();
      if (!await step(steps, "send", () => send(socket, target, mark, steps))) return;
      const packet = await receive(socket, mark, signal);
      steps.receive = packet ? "works" : "fails";
      if (!packet) continue;
      compare(packet, target, steps);
      return;
    }
    steps.error ??= `nothing arrived within ${RECEIVE_MS} ms, ${ATTEMPTS} times`;
  };
  try {
    await attempt();
  } catch (error) {
    if (!(error instanceof SocketError)) throw error;
    // Not even a socket could be had.
    if (steps.join === "untried") steps.join = "fails";
    note(steps, error);
  }
  return { index, family, group, port, ...steps };
}

/** Where the port is somebody else's alone, any other does; that finding is made elsewhere. */
function openForGroup(family: Family, port: number | null): UdpSocket {
  if (port !== null) {
    try {
      return openUdpSocket({ family, port, share: true });
    } catch (error) {
      if (!(error instanceof SocketError) || error.code !== "EADDRINUSE") throw error;
    }
  }
  return openUdpSocket({ family });
}

/**
 * Sends without naming an interface, or asks the system to find the way, which fails in the same cases.
 *
 * Linux heeds a hop limit of 0 only where this host is a member itself: elsewhere such
 * packets leave it (ip_output, ip6_finish_output2). IPv4 finds the way when a socket
 * is connected. IPv6 refuses to connect to groups of the link; there this host becomes
 * a member wherever the packet may go.
 */
async function sendAnywhere(socket: UdpSocket, target: Target, steps: Steps): Promise<void> {
  const { family, group, guarded = [] } = target;
  if (family === "IPv4") {
    socket.connect({ address: group, port: socket.port });
    return;
  }
  for (const index of guarded) {
    try {
      socket.join(group, { interface: index });
    } catch (error) {
      if (!(error instanceof SocketError)) throw error;
    }
  }
  await send(socket, target, "", steps);
}

async function step(
  steps: Steps,
  what: "join" | "send",
  act: () => void | Promise<void>,
): Promise<boolean> {
  try {
    await act();
    steps[what] = "works";
    return true;
  } catch (error) {
    if (!(error instanceof SocketError)) throw error;
    steps[what] = "fails";
    note(steps, error);
    return false;
  }
}

function note(steps: Steps, error: SocketError): void {
  const { code, syscall, message, hint } = error;
  // The hint is a guess at the cause, which the checks know better.
  const told = hint === null ? message : message.slice(0, -hint.length).replace(/\. $/, "");
  Object.assign(steps, { code, syscall, error: told });
}

/** Sends, and gives up where the system never takes it. */
async function send(socket: UdpSocket, target: Target, mark: string, steps: Steps) {
  const { group: address, index } = target;
  // The port of our own socket, so that what comes back is ours.
  const to = index === null
    ? { address, port: socket.port }
    : { address, port: socket.port, interface: index };
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<"late">((resolve) => {
    timer = setTimeout(() => resolve("late"), SEND_MS);
  });
  const sending = socket.send(mark, to, { hops: 0 }).then(() => "sent" as const);
  try {
    if (await Promise.race([sending, late]) === "sent") return;
  } finally {
    clearTimeout(timer);
  }
  steps.stuck = true;
  // It ends when the socket is closed.
  sending.catch(() => {});
  throw new SocketError({
    code: "ETIMEDOUT",
    errno: 0,
    syscall: "sendmsg",
    reason: `the system did not take the packet within ${SEND_MS} ms`,
    address,
  });
}

/** The packet with our mark, or `null` where it does not come in time. */
async function receive(
  socket: UdpSocket,
  mark: string,
  signal: AbortSignal | null,
): Promise<Packet | null> {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), RECEIVE_MS);
  const abort = () => late.abort();
  signal?.addEventListener("abort", abort, { once: true });
  try {
    signal?.throwIfAborted();
    for (;;) {
      const packet = await socket.receive({ signal: late.signal });
      // A port that is shared brings other things, too.
      if (new TextDecoder().decode(packet.data) === mark) return packet;
    }
  } catch (error) {
    signal?.throwIfAborted();
    if (error !== late.signal.reason) throw error;
    return null;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", abort);
  }
}

function compare(packet: Packet, { group, index }: Target, steps: Steps): void {
  const { address } = packet.destination;
  const { interfaceIndex } = packet;
  steps.destination = address === group ? "works" : "fails";
  steps.interface = interfaceIndex === index ? "works" : "fails";
  steps.error = steps.destination === "fails"
    ? `it says that it was sent to ${address}`
    : steps.interface === "fails"
    ? `it says that it came in on interface ${interfaceIndex}, not ${index}`
    : null;
}

/** Works through a list, some at a time. */
export async function inParallel<T, R>(
  items: readonly T[],
  atATime: number,
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  const queue = items.entries();
  const worker = async () => {
    for (const [at, item] of queue) results[at] = await work(item);
  };
  // All are waited for, also after a failure: none may outlive the call.
  const ended = await Promise.allSettled(Array.from({ length: atATime }, worker));
  for (const end of ended) if (end.status === "rejected") throw end.reason;
  return results;
}
