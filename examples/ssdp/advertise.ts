/**
 * The other side of SSDP: a device that says it is there, and answers searches.
 *
 * Each answer names an address that the asker can reach: one of the interface the search came in on, and of its family.
 * A host on two networks that does not know the interface gives one of them an address that leads nowhere.
 */
import { openUdpSocket, type Packet, SocketAddress, type UdpSocket } from "../../mod.ts";
import { endpointOf, joinGroups, type Place } from "../shared/multicast.ts";
import { Links } from "../shared/on_link.ts";
import {
  type Alive,
  formatAnswer,
  formatByebye,
  formatNotify,
  GROUPS,
  parseMessage,
  PORT,
} from "./message.ts";

export interface Device {
  uuid: string;
  /** `urn:schemas-upnp-org:device:Basic:1` */
  type: string;
  /** Where its description is served, on each of this host's addresses. */
  port: number;
  path: string;
  /** System and product: `"Linux UPnP/2.0 pktinfo/0.1"`. */
  server: string;
  /** For how long it is to be believed after its last word. Default 1800, the least (section 1.2.2). */
  maxAgeSeconds?: number;
}

const MAX_AGE_SECONDS = 1800;
/** Notices get lost, and an interface that has just come may not have its address yet. */
const ANNOUNCE_AT_MS = [0, 1000, 3000];
/** Answers that wait for their time; a flood of searches gets no more. */
const MAX_WAITING = 64;

/** Announces a device until the signal is aborted, then says goodbye. */
export async function advertise(
  device: Device,
  options: {
    interfaces?: readonly string[];
    signal: AbortSignal;
    onError?: (error: Error) => void;
    /** Called when the groups are joined. */
    onReady?: () => void;
  },
): Promise<void> {
  const { interfaces, signal, onError = () => {}, onReady } = options;
  if (signal.aborted) return;
  await using socket = openUdpSocket({ port: PORT, share: true, onError });
  const advertiser = new Advertiser(device, socket, onError);
  joinGroups(socket, GROUPS, interfaces, (place) => advertiser.announce(place), onError);
  const leaving = new Promise<void>((resolve) =>
    signal.addEventListener("abort", () => resolve(), { once: true })
  );
  onReady?.();
  try {
    await Promise.race([advertiser.serve(), leaving]);
  } finally {
    await advertiser.leave();
  }
}

class Advertiser {
  readonly #links = new Links();
  readonly #places = new Map<string, Place>();
  readonly #waiting = new Set<ReturnType<typeof setTimeout>>();
  readonly #maxAgeSeconds: number;
  readonly #again: ReturnType<typeof setInterval>;
  #answering = 0;

  constructor(
    readonly device: Device,
    readonly socket: UdpSocket,
    readonly onError: (error: Error) => void,
  ) {
    this.#maxAgeSeconds = device.maxAgeSeconds ?? MAX_AGE_SECONDS;
    // Section 1.2.2: before half of the time is over, so that one may be lost.
    this.#again = setInterval(() => {
      for (const place of this.#places.values()) this.#notify(place);
    }, this.#maxAgeSeconds * 450);
  }

  /** All that the device is, and its name for each. */
  #names(): { type: string; usn: string }[] {
    const uuid = `uuid:${this.device.uuid}`;
    const types = ["upnp:rootdevice", this.device.type];
    return [{ type: uuid, usn: uuid }, ...types.map((type) => ({ type, usn: `${uuid}::${type}` }))];
  }

  /** The notice for whoever is reached from an address of ours. */
  #notice(name: { type: string; usn: string }, own: string): Omit<Alive, "kind" | "answer"> {
    const { port, path, server } = this.device;
    const location = `http://${new SocketAddress({ address: own, port })}${path}`;
    return { ...name, location, server, maxAgeSeconds: this.#maxAgeSeconds };
  }

  announce(place: Place): void {
    this.#places.set(`${place.group} ${place.interfaceIndex}`, place);
    for (const delay of ANNOUNCE_AT_MS) this.#after(delay, () => this.#notify(place));
  }

  #notify(place: Place): void {
    const own = this.#links.firstAddress(place.interfaceIndex, place.group);
    if (own === null) return;
    const notices = this.#names().map((name) => this.#notice(name, own));
    this.#toGroup(place, notices.map((notice) => formatNotify(place.group, notice)));
  }

  async leave(): Promise<void> {
    clearInterval(this.#again);
    for (const timer of this.#waiting) clearTimeout(timer);
    await Promise.all(
      [...this.#places.values()].map((place) =>
        this.#toGroup(place, this.#names().map((name) => formatByebye(place.group, name)))
      ),
    );
  }

  #after(ms: number, work: () => void): void {
    const timer = setTimeout(() => {
      this.#waiting.delete(timer);
      work();
    }, ms);
    this.#waiting.add(timer);
  }

  async #toGroup(place: Place, texts: readonly string[]): Promise<void> {
    const to = endpointOf(place, PORT);
    await this.socket.sendMany(texts.map((data) => ({ data, to }))).catch(this.onError);
  }

  async serve(): Promise<void> {
    for await (const packet of this.socket) {
      try {
        this.#answer(packet);
      } catch (error) {
        this.onError(error as Error);
      }
    }
  }

  #answer(packet: Packet): void {
    const message = parseMessage(packet.data);
    if (message?.kind !== "search" || !this.#links.hasSender(packet)) return;
    if (this.#answering >= MAX_WAITING) return;
    const own = this.#links.ownAddress(packet.source.address, packet.interfaceIndex);
    if (own === null) return;
    const answers = this.#names()
      .filter(({ type }) => message.target === "ssdp:all" || message.target === type)
      .map((name) => formatAnswer(this.#notice(name, own)));
    this.#answering++;
    this.#after(Math.random() * message.maxWaitSeconds * 1000, () => {
      this.#answering--;
      for (const answer of answers) this.socket.reply(packet, answer).catch(this.onError);
    });
  }
}
