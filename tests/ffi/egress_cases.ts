/** Wishes for one datagram, for the tests of how they are told. */
import type { Family } from "../../address/ip.ts";
import type { SendControl } from "../../ffi/cmsg.ts";
import { type Departure, type Egress, planEgress } from "../../ffi/egress.ts";
import type { Platform } from "../../ffi/platform/platform.ts";
import { emptyWords } from "../../ffi/sockaddr.ts";
import { NOTHING } from "./control.ts";

/** Addresses: asked for, bound to, and the first one of the interface. */
export const ASKED = 0x0a00_0002;
export const OWN = 0x0a00_0003;
export const FIRST = 0x0a00_0004;
export const INTERFACE = 7;

/** A wish and where it is made. */
export interface Case {
  family: Family;
  multicast: boolean;
  source: boolean;
  interface: boolean;
  hops: number;
  trafficClass: number;
  /** What the socket is bound to. */
  own: number | null;
  lenient: boolean;
}

export const PLAIN: Case = {
  family: "IPv4",
  multicast: false,
  source: false,
  interface: false,
  hops: -1,
  trafficClass: -1,
  own: null,
  lenient: false,
};

export function wishOf(c: Case): SendControl {
  return {
    ...NOTHING,
    hasSource: c.source,
    w0: c.source ? ASKED : 0,
    interfaceIndex: c.interface ? INTERFACE : 0,
    hops: c.hops,
    trafficClass: c.trafficClass,
  };
}

export function plan(platform: Platform, c: Case): Egress {
  const { family, multicast, lenient } = c;
  const own = c.own === null ? null : { ...emptyWords(), family, w0: c.own };
  const addressOf = (index: number) => index === INTERFACE ? FIRST : 0;
  const departure: Departure = { family, multicast, own, lenient, addressOf };
  return planEgress(platform, departure, wishOf(c));
}
