/**
 * A host with interfaces and sockets, and who of them receives a datagram: the reference that the library is compared
 * with. Pure.
 */
import { ModelMemberships } from "./memberships.ts";

export type Family = "IPv4" | "IPv6";
export type Cast = "unicast" | "multicast" | "broadcast";
export type Deliver = "joined" | "multicast" | "all";

/** An interface of the host, on the link with this number. */
export interface ModelInterface {
  readonly index: number;
  readonly link: number;
  name: string;
  up: boolean;
  linkLocal: string;
  readonly addresses: Set<string>;
}

/** A socket of the host. */
export class ModelSocket {
  readonly memberships = new ModelMemberships();

  constructor(
    readonly port: number,
    readonly families: readonly Family[],
    /** The address it is bound to: one of the host's, a group, or `null`. */
    readonly address: string | null,
    /** The only interface, by its index, or `null`. */
    readonly only: number | null,
    readonly deliver: Deliver,
  ) {}

  /**
   * Where the kernel has it bound. To a link-local group it binds only where a link is named; without one the library
   * leaves out what is not to the group, and on a port that is shared a unicast may be among that.
   */
  get bound(): string | null {
    return this.only === null && /^ff.2:/.test(this.address ?? "") ? null : this.address;
  }
}

/** A datagram that comes in. */
export interface Arrival {
  readonly family: Family;
  readonly cast: Cast;
  readonly to: string;
  readonly from: string;
  readonly port: number;
  /** The interface's. */
  readonly index: number;
}

/** Who receives a datagram. */
export interface Verdict {
  /** Each of these, once. */
  readonly must: readonly ModelSocket[];
  /** These may: `deliver: "all"` is whatever the kernel hands over, and it may hand over more than anybody wants. */
  readonly may: readonly ModelSocket[];
  /** One of these: on a port that is shared a unicast goes to one. Empty: to none. */
  readonly oneOf: readonly ModelSocket[];
  /** It may go to one that does not want unicasts, and is lost then. */
  readonly orNone: boolean;
}

/** The host. */
export class ModelHost {
  readonly interfaces: ModelInterface[] = [];
  readonly sockets: ModelSocket[] = [];

  /** Those on which groups are joined where none is named. */
  get candidates(): number[] {
    return this.interfaces.filter(({ up }) => up).map(({ index }) => index);
  }

  /** An interface by its index. */
  find(index: number): ModelInterface | undefined {
    return this.interfaces.find((one) => one.index === index);
  }

  /** Something was told of an interface. */
  told(index: number): void {
    if (!this.find(index)?.up) return;
    for (const { memberships } of this.sockets) memberships.told(index);
  }

  /** Who receives it. */
  verdict(arrival: Arrival): Verdict {
    if (arrival.cast === "unicast") {
      const best = bestOf(this.sockets.filter((one) => reaches(arrival, one, one.bound)));
      const wants = best.filter(({ deliver, address }) =>
        deliver !== "multicast" && (address === null || address === arrival.to)
      );
      return { must: [], may: [], oneOf: wants, orNone: wants.length < best.length };
    }
    const reached = this.sockets.filter((one) => reaches(arrival, one, one.address));
    if (arrival.cast === "broadcast") {
      const must = reached.filter(({ deliver }) => deliver !== "multicast");
      return { must, may: [], oneOf: [], orNone: false };
    }
    const { to, index, from } = arrival;
    const wanted = reached.filter(({ memberships }) => memberships.accepts(to, index, from));
    const all = reached.filter(({ deliver }) => deliver === "all");
    // The kernel hands it to all that take everything once it lets it in for one, on whatever port.
    const comesIn = this.sockets.some(({ memberships }) => memberships.accepts(to, index, from));
    const known = this.sockets.some(({ memberships }) =>
      memberships.list.some(({ group }) => group === to)
    );
    const must = wanted.filter((socket) => socket.deliver !== "all");
    return comesIn
      ? { must: [...must, ...all], may: [], oneOf: [], orNone: false }
      : { must, may: known ? all : [], oneOf: [], orNone: false };
  }

  /** How many sockets have joined a group on an interface, as the kernel counts them. */
  users(): Map<string, number> {
    const users = new Map<string, number>();
    for (const { memberships } of this.sockets) {
      const pairs = new Set<string>();
      for (const { group, on } of memberships.list) {
        // What is gone took its memberships with it.
        for (const index of on) if (this.find(index)) pairs.add(`${index} ${group}`);
      }
      for (const pair of pairs) users.set(pair, (users.get(pair) ?? 0) + 1);
    }
    return users;
  }
}

function reaches(
  { family, port, index, to, cast }: Arrival,
  socket: ModelSocket,
  address: string | null,
): boolean {
  if (socket.port !== port || !socket.families.includes(family)) return false;
  if (socket.only !== null && socket.only !== index) return false;
  return address === null || (address === to && cast !== "broadcast");
}

/** Those that the kernel prefers for a unicast: bound to the address, then bound to the interface. */
function bestOf(sockets: readonly ModelSocket[]): ModelSocket[] {
  const score = ({ bound, only }: ModelSocket) =>
    (bound === null ? 0 : 2) + (only === null ? 0 : 1);
  const best = Math.max(...sockets.map(score));
  return sockets.filter((socket) => score(socket) === best);
}
