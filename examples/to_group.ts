/**
 * Joins groups, sends to each by the same interface, and tells what arrives on this host.
 *
 *     deno run --allow-ffi examples/to_group.ts 239.1.2.3@lo ff02::1234@lo
 */
// deno-lint-ignore-file no-console

import { openUdpSocket, parseEndpoint, SocketError } from "../mod.ts";

for (const text of Deno.args) {
  try {
    console.log(`${text}: ${await toItself(text)}`);
  } catch (error) {
    if (!(error instanceof SocketError)) throw error;
    console.log(`${text}: ${error.code}. ${error.hint ?? error.message}`);
  }
}

async function toItself(text: string): Promise<string> {
  const { address, zone, interface: named, hops } = parseEndpoint(text);
  const name = named ?? zone ?? undefined;
  await using socket = openUdpSocket({ groups: [{ group: address, interface: name }] });
  const to = { address, port: socket.port, interface: name };
  await socket.send("hello", to, { hops: hops ?? undefined });
  try {
    const { source, interfaceName } = await socket.receive({ signal: AbortSignal.timeout(500) });
    return `from ${source.address} on ${interfaceName}`;
  } catch (error) {
    if ((error as Error).name !== "TimeoutError") throw error;
    return "sent, but nothing arrived";
  }
}
