// Sender: node:dgram, WINDOW sends under way at a time. usage: node_send.mjs WARM COUNT PORT
import dgram from "node:dgram";
import { argument, loopback, meter, payload, ready } from "./meter.mjs";

const WINDOW = 64;
const counter = meter(argument(0), argument(1));
const port = argument(2);
const socket = dgram.createSocket("udp4");

let pending = 0;
function sent(error) {
  if (error) throw error;
  if (counter.packet()) return;
  if (--pending === 0) sendWindow();
}
function sendWindow() {
  pending = WINDOW;
  for (let i = 0; i < WINDOW; i++) socket.send(payload, port, loopback, sent);
}
socket.bind(0, loopback, () => {
  ready(socket.address().port);
  sendWindow();
});
