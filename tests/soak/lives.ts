/** Sockets that are opened, used and closed in every way, waits that are given up, and peers that refuse. */
import { openUdpSocket, type SocketError, type UdpSocketOptions } from "../../mod.ts";
import type { Inbox, Stream } from "./ledger.ts";
import type { Part, Scene } from "./scene.ts";

const LIFE_MS = 60;
const REFUSAL_MS = 500;
const CLOSED_PORT = 9;

/** How a socket is opened, and where it is reached then. */
const KINDS: [options: UdpSocketOptions, to: string][] = [
  [{}, "127.0.0.21"],
  [{}, "::1"],
  [{ address: "127.0.0.22" }, "127.0.0.22"],
  [{ family: "IPv6", timestamps: true }, "::1"],
  [{ share: true, groups: ["239.7.7.8@lo"], multicastInterface: "lo" }, "239.7.7.8"],
  [{ groups: ["239.7.7.9", "ff15::7:9"] }, "127.0.0.23"],
  [{ segmentation: true, maxDatagramSize: 2000 }, "127.0.0.24"],
];

/** How it ends. */
const ENDS = ["close", "dispose", "abort", "while waiting", "while iterating", "unread"] as const;

/** Opens a socket, sends itself a datagram, and closes it: again and again, each time in another way. */
export const lives: Part = async (scene) => {
  const inbox = scene.ledger.inbox("sockets of a moment");
  const stream = scene.ledger.stream(inbox, "to itself");
  await scene.every(LIFE_MS, "a socket's life", () => live(scene, inbox, stream));
};

async function live(scene: Scene, inbox: Inbox, stream: Stream): Promise<void> {
  const { ledger } = scene;
  const [options, to] = KINDS[scene.below(KINDS.length)];
  const end = ENDS[scene.below(ENDS.length)];
  const abort = new AbortController();
  const socket = scene.open("a socket of a moment", { ...options, signal: abort.signal });
  const place = { address: to, port: socket.port };
  stream.expected.destination = to;
  const iterator = scene.below(2) === 0 ? socket[Symbol.asyncIterator]() : null;
  await socket.send(stream.next(12 + scene.below(800)), place);
  const packet = iterator ? (await iterator.next()).value! : await socket.receive();
  scene.arrived(inbox, packet);
  // A wait that is given up swallows nothing.
  const reason = new Error("given up");
  const waiting = new AbortController();
  const wait = socket.receive({ signal: waiting.signal }).then(() => null, (error) => error);
  waiting.abort(reason);
  if (await wait !== reason) ledger.trouble("exception", "a wait did not end with its reason");
  ledger.did("waits given up");
  await socket.send(stream.next(20), place);
  scene.arrived(inbox, await socket.receive());
  ledger.did("sockets opened and closed");
  if (end === "dispose") return await socket[Symbol.asyncDispose]();
  if (end === "abort") {
    ledger.timed("closing", () => abort.abort());
    return await socket.close();
  }
  if (end === "while waiting") {
    const ended = socket.receive().then(() => "a packet", (error: SocketError) => error.code);
    await socket.close();
    const code = await ended;
    if (code !== "ECANCELED") ledger.trouble("exception", `a wait ended by close() with ${code}`);
    return;
  }
  if (end === "while iterating") {
    const ended = socket[Symbol.asyncIterator]().next();
    await socket.close();
    if (!(await ended).done) ledger.trouble("exception", "an iteration outlived its socket");
    return;
  }
  // What nobody reads goes with the socket.
  if (end === "unread") await socket.send("unread", place);
  await socket.close();
}

/** Asks a port that is closed, by a connected socket: the refusal is told, and the socket goes on. */
export const refusals: Part = async (scene) => {
  const { ledger } = scene;
  for (const peer of ["10.1.0.100", "fd01::100"]) {
    let told: (error: Error) => void = () => {};
    const family = peer.includes(":") ? "IPv6" : "IPv4";
    const socket = openUdpSocket({ family, onError: (error) => told(error) });
    socket.connect({ address: peer, port: CLOSED_PORT });
    const reading = (async () => {
      for await (const packet of socket) ledger.trouble("unknown", `from ${packet.source}`);
    })();
    const asking = scene.every(REFUSAL_MS, "a refusal", async () => {
      const heard = new Promise<Error | null>((resolve) => {
        told = resolve;
        setTimeout(() => resolve(null), 5_000);
      });
      await socket.send("is anybody there?");
      const error = await heard as SocketError | null;
      if (error?.code !== "ECONNREFUSED") ledger.trouble("error", `no refusal but ${error}`);
      ledger.did("refusals told");
    });
    scene.later(() => asking.then(() => socket.close()).then(() => reading));
  }
  await scene.pause(2 ** 31 - 1);
};
