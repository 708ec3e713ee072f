// multicast-dns: asks, or answers. Its socket is given to it.
import { about, dgram, packages, say, wish } from "./program.ts";

const multicastDns = packages("multicast-dns");
const { encode } = packages("dns-packet");

const type = wish.options?.type ?? "udp4";
const socket = dgram.createSocket({ type, reuseAddr: true });
const mdns = multicastDns({ socket, ...wish.options });
mdns.on("warning", (error: Error) => say("warning", { text: String(error) }));

// deno-lint-ignore no-explicit-any -- whatever dns-packet makes of a packet
mdns.on("query", (packet: any, remote: any) => {
  const [{ name }] = packet.questions;
  say("query", { name, ...about(remote) });
  if (name !== wish.answer) return;
  const answers = [{ type: "A", name, ttl: 120, data: wish.data }];
  if (wish.reply) socket.reply(encode({ type: "response", id: packet.id, answers }), remote);
  else mdns.respond(answers);
});

// deno-lint-ignore no-explicit-any -- as above
mdns.on("response", (packet: any, remote: any) => {
  const [{ name, data }] = packet.answers;
  say("response", { name, data, ...about(remote) });
});

mdns.on("ready", () => {
  say("ready");
  if (wish.ask) mdns.query(wish.ask, wish.type ?? "A");
});
