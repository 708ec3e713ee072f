/** Chat with everybody on the link; try it in two terminals: `deno run --allow-ffi examples/chat.ts` */
// deno-lint-ignore-file no-console
import process from "node:process";
import { openUdpSocket } from "../mod.ts";

const to = { address: "239.255.76.67", port: 7667 };
const socket = openUdpSocket({ port: to.port, share: true });
const group = socket.join(to.address);
const say = (line: Uint8Array) =>
  socket.sendMany(group.interfaces.map(({ index }) => ({ data: line, to, interface: index })));
process.stdin.on("data", (line) => say(line).catch(console.error)).on("end", () => socket.close());
for await (const { source, interfaceName, data } of socket) {
  const text = new TextDecoder().decode(data).replaceAll(/\p{C}/gu, "");
  console.log(`${source} on ${interfaceName}: ${text}`);
}
