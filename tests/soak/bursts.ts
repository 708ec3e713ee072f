/** Bursts by `sendMany` and `receiveMany`, one by one and as trains; some are more than the kernel keeps. */
import type { UdpSocket } from "../../mod.ts";
import type { Inbox, Stream } from "./ledger.ts";
import type { Part, Scene } from "./scene.ts";

const EVERY_MS = 300;
/** So many datagrams the kernel makes of one train at most. */
const TRAIN = 64;

const WAYS = [
  { own: "127.0.0.11", to: "127.0.0.12", segmentation: false },
  { own: "127.0.0.13", to: "127.0.0.14", segmentation: true },
  { own: "::1", to: "::1", segmentation: false },
];

interface Way {
  sender: UdpSocket;
  receiver: UdpSocket;
  inbox: Inbox;
  stream: Stream;
  to: string;
}

export const bursts: Part = async (scene) => {
  const { ledger, net } = scene;
  const lo = await net.here.index("lo");
  const ways = WAYS.map(({ own, to, segmentation }): Way => {
    const name = `bursts to ${to}${segmentation ? ", trains" : ""}`;
    const options = { address: to, segmentation };
    const [receiver, inbox] = scene.openInbox(name, options, segmentation ? TRAIN : 1);
    const sender = scene.open(name, { address: own, segmentation });
    const expected = { source: own, destination: to, interfaceIndex: lo };
    const place = to.includes(":") ? `[${to}]:${receiver.port}` : `${to}:${receiver.port}`;
    return { sender, receiver, inbox, stream: ledger.stream(inbox, name, expected), to: place };
  });
  const reading = ways.map((way) => read(scene, way));
  await scene.every(EVERY_MS, "a burst", async () => {
    const { sender, stream, to } = ways[scene.below(ways.length)];
    const count = [2, 64, 200, 400][scene.below(4)];
    const size = 12 + scene.below(1000);
    // A train is of one size; its last may be shorter.
    const items = Array.from(
      { length: count },
      (_, n) => ({ data: stream.next(n === count - 1 ? 12 : size), to }),
    );
    const sent = await sender.sendMany(items);
    if (sent !== count) ledger.trouble("error", `${sent} of ${count} were sent`);
    ledger.did("bursts");
  });
  scene.later(async () => {
    await Promise.all(ways.flatMap(({ sender, receiver }) => [sender.close(), receiver.close()]));
    await Promise.all(reading);
  });
};

async function read(scene: Scene, { receiver, inbox }: Way): Promise<void> {
  try {
    for (;;) {
      for (const packet of await receiver.receiveMany({ max: 100 })) scene.arrived(inbox, packet);
    }
  } catch (error) {
    if ((error as { code?: string }).code !== "ECANCELED" && !scene.over.aborted) {
      scene.ledger.trouble("exception", `receiveMany: ${error}`);
    }
  }
}
