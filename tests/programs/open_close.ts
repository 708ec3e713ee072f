/**
 * Opens sockets of every kind, uses some, and closes all; writes how many descriptors and how much memory the process
 * had after a tenth of them, after half and at the end.
 *
 * Arguments: how many sockets.
 */
// deno-lint-ignore-file no-console
import fs from "node:fs";
import process from "node:process";
import { interfaces, openUdpSocket, type UdpSocket, type UdpSocketOptions } from "../../mod.ts";
import { openDescriptors } from "./descriptors.ts";
import { collectGarbage } from "./garbage.ts";

const total = Number(process.argv[2]);
const lo = interfaces().find(({ loopback }) => loopback)!.name;

/** A packet to itself, and its content. */
async function exchange(socket: UdpSocket, host: string, text: string): Promise<void> {
  await socket.send(text, `${host}:${socket.port}`);
  const { data } = await socket.receive();
  const heard = new TextDecoder().decode(data);
  if (heard !== text) throw new Error(`sent ${text}, received ${heard}`);
}

async function opened(options: UdpSocketOptions, use?: (socket: UdpSocket) => unknown) {
  const socket = openUdpSocket(options);
  await use?.(socket);
  await socket.close();
}

/** Reads in vain; what the wait comes to is checked. */
function waitFor(socket: UdpSocket): Promise<void> {
  return socket.receive().then(() => {
    throw new Error("nothing was sent");
  }, ({ code }) => {
    if (code !== "ECANCELED") throw new Error(`the wait ended with ${code}`);
  });
}

const kinds: ((i: number) => Promise<void>)[] = [
  () => opened({}),
  () => opened({ family: "IPv4" }),
  () => opened({ family: "IPv6" }),
  () => opened({ groups: [`239.255.77.1@${lo}`, `ff02::4c43%${lo}`] }),
  () => opened({ share: true, family: "IPv4", groups: [`239.255.77.2@${lo}`] }),
  () => opened({ address: "239.255.77.3", groups: [`239.255.77.3@${lo}`] }),
  () => opened({ reusePort: true, deliver: "all", timestamps: true, onError() {} }),
  (i) => opened({ address: "127.0.0.3" }, (socket) => exchange(socket, "127.0.0.3", `${i}`)),
  (i) => opened({}, (socket) => exchange(socket, i % 2 === 0 ? "[::1]" : "127.0.0.4", `${i}`)),
  () => {
    const socket = openUdpSocket();
    const ended = waitFor(socket);
    return Promise.all([socket.close(), ended]).then(() => {});
  },
  async (i) => {
    await using socket = openUdpSocket({ address: "127.0.0.5" });
    await socket.send(`${i}`, `127.0.0.5:${socket.port}`);
    for await (const _ of socket) break;
  },
  async () => {
    const controller = new AbortController();
    const socket = openUdpSocket({ signal: controller.signal });
    const ended = waitFor(socket);
    controller.abort();
    await Promise.all([socket.close(), ended]);
  },
  async () => {
    const socket = openUdpSocket({ family: "IPv4" });
    const ended = waitFor(socket);
    // Long enough for the wait to be under way.
    await new Promise((resolve) => setImmediate(resolve));
    await Promise.all([socket.close(), ended]);
  },
  () => opened({ address: "127.0.0.6" }, (socket) => socket.connect("127.0.0.7:9")),
  () =>
    opened({ family: "IPv4" }, (socket) => {
      using _ = socket.join("239.255.77.4", { interface: lo });
      socket.set({ multicastHops: 2 });
    }),
];

/** Memory is in KiB: the whole as the runtime tells it, the whole as the kernel does, and JavaScript's part. */
function measure() {
  collectGarbage();
  const { rss, heapUsed } = process.memoryUsage();
  const pages = Number(fs.readFileSync("/proc/self/statm", "latin1").split(" ")[1]);
  return {
    descriptors: openDescriptors().length,
    rss: Math.round(rss / 1024),
    resident: pages * 4,
    heap: Math.round(heapUsed / 1024),
  };
}

// One of each: what is opened once a process, such as the C library, is there from here on.
for (const [i, kind] of kinds.entries()) await kind(i);
const points = [measure()];
const marks = [total / 10, total / 2, total].map(Math.floor);
for (let i = 0, mark = 0; mark < marks.length; mark++) {
  for (; i < marks[mark]; i++) await kinds[i % kinds.length](i);
  points.push(measure());
}
console.log(JSON.stringify(points));
