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
}

/** Section 1.2.2: at least half an hour. */
const MAX_AGE_SECONDS = 1800;
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
  const serving = advertiser.serve();
  await leaving;
  await advertiser.leave();
  await socket.close();
  await serving;
}

class Advertiser {
  readonly #links = new Links();
  readonly #places = new Map<string, Place>();
  readonly #waiting = new Set<ReturnType<typeof setTimeout>>();

  constructor(
    readonly device: Device,
    readonly socket: UdpSocket,
    readonly onError: (error: Error) => void,
  ) {}

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
    return { ...name, location, server, maxAgeSeconds: MAX_AGE_SECONDS };
  }

  announce(place: Place): void {
    this.#places.set(`${place.group} ${place.interfaceIndex}`, place);
    const own = this.#links.firstAddress(place.interfaceIndex, place.group);
    if (own === null) return;
    this.#toGroup(
      place,
      this.#names().map((name) => formatNotify(place.group, this.#notice(name, own))),
    );
  }

  async leave(): Promise<void> {
    for (const timer of this.#waiting) clearTimeout(timer);
    await Promise.all(
      [...this.#places.values()].map((place) =>
        this.#toGroup(place, this.#names().map((name) => formatByebye(place.group, name)))
      ),
    );
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
    if (this.#waiting.size >= MAX_WAITING) return;
    const own = this.#links.ownAddress(packet.source.address, packet.interfaceIndex);
    if (own === null) return;
    const answers = this.#names()
      .filter(({ type }) => message.target === "ssdp:all" || message.target === type)
      .map((name) => formatAnswer(this.#notice(name, own)));
    const timer = setTimeout(() => {
      this.#waiting.delete(timer);
      for (const answer of answers) this.socket.reply(packet, answer).catch(this.onError);
    }, Math.random() * message.maxWaitSeconds * 1000);
    this.#waiting.add(timer);
  }
}
