/**
 * The socket: Node's methods and events, in Node's order.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import dc from "node:diagnostics_channel";
import process from "node:process";
import type { Packet } from "../socket/packet.ts";
import * as check from "./arguments.ts";
import { isBlocked } from "./block_list.ts";
import { BoundSocket } from "./bound_socket.ts";
import * as errors from "./errors.ts";
import * as own from "./members.ts";
import { packetOf, remoteInfo } from "./remote_info.ts";
import type {
  Data,
  RemoteInfo,
  SendCallback,
  SendTarget,
  SocketOptions,
  SocketType,
} from "./types.ts";

const created = dc.channel("udp.socket");

/** Whether closing a socket leaves nothing to be waited for; on other systems a wait has to end first. */
const closesAtOnce = process.platform === "linux";

/**
 * A datagram socket like those of `node:dgram`. Made by {@linkcode createSocket}.
 *
 * @example Who asked, on which address and interface? Answer from there.
 * ```ts
 * import dgram from "@pktinfo/pktinfo/dgram";
 *
 * const server = dgram.createSocket("udp4");
 * server.on("message", (message, rinfo) => {
 *   console.log(`${message} to ${rinfo.destination} on ${rinfo.interfaceName}`);
 *   server.reply(`hello ${rinfo.address}`, rinfo, () => server.close());
 * });
 * server.bind(0, () => {
 *   const client = dgram.createSocket("udp4");
 *   client.on("message", (_, { address }) => {
 *     console.log(`answered from ${address}`); // 127.0.0.3
 *     client.close();
 *   });
 *   client.send("hello", server.address().port, "127.0.0.3");
 * });
 * ```
 */
export class Socket extends BoundSocket implements AsyncDisposable {
  readonly #options: SocketOptions;
  #closing: Promise<void> = Promise.resolve();

  /**
   * Makes an unbound socket; {@linkcode createSocket} does the same.
   *
   * @param type The family, or options.
   * @param listener Listens to `message`.
   */
  constructor(
    type: SocketType | SocketOptions,
    listener?: (message: Buffer, remote: RemoteInfo) => void,
  ) {
    const options = typeof type === "object" && type !== null ? type : { type };
    super(options, (packet) => this.#message(packet));
    this.#options = options;
    if (typeof listener === "function") this.on("message", listener);
    this.#closeOnAbort(options.signal);
    if (created.hasSubscribers) created.publish({ socket: this });
  }

  #closeOnAbort(signal: AbortSignal | undefined): void {
    if (signal === undefined) return;
    check.checkSignal(signal, "options.signal");
    const aborted = () => {
      if (this[own.handle]) this.close();
    };
    if (signal.aborted) return aborted();
    signal.addEventListener("abort", aborted, { once: true });
    this.once("close", () => signal.removeEventListener("abort", aborted));
  }

  // --- sending

  /**
   * Sends a datagram. An unbound socket is bound first.
   *
   * Beside Node's forms there is one with a {@linkcode SendTarget}, which may name a source, an
   * interface, a hop limit and a traffic class.
   *
   * @param data The message, or its pieces.
   */
  send(data: Data | readonly Data[], target: SendTarget, callback?: SendCallback): void;
  /** Sends a message to an address. */
  send(
    data: Data | readonly Data[],
    port?: number,
    address?: string,
    callback?: SendCallback,
  ): void;
  /** Sends a message to this host. */
  send(data: Data | readonly Data[], port?: number, callback?: SendCallback): void;
  /** Sends a message to the peer. */
  send(data: Data | readonly Data[], callback?: SendCallback): void;
  /** Sends a part of a message to an address. */
  send(
    data: Data,
    offset: number,
    length: number,
    port?: number,
    address?: string,
    callback?: SendCallback,
  ): void;
  /** Sends a part of a message to this host. */
  send(
    data: Data,
    offset: number,
    length: number,
    port?: number,
    callback?: SendCallback,
  ): void;
  /** Sends a part of a message to the peer. */
  send(data: Data, offset: number, length: number, callback?: SendCallback): void;
  send(...args: unknown[]): void {
    const connected = this[own.connected];
    const call = check.sendCall(args, connected);
    this[own.mustRun]();
    this[own.whenBound](() => {
      if (connected) this.#send(call, null);
      else {
        this[own.lookup](call.address, (error, ip) => {
          if (error) this.#sent(call, error);
          else this.#send(call, ip);
        });
      }
    });
  }

  #send(call: check.SendCall, ip: string | null): void {
    const handle = this[own.handle];
    if (!handle) return;
    const { data, port, callback, target } = call;
    if (ip !== null && isBlocked(this.#options.sendBlockList, ip)) {
      if (callback) process.nextTick(callback, errors.ipBlocked(ip));
      return;
    }
    const wish = target
      ? {
        source: target.source,
        interface: target.interface,
        hops: target.hops,
        trafficClass: target.trafficClass,
      }
      : undefined;
    const sent = handle.send(data, ip, port, wish);
    if (!callback) return void sent.catch(() => {});
    const subject = { address: call.address ?? ip, port };
    sent.then(
      () => process.nextTick(callback, null, data.byteLength),
      (error) => process.nextTick(callback, errors.refusal(error, "send", subject)),
    );
  }

  /** A name that is none is an event where there is no callback; any other failure is not. */
  #sent({ callback }: check.SendCall, error: Error): void {
    if (callback) process.nextTick(callback, error);
    else process.nextTick(() => this.emit("error", error));
  }

  /**
   * {@linkcode Socket.send} as it was once.
   *
   * @param data The message.
   * @param offset Where in it to begin.
   * @param length How many bytes.
   * @param port The port.
   * @param address The address.
   * @param callback Called when it was sent.
   */
  sendto(
    data: Data,
    offset: number,
    length: number,
    port: number,
    address: string,
    callback?: SendCallback,
  ): void {
    check.checkNumber(offset, "offset");
    check.checkNumber(length, "length");
    check.checkNumber(port, "port");
    check.checkString(address, "address");
    this.send(data, offset, length, port, address, callback);
  }

  /**
   * Answers a message: from the address it was sent to, out of the interface it came in on.
   *
   * @param data The answer, or its pieces.
   * @param remote What the `message` event told; not a copy of it.
   * @param callback Called when it was sent.
   */
  reply(data: Data | readonly Data[], remote: RemoteInfo, callback?: SendCallback): void {
    const packet = packetOf(remote);
    if (!packet) {
      throw errors.invalidType("remote", "the object that a message event gave", remote);
    }
    this[own.mustRun]();
    const call = check.sendCall([data, { port: remote.port }, callback], false);
    const subject = { address: remote.address, port: remote.port };
    this[own.handle]!.reply(packet, call.data).then(
      () => callback && process.nextTick(callback, null, call.data.byteLength),
      (error) => callback && process.nextTick(callback, errors.refusal(error, "send", subject)),
    );
  }

  // --- receiving

  #message(packet: Packet): void {
    const mapped = this.type === "udp6";
    const remote = remoteInfo(packet, mapped);
    if (isBlocked(this.#options.receiveBlockList, remote.address)) return;
    const { buffer, byteOffset, byteLength } = packet.data;
    this.emit("message", Buffer.from(buffer, byteOffset, byteLength), remote);
  }

  // --- life

  /**
   * Closes the socket; `close` is emitted.
   *
   * @param callback Listens to `close`.
   * @returns This socket.
   */
  close(callback?: () => void): this {
    if (typeof callback === "function") this.on("close", callback);
    if (this[own.waiting]) {
      this[own.waiting].push(() => this.close());
      return this;
    }
    this[own.mustRun]();
    const handle = this[own.handle]!;
    this[own.handle] = null;
    this.#closing = handle.close();
    const emit = () => void this.emit("close");
    if (closesAtOnce) process.nextTick(emit);
    else this.#closing.then(() => process.nextTick(emit));
    return this;
  }

  /** Closes the socket, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this[own.handle]) await new Promise<void>((resolve) => this.close(resolve));
    await this.#closing;
  }
}
