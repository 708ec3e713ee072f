/**
 * `node:dgram`, with the destination address and the interface of each message.
 *
 * A program that uses `node:dgram` imports this instead; see docs/dgram.md for what differs.
 *
 * @example
 * ```ts
 * import { createSocket } from "@pktinfo/pktinfo/dgram";
 *
 * const socket = createSocket("udp4", (message, { address, destination, interfaceName }) => {
 *   console.log(`${address} says ${message} to ${destination} on ${interfaceName}`);
 *   socket.close();
 * });
 * socket.bind(0, "127.0.0.1", () => socket.send("hello", socket.address().port));
 * ```
 *
 * @module
 */

import type { Buffer } from "node:buffer";
import { Socket } from "./socket.ts";
import type { RemoteInfo, SocketOptions, SocketType } from "./types.ts";

export { Socket };
export { BoundSocket } from "./bound_socket.ts";
export { SocketSettings } from "./socket_settings.ts";
export type {
  AddressInfo,
  BindOptions,
  Data,
  Lookup,
  LookupCallback,
  RemoteInfo,
  SendCallback,
  SendTarget,
  SocketEvents,
  SocketOptions,
  SocketType,
} from "./types.ts";
export type { Deliver } from "../socket/options.ts";

/**
 * Makes an unbound socket.
 *
 * @example Node's behaviour in the two things that are different by default
 * ```ts
 * import { createSocket } from "@pktinfo/pktinfo/dgram";
 *
 * const socket = createSocket({ type: "udp4", multicastAllInterfaces: false, deliver: "all" });
 * socket.close();
 * ```
 *
 * @param type The family, or options.
 * @param listener Listens to `message`.
 * @returns The socket.
 * @throws {TypeError} `ERR_SOCKET_BAD_TYPE` and `ERR_INVALID_ARG_TYPE`, as `node:dgram` does.
 */
export function createSocket(
  type: SocketType | SocketOptions,
  listener?: (message: Buffer, remote: RemoteInfo) => void,
): Socket {
  return new Socket(type, listener);
}

/** All of it, for `import dgram from`. */
const dgram: { createSocket: typeof createSocket; Socket: typeof Socket } = {
  createSocket,
  Socket,
};
export default dgram;
