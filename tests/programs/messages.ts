/** Sends and receives in every way that has memory of its own, collects garbage in between, and counts the packets. */
// deno-lint-ignore-file no-console
import { interfaces, openUdpSocket, type Packet } from "../../mod.ts";
import { collector } from "../garbage.ts";

const collect = collector();
const receiver = openUdpSocket({ segmentation: true });
const sender = openUdpSocket({ segmentation: true });
const to = `127.0.0.3:${receiver.port}`;
const packets: Packet[] = [];

async function take(count: number): Promise<void> {
  for (; count > 0; count--) packets.push(await receiver.receive());
}

for (let round = 0; round < 2; round++) {
  await sender.send("plain", to);
  await sender.send(new Uint8Array(1200), to, { source: "127.0.0.9", hops: 7 });
  await sender.send("", to);
  await take(3);
  await sender.sendMany(Array.from({ length: 40 }, (_, i) => ({ data: new Uint8Array(i), to })));
  await take(40);
  await sender.sendMany(Array.from({ length: 8 }, () => ({ data: new Uint8Array(300), to })));
  await take(8);
  await receiver.reply(packets.at(-1)!, "an answer");
  await sender.receive();
  interfaces();
  collect();
}
await receiver.close();
await sender.close();
console.log(packets.length);
