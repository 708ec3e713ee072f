/**
 * An echo server for hosts with several addresses: each answer comes from the address that was
 * asked and leaves by the interface the request came in on.
 *
 *     deno run --allow-ffi examples/echo.ts 7777
 */
// deno-lint-ignore-file no-console

import { openUdpSocket } from "../mod.ts";

await using socket = openUdpSocket({
  port: Number(Deno.args[0] ?? 0),
  onError: (error) => console.error(error.message), // somebody asked and went away
});
console.log(`echoing on ${socket.localAddresses.join(" and ")}`);
for await (const packet of socket) {
  // Two echo servers that answer each other's multicasts would never stop.
  if (packet.cast !== "unicast") continue;
  // Nor would two that are told, by a forged source, to be each other's client; or one to be its own.
  if (packet.source.port === socket.port) continue;
  await socket.reply(packet, packet.data).catch((error) => console.error(error.message));
}
