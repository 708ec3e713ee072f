/** Multicast on three interfaces, one of which comes and goes, and memberships that follow. */
import type { Membership } from "../../mod.ts";
import type { Host } from "../lab/lab.ts";
import type { Job, SoakPeer } from "../lab/peers.ts";
import type { Stream } from "./ledger.ts";
import type { Part, Scene } from "./scene.ts";

const GROUPS = ["239.7.7.7", "ff15::7:7"];
const EVERY_S = 0.02;
/** How long the third link stays as it is. */
const CHANGE_MS = 4_000;

interface Source {
  peer: SoakPeer;
  /** The interface here. */
  name: string;
  job: Job;
  stream: Stream;
}

/** Receives groups on all interfaces, each packet from the right one. */
export const listening: Part = async (scene) => {
  const { ledger, net } = scene;
  const [socket, inbox] = scene.openInbox("groups", { receiveBufferSize: 1 << 20 });
  const memberships = GROUPS.map((group) => socket.join(group));
  const reading = (async () => {
    for await (const packet of socket) {
      if (scene.arrived(inbox, packet)) ledger.did("multicasts received");
      if (packet.cast === "multicast" || packet.data.length < 12) continue;
      ledger.trouble("misattributed", `a multicast came as ${packet.cast}`);
    }
  })();
  const sources: Source[] = [];
  for (const [peer, name] of [[net.onA, "eth0"], [net.onB, "eth1"], [net.onC, "eth2"]] as const) {
    const interfaceIndex = await net.here.index(name);
    for (const group of GROUPS) {
      const expected = { destination: group, interfaceIndex };
      const stream = ledger.stream(inbox, `${group} on ${name}`, expected);
      const where = { to: group, port: socket.port, interface: "eth0" };
      const job: Job = { do: "send", id: stream.id, every: EVERY_S, ...where };
      sources.push({ peer, name, job, stream });
      await peer.begin(job);
    }
  }
  const onC = sources.filter(({ name }) => name === "eth2");
  await scene.every(CHANGE_MS, "a change of interfaces", () => change(scene, memberships, onC));
  for (const { peer, job, stream } of sources) stream.sent = (await peer.stop(job)).sent;
  scene.later(() => socket.close().then(() => reading));
};

/** The third link made anew. */
const ANEW = [
  "link del eth2",
  "link add name eth2 type veth peer name eth0 netns c",
  "link set eth2 up",
];

/** What happens to it. */
const CHANGES: readonly string[][] = [
  ["link set eth2 down", "link set eth2 up"],
  [
    ...["link set eth2 down", "link set eth2 name other2"],
    ...["link set other2 name eth2", "link set eth2 up"],
  ],
  ["link set eth2 mtu 1400", "link set eth2 mtu 1500"],
  ANEW,
];

/** Waits in one process: to start one for each look takes this one's time. */
async function usable(host: Host, name: string): Promise<void> {
  const has = `ip -6 address show dev ${name} scope link -tentative | grep -q inet6`;
  await host.run("sh", ["-c", `until ${has}; do sleep 0.05; done`]);
}

/** Changes the third link, while its peer is silent, and waits until all have noticed. */
async function change(
  scene: Scene,
  memberships: readonly Membership[],
  sources: readonly Source[],
): Promise<void> {
  const { net: { here, c }, ledger } = scene;
  for (const { peer, job, stream } of sources) stream.sent = (await peer.stop(job)).sent;
  await soon(() => sources.every(({ stream }) => stream.missing <= 0));
  const chosen = CHANGES[scene.below(CHANGES.length)];
  await here.batch(chosen);
  if (chosen === ANEW) await c.batch(["addr add 10.4.0.100/24 dev eth0", "link set eth0 up"]);
  await Promise.all([usable(here, "eth2"), usable(c, "eth0")]);
  const index = await here.index("eth2");
  const follows = () =>
    memberships.every(({ interfaces, failed }) =>
      failed.length === 0 && interfaces.length === 3 &&
      interfaces.some((one) => one.index === index && one.name === "eth2")
    );
  if (!await soon(follows)) {
    const words = memberships.map(({ interfaces }) => interfaces.map(({ name }) => name).join("+"));
    ledger.trouble("not followed", `${chosen.join(", ")}: ${words.join(", ")}`);
  }
  for (const { peer, job, stream } of sources) {
    stream.expected.interfaceIndex = index;
    await peer.begin(job);
  }
  ledger.did("changes of interfaces");
}

/** Waits for something for at most ten seconds; returns whether it came. */
async function soon(condition: () => boolean): Promise<boolean> {
  for (const end = performance.now() + 10_000; performance.now() < end;) {
    if (condition()) return true;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return false;
}
