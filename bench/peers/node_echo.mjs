// Echo server: node:dgram.
import dgram from "node:dgram";
import { loopback, ready } from "./meter.mjs";

const socket = dgram.createSocket("udp4");
socket.on("message", (data, source) => socket.send(data, source.port, source.address));
socket.bind(0, loopback, () => ready(socket.address().port));
