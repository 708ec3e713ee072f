// What is measured: which peers there are and how one run of each goes.

import { type Group, type Job, type Measure, Program } from "./measure.ts";
import {
  compiled,
  findPeers,
  type Parts,
  type Peer,
  sinkCommand,
  type Uncompiled,
} from "./peers.ts";
import type { Runtimes } from "./runtimes.ts";

/** How much one run does. The first `warm` packets of every run are not counted. */
export interface Size {
  warm: number;
  count: number;
}

/** Sizes of one run for each group. */
export interface Sizes {
  receive: Size;
  saturated: Size;
  paced: Size;
  send: Size;
  trainsSent: Size;
  trainsReceived: Size;
  latency: Size;
}

/** Warm is when V8 has compiled: while it does, in other threads, each packet of a burst takes 0.35 µs more. */
export const fullSizes: Sizes = {
  receive: { warm: 300_000, count: 200_000 },
  saturated: { warm: 300_000, count: 250_000 },
  paced: { warm: 100_000, count: 60_000 },
  send: { warm: 100_000, count: 150_000 },
  trainsSent: { warm: 1_000_000, count: 500_000 },
  trainsReceived: { warm: 2_000_000, count: 1_000_000 },
  latency: { warm: 50_000, count: 10_000 },
};

export const quickSizes: Sizes = {
  receive: { warm: 8_000, count: 40_000 },
  saturated: { warm: 8_000, count: 50_000 },
  paced: { warm: 4_000, count: 12_000 },
  send: { warm: 8_000, count: 40_000 },
  trainsSent: { warm: 20_000, count: 100_000 },
  trainsReceived: { warm: 20_000, count: 100_000 },
  latency: { warm: 500, count: 1_500 },
};

/** Names for `--only`, in the order they run. */
export const groupNames: readonly (keyof Sizes | "limits")[] = [
  "receive",
  "saturated",
  "paced",
  "send",
  "trainsSent",
  "trainsReceived",
  "latency",
  "limits",
];
/** What is compiled of each language, without its ending. */
export const programs: Record<keyof Uncompiled, string[]> = {
  c: ["c_receive", "c_send", "c_echo", "load", "ping"],
  rust: ["rust_receive", "rust_send", "rust_echo"],
};

/** How the load comes: datagrams a second (0: without a pause), calls at once, datagrams a call. */
interface Load {
  title: string;
  note: string;
  rate: number;
  burst: number;
  train: number;
  /** Bytes a datagram, where it is not the usual. */
  size?: number;
}

/** What QUIC sends: datagrams that fit every link, as many as one call takes. */
const TRAIN_SIZE = 1200;
const TRAIN = 50;

const loads: Record<"receive" | "saturated" | "paced" | "trainsReceived", Load> = {
  receive: {
    title: "Received packet, one sender without a pause",
    note: "a fast receiver catches up with the sender and sleeps in between",
    rate: 0,
    burst: 64,
    train: 1,
  },
  saturated: {
    title: "Received packet, queue always full",
    note: "segmented trains outrun every receiver: only its own cost counts, no wake-ups",
    rate: 0,
    burst: 1,
    train: 32,
  },
  paced: {
    title: "Received packet, 50,000 a second",
    note: "bursts of 64, so the wake-ups between them count too",
    // Below what the slowest peer takes.
    rate: 50_000,
    burst: 64,
    train: 1,
  },
  trainsReceived: {
    title: "Received packet of 1,200 bytes, in trains or alone",
    note:
      "the sender's trains of 50, 8 a call, which the kernel cuts up unless the receiver takes them whole",
    rate: 0,
    burst: 8,
    train: TRAIN,
    size: TRAIN_SIZE,
  },
};
/** No receiver needs more; the load also ends when the receiver has gone. */
const LOAD_LIMIT = { packets: 500_000_000, seconds: 50 };

/** A peer as a job of a group. `needs` is why nothing of this group can run here, if so. */
function job(
  peer: Peer,
  needs: string | null,
  run: Job["run"],
  naming: { id?: string; label?: string } = {},
): Job {
  return {
    id: naming.id ?? peer.id,
    label: naming.label ?? peer.label,
    ours: peer.ours ?? false,
    skip: needs ?? peer.skip,
    run,
  };
}

/** All groups, with every peer named, also those that cannot run here. */
export function plan(found: Runtimes, sizes: Sizes, uncompiled: Uncompiled): Group[] {
  const parts = findPeers(found, uncompiled);
  const noCompiler = uncompiled.c;
  const linux = Deno.build.os === "linux";
  return [
    receiving("receive", parts, sizes, noCompiler),
    receiving("saturated", parts, sizes, noCompiler ?? (linux ? null : NOT_LINUX)),
    receiving("paced", parts, sizes, noCompiler),
    sending(parts, sizes.send),
    trainsSent(parts, sizes.trainsSent, linux ? noCompiler : NOT_LINUX),
    trainsReceived(parts, sizes, linux ? noCompiler : NOT_LINUX),
    latency(parts, sizes.latency, found.taskset, noCompiler),
    limits(parts, linux ? null : "there is no rest but on Linux"),
  ];
}

const cpuUnit = "µs CPU";
const NOT_LINUX = "UDP_SEGMENT is Linux's";

function receiving(
  id: keyof typeof loads,
  parts: Parts,
  sizes: Sizes,
  needs: string | null,
): Group {
  const { c, runtimes, bun, ours } = parts;
  const { title, note } = loads[id];
  const run = (peer: Peer, ...mode: string[]) => () => receiveOnce(id, peer, sizes[id], mode);
  return {
    id,
    measures: [{ id, title, unit: cpuUnit, note }],
    jobs: [
      job(c, needs, run(c), { label: "C recvmmsg" }),
      job(c, needs, run(c, "all"), { id: "c-all", label: "C recvmmsg, all our fields" }),
      ...[...runtimes, bun].map((peer) => job(peer, needs, run(peer))),
      ...ours.flatMap((peer) => [
        job(peer, needs, run(peer, "each"), { label: `${peer.label}, for await` }),
        job(peer, needs, run(peer, "many"), {
          id: `${peer.id}-many`,
          label: `${peer.label}, receiveMany`,
        }),
      ]),
    ],
  };
}

async function receiveOnce(
  id: keyof typeof loads,
  peer: Peer,
  size: Size,
  mode: string[],
): Promise<Record<string, number>> {
  await using receiver = new Program([
    ...peer.command("receive"),
    ...[size.warm, size.count].map(String),
    ...mode,
  ]);
  const { port } = await receiver.json();
  const { rate, burst, train } = loads[id];
  const { size: bytes } = loads[id];
  const numbers = [port, rate, burst, LOAD_LIMIT.packets, LOAD_LIMIT.seconds, train, bytes ?? 64];
  await using _load = new Program([compiled("load"), ...numbers.map(String)]);
  return { [id]: perPacket(await receiver.json()) };
}

function perPacket({ cpuUs, packets }: Record<string, number>): number {
  return cpuUs / packets;
}

function sending(parts: Parts, size: Size): Group {
  const { c, runtimes, bun, ours } = parts;
  const run = (peer: Peer, role: string, ...mode: string[]) => () =>
    sendOnce(peer, role, size, mode);
  return {
    id: "send",
    measures: [{
      id: "send",
      title: "Sent packet",
      unit: cpuUnit,
      note: "to a bound socket that nobody reads; loopback's receive path is part of it",
    }],
    jobs: [
      job(c, null, run(c, "send"), { label: "C sendmmsg, 64 a call" }),
      ...runtimes.map((peer) => job(peer, null, run(peer, "send"))),
      job(bun, null, run(bun, "send"), { label: "Bun send" }),
      job(bun, null, run(bun, "send_many"), { id: "bun-many", label: "Bun sendMany, 64 a call" }),
      ...ours.flatMap((peer) => [
        job(peer, null, run(peer, "send", "each"), { label: `${peer.label}, await send` }),
        job(peer, null, run(peer, "send", "many"), {
          id: `${peer.id}-many`,
          label: `${peer.label}, sendMany, 64 a call`,
        }),
      ]),
    ],
  };
}

/** The same datagrams one by one and in trains: what a peer is told for either. */
function aloneAndInTrains(
  peer: Peer,
  needs: string | null,
  run: (peer: Peer, ...mode: string[]) => Job["run"],
  alone: string[],
  trains: string[],
): Job[] {
  return [
    job(peer, needs, run(peer, ...alone), { id: peer.id, label: `${peer.label}, alone` }),
    job(peer, needs, run(peer, ...trains), {
      id: `${peer.id}-trains`,
      label: `${peer.label}, in trains`,
    }),
  ];
}

function trainsSent(parts: Parts, size: Size, needs: string | null): Group {
  const { c, ours } = parts;
  const run = (peer: Peer, ...mode: string[]) => async () => ({
    trainsSent: (await sendOnce(peer, "send", size, mode, true)).send,
  });
  const bytes = String(TRAIN_SIZE);
  return {
    id: "trainsSent",
    measures: [{
      id: "trainsSent",
      title: "Sent packet of 1,200 bytes, in trains or alone",
      unit: cpuUnit,
      note: "to a bound socket that nobody reads and that would take trains whole",
    }],
    jobs: [
      ...aloneAndInTrains(c, needs, run, [bytes], [bytes, String(TRAIN)]),
      ...ours.flatMap((peer) =>
        aloneAndInTrains(peer, needs, run, ["many", bytes], ["many", bytes, "trains"])
      ),
    ],
  };
}

function trainsReceived(parts: Parts, sizes: Sizes, needs: string | null): Group {
  const { c, ours } = parts;
  const { title, note } = loads.trainsReceived;
  const run = (peer: Peer, ...mode: string[]) => () =>
    receiveOnce("trainsReceived", peer, sizes.trainsReceived, mode);
  return {
    id: "trainsReceived",
    measures: [{ id: "trainsReceived", title, unit: cpuUnit, note }],
    jobs: [
      ...aloneAndInTrains(c, needs, run, [], ["trains"]),
      ...ours.flatMap((peer) => aloneAndInTrains(peer, needs, run, ["many"], ["many", "trains"])),
    ],
  };
}

async function sendOnce(
  peer: Peer,
  role: string,
  size: Size,
  mode: string[],
  trains = false,
): Promise<Record<string, number>> {
  await using sink = new Program(sinkCommand(trains));
  const { port } = await sink.json();
  await using sender = new Program([
    ...peer.command(role),
    ...[size.warm, size.count, port].map(String),
    ...mode,
  ]);
  await sender.json();
  return { send: perPacket(await sender.json()) };
}

/** Longer than a request takes to come. */
const BUSY_POLL_US = "500";

/** Where client and server run: what is measured, and whether the client lets the server go first. */
const placements = {
  across: {
    where: "two cores",
    note: "client and server on different cores: the wake-up of a sleeping core is most of it",
    waits: false,
  },
  together: {
    where: "one core",
    note: "client and server share one core: what the round trip costs without that wake-up",
    waits: false,
  },
  asleep: {
    where: "one core, asleep",
    note:
      "the same with a client that never takes the core away: each question finds the server asleep",
    waits: true,
  },
} as const;

function latency(
  parts: Parts,
  size: Size,
  taskset: string | null,
  noCompiler: string | null,
): Group {
  const cores = navigator.hardwareConcurrency;
  let needs = noCompiler;
  if (taskset === null) needs ??= "no taskset to place client and server";
  if (cores < 2) needs ??= "one core only";
  const measures: Measure[] = Object.entries(placements).flatMap(([id, { where, note }]) => [
    { id: `${id}-p50`, title: `Request and response, ${where}, median`, unit: "µs", note },
    { id: `${id}-p99`, title: `Request and response, ${where}, 99th percentile`, unit: "µs", note },
  ]);
  const run = (peer: Peer, ...mode: string[]) => async () => {
    const last = cores - 1;
    const others = last === 1 ? "0" : `0-${last - 1}`;
    const at = (core: string) => [taskset ?? "taskset", "-c", core];
    const result: Record<string, number> = {};
    for (const [id, { waits }] of Object.entries(placements)) {
      // Who looks without end has to be interrupted.
      if (waits && mode.length > 0) continue;
      const server = at(id === "across" ? others : `${last}`);
      const { p50, p99 } = await pingOnce(peer, mode, size, server, at(`${last}`), waits);
      result[`${id}-p50`] = p50;
      result[`${id}-p99`] = p99;
    }
    return result;
  };
  const { c, runtimes, bun, ours } = parts;
  return {
    id: "latency",
    measures,
    jobs: [
      ...[c, ...runtimes, bun, ...ours].map((peer) =>
        job(peer, needs, run(peer), peer === c ? { label: "C recvmsg, sendmsg" } : {})
      ),
      ...ours.map((peer) =>
        job(peer, needs, run(peer, BUSY_POLL_US), {
          id: `${peer.id}-busy`,
          label: `${peer.label}, busyPoll`,
        })
      ),
    ],
  };
}

async function pingOnce(
  peer: Peer,
  mode: string[],
  size: Size,
  server: string[],
  client: string[],
  waits: boolean,
): Promise<Record<string, number>> {
  await using echo = new Program([...server, ...peer.command("echo"), ...mode]);
  const { port } = await echo.json();
  const numbers = [port, size.warm, size.count].map(String);
  const command = [...client, compiled("ping"), ...numbers, ...(waits ? ["waits"] : [])];
  await using ping = new Program(command);
  return await ping.json();
}

/** What of a packet's cost is ours, and what a runtime takes for a call. */
function limits({ ours }: Parts, needs: string | null): Group {
  const run = (peer: Peer) => async () => {
    await using limits = new Program(peer.command("limits"));
    return await limits.json();
  };
  return {
    id: "limits",
    measures: [
      {
        id: "own-receive",
        title: "Our own part of a received packet",
        unit: "ns CPU",
        note: "receiveMany, with a kernel that brings the same batch again and again for nothing",
      },
      {
        id: "own-send",
        title: "Our own part of a sent packet",
        unit: "ns CPU",
        note: "sendMany, with a kernel that takes everything for nothing",
      },
      {
        id: "crossing",
        title: "Call into C",
        unit: "ns CPU",
        note: "memcpy of nothing, with a buffer",
      },
      {
        id: "hand-off",
        title: "Call on another thread",
        unit: "µs CPU",
        note: "usleep(0), awaited: two threads sleep and are woken",
      },
    ],
    jobs: ours.map((peer) => job(peer, needs, run(peer))),
  };
}
