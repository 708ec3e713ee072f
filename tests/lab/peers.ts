/** Typed faces of the Python programs in tests/programs: the other end of a test, sharing no code with the library. */
import { fileURLToPath } from "node:url";
import { python3 } from "../harness.ts";
import type { Host } from "./lab.ts";
import { Program, type RunOptions } from "./process.ts";

/** Where a peer runs: a host of the lab, or null for this machine's loopback (outside the lab). */
export type Place = Host | null;

/** An address as a peer saw it. `scope` is the index of the interface of a link-local one, else 0. */
export interface PeerAddress {
  address: string;
  port: number;
  scope: number;
}

/** A datagram as a peer's kernel reported it. */
export interface PeerPacket {
  source: PeerAddress;
  /** The destination address in the packet, no zone. */
  destination: string;
  interfaceIndex: number;
  interfaceName: string;
  hops: number;
  trafficClass: number;
  truncated: boolean;
  length: number;
  data: Uint8Array;
  /** The same data as UTF-8. */
  text: string;
}

async function start(
  place: Place,
  program: string,
  args: string[],
  options?: RunOptions,
): Promise<Program> {
  const python = python3();
  if (python === null) {
    throw new Error(
      'no python3 here: declare the test with needs: ["python3"]',
    );
  }
  const file = fileURLToPath(
    new URL(`../programs/${program}`, import.meta.url),
  );
  // -B: no __pycache__ in the source tree. -s -E: nothing of the user's own Python settings.
  const words = ["-B", "-s", "-E", file, ...args];
  return await (place === null
    ? Program.start(python, words, options)
    : place.spawn(python, words, options));
}

/** `{ bind: "::1", share: true, join: ["a", "b"] }` → `--bind=::1 --share --join=a --join=b`. */
function toArgs(options: object): string[] {
  return Object.entries(options).flatMap(([name, value]) => {
    const flag = "--" +
      name.replaceAll(/[A-Z]/g, (letter) => "-" + letter.toLowerCase());
    if (value === undefined || value === false) return [];
    if (value === true) return [flag];
    return (Array.isArray(value) ? value : [value]).map((item) => `${flag}=${item}`);
  });
}

/** Text or bytes as hexadecimal digits. */
function toHex(data: string | Uint8Array): string {
  const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(
    "",
  );
}

type RawPacket = Omit<PeerPacket, "data" | "text"> & { data: string };

function toPacket(raw: RawPacket): PeerPacket {
  const data = Uint8Array.from(
    raw.data.match(/../g) ?? [],
    (digits) => parseInt(digits, 16),
  );
  return { ...raw, data, text: new TextDecoder().decode(data) };
}

export interface ReceiverOptions {
  /** Default: IPv4, or the family of `bind`. */
  family?: "IPv4" | "IPv6";
  /** The local address, a zone allowed. Default: the wildcard. */
  bind?: string;
  /** Default: chosen by the kernel. */
  port?: number;
  /** Receive on this interface only (SO_BINDTODEVICE). */
  interface?: string;
  share?: boolean;
  /** `"GROUP@INTERFACE"`, or `"GROUP@INTERFACE@SOURCE"` for a source-specific one. */
  join?: string[];
  /** Answer every datagram with the same data. */
  echo?: boolean;
}

/** A program that has a port open and reports what comes. */
export class Receiver implements AsyncDisposable {
  readonly program: Program;
  readonly port: number;

  /** Use `startReceiver`. */
  constructor(program: Program, port: number) {
    this.program = program;
    this.port = port;
  }

  /** The next datagram; rejects when none comes within `ms` milliseconds. */
  async next(ms = 5_000): Promise<PeerPacket> {
    return toPacket(await this.program.nextJson<RawPacket>(ms));
  }

  /** Datagrams already reported and not asked for. To prove that something did NOT come, send a marker behind it. */
  pending(): PeerPacket[] {
    return this.program.takeLines().map((line) => toPacket(JSON.parse(line)));
  }

  /** Ends the program. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.program.stop("SIGKILL");
  }
}

/** Starts a receiver and waits until its port is open and its groups are joined. */
export async function startReceiver(
  place: Place,
  options: ReceiverOptions = {},
): Promise<Receiver> {
  const { family = options.bind?.includes(":") ? "IPv6" : "IPv4", ...others } = options;
  const program = await start(place, "receiver.py", [
    `--family=${family === "IPv6" ? 6 : 4}`,
    ...toArgs(others),
  ]);
  const { port } = await program.nextJson<{ port: number }>();
  return new Receiver(program, port);
}

/** Starts a program that echoes, without a word, for so many seconds; its port. */
export async function startEcho(place: Place, bind: string, seconds = 300): Promise<number> {
  const program = await start(place, "echo.py", toArgs({ bind, seconds }));
  return (await program.nextJson<{ port: number }>()).port;
}

export interface SendOptions {
  /** The destination address, a zone allowed. */
  to: string;
  port: number;
  /** Text (UTF-8) or bytes. */
  data?: string | Uint8Array;
  source?: string;
  sourcePort?: number;
  /** Everything leaves by this interface, whatever the routes say. */
  interface?: string;
  hops?: number;
  trafficClass?: number;
  broadcast?: boolean;
  /** Multicast does not come back to the sending host. */
  noLoopback?: boolean;
  count?: number;
  /** Seconds between two datagrams. */
  interval?: number;
}

/** Sends datagrams from a host; resolves to the port they came from when the kernel has taken the last one. */
export async function sendFrom(
  place: Place,
  options: SendOptions,
): Promise<{ port: number }> {
  const { data = "", ...others } = options;
  await using program = await start(place, "sender.py", [
    `--data=${toHex(data)}`,
    ...toArgs(others),
  ]);
  const { port } = await program.nextJson<{ port: number }>();
  await program.nextJson(
    (options.count ?? 1) * (options.interval ?? 0) * 1000 + 10_000,
  );
  await program.ended;
  return { port };
}

export interface RequestOptions extends Omit<SendOptions, "noLoopback" | "count" | "interval"> {
  /** A connected socket: the kernel drops every answer that is not from the address and port asked. */
  connect?: boolean;
  /** How many answers to wait for. Default: 1. */
  answers?: number;
  /** Seconds to wait for each. Default: 3. */
  timeout?: number;
}

/** A client that has sent its request. */
export class Client implements AsyncDisposable {
  readonly program: Program;
  /** The port the request came from. */
  readonly port: number;
  #timeout: number;

  /** Use `startClient`. */
  constructor(program: Program, port: number, timeout: number) {
    this.program = program;
    this.port = port;
    this.#timeout = timeout;
  }

  /** The next answer; `"timeout"` when none came, `"refused"` when an ICMP "port unreachable" did. */
  async answer(): Promise<PeerPacket | "timeout" | "refused"> {
    const raw = await this.program.nextJson<
      RawPacket & { timeout?: true; refused?: true }
    >(
      this.#timeout * 1000 + 5_000,
    );
    return raw.timeout ? "timeout" : raw.refused ? "refused" : toPacket(raw);
  }

  /** Ends the program. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.program.stop("SIGKILL");
  }
}

/** Sends a request; the answers are then asked for one by one. */
export async function startClient(
  place: Place,
  options: RequestOptions,
): Promise<Client> {
  const { data = "", ...others } = options;
  const program = await start(place, "client.py", [
    `--data=${toHex(data)}`,
    ...toArgs(others),
  ]);
  const { port } = await program.nextJson<{ port: number }>();
  return new Client(program, port, options.timeout ?? 3);
}

/** Sends a request and returns the first answer; throws when there is none. */
export async function request(
  place: Place,
  options: RequestOptions,
): Promise<PeerPacket> {
  await using client = await startClient(place, options);
  const answer = await client.answer();
  if (typeof answer === "string") {
    throw new Error(
      `${client.program.command}: ${answer} instead of an answer`,
    );
  }
  await client.program.ended;
  return answer;
}

/** What a talker's program answers to a command. */
interface Done {
  port: number;
  answers: (RawPacket & { timeout?: true; refused?: true })[];
  error?: string;
}

/** A program that sends whatever it is told to: starting a program for each datagram would take most of a test's time. */
export class Talker implements AsyncDisposable {
  readonly program: Program;
  #turn: Promise<unknown> = Promise.resolve();

  /** Use `startTalker`. */
  constructor(program: Program) {
    this.program = program;
  }

  #command(options: object, ms: number): Promise<Done> {
    const run = async () => {
      this.program.writeLine(JSON.stringify(options));
      const done = await this.program.nextJson<Done>(ms);
      if (done.error !== undefined) {
        throw new Error(`${this.program.command}: ${done.error} for ${JSON.stringify(options)}`);
      }
      return done;
    };
    const result = this.#turn.then(run);
    this.#turn = result.catch(() => {});
    return result;
  }

  /** Sends; resolves to the port it came from when the kernel has taken it. */
  async send({ data = "", ...options }: Omit<SendOptions, "interval">): Promise<number> {
    return (await this.#command({ ...options, data: toHex(data) }, 10_000)).port;
  }

  /** Sends a request and waits for answers (one, unless told otherwise). */
  async ask(
    { data = "", answers = 1, timeout = 3, ...options }: RequestOptions,
  ): Promise<(PeerPacket | "timeout" | "refused")[]> {
    const command = { ...options, answers, timeout, data: toHex(data) };
    const done = await this.#command(command, answers * timeout * 1000 + 5_000);
    return done.answers.map((raw) =>
      raw.timeout ? "timeout" : raw.refused ? "refused" : toPacket(raw)
    );
  }

  /** Sends a request and returns the first answer; throws when there is none. */
  async request(options: RequestOptions): Promise<PeerPacket> {
    const [answer] = await this.ask({ ...options, answers: 1 });
    if (typeof answer === "string") {
      throw new Error(
        `${this.program.command}: ${answer} instead of an answer to ${JSON.stringify(options)}`,
      );
    }
    return answer;
  }

  /** Ends the program. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.program.stop("SIGKILL");
  }
}

/** Starts a talker. */
export async function startTalker(place: Place): Promise<Talker> {
  const program = await start(place, "talker.py", [], { interactive: true });
  await program.nextJson();
  return new Talker(program);
}

/** A datagram for a sprayer; multicast leaves by the interface. */
export interface Drop {
  to: string;
  port: number;
  text: string;
  interface?: string;
}

/** A program that sends many different datagrams at a word. */
export class Sprayer implements AsyncDisposable {
  readonly program: Program;

  /** Use `startSprayer`. */
  constructor(program: Program) {
    this.program = program;
  }

  /** Sends them all, in order; resolves when the kernel has taken them. */
  async send(drops: readonly Drop[]): Promise<void> {
    const list = drops.map(({ to, port, text, interface: name }) => [to, port, text, name ?? null]);
    this.program.writeLine(JSON.stringify(list));
    await this.program.nextJson(20_000);
  }

  /** Ends the program. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.program.stop("SIGKILL");
  }
}

/** Starts a sprayer. */
export async function startSprayer(place: Place): Promise<Sprayer> {
  const program = await start(place, "sprayer.py", [], { interactive: true });
  await program.nextJson();
  return new Sprayer(program);
}

export interface ChatterOptions {
  port: number;
  /** The groups that are talked to. */
  to: string[];
  /** The interfaces, which may be missing now and then. */
  interface: string[];
  /** Seconds between two rounds. Default 0.01. */
  every?: number;
}

/** A program that talks to groups on interfaces that come and go. */
export class Chatter implements AsyncDisposable {
  readonly program: Program;

  /** Use `startChatter`. */
  constructor(program: Program) {
    this.program = program;
  }

  /** Says something on all interfaces, once, and is quiet from then on; resolves to how many the kernel took. */
  async say(words: string): Promise<number> {
    this.program.writeLine(words);
    return (await this.program.nextJson<{ said: number }>(20_000)).said;
  }

  /** Ends the program. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.program.stop("SIGKILL");
  }
}

/** Starts a chatter. */
export async function startChatter(place: Place, options: ChatterOptions): Promise<Chatter> {
  const program = await start(place, "chatter.py", toArgs(options), { interactive: true });
  await program.nextJson();
  return new Chatter(program);
}

/** What a peer of the soak run has done for one job. */
export interface JobCounts {
  sent: number;
  answered: number;
  wrong: number;
}

/** A job: datagrams, every so many seconds, until it is stopped. Begun again it goes on with the next number. */
export interface Job {
  do: "send" | "ask" | "garbage";
  id: number;
  to: string;
  port: number;
  every: number;
  interface?: string;
}

/** A program that does many things at once, and counts them. */
export class SoakPeer implements AsyncDisposable {
  readonly program: Program;
  #turn: Promise<unknown> = Promise.resolve();

  /** Use `startSoakPeer`. */
  constructor(program: Program) {
    this.program = program;
  }

  #command(command: object): Promise<JobCounts> {
    const result = this.#turn.then(async () => {
      this.program.writeLine(JSON.stringify(command));
      const answer = await this.program.nextJson<JobCounts & { error?: string }>(20_000);
      if (answer.error !== undefined) throw new Error(answer.error);
      return answer;
    });
    this.#turn = result.catch(() => {});
    return result;
  }

  /** Answers whatever comes to a port. */
  async echo(port: number): Promise<void> {
    await this.#command({ do: "echo", port });
  }

  /** Begins a job, or goes on with it. */
  async begin(job: Job): Promise<void> {
    await this.#command(job);
  }

  /** Stops a job, and tells what was done so far. */
  stop({ id }: Pick<Job, "id">): Promise<JobCounts> {
    return this.#command({ do: "stop", id });
  }

  /** Ends the program. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.program.stop("SIGKILL");
  }
}

/** Starts a peer of the soak run. */
export async function startSoakPeer(place: Place, options: {
  /** Then it ends by itself. */
  seconds: number;
  seed: number;
}): Promise<SoakPeer> {
  const program = await start(place, "soak_peer.py", toArgs(options), { interactive: true });
  await program.nextJson();
  return new SoakPeer(program);
}
