/** Chat with everybody on the link; try it in two terminals: `deno run --allow-ffi examples/chat.ts` */
// deno-lint-ignore-file no-console
import process from "node:process";
import { createInterface } from "node:readline";
import { openUdpSocket } from "../mod.ts";

const to = { address: "239.255.76.67", port: 7667 };
const socket = openUdpSocket({ port: to.port, share: true });
const group = socket.join(to.address);
const keyboard = createInterface(process.stdin).on("close", () => socket.close());
keyboard.on("line", (data) => {
  for (const { index } of group.interfaces) {
    socket.send(data, { ...to, interface: index }).catch(console.error);
  }
});
for await (const { source, interfaceName, data } of socket) {
  const text = new TextDecoder().decode(data).replaceAll(/\p{C}/gu, "");
  console.log(`${source} on ${interfaceName}: ${text}`);
}
