// What a packet costs beside the kernel: our own JavaScript, a call into C, and one on another thread that is awaited.
import process from "node:process";
import { system } from "../../ffi/system.ts";
import { openUdpSocket, SocketAddress } from "../../mod.ts";
import { batch, loopback, payload } from "./meter.mjs";

/** CPU time of one, in microseconds: user and system, all threads. The work is done a tenth as often before, for the JIT. */
async function cpuUs(count: number, work: (count: number) => Promise<void>): Promise<number> {
  await work(count / 10);
  const start = process.cpuUsage();
  await work(count);
  const used = process.cpuUsage(start);
  return (used.user + used.system) / count;
}

const sys = system();
const { library, runtime, rest } = sys;

const memory = runtime.allocate(64);
const { memcpy } = library.symbols;
const crossing = await cpuUs(2_000_000, (count) => {
  for (let i = 0; i < count; i++) memcpy(memory.address, payload, 0);
  return Promise.resolve();
});

const handOff = await cpuUs(5_000, async (count) => {
  for (let i = 0; i < count; i++) await rest!(0);
});

const socket = openUdpSocket({ address: loopback });
const to = SocketAddress.parse(`${loopback}:${socket.port}`);
const items = Array.from({ length: batch }, () => ({ data: payload, to }));
await socket.sendMany(items);

// A kernel that brings the same batch again and again: all that it writes are the headers.
const receive = sys.receiveMany.bind(sys);
let headers: Uint8Array | undefined;
sys.receiveMany = (fd, batch, room) => {
  if (headers) batch.headers.set(headers);
  else {
    receive(fd, batch, room);
    headers = batch.headers.slice();
  }
  return room;
};
let sink = 0;
const receiving = await cpuUs(1_000_000, async (count) => {
  while (count > 0) {
    const packets = await socket.receiveMany({ max: batch });
    for (const { data, source, destination, interfaceIndex } of packets) {
      sink += data[0] + source.port + destination.address.length + interfaceIndex!;
    }
    count -= packets.length;
  }
});
Object.assign(globalThis, { sink: () => sink });

// One that takes everything.
sys.sendMany = (_fd, _batch, count) => count;
const sending = await cpuUs(1_000_000, async (count) => {
  for (; count > 0; count -= batch) await socket.sendMany(items);
});

const line = JSON.stringify({
  crossing: crossing * 1000,
  "hand-off": handOff,
  "own-receive": receiving * 1000,
  "own-send": sending * 1000,
});
process.stdout.write(`${line}\n`, () => process.exit(0));
