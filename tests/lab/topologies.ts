/** Ready-made networks. */
import { type BridgeOptions, type Host, Lab } from "./lab.ts";

/** Builds a network; a lab whose building fails half-way is taken down. */
async function build<T extends { lab: Lab }>(
  fill: (lab: Lab) => Promise<T>,
): Promise<T & AsyncDisposable> {
  const lab = new Lab();
  const dispose = () => lab[Symbol.asyncDispose]();
  try {
    return { ...await fill(lab), [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

/** Here with two addresses per family on `eth0` into network A, and `eth1` into network B; a peer on each. */
export interface TwoNetworks {
  lab: Lab;
  /** eth0: 10.1.0.1, 10.1.0.2, fd01::1, fd01::2; eth1: 10.2.0.1, fd02::1. */
  here: Host;
  /** On A, by its eth0: 10.1.0.100, fd01::100. */
  a: Host;
  /** On B, by its eth0: 10.2.0.100, fd02::100. */
  b: Host;
}

/** Builds two networks that meet only here. */
export function twoNetworks(): Promise<TwoNetworks & AsyncDisposable> {
  return build(async (lab) => {
    const { here } = lab;
    const [a, b] = [await lab.host("a"), await lab.host("b")];
    await Promise.all([
      lab.link(
        {
          host: here,
          name: "eth0",
          addresses: ["10.1.0.1/24", "10.1.0.2/24", "fd01::1/64", "fd01::2/64"],
        },
        { host: a, name: "eth0", addresses: ["10.1.0.100/24", "fd01::100/64"] },
      ),
      lab.link(
        { host: here, name: "eth1", addresses: ["10.2.0.1/24", "fd02::1/64"] },
        { host: b, name: "eth0", addresses: ["10.2.0.100/24", "fd02::100/64"] },
      ),
    ]);
    return { lab, here, a, b };
  });
}

/** Several hosts on one switch. */
export interface Lan {
  lab: Lab;
  /** Here (`hosts[0]`) and the others; the host at position N has 10.3.0.(N+1) and fd03::(N+1) on its eth0. */
  hosts: Host[];
  /** The host that is the switch; its bridge is `br0` and its ports `port0` … in the order of `hosts`. */
  hub: Host;
}

/** Builds a LAN of `count` hosts, the test's own included. */
export function lan(
  count = 3,
  options?: BridgeOptions,
): Promise<Lan & AsyncDisposable> {
  return build(async (lab) => {
    const hosts = [lab.here];
    while (hosts.length < count) {
      hosts.push(await lab.host(`host${hosts.length}`));
    }
    const ends = hosts.map((host, index) => ({
      host,
      name: "eth0",
      addresses: [
        `10.3.0.${index + 1}/24`,
        `fd03::${(index + 1).toString(16)}/64`,
      ],
    }));
    return { lab, hosts, hub: await lab.bridge("hub", ends, options) };
  });
}
