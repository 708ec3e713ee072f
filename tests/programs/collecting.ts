/**
 * Collects garbage while calls are pending, and writes what became of them.
 *
 * Arguments: a mode of those below; how often.
 */
// deno-lint-ignore-file no-console
import process from "node:process";
import { openUdpSocket, type UdpSocket, watchInterfaces } from "../../mod.ts";
import { FakeLibrary } from "../kernel/fake_library.ts";
import { openDescriptors } from "./descriptors.ts";
import { collectGarbage } from "./garbage.ts";

const [mode, count] = process.argv.slice(2);
const rounds = Number(count);

/** Bytes that tell which packet they are of. */
function content(seed: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(4 + seed * 37 % 1500);
  new DataView(bytes.buffer).setUint32(0, seed);
  for (let i = 4; i < bytes.length; i++) bytes[i] = seed * 31 + i * 7;
  return bytes;
}

function check(data: Uint8Array): number {
  const seed = new DataView(data.buffer, data.byteOffset).getUint32(0);
  const expected = content(seed);
  if (data.length !== expected.length || data.some((byte, i) => byte !== expected[i])) {
    throw new Error(`packet ${seed} has other content`);
  }
  return seed;
}

const turn = () => new Promise((resolve) => setTimeout(resolve, 0));

/** Garbage of the kind that sockets make, in between theirs. */
function litter(): void {
  for (let i = 0; i < 200; i++) void new Uint8Array(64 + i).buffer;
}

const modes: Record<string, () => Promise<unknown>> = {
  /** Packets flow while garbage is collected; there is room for every other send only. Returns how many came. */
  async traffic() {
    const library = new FakeLibrary();
    let sends = 0;
    for (const name of ["sendto", "sendmsg", "sendmmsg"]) {
      library.on(name, (_, call) => ++sends % 2 === 0 ? call() : library.refuse("EAGAIN"));
    }
    await using socket = library.openSocket({ receiveBufferSize: 1 << 20 });
    const to = `127.0.0.3:${socket.port}`;
    const kept: Uint8Array[] = [];
    const heard = new Set<number>();
    const hear = (data: Uint8Array) => {
      heard.add(check(data));
      if (kept.push(data) > 500) kept.shift();
    };
    let all = Infinity;
    const iterating = (async () => {
      for await (const { data } of socket) {
        hear(data);
        if (heard.size === all) break;
      }
    })();
    let seed = 0;
    for (let round = 0; round < rounds; round++) {
      const items = Array.from({ length: 16 }, () => ({ data: content(seed++), to }));
      const sending = [
        socket.sendMany(items),
        socket.send(content(seed++), to, { source: "127.0.0.9", hops: 7 }),
        socket.send(content(seed++), to),
      ];
      const receiving = socket.receive();
      litter();
      collectGarbage();
      await Promise.all(sending);
      collectGarbage();
      hear((await receiving).data);
      await turn();
    }
    all = seed + 1;
    await socket.send(content(seed++), to);
    await iterating;
    // What was received long ago is still what it was.
    for (const data of kept) check(data);
    if (heard.size !== seed) throw new Error(`${heard.size} of ${seed} came`);
    return seed;
  },

  /** Nothing but the pending read refers to a socket. Returns how many reads got their packet. */
  async dropped() {
    const reads: Promise<Uint8Array>[] = [];
    const ports: number[] = [];
    const open = () => {
      const socket = openUdpSocket({ address: "127.0.0.3" });
      ports.push(socket.port);
      const kinds = [
        () => socket.receive().then(({ data }) => data),
        () => socket.receiveMany().then(([{ data }]) => data),
        () => socket.packets().next().then(({ value }) => value.data),
        () => socket.readable.getReader().read().then(({ value }) => value!.data),
      ];
      reads.push(kinds[ports.length % kinds.length]());
    };
    for (let i = 0; i < rounds; i++) open();
    for (let i = 0; i < 20; i++) {
      litter();
      collectGarbage();
      await turn();
    }
    await using sender = openUdpSocket();
    for (const [i, port] of ports.entries()) await sender.send(content(i), `127.0.0.3:${port}`);
    const got = (await Promise.all(reads)).map(check);
    if (got.some((seed, i) => seed !== i)) throw new Error("a read got another socket's packet");
    return got.length;
  },

  /** Nobody refers to a socket, and nobody waits. Returns how many descriptors are open more, after all. */
  async forgotten() {
    const keeper = openUdpSocket({ family: "IPv4" });
    const before = openDescriptors().length;
    const refs: WeakRef<UdpSocket>[] = [];
    for (let i = 0; i < rounds; i++) refs.push(new WeakRef(openUdpSocket({ family: "IPv4" })));
    for (let i = 0; i < 20; i++) {
      litter();
      collectGarbage();
      await turn();
    }
    const more = openDescriptors().length - before;
    await keeper.close();
    return more;
  },

  /** Callbacks, signals and watchers that nobody else refers to. Returns what they came to. */
  async callbacks() {
    let told: (code: string) => void;
    const refused = new Promise<string>((resolve) => told = resolve);
    const { port } = await (async () => {
      await using closed = openUdpSocket({ address: "127.0.0.3" });
      return { port: closed.port };
    })();
    const waiting = (() => {
      const socket = openUdpSocket({
        family: "IPv4",
        onError: (error) => told((error as Error & { code: string }).code),
      });
      const wait = socket.receive().catch(({ code }) => code);
      // Nobody is there any more.
      setTimeout(() => void socket.send("x", `127.0.0.3:${port}`), 20);
      return { wait, close: () => socket.close() };
    })();
    const timedOut = openUdpSocket().receive({ signal: AbortSignal.timeout(30) })
      .catch((error) => error.name);
    const aborted = (() => {
      const controller = new AbortController();
      setTimeout(() => controller.abort(new Error("enough")), 25);
      return watchInterfaces({ signal: controller.signal }).next().catch(({ message }) => message);
    })();
    let over = false;
    const collecting = (async () => {
      while (!over) {
        litter();
        collectGarbage();
        await turn();
      }
    })();
    const results = await Promise.all([refused, timedOut, aborted]);
    over = true;
    await collecting;
    await waiting.close();
    return [...results, await waiting.wait];
  },
};

console.log(JSON.stringify(await modes[mode]()));
// The sockets that were left open do not keep the process: nobody waits any more.
