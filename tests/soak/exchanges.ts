/** Questions and answers: ours to peers, theirs to our server, and those of the face of `node:dgram`. */
import { createSocket } from "../../dgram/mod.ts";
import type { UdpSocket } from "../../mod.ts";
import type { Job } from "../lab/peers.ts";
import type { Stream } from "./ledger.ts";
import type { Part, Scene } from "./scene.ts";

/** Where peers echo. */
export const ECHO_PORT = 7007;
const ASK_MS = 40;

/** Who is asked, from which of our addresses, and on which interface the answers come. */
const FROM_US = [
  { to: "10.1.0.100", own: "10.1.0.2", name: "eth0" },
  { to: "fd01::100", own: "fd01::2", name: "eth0" },
  { to: "10.2.0.100", own: "10.2.0.1", name: "eth1" },
  { to: "fd02::100", own: "fd02::1", name: "eth1" },
];

/** Asks peers, one question after the other, from an address of our choice each. */
export const asking: Part = async (scene) => {
  const { ledger, net } = scene;
  const [socket, inbox] = scene.openInbox("questions", {});
  const streams = new Map<string, Stream>();
  for (const { to, own, name } of FROM_US) {
    const interfaceIndex = await net.here.index(name);
    const expected = { source: to, destination: own, interfaceIndex };
    streams.set(to, ledger.stream(inbox, `echo of ${to}`, expected));
  }
  const reading = (async () => {
    for await (const packet of socket) {
      if (scene.arrived(inbox, packet)) ledger.did("questions answered");
    }
  })();
  await scene.every(ASK_MS, "a question", async () => {
    const { to, own, name } = FROM_US[scene.below(FROM_US.length)];
    const data = streams.get(to)!.next(12 + scene.below(1300));
    const options = scene.below(2) === 0 ? { source: own, interface: name } : { source: own };
    await socket.send(data, { address: to, port: ECHO_PORT }, options);
  });
  scene.later(() => socket.close().then(() => reading));
};

/** A server on both families that answers from where it was asked; peers ask it, and compare the answers. */
export const answering: Part = async (scene) => {
  const { ledger, net } = scene;
  const [socket, inbox] = scene.openInbox("server", {});
  const { port } = socket;
  const reading = serve(scene, socket, async (packet) => {
    if (scene.arrived(inbox, packet)) {
      await socket.reply(packet, packet.data);
      ledger.did("questions of peers answered");
    }
  });
  const jobs: { job: Job; stream: Stream | null; peer: typeof net.onA }[] = [];
  for (
    const [peer, name, addresses] of [
      [net.onA, "eth0", ["10.1.0.1", "10.1.0.2", "fd01::1", "fd01::2"]],
      [net.onB, "eth1", ["10.2.0.1", "fd02::1"]],
    ] as const
  ) {
    const interfaceIndex = await net.here.index(name);
    for (const to of addresses) {
      const stream = ledger.stream(inbox, `questions to ${to}`, {
        destination: to,
        interfaceIndex,
      });
      jobs.push({ peer, stream, job: { do: "ask", id: stream.id, to, port, every: 0.1 } });
    }
    const to = addresses[0];
    const id = 1_000_000 + interfaceIndex;
    jobs.push({ peer, stream: null, job: { do: "garbage", id, to, port, every: 0.1 } });
  }
  for (const { peer, job } of jobs) await peer.begin(job);
  await scene.pause(2 ** 31 - 1);
  // What they have asked last is answered before they are asked how many were answered.
  for (const { peer, job } of jobs) await peer.stop(job);
  await new Promise((resolve) => setTimeout(resolve, 500));
  for (const { peer, job, stream } of jobs) {
    const { sent, answered, wrong } = await peer.stop(job);
    if (stream) stream.sent = sent;
    else inbox.garbageSent += sent;
    if (stream && (answered !== sent || wrong > 0)) {
      ledger.trouble(
        "late answer",
        `${job.to}: ${sent} asked, ${answered} answered, ${wrong} wrong`,
      );
    }
  }
  scene.later(() => socket.close().then(() => reading));
};

/** Reads until the socket is closed. */
async function serve(
  scene: Scene,
  socket: UdpSocket,
  take: (packet: Awaited<ReturnType<UdpSocket["receive"]>>) => Promise<void>,
): Promise<void> {
  for await (const packet of socket) {
    await take(packet).catch((error) => scene.ledger.trouble("exception", `a reply: ${error}`));
  }
}

/** An exchange with a peer by the face of `node:dgram`. */
export const byDgram: Part = async (scene) => {
  const { ledger } = scene;
  const inbox = ledger.inbox("dgram");
  const stream = ledger.stream(inbox, "by dgram", { source: "10.2.0.100" });
  const socket = createSocket("udp4");
  socket.on("error", (error) => ledger.trouble("error", `dgram: ${error.message}`));
  socket.on("message", (data, remote) => {
    const source = remote.address;
    ledger.arrived(inbox, { data, source, destination: "", interfaceIndex: null });
    ledger.did("dgram's messages");
  });
  await new Promise<void>((resolve) => socket.bind(0, resolve));
  await scene.every(ASK_MS * 2, "dgram", () =>
    new Promise<void>((resolve, reject) => {
      const data = stream.next(12 + scene.below(400));
      socket.send(data, ECHO_PORT, "10.2.0.100", (error) => error ? reject(error) : resolve());
    }));
  scene.later(() => new Promise<void>((resolve) => void socket.close(resolve)));
};
