/**
 * Asks questions on every interface, and tells what is answered there.
 */
import {
  interfaces,
  type Membership,
  type MembershipChangeEvent,
  type NetworkInterface,
  type UdpSocket,
} from "../../mod.ts";
import { nextPacket } from "../shared/next_packet.ts";
import { presentInterfaces } from "../shared/on_link.ts";
import type { Link, RecordChange } from "./cache.ts";
import {
  linksOf,
  type MdnsOptions,
  openMdnsSocket,
  refusalOf,
  type Refused,
  sendToLink,
} from "./link.ts";
import { decode, type Question } from "./packet.ts";
import { Querier } from "./querier.ts";

/**
 * A continuous querier (RFC 6762, section 5.2). Packets are read, and questions asked, while somebody
 * iterates over `changes`: the kernel's buffer is the only queue.
 *
 * Answers are asked for by multicast always (no QU bit): where several programs share port 5353, an answer by
 * unicast reaches only one of them (section 15.1).
 */
export class MdnsClient implements AsyncDisposable {
  readonly querier: Querier = new Querier();
  /** Answers that were not listened to. */
  readonly refused: Refused = { offLink: 0, wrongPort: 0, malformed: 0 };
  #socket: UdpSocket;
  #memberships: Membership[];
  #options: MdnsOptions;
  #present: () => readonly NetworkInterface[] = presentInterfaces();
  /** Interfaces that came, or had no carrier meanwhile: others may be there now. */
  #returned = new Set<number>();
  #wake = new AbortController();
  #stopped: boolean;

  /**
   * @throws {SocketError} If the groups can be joined nowhere.
   */
  constructor(options: MdnsOptions = {}) {
    this.#options = options;
    const { socket, memberships } = openMdnsSocket(options);
    this.#socket = socket;
    this.#memberships = memberships;
    this.#stopped = options.signal?.aborted ?? false;
    options.signal?.addEventListener("abort", this.#stop, { once: true });
    for (const membership of memberships) {
      membership.addEventListener("change", this.#onChange);
    }
  }

  #onChange = ({ joined }: MembershipChangeEvent) => {
    for (const { index } of joined) this.#returned.add(index);
    this.#wake.abort();
  };

  #stop = () => {
    this.#stopped = true;
    this.#wake.abort();
  };

  /** The interfaces that are asked. */
  get links(): Link[] {
    return linksOf(this.#memberships);
  }

  /** Asks a question from now on. */
  ask(question: Question): boolean {
    return this.querier.ask(question, performance.now());
  }

  /** Asks it no longer. */
  stop(question: Question): void {
    this.querier.stop(question);
  }

  /** What becomes known and what holds no longer, on which interface; until the signal is aborted. */
  async *changes(): AsyncGenerator<RecordChange, void, undefined> {
    while (!this.#stopped) {
      this.#wake = new AbortController();
      yield* this.#followLinks();
      const { removed, queries } = this.querier.tick(performance.now());
      yield* removed;
      const present = queries.length > 0 ? interfaces() : [];
      for (const { link, packets } of queries) {
        for (const data of packets) await this.#send(link, data, present);
      }
      if (this.#stopped) return;
      const packet = await nextPacket(this.#socket, this.querier.nextAt(), this.#wake);
      if (packet === null) continue;
      const message = decode(packet.data);
      if (message === null) this.refused.malformed++;
      // Questions are for responders.
      if (!message?.response) continue;
      const refusal = refusalOf(packet, this.#present);
      if (refusal) {
        this.refused[refusal]++;
        continue;
      }
      const link = this.querier.links.find(({ index }) => index === packet.interfaceIndex);
      if (link) yield* this.querier.heard(link, message, performance.now());
    }
  }

  async #send(
    link: Link,
    data: Uint8Array,
    present: readonly NetworkInterface[],
  ): Promise<void> {
    try {
      await sendToLink(this.#socket, link, data, present);
    } catch (error) {
      // The interface goes, or has no route: it is asked again later.
      if (!this.#stopped) this.#options.onError?.(error as Error);
    }
  }

  *#followLinks(): Generator<RecordChange> {
    const links = this.links;
    const known = this.querier.links;
    for (const link of known) {
      if (!links.some(({ index }) => index === link.index)) yield* this.querier.linkDown(link);
    }
    for (const link of links) {
      const isNew = !known.some(({ index }) => index === link.index);
      if (isNew || this.#returned.has(link.index)) {
        this.querier.linkUp(link, performance.now());
      }
    }
    this.#returned.clear();
  }

  /** Leaves the groups and closes the socket. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#options.signal?.removeEventListener("abort", this.#stop);
    this.#stop();
    await this.#socket.close();
  }
}
