/** What the tests of the node:dgram face share. */
import type { Buffer } from "node:buffer";
import { once } from "node:events";
import dgram, { type RemoteInfo, type Socket, type SocketOptions } from "../../dgram/mod.ts";
import { within } from "../harness.ts";
import "../kernel/support.ts";

/** A socket that is bound to an address. */
export async function bound(
  options: SocketOptions,
  address = options.type === "udp4" ? "127.0.0.2" : "::1",
): Promise<Socket> {
  const socket = dgram.createSocket(options);
  socket.bind(0, address);
  await within(5_000, once(socket, "listening"), "listening");
  return socket;
}

/** The next message, which must come soon. */
export async function message(socket: Socket): Promise<{ text: string; remote: RemoteInfo }> {
  const [data, remote] = await within(5_000, once(socket, "message"), "a message");
  return { text: (data as Buffer).toString(), remote: remote as RemoteInfo };
}

/** What a `send` calls back with. */
export function sent(
  socket: Socket,
  ...args: unknown[]
): Promise<{ error: NodeJS.ErrnoException | null; bytes: number | undefined }> {
  const done = new Promise<{ error: NodeJS.ErrnoException | null; bytes: number | undefined }>(
    (resolve) => {
      const callback = (error: Error | null, bytes?: number) => resolve({ error, bytes });
      (socket.send as (...args: unknown[]) => void)(...args, callback);
    },
  );
  return within(5_000, done, "the callback of send");
}

/** What a call throws, in short. */
export function thrown(call: () => unknown): { name: string; code?: string; message: string } {
  try {
    call();
  } catch (error) {
    const { name, code, message } = error as NodeJS.ErrnoException;
    return { name, code, message };
  }
  throw new Error("nothing was thrown");
}
