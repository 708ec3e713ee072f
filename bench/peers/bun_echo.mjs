// Echo server: Bun.udpSocket.
import { loopback, ready } from "./meter.mjs";

const socket = await Bun.udpSocket({
  hostname: loopback,
  port: 0,
  socket: { data: (self, data, port, address) => void self.send(data, port, address) },
});
ready(socket.port);
