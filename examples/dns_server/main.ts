/**
 * A name server for a host with several addresses, on one wildcard socket: each answer comes from the address that was
 * asked, and names the addresses that this host has on the network the question came from.
 *
 *     deno run --allow-ffi examples/dns_server/main.ts NAME [PORT]
 *     dig @127.0.0.1 -p 5300 router.lab A
 *
 * Resolvers drop an answer that comes from another address than they have asked: dig says "reply from unexpected source".
 */
// deno-lint-ignore-file no-console

import process from "node:process";
import { interfaces, openUdpSocket } from "../../mod.ts";
import { answer } from "./answer.ts";

const [name, port = "5300"] = process.argv.slice(2);
if (name === undefined) {
  console.error("usage: main.ts NAME [PORT]");
  process.exit(2);
}
await using socket = openUdpSocket({
  port: Number(port),
  maxDatagramSize: 4096, // no question is longer
  onError: (error) => console.error(error.message),
});
console.log(`serving ${name} on ${socket.localAddresses.join(" and ")}`);
for await (const packet of socket) {
  const { data, destination, interfaceIndex, interfaceName, cast } = packet;
  if (cast !== "unicast" || interfaceName === null) continue;
  const own = interfaces().find(({ index }) => index === interfaceIndex)?.addresses ?? [];
  const text = answer(data, name, {
    address: destination.address,
    interface: interfaceName,
    // A link-local address is of no use without its zone, which a record cannot have.
    own: own.filter(({ scopeId }) => scopeId === null),
  });
  if (text) await socket.reply(packet, text).catch((error) => console.error(error.message));
}
