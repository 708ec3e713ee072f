// Sender: Bun.udpSocket, 64 datagrams a call. usage: bun_send_many.mjs WARM COUNT PORT
import { argument, batch, loopback, meter, payload, ready } from "./meter.mjs";

const counter = meter(argument(0), argument(1));
const port = argument(2);
let drained = () => {};
const socket = await Bun.udpSocket({
  hostname: loopback,
  port: 0,
  socket: { drain: () => drained() },
});
const items = Array.from({ length: batch }, () => [payload, port, loopback]).flat();
ready(socket.port);
let done = false;
while (!done) {
  const sent = socket.sendMany(items);
  for (let i = 0; i < sent; i++) done ||= counter.packet();
  if (sent < batch) await new Promise((resolve) => drained = resolve);
}
