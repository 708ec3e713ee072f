/**
 * One port, all cores: each worker thread has a socket of its own on it, and the kernel spreads the
 * clients over them (SO_REUSEPORT: Linux and FreeBSD). What an answer costs, a derived key of 1.6 ms
 * here, is then spent on as many cores as there are workers.
 *
 *     deno run --allow-ffi --allow-read examples/fan_out.ts 7777 4
 *
 * The kernel chooses by the sender's address and port: one client is always with the same worker.
 */
// deno-lint-ignore-file no-console

import { pbkdf2Sync } from "node:crypto";
import os from "node:os";
import process from "node:process";
import { isMainThread, parentPort, threadId, Worker, workerData } from "node:worker_threads";
import { openUdpSocket, platform } from "../mod.ts";

/** What an answer costs. */
const ITERATIONS = 2000;

function derive(data: Uint8Array): string {
  return pbkdf2Sync(data, "pktinfo", ITERATIONS, 16, "sha256").toString("hex");
}

/** In a worker: answers until the process ends. */
async function serve(port: number): Promise<void> {
  const socket = openUdpSocket({ port, reusePort: true });
  parentPort!.postMessage(`worker ${threadId} serves port ${socket.port}`);
  for await (const packet of socket) {
    if (packet.cast !== "unicast") continue;
    // A forged source could have two such servers answer each other for ever, or one itself.
    if (packet.source.port === socket.port) continue;
    const answer = `worker ${threadId}: ${derive(packet.data)}`;
    await socket.reply(packet, answer).catch((error) => console.error(error.message));
  }
}

function start(port: number, workers: number): void {
  if (!platform.reusePort) throw new Error(`${platform.os} does not spread datagrams over sockets`);
  for (let i = 0; i < workers; i++) {
    const worker = new Worker(new URL(import.meta.url), { workerData: port });
    worker.on("message", (text) => console.log(text));
    worker.on("error", (error) => console.error(error));
  }
}

if (isMainThread) {
  const [port = "7777", workers = String(os.availableParallelism())] = process.argv.slice(2);
  start(Number(port), Number(workers));
} else {
  await serve(workerData);
}
