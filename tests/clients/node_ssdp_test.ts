// node-ssdp, which makes a socket for each address by itself: on our module by the alias.
import { assertEquals } from "@std/assert";
import { test } from "../harness.ts";
import { needs, routedNetworks, runtimes, startClient } from "./clients.ts";

const device = "urn:example:device:lamp:1";

// Here it has two addresses in A and one in B, a socket for each, and every one that hears a search answers from all three.
for (
  const [name, how, hear] of [
    ...runtimes.map((runtime) => [runtime, { runtime }, 2] as const),
    ["node:dgram", { dgram: "node" }, 3] as const,
  ]
) {
  test(
    `node-ssdp on ${name}, searched for in A, hears it on ${hear} of its sockets`,
    needs,
    async () => {
      await using net = await routedNetworks();
      const lamp = await startClient(net.here, "node_ssdp", { device }, how);
      await lamp.next("ready");
      const answers = 3 * hear;
      const searching = await startClient(net.a, "node_ssdp", {
        search: device,
        answers,
        then: "uuid:1",
      });
      const seen = { event: "response", code: 200, from: "10.1.0.1", to: "10.1.0.100", on: "eth0" };
      for (let count = 0; count < answers; count++) {
        assertEquals(await searching.next(), { ...seen, usn: `uuid:1::${device}` });
      }
      // These were all: the next is an answer to the next question.
      assertEquals(await searching.next(), { ...seen, usn: "uuid:1" });
    },
  );
}

test(
  "node-ssdp finds a device that runs on node:dgram, and knows on which interface",
  needs,
  async () => {
    await using net = await routedNetworks();
    const lamp = await startClient(net.a, "node_ssdp", { device }, { dgram: "node" });
    await lamp.next("ready");
    const searching = await startClient(net.here, "node_ssdp", { search: device });
    const { usn, from, to, on } = await searching.next();
    assertEquals([usn, from, to, on], [`uuid:1::${device}`, "10.1.0.100", "10.1.0.1", "eth0"]);
  },
);
