// A reader that takes a second over each packet: its socket costs nothing meanwhile, others are served, and nothing is lost uncounted.
import { assert, assertEquals } from "@std/assert";
import { openUdpSocket, type Packet } from "../../mod.ts";
import { figure, long } from "../figures.ts";
import { test, within } from "../harness.ts";
import { FakeLibrary } from "../kernel/fake_library.ts";
import { usedKiB } from "../soak/gauges.ts";
import { Numbers } from "../soak/numbers.ts";
import { Asker, compile, drained, kernelCounts, startFlood } from "./load_support.ts";
import { startEcho } from "./peers.ts";
import { textOf } from "./sockets.ts";
import { twoNetworks } from "./topologies.ts";

const SECONDS = long ? 60 : 6;
const RATE = 2_000;
const END = "the end";
/** Nothing is read ahead of demand, but what one call brings. */
const A_CALL = 32;
/** What a packet of the slow reader may take of calls: one that brings many, and one to wait. */
const CALLS_A_PACKET = 4;
const GROWTH_KIB = 1024;

test("a reader that takes a second over each packet is left in peace, and keeps nobody waiting", {
  needs: ["lab", "cc", "python3"],
  timeout: (SECONDS + 60) * 1000,
}, async () => {
  using program = await compile("flood");
  await using net = await twoNetworks();
  const echo = await startEcho(net.b, "10.2.0.100", SECONDS + 60);
  // The calls of this socket alone.
  const library = new FakeLibrary();
  await using socket = library.openSocket({ address: "10.1.0.2" });
  const { port } = socket;
  const numbers = new Numbers();
  const take = ({ data }: Packet) => {
    const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
    numbers.add(Number(view.getBigUint64(0, true)));
  };

  const flood = await startFlood(program.file, net.a, "10.1.0.2", port, RATE, SECONDS);
  const asker = new Asker(`10.2.0.100:${echo}`);
  take(await within(5_000, socket.receive(), "the first packet"));
  const memory = await usedKiB();
  library.calls.length = library.blocking.length = 0;
  let slow = 0;
  for await (const packet of socket) {
    take(packet);
    await new Promise((resolve) => setTimeout(resolve, 1000));
    if (++slow === SECONDS - 1) break;
  }
  const ahead = socket.stats.received - numbers.count;
  const calls = library.calls.length + library.blocking.length;
  const growth = await usedKiB() - memory;
  const { sent } = await flood.sent();
  await asker.stop();

  // All that the kernel has kept, and a last packet, which tells how many it has not.
  let last: Packet | null = null;
  const rest = (async () => {
    for await (const packet of socket) {
      if (textOf(packet) === END) return last = packet;
      take(packet);
    }
  })();
  await drained(port, "IPv4");
  await using sender = openUdpSocket({ family: "IPv4" });
  await sender.send(END, `10.1.0.2:${port}`);
  await within(5_000, rest, "the last packet");
  const { dropped } = last!;

  const told = `${sent} sent, ${numbers.count} received, ${dropped} dropped, ${calls} calls for ` +
    `${slow} packets, ${growth} KiB more, ${asker.answered} answered`;
  assertEquals(sent - numbers.count - dropped!, 0, told);
  assertEquals([numbers.repeated, numbers.late], [0, 0], told);
  assertEquals(kernelCounts(port, "IPv4").dropped, dropped);
  assert(dropped! > sent / 2, `nobody was starved: ${told}`);
  assert(ahead < A_CALL, `${ahead} packets read that nobody has asked for: ${told}`);
  assert(calls <= slow * CALLS_A_PACKET, told);
  assert(growth < GROWTH_KIB, told);
  assertEquals(asker.answered, asker.asked);
  assert(asker.answered > SECONDS, told);
  figure(
    "load",
    "system calls for a packet of a reader that takes a second over each",
    calls / slow,
  );
  figure("load", "packets to such a reader neither received nor counted", 0, { exact: true });
});
