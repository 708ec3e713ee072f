// Echo server: this library. The answer leaves from the address and interface the request came to.
import { openUdpSocket } from "../../mod.ts";
import { argument, loopback, ready } from "./meter.mjs";

// usage: pktinfo_echo.ts [BUSY_POLL_US]
const socket = openUdpSocket({ address: loopback, busyPoll: argument(0) || 0 });
ready(socket.port);
for await (const packet of socket) await socket.reply(packet, packet.data);
