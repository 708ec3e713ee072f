// A descriptor's number is the next one's as soon as it is closed. Whoever gets it hears nothing from us: numbers are
// taken over at once, by sockets, files and pipes of somebody else's, while our reads, sends, joins and events of the
// poller are still on their way.
import { assert, assertEquals } from "@std/assert";
import process from "node:process";
import { openUdpSocket, type UdpSocketOptions } from "../../mod.ts";
import { figure } from "../figures.ts";
import { has, test, within } from "../harness.ts";
import { FakeLibrary } from "../kernel/fake_library.ts";
import { at, lo, next, text, turn } from "../kernel/support.ts";
import { openLibc, STRANGE_ADDRESS, type Stranger, strangers } from "./strangers.ts";
import { full, outcome, watchDescriptors } from "./support.ts";

const ROUNDS = full ? 2_000 : 100;

if (has("linux")) openLibc();

const KINDS: UdpSocketOptions[] = [
  {},
  { family: "IPv4", onError() {} },
  { address: "127.0.0.3", busyPoll: 500 },
  { groups: [`239.255.80.2@${lo.name}`] },
  { family: "IPv4", segmentation: true, share: true },
];

/** Begins everything that may still be on its way when the socket is closed; returns how it ends, and what to do later. */
function keepBusy(socket: ReturnType<FakeLibrary["openSocket"]>, to: string) {
  const controller = new AbortController();
  const membership = socket.join("239.255.80.1", { interface: lo.name });
  const ends = [
    socket.receive(),
    socket.receiveMany({ signal: controller.signal }),
    (async () => {
      for await (const _ of socket);
    })(),
    socket.send("1", to),
    socket.send("2", to, { hops: 3 }),
    socket.sendMany([{ data: "3", to }, { data: "4", to }]),
  ].map(outcome);
  const later = () => {
    controller.abort();
    membership.leave();
    socket.ref();
    socket.unref();
    void socket.stats;
    void socket.close();
    ends.push(outcome(socket.send("late", to)), outcome(socket.receive()));
  };
  return { ends, later };
}

/** Numbers that others have had, in both tests. */
let taken = 0;

for (const alone of [true, false]) {
  const name = "who gets the number of a socket that was closed hears nothing from it, " +
    (alone ? "nor from the poller that closed with it" : "nor from the poller that goes on");
  const skip = process.env.PKTINFO_DEBUG === "1" && "debug mode refuses calls on strangers";
  test(name, { needs: ["linux"], skip, timeout: 240_000 }, async () => {
    const library = watchDescriptors(new FakeLibrary());
    let sends = 0;
    for (const call of ["sendto", "sendmsg", "sendmmsg"]) {
      library.on(call, (_, send) => {
        // There is no room for two of three, of both kinds.
        const refusal = [null, "EAGAIN", "ENOBUFS"][++sends % 3];
        return refusal === null ? send() : library.refuse(refusal);
      });
    }
    const heard: string[] = [];
    await using sink = openUdpSocket({ address: "127.0.0.4", receiveBufferSize: 1 << 20 });
    await using sender = openUdpSocket({ address: "127.0.0.5" });
    const keeper = alone ? null : library.openSocket();
    const kept = keeper?.receive().catch(() => {});
    let reused = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const opened = library.sockets.length;
      const socket = library.openSocket(KINDS[round % KINDS.length]);
      const numbers = new Set(library.sockets.splice(opened));
      const host = KINDS[round % KINDS.length].address ?? "127.0.0.6";
      const { ends, later } = keepBusy(socket, at(sink, "127.0.0.4"));
      if (round % 4 === 1) await turn();
      // What comes now makes an event that is still on its way when the socket is closed.
      const items = Array.from({ length: 3 }, () => ({ data: "x", to: at(socket, host) }));
      await sender.sendMany(items);
      if (round % 4 === 2) await null;
      if (round % 4 === 3) await new Promise<void>((resolve) => setImmediate(resolve));
      const closed = socket.close();
      // Some systems' ways of waiting let go of the number a little later.
      const others: Stranger[] = strangers();
      await closed;
      others.push(...strangers());
      later();
      await turn();
      if (round % 16 === 0) await new Promise((resolve) => setTimeout(resolve, 3));
      await within(5_000, Promise.all(ends), "the end of what was under way");
      for (const stranger of others) {
        reused += stranger.fds.filter((fd) => numbers.has(fd)).length;
        stranger.check();
        stranger.close();
      }
      // Read only what is there: some runtimes have one thread for all that wait.
      await sender.send("that is all", at(sink, "127.0.0.4"));
      for (let packet = await next(sink);; packet = await next(sink)) {
        if (text(packet) === "that is all") break;
        heard.push(packet.source.address);
      }
      library.calls.length = 0;
      library.blocking.length = 0;
    }
    await keeper?.close();
    await kept;
    assertEquals(library.stray, []);
    assert(!heard.includes(STRANGE_ADDRESS), "somebody else's socket has sent for us");
    assert(heard.length > 0);
    assert(reused >= ROUNDS, `${reused} numbers were taken over`);
    taken += reused;
    if (alone) return;
    figure(
      "lifecycles",
      "rounds in which a closed descriptor's number was taken over",
      2 * ROUNDS,
      {
        exact: full,
      },
    );
    figure("lifecycles", "numbers of closed descriptors that others had at once", taken);
  });
}
