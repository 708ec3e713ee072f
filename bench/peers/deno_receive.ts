// Receiver: Deno.listenDatagram. usage: deno_receive.ts WARM COUNT
import { argument, loopback, meter, ready } from "./meter.mjs";

const counter = meter(argument(0), argument(1));
const socket = Deno.listenDatagram({ transport: "udp", hostname: loopback, port: 0 });
let sink = 0;
Object.assign(globalThis, { sink: () => sink });
ready((socket.addr as Deno.NetAddr).port);
for await (const [data, source] of socket) {
  sink += data.length + data[0] + (source as Deno.NetAddr).port;
  if (counter.packet()) break;
}
