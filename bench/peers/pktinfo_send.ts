// Sender: this library, each send awaited or 64 datagrams a call.
// usage: pktinfo_send.ts WARM COUNT PORT each|many [SIZE [trains]]
import { openUdpSocket, SocketAddress } from "../../mod.ts";
import { argument, batch, loopback, meter, payload, ready, word } from "./meter.mjs";

const data = word(4) ? new Uint8Array(argument(4)) : payload;

const counter = meter(argument(0), argument(1));
const to = SocketAddress.parse(`${loopback}:${argument(2)}`);
const socket = openUdpSocket({ address: loopback, segmentation: word(5) === "trains" });

async function each() {
  do await socket.send(data, to); while (!counter.packet());
}

async function many() {
  const items = Array.from({ length: batch }, () => ({ data, to }));
  for (let done = false; !done;) {
    await socket.sendMany(items);
    for (let i = 0; i < batch; i++) done ||= counter.packet();
  }
}

ready(socket.port);
await (word(3) === "many" ? many() : each());
