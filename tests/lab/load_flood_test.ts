// One socket is flooded with ten times what its reader takes: nothing is lost uncounted, memory stays, all others are served.
import { assert, assertEquals } from "@std/assert";
import { openUdpSocket, type Packet, type UdpSocket } from "../../mod.ts";
import { figure, long } from "../figures.ts";
import { test, type TestOptions, within } from "../harness.ts";
import { Memory, TimerLag } from "../soak/gauges.ts";
import { Numbers } from "../soak/numbers.ts";
import { Asker, compile, drained, kernelCounts, startFlood, work } from "./load_support.ts";
import { startEcho } from "./peers.ts";
import { textOf } from "./sockets.ts";
import { twoNetworks } from "./topologies.ts";

/** What the reader does with each packet, in microseconds. 256 of them in one turn would be late by twice the bound. */
const WORK_US = 400;
/** So much more is sent than it takes. */
const TIMES = 10;
/** The bound. */
const LAG_MS = 50;
/** Much more than a garbage collector wavers; a queue without bound would take this in a second. */
const GROWTH_KIB = 32 * 1024;

const END = "the end";

/** Reads a socket, works on each packet, and checks its number. */
class Reader {
  readonly numbers = new Numbers();
  /** The packet that ends it. */
  last: Packet | null = null;

  take(packet: Packet): void {
    if (textOf(packet) === END) {
      this.last = packet;
      return;
    }
    const { data } = packet;
    const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
    this.numbers.add(Number(view.getBigUint64(0, true)));
    work(WORK_US);
  }
}

/** The ways to read a socket until the last packet. */
const ways: [way: string, seconds: number, read: (socket: UdpSocket, reader: Reader) => unknown][] =
  [
    ["for await", long ? 600 : 10, async (socket, reader) => {
      for await (const packet of socket) {
        reader.take(packet);
        if (reader.last) break;
      }
    }],
    ["receiveMany", long ? 120 : 5, async (socket, reader) => {
      while (!reader.last) {
        for (const packet of await socket.receiveMany({ max: 64 })) reader.take(packet);
      }
    }],
  ];

const families = [
  { family: "IPv4", own: "10.1.0.2", to: "10.1.0.2", other: "10.2.0.100", peer: "10.2.0.100" },
  { family: "IPv6", own: "fd01::2", to: "[fd01::2]", other: "fd02::100", peer: "[fd02::100]" },
] as const;

for (const [at, [way, seconds, read]] of ways.entries()) {
  const { family, own, to, other, peer } = families[at % families.length];
  const options: TestOptions = {
    needs: ["lab", "cc", "python3"],
    timeout: (seconds + 60) * 1000,
  };
  test(`a flood of ten times what ${way} takes harms nobody, and is counted`, options, async () => {
    using program = await compile("flood");
    await using net = await twoNetworks();
    const echo = await startEcho(net.b, other, seconds + 60);
    await using socket = openUdpSocket({ address: own });
    const { port } = socket;
    const reader = new Reader();
    const reading = read(socket, reader);

    const asker = new Asker(`${peer}:${echo}`);
    const lag = new TimerLag();
    const memory = new Memory(seconds * 10);
    const flood = await startFlood(program.file, net.a, own, port, 10_000, seconds);
    // What the reader takes depends on what else the machine does: each second it is measured anew.
    let taken = 0;
    const until = performance.now() + (seconds - 1) * 1000;
    const keeping = setInterval(() => {
      if (performance.now() > until) return;
      flood.program.writeLine(String(TIMES * Math.max(100, reader.numbers.count - taken)));
      taken = reader.numbers.count;
    }, 1000);
    const { sent, seconds: lasted } = await flood.sent();
    clearInterval(keeping);
    memory.stop();
    lag.stop();
    await asker.stop();

    // The count of drops comes with a packet: with one that the kernel has room for.
    await drained(port, family);
    await using sender = openUdpSocket({ family });
    await sender.send(END, `${to}:${port}`);
    await within(5_000, Promise.resolve(reading), "the last packet");
    const { numbers } = reader;
    const dropped = reader.last!.dropped!;
    const received = numbers.count;
    const p99 = lag.own.quantile(0.99);
    const summary = `${sent} sent in ${lasted} s, ${received} received, ${dropped} dropped, ` +
      `lag p99 ${p99} ms, longest ${lag.own.longest} ms, ` +
      `by the clock ${
        lag.byClock.quantile(0.99)
      } and ${lag.byClock.longest} ms, ${memory.growth} KiB more, ` +
      `${asker.answered} answered, longest ${asker.longest} ms`;

    assertEquals(sent - received - dropped, 0, summary);
    assertEquals([numbers.repeated, numbers.late], [0, 0], summary);
    assertEquals([kernelCounts(port, family).dropped, socket.stats.dropped], [dropped, dropped]);
    assertEquals(socket.stats.received, received + 1);
    assert(sent > received * TIMES * 0.5, `this is no flood of ten times: ${summary}`);
    assert(p99 <= LAG_MS, summary);
    assert(memory.growth < GROWTH_KIB, summary);
    assertEquals(asker.answered, asker.asked);
    assert(asker.answered > lasted, summary);

    figure("load", `minutes of flood, ${way}`, lasted / 60, { unit: "minutes" });
    figure("load", `datagrams sent in the flood, ${way}`, sent);
    figure("load", `datagrams received of it, ${way}`, received);
    figure("load", `datagrams dropped and counted, ${way}`, dropped);
    figure("load", `datagrams neither received nor counted, ${way}`, 0, { exact: true });
    figure("load", `timer lag at p99, ${way}`, p99, { unit: "ms" });
    figure("load", `timer lag at p99 by the clock, ${way}`, lag.byClock.quantile(0.99), {
      unit: "ms",
    });
    figure("load", `growth of memory, ${way}`, Math.round(memory.growth), { unit: "KiB" });
    figure("load", `answers to another socket meanwhile, ${way}`, asker.answered);
    figure("load", `questions of another socket without an answer, ${way}`, 0, { exact: true });
  });
}
