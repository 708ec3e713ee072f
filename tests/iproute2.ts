/** `interfaces()` as it has to be, made of what iproute2 says of the same host. */
import type { InterfaceAddress, NetworkInterface } from "../mod.ts";

/** What `ip -j addr` says of an address. What is false is left out. */
export interface IpAddress {
  family: "inet" | "inet6";
  local: string;
  prefixlen: number;
  broadcast?: string;
  scope: string;
  tentative?: boolean;
  dadfailed?: boolean;
  temporary?: boolean;
  deprecated?: boolean;
}

/** What `ip -j addr` says of an interface. */
export interface IpLink {
  ifindex: number;
  ifname: string;
  flags: string[];
  link_type: string;
  mtu: number;
  address?: string;
  addr_info: IpAddress[];
}

/** The output of `ip -j addr show` as `interfaces()` has it, in the order of {@linkcode inOrder}. */
export function fromIp(json: string): NetworkInterface[] {
  const links: IpLink[] = JSON.parse(json);
  return inOrder(links.map((link) => {
    const has = (flag: string) => link.flags.includes(flag);
    return {
      index: link.ifindex,
      name: link.ifname,
      description: null,
      mac: link.link_type === "ether" ? link.address! : null,
      mtu: link.mtu,
      up: has("UP"),
      // ip(8) shows IFF_RUNNING by its absence.
      running: has("UP") && !has("NO-CARRIER"),
      loopback: has("LOOPBACK"),
      multicast: has("MULTICAST"),
      pointToPoint: has("POINTOPOINT"),
      addresses: link.addr_info.map((own): InterfaceAddress => ({
        address: own.local,
        family: own.family === "inet" ? "IPv4" : "IPv6",
        prefixLength: own.prefixlen,
        broadcast: own.broadcast ?? null,
        scopeId: own.family === "inet6" && own.scope === "link" ? link.ifindex : null,
        tentative: own.tentative ?? false,
        duplicate: own.dadfailed ?? false,
        temporary: own.temporary ?? false,
        deprecated: own.deprecated ?? false,
      })),
    };
  }));
}

/** Interfaces by index, and addresses by text: their order means nothing. */
export function inOrder(list: readonly NetworkInterface[]): NetworkInterface[] {
  const text = (own: InterfaceAddress) => JSON.stringify(own);
  return list.toSorted((a, b) => a.index - b.index).map((item) => ({
    ...item,
    addresses: item.addresses.toSorted((a, b) => text(a) < text(b) ? -1 : 1),
  }));
}

/** What getifaddrs(3) can tell of it. */
export function withoutNetlink(list: readonly NetworkInterface[]): NetworkInterface[] {
  const unknown = { tentative: null, duplicate: null, temporary: null, deprecated: null };
  return inOrder(list.map((item) => ({
    ...item,
    mtu: null,
    addresses: item.addresses.map((own) => ({
      ...own,
      ...unknown,
      // Where none is set glibc says the address itself: only the usual one is believed.
      broadcast: isUsual(own) ? own.broadcast : null,
    })),
  })));
}

/** Whether a broadcast address is the last of its network. */
function isUsual({ broadcast, prefixLength }: InterfaceAddress): boolean {
  if (broadcast === null || prefixLength! > 30) return false;
  const value = broadcast.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
  const hosts = 2 ** (32 - prefixLength!);
  return value % hosts === hosts - 1;
}
