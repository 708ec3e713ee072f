// multicast-dns, with a socket of ours given to it.
import { assertEquals } from "@std/assert";
import { test } from "../harness.ts";
import { needs, routedNetworks, runtimes, startClient } from "./clients.ts";

const name = "lamp.local";

for (const runtime of runtimes) {
  test(
    `multicast-dns on ${runtime} knows on which network it was asked, and answers there`,
    needs,
    async () => {
      await using net = await routedNetworks();
      const answer = { answer: name, data: "192.0.2.7", reply: true };
      const lamp = await startClient(net.here, "multicast_dns", answer, { runtime });
      await lamp.next("ready");
      const asked = { event: "query", name, to: "224.0.0.251" };
      const answered = { event: "response", name, data: "192.0.2.7" };

      const onA = await startClient(net.a, "multicast_dns", { ask: name });
      assertEquals(await lamp.next(), { ...asked, from: "10.1.0.100", on: "eth0" });
      const { from, on } = await onA.next("response");
      assertEquals([from, on], ["10.1.0.1", "eth0"]);

      // Somebody else's program, on Node's own module.
      const onB = await startClient(net.b, "multicast_dns", { ask: name }, { dgram: "node" });
      assertEquals(await lamp.next(), { ...asked, from: "10.2.0.100", on: "eth1" });
      assertEquals(await onB.next("response"), { ...answered, from: "10.2.0.1" });
    },
  );
}

test(
  "multicast-dns answers a group, and who asked knows on which interface the answer came",
  needs,
  async () => {
    await using net = await routedNetworks();
    const lamp = await startClient(net.a, "multicast_dns", { answer: name, data: "192.0.2.7" });
    await lamp.next("ready");
    const here = await startClient(net.here, "multicast_dns", { ask: name });
    const answer = { event: "response", name, data: "192.0.2.7" };
    const seen = { from: "10.1.0.100", to: "224.0.0.251", on: "eth0" };
    assertEquals(await here.next("response"), { ...answer, ...seen });
  },
);

test("multicast-dns over IPv6 answers on a link", needs, async () => {
  await using net = await routedNetworks();
  const options = { type: "udp6", ip: "ff02::fb", interface: "::%eth0" };
  const lamp = await startClient(net.here, "multicast_dns", {
    options,
    answer: name,
    data: "192.0.2.7",
  });
  await lamp.next("ready");
  const onA = await startClient(net.a, "multicast_dns", { options, ask: name });
  const [theirs, ours] = [await net.a.linkLocal("eth0"), await net.here.linkLocal("eth0")];
  const place = { to: "ff02::fb", on: "eth0" };
  assertEquals(await lamp.next(), { event: "query", name, from: `${theirs}%eth0`, ...place });
  const answer = { event: "response", name, data: "192.0.2.7" };
  assertEquals(await onA.next("response"), { ...answer, from: `${ours}%eth0`, ...place });
});

// Linux gives a group that one socket joined to every other on the port, on whichever interface that did not join.
for (const [dgram, hears] of [["ours", "B alone"], ["node", "A, too"]] as const) {
  test(
    `multicast-dns for the interface into B hears ${hears} (dgram: ${dgram})`,
    needs,
    async () => {
      await using net = await routedNetworks();
      const instance = async (address: string) => {
        const options = { interface: address, bind: "0.0.0.0" };
        const client = await startClient(net.here, "multicast_dns", { options }, { dgram });
        await client.next("ready");
        return client;
      };
      const [intoA, intoB] = [await instance("10.1.0.1"), await instance("10.2.0.1")];
      await startClient(net.a, "multicast_dns", { ask: name });
      assertEquals((await intoA.next("query")).from, "10.1.0.100");
      await startClient(net.b, "multicast_dns", { ask: name });
      const heard = dgram === "node" ? ["10.1.0.100", "10.2.0.100"] : ["10.2.0.100"];
      for (const from of heard) assertEquals((await intoB.next("query")).from, from);
    },
  );
}
