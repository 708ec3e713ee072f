/** The library's socket as the lab's tests use it: waits that end, and everything up to a marker. */
import { assert, assertRejects } from "@std/assert";
import {
  type Destination,
  interfaces,
  type Packet,
  type SendOptions,
  SocketError,
  type UdpSocket,
} from "../../mod.ts";
import { has, within } from "../harness.ts";

// The library loads libc once and keeps it: before the tests, or the first of them would be said to leak it.
if (has("lab")) interfaces();

const decoder = new TextDecoder();

/** A packet's payload as text. */
export function textOf(packet: Packet): string {
  return decoder.decode(packet.data);
}

/** The next packet; rejects when none comes within `ms` milliseconds. */
export function next(socket: UdpSocket, ms = 5_000): Promise<Packet> {
  const packet = within(ms, socket.receive(), "the next packet");
  // A test that fails before it awaits this one is to show its own error.
  packet.catch(() => {});
  return packet;
}

/** The packets that come before the one that says `marker`. This is how a test shows that something did not arrive. */
export async function until(socket: UdpSocket, marker = "marker"): Promise<Packet[]> {
  const packets: Packet[] = [];
  for (;;) {
    const packet = await next(socket);
    if (textOf(packet) === marker) return packets;
    packets.push(packet);
  }
}

/** What the packets before the marker say. */
export async function textsUntil(socket: UdpSocket, marker = "marker"): Promise<string[]> {
  return (await until(socket, marker)).map(textOf);
}

/** Answers every packet with `re: ` and its text until the socket is closed. */
export class Server {
  /** What came, in order. */
  readonly packets: Packet[] = [];
  /** Replies that failed. */
  readonly failures: unknown[] = [];
  /** Resolves when the socket is closed and the iteration over. */
  readonly ended: Promise<void>;

  constructor(socket: UdpSocket) {
    this.ended = this.#serve(socket);
  }

  async #serve(socket: UdpSocket): Promise<void> {
    for await (const packet of socket) {
      this.packets.push(packet);
      try {
        await socket.reply(packet, `re: ${textOf(packet)}`);
      } catch (error) {
        this.failures.push(error);
      }
    }
  }

  /** The latest packet. */
  get last(): Packet {
    return this.packets[this.packets.length - 1];
  }
}

/** What a rejected send says. */
export async function refused<T extends Error>(
  socket: UdpSocket,
  type: new (...args: never[]) => T,
  to: Destination,
  options?: SendOptions,
): Promise<T> {
  return await assertRejects(() => socket.send("x", to, options), type as new () => T);
}

/** Errors a socket tells, one after the other. */
export class Errors {
  #list: Error[] = [];
  #wake = () => {};
  readonly add = (error: Error) => {
    this.#list.push(error);
    this.#wake();
  };

  /** How many have come and were not asked for. */
  get count(): number {
    return this.#list.length;
  }

  async next(): Promise<SocketError> {
    const come = async () => {
      while (this.#list.length === 0) await new Promise<void>((resolve) => this.#wake = resolve);
      return this.#list.shift()!;
    };
    const error = await within(5_000, come(), "an error");
    assert(error instanceof SocketError, `${error}`);
    return error;
  }
}
