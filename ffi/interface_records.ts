/**
 * Interfaces and their addresses as an operating system tells them, in one form for all.
 *
 * @module
 */

import type { SocketWords } from "./sockaddr.ts";

/** What an interface is and does. */
export interface InterfaceFlags {
  up: boolean;
  running: boolean;
  loopback: boolean;
  multicast: boolean;
  pointToPoint: boolean;
}

/** An interface without its addresses. */
export interface LinkRecord {
  readonly index: number;
  readonly name: string;
  /** A name for people; `null` where the OS keeps none. */
  readonly description: string | null;
  readonly flags: InterfaceFlags;
  /** `null`: not said. */
  readonly mtu: number | null;
  /** Empty where there is none. */
  readonly hardware: Uint8Array;
}

/** An address of an interface. `null` everywhere: not said, or none. */
export interface AddressRecord {
  /** The interface's. */
  readonly index: number;
  readonly address: SocketWords;
  /** The other end of a point-to-point link; elsewhere the address itself. */
  readonly peer: SocketWords | null;
  readonly prefixLength: number | null;
  readonly broadcast: SocketWords | null;
  readonly tentative: boolean | null;
  readonly duplicate: boolean | null;
  readonly temporary: boolean | null;
  readonly deprecated: boolean | null;
}

/** All interfaces and addresses of a host. */
export interface HostRecords {
  readonly links: readonly LinkRecord[];
  readonly addresses: readonly AddressRecord[];
}

/** Something happened to an interface: what it is or has from now on. */
export type RouteEvent =
  | { readonly type: "link"; readonly link: LinkRecord }
  | { readonly type: "link-gone"; readonly index: number }
  | { readonly type: "address" | "address-gone"; readonly address: AddressRecord };
