// @homebridge/ciao, which makes a socket for each interface by itself: on our module by the alias.
import { assertEquals } from "@std/assert";
import { test } from "../harness.ts";
import type { TwoNetworks } from "../lab/topologies.ts";
import {
  type ClientOptions,
  needs,
  routedNetworks,
  type RunningClient,
  runtimes,
  startClient,
  type Told,
} from "./clients.ts";

const service = { name: "lamp", type: "hap", port: 9000 };
/** What only an answer to this question names first: ciao's announcements come at times of their own. */
const question = { ask: "_services._dns-sd._udp.local", type: "PTR" };
const answer = { event: "response", name: question.ask, data: "_hap._tcp.local" };

async function advertise({ here }: TwoNetworks, how: ClientOptions) {
  // Otherwise it chooses interfaces by the neighbours they have had, and these have none yet.
  const wish = { service, options: { interface: ["eth0", "eth1"] } };
  const lamp = await startClient(here, "ciao", wish, how);
  await lamp.next("advertised");
}

/** Everything that is told up to the answer to the question; the answer is the last. */
async function upToAnswer(client: RunningClient): Promise<Told[]> {
  const told: Told[] = [];
  for (;;) {
    told.push(await client.next());
    const { event, name } = told.at(-1)!;
    if (event === "response" && name === question.ask) return told;
  }
}

for (const runtime of runtimes) {
  test(`ciao on ${runtime}, asked on one of two networks, answers there`, needs, async () => {
    await using net = await routedNetworks();
    const watching = await startClient(net.a, "multicast_dns", {});
    await watching.next("ready");
    await advertise(net, { runtime });
    const onB = await startClient(net.b, "multicast_dns", question);
    const seen = { to: "224.0.0.251", on: "eth0" };
    assertEquals((await upToAnswer(onB)).at(-1), { ...answer, from: "10.2.0.1", ...seen });
    // On A an answer comes when A asks, not before; and what was announced is not probed for again.
    await startClient(net.a, "multicast_dns", question);
    const told = await upToAnswer(watching);
    assertEquals(told.at(-1), { ...answer, from: "10.1.0.1", ...seen });
    const asked = told.findIndex(({ from }) => from === "10.1.0.100");
    assertEquals(told.slice(0, asked).map(({ name }) => name).includes(question.ask), false);
    const announced = told.findIndex(({ event }) => event === "response");
    const later = told.slice(announced).filter(({ event }) => event === "query");
    assertEquals(later.map(({ from }) => from), ["10.1.0.100"]);
  });
}

// Linux gives each of its two sockets what came for the other, and it takes its own announcement for somebody else's.
test(
  "ciao on node:dgram between two networks begins again when it has announced",
  needs,
  async () => {
    await using net = await routedNetworks();
    const watching = await startClient(net.a, "multicast_dns", {});
    await watching.next("ready");
    await advertise(net, { dgram: "node" });
    await watching.next("response");
    const { name, from } = await watching.next("query");
    assertEquals([name, from], ["lamp._hap._tcp.local", "10.1.0.1"]);
  },
);
