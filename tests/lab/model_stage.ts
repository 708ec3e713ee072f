/**
 * Three links of this host, each with a peer that sends and one that hears. An interface here can be deleted and made
 * anew without the peer noticing: its end of the cable is a port of the bridge that it has its addresses on.
 */
import { interfaceFollowing } from "../../interfaces/follow.ts";
import { type InterfaceWatcher, type NetworkInterface, watchInterfaces } from "../../mod.ts";
import { system } from "../../ffi/system.ts";
import { findProgram, within } from "../harness.ts";
import type { Family } from "../model/host.ts";
import { type Host, Lab } from "./lab.ts";
import { type Receiver, startReceiver, startTalker, type Talker } from "./peers.ts";
import { run } from "./process.ts";

/** The links, by number. */
export const LINKS = [1, 2, 3] as const;
/** The port that peers send from and hear on. */
export const PEER_PORT = 9000;
/** Two senders that there are on every link: only the interface tells one link's from another's. */
export const COMMON: Readonly<Record<Family, readonly string[]>> = {
  IPv4: ["10.9.0.1", "10.9.0.2"],
  IPv6: ["fd09::1", "fd09::2"],
};
/** The groups that each peer has joined. */
export const HEARD: Readonly<Record<Family, string>> = { IPv4: "239.9.9.9", IPv6: "ff05::9999" };

/** An address on a link: 1 and 2 are this host's, 100 is the peer's. */
export function addressOn(link: number, family: Family, number: number): string {
  return family === "IPv4" ? `10.${link}.0.${number}` : `fd0${link}::${number}`;
}

/** The prefix that goes with it. */
function withPrefix(address: string): string {
  return `${address}/${address.includes(":") ? 64 : 24}`;
}

/** Somebody on the other end of a link. */
export interface Peer {
  readonly host: Host;
  readonly talker: Talker;
  readonly receivers: Readonly<Record<Family, Receiver>>;
  readonly linkLocal: string;
}

/** The network. */
export class ModelStage implements AsyncDisposable {
  #watcher!: InterfaceWatcher;

  private constructor(readonly lab: Lab, readonly peers: ReadonlyMap<number, Peer>) {}

  /** Builds it. */
  static async build(): Promise<ModelStage> {
    const lab = new Lab();
    try {
      // Senders without a route back are heard, whatever the machine's own default is.
      await lab.here.sysctl({
        "net.ipv4.conf.all.rp_filter": "0",
        "net.ipv4.conf.default.rp_filter": "0",
      });
      const peers = new Map<number, Peer>();
      const built = await Promise.all(LINKS.map((link) => peer(lab, link)));
      LINKS.forEach((link, i) => peers.set(link, built[i]));
      const stage = new ModelStage(lab, peers);
      stage.#watcher = watchInterfaces();
      return stage;
    } catch (error) {
      await lab[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Makes the interface of a link. */
  async create(link: number, name: string): Promise<NetworkInterface> {
    const { host } = this.peers.get(link)!;
    await this.lab.here.batch([
      `link add name ${name} address 02:00:00:00:00:0${link} type veth peer name port netns ${host}`,
    ]);
    await host.batch(["link set port master eth0", "link set port up"]);
    await this.lab.here.addAddresses(name, [withPrefix(addressOn(link, "IPv4", 1))]);
    return await this.up(link, name, []);
  }

  /** Sets one up, with the IPv6 addresses that it had: the kernel takes them when it goes down. */
  async up(link: number, name: string, addresses: readonly string[]): Promise<NetworkInterface> {
    await this.lab.here.ip(`link set ${name} up`);
    const six = [addressOn(link, "IPv6", 1), ...addresses.filter((one) => one.includes(":"))];
    await this.lab.here.addAddresses(name, [...new Set(six)].map(withPrefix));
    return await this.#seen((all) =>
      all.find((one) =>
        one.name === name && one.running &&
        six.every((address) => one.addresses.some((own) => own.address === address)) &&
        one.addresses.some((own) => own.address.startsWith("fe80:") && !own.tentative)
      )
    );
  }

  /** An `ip` command, and what it does to the list of interfaces. */
  async change(
    command: string,
    done: (all: readonly NetworkInterface[]) => boolean,
  ): Promise<void> {
    const { here } = this.lab;
    const [, address, name] = /^addr add (\S+) dev (\S+)$/.exec(command) ?? [];
    if (address === undefined) await here.ip(command);
    else await here.addAddresses(name, [withPrefix(address)]);
    await this.#seen((all) => done(all) || undefined);
  }

  /** Waits for the watcher to see something; then whoever follows has seen it, too. */
  async #seen<T>(find: (all: readonly NetworkInterface[]) => T | undefined): Promise<T> {
    const look = async () => {
      for (;;) {
        const found = find(this.#watcher.interfaces);
        if (found !== undefined) return found;
        await this.#watcher.next();
      }
    };
    const found = await within(5_000, look(), "the change of an interface");
    // Followers have an ear of their own; what it has not told yet, it tells now.
    interfaceFollowing(system()).now();
    return found;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#watcher.close();
    await this.lab[Symbol.asyncDispose]();
  }
}

async function peer(lab: Lab, link: number): Promise<Peer> {
  const host = await lab.host(`peer${link}`);
  await host.sysctl({ "net.ipv4.conf.all.rp_filter": "0", "net.ipv4.conf.default.rp_filter": "0" });
  // With a port of its own that is always up it has a carrier, and keeps what it knows of its neighbours.
  await host.batch([
    `link add eth0 address 02:00:00:00:01:0${link} type bridge mcast_snooping 0`,
    "link add always type veth peer name other",
    "link set other up",
    "link set always master eth0 up",
  ]);
  const families = ["IPv4", "IPv6"] as const;
  await host.addAddresses(
    "eth0",
    families.map((family) => withPrefix(addressOn(link, family, 100))),
  );
  await host.addAddresses("lo", [
    ...COMMON.IPv4.map((address) => `${address}/32`),
    ...COMMON.IPv6.map((address) => `${address}/128`),
  ]);
  await host.ip("link set eth0 up");
  const linkLocal = await host.linkLocal("eth0");
  const hear = (family: Family) =>
    startReceiver(host, {
      family,
      port: PEER_PORT,
      share: true,
      join: [`${HEARD[family]}@eth0`],
    });
  const [talker, IPv4, IPv6] = await Promise.all([startTalker(host), hear("IPv4"), hear("IPv6")]);
  // On one processor what it sends arrives in its order.
  if (findProgram("taskset")) await run("taskset", ["-cp", "0", `${talker.program.pid}`]);
  return { host, talker, receivers: { IPv4, IPv6 }, linkLocal };
}
