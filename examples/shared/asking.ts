/** How SSDP and WS-Discovery talk: whoever looks for something asks a group, and hears answers and news. */
import { openUdpSocket, type Packet } from "../../mod.ts";
import { endpointOf, joinGroups, type Place } from "./multicast.ts";
import { Links } from "./on_link.ts";

export interface AskingOptions {
  /** The port of the groups. */
  port: number;
  /** Hears what does not end it: interfaces that cannot be asked on, refused datagrams. */
  onError?: (error: Error) => void;
  /** Takes a packet whose sender is on the link that it came in on. */
  take: (packet: Packet) => void;
  /** Counts the others. */
  counts: { offLink: number };
  /** The OS took a socket away: nothing more will be heard. */
  onEnd: () => void;
}

type Timer = ReturnType<typeof setTimeout>;

/** Two sockets, and what is still to be asked. */
export class Asking {
  /** Which addresses are on which link. */
  readonly links = new Links();
  readonly #port: number;
  readonly #onError: (error: Error) => void;
  readonly #timers = new Set<Timer>();
  /** Hears what is said to everybody. */
  readonly #listener;
  /**
   * Asks, and hears the answers. They come to the port that was asked from, and many programs share the
   * listener's: the kernel would give each answer to just one of them.
   */
  readonly #asker;
  readonly #running: Promise<unknown>;
  #closed = false;

  constructor({ port, onError, take, counts, onEnd }: AskingOptions) {
    this.#port = port;
    this.#onError = onError ?? (() => {});
    this.#listener = openUdpSocket({ port, share: true, onError });
    try {
      this.#asker = openUdpSocket({ onError });
    } catch (error) {
      this.#listener.close();
      throw error;
    }
    const hear = async (packets: AsyncIterable<Packet>) => {
      for await (const packet of packets) {
        try {
          if (this.links.hasSender(packet)) take(packet);
          else counts.offLink++;
        } catch (error) {
          // The OS would not list the interfaces.
          this.#onError(error as Error);
        }
      }
    };
    this.#running = Promise.all([hear(this.#listener), hear(this.#asker)]);
    // A socket that the OS takes away ends it; close says why.
    this.#running.catch(onEnd);
  }

  /** Joins groups, and tells of each place to ask in (see `joinGroups`). */
  join(
    groups: readonly string[],
    interfaces: readonly string[] | undefined,
    onPlace: (place: Place) => void,
  ): void {
    joinGroups(this.#listener, groups, interfaces, onPlace, this.#onError);
  }

  /** Asks once. */
  ask(place: Place, question: string): void {
    this.#asker.send(question, endpointOf(place, this.#port)).catch((error) => {
      if (!this.#closed) this.#onError(error);
    });
  }

  /** Does something later, unless it is closed before. */
  after(ms: number, work: () => void): Timer {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      work();
    }, ms);
    this.#timers.add(timer);
    return timer;
  }

  /** Does it no more. */
  cancel(timer: Timer | undefined): void {
    clearTimeout(timer);
    this.#timers.delete(timer!);
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const timer of this.#timers) clearTimeout(timer);
    await Promise.all([this.#listener.close(), this.#asker.close(), this.#running]);
  }
}
