/**
 * A host that is watched as macOS and BSD are: a routing socket says that something changed, and getifaddrs(3) says
 * what. A UDP socket on loopback stands in for the routing socket, so that messages are waited for in the real kernel;
 * the list is our own.
 */
import { assertEquals } from "@std/assert";
import { freebsd } from "../../ffi/platform/freebsd.ts";
import { system } from "../../ffi/system.ts";
import { InterfaceWatcher } from "../../interfaces/watch.ts";
import { openUdpSocket, type UdpSocket } from "../../mod.ts";
import type { Entry } from "../ffi/memory.ts";
import { type Change, FakeHost, ipv4Entry, linkEntry, Simulation } from "./simulated.ts";

const TABLES = freebsd("x86_64").routeSocket!;
const { RTM_VERSION } = TABLES.constants;
/** Messages that an interface, or an address, is another one now. */
export const { RTM_IFINFO, RTM_NEWADDR } = TABLES.constants;
/** RTM_ADD: a route, which is of no interest. */
export const ROUTE = 1;

/** IFF_UP, IFF_LOOPBACK, IFF_RUNNING; IFF_MULTICAST beside them; and a network card's. */
export const LOOPBACK = 0x49;
export const MULTICAST_LOOPBACK = 0x1049;
const CARD = 0x1043;

/** Loopback as it is at first. */
export const LO: Entry[] = [
  linkEntry("lo", 1, LOOPBACK),
  ipv4Entry("lo", LOOPBACK, "7f 00 00 01", "ff 00 00 00"),
];
/** A card that comes. */
export const ETH7: Entry[] = [
  linkEntry("eth7", 7, CARD),
  ipv4Entry("eth7", CARD, "0a 00 07 01", "ff ff ff 00", "0a 00 07 ff"),
];

const routeSocket: Change = () => ({ netlink: null, routeSocket: TABLES });

/** A host that is watched by a routing socket. */
export class Host implements AsyncDisposable {
  readonly simulated: Simulation;
  readonly list: FakeHost;
  /** Where the stand-ins listen, in the order of their opening. */
  readonly ports: number[] = [];
  readonly #kernel: UdpSocket = openUdpSocket({ address: "127.0.0.1" });

  constructor(...changes: Change[]) {
    this.simulated = new Simulation(routeSocket, ...changes);
    this.list = new FakeHost(this.simulated, LO);
    const { AF_ROUTE, SOCK_RAW } = TABLES.constants;
    const { AF_INET, SOCK_DGRAM } = system().platform.constants;
    this.simulated.on("socket", (args, call) => {
      if (args[0] !== AF_ROUTE) return call();
      assertEquals([...args], [AF_ROUTE, SOCK_RAW, 0]);
      args.splice(0, 3, AF_INET, SOCK_DGRAM, 0);
      const fd = call();
      const port = {
        family: "IPv4",
        w0: 0x7f000001,
        w1: 0,
        w2: 0,
        w3: 0,
        port: 0,
        scopeId: 0,
      } as const;
      system().bind(fd, port, {});
      this.ports.push(system().localAddress(fd).port);
      return fd;
    });
  }

  watch(signal: AbortSignal | null = null): InterfaceWatcher {
    return new InterfaceWatcher(this.simulated.system, signal);
  }

  /** Says something to all routing sockets. */
  async tell(...types: number[]): Promise<void> {
    const { rt_msghdr } = TABLES.layouts;
    for (const type of types) {
      const message = new Uint8Array(rt_msghdr.size);
      message.set([message.length, 0, RTM_VERSION, type]);
      for (const port of this.ports) await this.#kernel.send(message, `127.0.0.1:${port}`);
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#kernel.close();
  }
}
