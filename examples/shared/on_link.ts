/**
 * Whether a sender is on the link its packet came in on.
 *
 * Discovery is for the link. A packet with a sender from elsewhere was routed here or forged, and ordinary sockets
 * cannot tell: who does not know the interface cannot know which networks are on it.
 */
import {
  interfaces,
  isLinkLocal,
  multicastScope,
  type NetworkInterface,
  type Packet,
  parseIp,
} from "../../mod.ts";

type Ip = ReturnType<typeof parseIp>;

/** Strangers must not make us list the interfaces for each of their packets. */
const LIST_EVERY_MS = 1000;

/** The interfaces of this host, looked up at most once a second however many packets come. */
export function presentInterfaces(): () => readonly NetworkInterface[] {
  let list: readonly NetworkInterface[] = [];
  let until = -Infinity;
  return () => {
    const now = performance.now();
    if (now >= until) {
      list = interfaces();
      until = now + LIST_EVERY_MS;
    }
    return list;
  };
}

/** Whether an address is on a network of an interface. */
export function isOnLink(
  address: string,
  index: number | null,
  present: readonly NetworkInterface[],
): boolean {
  const ip = parseIp(address);
  const own = present.find((item) => item.index === index)?.addresses ?? [];
  return own.some((one) =>
    one.family === ip.family && one.prefixLength !== null &&
    samePrefix(parseIp(one.address), ip, one.prefixLength)
  );
}

/** The networks of this host's interfaces, as they were a moment ago. */
export class Links {
  #interfaces: NetworkInterface[] = interfaces();
  #listedAt = performance.now();

  /** Whether the sender of a packet is on the link of the interface it came in on, or is this host. */
  hasSender({ source, interfaceIndex }: Pick<Packet, "source" | "interfaceIndex">): boolean {
    return this.has(source.address, interfaceIndex);
  }

  /** Whether an address is on the link of an interface, or is this host's own. */
  has(address: string, interfaceIndex: number | null): boolean {
    const ip = parseIp(address);
    if (isLinkLocal(ip) || this.#covers(ip, interfaceIndex)) return true;
    // The address of the interface may have come meanwhile.
    if (performance.now() - this.#listedAt < LIST_EVERY_MS) return false;
    this.#list();
    return this.#covers(ip, interfaceIndex);
  }

  /** This host's own address on an interface from which one on its link is best answered; `null`: there is none. */
  ownAddress(peer: string, interfaceIndex: number | null): string | null {
    const ip = parseIp(peer);
    const found = this.#interfaces.find(({ index }) => index === interfaceIndex);
    const own = found?.addresses.filter(({ family }) => family === ip.family) ?? [];
    const near = own.find((entry) =>
      entry.prefixLength !== null && samePrefix(parseIp(entry.address), ip, entry.prefixLength)
    );
    return near?.address ?? null;
  }

  /** This host's own address on an interface for what it sends to a group there; `null`: there is none. */
  firstAddress(interfaceIndex: number, group: string): string | null {
    const { family } = parseIp(group);
    this.#list();
    const own = this.#interfaces.find(({ index }) => index === interfaceIndex)
      ?.addresses.filter((entry) => entry.family === family) ?? [];
    // A group on the link is best told an address on the link.
    const linkLocal = own.find(({ scopeId }) => scopeId !== null);
    const wider = own.find(({ scopeId }) => scopeId === null);
    return ((multicastScope(group)?.value ?? 0) <= 2 ? linkLocal ?? wider : wider)?.address ?? null;
  }

  #list(): void {
    this.#interfaces = interfaces();
    this.#listedAt = performance.now();
  }

  #covers(ip: Ip, interfaceIndex: number | null): boolean {
    return this.#interfaces.some(({ index, addresses }) =>
      addresses.some((entry) => {
        if (entry.family !== ip.family) return false;
        const length = index === interfaceIndex && entry.prefixLength !== null
          ? entry.prefixLength
          : ip.family === "IPv4"
          ? 32
          : 128;
        return samePrefix(parseIp(entry.address), ip, length);
      })
    );
  }
}

function samePrefix(a: Ip, b: Ip, length: number): boolean {
  for (const word of ["w0", "w1", "w2", "w3"] as const) {
    const bits = Math.min(32, Math.max(0, length));
    const mask = bits === 0 ? 0 : 0xffff_ffff << (32 - bits);
    if (((a[word] ^ b[word]) & mask) !== 0) return false;
    length -= 32;
  }
  return true;
}
