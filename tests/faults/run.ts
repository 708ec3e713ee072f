/**
 * One run of a scenario, step by step, with a fault or without.
 *
 * Whatever fails, each step has to end: by itself, by an error that says what failed, or as soon as the cause is gone;
 * and it has to work again then. So every run comes to the same end, and how it got there is what is judged.
 */
import { assert, assertEquals } from "@std/assert";
import { setImmediate } from "node:timers";
import { SocketError } from "../../ffi/errors.ts";
import { interfaceNames } from "../../interfaces/names.ts";
import type { Packet, UdpSocket, UdpSocketOptions } from "../../mod.ts";
import { within } from "../harness.ts";
import { next, text } from "../kernel/support.ts";
import { Pauses } from "./pauses.ts";
import type { Fault, FaultPlan } from "./schedule.ts";

/** Calls in a row without a rest or an end: more than that is a busy loop. */
const SPIN = 600;

/** How a run got to its end. */
export type Outcome =
  /** As if nothing had failed: the call was made again, or was not needed. */
  | "same"
  /** Likewise, and the error was counted and told to onError. */
  | "told"
  /** A step was refused: its error says what failed. */
  | "refused"
  /** A step waited, without keeping the processor busy, until the cause was gone. */
  | "waited";

/** A turn of the event loop, without a timer's millisecond. */
export function soon(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** What the error of a step has to say, where there is one. */
export interface About {
  address?: string;
  port?: number;
  interfaceIndex?: number;
}

/** How a step is made. */
export interface StepOptions {
  about?: About;
  /** After how many rests of the library the cause goes away. */
  rests?: number;
  /** What was refused was done in part, so that it cannot be done again. */
  final?: boolean;
}

/** Real sockets that a scenario talks to; they outlive its runs. */
export interface Peers {
  /** What is sent here is heard by it. */
  readonly sink: UdpSocket;
  /** Sends to the scenario's sockets. */
  readonly source: UdpSocket;
}

/** What was refused. */
export interface Refusal {
  readonly step: string;
  readonly error: Error;
  readonly about: About;
}

/** A scenario under way. */
export class Run {
  /** What was done. */
  readonly said: string[] = [];
  readonly refusals: Refusal[] = [];
  /** Errors that were counted by the sockets. */
  told = 0;
  /** The last of them. */
  lastTold: Error | null = null;
  /** Steps that ended only when the cause was gone. */
  waited = 0;
  /** What the sink has to hear; with `null` among them it may be some of them only. */
  readonly #toHear: string[] = [];
  #partly = false;

  constructor(readonly plan: FaultPlan, readonly peers: Peers, readonly pauses: Pauses) {}

  /** How it went. */
  get outcome(): Outcome {
    if (this.waited > 0) return "waited";
    if (this.refusals.length > 0) return "refused";
    return this.told > 0 ? "told" : "same";
  }

  /** Does something; what is refused is done again as soon as nothing is in the way. */
  async step<T>(name: string, work: () => T | Promise<T>, options: StepOptions = {}): Promise<T> {
    try {
      return await this.#done(name, work, options);
    } catch (error) {
      // Only what a scenario says may be refused, and only because of what was made to fail.
      if (!(error instanceof SocketError) || this.plan.injected === 0) throw error;
      if (this.refusals.some(({ step }) => step === name)) throw error;
      this.refusals.push({ step: name, error, about: options.about ?? {} });
      this.plan.lift();
      if (options.final) {
        this.#partly = true;
        this.said.push(name);
        return undefined as T;
      }
      return await this.#done(name, work, options);
    }
  }

  async #done<T>(name: string, work: () => T | Promise<T>, options: StepOptions): Promise<T> {
    const result = await this.#ends(name, Promise.resolve().then(work), options.rests ?? 45);
    this.said.push(name);
    return result;
  }

  /** Waits for the end, ends the library's rests, and counts its calls in between. */
  async #ends<T>(name: string, work: Promise<T>, rests: number): Promise<T> {
    const { calls } = this.plan.library;
    const { pauses } = this;
    let over = false;
    const end = () => void (over = true);
    work.then(end, end);
    let before = calls.length;
    let ended = 0;
    const watching = async () => {
      while (!over) {
        const made = calls.length;
        await soon();
        if (over) return;
        assert(calls.length - before < SPIN, `"${name}" is a busy loop: ${calls.length - before}`);
        if (pauses.count === 0 || calls.length > made) continue;
        if (ended === rests && this.plan.persists) {
          this.waited++;
          this.plan.lift();
        }
        ended++;
        pauses.end();
        before = calls.length;
      }
    };
    await within(10_000, Promise.race([work, watching()]), `the end of "${name}"`);
    return await work;
  }

  /** Opens a socket. */
  async open(options: UdpSocketOptions = {}): Promise<UdpSocket> {
    const socket = await this.step("open", () => this.plan.library.openSocket(options));
    this.plan.mark();
    return socket;
  }

  /** Closes it, and takes over what it has counted. */
  async close(socket: UdpSocket): Promise<void> {
    const { errors, lastError } = socket.stats;
    this.told += errors;
    this.lastTold = lastError ?? this.lastTold;
    await this.step("close", () => socket.close());
  }

  /** Sends to the sink: what is taken has to be heard there. */
  async send(
    texts: readonly string[],
    work: () => Promise<unknown>,
    options: StepOptions = {},
  ): Promise<void> {
    await this.step(`send ${texts}`, work, options);
    this.#toHear.push(...texts);
  }

  /** What the sink has heard: each datagram that was taken, once and in order. */
  async heard(): Promise<void> {
    const { sink, source } = this.peers;
    const heard: string[] = [];
    for (const address of ["127.0.0.3", "::1"]) {
      await source.send("marker", { address, port: sink.port });
      for (;;) {
        const said = text(await next(sink));
        if (said === "marker") break;
        heard.push(said);
      }
    }
    if (!this.#partly) return assertEquals(heard.toSorted(), this.#toHear.toSorted());
    assertEquals(heard, [...new Set(heard)], "heard twice");
    for (const said of heard) assert(this.#toHear.includes(said), said);
  }
}

/** Packets in the order of their family, whose sockets are read in turn. */
export function byFamily(packets: readonly Packet[]): string {
  const of = (family: string) =>
    packets.filter(({ source }) => source.family === family).map((packet) =>
      `${text(packet)} to ${packet.destination.address}`
    );
  return [...of("IPv4"), ...of("IPv6")].join(", ");
}

/** A scenario. */
export type Scenario = (run: Run) => Promise<void>;

/** Runs a scenario; whatever failed on the way, nothing of it may be left. */
export async function runScenario(
  plan: FaultPlan,
  peers: Peers,
  scenario: Scenario,
  fault: Fault | null,
): Promise<Run> {
  interfaceNames(plan.library.system).forget();
  plan.reset(fault);
  using pauses = new Pauses();
  const run = new Run(plan, peers, pauses);
  await scenario(run);
  assertEquals([...plan.open.values()], [], "descriptors are left open");
  assertEquals(plan.library.stray, []);
  return run;
}
