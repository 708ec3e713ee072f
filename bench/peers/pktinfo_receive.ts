// Receiver: this library. Destination and interface of every packet are read, which no other JavaScript peer has.
// usage: pktinfo_receive.ts WARM COUNT each|many [trains]
import { openUdpSocket, type Packet } from "../../mod.ts";
import { argument, batch, loopback, meter, ready, word } from "./meter.mjs";

const counter = meter(argument(0), argument(1));
const socket = openUdpSocket({ address: loopback, segmentation: word(3) === "trains" });
let sink = 0;
Object.assign(globalThis, { sink: () => sink });

function read({ data, source, destination, interfaceIndex }: Packet): boolean {
  sink += data.length + data[0] + source.port;
  // "127.0.0.1": a wrong or missing destination must not be measured as a fast one
  if (destination?.address !== loopback || !interfaceIndex) {
    throw new Error(`destination ${destination}, interface ${interfaceIndex}`);
  }
  sink += destination.address.length + interfaceIndex;
  return counter.packet();
}

async function each() {
  for await (const packet of socket) {
    if (read(packet)) return;
  }
}

async function many() {
  while (true) {
    for (const packet of await socket.receiveMany({ max: batch })) {
      if (read(packet)) return;
    }
  }
}

ready(socket.port);
await (word(2) === "many" ? many() : each());
