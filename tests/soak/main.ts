/**
 * A mixed run for as long as is wanted: `deno task soak [--minutes 60] [--seed N] [--json FILE]`.
 *
 * It makes a network of its own in namespaces, uses everything there is at a moderate pace, numbers every datagram, and
 * ends with a report. The exit code is 1 if anything was not as it ought to be. Ctrl-C ends it early, with the report so far.
 */
// deno-lint-ignore-file no-console
import { parseArgs } from "@std/cli/parse-args";
import process from "node:process";
import { inNamespace, whyNoNamespace } from "../../scripts/namespace.ts";
import { figure } from "../figures.ts";
import { startSoakPeer } from "../lab/peers.ts";
import { twoNetworks } from "../lab/topologies.ts";
import "../lab/sockets.ts"; // loads the library before anything is counted
import { bursts } from "./bursts.ts";
import { discovery, PROGRAMS } from "./discovery.ts";
import { answering, asking, byDgram, ECHO_PORT } from "./exchanges.ts";
import {
  cpuSeconds,
  openDescriptors,
  residentKiB,
  type Sample,
  TimerLag,
  usedKiB,
} from "./gauges.ts";
import { listening } from "./groups.ts";
import { Ledger } from "./ledger.ts";
import { lives, refusals } from "./lives.ts";
import { asText, isRight, type Measured, rows } from "./report.ts";
import { type Network, type Part, Scene } from "./scene.ts";

const PARTS: readonly Part[] = [
  asking,
  answering,
  byDgram,
  listening,
  bursts,
  lives,
  refusals,
  discovery,
];

/** Before anything is measured: what is made once and stays is made then. */
const WARM_UP_SECONDS = 5;
const SAMPLE_SECONDS = 10;
const SAMPLES = 20;

/** The network without the peers' programs. */
async function network() {
  const net = await twoNetworks();
  const { lab } = net;
  const c = await lab.host("c");
  await lab.link({ host: lab.here, name: "eth2" }, {
    host: c,
    name: "eth0",
    addresses: ["10.4.0.100/24"],
  });
  // Each refusal is to be told, not one a second.
  await net.a.sysctl({ "net.ipv4.icmp_ratelimit": "0", "net.ipv6.icmp.ratelimit": "0" });
  await lab.here.sysctl({ "net.ipv4.igmp_max_memberships": "100" });
  return { ...net, c };
}

/** One run of all parts. */
async function act(
  base: Awaited<ReturnType<typeof network>>,
  seconds: number,
  seed: number,
  early: AbortSignal,
  meanwhile: () => Promise<void> = async () => {},
): Promise<Ledger> {
  const ledger = new Ledger();
  const note = (event: { error?: unknown; reason?: unknown; preventDefault(): void }) => {
    event.preventDefault();
    const error = event.error ?? event.reason;
    ledger.trouble("exception", `uncaught: ${(error as Error)?.stack ?? error}`);
  };
  globalThis.addEventListener("error", note as (event: Event) => void);
  globalThis.addEventListener("unhandledrejection", note as (event: Event) => void);
  const life = { seconds: Math.ceil(seconds) + 120, seed };
  const [onA, onB, onC] = await Promise.all(
    [base.a, base.b, base.c].map((host) => startSoakPeer(host, life)),
  );
  const net: Network = { ...base, onA, onB, onC };
  for (const peer of [onA, onB]) await peer.echo(ECHO_PORT);
  const scene = new Scene(net, ledger, seed);
  const parts = Promise.all(
    PARTS.map((part) =>
      part(scene).catch((error) => ledger.trouble("exception", `${error.stack ?? error}`))
    ),
  );
  const end = () => scene.end();
  if (early.aborted) end();
  early.addEventListener("abort", end);
  const timer = setTimeout(end, seconds * 1000);
  while (!scene.over.aborted) {
    await meanwhile();
    await scene.pause(Math.min(SAMPLE_SECONDS, seconds / SAMPLES) * 1000);
  }
  clearTimeout(timer);
  early.removeEventListener("abort", end);
  await parts;
  await scene.settle(5_000);
  await scene.close();
  for (const peer of [onA, onB, onC]) await peer[Symbol.asyncDispose]();
  globalThis.removeEventListener("error", note as (event: Event) => void);
  globalThis.removeEventListener("unhandledrejection", note as (event: Event) => void);
  return ledger;
}

async function soak(minutes: number, seed: number, json: string | undefined): Promise<number> {
  const early = new AbortController();
  const stop = () => early.abort();
  Deno.addSignalListener("SIGINT", stop);
  // Who is outside cannot send a signal to what is in here: it closes the pipe instead.
  (async () => {
    for await (const _ of Deno.stdin.readable);
    stop();
  })();
  console.log(`${minutes} minutes, --seed ${seed}`);
  await using base = await network();
  await act(base, WARM_UP_SECONDS, seed, early.signal);

  const resident: Sample[] = [], used: Sample[] = [];
  const lag = new TimerLag();
  const usedBefore = await usedKiB();
  const descriptorsBefore = openDescriptors();
  let mostDescriptors = 0;
  const [start, cpu] = [performance.now(), cpuSeconds()];
  const elapsed = () => (performance.now() - start) / 1000;
  const ledger = await act(base, minutes * 60, seed, early.signal, async () => {
    mostDescriptors = Math.max(mostDescriptors, openDescriptors());
    used.push({ seconds: elapsed(), value: await usedKiB() });
    resident.push({ seconds: elapsed(), value: residentKiB() });
  });
  lag.stop();
  const measured: Measured = {
    minutes: elapsed() / 60,
    resident,
    used,
    usedBefore,
    usedAfter: await usedKiB(),
    descriptorsBefore,
    descriptorsAfter: openDescriptors(),
    mostDescriptors,
    lagP99: lag.own.quantile(0.99),
    longestLag: lag.own.longest,
    lagP99ByClock: lag.byClock.quantile(0.99),
    cpu: (cpuSeconds() - cpu) / elapsed(),
  };
  const all = rows(ledger, measured);
  const inboxes = ledger.inboxes.filter(({ lost }) => lost !== 0)
    .map(({ name, lost }) => `${name}: ${lost} lost`);
  console.log(asText(all, [...inboxes, ...ledger.details]));
  const ok = all.every(isRight);
  if (json !== undefined) {
    const report = { ok, seed, rows: all, details: ledger.details, measured };
    Deno.writeTextFileSync(json, JSON.stringify(report, null, 2) + "\n");
  }
  for (const { what, value, unit, most } of all) {
    figure("soak", what, value, { unit, exact: most === 0 });
  }
  console.log(ok ? "all right" : "NOT all right");
  return ok ? 0 : 1;
}

/** Runs this again in a namespace, where the modules cannot be fetched any more. */
async function enter(): Promise<number> {
  const why = await whyNoNamespace();
  if (why !== null) {
    console.error(why);
    return 2;
  }
  const deno = Deno.execPath();
  const cached = await new Deno.Command(deno, {
    args: ["cache", "--quiet", "--no-check", import.meta.filename!, ...PROGRAMS],
  }).output();
  if (!cached.success) throw new Error(new TextDecoder().decode(cached.stderr));
  const [program, ...args] = inNamespace([
    deno,
    ...["run", "--quiet", "--no-check", "--allow-all", import.meta.filename!, ...Deno.args],
  ]);
  const child = new Deno.Command(program, {
    args,
    env: { PKTINFO_LAB: "1", PKTINFO_SOAK: "1" },
    stdin: "piped",
  }).spawn();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(signal, () => void child.stdin.close().catch(() => {}));
  }
  return (await child.status).code;
}

const { minutes, seed, json } = parseArgs(Deno.args, { string: ["minutes", "seed", "json"] });
const length = Number(minutes ?? 60);
if (!(length > 0)) throw new RangeError(`--minutes takes a number above 0, got ${minutes}`);
process.exit(
  Deno.env.get("PKTINFO_SOAK") === "1"
    ? await soak(length, Number(seed ?? Math.floor(Math.random() * 2 ** 32)), json)
    : await enter(),
);
