// Echo server: this library. The answer leaves from the address and interface the request came to.
import { openUdpSocket } from "../../mod.ts";
import { loopback, ready } from "./meter.mjs";

const socket = openUdpSocket({ address: loopback });
ready(socket.port);
for await (const packet of socket) await socket.reply(packet, packet.data);
