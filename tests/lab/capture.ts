/** What is really on the wire, as tshark (Wireshark's decoder) reads it. */
import { within } from "../harness.ts";
import type { Host } from "./lab.ts";
import type { Program } from "./process.ts";

/** One packet on the wire. What the packet does not have is null. */
export interface Frame {
  /** The interface it was captured on. */
  interface: string;
  family: "IPv4" | "IPv6" | null;
  source: string | null;
  destination: string | null;
  sourcePort: number | null;
  destinationPort: number | null;
  /** IPv4 TTL or IPv6 hop limit. */
  hops: number | null;
  /** IPv4 TOS or IPv6 traffic class. */
  trafficClass: number | null;
  /** Bytes of UDP payload. */
  length: number | null;
  data: Uint8Array;
  text: string;
  /** The Ethernet addresses. */
  macSource: string | null;
  macDestination: string | null;
  /** The further fields asked for, by tshark's names; "" where a packet has none, values separated by commas. */
  more: Record<string, string>;
}

const fields = [
  "frame.interface_name",
  "ip.src",
  "ip.dst",
  "ipv6.src",
  "ipv6.dst",
  "udp.srcport",
  "udp.dstport",
  "ip.ttl",
  "ipv6.hlim",
  "ip.dsfield",
  "ipv6.tclass",
  "udp.length",
  "udp.payload",
  "eth.src",
  "eth.dst",
];

/** A number in decimal or with 0x; an IP header inside an ICMP error comes second, after a comma. */
function number(text: string): number | null {
  return text === "" ? null : Number(text.split(",")[0]);
}

function toFrame(line: string, more: readonly string[]): Frame {
  const [
    iface,
    ip4src,
    ip4dst,
    ip6src,
    ip6dst,
    sport,
    dport,
    ttl,
    hlim,
    tos,
    tclass,
    length,
    payload,
    ...mac
  ] = line
    .split("\t");
  const first = (...texts: string[]) => texts.find((text) => text !== "")?.split(",")[0] ?? null;
  const data = Uint8Array.from(
    payload.match(/[0-9a-f]{2}/g) ?? [],
    (digits) => parseInt(digits, 16),
  );
  const udpLength = number(length);
  return {
    interface: iface,
    family: ip4src !== "" ? "IPv4" : ip6src !== "" ? "IPv6" : null,
    source: first(ip4src, ip6src),
    destination: first(ip4dst, ip6dst),
    sourcePort: number(sport),
    destinationPort: number(dport),
    hops: number(ttl) ?? number(hlim),
    trafficClass: number(tos) ?? number(tclass),
    length: udpLength === null ? null : udpLength - 8,
    data,
    text: new TextDecoder().decode(data),
    macSource: first(mac[0]),
    macDestination: first(mac[1]),
    more: Object.fromEntries(more.map((name, index) => [name, mac[index + 2]])),
  };
}

/** A running capture. */
export class Capture implements AsyncDisposable {
  #program: Program;
  #more: readonly string[];

  /** Use `capture`. */
  constructor(program: Program, more: readonly string[]) {
    this.#program = program;
    this.#more = more;
  }

  /** The next frame; rejects when none comes within `ms` milliseconds. tshark is up to a second behind the wire. */
  async next(ms = 8_000): Promise<Frame> {
    return toFrame(await this.#program.nextLine(ms), this.#more);
  }

  /** Skips frames until one satisfies the condition. */
  async find(condition: (frame: Frame) => boolean, ms = 8_000): Promise<Frame> {
    const search = async () => {
      for (;;) {
        const frame = await this.next(ms);
        if (condition(frame)) return frame;
      }
    };
    return await within(ms, search(), "the frame looked for");
  }

  /** Stops capturing and returns the frames not asked for yet. */
  async stop(): Promise<Frame[]> {
    await this.#program.stop("SIGINT", 10_000);
    return this.#program.takeLines().map((line) => toFrame(line, this.#more));
  }

  /** Stops capturing. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#program.stop("SIGINT", 10_000);
  }
}

/**
 * Captures on one or several interfaces of a host; resolves when it is really capturing. Frames of one interface come
 * in order; those of several are merged in no particular order.
 * @param filter in libpcap's language. Default: `"udp"`.
 * @param more further fields, by tshark's names: `"igmp.maddr"`.
 */
export async function capture(
  host: Host,
  interfaces: string | string[],
  filter = "udp",
  more: readonly string[] = [],
): Promise<Capture> {
  const names = Array.isArray(interfaces) ? interfaces : [interfaces];
  const args = [
    // A filter before every -i applies to all of them. -n: no name look-ups. -l: line by line.
    ...["-n", "-l", "-f", filter, ...names.flatMap((name) => ["-i", name])],
    // Our ports are not what the dissectors take them for (5353 …): decode nothing above UDP.
    ...[
      "-T",
      "fields",
      "-E",
      "separator=/t",
      ...[...fields, ...more].flatMap((field) => ["-e", field]),
    ],
  ];
  const program = await host.spawn("tshark", args);
  await program.waitForStderr(/Capture started\.|File: /, 20_000);
  return new Capture(program, more);
}
