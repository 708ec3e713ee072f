/** What the tests under load share: a flood from another host, and what the kernel counts beside us. */
import fs from "node:fs";
import os from "node:os";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { openUdpSocket, type UdpSocket } from "../../mod.ts";
import { findProgram } from "../harness.ts";
import type { Host } from "./lab.ts";
import { type Program, run } from "./process.ts";
import { textOf } from "./sockets.ts";

/** Compiles a C program of tests/programs; the file goes with the folder. */
export async function compile(name: string): Promise<{ file: string } & Disposable> {
  const folder = fs.mkdtempSync(`${process.env.TMPDIR ?? os.tmpdir()}/pktinfo-c-`);
  const file = `${folder}/${name}`;
  const source = fileURLToPath(new URL(`../programs/${name}.c`, import.meta.url));
  const compiler = findProgram("cc") ?? findProgram("gcc")!;
  await run(compiler, ["-O2", "-Wall", "-Wextra", "-o", file, source], { timeout: 30_000 });
  return { file, [Symbol.dispose]: () => fs.rmSync(folder, { recursive: true }) };
}

/** A flood that is under way. */
export interface Flood {
  readonly program: Program;
  /** What the kernel has taken, when it is over. */
  sent(): Promise<{ sent: number; seconds: number }>;
}

/** Begins to flood an address from a host with so many datagrams a second, numbered from `first` on. */
export async function startFlood(
  file: string,
  from: Host,
  to: string,
  port: number,
  rate: number,
  seconds: number,
  first = 0,
): Promise<Flood> {
  const program = await from.spawn(file, [to, port, rate, seconds, first].map(String), {
    interactive: true,
  });
  return { program, sent: () => program.nextJson((seconds + 30) * 1000) };
}

/** What /proc/net/udp says of the socket on a port: the bytes that nobody has read yet, and what was dropped. */
export function kernelCounts(port: number, family: "IPv4" | "IPv6"): {
  queued: number;
  dropped: number;
} {
  const lines = fs.readFileSync(`/proc/net/udp${family === "IPv4" ? "" : "6"}`, "utf8").split("\n");
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const words = lines.map((line) => line.trim().split(/\s+/)).find(([, at]) =>
    at?.endsWith(wanted)
  );
  if (words === undefined) throw new Error(`no socket on port ${port}`);
  return { queued: parseInt(words[4].split(":")[1], 16), dropped: Number(words.at(-1)) };
}

/** Waits until a socket's reader has taken from the kernel whatever is there. */
export async function drained(port: number, family: "IPv4" | "IPv6"): Promise<void> {
  while (kernelCounts(port, family).queued > 0) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Keeps a processor busy for so long: what a program does with a packet. */
export function work(microseconds: number): void {
  const end = performance.now() + microseconds / 1000;
  while (performance.now() < end);
}

/** Asks an echoing peer again and again, and counts the answers: another socket of the process, which is to be served. */
export class Asker {
  asked = 0;
  answered = 0;
  /** The longest that an answer took, in milliseconds. */
  longest = 0;
  readonly #socket: UdpSocket;
  readonly #ended: Promise<void>;
  #over = false;

  /** @param peer Who echoes: `"10.1.0.2:7"`. */
  constructor(peer: string, everyMs = 20) {
    this.#socket = openUdpSocket({ family: peer.startsWith("[") ? "IPv6" : "IPv4" });
    this.#socket.connect(peer);
    this.#ended = this.#run(everyMs);
  }

  async #run(everyMs: number): Promise<void> {
    while (!this.#over) {
      const question = `question ${this.asked++}`;
      const start = performance.now();
      await this.#socket.send(question);
      const packet = await this.#socket.receive({ signal: AbortSignal.timeout(5_000) });
      if (textOf(packet) !== question) throw new Error(`${textOf(packet)} for ${question}`);
      this.answered++;
      this.longest = Math.max(this.longest, performance.now() - start);
      await new Promise((resolve) => setTimeout(resolve, everyMs));
    }
  }

  /** Ends it; rejects if a question was not answered. */
  async stop(): Promise<void> {
    this.#over = true;
    try {
      await this.#ended;
    } finally {
      await this.#socket.close();
    }
  }
}
