// Sender: Deno.listenDatagram, each send awaited. usage: deno_send.ts WARM COUNT PORT
import { argument, loopback, meter, payload, ready } from "./meter.mjs";

const counter = meter(argument(0), argument(1));
const to: Deno.NetAddr = { transport: "udp", hostname: loopback, port: argument(2) };
const socket = Deno.listenDatagram({ transport: "udp", hostname: loopback, port: 0 });
ready((socket.addr as Deno.NetAddr).port);
do await socket.send(payload, to); while (!counter.packet());
