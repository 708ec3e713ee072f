// Echo server: Deno.listenDatagram.
import { loopback, ready } from "./meter.mjs";

const socket = Deno.listenDatagram({ transport: "udp", hostname: loopback, port: 0 });
ready((socket.addr as Deno.NetAddr).port);
for await (const [data, source] of socket) await socket.send(data, source);
