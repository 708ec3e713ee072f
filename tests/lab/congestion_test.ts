// A network that is slower than the sender: every datagram is taken, late.
import { assert, assertEquals } from "@std/assert";
import { openUdpSocket } from "../../mod.ts";
import { findProgram, test, type TestOptions } from "../harness.ts";
import { startReceiver } from "./peers.ts";
import "./sockets.ts"; // loads the library before the first test
import { lan } from "./topologies.ts";

const needs: TestOptions = { needs: ["lab", "python3"] };

const PORT = 5000;

for (
  const { name, limit, options } of [
    // The datagrams in the queue count against the send buffer: EAGAIN, until it can be written to.
    { name: "full send buffer", limit: 1_000_000, options: { sendBufferSize: 4096 } },
    // The queue is shorter than the send buffer: ENOBUFS, which says nothing about when to try again.
    { name: "full device queue", limit: 8_000, options: { onError: () => {} } },
  ]
) {
  for (const address of ["10.3.0.2", "fd03::2"]) {
    test(`a ${name} is waited for: every datagram to ${address} arrives, in order`, {
      ...needs,
      skip: findProgram("tc") === null && "needs tc",
    }, async () => {
      await using net = await lan(2);
      const [here, there] = net.hosts;
      await using receiver = await startReceiver(there, {
        family: address.includes(":") ? "IPv6" : "IPv4",
        port: PORT,
      });
      await using socket = openUdpSocket(options);
      await socket.send("0", { address, port: PORT });
      assertEquals((await receiver.next()).text, "0");
      await here.run("tc", [
        ...["qdisc", "add", "dev", "eth0", "root", "tbf"],
        ...["rate", "8mbit", "burst", "2000", "limit", String(limit)],
      ]);
      const data = (number: number) => `${number}`.padEnd(1000);
      const expect = async (from: number, to: number) => {
        for (let number = from; number < to; number++) {
          assertEquals((await receiver.next()).text.trim(), `${number}`);
        }
      };
      // 1,000 bytes a millisecond: what is taken at once is not yet on the wire.
      const start = performance.now();
      const sent: Promise<void>[] = [];
      for (let number = 1; number <= 150; number++) {
        sent.push(socket.send(data(number), { address, port: PORT }));
      }
      await Promise.all([Promise.all(sent), expect(1, 151)]);
      assert(performance.now() - start > 80, "the queue was never full");
      const items = Array.from({ length: 150 }, (_, number) => ({
        data: data(151 + number),
        to: { address, port: PORT },
      }));
      const [count] = await Promise.all([socket.sendMany(items), expect(151, 301)]);
      assertEquals([count, socket.stats.sent], [150, 301]);
    });
  }
}
