// bonjour-service, with a socket of ours given to it: published on one host, found on another.
import { assertEquals } from "@std/assert";
import { test } from "../harness.ts";
import { needs, routedNetworks, runtimes, startClient } from "./clients.ts";

function service(name: string) {
  return { name, type: "http", port: 8080, txt: { path: "/" }, host: `${name}.local` };
}

for (const runtime of runtimes) {
  test(
    `bonjour-service on ${runtime} finds services of two networks, and tells for each on which it is`,
    needs,
    async () => {
      await using net = await routedNetworks();
      const finder = await startClient(net.here, "bonjour_service", { find: "http" }, { runtime });
      await finder.next("ready");
      const places = [
        { host: net.a, name: "printer-a", from: "10.1.0.100", on: "eth0", dgram: "ours" },
        { host: net.b, name: "printer-b", from: "10.2.0.100", on: "eth1", dgram: "node" },
      ] as const;
      for (const { host, name, from, on, dgram } of places) {
        const publish = service(name);
        const wish = { publish, once: true };
        const publisher = await startClient(host, "bonjour_service", wish, { dgram });
        const { addresses, ...found } = await finder.next("up");
        const seen = { from, to: "224.0.0.251", on };
        assertEquals(found, { event: "up", name, port: 8080, txt: { path: "/" }, ...seen });
        assertEquals((addresses as string[]).includes(from), true);
        await publisher.next("gone");
        assertEquals(await finder.next(), { event: "down", name });
      }
    },
  );
}

test("bonjour-service answers who looks for what it published", needs, async () => {
  await using net = await routedNetworks();
  const publisher = await startClient(net.here, "bonjour_service", { publish: service("here") });
  await publisher.next("published");
  const finder = await startClient(net.a, "bonjour_service", { find: "http" }, { dgram: "node" });
  const { name, from } = await finder.next("up");
  assertEquals([name, from], ["here", "10.1.0.1"]);
});
