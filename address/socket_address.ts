// SocketAddress: address, port and zone in one immutable value. Made once or twice for every packet received, so
// it holds numbers and becomes text only when somebody looks.

import { type Family, formatIpv4, formatIpv6 } from "./ip.ts";
import { checkInit, type SocketAddressInit, splitSocketAddress } from "./socket_address_init.ts";
import { zoneIndex } from "./zone.ts";

export type { SocketAddressInit } from "./socket_address_init.ts";

/** Says "the values that follow are ready to store": parsing nothing is what makes the hot path hot. */
const RAW = Symbol("raw");

let readPrivateWords: typeof readWords;

/**
 * An IP address with a port, and for IPv6 the zone (interface) it belongs to. Immutable: assigning to a property
 * throws in strict mode.
 *
 * A zone is a name, an index or both. Text gives one of them: `%eth0` the name (`scopeId` stays null; nothing is
 * looked up here), `%3` the index. Addresses of received packets have both where the OS told them. A zone is
 * accepted on every IPv6 address, also on global ones, as RFC 4007 permits; the OS ignores it there.
 *
 * @example
 * ```ts
 * import { SocketAddress } from "@pktinfo/pktinfo";
 * import { assertEquals } from "@std/assert";
 *
 * const mdns = new SocketAddress({ address: "ff02::fb", port: 5353, zone: "eth0" });
 * assertEquals(mdns.toString(), "[ff02::fb%eth0]:5353");
 * assertEquals(mdns.family, "IPv6");
 * ```
 */
export class SocketAddress {
  readonly #family: Family;
  // Signed, unlike everywhere else: V8 keeps 32-bit signed integers in the object itself, but has to allocate
  // a number for each word above 2^31 - 1, which is half of all IPv4 addresses.
  readonly #w0: number;
  readonly #w1: number;
  readonly #w2: number;
  readonly #w3: number;
  readonly #port: number;
  readonly #scopeId: number | null;
  readonly #zone: string | null;
  #text: string | null;

  /**
   * Makes an address from its parts.
   *
   * @param init Address, port and, for IPv6, optionally `zone` and `scopeId`. An IPv4-mapped literal
   * (`::ffff:192.0.2.1`) stays the IPv6 address that was written.
   * @throws {TypeError} When the address is no IP literal, a zone or scopeId is given for IPv4, the zone is malformed
   * or differs from the one in `address`, or a part has the wrong type.
   * @throws {RangeError} When the port is not an integer from 0 to 65535, or scopeId not one from 1 to 4294967295.
   */
  constructor(init: SocketAddressInit);
  constructor(
    init: SocketAddressInit | typeof RAW,
    family: Family = "IPv4",
    w0: number = 0,
    w1: number = 0,
    w2: number = 0,
    w3: number = 0,
    port: number = 0,
    scopeId: number | null = null,
    zone: string | null = null,
  ) {
    if (init !== RAW) {
      const checked = checkInit(init);
      ({ family, w0, w1, w2, w3 } = checked.ip);
      ({ port, scopeId, zone } = checked);
    }
    this.#family = family;
    this.#w0 = w0 | 0;
    this.#w1 = w1 | 0;
    this.#w2 = w2 | 0;
    this.#w3 = w3 | 0;
    this.#port = port;
    this.#scopeId = scopeId;
    this.#zone = zone;
    this.#text = null;
  }

  /** The IP address as text, without zone: dotted decimal or RFC 5952. */
  get address(): string {
    return this.#text ??= this.#family === "IPv4"
      ? formatIpv4(this.#w0)
      : formatIpv6(this.#w0, this.#w1, this.#w2, this.#w3);
  }

  /** The UDP port, 0 to 65535. */
  get port(): number {
    return this.#port;
  }

  /** The address family. */
  get family(): Family {
    return this.#family;
  }

  /** The interface index of the zone. null: no zone, or one given by a name that nobody has looked up yet. */
  get scopeId(): number | null {
    return this.#scopeId;
  }

  /** The zone: the interface name where known, else the index as decimal text. null: no zone. */
  get zone(): string | null {
    return this.#zone ??
      (this.#scopeId === null ? null : String(this.#scopeId));
  }

  /**
   * Writes the address the way {@link SocketAddress.parse} reads it.
   *
   * @returns `192.0.2.1:5`, `[2001:db8::1]:5` or `[fe80::1%eth0]:5`; the zone by name when known, else by index.
   *
   * @example
   * ```ts
   * import { SocketAddress } from "@pktinfo/pktinfo";
   * import { assertEquals } from "@std/assert";
   *
   * assertEquals(`${new SocketAddress({ address: "::1", port: 5 })}`, "[::1]:5");
   * ```
   */
  toString(): string {
    if (this.#family === "IPv4") return `${this.address}:${this.#port}`;
    const zone = this.#printedZone();
    return zone === null
      ? `[${this.address}]:${this.#port}`
      : `[${this.address}%${zone}]:${this.#port}`;
  }

  /** An interface named "10" but with another index (VLANs are) would be read back as index 10: use the index. */
  #printedZone(): string | null {
    const id = this.#scopeId, zone = this.#zone;
    return zone !== null && id !== null && zoneIndex(zone) !== null ? String(id) : this.zone;
  }

  /**
   * What JSON.stringify writes.
   *
   * @returns The same text as {@link SocketAddress.toString}.
   */
  toJSON(): string {
    return this.toString();
  }

  /**
   * Tells whether two addresses are the same endpoint: family, all address bits, port and `scopeId`. The zone's text
   * is compared only where one of the two has no scopeId, as nothing is looked up here.
   *
   * @param other The other address; anything that is not a SocketAddress is not equal.
   * @returns true when they are the same.
   *
   * @example
   * ```ts
   * import { SocketAddress } from "@pktinfo/pktinfo";
   * import { assert } from "@std/assert";
   *
   * const written = SocketAddress.parse("[fe80:0:0::1%eth0]:5");
   * assert(written.equals(SocketAddress.parse("[fe80::1%eth0]:5")));
   * ```
   */
  equals(other: unknown): boolean {
    if (!SocketAddress.isSocketAddress(other)) return false;
    if (
      this.#w0 !== other.#w0 || this.#w3 !== other.#w3 ||
      this.#port !== other.#port
    ) return false;
    if (
      this.#w1 !== other.#w1 || this.#w2 !== other.#w2 ||
      this.#family !== other.#family
    ) return false;
    if (this.#scopeId !== null && other.#scopeId !== null) {
      return this.#scopeId === other.#scopeId;
    }
    return this.zone === other.zone;
  }

  /**
   * Reads `192.0.2.1:5`, `[2001:db8::1]:5`, `[fe80::1%eth0]:5` or `[fe80::1%3]:5`; the port is required. A zone in
   * digits is an index (`scopeId` 3, `zone` "3"); a name leaves `scopeId` null, as nothing is looked up here.
   *
   * @param text The address and port.
   * @returns The address.
   * @throws {TypeError} When the text has another form; the message says what is wrong.
   * @throws {RangeError} When the port is above 65535.
   *
   * @example
   * ```ts
   * import { SocketAddress } from "@pktinfo/pktinfo";
   * import { assertEquals } from "@std/assert";
   *
   * const address = SocketAddress.parse("[fe80::1%3]:5");
   * assertEquals([address.address, address.port, address.scopeId], ["fe80::1", 5, 3]);
   * ```
   */
  static parse(text: string): SocketAddress {
    const { literal, port } = splitSocketAddress(text);
    return new SocketAddress({ address: literal, port });
  }

  /**
   * Tells whether a value is a SocketAddress of this library (not merely an object of the same shape).
   *
   * @param value Anything.
   * @returns true for a SocketAddress.
   *
   * @example
   * ```ts
   * import { SocketAddress } from "@pktinfo/pktinfo";
   * import { assert } from "@std/assert";
   *
   * assert(!SocketAddress.isSocketAddress({ address: "127.0.0.1", port: 5 }));
   * ```
   */
  static isSocketAddress(value: unknown): value is SocketAddress {
    return typeof value === "object" && value !== null && #port in value;
  }

  static {
    readPrivateWords = (address, into) => {
      into.w0 = address.#w0 >>> 0;
      into.w1 = address.#w1 >>> 0;
      into.w2 = address.#w2 >>> 0;
      into.w3 = address.#w3 >>> 0;
    };
    // Private fields would make console.log print an empty object. Deno, Node and Bun ask for these two.
    const inspect = {
      value(this: SocketAddress): string {
        return this.toString();
      },
      configurable: true,
      writable: true,
    };
    Object.defineProperty(this.prototype, Symbol.for("Deno.customInspect"), inspect);
    Object.defineProperty(this.prototype, Symbol.for("nodejs.util.inspect.custom"), inspect);
  }
}

const Raw = SocketAddress as unknown as new (
  raw: typeof RAW,
  ...parts: Parameters<typeof socketAddressFromWords>
) => SocketAddress;

/**
 * Makes a SocketAddress from numbers already known to be good: the receive path, so nothing is parsed or checked.
 *
 * @param family The address family.
 * @param w0 First word, see `Ip`; signed or unsigned, like the others.
 * @param w1 Second word; 0 for IPv4.
 * @param w2 Third word; 0 for IPv4.
 * @param w3 Last word; 0 for IPv4.
 * @param port The port, 0 to 65535.
 * @param scopeId The interface index, 1 to 4294967295. null: no zone; never 0.
 * @param zone The interface name. null: no zone, or the name is not known.
 * @returns The address.
 * @internal
 */
export function socketAddressFromWords(
  family: Family,
  w0: number,
  w1: number,
  w2: number,
  w3: number,
  port: number,
  scopeId: number | null,
  zone: string | null,
): SocketAddress {
  return new Raw(RAW, family, w0, w1, w2, w3, port, scopeId, zone);
}

/**
 * Reads the words of an address without allocating.
 *
 * @param address The address.
 * @param into Receives the four unsigned words, as `Ip` has them; for IPv4 the last three are 0.
 * @throws {TypeError} When `address` is not a SocketAddress.
 * @internal
 */
export function readWords(
  address: SocketAddress,
  into: { w0: number; w1: number; w2: number; w3: number },
): void {
  readPrivateWords(address, into);
}
