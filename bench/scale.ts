// deno task bench:scale: what does not grow. Idle sockets, wake-ups beside a thousand others, memory, the cost of a
// packet beside many groups, interfaces and peers, and one port on all cores.
//
// Runs in a network namespace of its own. Costs are CPU time (user + system, all threads), compared as ratios between
// rounds that alternate.
import { parseArgs } from "@std/cli/parse-args";
import { openUdpSocket, type Packet, type UdpSocket } from "../mod.ts";
import { inNamespace } from "../scripts/namespace.ts";
import process from "node:process";
import { ip, median, print } from "./common.ts";

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** How often any thread of this process was woken. */
function wakeUps(): number {
  let sum = 0;
  for (const { name } of Deno.readDirSync("/proc/self/task")) {
    const status = Deno.readTextFileSync(`/proc/self/task/${name}/status`);
    sum += Number(/^voluntary_ctxt_switches:\s+(\d+)/m.exec(status)![1]);
  }
  return sum;
}

function cpuUs(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

/** Resident memory after everything that can be collected has been. */
async function residentKiB(): Promise<number> {
  for (let i = 0; i < 3; i++) {
    (globalThis as { gc?: () => void }).gc!();
    await sleep(20);
  }
  return process.memoryUsage().rss / 1024;
}

/** Sockets, each with somebody who waits for a packet. */
function waiting(count: number, onPacket: (packet: Packet, socket: UdpSocket) => void) {
  return Array.from({ length: count }, () => {
    const socket = openUdpSocket({ address: "127.0.0.1" });
    (async () => {
      for await (const packet of socket) onPacket(packet, socket);
    })();
    return socket;
  });
}

const closeAll = (sockets: readonly UdpSocket[]) => Promise.all(sockets.map((one) => one.close()));

// --- idle

async function idle(seconds: number) {
  print(`\nidle for ${seconds} s: wake-ups of all threads (the measurement's own timer is one)`);
  for (const count of [0, 1, 1000]) {
    const sockets = waiting(count, () => {});
    await sleep(500);
    const before = wakeUps();
    await sleep(seconds * 1000);
    print(`${String(count).padStart(5)} sockets  ${wakeUps() - before}`);
    await closeAll(sockets);
  }
}

// --- a wake-up

/** CPU time of one packet at a time, to one socket after the other: each wakes the process anew. */
async function wakes(sockets: readonly UdpSocket[], told: () => Promise<void>, rounds: number) {
  await using sender = openUdpSocket({ address: "127.0.0.2" });
  const addresses = sockets.map((socket) => socket.localAddresses[0]);
  const start = cpuUs();
  for (let i = 0; i < rounds; i++) {
    const heard = told();
    await sender.send("x", addresses[(i * 7919) % addresses.length]);
    await heard;
  }
  return (cpuUs() - start) / rounds;
}

/** How many sockets are open and waited for, and how many of them are sent to. */
const WAKES = [
  { name: "1 socket", open: 1, busy: 1 },
  { name: "1000 sockets, one of them is sent to", open: 1000, busy: 1 },
  { name: "1000 sockets, all are sent to in turn", open: 1000, busy: 1000 },
];

async function wake(rounds: number) {
  let tell = () => {};
  const told = () => new Promise<void>((resolve) => tell = resolve);
  const samples = WAKES.map((): number[] => []);
  for (let round = 0; round < rounds; round++) {
    for (const [at, { open, busy }] of WAKES.entries()) {
      const sockets = waiting(open, () => tell());
      const some = sockets.slice(0, busy);
      // Every socket has had its first packet, which takes memory.
      await wakes(some, told, 3000);
      samples[at].push(await wakes(some, told, 3000));
      await closeAll(sockets);
    }
  }
  print("\na packet that wakes the process: µs CPU, sender's part included (mark: 1.20)");
  WAKES.forEach(({ name }, at) => {
    const ratio = median(samples[at].map((value, i) => value / samples[0][i]));
    print(`${name.padEnd(38)} ${median(samples[at]).toFixed(1)}   ÷ 1 socket ${ratio.toFixed(2)}`);
  });
}

// --- memory

async function exchange(sockets: readonly UdpSocket[], packets: number) {
  await using sender = openUdpSocket({ address: "127.0.0.2" });
  const data = new Uint8Array(64);
  for (const socket of sockets) {
    const to = `127.0.0.1:${socket.port}`;
    const some = Array.from({ length: 100 }, () => ({ data, to }));
    for (let sent = 0; sent < packets; sent += some.length) {
      await sender.sendMany(some);
      for (let got = 0; got < some.length;) got += (await socket.receiveMany()).length;
    }
  }
}

async function memory(millions: number) {
  print("\nresident memory");
  const one = openUdpSocket({ address: "127.0.0.1" });
  await exchange([one], 100_000);
  const before = await residentKiB();
  const sockets = Array.from({ length: 100 }, () => openUdpSocket({ address: "127.0.0.1" }));
  await exchange(sockets, 10_000);
  const after = await residentKiB();
  print(`a socket after 10,000 packets   ${((after - before) / 100).toFixed(1)} KiB   (mark: 256)`);
  await closeAll(sockets);
  const steps: string[] = [];
  for (let million = 1; million <= millions; million++) {
    await exchange([one], 1_000_000);
    if (million === 1 || million % 3 === 1) {
      steps.push(`${million} million: ${Math.round(await residentKiB())} KiB`);
    }
  }
  print(`one socket after ${steps.join(", ")}`);
  await one.close();
}

// --- growth

/** CPU time a packet that `receiver` gets from several senders, its own and theirs. */
async function perPacket(
  receiver: UdpSocket,
  senders: readonly UdpSocket[],
  to: string,
  packets: number,
) {
  const some = Array.from({ length: 50 }, () => ({ data: "x", to }));
  const start = cpuUs();
  for (let sent = 0, at = 0; sent < packets; sent += some.length, at++) {
    await senders[at % senders.length].sendMany(some);
    for (let got = 0; got < some.length;) got += (await receiver.receiveMany()).length;
  }
  return (cpuUs() - start) / packets;
}

/** One thing that grows: how to have `count` of it, and what is measured then. */
interface Growth {
  name: string;
  counts: readonly number[];
  open(count: number): Promise<{
    receiver: UdpSocket;
    senders: UdpSocket[];
    to: string;
  }>;
}

let links = 1;
async function haveInterfaces(count: number): Promise<void> {
  const commands: string[] = [];
  for (; links < count; links++) {
    commands.push(`link add d${links} type bridge`, `link set d${links} up`);
  }
  for (; links > count; links--) commands.push(`link del d${links - 1}`);
  if (commands.length > 0) await ip(commands);
}

const group = (n: number) => `239.1.${n >> 8}.${n & 255}`;

const GROWTHS: readonly Growth[] = [
  {
    name: "groups joined",
    counts: [1, 1000],
    open(count) {
      const receiver = openUdpSocket();
      for (let n = 0; n < count; n++) receiver.join(group(n), { interface: "lo" });
      const sender = openUdpSocket({ address: "127.0.0.2", multicastInterface: "lo" });
      const to = `${group(count - 1)}:${receiver.port}`;
      return Promise.resolve({ receiver, senders: [sender], to });
    },
  },
  {
    name: "interfaces",
    counts: [1, 200],
    async open(count) {
      await haveInterfaces(count);
      const receiver = openUdpSocket({ groups: ["239.2.2.2"] });
      const sender = openUdpSocket({ address: "127.0.0.2" });
      return { receiver, senders: [sender], to: `127.0.0.1:${receiver.port}` };
    },
  },
  {
    name: "peers",
    counts: [1, 1000],
    open(count) {
      const receiver = openUdpSocket({ address: "127.0.0.1" });
      const senders = Array.from(
        { length: count },
        (_, n) => openUdpSocket({ address: `127.0.${1 + (n >> 8)}.${n & 255}` }),
      );
      return Promise.resolve({ receiver, senders, to: `127.0.0.1:${receiver.port}` });
    },
  },
];

async function growth(rounds: number) {
  print("\nthe cost of a packet beside many others: µs CPU, sent and received");
  for (const { name, counts, open } of GROWTHS) {
    const samples = new Map(counts.map((count) => [count, [] as number[]]));
    for (let round = 0; round < rounds; round++) {
      for (const count of counts) {
        const { receiver, senders, to } = await open(count);
        await perPacket(receiver, senders, to, 20_000);
        samples.get(count)!.push(await perPacket(receiver, senders, to, 60_000));
        await closeAll([receiver, ...senders]);
      }
    }
    await haveInterfaces(1);
    const [few, many] = counts.map((count) => samples.get(count)!);
    const ratio = median(many.map((value, i) => value / few[i]));
    const cells = counts.map((count) => `${count}: ${median(samples.get(count)!).toFixed(2)}`);
    print(`${name.padEnd(14)} ${cells.join("   ")}   ratio ${ratio.toFixed(2)}   (mark: 1.10)`);
  }
}

// --- all cores

async function answersASecond(workers: number, answers: number): Promise<number> {
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--quiet", "--no-check", "--allow-ffi", "--allow-read"],
      ...[`${import.meta.dirname}/../examples/fan_out.ts`, "7799", String(workers)],
    ],
    stdout: "piped",
  }).spawn();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let said = "";
  while (said.split("\n").length <= workers) said += (await reader.read()).value;
  let done = 0;
  let start = 0;
  await Promise.all(Array.from({ length: 32 }, async () => {
    await using client = openUdpSocket({ address: "127.0.0.2" });
    client.connect("127.0.0.1:7799");
    for (; done < answers * 1.25; done++) {
      if (start === 0 && done >= answers / 4) start = performance.now();
      await client.send("question");
      await client.receive();
    }
  }));
  const seconds = (performance.now() - start) / 1000;
  child.kill();
  await reader.cancel();
  await child.status;
  return answers / seconds;
}

async function fanOut(rounds: number) {
  const cores = navigator.hardwareConcurrency;
  const counts = [1, cores];
  const samples = counts.map((): number[] => []);
  for (let round = 0; round < rounds; round++) {
    for (const [at, count] of counts.entries()) {
      samples[at].push(await answersASecond(count, 2000));
    }
  }
  print("\nexamples/fan_out.ts: answers a second");
  counts.forEach((count, at) => print(`${count} workers  ${Math.round(median(samples[at]))}`));
  const ratio = median(samples[1].map((value, i) => value / samples[0][i]));
  print(`ratio      ${ratio.toFixed(2)} on ${cores} cores, which the asking program shares`);
}

async function main(): Promise<void> {
  const { quick } = parseArgs(Deno.args, { boolean: ["quick"] });
  // The kernel's own limits are not what is measured here.
  Deno.writeTextFileSync("/proc/sys/net/ipv4/igmp_max_memberships", "10000000");
  Deno.writeTextFileSync("/proc/sys/net/core/optmem_max", "1000000000");
  await idle(quick ? 2 : 10);
  await wake(quick ? 1 : 5);
  await growth(quick ? 1 : 5);
  await fanOut(quick ? 1 : 5);
  await memory(quick ? 1 : 10);
}

if (Deno.env.get("PKTINFO_SCALE") === "1") await main();
else {
  const [program, ...args] = inNamespace([
    Deno.execPath(),
    ...["run", "--no-check", "--allow-all", "--v8-flags=--expose-gc"],
    ...[import.meta.filename!, ...Deno.args],
  ]);
  const { code } = await new Deno.Command(program, { args, env: { PKTINFO_SCALE: "1" } }).spawn()
    .status;
  Deno.exit(code);
}
