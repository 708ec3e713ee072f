// Receiver: Bun.udpSocket. usage: bun_receive.mjs WARM COUNT
import { argument, loopback, meter, ready } from "./meter.mjs";

const counter = meter(argument(0), argument(1));
let sink = 0;
globalThis.sink = () => sink;
const socket = await Bun.udpSocket({
  hostname: loopback,
  port: 0,
  socket: {
    data(self, data, port) {
      sink += data.length + data[0] + port;
      if (counter.packet()) self.close();
    },
  },
});
ready(socket.port);
