/**
 * `pktinfo listen`: what arrives, from whom, to which address, on which interface.
 *
 * @module
 */

import fs from "node:fs";
import { isMulticast } from "../address/classify.ts";
import { parseEndpoint } from "../address/endpoint.ts";
import { parseIp } from "../address/ip.ts";
import { SocketAddress } from "../address/socket_address.ts";
import { openUdpSocket } from "../socket/open.ts";
import type { Packet } from "../socket/packet.ts";
import { platform } from "../socket/platform.ts";
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
import { type Format, formatPacket } from "./packet_text.ts";
import { PcapngWriter } from "./pcapng.ts";
import { bytesText, counted } from "./text.ts";

/** The command. */
export const listen: Command = {
  name: "listen",
  summary: "shows what arrives, with its destination and interface",
  about: `
Shows the datagrams that arrive, with the address each was sent to and the
interface it came in on, until Ctrl-C. A GROUP is joined on every interface (or
on the one after "@"), and only what is sent to it is shown; other programs may
have its port, too. A PORT or ENDPOINT (a local address with its port) is this
program's alone, and shows whatever comes, broadcasts included. Without either
the system chooses a port.`,
  words: { usage: "[GROUP|ENDPOINT|PORT]...", min: 0, max: Infinity },
  options: {
    port: { short: "p", value: "PORT", help: "the port of groups and addresses that name none" },
    interface: {
      short: "i",
      value: "NAME",
      complete: "interface",
      help: "only what comes in on this interface (name or index)",
    },
    share: { help: "other programs may have the same ports; a unicast then reaches one of them" },
    count: { short: "c", value: "N", help: "leave after N datagrams" },
    for: { value: "SECONDS", help: "leave after so long" },
    hex: { short: "x", help: "show the data as hexadecimal digits" },
    json: { help: "print one JSON object a datagram and line" },
    quiet: { short: "q", help: "show no datagrams: only count them, or write them to a file" },
    pcap: {
      value: "FILE",
      complete: "file",
      help: "also write them to a file for Wireshark (pcapng), each with its interface; - is " +
        "standard output, where nothing else is shown then",
    },
  },
  notes: `
Examples:
  pktinfo listen 5000
  pktinfo listen 224.0.0.251:5353 "[ff02::fb]:5353" --hex
  pktinfo listen 239.1.2.3:5000@eth0 --pcap - | wireshark -k -i -`,
  status: `0, also when it was ended by Ctrl-C; 1 if nothing came within
--for; 2 for wrong usage or a failure.`,
  run,
};

/** Where to listen. */
interface Place {
  /** As it was written. */
  word: string;
  address: string | null;
  port: number;
  interface: string | null;
  multicast: boolean;
}

/** How often the line with the rate is renewed. */
const RATE_MS = 500;

async function run(values: Values, words: readonly string[], io: Io): Promise<number> {
  onlyOne(values, "hex", "json");
  const port = integer(values.port, "port", 0, 65535);
  const count = integer(values.count, "count", 1, Number.MAX_SAFE_INTEGER) ?? Infinity;
  const forMs = seconds(values.for, "for");
  const only = text(values.interface) ?? null;
  const places = (words.length === 0 ? [String(port ?? 0)] : words)
    .map((word) => readPlace(word, port, only));
  const format: Format = values.json ? "json" : values.hex ? "hex" : "text";

  const end = new AbortController();
  const stop = () => end.abort();
  io.signal.addEventListener("abort", stop);
  const timer = forMs === undefined ? undefined : setTimeout(stop, forMs);
  const sockets: UdpSocket[] = [];
  const output = openOutput(text(values.pcap), io);
  const silent = values.quiet === true || output?.standard === true;
  const tally = { packets: 0, bytes: 0 };
  const rate = showRate(io, tally);
  try {
    for (const place of places) sockets.push(open(place, values.share === true, io));
    if (io.signal.aborted) return 0;
    const read = async (socket: UdpSocket) => {
      for await (const packet of socket.packets({ signal: end.signal })) {
        if (tally.packets >= count) return;
        tally.packets++;
        tally.bytes += packet.data.length;
        output?.write(packet);
        if (!silent) io.out(formatPacket(packet, format, io.screen?.columns));
        if (tally.packets === count) stop();
        await io.drained();
      }
    };
    await Promise.all(sockets.map((socket) => read(socket).catch(unless(end.signal))));
    const dropped = sockets.reduce((sum, { stats }) => sum + (stats.dropped ?? 0), 0);
    rate();
    if (!values.quiet) {
      const lost = dropped === 0 ? "" : `, ${dropped} more dropped by the kernel`;
      io.err(`${counted(tally.packets, "datagram")}, ${bytesText(tally.bytes)}${lost}\n`);
    }
    return tally.packets === 0 && forMs !== undefined && !io.signal.aborted ? 1 : 0;
  } finally {
    rate();
    clearTimeout(timer);
    io.signal.removeEventListener("abort", stop);
    await Promise.all(sockets.map((socket) => socket.close()));
    output?.close();
  }
}

/** The wait that ended because it was to end is no error. */
function unless(signal: AbortSignal): (error: unknown) => void {
  return (error) => {
    if (!signal.aborted || error !== signal.reason) throw error;
  };
}

/** Reads `5000`, `:5000`, `10.0.0.1:5000`, `239.1.2.3:5000@eth0`, `[ff02::fb]:5353`. */
function readPlace(word: string, port: number | undefined, only: string | null): Place {
  const alone = /^:?(\d+)$/.exec(word);
  if (alone) {
    const number = Number(alone[1]);
    if (number > 65535) throw new UsageError(`a port is at most 65535, not ${alone[1]}`);
    return { word, address: null, port: number, interface: only, multicast: false };
  }
  let endpoint;
  try {
    endpoint = parseEndpoint(word);
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
  if (endpoint.hops !== null) {
    throw new UsageError(`a hop limit is for sending: leave ",${endpoint.hops}" out of "${word}"`);
  }
  const multicast = isMulticast(parseIp(endpoint.address));
  const chosen = endpoint.port ?? port;
  if (chosen === undefined) {
    const host = endpoint.family === "IPv6" ? `[${endpoint.address}]` : endpoint.address;
    throw new UsageError(`which port? Write "${host}:PORT", or --port PORT for all`);
  }
  const zoned = endpoint.zone === null ? "" : `%${endpoint.zone}`;
  return {
    word,
    address: multicast ? endpoint.address : endpoint.address + zoned,
    port: chosen,
    interface: endpoint.interface ?? (multicast ? endpoint.zone : null) ?? only,
    multicast,
  };
}

function open(place: Place, share: boolean, io: Io): UdpSocket {
  const { address, port, multicast, interface: name } = place;
  const socket = openUdpSocket({
    port,
    share: multicast || share,
    timestamps: platform.timestamps,
    onError: (error) => io.err(`pktinfo listen: ${error.message}\n`),
    ...(address === null ? {} : { address }),
    ...(multicast || name === null ? {} : { interface: name }),
  });
  if (!multicast) {
    io.err(`listening on ${socket.localAddresses.join(" and ")}\n`);
    return socket;
  }
  try {
    const { interfaces, failed } = socket.join(address!, name === null ? {} : { interface: name });
    if (interfaces.length === 0 && failed.length > 0) throw failed[0].error;
    const names = interfaces.map(({ name }) => name).join(", ") || "no interface yet";
    const group = String(new SocketAddress({ address: address!, port: socket.port }));
    io.err(`listening on ${group}, joined on ${names}\n`);
    for (const { name, error } of failed) io.err(`not joined on ${name}: ${error.message}\n`);
    return socket;
  } catch (error) {
    socket.close();
    throw error;
  }
}

/** Keeps a line with the rate on the terminal; returns what takes it away. */
function showRate(io: Io, tally: { packets: number; bytes: number }): () => void {
  let before = 0;
  const timer = setInterval(() => {
    const perSecond = Math.round((tally.packets - before) * 1000 / RATE_MS);
    before = tally.packets;
    io.progress(
      `${counted(tally.packets, "datagram")}, ${bytesText(tally.bytes)}, ${perSecond}/s`,
    );
  }, RATE_MS);
  return () => {
    clearInterval(timer);
    io.progress(null);
  };
}

/** A file of packets. */
interface Output {
  /** It is standard output. */
  readonly standard: boolean;
  write(packet: Packet): void;
  close(): void;
}

function openOutput(file: string | undefined, io: Io): Output | null {
  if (file === undefined) return null;
  const writer = new PcapngWriter();
  if (file === "-") {
    if (io.screen !== null) {
      throw new UsageError("--pcap - writes binary data: send it to a file or a program");
    }
    io.out(writer.header());
    return {
      standard: true,
      write: (packet) => io.out(writer.packet(packet)),
      close: () => {},
    };
  }
  const descriptor = fs.openSync(file, "w");
  const write = (bytes: Uint8Array) => {
    for (let done = 0; done < bytes.length;) done += fs.writeSync(descriptor, bytes, done);
  };
  write(writer.header());
  return {
    standard: false,
    write: (packet) => write(writer.packet(packet)),
    close: () => fs.closeSync(descriptor),
  };
}
