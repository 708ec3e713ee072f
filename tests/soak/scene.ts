/** What all parts of the soak run share: the network, the books, and when it is over. */
import { openUdpSocket, type Packet, type UdpSocket, type UdpSocketOptions } from "../../mod.ts";
import { randomWords } from "../address/random.ts";
import type { Host } from "../lab/lab.ts";
import { kernelCounts } from "../lab/load_support.ts";
import type { SoakPeer } from "../lab/peers.ts";
import type { TwoNetworks } from "../lab/topologies.ts";
import type { Inbox, Ledger, Stream } from "./ledger.ts";

/** The hosts: here, one on each network, and one whose cable (eth2 here) is pulled now and then. */
export interface Network extends TwoNetworks {
  c: Host;
  onA: SoakPeer;
  onB: SoakPeer;
  onC: SoakPeer;
}

/** A part of the run: it goes on until the scene is over. What it leaves open it closes `later`. */
export type Part = (scene: Scene) => Promise<void>;

export class Scene {
  readonly #random: () => number;
  readonly #over = new AbortController();
  readonly #laters: (() => Promise<void>)[] = [];
  readonly #inboxes: { inbox: Inbox; socket: UdpSocket }[] = [];

  constructor(readonly net: Network, readonly ledger: Ledger, readonly seed: number) {
    this.#random = randomWords(seed);
  }

  /** Aborted when nothing more is to be sent. */
  get over(): AbortSignal {
    return this.#over.signal;
  }

  /** Has all parts end. */
  end(): void {
    this.#over.abort();
  }

  /** A whole number from 0 to below `limit`. */
  below(limit: number): number {
    return this.#random() % limit;
  }

  /** Waits so long, or until it is over. */
  pause(ms: number): Promise<void> {
    const { over } = this;
    if (over.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        over.removeEventListener("abort", done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      over.addEventListener("abort", done);
    });
  }

  /** Does something every so often until it is over; what it throws is noted. */
  async every(ms: number, what: string, act: () => Promise<void> | void): Promise<void> {
    while (!this.over.aborted) {
      try {
        await act();
      } catch (error) {
        this.ledger.trouble("exception", `${what}: ${(error as Error).stack ?? error}`);
      }
      await this.pause(ms);
    }
  }

  /** Opens a socket whose errors nobody expects. */
  open(what: string, options: UdpSocketOptions = {}): UdpSocket {
    const onError = (error: Error) => this.ledger.trouble("error", `${what}: ${error.message}`);
    const act = () => openUdpSocket({ onError, ...options });
    // The kernel has one lock for all groups and interfaces of all network namespaces.
    return this.ledger.timed(options.groups ? "opening with groups" : "opening", act);
  }

  /** Opens a socket whose packets are all in the books. */
  openInbox(name: string, options: UdpSocketOptions, perDrop?: number): [UdpSocket, Inbox] {
    const socket = this.open(name, options);
    const inbox = this.ledger.inbox(name, perDrop);
    this.#inboxes.push({ inbox, socket });
    return [socket, inbox];
  }

  /** Puts a packet in the books. */
  arrived(inbox: Inbox, packet: Packet): Stream | null {
    return this.ledger.arrived(inbox, {
      data: packet.data,
      destination: packet.destination.address,
      interfaceIndex: packet.interfaceIndex,
      source: packet.source.address,
    });
  }

  /** Asks the kernel how many datagrams it has dropped. */
  countDrops(): void {
    for (const { inbox, socket: { port, stats } } of this.#inboxes) {
      inbox.dropped = stats.families.reduce(
        (sum, family) => sum + kernelCounts(port, family).dropped,
        0,
      );
    }
  }

  /** Waits until all that is under way has arrived, for at most so long. */
  async settle(ms: number): Promise<void> {
    for (const end = performance.now() + ms; performance.now() < end;) {
      this.countDrops();
      if (this.ledger.settled) return;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** What a part does when everything has arrived: it closes what it has opened. */
  later(act: () => Promise<void>): void {
    this.#laters.push(act);
  }

  /** Closes everything. */
  async close(): Promise<void> {
    await Promise.all(this.#laters.map((act) => act()));
  }
}
