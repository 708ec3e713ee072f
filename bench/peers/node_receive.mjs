// Receiver: node:dgram. usage: node_receive.mjs WARM COUNT
import dgram from "node:dgram";
import { argument, loopback, meter, ready } from "./meter.mjs";

const counter = meter(argument(0), argument(1));
const socket = dgram.createSocket("udp4");
let sink = 0;
socket.on("message", (data, source) => {
  sink += data.length + data[0] + source.port;
  if (counter.packet()) socket.close();
});
socket.bind(0, loopback, () => ready(socket.address().port));
globalThis.sink = () => sink;
