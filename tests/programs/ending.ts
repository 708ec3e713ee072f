/**
 * Has sockets open, reads pending and packets coming in, and ends as the argument says: by itself, by force, by a fault,
 * or by what becomes of worker threads that do the same.
 */
// deno-lint-ignore-file no-console
import { once } from "node:events";
import process from "node:process";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { system } from "../../ffi/system.ts";
import { openUdpSocket, type UdpSocket } from "../../mod.ts";

const mode: string = isMainThread ? process.argv[2] : workerData;

/** A socket that hears itself again and again. */
async function busySocket(): Promise<UdpSocket> {
  const socket = openUdpSocket({ address: "127.0.0.1" });
  const own = `127.0.0.1:${socket.port}`;
  await socket.send("first", own);
  await socket.receive();
  (async () => {
    for await (const packet of socket) await socket.send(packet.data, own);
  })().catch(() => {});
  await socket.send("again and again", own);
  return socket;
}

/** Sockets that wait for what does not come. */
function idleSockets(): UdpSocket[] {
  const idle = [openUdpSocket(), openUdpSocket({ address: "127.0.0.1" })];
  for (const socket of idle) socket.receive().catch(() => {});
  return idle;
}

async function sockets(): Promise<UdpSocket[]> {
  return [await busySocket(), await busySocket(), ...idleSockets()];
}

function throwSoon() {
  setTimeout(() => {
    throw new Error("nobody catches this");
  }, 5);
}

function worker(what: string): Worker {
  return new Worker(new URL(import.meta.url), { workerData: what });
}

/** A worker, once it says that it is at work. */
async function atWork(what = "work"): Promise<Worker> {
  const started = worker(what);
  await once(started, "message");
  return started;
}

const endings: Record<string, () => Promise<void>> = {
  /** In a worker: goes on until it is ended. */
  async work() {
    await sockets();
    // The thread that waits for them has started when it answers. (Ended before, while it loads koffi, koffi aborts.)
    await system().library.callBlocking("poll", [0, 0, 0], true);
    parentPort!.postMessage("at work");
  },
  /** In a worker: may be ended while the thread that waits for its sockets still starts. */
  async start() {
    await sockets();
    parentPort!.postMessage("at work");
  },
  /** In a worker: ends by itself. */
  async conversation() {
    const [a, b] = [openUdpSocket(), openUdpSocket()];
    for (const text of ["one", "two", "three"]) {
      await a.send(text, `127.0.0.1:${b.port}`);
      const packet = await b.receive();
      await b.reply(packet, packet.data);
      parentPort!.postMessage(new TextDecoder().decode((await a.receive()).data));
    }
    await Promise.all([a.close(), b.close()]);
  },
  async exit() {
    await sockets();
    process.exit(3);
  },
  async throw() {
    await sockets();
    throwSoon();
  },
  async "throw-waiting"() {
    // One has heard something before: the thread that waits is at work.
    const [a, b] = [openUdpSocket(), openUdpSocket()];
    setTimeout(() => a.send("once", `127.0.0.1:${b.port}`), 1);
    await b.receive();
    for (const socket of [a, b]) socket.receive().catch(() => {});
    idleSockets();
    throwSoon();
  },
  async close() {
    await Promise.all((await sockets()).map((socket) => socket.close()));
  },
  async "terminate"() {
    const workers = await Promise.all([atWork(), atWork()]);
    await Promise.all(workers.map((one) => one.terminate()));
  },
  async "terminate-at-once"() {
    const workers = await Promise.all([atWork("start"), atWork("start")]);
    await Promise.all(workers.map((one) => one.terminate()));
  },
  async "exit-with-workers"() {
    await Promise.all([atWork(), atWork(), sockets()]);
    process.exit(3);
  },
  async "worker"() {
    const one = worker("conversation");
    const heard: string[] = [];
    one.on("message", (text) => heard.push(text));
    await once(one, "exit");
    console.log(heard.join(" "));
  },
  async "workers"() {
    const many = Array.from({ length: 8 }, () => worker("conversation"));
    let heard = 0;
    for (const one of many) one.on("message", () => heard++);
    await Promise.all(many.map((one) => once(one, "exit")));
    console.log(heard);
  },
};

await endings[mode]();
