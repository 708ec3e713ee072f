/** Sends itself trains and says how many pages the kernel had to find for each page of data. */
// deno-lint-ignore-file no-console
import process from "node:process";
import { openUdpSocket } from "../../mod.ts";

const PAGE = 4096;
const COUNT = 50;
const SIZE = 1200;

await using receiver = openUdpSocket({ address: "127.0.0.1", segmentation: true });
await using sender = openUdpSocket({ address: "127.0.0.2", segmentation: true });
const to = `127.0.0.1:${receiver.port}`;
const train = Array.from({ length: COUNT }, () => ({ data: new Uint8Array(SIZE), to }));

async function exchange(trains: number): Promise<void> {
  for (let i = 0; i < trains; i++) {
    await sender.sendMany(train);
    for (let got = 0; got < COUNT;) got += (await receiver.receiveMany()).length;
  }
}

await exchange(1000);
const before = process.resourceUsage().minorPageFault;
const trains = 3000;
await exchange(trains);
const faults = process.resourceUsage().minorPageFault - before;
console.log(faults / (trains * COUNT * SIZE / PAGE));
