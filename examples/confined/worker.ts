/**
 * The part of a program that has `--allow-ffi`: a socket, and nothing else. It tells what comes as plain data, and sends
 * what it is told to; see main.ts for who starts it.
 */
import { openUdpSocket, type UdpSocketOptions } from "../../mod.ts";

/** What it is told: first how to open the socket, then what to send. */
export type Told = { open: UdpSocketOptions } | { data: Uint8Array; to: string };

/** What it tells: first the port, then each packet. */
export type Heard =
  | { port: number }
  | { data: Uint8Array; source: string; destination: string; interfaceName: string | null }
  | { error: string };

const parent = self as unknown as {
  postMessage(message: Heard): void;
  onmessage: ((event: { data: Told }) => void) | null;
};

const fail = (error: Error) => parent.postMessage({ error: error.message });

parent.onmessage = ({ data: told }) => {
  if ("open" in told) serve(told.open).catch(fail);
};

async function serve(options: UdpSocketOptions): Promise<void> {
  await using socket = openUdpSocket(options);
  parent.onmessage = ({ data: told }) => {
    if ("to" in told) socket.send(told.data, told.to).catch(fail);
  };
  parent.postMessage({ port: socket.port });
  for await (const { data, source, destination, interfaceName } of socket) {
    parent.postMessage({ data, source: `${source}`, destination: `${destination}`, interfaceName });
  }
}
