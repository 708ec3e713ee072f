// dns2: a server whose class is derived from dgram's Socket, or a client.
import { about, packages, say, wish } from "./program.ts";

const dns2 = packages("dns2");
const { Packet } = dns2;

// deno-lint-ignore no-explicit-any -- dns2's packets and sockets
function handle(request: any, send: (response: unknown) => void, remote: any) {
  const [{ name }] = request.questions;
  say("asked", { name, ...about(remote) });
  const response = Packet.createResponseFromRequest(request);
  const address = remote.destination ?? "192.0.2.1";
  response.answers.push({ name, type: Packet.TYPE.A, class: Packet.CLASS.IN, ttl: 5, address });
  // The answer comes from the address that was asked.
  if (wish.reply) server.servers.udp.reply(response.toBuffer(), remote);
  else send(response);
}

const server = dns2.createServer({ udp: true, handle });
if (wish.serve) {
  await server.listen({ udp: wish.serve });
  say("ready");
}

if (wish.ask) {
  const { dns, port, name } = wish.ask;
  const ask = dns2.UDPClient({ dns, port, timeout: 1000, retryOverTCP: false });
  try {
    const { answers } = await ask(name, "A");
    say("answer", { addresses: answers.map(({ address }: { address: string }) => address) });
  } catch (error) {
    say("failed", { code: (error as NodeJS.ErrnoException).code });
  }
}
