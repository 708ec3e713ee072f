/** Two networks with somebody on each who sends what the test says. */
import { startTalker, type Talker } from "./peers.ts";
import { type TwoNetworks, twoNetworks } from "./topologies.ts";

/** Two networks, a talker on each and one here. */
export interface Stage extends TwoNetworks {
  onA: Talker;
  onB: Talker;
  onHere: Talker;
  /** The indexes of the interfaces here. */
  eth0: number;
  eth1: number;
}

/** Builds the networks and starts the talkers. */
export async function stage(): Promise<Stage & AsyncDisposable> {
  const net = await twoNetworks();
  try {
    const [onA, onB, onHere] = await Promise.all([net.a, net.b, net.here].map(startTalker));
    const [eth0, eth1] = [await net.here.index("eth0"), await net.here.index("eth1")];
    return { ...net, onA, onB, onHere, eth0, eth1 };
  } catch (error) {
    await net[Symbol.asyncDispose]();
    throw error;
  }
}

/** Sends to a group from both networks; the text says from which. */
export async function sendFromBoth({ onA, onB }: Stage, to: string, port: number, text = "") {
  await onA.send({ to, port, interface: "eth0", data: `A${text}` });
  await onB.send({ to, port, interface: "eth0", data: `B${text}` });
}
