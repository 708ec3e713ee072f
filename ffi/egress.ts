/**
 * How one datagram is told its source, its interface, its hops and its traffic class.
 *
 * Systems differ in what a control message can ask for. What it cannot is asked
 * for by the socket's option, set for the one call: nothing else runs in between.
 * What neither can say is refused.
 *
 * @module
 */

import type { Family } from "../address/ip.ts";
import type { SendControl } from "./cmsg.ts";
import { SocketError, UnsupportedError } from "./errors.ts";
import type { OptionName, Platform } from "./platform/platform.ts";
import type { SocketWords } from "./sockaddr.ts";

/** An option to be set for one call, and put back. */
export type OptionForOneCall = readonly [
  option: "hops" | "multicastHops" | "trafficClass" | "multicastInterface",
  value: number,
];

/** What the kernel is told, in which way. */
export interface Egress {
  /** `null`: nothing by control messages. */
  readonly control: Readonly<SendControl> | null;
  /** `null`: no options. */
  readonly options: readonly OptionForOneCall[] | null;
}

/** What is known of the datagram and its socket. */
export interface Departure {
  readonly family: Family;
  readonly multicast: boolean;
  /** The address that the socket is bound to, if it is one of this host's. */
  readonly own: Readonly<SocketWords> | null;
  /** What cannot be had is left out rather than refused: an answer matters more than its way. */
  readonly lenient: boolean;
  /** An IPv4 address of an interface; 0 where it has none. */
  readonly addressOf: (interfaceIndex: number) => number;
}

/**
 * Decides it.
 *
 * @throws {UnsupportedError} If the system has no way to do it.
 * @throws {SocketError} `EADDRNOTAVAIL` if the interface has no address that it would need.
 */
export function planEgress(
  platform: Platform,
  departure: Departure,
  wish: Readonly<SendControl> | null,
): Egress {
  if (wish === null) return { control: null, options: null };
  const { family, multicast } = departure;
  const rows = platform.sendControl[family];
  const control = { ...wish };
  const options: OptionForOneCall[] = [];

  planInterface(platform, departure, control, options);
  planSource(platform, departure, control);
  const onlyAsOption = control.hops === 0 && family === "IPv4" &&
    platform.quirks.zeroHopsOnlyAsOption;
  if (control.hops >= 0 && (!rows.hops || onlyAsOption)) {
    options.push([multicast ? "multicastHops" : "hops", control.hops]);
    control.hops = -1;
  }
  if (control.trafficClass >= 0 && !rows.trafficClass) {
    options.push(["trafficClass", control.trafficClass]);
    control.trafficClass = -1;
  }
  for (const [option] of options) mustHave(platform, family, option);
  const { hasSource, interfaceIndex, hops, trafficClass } = control;
  const nothing = !hasSource && interfaceIndex === 0 && hops < 0 && trafficClass < 0;
  return { control: nothing ? null : control, options: options.length > 0 ? options : null };
}

function mustHave(platform: Platform, family: Family, option: OptionName): void {
  if (platform.options[family][option]) return;
  throw new UnsupportedError(`${option} for a single ${family} datagram`, platform.displayName);
}

/** By packet information where that does it; a group's interface also by the socket's option. */
function planInterface(
  platform: Platform,
  { family, multicast, own, lenient, addressOf }: Departure,
  control: SendControl,
  options: OptionForOneCall[],
): void {
  const { interfaceIndex } = control;
  if (interfaceIndex === 0) return;
  const { quirks } = platform;
  const ipv4 = family === "IPv4";
  const told = platform.sendControl[family].packetInfo !== null;
  const forgets = ipv4 && (control.hasSource || own !== null) && quirks.interfaceForgetsSource;
  const needsSource = ipv4 && quirks.interfaceNeedsSource;
  if (told && !forgets && !(needsSource && multicast)) {
    if (!needsSource || control.hasSource) return;
    const w0 = own?.w0 ?? addressOf(interfaceIndex);
    control.hasSource = w0 !== 0;
    control.w0 = w0;
    if (w0 !== 0) return;
    if (!lenient) throw noAddress(interfaceIndex);
  }
  control.interfaceIndex = 0;
  if (multicast) {
    options.push(["multicastInterface", interfaceIndex]);
  } else if (!lenient) {
    const what = told ? "both source and interface" : "the interface";
    throw new UnsupportedError(
      `choosing ${what} of an IPv4 unicast datagram`,
      platform.displayName,
      "Open a socket with { address } or { interface } for it",
    );
  }
}

function noAddress(interfaceIndex: number): SocketError {
  const reason = "the interface has no IPv4 address to send from";
  return new SocketError({
    code: "EADDRNOTAVAIL",
    errno: 0,
    syscall: "sendmsg",
    interfaceIndex,
    reason,
  });
}

function planSource(
  { displayName, quirks, sendControl }: Platform,
  { family, own, lenient }: Departure,
  control: SendControl,
): void {
  const rows = sendControl[family];
  if (!control.hasSource) {
    // IPv6's packet information leaves a bound socket's source alone; IPv4's puts another in its place.
    const replaced = own && family === "IPv4" && control.interfaceIndex !== 0 &&
      quirks.packetInfoReplacesBoundSource;
    if (replaced) {
      control.hasSource = true;
      control.w0 = own.w0;
    }
    return;
  }
  const bound = own !== null && family === "IPv4" && quirks.sourceOnlyOnWildcard;
  if (!bound && (rows.packetInfo ?? rows.source) !== null) return;
  // What the socket is bound to is its source anyway.
  control.hasSource = false;
  if (own?.w0 === control.w0 || lenient) return;
  throw new UnsupportedError(
    own
      ? "another source than the address that the socket is bound to"
      : `choosing the source of an ${family} datagram`,
    displayName,
  );
}
