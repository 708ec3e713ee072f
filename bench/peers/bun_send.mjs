// Sender: Bun.udpSocket, one datagram a call. usage: bun_send.mjs WARM COUNT PORT
import { argument, loopback, meter, payload, ready } from "./meter.mjs";

const counter = meter(argument(0), argument(1));
const port = argument(2);
let drained = () => {};
const socket = await Bun.udpSocket({
  hostname: loopback,
  port: 0,
  socket: { drain: () => drained() },
});
ready(socket.port);
do {
  while (!socket.send(payload, port, loopback)) {
    await new Promise((resolve) => drained = resolve);
  }
} while (!counter.packet());
