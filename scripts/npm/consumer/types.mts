// The types as a user's compiler sees them; nothing here is run.
import type { Buffer } from "node:buffer";
import {
  openUdpSocket,
  type Packet,
  type SocketAddress,
  SocketError,
  watchInterfaces,
} from "pktinfo";
import { type Io, main } from "pktinfo/cli";
import { createSocket, type RemoteInfo, type Socket } from "pktinfo/dgram";
import { diagnose, type Diagnosis } from "pktinfo/doctor";

export async function answerAll(signal: AbortSignal): Promise<number> {
  await using socket = openUdpSocket({ port: 5000, groups: ["239.1.2.3"], deliver: "joined" });
  for await (const packet of socket.packets({ signal })) {
    const { data, destination, interfaceName }: Packet = packet;
    const to: SocketAddress | null = destination;
    const name: string | null = interfaceName;
    if (to?.address !== name) await socket.reply(packet, data);
  }
  using membership = socket.join("ff02::fb", { interface: "eth0" });
  return membership.interfaces.length;
}

export function hear(): Socket {
  return createSocket({ type: "udp6", deliver: "all" }, (message: Buffer, remote: RemoteInfo) => {
    message.equals(message) && remote.destination?.startsWith("ff");
  }).on("message", (message, remote) => message.subarray(remote.size));
}

export async function look(io: Io): Promise<Diagnosis> {
  await main(["interfaces"], io);
  await using changes = watchInterfaces();
  for await (const change of changes) if (change.type === "added") break;
  return await diagnose({ interfaces: ["eth0"] });
}

export function hint(error: unknown): string | null {
  return error instanceof SocketError ? error.hint : null;
}

// Were the types not found, all of this would be `any`, and allowed.
// @ts-expect-error -- a port is a number
openUdpSocket({ port: "5000" });
// @ts-expect-error -- there is no such family
createSocket("udp5");
// @ts-expect-error -- that is no destination
openUdpSocket().send("hello", 5000);
// @ts-expect-error -- options, not an interface
diagnose("eth0");
// @ts-expect-error -- something to write to is missing
main([]);
