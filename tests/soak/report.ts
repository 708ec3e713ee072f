/** What a long run comes to. Pure. */
import { type Sample, slope } from "./gauges.ts";
import type { Ledger } from "./ledger.ts";

/** What was measured of the process. */
export interface Measured {
  minutes: number;
  /** Resident memory in KiB, over time. */
  resident: Sample[];
  /** What is in use after a collection, in KiB, over time. */
  used: Sample[];
  /** The same before anything was opened and after everything was closed. */
  usedBefore: number;
  usedAfter: number;
  descriptorsBefore: number;
  descriptorsAfter: number;
  mostDescriptors: number;
  /** In milliseconds, without the time in which the processor was other programs'. */
  lagP99: number;
  longestLag: number;
  lagP99ByClock: number;
  /** CPU time as a part of one core. */
  cpu: number;
}

/**
 * By how much memory may rise over the second half of a run, and stay after it, in KiB. What stays is compiled code and
 * what the runtime keeps of it: most of it comes in the first minutes, which the second half does not see.
 */
export const BOUNDS = {
  residentRise: 16 * 1024,
  usedRise: 2 * 1024,
  usedStays: 4 * 1024,
  lagP99: 50,
};

/** A line of the report. */
export interface Row {
  what: string;
  value: number;
  unit?: string;
  /** The most that is right. */
  most?: number;
  /** The least that is right. */
  least?: number;
}

/** By how much the line through the samples of the second half rises over that half. */
export function rise(samples: readonly Sample[]): number {
  const half = samples.slice(samples.length >> 1);
  return half.length < 2 ? 0 : slope(half) * (half.at(-1)!.seconds - half[0].seconds);
}

/** What has to have been done at least once for a run to say anything. */
export const DEEDS = [
  "questions answered",
  "questions of peers answered",
  "dgram's messages",
  "multicasts received",
  "changes of interfaces",
  "bursts",
  "sockets opened and closed",
  "waits given up",
  "refusals told",
  "found by mDNS",
  "found by SSDP",
];

/** All lines. */
export function rows(ledger: Ledger, measured: Measured): Row[] {
  const { sent, received, dropped, repeated, lost, invented, garbage } = ledger.sums;
  const nothing = { most: 0 };
  const troubles = [
    "damaged",
    "misattributed",
    "unknown",
    "late answer",
    "not followed",
    "not found",
    "error",
    "exception",
  ] as const;
  return [
    { what: "minutes", value: measured.minutes },
    { what: "datagrams sent", value: sent, least: 1 },
    { what: "datagrams received", value: received, least: 1 },
    { what: "datagrams dropped by the kernel, and counted", value: dropped },
    { what: "datagrams lost", value: lost, ...nothing },
    { what: "datagrams received that were never sent", value: invented, ...nothing },
    { what: "datagrams that came twice", value: repeated, ...nothing },
    { what: "datagrams of nobody received", value: garbage, least: 1 },
    ...troubles.map((what): Row => ({ what, value: ledger.troubles.get(what) ?? 0, ...nothing })),
    ...DEEDS.map((what): Row => ({ what, value: ledger.deeds.get(what) ?? 0, least: 1 })),
    {
      what: "rise of resident memory in the second half",
      value: Math.round(rise(measured.resident)),
      unit: "KiB",
      most: BOUNDS.residentRise,
    },
    {
      what: "rise of memory in use in the second half",
      value: Math.round(rise(measured.used)),
      unit: "KiB",
      most: BOUNDS.usedRise,
    },
    {
      what: "memory in use that stays",
      value: Math.round(measured.usedAfter - measured.usedBefore),
      unit: "KiB",
      most: BOUNDS.usedStays,
    },
    {
      what: "descriptors that stay",
      value: measured.descriptorsAfter - measured.descriptorsBefore,
      ...nothing,
    },
    { what: "descriptors at once, at most", value: measured.mostDescriptors },
    { what: "timer lag at p99", value: measured.lagP99, unit: "ms", most: BOUNDS.lagP99 },
    { what: "timer lag, the longest", value: Math.round(measured.longestLag), unit: "ms" },
    { what: "timer lag at p99 by the clock", value: measured.lagP99ByClock, unit: "ms" },
    ...[...ledger.longest].map(([what, ms]) => (
      { what: `${what}, the longest`, value: Math.round(ms), unit: "ms" }
    )),
    { what: "CPU time, of one core", value: Math.round(measured.cpu * 100), unit: "%" },
  ];
}

/** Whether a line is as it ought to be. */
export function isRight({ value, most = Infinity, least = -Infinity }: Row): boolean {
  return value <= most && value >= least;
}

/** The report as text. */
export function asText(all: readonly Row[], details: readonly string[]): string {
  const width = Math.max(...all.map(({ what }) => what.length));
  const lines = all.map((row) => {
    const value = Number.isInteger(row.value) ? String(row.value) : row.value.toFixed(1);
    const bound = isRight(row)
      ? ""
      : row.value > (row.most ?? Infinity)
      ? `   WRONG: at most ${row.most}`
      : `   WRONG: at least ${row.least}`;
    return `${row.what.padEnd(width)}  ${value.padStart(10)} ${(row.unit ?? "").padEnd(3)}${bound}`
      .trimEnd();
  });
  return [...lines, ...details.map((detail) => `  ${detail}`)].join("\n");
}
