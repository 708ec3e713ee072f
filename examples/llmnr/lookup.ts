/**
 * Asks the hosts of every network for a name (RFC 4795): each interface is a world of its own, where the name
 * may be somebody else's.
 */
import { interfaces, openUdpSocket, type UdpSocket } from "../../mod.ts";
import { nextPacket } from "../shared/next_packet.ts";
import { isOnLink } from "../shared/on_link.ts";
import {
  type AddressType,
  decodeResponse,
  encodeQuery,
  GROUPS,
  LLMNR_PORT,
  type Query,
} from "./packet.ts";

/** Whom to ask, and for how long. */
export interface LlmnrOptions {
  /** Names of interfaces. Default: all that are up and can do multicast. */
  interfaces?: readonly string[];
  /** Ends it. */
  signal?: AbortSignal;
  /** Hears of errors that end nothing. */
  onError?: (error: Error) => void;
}

/** An address of a name. */
export interface LlmnrAnswer {
  readonly name: string;
  readonly address: string;
  /** The name of the interface that the answer came in on. */
  readonly interface: string;
  /** Who answered. */
  readonly source: string;
}

/** Section 2.7: a query is sent up to three times, 100 ms (the timeout of IEEE 802 networks) apart. */
const ATTEMPTS = 3, TIMEOUT_MS = 100;
/** After the last one: some wait up to 100 ms before they answer, or are slow. */
const LAST_WAIT_MS = 1000;

/** Tells the addresses of a name, on every interface, as they come. */
export async function* lookup(
  name: string,
  options: LlmnrOptions = {},
): AsyncGenerator<LlmnrAnswer, void, undefined> {
  const { signal, onError } = options;
  await using socket = openUdpSocket({ hops: 255, multicastHops: 255, onError });
  const present = interfaces();
  const links = present.filter((item) =>
    options.interfaces ? options.interfaces.includes(item.name) : item.up && item.multicast
  );
  const queries: Query[] = (["A", "AAAA"] satisfies AddressType[]).map((type) => {
    return { id: Math.floor(Math.random() * 0x10000), name, type };
  });
  /** What was told: both families are asked, and answer the same. */
  const told = new Set<string>();
  let wake = new AbortController();
  const stop = () => wake.abort();
  signal?.addEventListener("abort", stop, { once: true });
  try {
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      for (const { index, name: on, addresses } of links) {
        // A network that has answered has said it all.
        if ([...told].some((key) => key.startsWith(`${on} `))) continue;
        const families = new Set(addresses.map(({ family }) => family));
        await ask(socket, index, families, queries, onError);
      }
      const until = performance.now() + (attempt < ATTEMPTS ? TIMEOUT_MS : LAST_WAIT_MS);
      while (!signal?.aborted) {
        wake = new AbortController();
        const packet = await nextPacket(socket, until, wake);
        if (packet === null) break;
        const { source, interfaceIndex, data } = packet;
        // Anybody could send to this port: only who is on the network is listened to.
        const isFromLink = isOnLink(source.address, interfaceIndex, present);
        const link = links.find(({ index }) => index === interfaceIndex);
        if (source.port !== LLMNR_PORT || !isFromLink || !link) continue;
        for (const query of queries) {
          const response = decodeResponse(data, query);
          if (response?.id !== query.id) continue;
          for (const address of response.addresses) {
            const key = `${link.name} ${address}`;
            if (told.has(key)) continue;
            told.add(key);
            yield { name, address, interface: link.name, source: source.address };
          }
        }
      }
      if (signal?.aborted) return;
    }
  } finally {
    signal?.removeEventListener("abort", stop);
  }
}

async function ask(
  socket: UdpSocket,
  index: number,
  present: ReadonlySet<string>,
  queries: readonly Query[],
  onError?: (error: Error) => void,
): Promise<void> {
  for (const { family } of socket.localAddresses) {
    if (!present.has(family)) continue;
    for (const query of queries) {
      const to = { address: GROUPS[family], port: LLMNR_PORT, interface: index };
      await socket.send(encodeQuery(query), to).catch((error) => onError?.(error));
    }
  }
}
