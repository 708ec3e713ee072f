/**
 * A network of several hosts for one test, made of Linux network namespaces.
 *
 * `scripts/test.ts` runs every lab test file in a network namespace of its own ("here") with a private /run/netns, so
 * nothing done in this file can reach the machine's own network, and everything vanishes with the process.
 */
import fs from "node:fs";
import { Program, run, type RunOptions } from "./process.ts";

/** What scripts/namespace.ts calls its private mount; seeing it proves that this process is not on the machine's network. */
const PRIVATE_MOUNT = "pktinfo-lab ";

/** The file of a kernel variable; a dot that belongs to an interface's name is written "/", as sysctl(8) does. */
function variableFile(name: string): string {
  return "/proc/sys/" +
    name.split(".").map((part) => part.replaceAll("/", ".")).join("/");
}

export interface HostOptions {
  /**
   * Leave duplicate address detection on. It is off otherwise, so that addresses are usable at once instead of after a
   * second or two of being "tentative".
   */
  duplicateAddressDetection?: boolean;
  /** A host without IPv6. */
  disableIPv6?: boolean;
}

/** One end of a cable: the interface is made by `link` or `bridge`, given its addresses and set up. */
export interface LinkEnd {
  host: Host;
  /** Name of the interface on that host. */
  name: string;
  /** `"10.1.0.1/24"`, `"fd01::1/64"` …; the link-local address comes by itself. */
  addresses?: string[];
}

interface AddressInfo {
  family: "inet" | "inet6";
  local: string;
  prefixlen: number;
  scope: string;
  broadcast?: string;
  tentative?: boolean;
}

interface LinkInfo {
  ifindex: number;
  ifname: string;
  flags: string[];
  mtu: number;
  operstate: string;
  address?: string;
  addr_info: AddressInfo[];
}

/** One host of the lab. */
export class Host {
  readonly lab: Lab;
  /** The name of its namespace; null for "here", the namespace in which the test itself runs. */
  readonly namespace: string | null;
  readonly options: HostOptions;

  /** Use `lab.host(name)` or `lab.here`. */
  constructor(lab: Lab, namespace: string | null, options: HostOptions) {
    this.lab = lab;
    this.namespace = namespace;
    this.options = options;
  }

  #wrap(command: string, args: readonly string[]): [string, string[]] {
    if (this.namespace === null) return [command, [...args]];
    return ["ip", ["netns", "exec", this.namespace, command, ...args]];
  }

  /** Runs a program on this host to its end; returns its standard output. */
  run(
    command: string,
    args: readonly string[] = [],
    options?: RunOptions,
  ): Promise<string> {
    return run(...this.#wrap(command, args), options);
  }

  /** Starts a program on this host; it is killed with the lab at the latest. */
  async spawn(
    command: string,
    args: readonly string[] = [],
    options?: RunOptions,
  ): Promise<Program> {
    const program = await Program.start(...this.#wrap(command, args), options);
    this.lab.own(program);
    return program;
  }

  /** `host.ip("route add default via 10.1.0.9")`: words are separated by spaces. */
  ip(command: string): Promise<string> {
    const where = this.namespace === null ? [] : ["-n", this.namespace];
    return run("ip", [
      ...where,
      ...command.split(" ").filter((word) => word !== ""),
    ]);
  }

  /** Several `ip` commands, one a line, in one process. */
  async batch(commands: readonly string[]): Promise<void> {
    const where = this.namespace === null ? [] : ["-n", this.namespace];
    if (commands.length > 0) {
      await run("ip", [...where, "-batch", "-"], {
        input: commands.join("\n") + "\n",
      });
    }
  }

  /** Sets kernel variables of this host: `{ "net.ipv4.conf.all.rp_filter": "0" }`; an interface's dot is written "/". */
  async sysctl(settings: Record<string, string>): Promise<void> {
    const script = Object.entries(settings).map(([name, value]) =>
      `echo ${value} > ${variableFile(name)}`
    ).join("\n");
    await this.run("sh", ["-e", "-c", script]);
  }

  /** What the host's `ip` says about one of its interfaces. */
  async show(name: string): Promise<LinkInfo> {
    return JSON.parse(await this.ip(`-j addr show dev ${name}`))[0];
  }

  /** The index of one of its interfaces. */
  async index(name: string): Promise<number> {
    return (await this.show(name)).ifindex;
  }

  /** Adds addresses to an interface, usable at once. */
  addAddresses(name: string, addresses: readonly string[]): Promise<void> {
    return this.batch(addresses.map((address) => {
      if (!address.includes(":")) {
        return `addr add ${address} broadcast + dev ${name}`;
      }
      return `addr add ${address} dev ${name}${
        this.options.duplicateAddressDetection ? "" : " nodad"
      }`;
    }));
  }

  /** The link-local address of an interface (no zone), once it is usable: neither missing nor tentative. */
  async linkLocal(name: string, ms = 5_000): Promise<string> {
    const usable = (info: LinkInfo) =>
      info.addr_info.find((entry) =>
        entry.family === "inet6" && entry.scope === "link" && !entry.tentative
      )?.local;
    return await this.#poll(name, ms, "a usable link-local address", usable);
  }

  /** Waits until an interface carries packets and, unless this host has DAD on or no IPv6, its link-local works. */
  async settled(name: string, ms = 5_000): Promise<void> {
    const { disableIPv6, duplicateAddressDetection } = this.options;
    await this.#poll(
      name,
      ms,
      "state UP",
      (info) => info.operstate === "UP" || undefined,
    );
    if (!disableIPv6 && !duplicateAddressDetection) {
      await this.linkLocal(name, ms);
    }
  }

  // `ip monitor` has no way to say that it is listening, so an event could be missed: ask, bounded, instead.
  async #poll<T>(
    name: string,
    ms: number,
    what: string,
    find: (info: LinkInfo) => T | undefined,
  ): Promise<T> {
    const end = Date.now() + ms;
    for (;;) {
      const info = await this.show(name);
      const found = find(info);
      if (found !== undefined) return found;
      if (Date.now() > end) {
        throw new Error(
          `${this}: ${name} has no ${what} after ${ms} ms: ${JSON.stringify(info)}`,
        );
      }
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  toString(): string {
    return this.namespace ?? "here";
  }
}

export interface BridgeOptions {
  /** IGMP/MLD snooping: without a querier on the LAN it may drop multicast, so it is off unless asked for. */
  snooping?: boolean;
}

/** Builds hosts and cables, and takes them all down again: `await using lab = new Lab()`. */
export class Lab implements AsyncDisposable {
  /** The host in which the test itself runs. Apart from `lo` it has no interfaces until they are linked. */
  readonly here: Host;
  #hosts: Host[] = [];
  #programs: Program[] = [];

  /** @param options of "here" */
  constructor(options: HostOptions = {}) {
    const mounts = fs.readFileSync("/proc/self/mounts", "utf8").split("\n");
    if (!mounts.some((line) => line.startsWith(PRIVATE_MOUNT))) {
      throw new Error(
        "this process is on the machine's own network: run lab tests by `deno task test --only lab`, " +
          'and declare each with needs: ["lab"]',
      );
    }
    this.here = new Host(this, null, options);
    for (const [name, value] of Object.entries(this.#variables(options))) {
      fs.writeFileSync(variableFile(name), value);
    }
  }

  /** Registers a program that has to be gone when the lab is. */
  own(program: Program): void {
    this.#programs.push(program);
  }

  /** A new host: `lo` is up, there is nothing else. */
  async host(name: string, options: HostOptions = {}): Promise<Host> {
    await run("ip", ["netns", "add", name]);
    const host = new Host(this, name, options);
    this.#hosts.push(host);
    await host.sysctl(this.#variables(options));
    await host.ip("link set lo up");
    return host;
  }

  /** The kernel variables that make a host's IPv6 what its options say. */
  #variables(options: HostOptions): Record<string, string> {
    // A kernel without IPv6 has no such files.
    if (!fs.existsSync("/proc/sys/net/ipv6/conf")) return {};
    const settings: Record<string, string> = {};
    for (const which of ["all", "default"]) {
      settings[`net.ipv6.conf.${which}.disable_ipv6`] = options.disableIPv6 ? "1" : "0";
      settings[`net.ipv6.conf.${which}.accept_dad`] = options.duplicateAddressDetection ? "1" : "0";
    }
    return settings;
  }

  /** A cable (veth pair) between two hosts, or between two interfaces of one. Resolves when it carries packets. */
  async link(a: LinkEnd, b: LinkEnd): Promise<void> {
    await this.#cable(a, b);
    await Promise.all([a, b].map((end) => this.#raise(end)));
    await Promise.all([a, b].map((end) => end.host.settled(end.name)));
  }

  /** A switch with one cable to each host. Returns the switch's own host, whose bridge is called `br0`. */
  async bridge(
    name: string,
    ends: readonly LinkEnd[],
    options: BridgeOptions = {},
  ): Promise<Host> {
    const hub = await this.host(name, { disableIPv6: true });
    await hub.ip(
      `link add br0 type bridge mcast_snooping ${options.snooping ? 1 : 0}`,
    );
    await hub.ip("link set br0 up");
    for (const [index, end] of ends.entries()) {
      await this.#cable(end, { host: hub, name: `port${index}` });
    }
    await hub.batch(
      ends.flatMap((
        _,
        index,
      ) => [`link set port${index} master br0`, `link set port${index} up`]),
    );
    await Promise.all(ends.map((end) => this.#raise(end)));
    await Promise.all(ends.map((end) => end.host.settled(end.name)));
    return hub;
  }

  async #cable(a: LinkEnd, b: LinkEnd): Promise<void> {
    const at = ({ host, name }: LinkEnd) =>
      `name ${name}${host.namespace === null ? "" : ` netns ${host.namespace}`}`;
    await this.here.batch([`link add ${at(a)} type veth peer ${at(b)}`]);
  }

  async #raise(end: LinkEnd): Promise<void> {
    await end.host.addAddresses(end.name, end.addresses ?? []);
    await end.host.ip(`link set ${end.name} up`);
  }

  /** An `ip` command here. */
  ip(command: string): Promise<string> {
    return this.here.ip(command);
  }

  /** Kills what was started and removes every host and every interface here but `lo`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(
      this.#programs.splice(0).map((program) => program.stop("SIGKILL")),
    );
    // A namespace takes its interfaces along some time after it is gone. Those here must be gone at once, since the next
    // test gives its own the same names.
    const links: LinkInfo[] = JSON.parse(await this.ip("-j link show"));
    for (const { ifname } of links) {
      // Deleting one end of a cable deletes the other, and some devices (sit0, tunl0) cannot be deleted.
      if (ifname !== "lo") await this.ip(`link del ${ifname}`).catch(() => {});
    }
    await run("ip", ["-batch", "-"], {
      input: this.#hosts.splice(0).map((host) => `netns del ${host}\n`).join(
        "",
      ),
    });
  }
}
