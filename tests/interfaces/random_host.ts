/** Hosts to make random histories of: what the kernel says happens, and what there is afterwards. */
import type {
  AddressRecord,
  HostRecords,
  LinkRecord,
  RouteEvent,
} from "../../ffi/interface_records.ts";
import { emptyWords, type SocketWords } from "../../ffi/sockaddr.ts";
import { pick } from "../address/random.ts";

/** An interface. */
export function link(index: number, part: Partial<LinkRecord> = {}): LinkRecord {
  const flags = {
    up: false,
    running: false,
    loopback: false,
    multicast: true,
    pointToPoint: false,
  };
  const hardware = new Uint8Array([2, 0, 0, 0, 0, index]);
  return {
    index,
    name: `if${index}`,
    description: null,
    flags,
    mtu: 1500,
    hardware,
    ...part,
  };
}

/** An address: `host` is its last byte. */
export function address(
  index: number,
  family: "IPv4" | "IPv6",
  host: number,
  part: Partial<AddressRecord> = {},
): AddressRecord {
  const words: SocketWords = family === "IPv4"
    ? { ...emptyWords(), w0: 0x0a000000 + host }
    : { ...emptyWords(), family, w0: 0xfd000000, w3: host };
  return {
    index,
    address: words,
    peer: words,
    prefixLength: family === "IPv4" ? 24 : 64,
    broadcast: null,
    tentative: false,
    duplicate: false,
    temporary: false,
    deprecated: false,
    ...part,
  };
}

/** What is where, kept as plainly as can be: the reference of the model. */
export class Host {
  readonly links = new Map<number, LinkRecord>();
  /** By interface, then by what tells one address from another. */
  readonly addresses = new Map<number, Map<string, AddressRecord>>();

  constructor(readonly next: () => number) {}

  /** As a list of the kernel's. */
  get records(): HostRecords {
    const all = [...this.addresses.values()].flatMap((own) => [...own.values()]);
    return { links: [...this.links.values()], addresses: all };
  }

  /** Something happens; returns what the kernel says of it. */
  step(): RouteEvent[] {
    const { next } = this;
    const index = 1 + next() % 6;
    const known = this.links.get(index);
    if (!known) return this.#add(index);
    switch (next() % 8) {
      case 0:
        return this.#remove(index);
      case 1:
        // Gone and another one, with the same index.
        return [...this.#remove(index), ...this.#add(index)];
      case 2:
      case 3:
        return this.#link(this.#varied(known));
      default:
        return this.#address(index);
    }
  }

  #add(index: number): RouteEvent[] {
    this.addresses.set(index, new Map());
    const { next } = this;
    const name = `if${next() % 30}`;
    const hardware = new Uint8Array(next() % 4 === 0 ? [] : [2, 0, 0, next() % 256, 0, index]);
    return this.#link(this.#varied(link(index, { name, hardware })));
  }

  #varied(known: LinkRecord): LinkRecord {
    const { next } = this;
    const up = next() % 2 === 0;
    const flags = {
      ...known.flags,
      up,
      running: up && next() % 2 === 0,
      multicast: next() % 4 > 0,
    };
    return {
      ...known,
      flags,
      mtu: pick(next, [1500, 1500, 1400, 1280]),
      description: pick(next, [known.description, known.description, null, "Ethernet Adapter"]),
      name: next() % 5 === 0 ? `if${next() % 30}` : known.name,
    };
  }

  #link(record: LinkRecord): RouteEvent[] {
    this.links.set(record.index, record);
    return [{ type: "link", link: record }];
  }

  #remove(index: number): RouteEvent[] {
    const { next } = this;
    // Mostly the kernel takes the addresses away first, and says so.
    const addresses = [...this.addresses.get(index)!.values()];
    this.links.delete(index);
    this.addresses.delete(index);
    const gone = addresses.map((record) => ({ type: "address-gone", address: record } as const));
    return [...next() % 4 > 0 ? gone : [], { type: "link-gone", index }];
  }

  #address(index: number): RouteEvent[] {
    const { next } = this;
    const own = this.addresses.get(index)!;
    if (own.size > 0 && next() % 3 === 0) {
      const key = pick(next, [...own.keys()]);
      const record = own.get(key)!;
      own.delete(key);
      return [{ type: "address-gone", address: record }];
    }
    const family = pick(next, ["IPv4", "IPv6"] as const);
    const host = 1 + next() % 4;
    const tentative = family === "IPv6" && next() % 3 === 0;
    const part: Partial<AddressRecord> = {
      tentative,
      duplicate: tentative && next() % 3 === 0,
      deprecated: next() % 4 === 0,
      temporary: family === "IPv6" && next() % 4 === 0,
    };
    let key = `${family} ${host}`;
    if (family === "IPv4") {
      const prefixLength = pick(next, [24, 24, 32]);
      const broadcast = next() % 2 === 0 ? { ...emptyWords(), w0: 0x0a0000ff } : null;
      Object.assign(part, { prefixLength, broadcast });
      // For IPv4 the same address with another prefix length is another one. (So it is with another
      // peer; but lists do not show peers, so that a change does not say which of the two it is about.)
      key += `/${prefixLength}`;
    } else if (next() % 2 === 0) {
      Object.assign(part, { peer: { ...emptyWords(), family, w0: 0xfd000000, w3: 77 } });
    }
    const record = address(index, family, host, part);
    own.set(key, record);
    return [{ type: "address", address: record }];
  }
}
