/**
 * Answers for this host's name (RFC 4795), from the address that was asked and with the addresses of that network.
 * Left out: watching for conflicts after the start (section 4.1), and TCP.
 */
import { openUdpSocket } from "../../mod.ts";
import { nextPacket } from "../shared/next_packet.ts";
import { isOnLink, presentInterfaces } from "../shared/on_link.ts";
import { type LlmnrOptions, lookup } from "./lookup.ts";
import { decodeQuery, encodeResponse, GROUPS, isSameName, LLMNR_PORT } from "./packet.ts";

/**
 * Answers until the signal is aborted. Yields the name of each interface on which somebody asked.
 *
 * @throws {Error} If another host has the name (section 4).
 */
export async function* answerFor(
  name: string,
  options: LlmnrOptions = {},
): AsyncGenerator<string, void, undefined> {
  for await (const { address, interface: on } of lookup(name, options)) {
    throw new Error(`${name} is the name of ${address} on ${on}: choose another one`);
  }
  const { signal, onError } = options;
  const groups = Object.values(GROUPS).flatMap((group) =>
    (options.interfaces ?? [undefined]).map((name) => ({ group, interface: name }))
  );
  // Several hosts of one machine may answer: Windows and systemd share the port.
  await using socket = openUdpSocket({ port: LLMNR_PORT, share: true, hops: 255, groups, onError });
  const present = presentInterfaces();
  const wake = new AbortController();
  const stop = () => wake.abort();
  signal?.addEventListener("abort", stop, { once: true });
  try {
    while (!signal?.aborted) {
      const packet = await nextPacket(socket, Infinity, wake);
      if (packet === null) continue;
      const query = decodeQuery(packet.data);
      // Section 2.4: only what was sent to the group is answered by UDP.
      if (!query || !isSameName(query.name, name) || packet.cast !== "multicast") continue;
      // Anybody on the link can write any source: nothing is sent elsewhere for it.
      if (!isOnLink(packet.source.address, packet.interfaceIndex, present())) continue;
      const link = present().find(({ index }) => index === packet.interfaceIndex);
      const own = link?.addresses.filter(({ tentative, temporary }) => !tentative && !temporary)
        .map(({ address }) => address) ?? [];
      await socket.reply(packet, encodeResponse(query, own)).catch((error) => onError?.(error));
      if (link) yield link.name;
    }
  } finally {
    signal?.removeEventListener("abort", stop);
  }
}
