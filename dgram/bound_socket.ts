/**
 * A socket with an address of its own, and maybe that of a peer.
 *
 * @module
 */

import { EventEmitter } from "node:events";
import { isIP } from "node:net";
import process from "node:process";
import type { Packet } from "../socket/packet.ts";
import * as check from "./arguments.ts";
import * as errors from "./errors.ts";
import { Handle } from "./handle.ts";
import { isBlocked } from "./block_list.ts";
import { type FamilyLookup, familyLookup } from "./lookup.ts";
import * as own from "./members.ts";
import { SocketSettings } from "./socket_settings.ts";
import type { AddressInfo, BindOptions, SocketOptions, SocketType } from "./types.ts";

/** Told of errors before anybody else; the types of events know nothing of it. */
const beforeError = EventEmitter.errorMonitor as unknown as "error";

/** The part of a `Socket` that binds and connects. */
export abstract class BoundSocket extends SocketSettings {
  /** The family it was made for. */
  readonly type: SocketType;
  readonly #options: SocketOptions;
  readonly #lookup: FamilyLookup;
  #bindState: "unbound" | "binding" | "bound" = "unbound";
  #connectState: "disconnected" | "connecting" | "connected" = "disconnected";
  #queue: (() => void)[] | undefined;

  /**
   * Made by `createSocket`.
   *
   * @internal
   */
  constructor(options: SocketOptions, receive: (packet: Packet) => void) {
    super();
    checkOptions(options);
    this.type = options.type;
    this.#options = options;
    const known = this.type === "udp4" || this.type === "udp6";
    this.#lookup = familyLookup(known ? this.type : "udp4", options.lookup);
    if (!known) throw errors.badType();
    this[own.handle] = new Handle(this.type, options, {
      message: receive,
      error: (error) => {
        process.nextTick(() => {
          if (this[own.handle]) this.emit("error", errors.refusal(error, "recvmsg"));
        });
      },
    });
  }

  /**
   * Whether it has a peer.
   *
   * @internal
   */
  protected get [own.connected](): boolean {
    return this.#connectState === "connected";
  }

  /**
   * Asks for the address of a name, in the socket's family.
   *
   * @internal
   */
  protected get [own.lookup](): FamilyLookup {
    return this.#lookup;
  }

  // --- binding

  /**
   * Binds, and begins to receive: `listening` is emitted.
   *
   * @param args `(port?, address?, callback?)`, `(port, callback)`, `(callback)` or `(options, callback?)`.
   * @returns This socket.
   */
  bind(port?: number, address?: string, callback?: () => void): this;
  /** Binds to a port of all local addresses. */
  bind(port?: number, callback?: () => void): this;
  /** Binds to a port that the OS chooses. */
  bind(callback?: () => void): this;
  /** Binds as the options say. */
  bind(options: BindOptions, callback?: () => void): this;
  bind(...args: unknown[]): this {
    this[own.mustRun]();
    if (this.#bindState !== "unbound") throw errors.alreadyBound();
    const { port, address } = bindTarget(args);
    this.#bindState = "binding";
    const callback = args.at(-1);
    if (typeof callback === "function") this.#onceListening(callback as () => void);
    this.#lookup(address || this.#anywhere, (error, ip) => {
      if (!this[own.handle]) return;
      try {
        if (error) throw error;
        this.#bindTo(ip, port);
      } catch (error) {
        this.#bindState = "unbound";
        this.emit("error", error as Error);
        return;
      }
      this.#startReceiving();
      this.emit("listening");
    });
    return this;
  }

  get #anywhere(): string {
    return this.type === "udp4" ? "0.0.0.0" : "::";
  }

  /** The callback of `bind`, which an error takes back. */
  #onceListening(callback: () => void): void {
    const forget = () => {
      this.removeListener(beforeError, forget);
      this.removeListener("listening", listening);
    };
    const listening = () => {
      forget();
      callback.call(this);
    };
    this.on(beforeError, forget);
    this.on("listening", listening);
  }

  #bindTo(address: string, port: number): void {
    try {
      this[own.handle]!.bind(address, port);
    } catch (error) {
      throw errors.refusal(error, "bind", { address, port });
    }
  }

  #startReceiving(): void {
    const handle = this[own.handle]!;
    handle.receive();
    this.#bindState = "bound";
    const { recvBufferSize, sendBufferSize } = this.#options;
    if (recvBufferSize) this.setRecvBufferSize(recvBufferSize);
    if (sendBufferSize) this.setSendBufferSize(sendBufferSize);
  }

  /**
   * Binds before it returns; `listening` is emitted a tick later.
   *
   * @param options The port, and the address as an IP literal.
   * @returns Where it is bound.
   */
  bindSync(options: Omit<BindOptions, "exclusive" | "fd"> = {}): AddressInfo {
    this[own.mustRun]();
    if (typeof options !== "object" || options === null) {
      throw errors.invalidType("options", "of type object", options);
    }
    if (this.#bindState !== "unbound") throw errors.alreadyBound();
    const port = check.checkPort(options.port ?? 0, "options.port", true);
    const address = options.address || this.#anywhere;
    check.checkLiteral(address, "options.address", "bindSync", isIP);
    this.#bindTo(address, port);
    this.#startReceiving();
    process.nextTick(() => {
      if (this[own.handle]) this.emit("listening");
    });
    return this.address();
  }

  /**
   * What is to be done once it is bound; `undefined` where nothing waits for that.
   *
   * @internal
   */
  protected get [own.waiting](): (() => void)[] | undefined {
    return this.#queue;
  }

  /**
   * Does something now if the socket is bound, otherwise when it is.
   *
   * @internal
   */
  protected [own.whenBound](action: () => void): void {
    if (this.#bindState === "unbound") this.bind({ port: 0, exclusive: true });
    if (this.#bindState === "bound") return action();
    if (this.#queue) return void this.#queue.push(action);
    this.#queue = [action];
    const failed = () => {
      this.removeListener("listening", succeeded);
      this.#queue = undefined;
    };
    const succeeded = () => {
      this.removeListener(beforeError, failed);
      const queue = this.#queue ?? [];
      this.#queue = undefined;
      for (const action of queue) action();
    };
    this.once(beforeError, failed);
    this.once("listening", succeeded);
  }

  // --- a peer

  /**
   * Fixes the peer: only its datagrams are received, and `send` names no destination. `connect` is emitted.
   *
   * @param port The peer's port.
   * @param address Its host name or IP literal. Default: this host.
   * @param callback Called with an error, or when connected.
   */
  connect(port: number, address?: string, callback?: (error?: Error) => void): void;
  /** Fixes a peer on this host. */
  connect(port: number, callback: (error?: Error) => void): void;
  connect(
    port: number,
    second?: string | ((error?: Error) => void),
    third?: (error?: Error) => void,
  ): void {
    port = check.checkPort(port, "Port", false);
    const callback = typeof second === "function" ? second : third;
    const address = typeof second === "function" ? "" : second ?? "";
    check.checkString(address, "address");
    if (this.#connectState !== "disconnected") throw errors.isConnected();
    this.#connectState = "connecting";
    this[own.whenBound](() => {
      if (callback) this.once("connect", callback);
      this.#lookup(address, (error, ip) => {
        if (!this[own.handle]) return;
        const refused = error ?? this.#connectTo(ip, port, address);
        process.nextTick(() => {
          if (!refused) return void this.emit("connect");
          if (!callback) return void this.emit("error", refused);
          this.removeListener("connect", callback);
          callback(refused);
        });
        if (error) this.#connectState = "disconnected";
      });
    });
  }

  /** Connects; returns what is said against it. */
  #connectTo(ip: string, port: number, address: string): Error | null {
    this.#connectState = "disconnected";
    if (isBlocked(this.#options.sendBlockList, ip)) return errors.ipBlocked(ip);
    try {
      this[own.handle]!.connect(ip, port);
    } catch (error) {
      return errors.refusal(error, "connect", { address: address || ip, port });
    }
    this.#connectState = "connected";
    return null;
  }

  /**
   * Connects before it returns; `connect` is emitted a tick later.
   *
   * @param port The peer's port.
   * @param address Its IP literal. Default: this host.
   */
  connectSync(port: number, address?: string): void {
    this[own.mustRun]();
    port = check.checkPort(port, "Port", false);
    if (this.#connectState !== "disconnected") throw errors.isConnected();
    const ip = address || (this.type === "udp4" ? "127.0.0.1" : "::1");
    check.checkLiteral(ip, "address", "connectSync", isIP);
    if (this.#bindState === "unbound") this.bindSync();
    else if (this.#bindState === "binding") throw errors.alreadyBound();
    const refused = this.#connectTo(ip, port, ip);
    if (refused) throw refused;
    process.nextTick(() => {
      if (this[own.handle]) this.emit("connect");
    });
  }

  /** Takes the peer back. */
  disconnect(): void {
    if (this.#connectState !== "connected") throw errors.notConnected();
    this[own.run]("connect", (handle) => handle.disconnect());
    this.#connectState = "disconnected";
  }

  /** The peer. */
  remoteAddress(): AddressInfo {
    this[own.mustRun]();
    if (this.#connectState !== "connected") throw errors.notConnected();
    return this[own.run]("getpeername", (handle) => handle.remoteAddress);
  }

  /** Where it is bound. */
  address(): AddressInfo {
    this[own.mustRun]();
    return this[own.run]("getsockname", (handle) => handle.localAddress);
  }
}

function checkOptions(options: SocketOptions): void {
  const { recvBufferSize, sendBufferSize, receiveBlockList, sendBlockList } = options;
  if (recvBufferSize) check.checkUint32(recvBufferSize, "options.recvBufferSize");
  if (sendBufferSize) check.checkUint32(sendBufferSize, "options.sendBufferSize");
  if (receiveBlockList) check.checkBlockList(receiveBlockList, "options.receiveBlockList");
  if (sendBlockList) check.checkBlockList(sendBlockList, "options.sendBlockList");
}

/** Whether Node would take these options for a descriptor or one of its own handles. */
function namesSocket(options: BindOptions & { recvStart?: unknown }): boolean {
  const { fd, recvStart } = options;
  return typeof recvStart === "function" || (Number.isInteger(fd) && fd! > 0);
}

function bindTarget(
  [first, second]: readonly unknown[],
): { port: number; address: string | undefined } {
  const options = typeof first === "object" && first !== null ? first as BindOptions : null;
  if (options && namesSocket(options)) {
    throw errors.unsupported(
      "a socket of pktinfo cannot take over a descriptor or handle: what has come in on it already tells no destination",
    );
  }
  const port = options ? options.port : typeof first === "function" ? 0 : first;
  const address = options ? options.address : typeof second === "function" ? undefined : second;
  return { port: check.checkPort(port || 0, "Port", true), address: address as string | undefined };
}
