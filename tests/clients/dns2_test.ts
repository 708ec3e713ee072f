// dns2, whose server is derived from dgram's Socket: on our module by the alias.
import { assertEquals } from "@std/assert";
import { test } from "../harness.ts";
import { needs, routedNetworks, runtimes, startClient } from "./clients.ts";

const name = "who.test";
const serve = { port: 5300, address: "0.0.0.0" };
/** The second address of its interface: answers that do not say otherwise come from the first. */
const ask = { dns: "10.1.0.2", port: 5300, name };

for (const runtime of runtimes) {
  test(
    `dns2 on ${runtime} answers from the address that was asked, and knows on which interface`,
    needs,
    async () => {
      await using net = await routedNetworks();
      const server = await startClient(net.here, "dns2", { serve, reply: true }, { runtime });
      await server.next("ready");
      const onA = await startClient(net.a, "dns2", { ask });
      const seen = { event: "asked", name };
      assertEquals(await server.next(), {
        ...seen,
        from: "10.1.0.100",
        to: "10.1.0.2",
        on: "eth0",
      });
      assertEquals(await onA.next(), { event: "answer", addresses: ["10.1.0.2"] });
      const elsewhere = { ask: { ...ask, dns: "10.2.0.1" } };
      const onB = await startClient(net.b, "dns2", elsewhere, { dgram: "node" });
      assertEquals(await server.next(), {
        ...seen,
        from: "10.2.0.100",
        to: "10.2.0.1",
        on: "eth1",
      });
      assertEquals(await onB.next(), { event: "answer", addresses: ["10.2.0.1"] });
    },
  );
}

test(
  "dns2 on node:dgram answers from another address, and the client waits in vain",
  needs,
  async () => {
    await using net = await routedNetworks();
    const server = await startClient(net.here, "dns2", { serve }, { dgram: "node" });
    await server.next("ready");
    const onA = await startClient(net.a, "dns2", { ask }, { dgram: "node" });
    assertEquals(await server.next(), { event: "asked", name, from: "10.1.0.100" });
    assertEquals(await onA.next(), { event: "failed", code: "ETIMEDOUT" });
  },
);
