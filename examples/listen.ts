/**
 * Prints what arrives: from whom, to which address, on which interface.
 *
 *     deno run --allow-ffi examples/listen.ts 5353 224.0.0.251 ff02::fb
 */
// deno-lint-ignore-file no-console

import { openUdpSocket } from "../mod.ts";

const [port = "0", ...groups] = Deno.args;
await using socket = openUdpSocket({ port: Number(port), share: true, groups });
console.log(`listening on ${socket.localAddresses.join(" and ")}`);
for await (const packet of socket) {
  const { source, destination, interfaceName, cast, hops, data } = packet;
  console.log(
    `${source} → ${destination} on ${interfaceName}: ${cast}, ${hops} hops, ${data.length} bytes`,
  );
}
