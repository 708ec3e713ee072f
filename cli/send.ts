/**
 * `pktinfo send`: sends a datagram, once or again and again.
 *
 * @module
 */

import fs from "node:fs";
import { parseEndpoint } from "../address/endpoint.ts";
import type { SocketError } from "../ffi/errors.ts";
import { openUdpSocket } from "../socket/open.ts";
import type { UdpSocket } from "../socket/udp_socket.ts";
import {
  type Command,
  integer,
  onlyOne,
  seconds,
  text,
  UsageError,
  type Values,
} from "./command.ts";
import type { Io } from "./io.ts";
import { bytesText, counted } from "./text.ts";

/** The command. */
export const send: Command = {
  name: "send",
  summary: "sends a datagram, once or again and again",
  about: `
Sends one datagram to ENDPOINT: an address with its port, and where wanted the
hop limit and the interface to leave by, HOST:PORT[,HOPS][@INTERFACE]. The data
is the second word, a file, or else what is on standard input.`,
  words: { usage: "ENDPOINT [DATA]", min: 1, max: 2 },
  options: {
    file: { short: "f", value: "FILE", complete: "file", help: "send what is in this file" },
    hex: { short: "x", help: "DATA is hexadecimal digits: 'ca 02 80'" },
    repeat: { short: "n", value: "N", help: "send it N times; 0: until Ctrl-C" },
    interval: { value: "SECONDS", help: "the time between two; 1 unless given, 0 for no pause" },
    source: { short: "s", value: "ADDRESS", help: "send from this address of this host" },
    "source-port": { value: "PORT", help: "send from this port" },
    interface: {
      short: "i",
      value: "NAME",
      complete: "interface",
      help: "leave by this interface (name or index)",
    },
    hops: { value: "N", help: "hop limit, also known as TTL" },
    json: { help: "print one JSON object that tells what was sent" },
  },
  notes: `
Examples:
  pktinfo send 239.1.2.3:5000,4@eth0 hello
  pktinfo send "[ff02::1234%eth0]:5000" --repeat 10 --interval 0.5 hello
  date | pktinfo send 10.0.0.255:5000`,
  status: `0 once the system has taken all, 2 for wrong usage or a failure,
130 interrupted.`,
  run,
};

/** What a UDP datagram over IPv4 can hold; over IPv6 it is 20 bytes more. */
const LONGEST = 65_507;
const PROGRESS_MS = 200;
/** The socket has its turn after so many without a pause. */
const BATCH = 64;

async function run(values: Values, words: readonly string[], io: Io): Promise<number> {
  const [to, word] = words;
  const port = checkEndpoint(to);
  const repeat = integer(values.repeat, "repeat", 0, Number.MAX_SAFE_INTEGER) ?? 1;
  const intervalMs = seconds(values.interval, "interval") ?? 1_000;
  const sourcePort = integer(values["source-port"], "source-port", 0, 65535) ?? 0;
  const hops = integer(values.hops, "hops", 0, 255);
  if (values.hex && word === undefined) throw new UsageError("--hex needs DATA");
  if (values.file !== undefined && word !== undefined) {
    throw new UsageError("DATA and --file exclude each other");
  }
  onlyOne(values, "file", "hex");
  const data = await readData(word, values, io);
  if (data.length > LONGEST + 20) {
    throw new UsageError(`a datagram holds ${LONGEST} bytes, not ${data.length}`);
  }
  const { source, interface: name } = values;
  const options = {
    ...(source === undefined ? {} : { source: String(source) }),
    ...(name === undefined ? {} : { interface: String(name) }),
    ...(hops === undefined ? {} : { hops }),
  };
  let told = false;
  await using socket = openUdpSocket({
    port: sourcePort,
    broadcast: true,
    onError: (error) => {
      if (!told) io.err(`pktinfo send: ${inWords(error)}\n`);
      told = true;
    },
  });
  const tally = { sent: 0 };
  const progress = repeat === 1 ? () => {} : showProgress(io, tally, repeat);
  try {
    await sendAll(socket, data, to, options, { repeat, intervalMs, tally, signal: io.signal });
  } finally {
    progress();
  }
  const bytes = tally.sent * data.length;
  if (values.json) {
    const { sent } = tally;
    io.out(`${JSON.stringify({ to, port, sent, bytes, sourcePort: socket.port })}\n`);
  } else if (repeat !== 1) {
    io.err(`sent ${counted(tally.sent, "datagram")}, ${bytesText(bytes)}\n`);
  }
  return io.signal.aborted && repeat !== 0 ? 130 : 0;
}

/** ICMP's answer in the words of people. */
function inWords(error: Error): string {
  const { code, address, port } = error as SocketError;
  return code === "ECONNREFUSED" && address !== null
    ? `nobody listens at ${address}, port ${port} (${code})`
    : error.message;
}

/** What is wrong with it is said before anything is read or opened. */
function checkEndpoint(to: string): number {
  let port;
  try {
    ({ port } = parseEndpoint(to));
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
  if (!port) throw new UsageError(`which port? Write "HOST:PORT", not "${to}"`);
  return port;
}

async function readData(word: string | undefined, values: Values, io: Io): Promise<Uint8Array> {
  const file = text(values.file);
  if (file !== undefined && file !== "-") return fs.readFileSync(file);
  if (word === undefined) {
    if (io.asks) io.err("Type the data; Ctrl-D on a line of its own sends it.\n");
    return await io.input();
  }
  if (!values.hex) return new TextEncoder().encode(word);
  const digits = word.replaceAll(/[\s:]/g, "");
  if (digits.length % 2 !== 0 || /[^0-9a-f]/i.test(digits)) {
    throw new UsageError(`${JSON.stringify(word)} is not pairs of hexadecimal digits`);
  }
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

async function sendAll(
  socket: UdpSocket,
  data: Uint8Array,
  to: string,
  options: { source?: string; interface?: string; hops?: number },
  { repeat, intervalMs, tally, signal }: {
    repeat: number;
    intervalMs: number;
    tally: { sent: number };
    signal: AbortSignal;
  },
): Promise<void> {
  const start = performance.now();
  while (!signal.aborted) {
    await socket.send(data as Uint8Array<ArrayBuffer>, to, options);
    tally.sent++;
    if (tally.sent === repeat) return;
    // By the clock: what sending takes does not add up.
    const waitMs = intervalMs > 0 ? start + tally.sent * intervalMs - performance.now() : 0;
    if (waitMs > 0 || tally.sent % BATCH === 0) await pause(Math.max(0, waitMs), signal);
  }
}

/** Resolves after so long, or when the user leaves. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done);
    if (signal.aborted) done();
  });
}

function showProgress(io: Io, tally: { sent: number }, repeat: number): () => void {
  const timer = setInterval(
    () => io.progress(repeat === 0 ? `sent ${tally.sent}` : `sent ${tally.sent} of ${repeat}`),
    PROGRESS_MS,
  );
  return () => {
    clearInterval(timer);
    io.progress(null);
  };
}
